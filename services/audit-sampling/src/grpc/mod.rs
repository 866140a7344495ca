//! The gRPC surface: the only module that names wire:: and tonic::.

mod parse;
mod render;

use std::sync::Arc;

use chassis::auth::Principal;
use fault::Fault;
use kernel::WorkspaceId;
use tonic::{Request, Response, Status};
use wire::audit::v1 as pb;
use wire::audit::v1::sampling_service_server::SamplingService;

pub(crate) use self::parse::step;

use self::parse::ListSamples;
use self::render::fault;
use crate::app::App;

/// Answers SamplingService.
pub(crate) struct Server {
    app: Arc<App>,
}

impl Server {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

fn workspace<T>(request: &Request<T>) -> Result<WorkspaceId, Fault> {
    Principal::from(request)?.workspace()
}

/// In the contract, not in this build.
fn not_implemented<T>(rpc: &str) -> Result<Response<T>, Status> {
    Err(Fault::unimplemented(rpc).into())
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl SamplingService for Server {
    async fn get_plan(&self, request: Request<pb::GetPlanRequest>) -> Answer<pb::GetPlanResponse> {
        workspace(&request)?;
        let plan = self.app.plan(&request.into_inner().plan_id).map_err(fault)?;
        Ok(Response::new(pb::GetPlanResponse { plan: Some(render::plan(plan)) }))
    }

    async fn list_samples(
        &self,
        request: Request<pb::ListSamplesRequest>,
    ) -> Answer<pb::ListSamplesResponse> {
        let workspace = workspace(&request)?;
        let ListSamples { filter, after, at_least, page } =
            parse::list_samples(request.into_inner())?;
        let found =
            self.app.samples(workspace, &filter, after.as_ref(), page.limit(), at_least).await;
        let (samples, reflects) = found.map_err(fault)?;
        let (samples, next_page_token) =
            page.cut(samples, |last| parse::sample_end(last.step.event.0.seq, &last.plan_id));
        Ok(Response::new(pb::ListSamplesResponse {
            samples: samples.iter().map(render::sample).collect(),
            next_page_token,
            reflects: reflects.to_string(),
        }))
    }

    async fn list_periods(
        &self,
        request: Request<pb::ListPeriodsRequest>,
    ) -> Answer<pb::ListPeriodsResponse> {
        let workspace = workspace(&request)?;
        let (plan_id, page) = parse::list_periods(request.into_inner())?;
        let plan = self.app.plan(&plan_id).map_err(fault)?;
        let (mut weeks, reflects) = self.app.weeks(workspace, plan).await.map_err(fault)?;
        // Weeks are few: one a week since the installation.
        if let Some(after) = page.after() {
            weeks.retain(|week| parse::week_end(week) > after.to_vec());
        }
        let (weeks, next_page_token) = page.cut(weeks, parse::week_end);
        Ok(Response::new(pb::ListPeriodsResponse {
            periods: weeks.into_iter().map(|week| render::period(week, plan)).collect(),
            next_page_token,
            reflects: reflects.to_string(),
        }))
    }

    async fn create_plan(
        &self,
        _: Request<pb::CreatePlanRequest>,
    ) -> Answer<pb::CreatePlanResponse> {
        not_implemented("CreatePlan")
    }

    async fn list_plans(&self, _: Request<pb::ListPlansRequest>) -> Answer<pb::ListPlansResponse> {
        not_implemented("ListPlans")
    }

    async fn update_plan(
        &self,
        _: Request<pb::UpdatePlanRequest>,
    ) -> Answer<pb::UpdatePlanResponse> {
        not_implemented("UpdatePlan")
    }

    async fn submit_exchange(
        &self,
        _: Request<pb::SubmitExchangeRequest>,
    ) -> Answer<pb::SubmitExchangeResponse> {
        not_implemented("SubmitExchange")
    }

    async fn claim_sample(
        &self,
        _: Request<pb::ClaimSampleRequest>,
    ) -> Answer<pb::ClaimSampleResponse> {
        not_implemented("ClaimSample")
    }

    async fn submit_review(
        &self,
        _: Request<pb::SubmitReviewRequest>,
    ) -> Answer<pb::SubmitReviewResponse> {
        not_implemented("SubmitReview")
    }

    async fn release_sample(
        &self,
        _: Request<pb::ReleaseSampleRequest>,
    ) -> Answer<pb::ReleaseSampleResponse> {
        not_implemented("ReleaseSample")
    }

    async fn adjudicate(
        &self,
        _: Request<pb::AdjudicateRequest>,
    ) -> Answer<pb::AdjudicateResponse> {
        not_implemented("Adjudicate")
    }

    async fn get_accuracy(
        &self,
        _: Request<pb::GetAccuracyRequest>,
    ) -> Answer<pb::GetAccuracyResponse> {
        not_implemented("GetAccuracy")
    }

    async fn get_agreement(
        &self,
        _: Request<pb::GetAgreementRequest>,
    ) -> Answer<pb::GetAgreementResponse> {
        not_implemented("GetAgreement")
    }

    async fn get_error_breakdown(
        &self,
        _: Request<pb::GetErrorBreakdownRequest>,
    ) -> Answer<pb::GetErrorBreakdownResponse> {
        not_implemented("GetErrorBreakdown")
    }

    async fn draw_failed_handoffs(
        &self,
        _: Request<pb::DrawFailedHandoffsRequest>,
    ) -> Answer<pb::DrawFailedHandoffsResponse> {
        not_implemented("DrawFailedHandoffs")
    }

    async fn purge_samples(
        &self,
        _: Request<pb::PurgeSamplesRequest>,
    ) -> Answer<pb::PurgeSamplesResponse> {
        not_implemented("PurgeSamples")
    }
}
