//! AccessService.

use std::time::Duration;

use chassis::auth::Principal;
use chassis::page::{self, Page, Sizes};
use fault::{ErrorReason, Fault, Violations};
use kernel::{Currency, Timestamp, WorkspaceId};
use tonic::{Request, Response, Status};
use wire::ingest::v1::access_service_server::AccessService;
use wire::ingest::v1::{
    AuthenticateRequest, AuthenticateResponse, CreateApiKeyRequest, CreateApiKeyResponse,
    CreateWorkspaceRequest, CreateWorkspaceResponse, ListApiKeysRequest, ListApiKeysResponse,
    RevokeApiKeyRequest, RevokeApiKeyResponse, RotateApiKeyRequest, RotateApiKeyResponse,
    UpdateWorkspaceRequest, UpdateWorkspaceResponse,
};

use super::access_change::{self, Rotate};
use super::bodies::Check;
use super::render;
use crate::access::{Access, NewKey, NewWorkspace};
use crate::domain::{Keep, KeyId, Scope, Scopes};

/// As the contract says for the list of keys.
const SIZES: Sizes = Sizes { default: 100, max: 1_000 };
const TTL_MIN: Duration = Duration::from_secs(60);
const TTL_MAX: Duration = Duration::from_secs(3_650 * 86_400);

pub(crate) struct AccessApi(pub(crate) Access);

#[tonic::async_trait]
impl AccessService for AccessApi {
    async fn create_workspace(
        &self,
        request: Request<CreateWorkspaceRequest>,
    ) -> Result<Response<CreateWorkspaceResponse>, Status> {
        let new = new_workspace(request.into_inner())?;
        let (workspace, key) = self.0.create_workspace(new).await.map_err(Fault::from)?;
        Ok(Response::new(CreateWorkspaceResponse {
            workspace: Some(render::workspace(&workspace)),
            api_key: key.map(|key| key.reveal().to_owned()).unwrap_or_default(),
        }))
    }

    async fn update_workspace(
        &self,
        request: Request<UpdateWorkspaceRequest>,
    ) -> Result<Response<UpdateWorkspaceResponse>, Status> {
        let caller = Principal::from(&request)?;
        let request = request.into_inner();
        let id = caller.workspace_named("workspace_id", &request.workspace_id)?;
        let change = access_change::change(request)?;
        let workspace = self.0.change_workspace(id, change).await.map_err(Fault::from)?;
        Ok(Response::new(UpdateWorkspaceResponse {
            workspace: Some(render::workspace(&workspace)),
        }))
    }

    async fn create_api_key(
        &self,
        request: Request<CreateApiKeyRequest>,
    ) -> Result<Response<CreateApiKeyResponse>, Status> {
        let caller = Principal::from(&request)?;
        let new = new_key(request.into_inner(), &caller)?;
        let (record, key) = self.0.create_key(new).await.map_err(Fault::from)?;
        Ok(Response::new(CreateApiKeyResponse {
            api_key: Some(render::api_key(&record)),
            secret: key.reveal().to_owned(),
        }))
    }

    async fn rotate_api_key(
        &self,
        request: Request<RotateApiKeyRequest>,
    ) -> Result<Response<RotateApiKeyResponse>, Status> {
        let caller = Principal::from(&request)?;
        let request = request.into_inner();
        let workspace = caller.workspace_named("workspace_id", &request.workspace_id)?;
        let Rotate { id, overlap, request_id } = access_change::rotate(request)?;
        let rotated = self.0.rotate_key(workspace, id, overlap, request_id.as_deref());
        let rotated = rotated.await.map_err(Fault::from)?;
        Ok(Response::new(RotateApiKeyResponse {
            api_key: Some(render::api_key(&rotated.new)),
            secret: rotated.key.map(|key| key.reveal().to_owned()).unwrap_or_default(),
            old_api_key: Some(render::api_key(&rotated.old)),
        }))
    }

    async fn revoke_api_key(
        &self,
        request: Request<RevokeApiKeyRequest>,
    ) -> Result<Response<RevokeApiKeyResponse>, Status> {
        let caller = Principal::from(&request)?;
        let request = request.into_inner();
        let workspace = caller.workspace_named("workspace_id", &request.workspace_id)?;
        let mut v = Violations::new();
        let id = access_change::key_id(&mut v, &request.key_id);
        let Some(id) = id else { return Err(v.into_fault().into()) };
        // Keys that lock everybody out would help nobody; the operator has another way in.
        let keep = if caller.is_service() { Keep::Nothing } else { Keep::AnAdmin };
        let key = self.0.revoke_key(workspace, id, keep).await.map_err(Fault::from)?;
        Ok(Response::new(RevokeApiKeyResponse { api_key: Some(render::api_key(&key)) }))
    }

