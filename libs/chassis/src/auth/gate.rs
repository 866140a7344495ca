//! The check before every handler: a credential, and the scope the contract asks for.

use std::sync::Arc;

use fault::{ErrorReason, Fault};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use kernel::WorkspaceId;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use wire::common::v1::Scope;

use super::{Authenticator, Principal};
use crate::config::expose;
use crate::layer::{Access, Method};

/// Metadata with which a service says for which workspace it acts.
pub const WORKSPACE_HEADER: &str = "tally-workspace";

/// Marks a refusal as being about the credential of the call itself. A service whose own token is
/// refused by ingest must not take that for a verdict on the key it asked about.
pub(super) const REFUSED: &str = "refused";
const REFUSED_CALL: &str = "call";

/// The check itself, shared by all calls of a server.
#[derive(Clone)]
pub(crate) struct Gate {
    /// The service behind it, for refusals.
    name: &'static str,
    /// Digests have one length, so comparing them tells nothing about the token's.
    service_token: [u8; 32],
    authenticator: Arc<dyn Authenticator>,
}

impl Gate {
    pub(crate) fn new(
        name: &'static str,
        service_token: &SecretString,
        authenticator: Arc<dyn Authenticator>,
    ) -> Self {
        Self { name, service_token: digest(expose(service_token)), authenticator }
    }

    /// The caller, or `None` where none is asked for.
    pub(crate) async fn admit(
        &self,
        method: Method,
        headers: &HeaderMap,
    ) -> Result<Option<Principal>, Fault> {
        let needed = match method.access {
            Access::Plumbing | Access::Scope(Scope::Public) => return Ok(None),
            Access::Scope(scope) => Some(scope),
            Access::Unknown => None,
        };
        let principal = self.identify(headers).await.map_err(|refusal| {
            // Only a service calls these, and only a service names a workspace beside its credential.
            let from_a_service =
                needed == Some(Scope::Service) || headers.contains_key(WORKSPACE_HEADER);
            if from_a_service { self.about_the_token(refusal) } else { refusal }
        })?;
        match needed {
            Some(scope) if !principal.allows(scope) => Err(Fault::denied(
                ErrorReason::InsufficientScope,
                format!("this call needs the scope {}", scope_name(scope)),
            )
            .with("required", scope_name(scope))),
            Some(_) | None => Ok(Some(principal)),
        }
    }

    async fn identify(&self, headers: &HeaderMap) -> Result<Principal, Fault> {
        let credential = bearer(headers)?;
        if bool::from(digest(credential).ct_eq(&self.service_token)) {
            return Ok(Principal::service(acting_for(headers)?));
        }
        let found = self.authenticator.authenticate(credential).await;
        found.map_err(|fault| fault.with(REFUSED, REFUSED_CALL))
    }

    /// A service token that is not ours was looked up as an API key and refused as one. Whoever sent it
    /// has no key to copy again: they must be told of the token.
    fn about_the_token(&self, refusal: Fault) -> Fault {
        match refusal.reason() {
            ErrorReason::MalformedCredentials | ErrorReason::UnknownCredentials => {
                Fault::unauthenticated(
                    ErrorReason::UnknownCredentials,
                    format!(
                        "the service token of the caller is not the one {} has: give every process of the suite the \
                         same TALLY_SERVICE_TOKEN",
                        self.name
                    ),
                )
                .with(REFUSED, REFUSED_CALL)
            }
            _ => refusal,
        }
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Fault> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Err(Fault::unauthenticated(
            ErrorReason::MissingCredentials,
            "no credential: send `authorization: Bearer <key>`",
        ));
    };
    value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, credential)| credential.trim())
        .filter(|credential| !credential.is_empty())
        .ok_or_else(|| {
            Fault::unauthenticated(
                ErrorReason::MalformedCredentials,
                "the authorization metadata is not `Bearer <key>`",
            )
        })
}

fn acting_for(headers: &HeaderMap) -> Result<Option<WorkspaceId>, Fault> {
    let Some(value) = headers.get(WORKSPACE_HEADER) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes());
    text.parse().map(Some).map_err(|error| {
        let mut violations = fault::Violations::new();
        let _: Option<()> = violations.take(WORKSPACE_HEADER, Err(error));
        violations.into_fault()
    })
}

