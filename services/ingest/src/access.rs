//! Who may come in: use cases of workspaces and keys.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chassis::auth::{Authenticator, Principal};
use fault::{ErrorReason, Fault};
use kernel::{Clock, Currency, IdSource, Timestamp, WorkspaceId};
use moka::future::Cache;
use wire::common::v1 as common;

use crate::domain::{
    Allowance, ApiKey, BadKey, Keep, KeyId, KeyRecord, Scope, Scopes, Successor, Workspace,
    workspace,
};
use crate::last_use::LastUse;
use crate::store::{AccessStore, Created, Revoked, Rotated};

/// A key revoked through another replica is refused here after this: the contract promises 2 s.
const REMEMBER: Duration = Duration::from_secs(1);
/// Keys remembered at once; the least used are forgotten first.
const KEYS_MAX: u64 = 10_000;

/// Workspaces and keys of this install.
#[derive(Clone)]
pub(crate) struct Access {
    store: AccessStore,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    /// Keys that exist, as they were a moment ago: without it every call costs a look-up. Expiry and the
    /// secret are checked on every call all the same.
    known: Cache<KeyId, Arc<Known>>,
    last_use: LastUse,
}

/// A key, and the caller it makes.
struct Known {
    record: KeyRecord,
    principal: Principal,
    /// Whether its next use is to be noted.
    due: AtomicBool,
}

impl Known {
    fn new(record: KeyRecord, now: Timestamp) -> Self {
        let scopes =
            record.scopes.iter().filter_map(|scope| common::Scope::try_from(scope.number()).ok());
        let principal = Principal::key(record.workspace, record.id.to_string(), scopes.collect());
        let due = AtomicBool::new(LastUse::is_due(&record, now));
        Self { record, principal, due }
    }
}

/// What a caller wants a workspace to be.
pub(crate) struct NewWorkspace {
    pub(crate) name: String,
    pub(crate) time_zone: String,
    pub(crate) currency: Currency,
    pub(crate) request_id: Option<String>,
}

/// What a caller wants a key to be.
pub(crate) struct NewKey {
    pub(crate) workspace: WorkspaceId,
    pub(crate) name: String,
    pub(crate) scopes: Scopes,
    pub(crate) ttl: Option<Duration>,
}

/// A key that took another's place.
pub(crate) struct Rotation {
    pub(crate) old: KeyRecord,
    pub(crate) new: KeyRecord,
    /// `None` when the same request was answered before: keys are shown once.
    pub(crate) key: Option<ApiKey>,
}

impl Access {
    /// Access, and the loop that notes when keys were used.
    pub(crate) fn new(
        store: AccessStore,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let known = Cache::builder().max_capacity(KEYS_MAX).time_to_live(REMEMBER).build();
        let (last_use, noting) = LastUse::new(store.clone());
        (Self { store, clock, ids, known, last_use }, noting)
    }

    /// Creates a workspace with an admin key. Asked again under the same request id: the workspace that
    /// stands, and no key, since keys are shown once.
    pub(crate) async fn create_workspace(
        &self,
        new: NewWorkspace,
    ) -> Result<(Workspace, Option<ApiKey>), Error> {
        let workspace = Workspace {
            id: workspace::new_id(new.request_id.as_deref(), &*self.ids),
            name: new.name,
            time_zone: new.time_zone,
            currency: new.currency,
            accept_unknown: false,
            created: self.clock.now(),
            allowance: Allowance::default(),
        };
        let key = ApiKey::issue(&*self.ids);
        let record = self.record(
            &key,
            NewKey {
                workspace: workspace.id,
                name: "first admin key".to_owned(),
                scopes: [Scope::Admin].into_iter().collect(),
                ttl: None,
            },
        );
        match self.store.create(workspace.clone(), record).await? {
            Created::New => Ok((workspace, Some(key))),
            Created::Stood(standing) => {
                let same = standing.name == workspace.name
                    && standing.time_zone == workspace.time_zone
                    && standing.currency == workspace.currency;
                if same { Ok((standing, None)) } else { Err(Error::RequestIdReused) }
            }
        }
    }

    /// On a fresh install: a workspace to begin with.
    pub(crate) async fn bootstrap(&self) -> Result<Option<(Workspace, ApiKey)>, Error> {
        if !self.store.is_empty().await? {
            return Ok(None);
        }
        let new = NewWorkspace {
            name: "default".to_owned(),
            time_zone: "UTC".to_owned(),
            currency: Currency::EUR,
            // Of replicas that start together on an empty database one creates it.
            request_id: Some("bootstrap".to_owned()),
        };
        let (workspace, key) = self.create_workspace(new).await?;
        Ok(key.map(|key| (workspace, key)))
    }

