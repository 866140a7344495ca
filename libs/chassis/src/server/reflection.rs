//! grpc.reflection: what this server answers, and nothing of what its peers do.

use std::collections::BTreeSet;

use http::{Request, StatusCode};
use tonic::body::Body;
use tonic::service::Routes;
use tower::ServiceExt as _;

use crate::StartError;

const HEALTH: &str = "grpc.health.v1.Health";
const REFLECTION: [&str; 2] =
    ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// Adds both versions of the protocol: grpcurl and most consoles still ask in v1alpha first.
pub(super) async fn add(routes: Routes) -> Result<Routes, StartError> {
    let served = served(&routes).await;
    let builder = || {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(wire::DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name(HEALTH);
        let named = REFLECTION.into_iter().fold(builder, |b, name| b.with_service_name(name));
        served.iter().fold(named, |builder, name| builder.with_service_name(*name))
    };
    let broken =
        |error| StartError::new("the descriptors of the contract are damaged").because(error);
    Ok(routes
        .add_service(builder().build_v1().map_err(broken)?)
        .add_service(builder().build_v1alpha().map_err(broken)?))
}

/// Which services of the contract these routes lead to. Routes do not list themselves, but the router
/// answers a path that leads nowhere with NOT_FOUND, and a service one that is no method of its own with
/// a gRPC status: asking all of them costs a start microseconds, and cannot differ from what is served.
async fn served(routes: &Routes) -> Vec<&'static str> {
    let contract: BTreeSet<&str> =
        wire::METHODS.iter().filter_map(|method| method.path[1..].split('/').next()).collect();
    let router = Routes::from(routes.clone().into_axum_router().reset_fallback());
    let mut served = Vec::new();
    for service in contract {
        let request = Request::builder().method("POST").uri(format!("/{service}/-"));
        let Ok(request) = request.body(Body::empty()) else { continue };
        let Ok(answer) = router.clone().oneshot(request).await;
        if answer.status() != StatusCode::NOT_FOUND {
            served.push(service);
        }
    }
    served
}
