//! Stands between a caller and Redis, and takes its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Proxy {
    port: u16,
    delay_ms: Arc<AtomicU64>,
}

impl Proxy {
    /// On a port of its own, without delay.
    pub(crate) async fn before(url: &str) -> Self {
        let server = url.trim_start_matches("redis://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let delay_ms = Arc::new(AtomicU64::new(0));
        let delay = Arc::clone(&delay_ms);
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let Ok(there) = TcpStream::connect(&server).await else { continue };
                let (from_caller, to_caller) = caller.into_split();
                let (from_there, to_there) = there.into_split();
                tokio::spawn(pass(from_caller, to_there, Arc::default()));
                tokio::spawn(pass(from_there, to_caller, Arc::clone(&delay)));
            }
        });
        Self { port, delay_ms }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Every answer comes so much later from now on.
    pub(crate) fn delay(&self, by: Duration) {
        self.delay_ms.store(by.as_millis() as u64, Ordering::SeqCst);
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    delay_ms: Arc<AtomicU64>,
) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length) = from.read(&mut buffer).await {
        if length == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(delay_ms.load(Ordering::SeqCst))).await;
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