    pub(crate) async fn workspace(&self, id: WorkspaceId) -> Result<Workspace, Error> {
        self.store.find(id).await?.ok_or(Error::NoWorkspace)
    }

    pub(crate) async fn change_workspace(
        &self,
        id: WorkspaceId,
        change: workspace::Change,
    ) -> Result<Workspace, Error> {
        if change == workspace::Change::default() {
            // Who only asks how it is makes no writer wait.
            return self.workspace(id).await;
        }
        self.store.change(id, change).await?.ok_or(Error::NoWorkspace)
    }

    pub(crate) async fn create_key(&self, new: NewKey) -> Result<(KeyRecord, ApiKey), Error> {
        self.workspace(new.workspace).await?;
        let key = ApiKey::issue(&*self.ids);
        let record = self.record(&key, new);
        self.store.add_key(record.clone()).await?;
        Ok((record, key))
    }

    pub(crate) async fn revoke_key(
        &self,
        workspace: WorkspaceId,
        id: KeyId,
        keep: Keep,
    ) -> Result<KeyRecord, Error> {
        let revoked = self.store.revoke(workspace, id, self.clock.now(), keep).await?;
        self.known.invalidate(&id).await;
        match revoked {
            Revoked::Done(key) => Ok(key),
            Revoked::LastAdmin => Err(Error::LastAdmin),
            Revoked::Nowhere => Err(Error::NoKey),
        }
    }

    /// Puts a new key in the place of one. Asked again under the same request id: the key that stands.
    pub(crate) async fn rotate_key(
        &self,
        workspace: WorkspaceId,
        id: KeyId,
        overlap: Duration,
        request_id: Option<&str>,
    ) -> Result<Rotation, Error> {
        let key = match request_id {
            None => ApiKey::issue(&*self.ids),
            Some(request) => {
                ApiKey::issue_as(KeyId::of_request(workspace, id, request), &*self.ids)
            }
        };
        let successor = Successor { id: key.id, digest: key.digest() };
        let now = self.clock.now();
        let rotated = self.store.rotate(workspace, id, successor, now, overlap).await?;
        self.known.invalidate(&id).await;
        match rotated {
            Rotated::Done { old, new } => Ok(Rotation { old, new, key: Some(key) }),
            Rotated::Stood { old, new } => Ok(Rotation { old, new, key: None }),
            Rotated::Refused(why) => Err(Error::CannotRotate(why)),
            Rotated::Nowhere => Err(Error::NoKey),
        }
    }

    pub(crate) async fn keys(
        &self,
        workspace: WorkspaceId,
        after: Option<(Timestamp, KeyId)>,
        limit: u64,
    ) -> Result<Vec<KeyRecord>, Error> {
        Ok(self.store.keys(workspace, after, limit).await?)
    }

    /// The record of a key that is valid now, as it lies: the service that asks remembers the answer for
    /// a second, and two memories in a row are all the time a revocation may take.
    pub(crate) async fn admit(&self, text: &str) -> Result<KeyRecord, Error> {
        let key = ApiKey::parse(text).map_err(Error::BadKey)?;
        let known = self.look_up(key.id).await?;
        self.enter(&known, &key)?;
        Ok(known.record.clone())
    }

    async fn holder(&self, text: &str) -> Result<Arc<Known>, Error> {
        let key = ApiKey::parse(text).map_err(Error::BadKey)?;
        let known = match self.known.get(&key.id).await {
            Some(known) => known,
            // Of all who call with a key when its time is over one asks: they were a dozen queries each
            // second for each busy key. Boxed, since hardly a call needs the room.
            None => {
                let found = self.known.try_get_with(key.id, self.find(key.id));
                Box::pin(found).await.map_err(Arc::unwrap_or_clone)?
            }
        };
        self.enter(&known, &key)?;
        Ok(known)
    }

    /// Whether a key that was let in may go on: a call that outlasts its admission asks now and then.
    pub(crate) async fn still_holds(&self, id: KeyId) -> Result<(), Error> {
        let now = self.clock.now();
        let gone = match self.store.find_key(id).await? {
            None => Some(BadKey::Unknown),
            Some(key) if key.revoked.is_some() => Some(BadKey::Revoked),
            Some(key) if key.expires.is_some_and(|at| at <= now) => Some(BadKey::Expired),
            Some(_) => None,
        };
        gone.map_or(Ok(()), |bad| Err(Error::BadKey(bad)))
    }

