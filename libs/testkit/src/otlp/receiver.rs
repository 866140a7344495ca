//! The three services of OTLP, keeping what they receive.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use http::Uri;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::Arrived;

/// More than any test exports at once.
const MESSAGE_MAX: usize = 64 * 1024 * 1024;

#[derive(Clone)]
pub(super) struct Receiver(Arc<Mutex<Arrived>>);

impl Receiver {
    /// Listens on a free port for as long as the runtime of the test lives.
    pub(super) async fn start(arrived: Arc<Mutex<Arrived>>) -> Uri {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let receiver = Self(arrived);
        let server = Server::builder()
            .add_service(
                TraceServiceServer::new(receiver.clone()).max_decoding_message_size(MESSAGE_MAX),
            )
            .add_service(
                MetricsServiceServer::new(receiver.clone()).max_decoding_message_size(MESSAGE_MAX),
            )
            .add_service(LogsServiceServer::new(receiver).max_decoding_message_size(MESSAGE_MAX))
            .serve_with_incoming(TcpIncoming::from(listener));
        tokio::spawn(server);
        format!("http://{address}").parse().expect("an address is a URI")
    }

    fn keep(&self, put: impl FnOnce(&mut Arrived)) {
        put(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.keep(|arrived| arrived.traces.push(request.into_inner()));
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.keep(|arrived| arrived.metrics.push(request.into_inner()));
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.keep(|arrived| arrived.logs.push(request.into_inner()));
        Ok(Response::new(Default::default()))
    }
}
