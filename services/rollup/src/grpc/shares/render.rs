//! Links and what they open become messages. Nothing here can fail.

use kernel::Timestamp;
use sha2::{Digest as _, Sha256};
use wire::rollup::v1 as api;

use crate::domain::{Attempt, Opening, Share, SmallCells};
use crate::grpc::desk::Report;

pub(super) fn link(share: &Share) -> api::ShareLink {
    api::ShareLink {
        share_link_id: share.id.to_string(),
        title: share.title.clone(),
        mode: mode(share).into(),
        create_time: Some(timestamp(share.created)),
        expire_time: Some(timestamp(share.expires)),
        revoke_time: share.revoked.map(timestamp),
        passcode_required: share.passcode.is_some(),
        suppress_small_cells: share.cells == SmallCells::Suppressed,
        opens: share.opens,
        last_open_time: share.last_opened.map(timestamp),
    }
}

pub(super) fn attempt(attempt: Attempt) -> api::ShareAttempt {
    let outcome = match attempt.opening {
        Opening::Opened => api::ShareOutcome::Opened,
        Opening::Expired => api::ShareOutcome::Expired,
        Opening::Revoked => api::ShareOutcome::Revoked,
        Opening::Passcode => api::ShareOutcome::WrongPasscode,
    };
    api::ShareAttempt {
        attempt_time: Some(timestamp(attempt.at)),
        outcome: outcome.into(),
        reader_address: attempt.reader.address,
        reader_agent: attempt.reader.agent,
    }
}

pub(super) fn opened(share: &Share, report: Report) -> api::OpenShareLinkResponse {
    use api::open_share_link_response::Report as Wire;
    let report = match report {
        Report::Overview(overview) => Wire::Overview(*overview),
        Report::Savings(savings) => Wire::Savings(*savings),
        Report::TimeSeries(series) => Wire::TimeSeries(*series),
    };
    api::OpenShareLinkResponse {
        title: share.title.clone(),
        mode: mode(share).into(),
        report: Some(report),
        digest: share.frozen.as_deref().map(hex_digest).unwrap_or_default(),
        expire_time: Some(timestamp(share.expires)),
    }
}

fn mode(share: &Share) -> api::ShareMode {
    if share.frozen.is_some() { api::ShareMode::Frozen } else { api::ShareMode::Live }
}

fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn timestamp(at: Timestamp) -> wire::Timestamp {
    at.parts().into()
}