    async fn list_api_keys(
        &self,
        request: Request<ListApiKeysRequest>,
    ) -> Result<Response<ListApiKeysResponse>, Status> {
        let caller = Principal::from(&request)?;
        let request = request.into_inner();
        let workspace = caller.workspace_named("workspace_id", &request.workspace_id)?;
        let (after, page) = list_api_keys(&request, workspace)?;
        let keys = self.0.keys(workspace, after, page.limit()).await.map_err(Fault::from)?;
        let (keys, next_page_token) =
            page.cut(keys, |last| page::place([last.created.micros(), last.id.to_row()]));
        Ok(Response::new(ListApiKeysResponse {
            api_keys: keys.iter().map(render::api_key).collect(),
            next_page_token,
        }))
    }

    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Result<Response<AuthenticateResponse>, Status> {
        let record = self.0.admit(&request.into_inner().api_key).await.map_err(Fault::from)?;
        Ok(Response::new(AuthenticateResponse {
            workspace_id: record.workspace.to_string(),
            key_id: record.id.to_string(),
            scopes: record.scopes.iter().map(Scope::number).collect(),
        }))
    }
}

fn new_workspace(request: CreateWorkspaceRequest) -> Result<NewWorkspace, Fault> {
    let mut v = Violations::new();
    let mut c = Check { violations: &mut v, path: "" };
    c.required("name", &request.name);
    c.identifier("request_id", &request.request_id);
    let sent = if request.time_zone.is_empty() { "UTC" } else { &request.time_zone };
    let time_zone = access_change::time_zone(&mut v, sent).unwrap_or_default();
    let currency = match request.currency_code.as_str() {
        "" => Some(Currency::EUR),
        code => v.take("currency_code", Currency::new(code)),
    };
    v.finish()?;
    Ok(NewWorkspace {
        name: request.name,
        time_zone,
        currency: currency.unwrap_or(Currency::EUR),
        request_id: Some(request.request_id).filter(|id| !id.is_empty()),
    })
}

fn new_key(request: CreateApiKeyRequest, caller: &Principal) -> Result<NewKey, Fault> {
    let workspace = caller.workspace_named("workspace_id", &request.workspace_id)?;
    let mut v = Violations::new();
    Check { violations: &mut v, path: "" }.identifier("name", &request.name);
    let scopes: Scopes = request.scopes.iter().filter_map(|n| Scope::from_number(*n)).collect();
    for (n, number) in request.scopes.iter().enumerate() {
        if Scope::from_number(*number).is_none() {
            let what = format!("is TRACK, REPORT, REVIEW, ADMIN or BACKFILL; {number} was sent");
            v.add(format!("scopes[{n}]"), ErrorReason::OutOfRange, what);
        }
    }
    if request.scopes.is_empty() || scopes.is_empty() {
        v.add("scopes", ErrorReason::Required, "names at least one scope");
    }
    let ttl = request.ttl.as_ref().and_then(access_change::span);
    if request.ttl.is_some() && !ttl.is_some_and(|ttl| (TTL_MIN..=TTL_MAX).contains(&ttl)) {
        v.add("ttl", ErrorReason::OutOfRange, "is 1 minute to 3,650 days");
    }
    v.finish()?;
    Ok(NewKey { workspace, name: request.name, scopes, ttl })
}

type After = Option<(Timestamp, KeyId)>;

fn list_api_keys(
    request: &ListApiKeysRequest,
    workspace: WorkspaceId,
) -> Result<(After, Page), Fault> {
    let mut v = Violations::new();
    let (size, token) = (request.page_size, &request.page_token);
    let page = Page::parse(&mut v, SIZES, size, token, workspace.to_string().as_bytes());
    let Some(page) = page else { return Err(v.into_fault()) };
    let Some(after) = page.after_place() else {
        page::refuse(&mut v);
        return Err(v.into_fault());
    };
    let after = after.map(|[created, id]| (Timestamp::from_micros(created), KeyId::from_row(id)));
    Ok((after, page))
}
