//! ReportService: the cache first, the cells behind it.

use std::sync::Arc;

use chassis::auth::Principal;
use kernel::Clock;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, async_trait};
use wire::rollup::v1 as api;
use wire::rollup::v1::report_service_server::ReportService;

use super::defaults::Defaults;
use super::later::later;
use super::{parse, parse_series, render, render_series};
use crate::answers::{Answers, Stamped, key};
use crate::app::App;
use crate::check::Checker;

pub(super) struct Reports {
    app: Arc<App>,
    answers: Answers,
    checker: Checker,
    defaults: Defaults,
    clock: Arc<dyn Clock>,
}

impl Reports {
    pub(super) fn new(
        app: Arc<App>,
        answers: Answers,
        checker: Checker,
        defaults: Defaults,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { app, answers, checker, defaults, clock }
    }
}

#[async_trait]
impl ReportService for Reports {
    async fn get_overview(
        &self,
        request: Request<api::GetOverviewRequest>,
    ) -> Result<Response<api::GetOverviewResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let mut request = request.into_inner();
        request.query = self.defaults.of(workspace).await.query(request.query);
        let (ask, compare) = parse::overview(workspace, self.clock.now(), request)?;
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
        let mut request = request.into_inner();
        request.query = self.defaults.of(workspace).await.query(request.query);
        let (ask, split) = parse::savings(workspace, self.clock.now(), request)?;
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
        request: Request<api::GetTimeSeriesRequest>,
    ) -> Result<Response<api::GetTimeSeriesResponse>, Status> {
        let workspace = Principal::from(&request)?.workspace()?;
        let now = self.clock.now();
        let mut request = request.into_inner();
        let assumed = self.defaults.of(workspace).await;
        request.fiscal_start_month = assumed.fiscal_start_month(request.fiscal_start_month);
        request.query = assumed.query(request.query);
        let (ask, cut) = parse_series::series(workspace, now, request)?;
        let granted = chassis::deadline::remaining();
        let floor = self.app.floor(workspace, ask.at_least, granted).await?;
        // Which buckets have ended is part of the answer, and moves with the quarter hour.
        let ended = cut.buckets.iter().filter(|bucket| bucket.window.window().end() <= now).count();
        let question =
            format!("{:?} {} {:?} {:?} {ended}", ask.query, ask.zone, cut.by, cut.granularity);
        let key = key(workspace, "series", &question);
        if let Some((kept, as_of)) = self.answers.find(&key, floor).await {
            self.app.answered(as_of);
            return Ok(Response::new(kept));
        }
        let windows: Vec<_> = cut.buckets.iter().map(|bucket| bucket.window).collect();
        let stated = self.app.series(&ask.query, &cut.by, &windows).await?;
        let time_series = Some(render_series::series(&ask, &cut, now, &stated));
        let answer = api::GetTimeSeriesResponse { time_series };
        self.app.answered(stated.as_of);
        self.answers.keep(&key, stated.as_of, &answer).await;
        Ok(Response::new(answer))
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
        request.query = self.defaults.of(workspace).await.query(request.query);
        let (ask, against) = parse_series::conservation(workspace, self.clock.now(), request)?;
        self.app.floor(workspace, ask.at_least, chassis::deadline::remaining()).await?;
        // Never from the cache: a check looks at what is there.
        let stated = self.checker.check(&ask.query, against).await?;
        self.app.answered(stated.as_of);
        Ok(Response::new(render_series::conservation(&ask, stated)))
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

impl Stamped for api::GetTimeSeriesResponse {
    fn as_of(&self) -> &str {
        let basis = self.time_series.as_ref().and_then(|series| series.basis.as_ref());
        basis.map_or("", |basis| &basis.as_of)
    }
}
