//! Requests become commands: every wrong field is found before any is refused.

use std::time::Duration;

use chassis::page::Page;
use fault::{ErrorReason, Fault, Violations};
use kernel::{Currency, Partition, Position, Timestamp, WorkspaceId};
use prost::Message;
use sha2::{Digest, Sha256};
use wire::catalog::v1 as pb;

use super::page::SIZES;
use crate::app::{Mode, Write};
use crate::domain::{
    BaselineKey, BaselineValue, Dimensions, Effort, Name, NewChange, Rate, RateTarget, RateValue,
    Reason, Tag, TaskKey, Value,
};
use crate::store::Request;

const KEYS_MAX: usize = 1_000;
const CITATION_LEN_MAX: usize = 1_024;
const REQUEST_ID_LEN_MAX: usize = 64;
/// How far back a change may take effect: a fiscal year, and a day for its zone.
const BACK_MAX: Duration = Duration::from_secs(366 * DAY);
/// How far ahead: ten years of planned rates.
const AHEAD_MAX: Duration = Duration::from_secs(3_660 * DAY);
const DAY: u64 = 24 * 60 * 60;

/// Who wants a change, and when the request is read.
pub(super) struct Caller {
    pub(super) workspace: WorkspaceId,
    pub(super) actor: String,
    pub(super) now: Timestamp,
}

/// The dated part that every setting request shares.
struct Dated<'r> {
    effective: Option<&'r wire::Timestamp>,
    reason: &'r str,
    request_id: &'r str,
    expected_version_id: &'r str,
    mode: Mode,
    /// Of the request without its id.
    hash: Vec<u8>,
}

pub(super) fn set_hourly_rate(
    request: pb::SetHourlyRateRequest,
    caller: Caller,
) -> Result<(NewChange, Write), Fault> {
    let mut v = Violations::new();
    let target = target(&mut v, &request.agent_id, &request.team_id);
    let rate = if request.withdrawn {
        let absent = request.rate_micros_per_hour == 0;
        refuse_unless(&mut v, absent, "rate_micros_per_hour", "is 0 when the rate is withdrawn");
        Some(None)
    } else {
        let currency = v.take("currency_code", Currency::new(&request.currency_code));
        let currency_or_any = currency.unwrap_or(Currency::EUR);
        let rate = v
            .take("rate_micros_per_hour", Rate::new(request.rate_micros_per_hour, currency_or_any));
        rate.filter(|_| currency.is_some()).map(Some)
    };
    let value =
        target.zip(rate).map(|(target, rate)| Value::HourlyRate(RateValue { target, rate }));
    let dated = Dated {
        effective: request.effective_time.as_ref(),
        reason: &request.reason,
        request_id: &request.request_id,
        expected_version_id: &request.expected_version_id,
        mode: mode(request.validate_only),
        hash: hash(&pb::SetHourlyRateRequest { request_id: String::new(), ..request.clone() }),
    };
    change(v, value, dated, caller)
}

pub(super) fn set_baseline(
    request: pb::SetBaselineRequest,
    caller: Caller,
) -> Result<(NewChange, Write), Fault> {
    let mut v = Violations::new();
    let key = required_key(&mut v, request.key.as_ref());
    let effort = if request.withdrawn {
        refuse_unless(
            &mut v,
            request.baseline_ms == 0,
            "baseline_ms",
            "is 0 when the baseline is withdrawn",
        );
        Some(None)
    } else {
        v.take("baseline_ms", Effort::from_ms(request.baseline_ms)).map(Some)
    };
    let citation = request.citation.trim().to_owned();
    if citation.len() > CITATION_LEN_MAX {
        let what = format!("is at most {CITATION_LEN_MAX} bytes; {} were sent", citation.len());
        v.add("citation", ErrorReason::TooLarge, what);
    }
    let value = key
        .zip(effort)
        .map(|(key, effort)| Value::Baseline(BaselineValue { key, effort, citation }));
    let dated = Dated {
        effective: request.effective_time.as_ref(),
        reason: &request.reason,
        request_id: &request.request_id,
        expected_version_id: &request.expected_version_id,
        mode: mode(request.validate_only),
        hash: hash(&pb::SetBaselineRequest { request_id: String::new(), ..request.clone() }),
    };
    change(v, value, dated, caller)
}

pub(super) fn baseline_history(
    request: pb::GetBaselineHistoryRequest,
) -> Result<(BaselineKey, Dimensions, Page), Fault> {
    let mut v = Violations::new();
    let key = required_key(&mut v, request.key.as_ref());
    let filter = pb::GetBaselineHistoryRequest {
        page_size: 0,
        page_token: String::new(),
        ..request.clone()
    };
    let page =
        Page::parse(&mut v, SIZES, request.page_size, &request.page_token, &filter.encode_to_vec());
    let with =
        if request.include_dimensions { Dimensions::AndMoreSpecific } else { Dimensions::Exactly };
    match (key, page) {
        (Some(key), Some(page)) if v.is_empty() => Ok((key, with, page)),
        _ => Err(v.into_fault()),
    }
}

