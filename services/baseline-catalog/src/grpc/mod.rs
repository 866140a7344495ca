//! The gRPC surface: the only module that names wire:: and tonic::.

mod page;
mod parse;
mod render;
mod watch;

use std::sync::Arc;

use chassis::auth::Principal;
use chassis::page::Page;
use fault::{Fault, Violations};
use kernel::WorkspaceId;
use prost::Message as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use wire::catalog::v1 as pb;
use wire::catalog::v1::catalog_service_server::CatalogService;

use self::page::SIZES;
use self::parse::Caller;
use self::render::fault;
use crate::app::{App, Written};
use crate::domain::{Recorded, Value};

/// Answers CatalogService.
pub(crate) struct Server {
    app: Arc<App>,
    context: chassis::Context,
}

impl Server {
    pub(crate) fn new(app: Arc<App>, context: chassis::Context) -> Self {
        Self { app, context }
    }

    fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Fault> {
        let principal = Principal::from(request)?;
        let workspace = principal.workspace()?;
        Ok(Caller { workspace, actor: principal.actor().to_owned(), now: self.app.now() })
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
impl CatalogService for Server {
    async fn list_task_types(
        &self,
        request: Request<pb::ListTaskTypesRequest>,
    ) -> Answer<pb::ListTaskTypesResponse> {
        let workspace = workspace(&request)?;
        let request = request.into_inner();
        let filter =
            pb::ListTaskTypesRequest { page_size: 0, page_token: String::new(), ..request.clone() };
        let mut v = Violations::new();
        let page = Page::parse(
            &mut v,
            SIZES,
            request.page_size,
            &request.page_token,
            &filter.encode_to_vec(),
        );
        let Some(page) = page else { return Err(v.into_fault().into()) };
        let listed = self.app.task_types(workspace).await.map_err(fault)?;
        let wanted = |task_type: &pb::TaskType| {
            (request.state == 0 || request.state == task_type.state)
                && (request.origin == 0 || request.origin == task_type.origin)
        };
        let rendered =
            listed.into_iter().map(|(built_in, baseline)| (render::task_type(built_in), baseline));
        let wanted = rendered.filter(|(task_type, _)| wanted(task_type)).collect();
        let key = |(task_type, _): &(pb::TaskType, _)| task_type.task_type.clone();
        let (page, next_page_token) = page::cut(&page, wanted, key)?;
        let task_types = page.into_iter().map(|(task_type, baseline)| pb::ListedTaskType {
            task_type: Some(task_type),
            baseline: baseline.as_ref().map(render::baseline),
        });
        Ok(Response::new(pb::ListTaskTypesResponse {
            task_types: task_types.collect(),
            next_page_token,
        }))
    }

    async fn get_task_type(
        &self,
        request: Request<pb::GetTaskTypeRequest>,
    ) -> Answer<pb::GetTaskTypeResponse> {
        let workspace = workspace(&request)?;
        let request = request.into_inner();
        let mut v = Violations::new();
        let key = parse::task_key(&mut v, "task_type", &request.task_type);
        let Some(key) = key else { return Err(v.into_fault().into()) };
        let at = request.at_time.as_ref().map_or_else(|| self.app.now(), parse::timestamp);
        let (built_in, baselines) = self.app.task_type(workspace, &key, at).await.map_err(fault)?;
        Ok(Response::new(pb::GetTaskTypeResponse {
            task_type: Some(render::task_type(built_in)),
            baselines: baselines.iter().map(render::baseline).collect(),
        }))
    }

    async fn create_task_type(
        &self,
        _: Request<pb::CreateTaskTypeRequest>,
    ) -> Answer<pb::CreateTaskTypeResponse> {
        not_implemented("CreateTaskType")
    }

    async fn update_task_type(
        &self,
        _: Request<pb::UpdateTaskTypeRequest>,
    ) -> Answer<pb::UpdateTaskTypeResponse> {
        not_implemented("UpdateTaskType")
    }

    async fn archive_task_type(
        &self,
        _: Request<pb::ArchiveTaskTypeRequest>,
    ) -> Answer<pb::ArchiveTaskTypeResponse> {
        not_implemented("ArchiveTaskType")
    }

    async fn set_baseline(
        &self,
        request: Request<pb::SetBaselineRequest>,
    ) -> Answer<pb::SetBaselineResponse> {
        let caller = self.caller(&request)?;
        let (new, write) = parse::set_baseline(request.into_inner(), caller)?;
        let written = self.app.set_baseline(new, write).await.map_err(fault)?;
        let Written { value: Value::Baseline(value), version, .. } = &written else {
            return Err(Fault::internal("a baseline was set and something else came back").into());
        };
        let baseline =
            render::baseline(&Recorded { value: value.clone(), version: version.clone() });
        Ok(Response::new(pb::SetBaselineResponse {
            baseline: Some(baseline),
            catalog_version: render::catalog_version(&written),
            displaced_versions: render::displaced(&written),
        }))
    }

    async fn get_baseline_history(
        &self,
        request: Request<pb::GetBaselineHistoryRequest>,
    ) -> Answer<pb::GetBaselineHistoryResponse> {
        let workspace = workspace(&request)?;
        let (key, with, page) = parse::baseline_history(request.into_inner())?;
        let history = self.app.baseline_history(workspace, &key, with).await.map_err(fault)?;
        let (page, next_page_token) = page::cut(&page, history, |r| r.version.id.clone())?;
        let baselines = page.iter().map(render::baseline).collect();
        Ok(Response::new(pb::GetBaselineHistoryResponse { baselines, next_page_token }))
    }

    async fn resolve_baselines(
        &self,
        request: Request<pb::ResolveBaselinesRequest>,
    ) -> Answer<pb::ResolveBaselinesResponse> {
        let workspace = workspace(&request)?;
        let request = request.into_inner();
        let asked = request.keys.clone();
        let (keys, at, as_of) = parse::resolve(request, self.app.now())?;
        let resolved = self.app.resolve(workspace, &keys, at, as_of).await.map_err(fault)?;
        let results =
            asked.into_iter().zip(&resolved).map(|(asked, found)| render::resolved(asked, found));
        Ok(Response::new(pb::ResolveBaselinesResponse {
            results: results.collect(),
            at_time: Some(render::timestamp(at)),
        }))
    }

    async fn set_hourly_rate(
        &self,
        request: Request<pb::SetHourlyRateRequest>,
    ) -> Answer<pb::SetHourlyRateResponse> {
        let caller = self.caller(&request)?;
        let (new, write) = parse::set_hourly_rate(request.into_inner(), caller)?;
        let written = self.app.write(new, write).await.map_err(fault)?;
        let Written { value: Value::HourlyRate(value), version, .. } = &written else {
            return Err(Fault::internal("a rate was set and something else came back").into());
        };
        let rate =
            render::hourly_rate(&Recorded { value: value.clone(), version: version.clone() });
        Ok(Response::new(pb::SetHourlyRateResponse {
            hourly_rate: Some(rate),
            catalog_version: render::catalog_version(&written),
            displaced_versions: render::displaced(&written),
        }))
    }

    async fn list_hourly_rates(
        &self,
        request: Request<pb::ListHourlyRatesRequest>,
    ) -> Answer<pb::ListHourlyRatesResponse> {
        let workspace = workspace(&request)?;
        let request = request.into_inner();
        let filter = pb::ListHourlyRatesRequest {
            page_size: 0,
            page_token: String::new(),
            ..request.clone()
        };
        let mut v = Violations::new();
        let page = Page::parse(
            &mut v,
            SIZES,
            request.page_size,
            &request.page_token,
            &filter.encode_to_vec(),
        );
        let Some(page) = page else { return Err(v.into_fault().into()) };
        let at = request.at_time.as_ref().map_or_else(|| self.app.now(), parse::timestamp);
        let rates = if request.include_history {
            self.app.rate_history(workspace).await
        } else {
            self.app.rates(workspace, at).await
        };
        let mut rates: Vec<pb::HourlyRate> =
            rates.map_err(fault)?.iter().map(render::hourly_rate).collect();
        rates.retain(|rate| request.agent_id.is_empty() || rate.agent_id == request.agent_id);
        // A version names a rate for good, the built-in's pack included: it is listed once.
        let key = |rate: &pb::HourlyRate| {
            rate.version.as_ref().map_or_else(String::new, |v| v.version_id.clone())
        };
        let (hourly_rates, next_page_token) = page::cut(&page, rates, key)?;
        Ok(Response::new(pb::ListHourlyRatesResponse { hourly_rates, next_page_token }))
    }

    async fn set_savings_policy(
        &self,
        _: Request<pb::SetSavingsPolicyRequest>,
    ) -> Answer<pb::SetSavingsPolicyResponse> {
        not_implemented("SetSavingsPolicy")
    }

    async fn get_savings_policy(
        &self,
        request: Request<pb::GetSavingsPolicyRequest>,
    ) -> Answer<pb::GetSavingsPolicyResponse> {
        workspace(&request)?;
        let savings_policy = Some(render::default_policy());
        Ok(Response::new(pb::GetSavingsPolicyResponse { savings_policy }))
    }

    async fn set_reporting_defaults(
        &self,
        _: Request<pb::SetReportingDefaultsRequest>,
    ) -> Answer<pb::SetReportingDefaultsResponse> {
        not_implemented("SetReportingDefaults")
    }

    async fn get_reporting_defaults(
        &self,
        _: Request<pb::GetReportingDefaultsRequest>,
    ) -> Answer<pb::GetReportingDefaultsResponse> {
        not_implemented("GetReportingDefaults")
    }

    async fn set_intent(&self, _: Request<pb::SetIntentRequest>) -> Answer<pb::SetIntentResponse> {
        not_implemented("SetIntent")
    }

    async fn list_intents(
        &self,
        _: Request<pb::ListIntentsRequest>,
    ) -> Answer<pb::ListIntentsResponse> {
        not_implemented("ListIntents")
    }

    async fn set_model_price(
        &self,
        _: Request<pb::SetModelPriceRequest>,
    ) -> Answer<pb::SetModelPriceResponse> {
        not_implemented("SetModelPrice")
    }

    async fn list_model_prices(
        &self,
        _: Request<pb::ListModelPricesRequest>,
    ) -> Answer<pb::ListModelPricesResponse> {
        not_implemented("ListModelPrices")
    }

    async fn set_fx_rate(&self, _: Request<pb::SetFxRateRequest>) -> Answer<pb::SetFxRateResponse> {
        not_implemented("SetFxRate")
    }

    async fn list_fx_rates(
        &self,
        _: Request<pb::ListFxRatesRequest>,
    ) -> Answer<pb::ListFxRatesResponse> {
        not_implemented("ListFxRates")
    }

    async fn import_pack(
        &self,
        _: Request<pb::ImportPackRequest>,
    ) -> Answer<pb::ImportPackResponse> {
        not_implemented("ImportPack")
    }

    async fn export_pack(
        &self,
        _: Request<pb::ExportPackRequest>,
    ) -> Answer<pb::ExportPackResponse> {
        not_implemented("ExportPack")
    }

    type WatchStream = ReceiverStream<Result<pb::WatchResponse, Status>>;

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Answer<Self::WatchStream> {
        let cursors = parse::cursors(request.into_inner())?;
        let stream = watch::open(Arc::clone(&self.app), cursors, &self.context).await?;
        Ok(Response::new(stream))
    }
}
