//! A ledger in memory, behind the real LedgerService: one workspace's entries, in order.

use std::sync::{Arc, Mutex};

use chassis::Service;
use http::Uri;
use kernel::{Clock, WorkspaceId};
use prost::Message as _;
use testkit::server::Keys;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use wire::common::v1 as common;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::ledger_service_server::{LedgerService, LedgerServiceServer};
use wire::ingest::v1::{
    Event, GetHeadsRequest, GetHeadsResponse, LedgerEntry, LedgerRecord, OutcomeRevised, Retracted,
    TailRequest, TailResponse, TaskCompleted, Ticket, TicketOpened,
};

/// Entries of one message: several, so that batches have borders.
const BATCH: usize = 128;

pub(super) struct Ledger {
    shelf: Shelf,
    clock: Arc<dyn Clock>,
    server: testkit::Server,
}

#[derive(Clone)]
struct Shelf {
    workspace: WorkspaceId,
    entries: Arc<Mutex<Vec<LedgerEntry>>>,
    grown: watch::Sender<()>,
}

impl Ledger {
    pub(super) async fn serve(workspace: WorkspaceId, clock: Arc<dyn Clock>) -> Self {
        let shelf = Shelf { workspace, entries: Arc::default(), grown: watch::Sender::new(()) };
        let service = Service {
            name: "ingest",
            listen: ([127, 0, 0, 1], 0).into(),
            routes: tonic::service::Routes::new(LedgerServiceServer::new(shelf.clone())),
            ready: watch::Sender::new(true).subscribe(),
            authenticator: Arc::new(Keys::new()),
        };
        let server = testkit::serve(service, &testkit::context(Arc::clone(&clock))).await;
        Self { shelf, clock, server }
    }

    pub(super) fn uri(&self) -> Uri {
        self.server.uri()
    }

    pub(super) fn add_tasks(&self, count: i64) {
        self.add(count, |seq| {
            Body::TaskCompleted(Box::new(TaskCompleted {
                task_type: "email_classification".to_owned(),
                outcome: [common::Outcome::Success, common::Outcome::Failure][(seq % 2) as usize]
                    .into(),
                ..Default::default()
            }))
        });
    }

    pub(super) fn add_other_kinds(&self, count: i64) {
        self.add(count, |n| match n % 3 {
            0 => Body::TicketOpened(TicketOpened::default()),
            1 => Body::OutcomeRevised(OutcomeRevised::default()),
            _ => Body::Retracted(Retracted::default()),
        });
    }

    fn add(&self, count: i64, body: impl Fn(i64) -> Body) {
        let now_us = self.clock.now().micros();
        let mut entries = self.shelf.entries.lock().unwrap();
        for _ in 0..count {
            let seq = entries.len() as i64 + 1;
            let ticket = Ticket { language: "nl".to_owned(), ..Default::default() };
            let event = Event {
                agent_id: "support-triage".to_owned(),
                ticket: Some(ticket.into()),
                body: Some(body(seq)),
                ..Default::default()
            };
            let record = LedgerRecord { event: Some(event), ..Default::default() };
            entries.push(LedgerEntry {
                seq,
                workspace: self.shelf.workspace.get(),
                recorded_time_us: now_us + seq,
                occurred_time_us: now_us - seq,
                trace_context: Vec::new(),
                record: record.encode_to_vec().into(),
            });
        }
        drop(entries);
        self.shelf.grown.send_replace(());
    }
}

impl Shelf {
    fn next(&self, after: i64) -> Vec<LedgerEntry> {
        let entries = self.entries.lock().unwrap();
        entries.iter().skip(after as usize).take(BATCH).cloned().collect()
    }
}

#[tonic::async_trait]
impl LedgerService for Shelf {
    type TailStream = ReceiverStream<Result<TailResponse, Status>>;

    async fn tail(
        &self,
        request: Request<TailRequest>,
    ) -> Result<Response<Self::TailStream>, Status> {
        let partition = i32::from(self.workspace.partition().get());
        let cursors = request.into_inner().cursors;
        let cursor =
            cursors.iter().find(|cursor| cursor.partition == partition).map(|cursor| cursor.seq);
        let (sender, receiver) = mpsc::channel(2);
        let shelf = self.clone();
        tokio::spawn(async move {
            let mut grown = shelf.grown.subscribe();
            let Some(mut cursor) = cursor else { return sender.closed().await };
            loop {
                grown.mark_unchanged();
                let entries = shelf.next(cursor);
                let Some(last) = entries.last() else {
                    tokio::select! {
                        _ = grown.changed() => continue,
                        () = sender.closed() => return,
                    }
                };
                cursor = last.seq;
                if sender.send(Ok(TailResponse { partition, entries })).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn get_heads(
        &self,
        _: Request<GetHeadsRequest>,
    ) -> Result<Response<GetHeadsResponse>, Status> {
        Err(Status::unimplemented("no consumer asks for heads"))
    }
}
