//! `tally workspace`.

use std::process::ExitCode;

use wire::ingest::v1::CreateWorkspaceRequest;
use wire::ingest::v1::access_service_client::AccessServiceClient;

use super::workspace_update;
use crate::cli::{Workspace, WorkspaceAction};
use crate::client::{self, Peer};
use crate::failure::Failure;
use crate::service_token;

pub(crate) async fn run(args: Workspace) -> Result<ExitCode, Failure> {
    let mut settings = super::settings()?;
    let (name, time_zone, currency, json) = match args.action {
        WorkspaceAction::Create { name, time_zone, currency, json } => {
            (name, time_zone, currency, json)
        }
        WorkspaceAction::Update(args) => {
            workspace_update::run(settings, args).await?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    // Workspaces belong to the operator: this needs the service token, not a key.
    service_token::require(&mut settings, "creating a workspace")?;
    let mut access = AccessServiceClient::new(client::as_operator(&mut settings, Peer::Ingest)?);
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
