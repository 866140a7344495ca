//! A ledger in memory behind the real LedgerService.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chassis::{Channel, Context, Service, SystemClock};
use futures_util::Stream;
use kernel::Partition;
use prost::Message as _;
use testkit::Server;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use wire::ingest::v1::ledger_service_client::LedgerServiceClient;
use wire::ingest::v1::ledger_service_server::{LedgerService, LedgerServiceServer};
use wire::ingest::v1::{
    GetHeadsRequest, GetHeadsResponse, LedgerEntry, LedgerRecord, TailRequest, TailResponse,
};

pub(crate) struct Ledger {
    pub(crate) ctx: Context,
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    heads: watch::Sender<BTreeMap<i16, i64>>,
    /// A new value ends every stream.
    hang_up: watch::Sender<u64>,
    streams: Mutex<HashMap<u64, usize>>,
    opened: AtomicU64,
}

impl Ledger {
    pub(crate) async fn start() -> Self {
        let ctx = testkit::context(Arc::new(SystemClock));
        let shared = Arc::new(Shared {
            heads: watch::Sender::default(),
            hang_up: watch::Sender::default(),
            streams: Mutex::default(),
            opened: AtomicU64::new(0),
        });
        let service = Service {
            name: "ingest",
            listen: "127.0.0.1:0".parse().unwrap(),
            routes: Routes::new(LedgerServiceServer::new(Api(Arc::clone(&shared)))),
            ready: watch::channel(true).1,
            authenticator: Arc::new(testkit::server::Keys::new()),
        };
        let server = testkit::serve(service, &ctx).await;
        Self { ctx, server, shared }
    }

    pub(crate) fn client(&self, from: &Context) -> LedgerServiceClient<Channel> {
        LedgerServiceClient::new(chassis::connect(&self.server.uri(), "test", from))
    }

    pub(crate) fn grow(&self, partition: Partition, by: i64) {
        self.shared.heads.send_modify(|heads| *heads.entry(partition.get()).or_default() += by);
    }

    pub(crate) fn hang_up(&self) {
        self.shared.hang_up.send_modify(|n| *n += 1);
    }

    /// How many partitions each open stream asked for, in order of size.
    pub(crate) fn streams(&self) -> Vec<usize> {
        let mut sizes: Vec<usize> = self.shared.streams.lock().unwrap().values().copied().collect();
        sizes.sort_unstable();
        sizes
    }

    /// How many streams were opened in all.
    pub(crate) fn opened(&self) -> u64 {
        self.shared.opened.load(Ordering::SeqCst)
    }
}

struct Api(Arc<Shared>);

type TailStream = Pin<Box<dyn Stream<Item = Result<TailResponse, Status>> + Send>>;

#[tonic::async_trait]
impl LedgerService for Api {
    type TailStream = TailStream;

    async fn tail(&self, request: Request<TailRequest>) -> Result<Response<TailStream>, Status> {
        let shared = Arc::clone(&self.0);
        let mut cursors: BTreeMap<i16, i64> =
            request.into_inner().cursors.iter().map(|c| (c.partition as i16, c.seq)).collect();
        let id = shared.opened.fetch_add(1, Ordering::SeqCst);
        shared.streams.lock().unwrap().insert(id, cursors.len());
        let (messages, stream) = mpsc::channel(1);
        tokio::spawn(async move {
            let (mut heads, mut hang_up) = (shared.heads.subscribe(), shared.hang_up.subscribe());
            'stream: loop {
                let now = heads.borrow_and_update().clone();
                for (partition, cursor) in &mut cursors {
                    let head = now.get(partition).copied().unwrap_or(0);
                    while *cursor < head {
                        // Small messages: many batches, many chances to go wrong.
                        let to = head.min(*cursor + 4);
                        let entries = (*cursor + 1..=to).map(entry).collect();
                        let message = TailResponse { partition: i32::from(*partition), entries };
                        if messages.send(Ok(message)).await.is_err() {
                            break 'stream;
                        }
                        *cursor = to;
                    }
                }
                tokio::select! {
                    _ = heads.changed() => {}
                    _ = hang_up.changed() => break,
                    () = messages.closed() => break,
                }
            }
            shared.streams.lock().unwrap().remove(&id);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn get_heads(
        &self,
        _: Request<GetHeadsRequest>,
    ) -> Result<Response<GetHeadsResponse>, Status> {
        Err(Status::unimplemented("not needed here"))
    }
}

fn entry(seq: i64) -> LedgerEntry {
    LedgerEntry {
        seq,
        workspace: 1,
        record: LedgerRecord::default().encode_to_vec().into(),
        ..Default::default()
    }
}

/// Polls `condition` until it holds; fails by name after a while.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let patience = tokio::time::Instant::now() + Duration::from_secs(30);
    while !condition().await {
        assert!(tokio::time::Instant::now() < patience, "gave up waiting until {what}");
        #[expect(clippy::disallowed_methods, reason = "between two looks")]
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
