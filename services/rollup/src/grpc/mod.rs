//! The gRPC surface: the only place, with `ledger`, that names wire messages.

mod calendar;
mod later;
mod parse;
mod render;
mod reports;
mod words;

use std::sync::Arc;

use kernel::Clock;
use tonic::service::Routes;
use wire::rollup::v1::rebuild_service_server::RebuildServiceServer;
use wire::rollup::v1::report_service_server::ReportServiceServer;
use wire::rollup::v1::share_service_server::ShareServiceServer;
use wire::rollup::v1::ticket_service_server::TicketServiceServer;

use crate::answers::Answers;
use crate::app::App;

/// All services of rollup.
pub(crate) fn routes(app: Arc<App>, answers: Answers, clock: Arc<dyn Clock>) -> Routes {
    Routes::new(ReportServiceServer::new(reports::Reports::new(app, answers, clock)))
        .add_service(TicketServiceServer::new(later::Later))
        .add_service(ShareServiceServer::new(later::Later))
        .add_service(RebuildServiceServer::new(later::Later))
}
