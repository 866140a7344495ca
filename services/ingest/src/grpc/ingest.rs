//! IngestService.

use std::pin::Pin;
use std::sync::Arc;

use chassis::auth::Principal;
use chassis::trace;
use fault::{ErrorReason, Fault, Violations};
use futures_util::Stream;
use kernel::{EventId, Position, WorkspaceId};
use prost::Message as _;
use tonic::{Request, Response, Status, Streaming};
use wire::common::v1::{Refusal, Scope};
use wire::ingest::v1::ingest_service_server::IngestService;
use wire::ingest::v1::track_result::Result as Outcome;
use wire::ingest::v1::{
    Event, GetEventRequest, GetEventResponse, LedgerRecord, ListEventsRequest, ListEventsResponse,
    Receipt, RecordedEvent, RetractRequest, RetractResponse, ReviseOutcomeRequest,
    ReviseOutcomeResponse, TrackBatchRequest, TrackBatchResponse, TrackRequest, TrackResponse,
    TrackResult, TrackStreamRequest, TrackStreamResponse,
};

use super::parse::{self, Door, timestamp};
use super::{not_implemented, patience, position, render, storage};
use crate::app::{App, ValueError, WorkspaceSettings};
use crate::domain::limits::{CALL_EVENTS_MAX, PAST_MAX};
use crate::store::{Appended, NewEntry, Row};

pub(crate) struct IngestApi(pub(crate) Arc<App>);

type TrackStreamStream = Pin<Box<dyn Stream<Item = Result<TrackStreamResponse, Status>> + Send>>;

#[tonic::async_trait]
impl IngestService for IngestApi {
    async fn track(
        &self,
        request: Request<TrackRequest>,
    ) -> Result<Response<TrackResponse>, Status> {
        let caller = Principal::from(&request)?;
        let request = request.into_inner();
        let mut v = Violations::new();
        let version = position(&mut v, "catalog_at_least", &request.catalog_at_least);
        if request.event.is_none() {
            v.add("event", ErrorReason::Required, "is required: the event to track");
        }
        v.finish()?;
        self.0.catalog_at_least(version, patience()).await?;
        let gate = self.gate(&caller).await?;
        let ready = self.ready(&gate, request.event.unwrap_or_default(), "event")?;
        let receipt = if request.validate_only {
            render::receipt(None, false, &ready.record)
        } else {
            let mut receipts = self.record(vec![ready]).await?;
            receipts.pop().unwrap_or_else(|| Err(Fault::internal("the commit answered nothing")))?
        };
        Ok(Response::new(TrackResponse { receipt: Some(receipt) }))
    }

    async fn track_batch(
        &self,
        request: Request<TrackBatchRequest>,
    ) -> Result<Response<TrackBatchResponse>, Status> {
        let caller = Principal::from(&request)?;
        let request = request.into_inner();
        let mut v = Violations::new();
        let version = position(&mut v, "catalog_at_least", &request.catalog_at_least);
        match request.events.len() {
            0 => v.add("events", ErrorReason::Required, "holds 1 to 1,000 events; none was sent"),
            1..=CALL_EVENTS_MAX => {}
            sent => {
                let what = format!("holds at most {CALL_EVENTS_MAX} events; {sent} were sent");
                v.add("events", ErrorReason::TooManyEvents, what);
            }
        }
        v.finish()?;
        self.0.catalog_at_least(version, patience()).await?;
        let gate = self.gate(&caller).await?;
        let prepared = request
            .events
            .into_iter()
            .enumerate()
            .map(|(n, event)| self.ready(&gate, event, &format!("events[{n}]")));
        // What is refused at the door keeps its place among the answers of what went in.
        let mut refused = Vec::new();
        let mut ready = Vec::new();
        for prepared in prepared {
            match prepared {
                Ok(one) => {
                    ready.push(one);
                    refused.push(None);
                }
                Err(fault) => refused.push(Some(fault)),
            }
        }
        let mut recorded = self.record(ready).await?.into_iter();
        let results = refused.into_iter().map(|fault| match fault {
            Some(fault) => result(Err(fault)),
            None => result(recorded.next().unwrap_or_else(|| Err(Fault::internal("no answer")))),
        });
        Ok(Response::new(TrackBatchResponse { results: results.collect() }))
    }

    type TrackStreamStream = TrackStreamStream;

    async fn track_stream(
        &self,
        _: Request<Streaming<TrackStreamRequest>>,
    ) -> Result<Response<TrackStreamStream>, Status> {
        Err(not_implemented("TrackStream"))
    }

    async fn revise_outcome(
        &self,
        _: Request<ReviseOutcomeRequest>,
    ) -> Result<Response<ReviseOutcomeResponse>, Status> {
        Err(not_implemented("ReviseOutcome"))
    }

    async fn retract(
        &self,
        _: Request<RetractRequest>,
    ) -> Result<Response<RetractResponse>, Status> {
        Err(not_implemented("Retract"))
    }

