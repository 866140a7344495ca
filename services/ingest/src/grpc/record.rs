//! From events to answers: what one append takes in is checked, valued, written and answered.

use std::collections::VecDeque;
use std::fmt;

use chassis::auth::Principal;
use chassis::trace;
use fault::{ErrorReason, Fault, Violations};
use kernel::{EventId, Partition, Position, WorkspaceId};
use prost::Message as _;
use wire::common::v1::Scope;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{Event, LedgerRecord, Receipt, RecordedEvent};

use super::corrections::{self, Targets};
use super::parse::{self, Door, timestamp};
use super::{IngestApi, admission, conflict, guard, render, storage};
use crate::app::{ValueError, WorkspaceSettings};
use crate::committer::WhenFull;
use crate::domain::limits::PAST_MAX;
use crate::limits::Recorder;
use crate::store::{Appended, NewEntry, Row};

/// Corrections of one append. Each carries the entry it corrects along, up to 32 KiB: a call of 1 MiB must
/// not become a commit of 30.
const CORRECTIONS_MAX: usize = 64;

/// What a call's events are held against.
pub(super) struct Gate {
    pub(super) workspace: WorkspaceId,
    partition: Partition,
    settings: WorkspaceSettings,
    door: Door,
}

/// Where a call carries an event, for the paths of violations.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Event,
    Nth(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event => f.write_str("event"),
            Self::Nth(n) => write!(f, "events[{n}]"),
        }
    }
}

/// An event that is about to be recorded.
pub(super) struct Ready {
    entry: NewEntry,
    pub(super) record: LedgerRecord,
}

/// Takes from `events` what fits one append.
pub(super) fn portion(events: &mut VecDeque<(Place, Event)>) -> Vec<(Place, Event)> {
    let mut corrections = 0;
    let fits = events.iter().take_while(|(_, event)| {
        corrections += usize::from(corrections::is_correction(event));
        corrections <= CORRECTIONS_MAX
    });
    let fits = fits.count();
    events.drain(..fits).collect()
}

impl IngestApi {
    pub(super) async fn gate(&self, caller: &Principal) -> Result<Gate, Fault> {
        let workspace = caller.workspace()?;
        let settings = self.0.settings(workspace).await?;
        let past = (!caller.allows(Scope::Backfill)).then_some(PAST_MAX);
        let now = self.0.clock.now();
        let door = Door { workspace, currency: settings.currency, now, past };
        Ok(Gate { workspace, partition: workspace.partition(), settings, door })
    }

    /// Records one portion and answers for each event in its order. An error is nobody's own fault: none of
    /// the events has an answer, and each may or may not stand.
    pub(super) async fn record(
        &self,
        gate: &Gate,
        portion: Vec<(Place, Event)>,
        full: WhenFull<'_>,
    ) -> Result<Vec<Result<Receipt, Fault>>, Fault> {
        let targets = self.targets(gate.workspace, portion.iter().map(|(_, event)| event)).await?;
        // What is refused at the door keeps its place among the answers of what went in.
        let mut refused = Vec::with_capacity(portion.len());
        let mut ready = Vec::with_capacity(portion.len());
        for (place, event) in portion {
            match self.ready(gate, event, &targets, place) {
                Ok(one) => {
                    ready.push(one);
                    refused.push(None);
                }
                Err(fault) => refused.push(Some(fault)),
            }
        }
        let mut recorded = self.commit(ready, Recorder::Caller, full).await?.into_iter();
        let answers = refused.into_iter().map(|fault| match fault {
            Some(fault) => Err(fault),
            None => recorded.next().unwrap_or_else(|| Err(Fault::internal("no answer"))),
        });
        Ok(answers.collect())
    }

