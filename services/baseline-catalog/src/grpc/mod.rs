//! The gRPC surface: the only module that names wire:: and tonic::.

mod baselines;
mod drafts;
mod lists;
mod packs;
mod page;
mod parse;
mod render;
mod render_values;
mod setting;
mod settings;
mod task_types;
mod watch;
mod wrongs;

use std::sync::Arc;

use chassis::auth::Principal;
use fault::Fault;
use kernel::WorkspaceId;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use wire::catalog::v1 as pb;
use wire::catalog::v1::catalog_service_server::CatalogService;

use self::parse::Caller;
use self::render::fault;
use crate::app::{App, Write, Written};
use crate::domain::{NewChange, Value, Version};

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

    /// Makes one change; gives back what was set beside what is told of the write.
    async fn set(&self, (new, write): (NewChange, Write)) -> Result<Set, Fault> {
        let mut written = self.app.set(new, write).await.map_err(fault)?;
        let set = written.values.pop();
        let (value, version) =
            set.ok_or_else(|| Fault::internal("a value was set and nothing came back"))?;
        Ok(Set { value, version, written })
    }
}

/// A change that was made, or would be.
struct Set {
    value: Value,
    version: Version,
    written: Written,
}

fn workspace<T>(request: &Request<T>) -> Result<WorkspaceId, Fault> {
    Principal::from(request)?.workspace()
}

/// What came back is of another kind than was set.
fn other_kind() -> Fault {
    Fault::internal("a value was set and one of another kind came back")
}

type Answer<T> = Result<Response<T>, Status>;

/// Hands each call to the method of the same name.
macro_rules! answer {
    ($($rpc:ident: $request:ident -> $response:ident by $method:ident),+ $(,)?) => {
        #[tonic::async_trait]
        impl CatalogService for Server {
            $(async fn $rpc(&self, request: Request<pb::$request>) -> Answer<pb::$response> {
                Ok(Response::new(self.$method(request).await?))
            })+

            type WatchStream = ReceiverStream<Result<pb::WatchResponse, Status>>;

            async fn watch(&self, request: Request<pb::WatchRequest>) -> Answer<Self::WatchStream> {
                let cursors = parse::cursors(request.into_inner())?;
                let stream = watch::open(Arc::clone(&self.app), cursors, &self.context).await?;
                Ok(Response::new(stream))
            }
        }
    };
}

answer![
    list_task_types: ListTaskTypesRequest -> ListTaskTypesResponse by task_types,
    get_task_type: GetTaskTypeRequest -> GetTaskTypeResponse by task_type,
    create_task_type: CreateTaskTypeRequest -> CreateTaskTypeResponse by create_type,
    update_task_type: UpdateTaskTypeRequest -> UpdateTaskTypeResponse by update_type,
    archive_task_type: ArchiveTaskTypeRequest -> ArchiveTaskTypeResponse by archive_type,
    set_baseline: SetBaselineRequest -> SetBaselineResponse by baseline,
    get_baseline_history: GetBaselineHistoryRequest -> GetBaselineHistoryResponse by baseline_history,
    resolve_baselines: ResolveBaselinesRequest -> ResolveBaselinesResponse by resolve,
    set_hourly_rate: SetHourlyRateRequest -> SetHourlyRateResponse by hourly_rate,
    list_hourly_rates: ListHourlyRatesRequest -> ListHourlyRatesResponse by hourly_rates,
    set_savings_policy: SetSavingsPolicyRequest -> SetSavingsPolicyResponse by set_policy,
    get_savings_policy: GetSavingsPolicyRequest -> GetSavingsPolicyResponse by policy,
    set_reporting_defaults: SetReportingDefaultsRequest -> SetReportingDefaultsResponse by set_reporting,
    get_reporting_defaults: GetReportingDefaultsRequest -> GetReportingDefaultsResponse by reporting,
    set_intent: SetIntentRequest -> SetIntentResponse by intent,
    list_intents: ListIntentsRequest -> ListIntentsResponse by intents,
    set_model_price: SetModelPriceRequest -> SetModelPriceResponse by model_price,
    list_model_prices: ListModelPricesRequest -> ListModelPricesResponse by model_prices,
    set_fx_rate: SetFxRateRequest -> SetFxRateResponse by fx_rate,
    list_fx_rates: ListFxRatesRequest -> ListFxRatesResponse by fx_rates,
    import_pack: ImportPackRequest -> ImportPackResponse by import,
    export_pack: ExportPackRequest -> ExportPackResponse by export,
];
