//! What is kept of shared links.

use async_trait::async_trait;
use kernel::{Timestamp, WorkspaceId};

use crate::domain::{Attempt, Share, ShareId, TokenDigest};

/// One method is one transaction. No method looks further than one partition.
#[async_trait]
pub(crate) trait ShareStore: Send + Sync + 'static {
    /// Keeps a link, once for each request.
    ///
    /// # Errors
    /// [`db::Error`] when the database failed.
    async fn register(&self, share: Share, request: Request) -> Result<Registered, db::Error>;

    /// A link of a workspace.
    ///
    /// # Errors
    /// [`db::Error::Corrupt`] when the row does not hold what it should.
    async fn find(&self, workspace: WorkspaceId, id: ShareId) -> Result<Option<Share>, db::Error>;

    /// The link a token opens, or opened.
    ///
    /// # Errors
    /// As [`Self::find`].
    async fn by_token(&self, token: TokenDigest) -> Result<Option<Share>, db::Error>;

    /// Links of a workspace, the newest first, from behind `after` on.
    ///
    /// # Errors
    /// As [`Self::find`].
    async fn page(
        &self,
        workspace: WorkspaceId,
        after: Option<(Timestamp, ShareId)>,
        limit: u64,
    ) -> Result<Vec<Share>, db::Error>;

    /// Ends a link; one that was ended keeps its time.
    ///
    /// # Errors
    /// As [`Self::find`].
    async fn revoke(
        &self,
        workspace: WorkspaceId,
        id: ShareId,
        at: Timestamp,
    ) -> Result<Option<Share>, db::Error>;

    /// Writes an attempt into the log of a link, and counts it where it opened the link. Says whether the
    /// link was not revoked meanwhile: what is not logged must not be shown, nor what was revoked.
    ///
    /// # Errors
    /// [`db::Error`] when the database failed.
    async fn log(&self, share: &Share, attempt: Attempt) -> Result<bool, db::Error>;

    /// The log of a link, the latest first, from behind `after` on.
    ///
    /// # Errors
    /// As [`Self::find`].
    async fn attempts(
        &self,
        workspace: WorkspaceId,
        id: ShareId,
        after: Option<(Timestamp, i64)>,
        limit: u64,
    ) -> Result<Vec<Attempt>, db::Error>;
}

/// What makes a registration happen once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    /// Names the request within everything of a partition.
    pub(crate) key: [u8; 32],
    /// Of what was asked for under it.
    pub(crate) fingerprint: [u8; 32],
}

/// What became of a registration.
#[derive(Debug)]
pub(crate) enum Registered {
    New,
    /// The request has made this one before.
    Stood(Box<Share>),
    /// The request has made another one before.
    Reused,
}
