//! Whoever is behind a call, as far as their credential says.

use std::sync::Arc;

use fault::{ErrorReason, Fault};
use kernel::WorkspaceId;
use tonic::metadata::AsciiMetadataValue;
use wire::common::v1::Scope;

use super::WORKSPACE_HEADER;

/// The holder of an API key, or another service of this suite. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal(Arc<Kind>);

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Key { workspace: WorkspaceId, key_id: String, scopes: Vec<Scope> },
    Service { acting_for: Option<WorkspaceId> },
}

impl Principal {
    /// The holder of a key.
    #[must_use]
    pub fn key(workspace: WorkspaceId, key_id: impl Into<String>, scopes: Vec<Scope>) -> Self {
        Self(Arc::new(Kind::Key { workspace, key_id: key_id.into(), scopes }))
    }

    /// A service of this suite, with the workspace it says it acts for.
    #[must_use]
    pub fn service(acting_for: Option<WorkspaceId>) -> Self {
        Self(Arc::new(Kind::Service { acting_for }))
    }

    /// Of a request that passed the edge. A PUBLIC rpc has callers without one.
    pub fn from<T>(request: &tonic::Request<T>) -> Result<Self, Fault> {
        request.extensions().get::<Self>().cloned().ok_or_else(|| {
            Fault::unauthenticated(
                ErrorReason::MissingCredentials,
                "this call needs a credential: send `authorization: Bearer <key>`",
            )
        })
    }

    /// The workspace the call acts on.
    pub fn workspace(&self) -> Result<WorkspaceId, Fault> {
        match self.0.as_ref() {
            Kind::Key { workspace, .. } => Ok(*workspace),
            Kind::Service { acting_for } => acting_for.ok_or_else(workspace_required),
        }
    }

    /// The workspace a request names in a field: a key acts on its own and may leave the field empty; a
    /// service must name one, here or in its metadata. Somebody else's workspace does not exist.
    pub fn workspace_named(&self, field: &'static str, named: &str) -> Result<WorkspaceId, Fault> {
        if named.is_empty() {
            return self.workspace();
        }
        let named: WorkspaceId = named.parse().map_err(|error| {
            let mut violations = fault::Violations::new();
            let _: Option<()> = violations.take(field, Err(error));
            violations.into_fault()
        })?;
        match self.0.as_ref() {
            Kind::Service { .. } => Ok(named),
            Kind::Key { workspace, .. } if *workspace == named => Ok(named),
            Kind::Key { .. } => {
                Err(Fault::not_found(ErrorReason::ResourceNotFound, "no such workspace")
                    .with("resource", "workspace"))
            }
        }
    }

    /// Whether this credential covers `scope`. The service credential covers all; ADMIN covers TRACK,
    /// REPORT and REVIEW; nothing but the service credential covers SERVICE.
    #[must_use]
    pub fn allows(&self, scope: Scope) -> bool {
        let scopes = match self.0.as_ref() {
            Kind::Service { .. } => return true,
            Kind::Key { scopes, .. } => scopes,
        };
        match scope {
            Scope::Public => true,
            Scope::Unspecified | Scope::Service => false,
            Scope::Backfill | Scope::Admin => scopes.contains(&scope),
            Scope::Track | Scope::Report | Scope::Review => {
                scopes.contains(&scope) || scopes.contains(&Scope::Admin)
            }
        }
    }

    /// Whether this is another service of the suite.
    #[must_use]
    pub fn is_service(&self) -> bool {
        matches!(self.0.as_ref(), Kind::Service { .. })
    }

    /// The id of the key, for audit trails and limits.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        match self.0.as_ref() {
            Kind::Key { key_id, .. } => Some(key_id),
            Kind::Service { .. } => None,
        }
    }

    /// Who did it, as histories record it: the key's id, or `service`.
    #[must_use]
    pub fn actor(&self) -> &str {
        self.key_id().unwrap_or("service")
    }
}

/// Says which workspace a call with the service credential acts for.
pub fn on_behalf_of<T>(request: &mut tonic::Request<T>, workspace: WorkspaceId) {
    let value = AsciiMetadataValue::try_from(workspace.to_string())
        .expect("a workspace id is letters, digits and an underscore");
    request.metadata_mut().insert(WORKSPACE_HEADER, value);
}

fn workspace_required() -> Fault {
    Fault::precondition(
        ErrorReason::WorkspaceRequired,
        format!(
            "the service credential must name a workspace: in the request or as `{WORKSPACE_HEADER}`"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(scopes: &[Scope]) -> Principal {
        let workspace = WorkspaceId::new(1).expect("positive");
        Principal::key(workspace, "k1", scopes.to_vec())
    }

    #[test]
    fn admin_covers_what_keys_do_and_nothing_services_do() {
        let admin = key(&[Scope::Admin]);
        for scope in [Scope::Public, Scope::Track, Scope::Report, Scope::Review, Scope::Admin] {
            assert!(admin.allows(scope), "{scope:?}");
        }
        for scope in [Scope::Service, Scope::Backfill, Scope::Unspecified] {
            assert!(!admin.allows(scope), "{scope:?}");
        }
    }

    #[test]
    fn a_key_covers_only_its_own_scopes() {
        let track = key(&[Scope::Track]);
        assert!(track.allows(Scope::Track));
        for scope in [Scope::Report, Scope::Review, Scope::Admin, Scope::Service] {
            assert!(!track.allows(scope), "{scope:?}");
        }
        // No key holds SERVICE, whatever its row says.
        assert!(!key(&[Scope::Service]).allows(Scope::Service));
    }

    #[test]
    fn a_key_acts_on_its_own_workspace_only() {
        let key = key(&[Scope::Admin]);
        let own = WorkspaceId::new(1).expect("positive");
        let other = WorkspaceId::new(2).expect("positive").to_string();
        assert_eq!(key.workspace_named("workspace_id", "").ok(), Some(own));
        assert_eq!(key.workspace_named("workspace_id", &own.to_string()).ok(), Some(own));
        let refusal = key.workspace_named("workspace_id", &other).expect_err("somebody else's");
        assert_eq!(refusal.code(), fault::Code::NotFound);
    }

    #[test]
    fn a_service_must_say_for_whom_it_acts() {
        let refusal = Principal::service(None).workspace().expect_err("names none");
        assert_eq!(refusal.reason(), ErrorReason::WorkspaceRequired);
        let named = WorkspaceId::new(7).expect("positive");
        assert_eq!(Principal::service(Some(named)).workspace().ok(), Some(named));
    }
}
