//! Changes to workspaces and keys, as they are asked for.

use std::time::Duration;

use fault::{ErrorReason, Fault, Violations};
use kernel::{Malformed, zone_name};
use wire::ingest::v1::{RotateApiKeyRequest, UpdateWorkspaceRequest};

use super::bodies::Check;
use crate::domain::KeyId;
use crate::domain::workspace::Change;

const RATE_MAX: u32 = 1_000_000;
const BURST_MAX: u32 = 10_000_000;
const QUOTA_MAX: u64 = 1_000_000_000_000_000;
const VALUES_MAX: u32 = 1_000_000;
const OVERLAP: Duration = Duration::from_secs(86_400);
const OVERLAP_MAX: Duration = Duration::from_secs(30 * 86_400);

pub(super) fn change(request: UpdateWorkspaceRequest) -> Result<Change, Fault> {
    let mut v = Violations::new();
    if let Some(name) = &request.name {
        Check { violations: &mut v, path: "" }.required("name", name);
    }
    let time_zone = request.time_zone.as_deref().and_then(|sent| time_zone(&mut v, sent));
    let few = |v: &mut Violations, field, sent: Option<i32>, max: u32| {
        number(v, field, sent.map(i64::from), max.into())
    };
    let per_second = few(&mut v, "rate_limit_per_second", request.rate_limit_per_second, RATE_MAX);
    let burst = few(&mut v, "rate_burst", request.rate_burst, BURST_MAX);
    let quota_soft = number(&mut v, "monthly_quota_soft", request.monthly_quota_soft, QUOTA_MAX);
    let quota_hard = number(&mut v, "monthly_quota_hard", request.monthly_quota_hard, QUOTA_MAX);
    let values = few(&mut v, "dimension_values_max", request.dimension_values_max, VALUES_MAX);
    v.finish()?;
    // Each fits: its limit does.
    let narrow = |value: Option<u64>| value.and_then(|value| u32::try_from(value).ok());
    Ok(Change {
        name: request.name,
        time_zone,
        accept_unknown: request.accept_unknown_task_types,
        per_second: narrow(per_second),
        burst: narrow(burst),
        quota_soft,
        quota_hard,
        dimension_values: narrow(values),
    })
}

/// A key to replace.
pub(super) struct Rotate {
    pub(super) id: KeyId,
    pub(super) overlap: Duration,
    pub(super) request_id: Option<String>,
}

pub(super) fn rotate(request: RotateApiKeyRequest) -> Result<Rotate, Fault> {
    let mut v = Violations::new();
    let id = key_id(&mut v, &request.key_id);
    Check { violations: &mut v, path: "" }.identifier("request_id", &request.request_id);
    let overlap = match &request.overlap {
        None => Some(OVERLAP),
        Some(sent) => span(sent).filter(|overlap| *overlap <= OVERLAP_MAX),
    };
    if overlap.is_none() {
        v.add("overlap", ErrorReason::OutOfRange, "is 0 to 30 days");
    }
    let (Some(id), Some(overlap), true) = (id, overlap, v.is_empty()) else {
        return Err(v.into_fault());
    };
    let request_id = Some(request.request_id).filter(|id| !id.is_empty());
    Ok(Rotate { id, overlap, request_id })
}

/// The id of a key, or a violation.
pub(super) fn key_id(v: &mut Violations, sent: &str) -> Option<KeyId> {
    let id = KeyId::parse(sent);
    if id.is_none() {
        let what = "is the 16 hexadecimal characters behind tally_live_; ListApiKeys \
                    (`tally key list`) names them";
        v.add("key_id", ErrorReason::InvalidField, what);
    }
    id
}

/// Only zones, by the name their files have: reports cut days where people live, and offsets change twice
/// a year.
pub(super) fn time_zone(v: &mut Violations, sent: &str) -> Option<String> {
    let refused = |malformed: Malformed| {
        v.add("time_zone", ErrorReason::NotATimeZone, malformed.to_string());
    };
    zone_name(sent).map_err(refused).ok()
}

/// A duration that is one: not negative, its halves of one sign.
pub(super) fn span(sent: &wire::Duration) -> Option<Duration> {
    let nanos = u32::try_from(sent.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    Some(Duration::new(u64::try_from(sent.seconds).ok()?, nanos))
}

fn number(v: &mut Violations, field: &'static str, sent: Option<i64>, max: u64) -> Option<u64> {
    let sent = sent?;
    let value = u64::try_from(sent).ok().filter(|value| *value <= max);
    if value.is_none() {
        v.add(field, ErrorReason::OutOfRange, format!("is 0 to {max}; {sent} was sent"));
    }
    value
}
