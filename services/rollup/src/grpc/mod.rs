//! The gRPC surface: the only place, with `ledger`, that names wire messages.

mod asking;
mod calendar;
mod defaults;
mod desk;
mod export;
mod later;
mod parse;
mod parse_series;
mod rebuilds;
mod render;
mod render_series;
mod reports;
mod shares;
mod versions;
mod watch;
mod words;

use std::sync::Arc;

use chassis::auth::Authenticator;
use tonic::service::Routes;
use wire::rollup::v1::rebuild_service_server::RebuildServiceServer;
use wire::rollup::v1::report_service_server::ReportServiceServer;
use wire::rollup::v1::share_service_server::ShareServiceServer;
use wire::rollup::v1::ticket_service_server::TicketServiceServer;

use crate::answers::Answers;
use crate::app::{App, Versions};
use crate::check::Checker;
use crate::rebuild::Rebuilding;
use crate::sharing::Sharing;

pub(crate) use defaults::Defaults;
pub(crate) use versions::CatalogVersions;

/// What the routes are made of.
pub(crate) struct Parts {
    pub(crate) app: Arc<App>,
    pub(crate) answers: Answers,
    pub(crate) checker: Checker,
    pub(crate) defaults: Defaults,
    pub(crate) versions: Arc<dyn Versions>,
    pub(crate) rebuilding: Rebuilding,
    pub(crate) sharing: Sharing,
    pub(crate) authenticator: Arc<dyn Authenticator>,
}

/// All services of rollup.
pub(crate) fn routes(parts: Parts, context: &chassis::Context) -> Routes {
    let Parts { app, answers, checker, defaults, versions, rebuilding, sharing, authenticator } =
        parts;
    let clock = Arc::clone(&context.clock);
    let desk = desk::Desk { app, answers, defaults, versions, clock: Arc::clone(&clock) };
    let watches = watch::Watches::new(context.clone(), authenticator);
    let reports = reports::Reports::new(desk.clone(), checker, watches);
    Routes::new(ReportServiceServer::new(reports))
        .add_service(TicketServiceServer::new(later::Later))
        .add_service(ShareServiceServer::new(shares::Shares::new(desk, sharing)))
        .add_service(RebuildServiceServer::new(rebuilds::Rebuilds::new(rebuilding, clock)))
}
