//! What is asked of shared links, every violation named at once.

use std::time::Duration;

use chassis::page::{self, Page, Sizes};
use fault::{ErrorReason, Fault, Violations};
use kernel::Timestamp;
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use wire::rollup::v1 as api;

use super::saved;
use crate::domain::{ShareId, SmallCells};
use crate::grpc::desk::Asked;

const REQUEST_ID_BYTES_MAX: usize = 255;
const TITLE_BYTES_MAX: usize = 200;
const PASSCODE_BYTES: std::ops::RangeInclusive<usize> = 8..=128;
const DAY: Duration = Duration::from_secs(86_400);
const LIFE: Duration = Duration::from_secs(90 * DAY.as_secs());
const LIFE_MAX: Duration = Duration::from_secs(366 * DAY.as_secs());
const PAGE: Sizes = Sizes { default: 50, max: 200 };

pub(super) struct Create {
    pub(super) request_id: String,
    pub(super) fingerprint: [u8; 32],
    pub(super) title: String,
    pub(super) report: Asked,
    pub(super) mode: Mode,
    pub(super) expires: Timestamp,
    pub(super) passcode: Option<String>,
    pub(super) cells: SmallCells,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Live,
    Frozen,
}

pub(super) fn create(sent: api::CreateShareLinkRequest, now: Timestamp) -> Result<Create, Fault> {
    let mut v = Violations::new();
    request_id(&mut v, &sent.request_id);
    if sent.title.is_empty() || sent.title.len() > TITLE_BYTES_MAX {
        let reason =
            if sent.title.is_empty() { ErrorReason::Required } else { ErrorReason::TooLarge };
        let what = format!("has 1 to {TITLE_BYTES_MAX} bytes; {} were sent", sent.title.len());
        v.add("title", reason, what);
    } else if sent.title.chars().any(char::is_control) {
        v.add("title", ErrorReason::InvalidField, "is one line without control characters");
    }
    let mode = mode(&mut v, sent.mode);
    let expires = expires(&mut v, sent.expire_time.as_ref(), now);
    if !sent.passcode.is_empty() && !PASSCODE_BYTES.contains(&sent.passcode.len()) {
        let what = format!("has 8 to 128 bytes; {} were sent", sent.passcode.len());
        v.add("passcode", ErrorReason::OutOfRange, what);
    }
    let fingerprint = fingerprint(&sent);
    let report = sent.report.and_then(saved::of);
    if report.is_none() {
        let hint = "name the report to share: overview, savings or time_series";
        v.add("report", ErrorReason::Required, hint);
    }
    let (Some(report), Some(mode), Some(expires), true) = (report, mode, expires, v.is_empty())
    else {
        return Err(v.into_fault());
    };
    let cells = if sent.suppress_small_cells { SmallCells::Suppressed } else { SmallCells::Shown };
    Ok(Create {
        request_id: sent.request_id,
        fingerprint,
        title: sent.title,
        report,
        mode,
        expires,
        passcode: Some(sent.passcode).filter(|passcode| !passcode.is_empty()),
        cells,
    })
}

pub(super) fn revoke(sent: api::RevokeShareLinkRequest) -> Result<ShareId, Fault> {
    let mut v = Violations::new();
    request_id(&mut v, &sent.request_id);
    let id = share_id(&mut v, &sent.share_link_id);
    match (id, v.is_empty()) {
        (Some(id), true) => Ok(id),
        _ => Err(v.into_fault()),
    }
}

pub(super) fn id(sent: &str) -> Result<ShareId, Fault> {
    let mut v = Violations::new();
    share_id(&mut v, sent).ok_or_else(|| v.into_fault())
}

pub(super) fn open(sent: api::OpenShareLinkRequest) -> Result<api::OpenShareLinkRequest, Fault> {
    let mut v = Violations::new();
    if sent.token.is_empty() {
        v.add("token", ErrorReason::Required, "is what stands behind the link");
    }
    v.finish()?;
    Ok(sent)
}

/// The page, and where the one before ended: a moment and a number.
pub(super) fn page(
    size: i32,
    token: &str,
    filter: &[u8],
) -> Result<(Page, Option<[i64; 2]>), Fault> {
    let mut v = Violations::new();
    let page = Page::parse(&mut v, PAGE, size, token, filter);
    let after = page.as_ref().and_then(Page::after_place);
    if page.is_some() && after.is_none() {
        page::refuse(&mut v);
    }
    page.zip(after).ok_or_else(|| v.into_fault())
}

fn share_id(v: &mut Violations, sent: &str) -> Option<ShareId> {
    if sent.is_empty() {
        v.add("share_link_id", ErrorReason::Required, "is the id of a link, \"sh_…\"");
        return None;
    }
    v.take("share_link_id", sent.parse())
}

fn request_id(v: &mut Violations, sent: &str) {
    if sent.is_empty() {
        let hint = "is your name for this request: the same again changes nothing";
        v.add("request_id", ErrorReason::Required, hint);
    } else if sent.len() > REQUEST_ID_BYTES_MAX {
        let what = format!("has at most {REQUEST_ID_BYTES_MAX} bytes; {} were sent", sent.len());
        v.add("request_id", ErrorReason::TooLarge, what);
    }
}

fn mode(v: &mut Violations, sent: i32) -> Option<Mode> {
    match api::ShareMode::try_from(sent) {
        Ok(api::ShareMode::Unspecified | api::ShareMode::Live) => Some(Mode::Live),
        Ok(api::ShareMode::Frozen) => Some(Mode::Frozen),
        Err(_) => {
            v.add("mode", ErrorReason::InvalidField, "this number is not in the contract");
            None
        }
    }
}

fn expires(
    v: &mut Violations,
    sent: Option<&wire::Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    let Some(sent) = sent else { return Some(now.plus(LIFE)) };
    let at = Timestamp::from_parts(sent.seconds, sent.nanos);
    if at > now && at <= now.plus(LIFE_MAX) {
        return Some(at);
    }
    let what = format!("is later than now, by 366 days at most; {at} was sent, and it is {now}");
    v.add("expire_time", ErrorReason::OutOfRange, what);
    None
}

/// Of everything but the name of the request, and of a passcode only that there is one: it is short, and
/// a hash of it beside known words could be guessed.
fn fingerprint(sent: &api::CreateShareLinkRequest) -> [u8; 32] {
    let mut sent = sent.clone();
    sent.request_id.clear();
    if !sent.passcode.is_empty() {
        sent.passcode = "set".to_owned();
    }
    Sha256::digest(sent.encode_to_vec()).into()
}
