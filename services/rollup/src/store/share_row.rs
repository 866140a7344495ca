//! Rows of shared links become links, and the other way round.

use kernel::{Timestamp, WorkspaceId};
use sea_orm::ActiveValue::Set;

use super::entity::{share_attempt, share_link};
use super::shares::Request;
use crate::domain::{Attempt, Opening, Reader, Sealed, Share, ShareId, SmallCells, TokenDigest};

const LINKS: &str = "share_link";

pub(super) fn new(share: Share, request: Request) -> share_link::ActiveModel {
    share_link::ActiveModel {
        partition: Set(share.workspace.partition().get()),
        share_link: Set(share.id.get()),
        workspace: Set(share.workspace.get()),
        token_hash: Set(share.token.0.to_vec()),
        request_key: Set(request.key.to_vec()),
        request_hash: Set(request.fingerprint.to_vec()),
        title: Set(share.title),
        report: Set(share.report),
        frozen: Set(share.frozen),
        passcode_hash: Set(share.passcode.map(|passcode| passcode.0.to_vec())),
        suppress_small: Set(share.cells == SmallCells::Suppressed),
        created_time: Set(share.created.micros()),
        expire_time: Set(share.expires.micros()),
        revoked_time: Set(share.revoked.map(Timestamp::micros)),
        opens: Set(share.opens),
        last_opened_time: Set(share.last_opened.map(Timestamp::micros)),
    }
}

pub(super) fn share(row: share_link::Model) -> Result<Share, db::Error> {
    let corrupt = |column| db::Error::corrupt(LINKS, column, row.share_link);
    let hash = |column, bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| corrupt(column));
    let passcode = row.passcode_hash.as_deref();
    Ok(Share {
        id: ShareId::new(row.share_link).ok_or_else(|| corrupt("share_link"))?,
        workspace: WorkspaceId::new(row.workspace).ok_or_else(|| corrupt("workspace"))?,
        token: TokenDigest(hash("token_hash", &row.token_hash)?),
        passcode: passcode.map(|bytes| hash("passcode_hash", bytes)).transpose()?.map(Sealed),
        title: row.title,
        report: row.report,
        frozen: row.frozen,
        cells: if row.suppress_small { SmallCells::Suppressed } else { SmallCells::Shown },
        created: Timestamp::from_micros(row.created_time),
        expires: Timestamp::from_micros(row.expire_time),
        revoked: row.revoked_time.map(Timestamp::from_micros),
        opens: row.opens,
        last_opened: row.last_opened_time.map(Timestamp::from_micros),
    })
}

pub(super) fn attempt(row: share_attempt::Model) -> Result<Attempt, db::Error> {
    let corrupt = || db::Error::corrupt("share_attempt", "outcome", row.attempt);
    Ok(Attempt {
        number: row.attempt,
        at: Timestamp::from_micros(row.attempted_time),
        opening: Opening::parse(&row.outcome).ok_or_else(corrupt)?,
        reader: Reader { address: row.reader_address, agent: row.reader_agent },
    })
}
