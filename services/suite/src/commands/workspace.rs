//! `tally workspace`.

use std::process::ExitCode;

use wire::ingest::v1::CreateWorkspaceRequest;
use wire::ingest::v1::access_service_client::AccessServiceClient;

use crate::cli::{Workspace, WorkspaceAction};
use crate::failure::Failure;
use crate::{hosting, service_token};

pub(crate) async fn run(args: Workspace) -> Result<ExitCode, Failure> {
    let mut settings = super::settings()?;
    // Workspaces belong to the operator: this needs the service token, not a key.
    if settings.process.service_token.is_none() {
        let dir = settings.data_dir();
        settings.process.service_token = service_token::find(&dir).ok().flatten();
        if settings.process.service_token.is_none() {
            return Err(Failure::Other(format!(
                "creating a workspace needs the service token: set TALLY_SERVICE_TOKEN, or run this where the \
                 services keep theirs ({} has none)",
                dir.display()
            )));
        }
    }
    let ctx = hosting::context(&mut settings)?;
    let mut access =
        AccessServiceClient::new(chassis::connect(&settings.peers.ingest_url, "cli", &ctx));
    let WorkspaceAction::Create { name, time_zone, currency, json } = args.action;
    let request = CreateWorkspaceRequest {
        name,
        time_zone,
        currency_code: currency.to_string(),
        request_id: String::new(),
    };
    let made = access
        .create_workspace(request)
        .await
        .map_err(Failure::call("the workspace was not created"))?
        .into_inner();
    if json {
        println!("{}", serde_json::to_string(&made)?);
    } else {
        println!("{}", made.workspace.unwrap_or_default().workspace_id);
        println!("Its admin key, shown this once:\n  export TALLY_API_KEY={}", made.api_key);
    }
    Ok(ExitCode::SUCCESS)
}
