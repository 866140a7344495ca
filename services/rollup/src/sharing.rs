//! The use cases of shared links: make, list, end, open, and who opened.

use std::sync::Arc;

use fault::{ErrorReason, Fault};
use kernel::{Clock, IdSource, Timestamp, WorkspaceId};
use sha2::{Digest as _, Sha256};

use crate::attempts::{Attempts, PAUSE};
use crate::domain::{Attempt, Opening, Reader, Share, ShareId, SmallCells, Token};
use crate::store::{Registered, Request, ShareStore};

/// Shared links over a store.
pub(crate) struct Sharing {
    store: Arc<dyn ShareStore>,
    attempts: Attempts,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

/// A link that is asked for.
pub(crate) struct NewShare {
    pub(crate) workspace: WorkspaceId,
    pub(crate) request_id: String,
    /// Of everything asked for but the passcode, which could be guessed from it.
    pub(crate) fingerprint: [u8; 32],
    pub(crate) title: String,
    pub(crate) report: Vec<u8>,
    pub(crate) frozen: Option<Vec<u8>>,
    pub(crate) passcode: Option<String>,
    pub(crate) cells: SmallCells,
    pub(crate) expires: Timestamp,
}

/// A link that is there, with its token when it has just been made.
pub(crate) struct Made {
    pub(crate) share: Share,
    pub(crate) token: Option<Token>,
}

impl Sharing {
    pub(crate) fn new(
        store: Arc<dyn ShareStore>,
        attempts: Attempts,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self { store, attempts, clock, ids }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn create(&self, new: NewShare) -> Result<Made, Fault> {
        let token = Token::draw(new.workspace.partition(), &*self.ids);
        let request = Request {
            key: request_key(new.workspace, &new.request_id),
            fingerprint: new.fingerprint,
        };
        let share = Share {
            id: ShareId::draw(&*self.ids),
            workspace: new.workspace,
            token: token.digest(),
            title: new.title,
            report: new.report,
            frozen: new.frozen,
            passcode: new.passcode.map(|passcode| token.seal(&passcode)),
            cells: new.cells,
            created: self.clock.now(),
            expires: new.expires,
            revoked: None,
            opens: 0,
            last_opened: None,
        };
        match self.store.register(share.clone(), request).await.map_err(stored)? {
            Registered::New => Ok(Made { share, token: Some(token) }),
            Registered::Stood(share) => Ok(Made { share: *share, token: None }),
            Registered::Reused => Err(Fault::exists(
                ErrorReason::RequestIdReused,
                "this request_id made a link with other fields; use a new one",
            )),
        }
    }

    pub(crate) async fn page(
        &self,
        workspace: WorkspaceId,
        after: Option<(Timestamp, ShareId)>,
        limit: u64,
    ) -> Result<Vec<Share>, Fault> {
        self.store.page(workspace, after, limit).await.map_err(stored)
    }

    pub(crate) async fn revoke(&self, workspace: WorkspaceId, id: ShareId) -> Result<Share, Fault> {
        let revoked = self.store.revoke(workspace, id, self.clock.now()).await.map_err(stored)?;
        revoked.ok_or_else(|| nowhere(id))
    }

    pub(crate) async fn attempts(
        &self,
        workspace: WorkspaceId,
        id: ShareId,
        after: Option<(Timestamp, i64)>,
        limit: u64,
    ) -> Result<Vec<Attempt>, Fault> {
        let found = self.store.find(workspace, id).await.map_err(stored)?;
        found.ok_or_else(|| nowhere(id))?;
        self.store.attempts(workspace, id, after, limit).await.map_err(stored)
    }

    /// The link behind a token, for whoever may open it. Read from the database each time, so that a
    /// revocation holds everywhere at once. [`Self::opened`] follows before anything is shown.
    pub(crate) async fn admit(
        &self,
        token: &str,
        passcode: &str,
        reader: &Reader,
    ) -> Result<Share, Fault> {
        let token = Token::parse(token).ok_or_else(closed)?;
        let found = self.store.by_token(token.digest()).await.map_err(stored)?;
        let share = found.ok_or_else(closed)?;
        let now = self.clock.now();
        let (workspace, id) = (share.workspace, share.id);
        let opening = share.opening(&token, passcode, now);
        let tried = share.passcode.is_some() && !passcode.is_empty();
        let tried = tried && matches!(opening, Opening::Opened | Opening::Passcode);
        // Before anything tells whether it was the right one.
        if tried && !self.attempts.may_try(workspace, id, now).await {
            return Err(Fault::exhausted(
                ErrorReason::RateLimited,
                "too many wrong passcodes; try again in 15 minutes",
            )
            .retry_after(PAUSE));
        }
        if opening == Opening::Opened {
            return Ok(share);
        }
        if tried {
            self.attempts.was_wrong(workspace, id).await;
        }
        if self.attempts.is_logged(workspace, id, now).await {
            let attempt = self.attempt(opening, reader.clone());
            self.store.log(&share, attempt).await.map_err(stored)?;
        }
        Err(if opening == Opening::Passcode { locked() } else { closed() })
    }

    /// Notes that a link is opened; refuses where it was revoked while its report was made.
    pub(crate) async fn opened(&self, share: &Share, reader: Reader) -> Result<(), Fault> {
        let attempt = self.attempt(Opening::Opened, reader);
        let standing = self.store.log(share, attempt).await.map_err(stored)?;
        if standing { Ok(()) } else { Err(closed()) }
    }

    fn attempt(&self, opening: Opening, reader: Reader) -> Attempt {
        Attempt { number: self.ids.next_i64(), at: self.clock.now(), opening, reader }
    }
}

fn request_key(workspace: WorkspaceId, request_id: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(workspace.get().to_be_bytes());
    hash.update(request_id);
    hash.finalize().into()
}

/// Whoever holds an old link learns nothing but that it opens nothing.
fn closed() -> Fault {
    Fault::not_found(
        ErrorReason::ResourceNotFound,
        "this link opens nothing: there is none, or none any more",
    )
    .with("resource", "share_link")
}

fn locked() -> Fault {
    Fault::denied(
        ErrorReason::WrongPasscode,
        "this link asks for a passcode, and none or another one was sent",
    )
}

fn nowhere(id: ShareId) -> Fault {
    Fault::not_found(ErrorReason::ResourceNotFound, format!("this workspace has no link {id}"))
        .with("resource", "share_link")
}

fn stored(error: db::Error) -> Fault {
    if error.is_retryable() {
        return Fault::storage_unavailable().because(error);
    }
    Fault::internal("the link could not be read or written").because(error)
}
