//! Requests become commands: every wrong field is found before any is refused.

use chassis::page::Page;
use fault::{ErrorReason, Fault, Violations};
use kernel::{Partition, Position, Timestamp, WorkspaceId};
use prost::Message;
use sha2::{Digest, Sha256};
use wire::catalog::v1 as pb;

use super::page::SIZES;
use crate::app::{Mode, Write};
use crate::domain::{
    BaselineKey, Dimensions, Fields, Kind, NewChange, Node, Reading, Reason, Tag, TaskKey, Value,
    When, Wrongs, in_reach,
};
use crate::store::Request;

const KEYS_MAX: usize = 1_000;
const REQUEST_ID_LEN_MAX: usize = 64;

/// Who wants a change, and when the request is read.
pub(super) struct Caller {
    pub(super) workspace: WorkspaceId,
    pub(super) actor: String,
    pub(super) now: Timestamp,
}

/// The part that every writing request shares.
pub(super) struct Head<'r> {
    pub(super) effective: Option<&'r wire::Timestamp>,
    pub(super) reason: &'r str,
    pub(super) request_id: &'r str,
    pub(super) expected_version_id: &'r str,
    pub(super) mode: Mode,
    /// Of the request without its id.
    pub(super) hash: Vec<u8>,
}

/// The head of a setting request: their fields are the same in all of them.
macro_rules! head {
    ($message:ident, $request:expr) => {
        $crate::grpc::parse::Head {
            effective: $request.effective_time.as_ref(),
            reason: &$request.reason,
            request_id: &$request.request_id,
            expected_version_id: &$request.expected_version_id,
            mode: $crate::grpc::parse::mode($request.validate_only),
            hash: $crate::grpc::parse::hash(&pb::$message {
                request_id: String::new(),
                ..$request.clone()
            }),
        }
    };
}

pub(super) use head;

/// The shared part, parsed: since when, why, and how.
pub(super) struct Parsed {
    pub(super) effective: Option<Timestamp>,
    pub(super) reason: Reason,
    pub(super) write: Write,
}

/// What every writing request says beside its value.
pub(super) fn shared(v: &mut Violations, head: Head<'_>, now: Timestamp) -> Option<Parsed> {
    let effective = head.effective.map(timestamp);
    if effective.is_some_and(|at| !in_reach(at, now)) {
        let what = "is at most 366 days back and 3,660 days ahead";
        v.add("effective_time", ErrorReason::OutOfRange, what);
    }
    let reason = v.take("reason", Reason::new(head.reason));
    let id = head.request_id;
    if id.len() > REQUEST_ID_LEN_MAX || id.chars().any(char::is_control) {
        let what = format!("is at most {REQUEST_ID_LEN_MAX} bytes without control characters");
        v.add("request_id", ErrorReason::InvalidField, what);
    }
    let write = Write {
        request: non_empty(id).map(|id| Request { id, hash: head.hash }),
        based_on: non_empty(head.expected_version_id),
        mode: head.mode,
    };
    Some(Parsed { effective, reason: reason?, write })
}

/// A value and the shared part, or everything that is wrong with both.
pub(super) fn change(
    mut v: Violations,
    value: Option<Value>,
    head: Head<'_>,
    caller: Caller,
) -> Result<(NewChange, Write), Fault> {
    let Caller { workspace, actor, now } = caller;
    let shared = shared(&mut v, head, now);
    let (Some(value), Some(Parsed { effective, reason, write }), true) =
        (value, shared, v.is_empty())
    else {
        return Err(v.into_fault());
    };
    Ok((NewChange { workspace, effective, actor, reason, value }, write))
}

/// A value that came as a message: what is wrong with it is told in the fields of `field`.
pub(super) fn value(v: &mut Violations, kind: Kind, field: &str, node: &Node) -> Option<Value> {
    read(v, field, node, |f| Value::read(kind, f))
}

/// Reads a message's fields.
pub(super) fn read<T>(
    v: &mut Violations,
    field: &str,
    node: &Node,
    read: impl FnOnce(&mut Fields<'_, '_>) -> Option<T>,
) -> Option<T> {
    let mut wrongs = Wrongs::default();
    let found = Fields::of(Reading::Sent, node, field.to_owned(), &mut wrongs);
    let found = found.and_then(|mut f| read(&mut f));
    let is_right = wrongs.is_empty();
    super::wrongs::tell(v, wrongs);
    found.filter(|_| is_right)
}

/// The page of a list that is asked for; `filter` is the request without its page.
pub(super) fn page(
    size: i32,
    token: &str,
    list: &str,
    filter: &impl Message,
) -> Result<Page, Fault> {
    let mut v = Violations::new();
    // Two lists without a filter are two lists all the same.
    let filter = [list.as_bytes(), &filter.encode_to_vec()].concat();
    Page::parse(&mut v, SIZES, size, token, &filter).ok_or_else(|| v.into_fault())
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

/// The keys, and for which instant.
pub(super) fn resolve(
    request: pb::ResolveBaselinesRequest,
    now: Timestamp,
) -> Result<(Vec<BaselineKey>, When), Fault> {
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
    Ok((keys, When { at, as_of: request.as_of_time.as_ref().map_or(Timestamp::MAX, timestamp) }))
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

pub(super) fn required_key(
    v: &mut Violations,
    key: Option<&pb::BaselineKey>,
) -> Option<BaselineKey> {
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

pub(super) fn refuse_unless(v: &mut Violations, holds: bool, field: &str, what: &str) {
    if !holds {
        v.add(field, ErrorReason::InvalidField, what);
    }
}

pub(super) fn mode(validate_only: bool) -> Mode {
    if validate_only { Mode::Preview } else { Mode::Record }
}

/// What the request says, apart from its id. Messages hold no maps with an order of their own.
pub(super) fn hash(request: &impl Message) -> Vec<u8> {
    Sha256::digest(request.encode_to_vec()).to_vec()
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
