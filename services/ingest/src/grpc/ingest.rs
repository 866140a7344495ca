//! IngestService: which RPC is answered where.

use std::pin::Pin;
use std::sync::Arc;

use chassis::auth::Principal;
use futures_util::Stream;
use tonic::{Request, Response, Status, Streaming};
use wire::ingest::v1::ingest_service_server::IngestService;
use wire::ingest::v1::{
    GetEventRequest, GetEventResponse, ListEventsRequest, ListEventsResponse, RetractRequest,
    RetractResponse, ReviseOutcomeRequest, ReviseOutcomeResponse, TrackBatchRequest,
    TrackBatchResponse, TrackRequest, TrackResponse, TrackStreamRequest, TrackStreamResponse,
};

use super::stream;
use crate::app::App;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct IngestApi(pub(crate) Arc<App>);

type TrackStreamStream = Pin<Box<dyn Stream<Item = Result<TrackStreamResponse, Status>> + Send>>;

#[tonic::async_trait]
impl IngestService for IngestApi {
    async fn track(
        &self,
        request: Request<TrackRequest>,
    ) -> Result<Response<TrackResponse>, Status> {
        let caller = Principal::from(&request)?;
        let receipt = self.track_one(&caller, request.into_inner()).await?;
        Ok(Response::new(TrackResponse { receipt: Some(receipt) }))
    }

    async fn track_batch(
        &self,
        request: Request<TrackBatchRequest>,
    ) -> Result<Response<TrackBatchResponse>, Status> {
        let caller = Principal::from(&request)?;
        let results = self.track_many(&caller, request.into_inner()).await?;
        Ok(Response::new(TrackBatchResponse { results }))
    }

    type TrackStreamStream = TrackStreamStream;

    async fn track_stream(
        &self,
        request: Request<Streaming<TrackStreamRequest>>,
    ) -> Result<Response<TrackStreamStream>, Status> {
        let caller = Principal::from(&request)?;
        // Refused now, not at its first event.
        caller.workspace()?;
        let results = stream::results(self.clone(), caller, request.into_inner());
        Ok(Response::new(Box::pin(results)))
    }

    async fn revise_outcome(
        &self,
        request: Request<ReviseOutcomeRequest>,
    ) -> Result<Response<ReviseOutcomeResponse>, Status> {
        let caller = Principal::from(&request)?;
        let receipt = self.revise(&caller, request.into_inner()).await?;
        Ok(Response::new(ReviseOutcomeResponse { receipt: Some(receipt) }))
    }

    async fn retract(
        &self,
        request: Request<RetractRequest>,
    ) -> Result<Response<RetractResponse>, Status> {
        let caller = Principal::from(&request)?;
        let receipt = self.take_back(&caller, request.into_inner()).await?;
        Ok(Response::new(RetractResponse { receipt: Some(receipt) }))
    }

    async fn get_event(
        &self,
        request: Request<GetEventRequest>,
    ) -> Result<Response<GetEventResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let event = self.event(workspace, &request.into_inner().event_id).await?;
        Ok(Response::new(GetEventResponse { event: Some(event) }))
    }

    async fn list_events(
        &self,
        request: Request<ListEventsRequest>,
    ) -> Result<Response<ListEventsResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        Ok(Response::new(self.events(workspace, request.into_inner()).await?))
    }
}
