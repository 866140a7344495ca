//! A ledger of one partition, in memory, as ingest would stream it.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{EventId, Position};
use prost::Message;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use wire::common::v1::{Money, Outcome};
use wire::ingest::v1::event::Body;
use wire::ingest::v1::ledger_service_server::LedgerService;
use wire::ingest::v1::{
    Event, GetHeadsRequest, GetHeadsResponse, LedgerEntry, LedgerRecord, OutcomeRevised, Retracted,
    TailRequest, TailResponse, TaskCompleted, Ticket, Valuation,
};

use super::{cursor_of, workspace};

/// 2026-01-01T00:00:00Z, microseconds.
pub(crate) const START: i64 = 1_767_225_600_000_000;

/// Entries a message of the stream holds.
const MESSAGE: usize = 500;

#[derive(Clone)]
pub(crate) struct Ledger {
    entries: Arc<watch::Sender<Vec<LedgerEntry>>>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { entries: Arc::new(watch::Sender::new(Vec::new())) }
    }
}

impl Ledger {
    /// Seq of the last entry.
    pub(crate) fn head(&self) -> i64 {
        self.entries.borrow().len() as i64
    }

    /// Appends records with the times they occurred at; answers the head.
    pub(crate) fn append(&self, records: impl IntoIterator<Item = (i64, LedgerRecord)>) -> i64 {
        self.entries.send_modify(|entries| {
            for (occurred, record) in records {
                entries.push(LedgerEntry {
                    seq: entries.len() as i64 + 1,
                    workspace: workspace().get(),
                    recorded_time_us: occurred,
                    occurred_time_us: occurred,
                    trace_context: Vec::new(),
                    record: record.encode_to_vec().into(),
                });
            }
        });
        self.head()
    }
}

#[async_trait]
impl LedgerService for Ledger {
    type TailStream = ReceiverStream<Result<TailResponse, Status>>;

    async fn tail(
        &self,
        request: Request<TailRequest>,
    ) -> Result<Response<Self::TailStream>, Status> {
        let (send, receive) = mpsc::channel(4);
        let mut changes = self.entries.subscribe();
        if let Some(mut cursor) = cursor_of(&request.into_inner().cursors) {
            tokio::spawn(async move {
                loop {
                    let next: Vec<LedgerEntry> = {
                        let entries = changes.borrow_and_update();
                        entries.iter().skip(cursor as usize).take(MESSAGE).cloned().collect()
                    };
                    cursor += next.len() as i64;
                    if next.is_empty() {
                        tokio::select! {
                            changed = changes.changed() => if changed.is_err() { return },
                            () = send.closed() => return,
                        }
                        continue;
                    }
                    let partition = i32::from(workspace().partition().get());
                    let message = TailResponse { partition, entries: next };
                    if send.send(Ok(message)).await.is_err() {
                        return;
                    }
                }
            });
        } else {
            // Nothing will ever come on this one; it stays open until the caller leaves.
            tokio::spawn(async move { send.closed().await });
        }
        Ok(Response::new(ReceiverStream::new(receive)))
    }

    async fn get_heads(
        &self,
        _: Request<GetHeadsRequest>,
    ) -> Result<Response<GetHeadsResponse>, Status> {
        Err(Status::unimplemented("no consumer asks"))
    }
}

/// A step that cost EUR 0.012.
pub(crate) fn task(task_type: &str, outcome: Outcome) -> TaskCompleted {
    TaskCompleted {
        task_type: task_type.to_owned(),
        outcome: outcome.into(),
        agent_cost: Some(Money { currency_code: "EUR".to_owned(), micros: 12_000 }),
        ..TaskCompleted::default()
    }
}

pub(crate) fn event(agent: &str, ticket: &str, body: Body) -> Event {
    Event {
        agent_id: agent.to_owned(),
        ticket: Some(Box::new(Ticket { ticket_id: ticket.to_owned(), ..Ticket::default() })),
        body: Some(body),
        ..Event::default()
    }
}

/// Valued at EUR 85 an hour.
pub(crate) fn valued(agent: &str, ticket: &str, task: TaskCompleted, minutes: i64) -> LedgerRecord {
    let valuation = Valuation {
        baseline_ms: minutes * 60_000,
        rate_micros_per_hour: 85_000_000,
        currency_code: "EUR".to_owned(),
        baseline_version: "1".to_owned(),
        rate_version: "1".to_owned(),
        subtract_agent_duration: true,
        outcome: task.outcome,
        ..Valuation::default()
    };
    let event = event(agent, ticket, Body::TaskCompleted(task.into()));
    LedgerRecord { event: Some(event), valuation: Some(valuation.into()), ..Default::default() }
}

/// The entry that judges the step at `seq` again.
pub(crate) fn revised(seq: i64, step: &(i64, LedgerRecord), outcome: Outcome) -> LedgerRecord {
    let event_id = event_id(seq);
    let body = OutcomeRevised { event_id, outcome: outcome.into(), ..Default::default() };
    correction(Body::OutcomeRevised(body), step)
}

/// The entry that takes back the entry at `seq`.
pub(crate) fn retracted(seq: i64, entry: &(i64, LedgerRecord)) -> LedgerRecord {
    let body = Retracted { event_id: event_id(seq), reason: "a test".to_owned() };
    correction(Body::Retracted(body), entry)
}

fn event_id(seq: i64) -> String {
    EventId(Position { partition: workspace().partition(), seq }).to_string()
}

/// As ingest keeps it: with what it corrects, whose own target is left out.
fn correction(body: Body, (occurred, target): &(i64, LedgerRecord)) -> LedgerRecord {
    let mut target = LedgerRecord { corrects: None, ..target.clone() };
    if let Some(event) = &mut target.event {
        let (seconds, micros) = (occurred.div_euclid(1_000_000), occurred.rem_euclid(1_000_000));
        event.occurred_time = Some(wire::Timestamp { seconds, nanos: (micros * 1_000) as i32 });
    }
    let event = Event { body: Some(body), ..Event::default() };
    LedgerRecord { event: Some(event), corrects: Some(Box::new(target)), ..Default::default() }
}
