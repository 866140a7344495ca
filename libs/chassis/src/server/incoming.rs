//! Accepted connections that can be cut, and must begin to speak.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;
use tokio_stream::Stream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::{Connected, TcpConnectInfo, TcpIncoming};

/// An HTTP/2 preface and an empty SETTINGS frame: whoever means to call has sent this much at once.
const GREETING_BYTES: usize = 24 + 9;

const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// What a peer gets to notice that we have closed. Most are gone in a round trip.
const LINGER: Duration = Duration::from_secs(1);

/// The listener as tonic wants it.
pub(super) struct Incoming {
    inner: TcpIncoming,
    greeting: Duration,
    sever: CancellationToken,
}

impl Incoming {
    pub(super) fn new(listener: TcpListener, greeting: Duration, sever: CancellationToken) -> Self {
        let inner = TcpIncoming::from(listener)
            .with_nodelay(Some(true))
            .with_keepalive(Some(TCP_KEEPALIVE));
        Self { inner, greeting, sever }
    }
}

impl Stream for Incoming {
    type Item = io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let accepted = std::task::ready!(Pin::new(&mut self.inner).poll_next(cx));
        Poll::Ready(accepted.map(|stream| {
            stream.map(|stream| Connection::new(stream, self.greeting, self.sever.clone()))
        }))
    }
}

/// One connection. tonic's tasks own it; failing its reads and writes is how they are ended.
pub(super) struct Connection {
    stream: TcpStream,
    sever: CancellationToken,
    severed: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Until the peer has greeted us. A silent socket costs memory and holds the drain.
    greeting: Option<Greeting>,
    /// Since we have said our last.
    linger: Option<Pin<Box<Sleep>>>,
}

struct Greeting {
    patience: Pin<Box<Sleep>>,
    missing: usize,
}

impl Connection {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a socket stays silent has no Timestamp"
    )]
    fn new(stream: TcpStream, greeting: Duration, sever: CancellationToken) -> Self {
        Self {
            stream,
            severed: Box::pin(sever.clone().cancelled_owned()),
            sever,
            greeting: Some(Greeting {
                patience: Box::pin(tokio::time::sleep(greeting)),
                missing: GREETING_BYTES,
            }),
            linger: None,
        }
    }

    /// Reads what was on its way to us and throws it away, until the peer has closed too. A socket that is
    /// closed over unread data is reset, and the reset takes back the last answers of a peer that was
    /// still sending: a stream that a stop ends would lose its status.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scrap = [0; 8 * 1024];
        loop {
            let mut scrap = ReadBuf::new(&mut scrap);
            match Pin::new(&mut self.stream).poll_read(cx, &mut scrap) {
                Poll::Ready(Ok(())) if !scrap.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        #[expect(clippy::disallowed_methods, reason = "as for the greeting")]
        let linger = self.linger.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        let over = linger.as_mut().poll(cx).is_ready() || self.severed.as_mut().poll(cx).is_ready();
        if over { Poll::Ready(()) } else { Poll::Pending }
    }

    fn cut<T>(&self) -> Poll<io::Result<T>> {
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::ConnectionAborted,
            "the server has shut down",
        )))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.sever.is_cancelled() {
            return self.cut();
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let bytes = buf.filled().len() - before;
        if let Some(greeting) = &mut self.greeting {
            greeting.missing = greeting.missing.saturating_sub(bytes);
            if greeting.missing == 0 {
                self.greeting = None;
            } else if greeting.patience.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the peer does not speak",
                )));
            }
        }
        // Looked at only where the peer is silent: a busy connection sees the token above.
        if read.is_pending() && self.severed.as_mut().poll(cx).is_ready() {
            return self.cut();
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.sever.is_cancelled() {
            return self.cut();
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            std::task::ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        self.poll_linger(cx).map(Ok)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.sever.is_cancelled() {
            return self.cut();
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}
