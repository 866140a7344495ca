//! grpc.health.v1: SERVING while the service is ready and not draining.
//!
//! Not tonic-health's service: that one says SERVING from its construction, and its watchers hold a
//! draining server until the deadline. Ours end with the drain.

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health as Api, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

#[derive(Clone)]
pub(super) struct Health {
    /// Besides the empty name, which stands for the whole server.
    name: &'static str,
    ready: watch::Receiver<bool>,
    stop: CancellationToken,
}

impl Health {
    pub(super) fn new(
        name: &'static str,
        ready: watch::Receiver<bool>,
        stop: CancellationToken,
    ) -> Self {
        Self { name, ready, stop }
    }

    pub(super) fn server(self) -> HealthServer<Self> {
        HealthServer::new(self)
    }

    fn know(&self, request: &Request<HealthCheckRequest>) -> Result<(), Status> {
        let asked = request.get_ref().service.as_str();
        if asked.is_empty() || asked == self.name {
            return Ok(());
        }
        Err(Status::not_found(format!("this server answers for \"\" and {:?}", self.name)))
    }
}

fn answer(serving: bool) -> HealthCheckResponse {
    let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl Api for Health {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        self.know(&request)?;
        Ok(Response::new(answer(*self.ready.borrow() && !self.stop.is_cancelled())))
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        self.know(&request)?;
        let states = WatchStream::new(self.ready.clone())
            // A service that is ready for good has nothing more to say: that is not the end.
            .chain(futures_util::stream::pending())
            .take_until(self.stop.clone().cancelled_owned())
            // The last word of a draining server, also when the service never was ready.
            .chain(futures_util::stream::once(async { false }))
            .map(|ready| Ok(answer(ready)));
        Ok(Response::new(states.boxed()))
    }
}
