//! Requests become queries, ledger entries become steps.

use std::time::Duration;

use chassis::page::{self, Page, Sizes};
use fault::{ErrorReason, Fault, Violations};
use kernel::{Outcome, Position, Timestamp, Window};
use prost::Message as _;
use tail::Entry;
use wire::audit::v1 as pb;
use wire::common::v1 as common;
use wire::ingest::v1::event::Body;

use crate::app::{AtLeast, Week};
use crate::domain::{State, Step};
use crate::store::{After, Filter};

/// As the contract says for every list.
const SIZES: Sizes = Sizes { default: 100, max: 1_000 };
/// How long a caller without a deadline waits for `at_least`.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is left of a caller's deadline for reading and answering.
const ANSWERING: Duration = Duration::from_millis(50);

/// A step, when the entry is one; entries of other kinds are nobody's samples. One that ingest should
/// not have let in is logged and passed over, as rollup does: a defect must not stop a partition.
pub(crate) fn step(entry: &Entry) -> Option<Step> {
    let event = entry.record.event.as_ref()?;
    let Some(Body::TaskCompleted(task)) = &event.body else { return None };
    let Some(outcome) = outcome(task.outcome) else {
        tracing::error!(event = %entry.event_id(), outcome = task.outcome, "an entry has no outcome we know");
        return None;
    };
    let ticket = event.ticket.clone().unwrap_or_default();
    let language = if task.language.is_empty() { ticket.language } else { task.language.clone() };
    Some(Step {
        event: entry.event_id(),
        workspace: entry.workspace,
        recorded: entry.recorded,
        occurred: entry.occurred,
        agent_id: event.agent_id.clone(),
        task_type: task.task_type.clone(),
        outcome,
        ticket_id: ticket.ticket_id,
        intent: ticket.intent,
        channel: ticket.channel,
        language,
    })
}

/// Samples asked for.
pub(super) struct ListSamples {
    pub(super) filter: Filter,
    pub(super) after: Option<After>,
    pub(super) at_least: Option<AtLeast>,
    pub(super) page: Page,
}

pub(super) fn list_samples(request: pb::ListSamplesRequest) -> Result<ListSamples, Fault> {
    let mut v = Violations::new();
    // Freshness and text change what a page shows, not which samples follow.
    let filter = pb::ListSamplesRequest {
        page_size: 0,
        page_token: String::new(),
        at_least: String::new(),
        include_exchange: false,
        ..request.clone()
    };
    let page =
        Page::parse(&mut v, SIZES, request.page_size, &request.page_token, &filter.encode_to_vec());
    let after = page.as_ref().and_then(Page::after).map(after);
    if after == Some(None) {
        page::refuse(&mut v);
    }
    let state = state(&mut v, request.state);
    let window = request.window.and_then(|window| parse_window(&mut v, &window));
    let at_least = at_least(&mut v, &request.at_least);
    let (Some(page), true) = (page, v.is_empty()) else { return Err(v.into_fault()) };
    let filter = Filter {
        state,
        agent_id: request.agent_id,
        task_type: request.task_type,
        plan_id: request.plan_id,
        window,
    };
    Ok(ListSamples { filter, after: after.flatten(), at_least, page })
}

/// Where a page of samples ended, as its token holds it.
pub(super) fn sample_end(seq: i64, plan_id: &str) -> Vec<u8> {
    [seq.to_be_bytes().as_slice(), plan_id.as_bytes()].concat()
}

fn after(end: &[u8]) -> Option<After> {
    let (seq, plan_id) = end.split_first_chunk::<8>()?;
    Some(After {
        seq: i64::from_be_bytes(*seq),
        plan_id: String::from_utf8(plan_id.to_vec()).ok()?,
    })
}

pub(super) fn list_periods(request: pb::ListPeriodsRequest) -> Result<(String, Page), Fault> {
    let mut v = Violations::new();
    let page = Page::parse(
        &mut v,
        SIZES,
        request.page_size,
        &request.page_token,
        request.plan_id.as_bytes(),
    );
    match page {
        Some(page) => Ok((request.plan_id, page)),
        None => Err(v.into_fault()),
    }
}

/// Where a page of weeks ended: greater for an earlier week, since the latest comes first.
pub(super) fn week_end(week: &Week) -> Vec<u8> {
    page::place([i64::MAX - week.counts.period.start().micros()])
}

fn state(v: &mut Violations, state: i32) -> Option<State> {
    match pb::SampleState::try_from(state) {
        Ok(pb::SampleState::Unspecified) => None,
        Ok(pb::SampleState::AwaitingExchange) => Some(State::AwaitingExchange),
        Ok(pb::SampleState::Open) => Some(State::Open),
        Ok(pb::SampleState::Claimed) => Some(State::Claimed),
        Ok(pb::SampleState::Disputed) => Some(State::Disputed),
        Ok(pb::SampleState::Settled) => Some(State::Settled),
        Ok(pb::SampleState::Withdrawn) => Some(State::Withdrawn),
        Err(_) => {
            v.add("state", ErrorReason::InvalidField, format!("is not a state: {state} was sent"));
            None
        }
    }
}

fn parse_window(v: &mut Violations, window: &common::Window) -> Option<Window> {
    let (Some(start), Some(end)) = (&window.start_time, &window.end_time) else {
        v.add("window", ErrorReason::Required, "needs both start_time and end_time");
        return None;
    };
    let parsed = Window::new(timestamp(start), timestamp(end));
    if parsed.is_none() {
        v.add("window.end_time", ErrorReason::OutOfRange, "is later than start_time");
    }
    parsed
}

fn at_least(v: &mut Violations, token: &str) -> Option<AtLeast> {
    if token.is_empty() {
        return None;
    }
    let position = v.take("at_least", token.parse::<Position>())?;
    let patience =
        chassis::deadline::remaining().map_or(PATIENCE, |left| left.saturating_sub(ANSWERING));
    Some(AtLeast { position, patience })
}

fn outcome(outcome: i32) -> Option<Outcome> {
    match common::Outcome::try_from(outcome).ok()? {
        common::Outcome::Unspecified => None,
        common::Outcome::Success => Some(Outcome::Success),
        common::Outcome::NeedsReview => Some(Outcome::NeedsReview),
        common::Outcome::Failure => Some(Outcome::Failure),
        common::Outcome::Pending => Some(Outcome::Pending),
    }
}

fn timestamp(at: &wire::Timestamp) -> Timestamp {
    Timestamp::from_parts(at.seconds, at.nanos)
}
