//! Packs in and out.

use fault::{ErrorReason, Fault, Violations};
use tonic::Request;
use wire::catalog::v1 as pb;

use super::parse::{self, Head};
use super::render::{self, fault};
use super::{Server, workspace};
use crate::app::Importing;
use crate::domain::{Action, Difference, shown};

impl Server {
    pub(super) async fn import(
        &self,
        request: Request<pb::ImportPackRequest>,
    ) -> Result<pb::ImportPackResponse, Fault> {
        let caller = self.caller(&request)?;
        let request = request.into_inner();
        let mut v = Violations::new();
        if request.document_yaml.is_empty() {
            v.add("document_yaml", ErrorReason::Required, "is the pack: one YAML document");
        }
        let head = Head {
            effective: request.effective_time.as_ref(),
            reason: &request.reason,
            request_id: &request.request_id,
            expected_version_id: "",
            mode: parse::mode(request.validate_only),
            hash: parse::hash(&pb::ImportPackRequest {
                request_id: String::new(),
                ..request.clone()
            }),
        };
        let shared = parse::shared(&mut v, head, caller.now);
        let (Some(shared), true) = (shared, v.is_empty()) else { return Err(v.into_fault()) };
        let importing = Importing {
            workspace: caller.workspace,
            document: request.document_yaml,
            effective: shared.effective,
            reason: shared.reason,
        };
        let imported = self.app.import(importing, shared.write).await.map_err(fault)?;
        Ok(pb::ImportPackResponse {
            differences: imported.differences.iter().map(difference).collect(),
            catalog_version: imported.position.map_or_else(String::new, |at| at.to_string()),
        })
    }

    pub(super) async fn export(
        &self,
        request: Request<pb::ExportPackRequest>,
    ) -> Result<pb::ExportPackResponse, Fault> {
        let workspace = workspace(&request)?;
        let request = request.into_inner();
        let at = request.at_time.as_ref().map_or_else(|| self.app.now(), parse::timestamp);
        let exported = self.app.export(workspace, at, request.include_built_ins).await;
        Ok(pb::ExportPackResponse { document_yaml: exported.map_err(render::fault)? })
    }
}

fn difference(difference: &Difference) -> pb::PackDifference {
    let action = match difference.action {
        Action::Add => pb::PackAction::Add,
        Action::Change => pb::PackAction::Change,
        Action::Keep => pb::PackAction::Keep,
    };
    pb::PackDifference {
        line: i32::try_from(difference.line).unwrap_or(i32::MAX),
        key: difference.imported.shown(),
        action: action.into(),
        current_yaml: difference.current.as_ref().map_or_else(String::new, shown),
        imported_yaml: shown(&difference.imported),
    }
}
