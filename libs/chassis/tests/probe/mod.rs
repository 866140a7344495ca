//! A service whose calls do what they are told: to look at the chassis around them.

#![allow(
    clippy::allow_attributes,
    reason = "which lints fire depends on the file that includes this"
)]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chassis::{Channel, Context, Service, SystemClock, Transport};
use fault::{ErrorReason, Fault};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use kernel::WorkspaceId;
use testkit::server::{Keys, context_with};
use tokio::sync::{Semaphore, watch};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use wire::common::v1::Scope;
use wire::ingest::v1::guard_service_client::GuardServiceClient;
use wire::ingest::v1::guard_service_server::{GuardService, GuardServiceServer};
use wire::ingest::v1::ledger_service_client::LedgerServiceClient;
use wire::ingest::v1::ledger_service_server::{LedgerService, LedgerServiceServer};
use wire::ingest::v1::{
    CheckCallRequest, CheckCallResponse, GetHeadsRequest, GetHeadsResponse, TailRequest,
    TailResponse,
};

/// Shared with the test: what happened inside, and what keeps calls waiting.
#[derive(Clone)]
pub struct Probe {
    pub entered: Arc<AtomicUsize>,
    /// Calls told to "wait" go on when a permit is added.
    pub release: Arc<Semaphore>,
    /// Where calls told to "relay" go on to.
    pub next: Option<Channel>,
}

impl Probe {
    pub fn new() -> Self {
        Self { entered: Arc::default(), release: Arc::new(Semaphore::new(0)), next: None }
    }

    pub fn relaying_to(next: Channel) -> Self {
        Self { next: Some(next), ..Self::new() }
    }

    pub fn service(&self) -> Service {
        self.service_ready(watch::channel(true).1)
    }

    pub fn service_ready(&self, ready: watch::Receiver<bool>) -> Service {
        Service {
            name: "probe",
            listen: ([127, 0, 0, 1], 0).into(),
            routes: Routes::new(GuardServiceServer::new(self.clone()))
                .add_service(LedgerServiceServer::new(self.clone())),
            ready,
            authenticator: Arc::new(Keys::new()),
        }
    }

    /// Returns once `calls` handlers have begun.
    pub async fn entered(&self, calls: usize) {
        while self.entered.load(Ordering::SeqCst) < calls {
            tokio::task::yield_now().await;
        }
    }
}

pub fn context(change: impl FnOnce(&mut Transport)) -> Context {
    let mut transport = Transport { drain: Duration::from_secs(2), ..Transport::default() };
    change(&mut transport);
    context_with(Arc::new(SystemClock), transport)
}

pub fn workspace() -> WorkspaceId {
    WorkspaceId::new(42).expect("positive")
}

/// A unary client calling as a key that may track.
pub fn guard(server: &testkit::Server) -> GuardServiceClient<Channel> {
    GuardServiceClient::new(server.channel_for(workspace(), &[Scope::Track]))
}

/// A streaming client calling as a service.
pub fn ledger(server: &testkit::Server) -> LedgerServiceClient<Channel> {
    LedgerServiceClient::new(server.service_channel())
}

pub fn ask(what: &str) -> CheckCallRequest {
    CheckCallRequest { ticket_id: what.to_owned(), ..Default::default() }
}

pub fn tail(what: &str) -> TailRequest {
    TailRequest { consumer: what.to_owned(), ..Default::default() }
}

#[tonic::async_trait]
impl GuardService for Probe {
    async fn check_call(
        &self,
        request: Request<CheckCallRequest>,
    ) -> Result<Response<CheckCallResponse>, Status> {
        self.entered.fetch_add(1, Ordering::SeqCst);
        match request.get_ref().ticket_id.as_str() {
            "panic" => panic!("the handler has a defect"),
            "wait" => self.release.acquire().await.expect("never closed").forget(),
            "hang" => std::future::pending().await,
            "refuse" => {
                return Err(
                    Fault::not_found(ErrorReason::ResourceNotFound, "no such ticket").into()
                );
            }
            "break" => return Err(Fault::internal("it broke").because("the cause").into()),
            "relay" => {
                let next = self.next.clone().expect("told to relay");
                LedgerServiceClient::new(next).get_heads(GetHeadsRequest {}).await?;
            }
            "remaining" => {
                let left = chassis::deadline::remaining().unwrap_or_default();
                let seen = i32::try_from(left.as_millis()).unwrap_or(i32::MAX);
                return Ok(Response::new(CheckCallResponse { seen, ..Default::default() }));
            }
            _ => {}
        }
        Ok(Response::new(CheckCallResponse::default()))
    }
}

#[tonic::async_trait]
impl LedgerService for Probe {
    type TailStream = BoxStream<'static, Result<TailResponse, Status>>;

    async fn tail(
        &self,
        request: Request<TailRequest>,
    ) -> Result<Response<Self::TailStream>, Status> {
        self.entered.fetch_add(1, Ordering::SeqCst);
        let three = stream::iter(
            (0..3).map(|partition| Ok(TailResponse { partition, entries: Vec::new() })),
        );
        let stream = match request.get_ref().consumer.as_str() {
            "for ever" => three.chain(stream::pending()).boxed(),
            "break" => {
                three.chain(stream::once(async { Err(Status::internal("broke midway")) })).boxed()
            }
            "panic" => {
                three.chain(stream::once(async { panic!("the stream has a defect") })).boxed()
            }
            "wait" => {
                let release = Arc::clone(&self.release);
                three
                    .chain(stream::once(async move {
                        release.acquire().await.expect("never closed").forget();
                        Ok(TailResponse::default())
                    }))
                    .boxed()
            }
            _ => three.boxed(),
        };
        Ok(Response::new(stream))
    }

    async fn get_heads(
        &self,
        _: Request<GetHeadsRequest>,
    ) -> Result<Response<GetHeadsResponse>, Status> {
        self.entered.fetch_add(1, Ordering::SeqCst);
        Ok(Response::new(GetHeadsResponse::default()))
    }
}
