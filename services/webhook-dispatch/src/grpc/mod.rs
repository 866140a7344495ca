//! The two services of the contract. Requests are parsed whole, answers are rendered; nothing is
//! decided here.

mod alert;
mod endpoint;
mod heads;
mod parse;
mod render;

use std::sync::Arc;

use fault::Fault;
use tonic::Status;
use tonic::service::Routes;
use wire::webhook::v1::alert_service_server::AlertServiceServer;
use wire::webhook::v1::endpoint_service_server::EndpointServiceServer;

use crate::app::App;

pub(crate) use heads::LedgerHeads;

/// The routes of this service.
pub(crate) fn routes(app: Arc<App>) -> Routes {
    Routes::new(EndpointServiceServer::new(endpoint::Api::new(app)))
        .add_service(AlertServiceServer::new(alert::Api))
}

/// In the contract, and the work of a later release.
fn later<T>(rpc: &'static str) -> Result<T, Status> {
    Err(Fault::unimplemented(rpc).into())
}
