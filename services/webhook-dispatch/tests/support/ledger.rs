//! A ledger in memory, as ingest would stream it, written by hand.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use kernel::{Partition, TraceContext, WorkspaceId};
use prost::Message as _;
use tokio::sync::{mpsc, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use wire::common::v1::{Outcome, Position};
use wire::ingest::v1::event::Body;
use wire::ingest::v1::ledger_service_server::LedgerService;
use wire::ingest::v1::{
    Event, GetHeadsRequest, GetHeadsResponse, LedgerEntry, LedgerRecord, TailRequest, TailResponse,
    TaskCompleted,
};

#[derive(Clone, Default)]
pub struct Ledger {
    entries: Arc<Mutex<HashMap<i32, Vec<LedgerEntry>>>>,
    changed: Arc<watch::Sender<u64>>,
}

impl Ledger {
    /// Appends one event; answers its place.
    pub fn append(
        &self,
        workspace: WorkspaceId,
        record: LedgerRecord,
        trace: Option<TraceContext>,
    ) -> kernel::Position {
        let partition = workspace.partition();
        let mut entries = self.entries.lock().unwrap();
        let list = entries.entry(partition.get().into()).or_default();
        let seq = list.len() as i64 + 1;
        list.push(LedgerEntry {
            seq,
            workspace: workspace.get(),
            recorded_time_us: 1_770_022_800_000_000,
            occurred_time_us: 1_770_022_799_500_000,
            trace_context: trace.map(|t| t.to_bytes().to_vec()).unwrap_or_default(),
            record: record.encode_to_vec().into(),
        });
        drop(entries);
        self.changed.send_modify(|n| *n += 1);
        kernel::Position { partition, seq }
    }

    fn behind(&self, partition: i32, seq: i64) -> Vec<LedgerEntry> {
        let entries = self.entries.lock().unwrap();
        let skip = usize::try_from(seq).unwrap();
        entries
            .get(&partition)
            .map(|list| list[skip.min(list.len())..].to_vec())
            .unwrap_or_default()
    }
}

#[tonic::async_trait]
impl LedgerService for Ledger {
    type TailStream = Pin<Box<dyn Stream<Item = Result<TailResponse, Status>> + Send>>;

    async fn tail(
        &self,
        request: Request<TailRequest>,
    ) -> Result<Response<Self::TailStream>, Status> {
        let mut cursors = request.into_inner().cursors;
        let (send, receive) = mpsc::channel(4);
        let (ledger, mut changed) = (self.clone(), self.changed.subscribe());
        tokio::spawn(async move {
            loop {
                changed.borrow_and_update();
                for cursor in &mut cursors {
                    let entries = ledger.behind(cursor.partition, cursor.seq);
                    if entries.is_empty() {
                        continue;
                    }
                    cursor.seq += entries.len() as i64;
                    let message = TailResponse { partition: cursor.partition, entries };
                    if send.send(Ok(message)).await.is_err() {
                        return;
                    }
                }
                tokio::select! {
                    more = changed.changed() => if more.is_err() { return },
                    () = send.closed() => return,
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receive))))
    }

    async fn get_heads(
        &self,
        _: Request<GetHeadsRequest>,
    ) -> Result<Response<GetHeadsResponse>, Status> {
        let heads = Partition::all()
            .map(|p| i32::from(p.get()))
            .map(|partition| Position { partition, seq: self.behind(partition, 0).len() as i64 });
        Ok(Response::new(GetHeadsResponse { heads: heads.collect() }))
    }
}

/// A step of `agent` that came out as `outcome`.
pub fn step(agent: &str, outcome: Outcome) -> LedgerRecord {
    let task = TaskCompleted {
        task_type: "email_classification".into(),
        outcome: outcome.into(),
        ..TaskCompleted::default()
    };
    let event = Event {
        agent_id: agent.into(),
        body: Some(Body::TaskCompleted(task.into())),
        ..Event::default()
    };
    LedgerRecord { event: Some(event), ..Default::default() }
}
