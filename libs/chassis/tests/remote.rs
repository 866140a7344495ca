//! Asking ingest about keys: once a second, and never letting anybody in on doubt.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "an answer is forgotten by real time")]

mod probe;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chassis::auth::{Authenticator as _, Principal, Remote};
use chassis::{Context, Service};
use fault::{Code, ErrorReason, Fault};
use probe::{Probe, context, workspace};
use testkit::server::Keys;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use wire::common::v1::Scope;
use wire::ingest::v1::access_service_server::{AccessService, AccessServiceServer};
use wire::ingest::v1::*;

/// An ingest that knows one key.
#[derive(Clone, Default)]
struct Ingest {
    asked: Arc<AtomicUsize>,
}

macro_rules! not_here {
    ($($name:ident: $request:ty => $response:ty),*) => { $(
        fn $name<'life, 'async_trait>(
            &'life self,
            _: Request<$request>,
        ) -> std::pin::Pin<
            Box<dyn Future<Output = Result<Response<$response>, Status>> + Send + 'async_trait>,
        >
        where
            'life: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async { Err(Status::unimplemented("not here")) })
        }
    )* };
}

#[tonic::async_trait]
impl AccessService for Ingest {
    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Result<Response<AuthenticateResponse>, Status> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        assert!(Principal::from(&request)?.is_service());
        match request.into_inner().api_key.as_str() {
            "good" => Ok(Response::new(AuthenticateResponse {
                workspace_id: workspace().to_string(),
                key_id: "k1".to_owned(),
                scopes: vec![Scope::Report.into(), 4_711],
            })),
            "revoked" => {
                Err(Fault::unauthenticated(ErrorReason::RevokedCredentials, "revoked").into())
            }
            _ => Err(Fault::internal("the database is upset").into()),
        }
    }

    not_here! {
        create_workspace: CreateWorkspaceRequest => CreateWorkspaceResponse,
        update_workspace: UpdateWorkspaceRequest => UpdateWorkspaceResponse,
        create_api_key: CreateApiKeyRequest => CreateApiKeyResponse,
        rotate_api_key: RotateApiKeyRequest => RotateApiKeyResponse,
        revoke_api_key: RevokeApiKeyRequest => RevokeApiKeyResponse,
        list_api_keys: ListApiKeysRequest => ListApiKeysResponse
    }
}

async fn serve_ingest(ctx: &Context) -> (testkit::Server, Ingest) {
    let ingest = Ingest::default();
    let routes = Routes::new(AccessServiceServer::new(ingest.clone()));
    let authenticator = Arc::new(Keys::new());
    let service = Service { routes, authenticator, ..Probe::new().service() };
    (testkit::serve(service, ctx).await, ingest)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_good_or_bad_is_remembered_for_a_second() {
    let ctx = context(|_| {});
    let (server, ingest) = serve_ingest(&ctx).await;
    let remote = Arc::new(Remote::new(server.service_channel()));

    let together: Vec<_> = (0..50)
        .map(|_| {
            let remote = Arc::clone(&remote);
            tokio::spawn(async move { remote.authenticate("good").await })
        })
        .collect();
    for answer in together {
        let principal = answer.await.unwrap().unwrap();
        assert_eq!((principal.workspace().unwrap(), principal.key_id()), (workspace(), Some("k1")));
        assert!(principal.allows(Scope::Report) && !principal.allows(Scope::Track));
    }
    assert_eq!(ingest.asked.load(Ordering::SeqCst), 1);

    for _ in 0..5 {
        let refusal = remote.authenticate("revoked").await.unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.reason()),
            (Code::Unauthenticated, ErrorReason::RevokedCredentials)
        );
    }
    assert_eq!(ingest.asked.load(Ordering::SeqCst), 2);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    remote.authenticate("good").await.unwrap();
    assert_eq!(ingest.asked.load(Ordering::SeqCst), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn doubt_is_unavailable_and_not_remembered() {
    let ctx = context(|_| {});
    let (server, ingest) = serve_ingest(&ctx).await;
    let remote = Remote::new(server.service_channel());
    for _ in 0..2 {
        assert_eq!(remote.authenticate("upsetting").await.unwrap_err().code(), Code::Unavailable);
    }
    assert_eq!(ingest.asked.load(Ordering::SeqCst), 2);
    server.stop().await;
    assert_eq!(remote.authenticate("good").await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_own_token_is_refused_does_not_blame_the_callers_key() {
    let ctx = context(|_| {});
    let (server, _) = serve_ingest(&ctx).await;
    let remote = Remote::new(server.channel_with_key(Some("another token")));
    let fault = remote.authenticate("good").await.unwrap_err();
    assert_eq!(
        (fault.code(), fault.reason()),
        (Code::Unavailable, ErrorReason::DependencyUnavailable)
    );
}