/// The keys, the instant, and how late a recording counts.
pub(super) fn resolve(
    request: pb::ResolveBaselinesRequest,
    now: Timestamp,
) -> Result<(Vec<BaselineKey>, Timestamp, Timestamp), Fault> {
    let mut v = Violations::new();
    let count = request.keys.len();
    if count == 0 || count > KEYS_MAX {
        let reason = if count == 0 { ErrorReason::Required } else { ErrorReason::TooLarge };
        v.add("keys", reason, format!("are 1 to {KEYS_MAX}; {count} were sent"));
        return Err(v.into_fault());
    }
    let keys: Vec<_> = request
        .keys
        .iter()
        .enumerate()
        .filter_map(|(i, key)| baseline_key(&mut v, &format!("keys[{i}]"), key))
        .collect();
    v.finish()?;
    let at = request.at_time.as_ref().map_or(now, timestamp);
    Ok((keys, at, request.as_of_time.as_ref().map_or(Timestamp::MAX, timestamp)))
}

pub(super) fn task_key(v: &mut Violations, field: &str, text: &str) -> Option<TaskKey> {
    if text.is_empty() {
        v.add(field, ErrorReason::Required, "names a task type, such as email_classification");
        return None;
    }
    v.take(field, TaskKey::new(text))
}

/// Where a watcher wants to go on.
pub(super) fn cursors(request: pb::WatchRequest) -> Result<Vec<Position>, Fault> {
    let mut v = Violations::new();
    let mut cursors: Vec<Position> = Vec::with_capacity(request.cursors.len());
    for (i, cursor) in request.cursors.iter().enumerate() {
        let partition = i16::try_from(cursor.partition).ok().and_then(Partition::new);
        match partition {
            None => v.add(format!("cursors[{i}].partition"), ErrorReason::OutOfRange, "is 0 to 63"),
            Some(partition) if cursors.iter().any(|c| c.partition == partition) => {
                let what = "is named twice";
                v.add(format!("cursors[{i}].partition"), ErrorReason::InvalidField, what);
            }
            Some(_) if cursor.seq < 0 => {
                v.add(format!("cursors[{i}].seq"), ErrorReason::OutOfRange, "is 0 or more");
            }
            Some(partition) => cursors.push(Position { partition, seq: cursor.seq }),
        }
    }
    v.finish()?;
    Ok(cursors)
}

/// To the microsecond: finer digits are cut.
pub(super) fn timestamp(at: &wire::Timestamp) -> Timestamp {
    Timestamp::from_parts(at.seconds, at.nanos)
}

fn change(
    mut v: Violations,
    value: Option<Value>,
    dated: Dated<'_>,
    caller: Caller,
) -> Result<(NewChange, Write), Fault> {
    let Caller { workspace, actor, now } = caller;
    let effective = dated.effective.map(timestamp);
    if effective.is_some_and(|at| at < now.minus(BACK_MAX) || at > now.plus(AHEAD_MAX)) {
        let what = "is at most 366 days back and 3,660 days ahead";
        v.add("effective_time", ErrorReason::OutOfRange, what);
    }
    let reason = v.take("reason", Reason::new(dated.reason));
    let id = dated.request_id;
    if id.len() > REQUEST_ID_LEN_MAX || id.chars().any(char::is_control) {
        let what = format!("is at most {REQUEST_ID_LEN_MAX} bytes without control characters");
        v.add("request_id", ErrorReason::InvalidField, what);
    }
    let (Some(value), Some(reason), true) = (value, reason, v.is_empty()) else {
        return Err(v.into_fault());
    };
    let write = Write {
        request: non_empty(id).map(|id| Request { id, hash: dated.hash }),
        based_on: non_empty(dated.expected_version_id),
        mode: dated.mode,
    };
    Ok((NewChange { workspace, effective, actor, reason, value }, write))
}

fn target(v: &mut Violations, agent_id: &str, team_id: &str) -> Option<RateTarget> {
    match (agent_id, team_id) {
        ("", "") => Some(RateTarget::Workspace),
        (agent, "") => v.take("agent_id", Name::new(agent)).map(RateTarget::Agent),
        ("", team) => v.take("team_id", Name::new(team)).map(RateTarget::Team),
        (_, _) => {
            v.add(
                "team_id",
                ErrorReason::InvalidField,
                "is empty when agent_id is set: a rate has one target",
            );
            None
        }
    }
}

fn required_key(v: &mut Violations, key: Option<&pb::BaselineKey>) -> Option<BaselineKey> {
    match key {
        Some(key) => baseline_key(v, "key", key),
        None => {
            v.add("key", ErrorReason::Required, "says which task type the baseline is for");
            None
        }
    }
}

fn baseline_key(v: &mut Violations, field: &str, key: &pb::BaselineKey) -> Option<BaselineKey> {
    let task_type = task_key(v, &format!("{field}.task_type"), &key.task_type);
    let language = v.take(format!("{field}.language"), Tag::language(&key.language));
    let channel = v.take(format!("{field}.channel"), Tag::channel(&key.channel));
    Some(BaselineKey { task_type: task_type?, language: language?, channel: channel? })
}

fn refuse_unless(v: &mut Violations, holds: bool, field: &str, what: &str) {
    if !holds {
        v.add(field, ErrorReason::InvalidField, what);
    }
}

fn mode(validate_only: bool) -> Mode {
    if validate_only { Mode::Preview } else { Mode::Record }
}

/// What the request says, apart from its id. Messages hold no maps with an order of their own.
fn hash(request: &impl Message) -> Vec<u8> {
    Sha256::digest(request.encode_to_vec()).to_vec()
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