    /// The entries that corrections among `events` point at.
    pub(super) async fn targets<'e>(
        &self,
        workspace: WorkspaceId,
        events: impl Iterator<Item = &'e Event>,
    ) -> Result<Targets, Fault> {
        let positions: Vec<Position> = events.filter_map(corrections::target_of).collect();
        if positions.is_empty() {
            return Ok(Targets::default());
        }
        let rows = Box::pin(self.0.find_all(workspace, positions)).await.map_err(storage)?;
        let targets = rows.iter().map(|row| Ok((row.position, decode(&row.record, row.position)?)));
        targets.collect()
    }

    /// Checks and values one event.
    pub(super) fn ready(
        &self,
        gate: &Gate,
        event: Event,
        targets: &Targets,
        place: Place,
    ) -> Result<Ready, Fault> {
        let parsed = parse::event(event, &gate.door, targets).map_err(|violations| {
            let mut nested = Violations::new();
            nested.nest(&place.to_string(), violations);
            nested.into_fault()
        })?;
        let valuation = match (&parsed.event.body, &parsed.task, parsed.corrects) {
            (_, Some(task), _) => self
                .0
                .value(task, gate.workspace, gate.settings)
                .map_err(|error| no_value(error, place))?
                .as_ref()
                .map(render::valuation),
            (Some(Body::OutcomeRevised(revision)), _, Some(target)) => {
                corrections::revised(target, revision)
            }
            _ => None,
        };
        let call_cost = match &parsed.call {
            Some(call) => {
                let cost = self.0.price(call, gate.workspace);
                let cost = cost.map_err(|error| no_value(error, place))?;
                Some(render::call_cost(cost.as_ref()))
            }
            None => None,
        };
        let corrects = parsed.corrects.map(|target| Box::new(corrections::kept(target)));
        let (valuation, call_cost) = (valuation.map(Box::new), call_cost.map(Box::new));
        let event = Some(parsed.event);
        let record = LedgerRecord { event, valuation, corrects, call_cost, ..Default::default() };
        let entry = NewEntry {
            workspace: gate.workspace,
            partition: gate.partition,
            kind: parsed.kind,
            occurred: parsed.occurred,
            key_hash: parsed.key_hash,
            body_hash: parsed.body_hash,
            trace: trace::current(),
            record: record.encode_to_vec(),
        };
        Ok(Ready { entry, record })
    }

    pub(super) async fn commit(
        &self,
        ready: Vec<Ready>,
        recorder: Recorder,
        full: WhenFull<'_>,
    ) -> Result<Vec<Result<Receipt, Fault>>, Fault> {
        let workspace = ready.first().map(|one| one.entry.workspace);
        // Growing, they would begin with room for four.
        let mut entries: Vec<NewEntry> = Vec::with_capacity(ready.len());
        let mut records: Vec<LedgerRecord> = Vec::with_capacity(ready.len());
        for Ready { entry, record } in ready {
            entries.push(entry);
            records.push(record);
        }
        let mut admitted = self.0.admit(&entries, recorder).await?;
        for (entry, record) in entries.iter_mut().zip(&mut records) {
            if let Some(marked) = admission::mark(record, &mut admitted) {
                entry.record = marked;
            }
        }
        let committed = self.0.append(entries, full).await?;
        let past = admitted.settle(&committed.answers);
        trace::link_current(committed.commit);
        if let Some(workspace) = workspace {
            let entries = committed.answers.iter().zip(&records);
            guard::note(&self.0.guard, workspace, entries.filter_map(newly));
        }
        let answers = committed.answers.into_iter().zip(records);
        let receipts = answers.map(|(appended, record)| answer(appended, record));
        Ok(receipts.map(|receipt| admission::warn(receipt, past)).collect())
    }

    /// One event, which must be the only one asked for.
    pub(super) async fn commit_one(
        &self,
        ready: Ready,
        recorder: Recorder,
    ) -> Result<Receipt, Fault> {
        let mut receipts = self.commit(vec![ready], recorder, WhenFull::Refuse).await?;
        receipts.pop().unwrap_or_else(|| Err(Fault::internal("the commit answered nothing")))
    }
}

/// The place of an entry that was not there before.
fn newly<'r>((appended, record): (&Appended, &'r LedgerRecord)) -> Option<(i64, &'r LedgerRecord)> {
    match appended {
        Appended::New { position, .. } => Some((position.seq, record)),
        Appended::Duplicate { .. } | Appended::Conflict { .. } => None,
    }
}

fn answer(appended: Appended, record: LedgerRecord) -> Result<Receipt, Fault> {
    match appended {
        Appended::New { position, recorded } => {
            Ok(render::receipt(Some((position, recorded)), false, record))
        }
        Appended::Duplicate { position, recorded, record } => {
            let first = decode(&record, position)?;
            Ok(render::receipt(Some((position, recorded)), true, first))
        }
        Appended::Conflict { position, clash } => {
            let stands = decode(&clash.record, position)?;
            Err(conflict::fault(position, (&stands, clash.hash), (&record, clash.sent_hash)))
        }
    }
}

fn no_value(error: ValueError, place: Place) -> Fault {
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
        [] => what.push_str("; ListTaskTypes (`tally catalog list`) names those that are"),
        [nearest, ..] => what.push_str(&format!("; did you mean {nearest}?")),
    }
    let mut v = Violations::new();
    v.add(format!("{place}.task_completed.task_type"), ErrorReason::UnknownTaskType, what);
    v.into_fault().with("nearest", unknown.nearest.join(","))
}

/// An entry as it stands in the ledger.
pub(super) fn recorded(row: &Row) -> Result<RecordedEvent, Fault> {
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
