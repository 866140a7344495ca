//! Baselines and hourly rates.

use fault::Fault;
use tonic::Request;
use wire::catalog::v1 as pb;

use super::render::fault;
use super::{Server, Set, other_kind, page, parse, render, setting, workspace};
use crate::domain::{Recorded, Value};

impl Server {
    pub(super) async fn baseline(
        &self,
        request: Request<pb::SetBaselineRequest>,
    ) -> Result<pb::SetBaselineResponse, Fault> {
        let caller = self.caller(&request)?;
        let set = self.set(setting::baseline(request.into_inner(), caller)?).await?;
        let Set { value: Value::Baseline(value), version, written } = set else {
            return Err(other_kind());
        };
        Ok(pb::SetBaselineResponse {
            baseline: Some(render::baseline(&Recorded { value, version })),
            catalog_version: render::catalog_version(&written),
            displaced_versions: render::displaced(&written),
        })
    }

    pub(super) async fn baseline_history(
        &self,
        request: Request<pb::GetBaselineHistoryRequest>,
    ) -> Result<pb::GetBaselineHistoryResponse, Fault> {
        let workspace = workspace(&request)?;
        let (key, with, page) = parse::baseline_history(request.into_inner())?;
        let history = self.app.baseline_history(workspace, &key, with).await.map_err(fault)?;
        let (page, next_page_token) = page::cut(&page, history, |r| r.version.id.clone())?;
        let baselines = page.iter().map(render::baseline).collect();
        Ok(pb::GetBaselineHistoryResponse { baselines, next_page_token })
    }

    pub(super) async fn resolve(
        &self,
        request: Request<pb::ResolveBaselinesRequest>,
    ) -> Result<pb::ResolveBaselinesResponse, Fault> {
        let workspace = workspace(&request)?;
        let request = request.into_inner();
        let asked = request.keys.clone();
        let (keys, when) = parse::resolve(request, self.app.now())?;
        let resolved = self.app.resolve(workspace, &keys, when).await.map_err(fault)?;
        let results =
            asked.into_iter().zip(&resolved).map(|(asked, found)| render::resolved(asked, found));
        Ok(pb::ResolveBaselinesResponse {
            results: results.collect(),
            at_time: Some(render::timestamp(when.at)),
        })
    }

    pub(super) async fn hourly_rate(
        &self,
        request: Request<pb::SetHourlyRateRequest>,
    ) -> Result<pb::SetHourlyRateResponse, Fault> {
        let caller = self.caller(&request)?;
        let set = self.set(setting::hourly_rate(request.into_inner(), caller)?).await?;
        let Set { value: Value::HourlyRate(value), version, written } = set else {
            return Err(other_kind());
        };
        Ok(pb::SetHourlyRateResponse {
            hourly_rate: Some(render::hourly_rate(&Recorded { value, version })),
            catalog_version: render::catalog_version(&written),
            displaced_versions: render::displaced(&written),
        })
    }

    pub(super) async fn hourly_rates(
        &self,
        request: Request<pb::ListHourlyRatesRequest>,
    ) -> Result<pb::ListHourlyRatesResponse, Fault> {
        let workspace = workspace(&request)?;
        let request = request.into_inner();
        let filter = pb::ListHourlyRatesRequest {
            page_size: 0,
            page_token: String::new(),
            ..request.clone()
        };
        let page = parse::page(request.page_size, &request.page_token, &filter)?;
        let at = request.at_time.as_ref().map_or_else(|| self.app.now(), parse::timestamp);
        let catalog = self.app.catalog(workspace).await.map_err(fault)?;
        let rates =
            if request.include_history { catalog.rate_history() } else { catalog.rates(at) };
        let mut rates: Vec<pb::HourlyRate> = rates.iter().map(render::hourly_rate).collect();
        rates.retain(|rate| request.agent_id.is_empty() || rate.agent_id == request.agent_id);
        // A version names a rate for good, the built-in's pack included: it is listed once.
        let key = |rate: &pb::HourlyRate| {
            rate.version.as_ref().map_or_else(String::new, |v| v.version_id.clone())
        };
        let (hourly_rates, next_page_token) = page::cut(&page, rates, key)?;
        Ok(pb::ListHourlyRatesResponse { hourly_rates, next_page_token })
    }
}
