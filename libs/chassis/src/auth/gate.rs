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
    /// Digests have one length, so comparing them tells nothing about the token's.
    service_token: [u8; 32],
    authenticator: Arc<dyn Authenticator>,
}

impl Gate {
    pub(crate) fn new(service_token: &SecretString, authenticator: Arc<dyn Authenticator>) -> Self {
        Self { service_token: digest(expose(service_token)), authenticator }
    }

    /// The caller, or `None` where none is asked for.
    pub(crate) async fn admit(&self, method: Method, headers: &HeaderMap) -> Result<Option<Principal>, Fault> {
        let needed = match method.access {
            Access::Plumbing | Access::Scope(Scope::Public) => return Ok(None),
            Access::Scope(scope) => Some(scope),
            Access::Unknown => None,
        };
        let principal = self.identify(headers).await?;
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
