//! The gRPC surface: the only place, with `ledger`, that names wire messages.

mod calendar;
mod defaults;
mod later;
mod parse;
mod parse_series;
mod rebuilds;
mod render;
mod render_series;
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
use crate::check::Checker;
use crate::rebuild::Rebuilding;

pub(crate) use defaults::Defaults;

/// All services of rollup.
pub(crate) fn routes(
    app: Arc<App>,
    answers: Answers,
    checker: Checker,
    defaults: Defaults,
    rebuilding: Rebuilding,
    clock: &Arc<dyn Clock>,
) -> Routes {
    let reports = reports::Reports::new(app, answers, checker, defaults, Arc::clone(clock));
    let rebuilds = rebuilds::Rebuilds::new(rebuilding, Arc::clone(clock));
    Routes::new(ReportServiceServer::new(reports))
        .add_service(TicketServiceServer::new(later::Later))
        .add_service(ShareServiceServer::new(later::Later))
        .add_service(RebuildServiceServer::new(rebuilds))
}
