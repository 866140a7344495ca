//! Stands between the services and a server, and takes its time.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes bytes on for as long as the runtime of the test lives.
pub struct Proxy {
    address: SocketAddr,
    delay: watch::Sender<Duration>,
}

impl Proxy {
    /// Before the server on this port of the loopback, on a port of its own, without delay.
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let delay = watch::Sender::new(Duration::ZERO);
        let (none, delayed) = (watch::Sender::new(Duration::ZERO), delay.clone());
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                // A server that is away: the caller finds its connection closed.
                let Ok(there) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
                    continue;
                };
                let (from_caller, to_caller) = caller.into_split();
                let (from_there, to_there) = there.into_split();
                tokio::spawn(pass(from_caller, to_there, none.subscribe()));
                tokio::spawn(pass(from_there, to_caller, delayed.subscribe()));
            }
        });
        Self { address, delay }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every answer comes so much later from now on.
    pub fn delay(&self, by: Duration) {
        self.delay.send_replace(by);
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    delay: watch::Receiver<Duration>,
) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length) = from.read(&mut buffer).await {
        let delay = *delay.borrow();
        #[expect(clippy::disallowed_methods, reason = "being late is what it is for")]
        tokio::time::sleep(delay).await;
        if length == 0 || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