pub(super) fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn scope_name(scope: Scope) -> &'static str {
    let name = scope.as_str_name();
    name.strip_prefix("SCOPE_").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use http::HeaderValue;

    /// Takes the name of a scope for a key that holds it.
    struct ByName;

    #[async_trait]
    impl Authenticator for ByName {
        async fn authenticate(&self, key: &str) -> Result<Principal, Fault> {
            let scope = Scope::from_str_name(key).ok_or_else(|| {
                Fault::unauthenticated(ErrorReason::UnknownCredentials, "no such key")
            })?;
            Ok(Principal::key(WorkspaceId::new(1).expect("positive"), key, vec![scope]))
        }
    }

    fn gate() -> Gate {
        Gate::new("ingest", &SecretString::from("the token"), Arc::new(ByName))
    }

    fn bearing(credential: &str) -> HeaderMap {
        let value = HeaderValue::try_from(format!("Bearer {credential}")).expect("ascii");
        HeaderMap::from_iter([(AUTHORIZATION, value)])
    }

    /// RELIABILITY T22: every RPC against every kind of key, from the descriptors.
    #[tokio::test]
    async fn every_rpc_admits_exactly_the_scopes_that_cover_it() {
        use Scope::{Admin, Backfill, Public, Report, Review, Service, Track};
        for method in wire::METHODS {
            for held in [Track, Report, Review, Admin, Backfill, Service] {
                let headers = bearing(held.as_str_name());
                let admitted = gate().admit(Method::of(method.path), &headers).await.is_ok();
                let expected = match method.scope() {
                    Public => true,
                    Track | Report | Review => held == method.scope() || held == Admin,
                    Admin => held == Admin,
                    Service => false,
                    other => panic!("{} carries {other:?}", method.path),
                };
                assert_eq!(admitted, expected, "{} with {held:?}", method.path);
            }
            let service = gate().admit(Method::of(method.path), &bearing("the token")).await;
            assert!(service.is_ok(), "{} with the service token", method.path);
            let nobody = gate().admit(Method::of(method.path), &HeaderMap::new()).await;
            assert_eq!(nobody.is_ok(), method.scope() == Public, "{} with nothing", method.path);
        }
    }

    #[tokio::test]
    async fn a_service_names_the_workspace_it_acts_for() {
        let heads = Method::of("/tally.ingest.v1.LedgerService/GetHeads");
        let workspace = WorkspaceId::new(7).expect("positive");
        let mut headers = bearing("the token");
        let header = HeaderValue::try_from(workspace.to_string()).expect("ascii");
        headers.insert(WORKSPACE_HEADER, header);
        let principal =
            gate().admit(heads, &headers).await.expect("a service").expect("with a credential");
        assert_eq!(principal.workspace().ok(), Some(workspace));

        headers.insert(WORKSPACE_HEADER, HeaderValue::from_static("nonsense"));
        let refusal = gate().admit(heads, &headers).await.expect_err("nonsense");
        assert_eq!(refusal.code(), fault::Code::InvalidArgument);
    }

    #[tokio::test]
    async fn a_service_with_another_token_is_told_which_variable_to_mend() {
        let heads = Method::of("/tally.ingest.v1.LedgerService/GetHeads");
        let track = Method::of("/tally.ingest.v1.IngestService/Track");
        let acting = WorkspaceId::new(7).expect("positive").to_string();
        let mut for_somebody = bearing("another token");
        let acting = HeaderValue::try_from(acting).expect("ascii");
        for_somebody.insert(WORKSPACE_HEADER, acting);
        for (method, headers) in [(heads, bearing("another token")), (track, for_somebody)] {
            let refusal = gate().admit(method, &headers).await.expect_err("another token");
            assert_eq!(refusal.code(), fault::Code::Unauthenticated);
            let said = refusal.public();
            assert!(said.contains("not the one ingest has"), "{said}");
            assert!(said.contains("TALLY_SERVICE_TOKEN"), "{said}");
        }
        // Somebody with a key has mistyped a key.
        let refusal = gate().admit(track, &bearing("a key")).await.expect_err("no key");
        assert_eq!(refusal.public(), "no such key");
    }

    #[tokio::test]
    async fn nearly_the_token_is_not_the_token() {
        let heads = Method::of("/tally.ingest.v1.LedgerService/GetHeads");
        for credential in ["the toke", "the token ", "the tokem", "THE TOKEN"] {
            let admitted = gate().admit(heads, &bearing(credential)).await;
            // Surrounding blanks are the transport's to lose.
            assert_eq!(admitted.is_ok(), credential.trim_ascii() == "the token", "{credential:?}");
        }
    }
}
