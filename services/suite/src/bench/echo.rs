//! The yardstick of Track: a server that takes the same request, does nothing, and answers with a receipt
//! of the same size. Plain tonic, with the windows every server of the suite has.

use std::pin::Pin;

use futures_util::Stream;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};
use wire::ingest::v1::ingest_service_server::{IngestService, IngestServiceServer};
use wire::ingest::v1::{
    GetEventRequest, GetEventResponse, ListEventsRequest, ListEventsResponse, Receipt,
    RetractRequest, RetractResponse, ReviseOutcomeRequest, ReviseOutcomeResponse,
    TrackBatchRequest, TrackBatchResponse, TrackRequest, TrackResponse, TrackStreamRequest,
    TrackStreamResponse,
};

use crate::failure::Failure;

/// An echo at work; it ends when this is dropped.
pub(crate) struct Echo {
    pub(crate) address: http::Uri,
    _running: DropGuard,
}

impl Echo {
    /// Answers every call with `receipt`.
    pub(crate) async fn start(receipt: Receipt) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::Other(format!("the echo could not listen on 127.0.0.1: {error}"))
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| failed(&e))?;
        let address = listener.local_addr().map_err(|e| failed(&e))?;
        let stop = CancellationToken::new();
        let server = Server::builder()
            .initial_connection_window_size(16 * 1024 * 1024)
            .initial_stream_window_size(1024 * 1024)
            .add_service(IngestServiceServer::new(Answer(receipt)))
            .serve_with_incoming_shutdown(
                TcpIncoming::from(listener).with_nodelay(Some(true)),
                stop.clone().cancelled_owned(),
            );
        tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::warn!(%error, "the echo ended");
            }
        });
        let address = format!("http://{address}").parse().map_err(|e| failed(&e))?;
        Ok(Self { address, _running: stop.drop_guard() })
    }
}

struct Answer(Receipt);

fn only_track<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("the echo of a bench answers Track only"))
}

#[tonic::async_trait]
impl IngestService for Answer {
    async fn track(&self, _: Request<TrackRequest>) -> Result<Response<TrackResponse>, Status> {
        Ok(Response::new(TrackResponse { receipt: Some(self.0.clone()) }))
    }

    async fn track_batch(
        &self,
        _: Request<TrackBatchRequest>,
    ) -> Result<Response<TrackBatchResponse>, Status> {
        only_track()
    }

    type TrackStreamStream =
        Pin<Box<dyn Stream<Item = Result<TrackStreamResponse, Status>> + Send>>;

    async fn track_stream(
        &self,
        _: Request<Streaming<TrackStreamRequest>>,
    ) -> Result<Response<Self::TrackStreamStream>, Status> {
        only_track()
    }

    async fn revise_outcome(
        &self,
        _: Request<ReviseOutcomeRequest>,
    ) -> Result<Response<ReviseOutcomeResponse>, Status> {
        only_track()
    }

    async fn retract(
        &self,
        _: Request<RetractRequest>,
    ) -> Result<Response<RetractResponse>, Status> {
        only_track()
    }

    async fn get_event(
        &self,
        _: Request<GetEventRequest>,
    ) -> Result<Response<GetEventResponse>, Status> {
        only_track()
    }

    async fn list_events(
        &self,
        _: Request<ListEventsRequest>,
    ) -> Result<Response<ListEventsResponse>, Status> {
        only_track()
    }
}
