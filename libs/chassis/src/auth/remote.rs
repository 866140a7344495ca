//! Asking ingest whom a key belongs to, at most once a second for each key.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fault::{Code, ErrorReason, Fault};
use moka::future::Cache;
use tonic::Status;
use tonic_types::StatusExt as _;
use wire::common::v1::Scope;
use wire::ingest::v1::AuthenticateRequest;
use wire::ingest::v1::access_service_client::AccessServiceClient;

use super::gate::{REFUSED, digest};
use super::{Authenticator, Principal};
use crate::{Channel, client};

/// A revoked key is refused everywhere after this: the bound the contract promises is 2 s.
const REMEMBER: Duration = Duration::from_secs(1);

/// Keys remembered at once; the least used are forgotten first.
const KEYS_MAX: u64 = 10_000;

/// Remembers answers, good and bad, by the digest of the key: the key itself is kept nowhere.
pub struct Remote {
    access: AccessServiceClient<Channel>,
    verdicts: Cache<[u8; 32], Verdict>,
}

#[derive(Clone)]
enum Verdict {
    Holder(Principal),
    Refused { reason: ErrorReason, public: Arc<str> },
}

impl Remote {
    /// Over a channel to ingest made by [`crate::connect`].
    #[must_use]
    pub fn new(ingest: Channel) -> Self {
        let verdicts = Cache::builder().max_capacity(KEYS_MAX).time_to_live(REMEMBER).build();
        Self { access: AccessServiceClient::new(ingest), verdicts }
    }

    async fn ask(&self, key: &str) -> Result<Verdict, Fault> {
        let request = AuthenticateRequest { api_key: key.to_owned() };
        match self.access.clone().authenticate(request).await {
            Ok(response) => {
                let holder = response.into_inner();
                let workspace = holder.workspace_id.parse().map_err(|error| {
                    Fault::internal("could not check the credential").because(error)
                })?;
                // A scope added after this build is one this build cannot grant.
                let scopes =
                    holder.scopes.into_iter().filter_map(|scope| Scope::try_from(scope).ok());
                Ok(Verdict::Holder(Principal::key(workspace, holder.key_id, scopes.collect())))
            }
            Err(status) => refusal(status),
        }
    }
}

#[async_trait]
impl Authenticator for Remote {
    async fn authenticate(&self, key: &str) -> Result<Principal, Fault> {
        // Concurrent calls with one key ask once. An error is an outage: it is not remembered.
        let verdict = self.verdicts.try_get_with(digest(key), self.ask(key)).await;
        match verdict {
            Ok(Verdict::Holder(principal)) => Ok(principal),
            Ok(Verdict::Refused { reason, public }) => {
                Err(Fault::unauthenticated(reason, &*public))
            }
            Err(fault) => Err(Fault::new(fault.code(), fault.reason(), fault.public())
                .with("service", "ingest")
                .because(format!("asking ingest failed: {fault:?}"))),
        }
    }
}

/// A refusal of the key is an answer; anything else, such as a refusal of our own token, is an outage.
fn refusal(status: Status) -> Result<Verdict, Fault> {
    let about_ourselves =
        status.get_details_error_info().is_some_and(|info| info.metadata.contains_key(REFUSED));
    let about_the_key = match fault::reason_of(&status) {
        Some(
            reason @ (ErrorReason::MalformedCredentials
            | ErrorReason::UnknownCredentials
            | ErrorReason::RevokedCredentials
            | ErrorReason::ExpiredCredentials),
        ) if !about_ourselves => reason,
        _ => {
            let cause = fault::chain(&status);
            return Err(match client::fault_of("ingest", status) {
                outage if outage.code() == Code::Unavailable => outage,
                _ => Fault::unavailable(
                    ErrorReason::DependencyUnavailable,
                    "the credential could not be checked; call again",
                )
                .because(format!("ingest refused to check it: {cause}")),
            });
        }
    };
    Ok(Verdict::Refused { reason: about_the_key, public: status.message().into() })
}
