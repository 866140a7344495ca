//! Baselines and hourly rates.

use fault::Fault;
use tonic::Request;
use wire::catalog::v1 as pb;

use super::render::fault;
use super::{Server, Set, other_kind, parse, render, setting, workspace};
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
}
