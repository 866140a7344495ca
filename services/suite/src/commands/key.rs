//! `tally key`.

use std::process::ExitCode;

use wire::common::v1::Scope;
use wire::ingest::v1::access_service_client::AccessServiceClient;
use wire::ingest::v1::{ApiKey, CreateApiKeyRequest, ListApiKeysRequest, RevokeApiKeyRequest};

use super::key_rotate;
use crate::cli::{Key, KeyAction, ScopeArg};
use crate::client::{self, Channel, Client, Peer};
use crate::failure::Failure;
use crate::{print, service_token};

pub(crate) async fn run(args: Key) -> Result<ExitCode, Failure> {
    let mut settings = super::settings()?;
    let operator = match &args.action {
        KeyAction::Create { workspace, .. } => workspace.is_some(),
        KeyAction::List { .. } | KeyAction::Rotate(_) | KeyAction::Revoke { .. } => false,
    };
    let channel = if operator {
        // The way back in when no admin key is left.
        service_token::require(&mut settings, "creating a key of a workspace by its id")?;
        client::as_operator(&mut settings, Peer::Ingest)?
    } else {
        Client::with_key(&settings)?.to(Peer::Ingest)
    };
    let mut access = AccessServiceClient::new(channel);
    match args.action {
        KeyAction::Create { scope, name, workspace, json } => {
            let request = CreateApiKeyRequest {
                workspace_id: workspace.unwrap_or_default(),
                name,
                scopes: scope.into_iter().map(|scope| wire_scope(scope).into()).collect(),
                ttl: None,
            };
            create(&mut access, request, json).await?;
        }
        KeyAction::List { json } => list(&mut access, json).await?,
        KeyAction::Rotate(args) => key_rotate::run(&mut access, args).await?,
        KeyAction::Revoke { key_id } => {
            let request = RevokeApiKeyRequest { workspace_id: String::new(), key_id };
            let key = access
                .revoke_api_key(request)
                .await
                .map_err(Failure::call("the key was not revoked"))?;
            println!("{} is revoked", key.into_inner().api_key.unwrap_or_default().key_id);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(
    access: &mut AccessServiceClient<Channel>,
    request: CreateApiKeyRequest,
    json: bool,
) -> Result<(), Failure> {
    let made = access
        .create_api_key(request)
        .await
        .map_err(Failure::call("the key was not created"))?
        .into_inner();
    if json {
        println!("{}", serde_json::to_string(&made)?);
    } else {
        println!("{}\nShown this once.", made.secret);
    }
    Ok(())
}

async fn list(access: &mut AccessServiceClient<Channel>, json: bool) -> Result<(), Failure> {
    let mut keys: Vec<ApiKey> = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListApiKeysRequest { page_token, ..Default::default() };
        let page =
            access.list_api_keys(request).await.map_err(Failure::call("keys were not listed"))?;
        let page = page.into_inner();
        keys.extend(page.api_keys);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if json {
        for key in &keys {
            println!("{}", serde_json::to_string(key)?);
        }
        return Ok(());
    }
    let mut table = print::table(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["Key", "Name", "Scopes", "Created", "Last used", "State"]);
    for key in keys {
        let scopes = key.scopes().map(|scope| scope.as_str_name().trim_start_matches("SCOPE_"));
        let scopes = scopes.collect::<Vec<_>>().join(", ").to_lowercase();
        let state = match (&key.revoke_time, &key.expire_time) {
            (Some(at), _) => format!("revoked {}", print::moment(at)),
            (None, Some(at)) => format!("until {}", print::moment(at)),
            (None, None) => "valid".to_owned(),
        };
        let created = key.create_time.as_ref().map(print::moment).unwrap_or_default();
        let used = key.last_use_time.as_ref().map_or_else(|| "never".to_owned(), print::moment);
        table.add_row([key.key_id, key.name, scopes, created, used, state]);
    }
    println!("{table}");
    Ok(())
}

fn wire_scope(scope: ScopeArg) -> Scope {
    match scope {
        ScopeArg::Track => Scope::Track,
        ScopeArg::Report => Scope::Report,
        ScopeArg::Review => Scope::Review,
        ScopeArg::Admin => Scope::Admin,
        ScopeArg::Backfill => Scope::Backfill,
    }
}
