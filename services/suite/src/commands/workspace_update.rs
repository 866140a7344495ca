//! `tally workspace update`.

use wire::ingest::v1::access_service_client::AccessServiceClient;
use wire::ingest::v1::{UpdateWorkspaceRequest, Workspace};

use crate::cli::UpdateWorkspace;
use crate::client::{self, Client, Peer};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::{print, service_token};

pub(super) async fn run(mut settings: Settings, args: UpdateWorkspace) -> Result<(), Failure> {
    let channel = if args.workspace.is_some() {
        service_token::require(&mut settings, "changing a workspace by its id")?;
        client::as_operator(&mut settings, Peer::Ingest)?
    } else {
        Client::with_key(&settings)?.to(Peer::Ingest)
    };
    let request = UpdateWorkspaceRequest {
        workspace_id: args.workspace.unwrap_or_default(),
        name: args.name,
        time_zone: args.time_zone,
        accept_unknown_task_types: args.accept_unknown_task_types,
        rate_limit_per_second: args.rate_limit,
        rate_burst: args.rate_burst,
        monthly_quota_soft: args.quota_soft,
        monthly_quota_hard: args.quota_hard,
        dimension_values_max: args.dimension_values_max,
    };
    let answer = AccessServiceClient::new(channel).update_workspace(request).await;
    let answer = answer.map_err(Failure::call("the workspace was not changed"))?.into_inner();
    let workspace = answer.workspace.clone().unwrap_or_default();
    if let Some(warning) = warning(&workspace) {
        eprintln!("warning: {warning}");
    }
    if args.json {
        println!("{}", serde_json::to_string(&answer)?);
    } else {
        show(workspace);
    }
    Ok(())
}

/// A quota that warns of nothing is allowed, and nearly always a slip.
fn warning(workspace: &Workspace) -> Option<String> {
    let (soft, hard) = (workspace.monthly_quota_soft, workspace.monthly_quota_hard);
    (hard > 0 && soft > hard).then(|| {
        format!(
            "the soft quota, {}, is above the hard one, {}: events are refused before any receipt warns",
            print::count(soft),
            print::count(hard)
        )
    })
}

/// As it is now, whatever was changed.
fn show(workspace: Workspace) {
    let or = |number: i64, otherwise: &str| match number {
        0 => otherwise.to_owned(),
        number => print::count(number),
    };
    let install = "as the install says";
    let unknown = if workspace.accept_unknown_task_types { "recorded unvalued" } else { "refused" };
    let mut table = print::table(comfy_table::presets::NOTHING);
    for (name, value) in [
        ("Workspace", workspace.workspace_id),
        ("Name", workspace.name),
        ("Time zone", workspace.time_zone),
        ("Currency", workspace.currency_code),
        ("Unknown task types", unknown.to_owned()),
        ("Events a second", or(workspace.rate_limit_per_second.into(), install)),
        ("Events at once", or(workspace.rate_burst.into(), install)),
        ("Monthly quota, soft", or(workspace.monthly_quota_soft, "none")),
        ("Monthly quota, hard", or(workspace.monthly_quota_hard, "none")),
        ("Values a dimension", or(workspace.dimension_values_max.into(), install)),
    ] {
        table.add_row([name.to_owned(), value]);
    }
    println!("{table}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soft_quota_that_can_never_warn_is_pointed_out() {
        let of = |monthly_quota_soft, monthly_quota_hard| {
            warning(&Workspace { monthly_quota_soft, monthly_quota_hard, ..Default::default() })
        };
        let told = of(2_000, 1_000).unwrap_or_default();
        assert!(told.contains("2,000") && told.contains("1,000"), "{told}");
        for (soft, hard) in [(1_000, 2_000), (2_000, 0), (0, 1_000), (0, 0)] {
            assert_eq!(of(soft, hard), None, "{soft} and {hard}");
        }
    }
}
