//! Peers that mean ill (RELIABILITY T18): whatever they do, others are answered and memory stays.
#![expect(clippy::unwrap_used, reason = "tests")]

mod probe;

use std::time::Duration;

use bytes::Bytes;
use chassis::auth::Principal;
use h2::client::{self, SendRequest};
use http::{HeaderMap, HeaderValue, Request, header};
use probe::{Probe, ask, context, guard, workspace};
use prost::Message as _;
use testkit::Server;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tonic::Code;
use wire::common::v1::Scope;

const SOCKETS: usize = 5_000;
/// What any of it may add, client and server in one process.
const GROWTH_MIB: f64 = 256.0;
/// Longer than any answer takes, shorter than a call waits for a dead peer.
const SOON: Duration = Duration::from_secs(10);

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const EMPTY_SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
const KEY: &str = "a-key-of-this-test";

async fn probed() -> Server {
    let server = testkit::serve(Probe::new().service(), &context(|_| {})).await;
    let caller = Principal::key(workspace(), "test-key", vec![Scope::Track]);
    server.keys.insert(KEY, caller);
    server
}

async fn answers(server: &Server) {
    let mut guard = guard(server);
    let answer = tokio::time::timeout(SOON, guard.check_call(ask("echo"))).await;
    answer.expect("others are still answered").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_idle_connections_cost_little_and_nobody_their_turn() {
    let server = probed().await;
    let before = resident_mib();
    let sockets = SOCKETS.min(descriptors() / 3);
    let mut idle = Vec::with_capacity(sockets);
    for _ in 0..sockets {
        let mut socket = TcpStream::connect(server.addr).await.unwrap();
        socket.write_all(PREFACE).await.unwrap();
        socket.write_all(EMPTY_SETTINGS).await.unwrap();
        idle.push(socket);
    }
    answers(&server).await;
    let grown = resident_mib() - before;
    assert!(grown < GROWTH_MIB, "{grown:.0} MiB for {sockets} idle connections");
}

/// CVE-2023-44487.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_takes_back_every_call_is_sent_away() {
    let server = probed().await;
    let peer = Peer::connect(&server).await;
    let mut sent_away = false;
    for _ in 0..20_000 {
        let Ok(mut ready) = peer.requests.clone().ready().await else {
            sent_away = true;
            break;
        };
        if let Ok((_, mut stream)) = ready.send_request(check_call(HeaderMap::new()), false) {
            stream.send_reset(h2::Reason::CANCEL);
        }
        tokio::task::yield_now().await;
    }
    assert!(sent_away, "20,000 calls were taken back and the connection still stands");
    answers(&server).await;
    peer.connection.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_beyond_all_measure_is_refused_and_the_next_call_is_answered() {
    let server = probed().await;
    let mut peer = Peer::connect(&server).await;
    let mut flood = HeaderMap::new();
    for n in 0..200 {
        let name = header::HeaderName::try_from(format!("x-flood-{n}")).unwrap();
        flood.insert(name, HeaderValue::try_from("f".repeat(200)).unwrap());
    }
    let refused = peer.call(check_call(flood), grpc_frame(0, &ask("echo").encode_to_vec())).await;
    assert!(!matches!(refused, Ok(Some(Code::Ok))), "40 KiB of metadata were taken in");
    let mut peer = Peer::connect(&server).await;
    let message = grpc_frame(0, &ask("echo").encode_to_vec());
    let answered = peer.call(check_call(HeaderMap::new()), message).await;
    assert_eq!(answered.unwrap(), Some(Code::Ok));
}

/// CVE-2024-27316: a header block that never ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_header_block_without_end_is_cut_off() {
    let server = probed().await;
    let before = resident_mib();
    let mut peer = TcpStream::connect(server.addr).await.unwrap();
    peer.write_all(PREFACE).await.unwrap();
    peer.write_all(EMPTY_SETTINGS).await.unwrap();
    // HEADERS of stream 1 with neither END_STREAM nor END_HEADERS, then CONTINUATION for ever: an
    // indexed `:method: POST` over and over.
    peer.write_all(&frame(1, 0, &[0x83])).await.unwrap();
    let more = frame(9, 0, &[0x83; 8 * 1024]);
    // What still comes after the last word is read and thrown away for a second, and then no more.
    let cut_off = async { while peer.write_all(&more).await.is_ok() {} };
    tokio::time::timeout(SOON, cut_off).await.expect("it is cut off soon");
    let grown = resident_mib() - before;
    assert!(grown < GROWTH_MIB, "{grown:.0} MiB");
    answers(&server).await;
}

/// Nothing is ever inflated, so there is no bomb: compressed messages are refused by their header.
#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_message_is_refused_unread() {
    let server = probed().await;
    let mut peer = Peer::connect(&server).await;
    let encoding = HeaderMap::from_iter([(
        header::HeaderName::from_static("grpc-encoding"),
        HeaderValue::from_static("gzip"),
    )]);
    let bomb = grpc_frame(1, &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    let announced = peer.call(check_call(encoding), bomb.clone()).await;
    assert_eq!(announced.unwrap(), Some(Code::Unimplemented));
    let unannounced = peer.call(check_call(HeaderMap::new()), bomb).await.unwrap();
    assert_ne!(unannounced, Some(Code::Ok));
    answers(&server).await;
}

/// A client without tonic's manners.
struct Peer {
    requests: SendRequest<Bytes>,
    connection: tokio::task::JoinHandle<Result<(), h2::Error>>,
}

impl Peer {
    async fn connect(server: &Server) -> Self {
        let socket = TcpStream::connect(server.addr).await.unwrap();
        let (requests, connection) = client::handshake(socket).await.unwrap();
        Self { requests, connection: tokio::spawn(connection) }
    }

    /// The code of the answer; none when it has no grpc-status.
    async fn call(
        &mut self,
        request: Request<()>,
        message: Bytes,
    ) -> Result<Option<Code>, h2::Error> {
        let mut ready = self.requests.clone().ready().await?;
        let (answer, mut stream) = ready.send_request(request, false)?;
        // Refused already, perhaps.
        let _ = stream.send_data(message, true);
        let answer = answer.await?;
        let code = |headers: &HeaderMap| {
            let code = headers.get("grpc-status")?;
            Some(Code::from_bytes(code.as_bytes()))
        };
        if let Some(code) = code(answer.headers()) {
            return Ok(Some(code));
        }
        let mut body = answer.into_body();
        while let Some(data) = body.data().await {
            body.flow_control().release_capacity(data?.len())?;
        }
        Ok(body.trailers().await?.as_ref().and_then(code))
    }
}

fn check_call(extra: HeaderMap) -> Request<()> {
    let mut request = Request::post("http://probe/tally.ingest.v1.GuardService/CheckCall")
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .header(header::AUTHORIZATION, format!("Bearer {KEY}"))
        .body(())
        .unwrap();
    request.headers_mut().extend(extra);
    request
}

/// A gRPC message with its five bytes of prefix.
fn grpc_frame(compressed: u8, message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[compressed][..], &length, message].concat().into()
}

/// An HTTP/2 frame of stream 1.
fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &[0, 0, 0, 1], payload].concat()
}

/// How many this process may have open; both ends of every connection are in it.
fn descriptors() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("a Linux /proc");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("named");
    line.split_whitespace().next().and_then(|soft| soft.parse().ok()).unwrap_or(usize::MAX)
}

fn resident_mib() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("a Linux /proc");
    let pages: f64 = pages.split(' ').nth(1).expect("resident").parse().expect("a number");
    pages * 4_096.0 / (1024.0 * 1024.0)
}
