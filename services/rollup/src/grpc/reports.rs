//! ReportService: the cache first, the cells behind it.

use std::sync::Arc;

use chassis::auth::Principal;
use kernel::Clock;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, async_trait};
use wire::rollup::v1 as api;
use wire::rollup::v1::report_service_server::ReportService;

use super::later::later;
use super::{parse, render};
use crate::answers::{Answers, Stamped, key};
use crate::app::App;

pub(super) struct Reports {
    app: Arc<App>,
    answers: Answers,
    clock: Arc<dyn Clock>,
}

impl Reports {
    pub(super) fn new(app: Arc<App>, answers: Answers, clock: Arc<dyn Clock>) -> Self {
        Self { app, answers, clock }
    }
}

#[async_trait]
impl ReportService for Reports {
    async fn get_overview(
        &self,
        request: Request<api::GetOverviewRequest>,
    ) -> Result<Response<api::GetOverviewResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let (ask, compare) = parse::overview(workspace, self.clock.now(), request.into_inner())?;
        let granted = chassis::deadline::remaining();
        let floor = self.app.floor(workspace, ask.at_least, granted).await?;
        let key = key(workspace, "overview", &format!("{:?} {} {compare:?}", ask.query, ask.zone));
        if let Some((kept, as_of)) = self.answers.find(&key, floor).await {
            self.app.answered(as_of);
            return Ok(Response::new(kept));
        }
        let stated = self.app.overview(&ask.query, compare).await?;
        let overview = Some(render::overview(&ask, &stated));
        let answer = api::GetOverviewResponse { overview };
        self.app.answered(stated.as_of);
        self.answers.keep(&key, stated.as_of, &answer).await;
        Ok(Response::new(answer))
    }

    async fn get_savings(
        &self,
        request: Request<api::GetSavingsRequest>,
    ) -> Result<Response<api::GetSavingsResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let (ask, split) = parse::savings(workspace, self.clock.now(), request.into_inner())?;
        let granted = chassis::deadline::remaining();
        let floor = self.app.floor(workspace, ask.at_least, granted).await?;
        let key = key(workspace, "savings", &format!("{:?} {} {split:?}", ask.query, ask.zone));
        if let Some((kept, as_of)) = self.answers.find(&key, floor).await {
            self.app.answered(as_of);
            return Ok(Response::new(kept));
        }
        let stated = self.app.savings(&ask.query, &split).await?;
        let report = Some(render::savings(&ask, &split, &stated));
        let answer = api::GetSavingsResponse { report };
        self.app.answered(stated.as_of);
        self.answers.keep(&key, stated.as_of, &answer).await;
        Ok(Response::new(answer))
    }

    async fn get_time_series(
        &self,
        _: Request<api::GetTimeSeriesRequest>,
    ) -> Result<Response<api::GetTimeSeriesResponse>, Status> {
        later("GetTimeSeries")
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
        _: Request<api::CheckConservationRequest>,
    ) -> Result<Response<api::CheckConservationResponse>, Status> {
        later("CheckConservation")
    }

    type ExportStream = BoxStream<api::ExportResponse>;

    async fn export(
        &self,
        _: Request<api::ExportRequest>,
    ) -> Result<Response<Self::ExportStream>, Status> {
        later("Export")
    }

    type WatchOverviewStream = BoxStream<api::WatchOverviewResponse>;

    async fn watch_overview(
        &self,
        _: Request<api::WatchOverviewRequest>,
    ) -> Result<Response<Self::WatchOverviewStream>, Status> {
        later("WatchOverview")
    }
}

impl Stamped for api::GetOverviewResponse {
    fn as_of(&self) -> &str {
        let basis = self.overview.as_ref().and_then(|overview| overview.basis.as_ref());
        basis.map_or("", |basis| &basis.as_of)
    }
}

impl Stamped for api::GetSavingsResponse {
    fn as_of(&self) -> &str {
        let basis = self.report.as_ref().and_then(|report| report.basis.as_ref());
        basis.map_or("", |basis| &basis.as_of)
    }
}
