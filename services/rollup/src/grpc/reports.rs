//! ReportService: whoever calls, and what of it is asked at the desk.

use chassis::auth::Principal;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, async_trait};
use wire::rollup::v1 as api;
use wire::rollup::v1::report_service_server::ReportService;

use super::desk::Desk;
use super::later::later;
use super::watch::Watches;
use super::{export, parse, parse_series, render_series};
use crate::check::Checker;

pub(super) struct Reports {
    desk: Desk,
    checker: Checker,
    watches: Watches,
}

impl Reports {
    pub(super) fn new(desk: Desk, checker: Checker, watches: Watches) -> Self {
        Self { desk, checker, watches }
    }
}

#[async_trait]
impl ReportService for Reports {
    async fn get_overview(
        &self,
        request: Request<api::GetOverviewRequest>,
    ) -> Result<Response<api::GetOverviewResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let overview = self.desk.overview(workspace, request.into_inner()).await?;
        Ok(Response::new(api::GetOverviewResponse { overview: Some(overview) }))
    }

    async fn get_savings(
        &self,
        request: Request<api::GetSavingsRequest>,
    ) -> Result<Response<api::GetSavingsResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let report = self.desk.savings(workspace, request.into_inner()).await?;
        Ok(Response::new(api::GetSavingsResponse { report: Some(report) }))
    }

    async fn get_time_series(
        &self,
        request: Request<api::GetTimeSeriesRequest>,
    ) -> Result<Response<api::GetTimeSeriesResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let series = self.desk.time_series(workspace, request.into_inner()).await?;
        Ok(Response::new(api::GetTimeSeriesResponse { time_series: Some(series) }))
    }

    async fn get_scorecard(
        &self,
        _: Request<api::GetScorecardRequest>,
    ) -> Result<Response<api::GetScorecardResponse>, Status> {
        later("GetScorecard")
    }

    async fn get_executive_view(
        &self,
        _: Request<api::GetExecutiveViewRequest>,
    ) -> Result<Response<api::GetExecutiveViewResponse>, Status> {
        later("GetExecutiveView")
    }

    async fn get_cost_per_resolution(
        &self,
        _: Request<api::GetCostPerResolutionRequest>,
    ) -> Result<Response<api::GetCostPerResolutionResponse>, Status> {
        later("GetCostPerResolution")
    }

    async fn get_metric(
        &self,
        _: Request<api::GetMetricRequest>,
    ) -> Result<Response<api::GetMetricResponse>, Status> {
        later("GetMetric")
    }

    async fn list_metric_definitions(
        &self,
        _: Request<api::ListMetricDefinitionsRequest>,
    ) -> Result<Response<api::ListMetricDefinitionsResponse>, Status> {
        later("ListMetricDefinitions")
    }

    async fn get_readiness(
        &self,
        _: Request<api::GetReadinessRequest>,
    ) -> Result<Response<api::GetReadinessResponse>, Status> {
        later("GetReadiness")
    }

    async fn check_conservation(
        &self,
        request: Request<api::CheckConservationRequest>,
    ) -> Result<Response<api::CheckConservationResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let mut request = request.into_inner();
        let Desk { app, defaults, clock, .. } = &self.desk;
        request.query = defaults.of(workspace).await.query(request.query);
        let (ask, against) = parse_series::conservation(workspace, clock.now(), request)?;
        app.need(workspace, ask.at_least, chassis::deadline::remaining()).await?;
        // Never from the cache: a check looks at what is there.
        let stated = self.checker.check(&ask.query, against).await?;
        app.answered(workspace, stated.as_of);
        Ok(Response::new(render_series::conservation(&ask, stated)))
    }

    type ExportStream = BoxStream<api::ExportResponse>;

    async fn export(
        &self,
        request: Request<api::ExportRequest>,
    ) -> Result<Response<Self::ExportStream>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let (asked, format) = parse::export(request.into_inner())?;
        let report = self.desk.report(workspace, asked).await?;
        Ok(Response::new(export::stream(report, format)))
    }

    type WatchOverviewStream = BoxStream<api::WatchOverviewResponse>;

    async fn watch_overview(
        &self,
        request: Request<api::WatchOverviewRequest>,
    ) -> Result<Response<Self::WatchOverviewStream>, Status> {
        let stream = self.watches.open(self.desk.clone(), request).await?;
        Ok(Response::new(stream))
    }
}