    async fn look_up(&self, id: KeyId) -> Result<Arc<Known>, Error> {
        let known = self.find(id).await?;
        self.known.insert(id, Arc::clone(&known)).await;
        Ok(known)
    }

    /// What does not exist is an error and not remembered: it may be created the next moment.
    async fn find(&self, id: KeyId) -> Result<Arc<Known>, Error> {
        let found = self.store.find_key(id).await?;
        let record = found.ok_or(Error::BadKey(BadKey::Unknown))?;
        Ok(Arc::new(Known::new(record, self.clock.now())))
    }

    fn enter(&self, known: &Known, key: &ApiKey) -> Result<(), Error> {
        let now = self.clock.now();
        known.record.admits(key, now).map_err(Error::BadKey)?;
        if known.due.load(Ordering::Relaxed) && known.due.swap(false, Ordering::Relaxed) {
            self.last_use.note(key.id, now);
        }
        Ok(())
    }

    fn record(&self, key: &ApiKey, new: NewKey) -> KeyRecord {
        let now = self.clock.now();
        KeyRecord {
            id: key.id,
            workspace: new.workspace,
            name: new.name,
            scopes: new.scopes,
            digest: key.digest(),
            created: now,
            expires: new.ttl.map(|ttl| now.plus(ttl)),
            revoked: None,
            last_used: None,
        }
    }
}

/// Why access was not given or not changed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Error {
    #[error("the key opens nothing: {0:?}")]
    BadKey(BadKey),
    #[error("no such workspace")]
    NoWorkspace,
    #[error("no such key")]
    NoKey,
    #[error("the key is the last one that may administer its workspace")]
    LastAdmin,
    #[error("the key opens nothing any more: {0:?}")]
    CannotRotate(BadKey),
    #[error("the request id was used for another workspace")]
    RequestIdReused,
    #[error(transparent)]
    Store(#[from] db::Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::BadKey(BadKey::Malformed) => Fault::unauthenticated(
                ErrorReason::MalformedCredentials,
                "this is not a whole API key: its checksum does not fit; copy it again",
            ),
            Error::BadKey(BadKey::Unknown) => {
                Fault::unauthenticated(ErrorReason::UnknownCredentials, "no such API key")
            }
            Error::BadKey(BadKey::Revoked) => Fault::unauthenticated(
                ErrorReason::RevokedCredentials,
                "this API key was revoked; ask an admin of the workspace for a new one",
            ),
            Error::BadKey(BadKey::Expired) => Fault::unauthenticated(
                ErrorReason::ExpiredCredentials,
                "this API key has expired; ask an admin of the workspace for a new one",
            ),
            Error::NoWorkspace => {
                Fault::not_found(ErrorReason::ResourceNotFound, "no such workspace")
                    .with("resource", "workspace")
            }
            Error::NoKey => Fault::not_found(ErrorReason::ResourceNotFound, "no such API key")
                .with("resource", "api_key"),
            Error::LastAdmin => Fault::precondition(
                ErrorReason::LastAdminKey,
                "this is the last admin key of the workspace: create another one first, or have the operator revoke it \
                 with the service token",
            ),
            Error::CannotRotate(BadKey::Revoked) => Fault::precondition(
                ErrorReason::RevokedCredentials,
                "this API key was revoked, and nothing takes its place: create a new one",
            ),
            Error::CannotRotate(_) => Fault::precondition(
                ErrorReason::ExpiredCredentials,
                "this API key has expired, and nothing takes its place: create a new one",
            ),
            Error::RequestIdReused => Fault::exists(
                ErrorReason::RequestIdReused,
                "this request_id created a workspace with other settings; use a new one",
            ),
            Error::Store(error) if error.is_retryable() => {
                Fault::storage_unavailable().because(error)
            }
            Error::Store(error) => Fault::internal("access could not be checked").because(error),
        }
    }
}

/// The chassis asks here who is calling.
#[async_trait]
impl Authenticator for Access {
    async fn authenticate(&self, key: &str) -> Result<Principal, Fault> {
        Ok(self.holder(key).await?.principal.clone())
    }
}

#[cfg(test)]
mod tests;
