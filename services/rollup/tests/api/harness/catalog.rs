//! A catalog that says what a test writes into it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, async_trait};
use wire::catalog::v1 as pb;
use wire::catalog::v1::catalog_service_server::CatalogService;
use wire::catalog::v1::resolved_baseline::Result as Found;

/// Cheap to clone: the test holds what the server says.
#[derive(Clone, Default)]
pub(crate) struct Catalog(Arc<Mutex<Said>>);

/// What it says.
#[derive(Clone, Default)]
pub(crate) struct Said {
    /// Nothing: every call fails.
    pub(crate) is_away: bool,
    /// By task type, the versions of its baseline, minutes and name, the newest first.
    pub(crate) baselines: Vec<(&'static str, Vec<(i64, &'static str)>)>,
    /// Euros an hour, and the name of that.
    pub(crate) rate: (i64, &'static str),
    pub(crate) subtract_agent_duration: bool,
}

impl Catalog {
    pub(crate) fn say(&self, change: impl FnOnce(&mut Said)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn said(&self) -> Result<Said, Status> {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if said.is_away { Err(Status::unavailable("away")) } else { Ok(said) }
    }

    fn resolve(
        &self,
        request: pb::ResolveBaselinesRequest,
    ) -> Result<pb::ResolveBaselinesResponse, Status> {
        let said = self.said()?;
        assert!((1..=1_000).contains(&request.keys.len()));
        let results = request.keys.into_iter().map(|key| {
            let found = said.history(&key.task_type).into_iter().next();
            let unknown = Found::Unknown(pb::UnknownTaskType::default());
            let result = Some(found.map_or(unknown, Found::Baseline));
            pb::ResolvedBaseline { key: Some(key), result }
        });
        let results = results.collect();
        Ok(pb::ResolveBaselinesResponse { results, at_time: request.at_time })
    }

    fn history(
        &self,
        request: pb::GetBaselineHistoryRequest,
    ) -> Result<pb::GetBaselineHistoryResponse, Status> {
        let key = request.key.unwrap_or_default();
        let baselines = self.said()?.history(&key.task_type);
        Ok(pb::GetBaselineHistoryResponse { baselines, ..Default::default() })
    }

    fn rates(&self) -> Result<pb::ListHourlyRatesResponse, Status> {
        let (euros, name) = self.said()?.rate;
        let rate = pb::HourlyRate {
            rate_micros_per_hour: euros * 1_000_000,
            currency_code: "EUR".to_owned(),
            version: version(name),
            ..Default::default()
        };
        Ok(pb::ListHourlyRatesResponse { hourly_rates: vec![rate], ..Default::default() })
    }

    fn policy(&self) -> Result<pb::GetSavingsPolicyResponse, Status> {
        let policy = pb::SavingsPolicy {
            kind: pb::SavingsPolicyKind::Credited.into(),
            subtract_agent_duration: Some(self.said()?.subtract_agent_duration),
            version: version("p"),
            ..Default::default()
        };
        Ok(pb::GetSavingsPolicyResponse { savings_policy: Some(policy) })
    }
}

impl Said {
    fn history(&self, task_type: &str) -> Vec<pb::Baseline> {
        let history = self.baselines.iter().find(|(name, _)| *name == task_type);
        let versions = history.map_or(&[][..], |(_, versions)| versions);
        let baseline = |&(minutes, name): &(i64, &str)| pb::Baseline {
            baseline_ms: minutes * 60_000,
            version: version(name),
            ..Default::default()
        };
        versions.iter().map(baseline).collect()
    }
}

fn version(name: &str) -> Option<pb::Version> {
    Some(pb::Version { version_id: name.to_owned(), ..Default::default() })
}

/// Answers what reports ask; the others refuse.
macro_rules! answer {
    (
        asked { $($rpc:ident: $request:ident -> $response:ident by $answer:expr),+ $(,)? }
        silent { $($other:ident: $nothing:ident -> $never:ident),+ $(,)? }
    ) => {
        #[async_trait]
        impl CatalogService for Catalog {
            $(async fn $rpc(
                &self,
                request: Request<pb::$request>,
            ) -> Result<Response<pb::$response>, Status> {
                let answer: fn(&Self, pb::$request) -> Result<pb::$response, Status> = $answer;
                answer(self, request.into_inner()).map(Response::new)
            })+

            $(async fn $other(
                &self,
                _: Request<pb::$nothing>,
            ) -> Result<Response<pb::$never>, Status> {
                Err(Status::unimplemented("no report asks"))
            })+

            type WatchStream = ReceiverStream<Result<pb::WatchResponse, Status>>;

            async fn watch(
                &self,
                _: Request<pb::WatchRequest>,
            ) -> Result<Response<Self::WatchStream>, Status> {
                Err(Status::unimplemented("no report watches"))
            }
        }
    };
}

answer! {
    asked {
        resolve_baselines: ResolveBaselinesRequest -> ResolveBaselinesResponse by Catalog::resolve,
        get_baseline_history: GetBaselineHistoryRequest -> GetBaselineHistoryResponse by Catalog::history,
        list_hourly_rates: ListHourlyRatesRequest -> ListHourlyRatesResponse by |of, _| of.rates(),
        get_savings_policy: GetSavingsPolicyRequest -> GetSavingsPolicyResponse by |of, _| of.policy(),
        get_reporting_defaults: GetReportingDefaultsRequest -> GetReportingDefaultsResponse
            by |of, _| of.said().map(|_| pb::GetReportingDefaultsResponse::default()),
    }
    silent {
        list_task_types: ListTaskTypesRequest -> ListTaskTypesResponse,
        get_task_type: GetTaskTypeRequest -> GetTaskTypeResponse,
        create_task_type: CreateTaskTypeRequest -> CreateTaskTypeResponse,
        update_task_type: UpdateTaskTypeRequest -> UpdateTaskTypeResponse,
        archive_task_type: ArchiveTaskTypeRequest -> ArchiveTaskTypeResponse,
        set_baseline: SetBaselineRequest -> SetBaselineResponse,
        set_hourly_rate: SetHourlyRateRequest -> SetHourlyRateResponse,
        set_savings_policy: SetSavingsPolicyRequest -> SetSavingsPolicyResponse,
        set_reporting_defaults: SetReportingDefaultsRequest -> SetReportingDefaultsResponse,
        set_intent: SetIntentRequest -> SetIntentResponse,
        list_intents: ListIntentsRequest -> ListIntentsResponse,
        set_model_price: SetModelPriceRequest -> SetModelPriceResponse,
        list_model_prices: ListModelPricesRequest -> ListModelPricesResponse,
        set_fx_rate: SetFxRateRequest -> SetFxRateResponse,
        list_fx_rates: ListFxRatesRequest -> ListFxRatesResponse,
        import_pack: ImportPackRequest -> ImportPackResponse,
        export_pack: ExportPackRequest -> ExportPackResponse,
    }
}
