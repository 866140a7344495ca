//! EndpointService.

use std::pin::Pin;
use std::sync::Arc;

use chassis::auth::Principal;
use chassis::page::place;
use fault::Fault;
use kernel::Timestamp;
use tokio_stream::Stream;
use tonic::{Request, Response, Status};
use wire::webhook::v1 as pb;
use wire::webhook::v1::endpoint_service_server::EndpointService;

use super::{later, parse, render};
use crate::app::App;
use crate::domain::EndpointId;

pub(super) struct Api {
    app: Arc<App>,
}

impl Api {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl EndpointService for Api {
    async fn create_endpoint(
        &self,
        request: Request<pb::CreateEndpointRequest>,
    ) -> Answer<pb::CreateEndpointResponse> {
        let workspace = Principal::from(&request)?.workspace()?;
        let (new, request_id) = parse::create(request.get_ref(), self.app.policy())?;
        let created =
            self.app.create(workspace, new, request_id.as_deref()).await.map_err(Fault::from)?;
        let endpoint = Some(render::endpoint(&created));
        Ok(Response::new(pb::CreateEndpointResponse { endpoint, secret: created.secret.reveal() }))
    }

    async fn get_endpoint(
        &self,
        request: Request<pb::GetEndpointRequest>,
    ) -> Answer<pb::GetEndpointResponse> {
        let workspace = Principal::from(&request)?.workspace()?;
        let id = parse::endpoint_id(&request.get_ref().endpoint_id)?;
        let found = self.app.get(workspace, id).await.map_err(Fault::from)?;
        Ok(Response::new(pb::GetEndpointResponse { endpoint: Some(render::endpoint(&found)) }))
    }

    async fn list_endpoints(
        &self,
        request: Request<pb::ListEndpointsRequest>,
    ) -> Answer<pb::ListEndpointsResponse> {
        let workspace = Principal::from(&request)?.workspace()?;
        let (behind, page) = parse::list_endpoints(request.get_ref(), workspace)?;
        let after = behind.and_then(|[created, id]| {
            Some((Timestamp::from_micros(created), EndpointId::new(id)?))
        });
        let found = self.app.list(workspace, after, page.limit()).await.map_err(Fault::from)?;
        let (found, next_page_token) =
            page.cut(found, |last| place([last.created.micros(), last.id.get()]));
        Ok(Response::new(pb::ListEndpointsResponse {
            endpoints: found.iter().map(render::endpoint).collect(),
            next_page_token,
        }))
    }

    async fn delete_endpoint(
        &self,
        request: Request<pb::DeleteEndpointRequest>,
    ) -> Answer<pb::DeleteEndpointResponse> {
        let workspace = Principal::from(&request)?.workspace()?;
        let id = parse::delete(request.get_ref())?;
        let deleted = self.app.delete(workspace, id).await.map_err(Fault::from)?;
        Ok(Response::new(pb::DeleteEndpointResponse { endpoint: Some(render::endpoint(&deleted)) }))
    }

    async fn list_deliveries(
        &self,
        request: Request<pb::ListDeliveriesRequest>,
    ) -> Answer<pb::ListDeliveriesResponse> {
        let workspace = Principal::from(&request)?.workspace()?;
        let (id, stages, (behind, page)) = parse::list_deliveries(request.get_ref())?;
        let rows = (behind.map(|[seq]| seq), page.limit());
        let found = self.app.deliveries(workspace, id, &stages, rows).await.map_err(Fault::from)?;
        let (found, next_page_token) = page.cut(found, |last| place([last.id.seq]));
        Ok(Response::new(pb::ListDeliveriesResponse {
            deliveries: found.iter().map(|record| render::delivery(workspace, record)).collect(),
            next_page_token,
        }))
    }

    async fn list_attempts(
        &self,
        request: Request<pb::ListAttemptsRequest>,
    ) -> Answer<pb::ListAttemptsResponse> {
        let workspace = Principal::from(&request)?.workspace()?;
        let (id, (behind, page)) = parse::list_attempts(request.get_ref())?;
        let after = behind.and_then(|[number]| u32::try_from(number).ok()).unwrap_or(0);
        let rows = (after, page.limit());
        let found = self.app.attempts(workspace, id, rows).await.map_err(Fault::from)?;
        let (found, next_page_token) = page.cut(found, |last| place([i64::from(last.number)]));
        Ok(Response::new(pb::ListAttemptsResponse {
            attempts: found.into_iter().map(render::attempt).collect(),
            next_page_token,
        }))
    }

    async fn update_endpoint(
        &self,
        _: Request<pb::UpdateEndpointRequest>,
    ) -> Answer<pb::UpdateEndpointResponse> {
        later("UpdateEndpoint")
    }

    async fn pause_endpoint(
        &self,
        _: Request<pb::PauseEndpointRequest>,
    ) -> Answer<pb::PauseEndpointResponse> {
        later("PauseEndpoint")
    }

    async fn resume_endpoint(
        &self,
        _: Request<pb::ResumeEndpointRequest>,
    ) -> Answer<pb::ResumeEndpointResponse> {
        later("ResumeEndpoint")
    }

    async fn rotate_secret(
        &self,
        _: Request<pb::RotateSecretRequest>,
    ) -> Answer<pb::RotateSecretResponse> {
        later("RotateSecret")
    }

    async fn get_public_keys(
        &self,
        _: Request<pb::GetPublicKeysRequest>,
    ) -> Answer<pb::GetPublicKeysResponse> {
        later("GetPublicKeys")
    }

    async fn send_test(&self, _: Request<pb::SendTestRequest>) -> Answer<pb::SendTestResponse> {
        later("SendTest")
    }

    async fn test_filter(
        &self,
        _: Request<pb::TestFilterRequest>,
    ) -> Answer<pb::TestFilterResponse> {
        later("TestFilter")
    }

    async fn redeliver(&self, _: Request<pb::RedeliverRequest>) -> Answer<pb::RedeliverResponse> {
        later("Redeliver")
    }

    async fn recover(&self, _: Request<pb::RecoverRequest>) -> Answer<pb::RecoverResponse> {
        later("Recover")
    }

    async fn list_dead_letters(
        &self,
        _: Request<pb::ListDeadLettersRequest>,
    ) -> Answer<pb::ListDeadLettersResponse> {
        later("ListDeadLetters")
    }

    async fn get_stats(&self, _: Request<pb::GetStatsRequest>) -> Answer<pb::GetStatsResponse> {
        later("GetStats")
    }

    type ListenStream = Pin<Box<dyn Stream<Item = Result<pb::ListenResponse, Status>> + Send>>;

    async fn listen(&self, _: Request<pb::ListenRequest>) -> Answer<Self::ListenStream> {
        later("Listen")
    }
}