    async fn get_event(
        &self,
        request: Request<GetEventRequest>,
    ) -> Result<Response<GetEventResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let mut v = Violations::new();
        let id = v.take("event_id", request.into_inner().event_id.parse::<EventId>());
        let Some(EventId(position)) = id else { return Err(v.into_fault().into()) };
        let row = self.0.find(workspace, position).await.map_err(storage)?.ok_or_else(|| {
            Fault::not_found(ErrorReason::ResourceNotFound, "no such event")
                .with("resource", "event")
        })?;
        Ok(Response::new(GetEventResponse { event: Some(recorded(&row)?) }))
    }

    async fn list_events(
        &self,
        _: Request<ListEventsRequest>,
    ) -> Result<Response<ListEventsResponse>, Status> {
        Err(not_implemented("ListEvents"))
    }
}

/// What a call's events are held against.
struct Gate {
    workspace: WorkspaceId,
    settings: WorkspaceSettings,
    door: Door,
}

/// An event that is about to be recorded.
struct Ready {
    entry: NewEntry,
    record: LedgerRecord,
}

impl IngestApi {
    async fn gate(&self, caller: &Principal) -> Result<Gate, Fault> {
        let workspace = caller.workspace()?;
        let settings = self.0.settings(workspace).await?;
        let past = (!caller.allows(Scope::Backfill)).then_some(PAST_MAX);
        let now = self.0.clock.now();
        let door = Door { workspace, currency: settings.currency, now, past };
        Ok(Gate { workspace, settings, door })
    }

    /// Checks and values one event.
    fn ready(&self, gate: &Gate, event: Event, path: &str) -> Result<Ready, Fault> {
        let parsed = parse::event(event, &gate.door).map_err(|violations| {
            let mut nested = Violations::new();
            nested.nest(path, violations);
            nested.into_fault()
        })?;
        let valuation = match &parsed.task {
            Some(task) => self
                .0
                .value(task, gate.workspace, gate.settings)
                .map_err(|error| no_value(error, path))?,
            None => None,
        };
        let record = LedgerRecord {
            event: Some(parsed.event),
            valuation: valuation.as_ref().map(render::valuation),
        };
        let entry = NewEntry {
            workspace: gate.workspace,
            kind: parsed.kind,
            occurred: parsed.occurred,
            dedupe: parsed.dedupe,
            body_hash: parsed.body_hash,
            trace: trace::current(),
            record: record.encode_to_vec(),
        };
        Ok(Ready { entry, record })
    }

    async fn record(&self, ready: Vec<Ready>) -> Result<Vec<Result<Receipt, Fault>>, Fault> {
        let (entries, records): (Vec<NewEntry>, Vec<LedgerRecord>) =
            ready.into_iter().map(|one| (one.entry, one.record)).unzip();
        let committed = self.0.append(entries).await?;
        trace::link_current(committed.commit);
        let answers = committed.answers.into_iter().zip(&records);
        Ok(answers.map(|(appended, record)| answer(appended, record)).collect())
    }
}

fn answer(appended: Appended, record: &LedgerRecord) -> Result<Receipt, Fault> {
    match appended {
        Appended::New { position, recorded } => {
            Ok(render::receipt(Some((position, recorded)), false, record))
        }
        Appended::Duplicate { position, recorded, record } => {
            let first = decode(&record, position)?;
            Ok(render::receipt(Some((position, recorded)), true, &first))
        }
        Appended::Conflict { position } => Err(Fault::exists(
            ErrorReason::IdempotencyConflict,
            "this idempotency_key was used for another event; nothing was written. Use a new key, or send \
             the event as it was",
        )
        .with("event_id", EventId(position))),
    }
}

fn no_value(error: ValueError, path: &str) -> Fault {
    let unknown = match error {
        ValueError::Unknown(unknown) => unknown,
        ValueError::NoCatalog => {
            return Fault::unavailable(
                ErrorReason::CatalogNotLoaded,
                "ingest has not seen a catalog yet, so it cannot value events; call again",
            )
            .retry_after(std::time::Duration::from_millis(250));
        }
    };
    let mut what = format!("{:?} is not a task type of this workspace", unknown.sent);
    match unknown.nearest.as_slice() {
        [] => what.push_str("; ListTaskTypes names those that are"),
        [nearest, ..] => what.push_str(&format!("; did you mean {nearest}?")),
    }
    let mut v = Violations::new();
    v.add(format!("{path}.task_completed.task_type"), ErrorReason::UnknownTaskType, what);
    v.into_fault().with("nearest", unknown.nearest.join(","))
}

fn result(outcome: Result<Receipt, Fault>) -> TrackResult {
    let result = match outcome {
        Ok(receipt) => Outcome::Receipt(receipt),
        Err(fault) => Outcome::Refusal(Refusal::from(&fault)),
    };
    TrackResult { result: Some(result) }
}

fn recorded(row: &Row) -> Result<RecordedEvent, Fault> {
    Ok(RecordedEvent {
        event_id: EventId(row.position).to_string(),
        position: row.position.to_string(),
        recorded_time: Some(timestamp(row.recorded)),
        record: Some(decode(&row.record, row.position)?),
    })
}

fn decode(record: &[u8], position: Position) -> Result<LedgerRecord, Fault> {
    LedgerRecord::decode(record).map_err(|error| {
        Fault::internal(format!("event {} cannot be read", EventId(position))).because(error)
    })
}
