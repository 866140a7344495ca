//! Setting policy, reporting defaults, intents, prices and exchange rates.

use fault::Fault;
use tonic::Request;
use wire::catalog::v1 as pb;

use super::{Server, Set, other_kind, render, render_values, setting};
use crate::domain::{Recorded, Value};

impl Server {
    pub(super) async fn set_policy(
        &self,
        request: Request<pb::SetSavingsPolicyRequest>,
    ) -> Result<pb::SetSavingsPolicyResponse, Fault> {
        let caller = self.caller(&request)?;
        let set = self.set(setting::policy(request.into_inner(), caller)?).await?;
        let Set { value: Value::Policy(value), version, written } = set else {
            return Err(other_kind());
        };
        Ok(pb::SetSavingsPolicyResponse {
            savings_policy: Some(render_values::policy(&Recorded { value, version })),
            catalog_version: render::catalog_version(&written),
            displaced_versions: render::displaced(&written),
        })
    }

    pub(super) async fn set_reporting(
        &self,
        request: Request<pb::SetReportingDefaultsRequest>,
    ) -> Result<pb::SetReportingDefaultsResponse, Fault> {
        let caller = self.caller(&request)?;
        let set = self.set(setting::reporting(request.into_inner(), caller)?).await?;
        let Set { value: Value::Reporting(value), version, written } = set else {
            return Err(other_kind());
        };
        Ok(pb::SetReportingDefaultsResponse {
            reporting_defaults: Some(render_values::reporting(&Recorded { value, version })),
            catalog_version: render::catalog_version(&written),
            displaced_versions: render::displaced(&written),
        })
    }

    pub(super) async fn intent(
        &self,
        request: Request<pb::SetIntentRequest>,
    ) -> Result<pb::SetIntentResponse, Fault> {
        let caller = self.caller(&request)?;
        let set = self.set(setting::intent(request.into_inner(), caller)?).await?;
        let Set { value: Value::Intent(value), version, written } = set else {
            return Err(other_kind());
        };
        Ok(pb::SetIntentResponse {
            intent: Some(render_values::intent(&Recorded { value, version })),
            catalog_version: render::catalog_version(&written),
            displaced_versions: render::displaced(&written),
        })
    }

    pub(super) async fn model_price(
        &self,
        request: Request<pb::SetModelPriceRequest>,
    ) -> Result<pb::SetModelPriceResponse, Fault> {
        let caller = self.caller(&request)?;
        let set = self.set(setting::model_price(request.into_inner(), caller)?).await?;
        let Set { value: Value::ModelPrice(value), version, written } = set else {
            return Err(other_kind());
        };
        Ok(pb::SetModelPriceResponse {
            model_price: Some(render_values::model_price(&Recorded { value, version })),
            catalog_version: render::catalog_version(&written),
            displaced_versions: render::displaced(&written),
        })
    }

    pub(super) async fn fx_rate(
        &self,
        request: Request<pb::SetFxRateRequest>,
    ) -> Result<pb::SetFxRateResponse, Fault> {
        let caller = self.caller(&request)?;
        let set = self.set(setting::fx_rate(request.into_inner(), caller)?).await?;
        let Set { value: Value::FxRate(value), version, written } = set else {
            return Err(other_kind());
        };
        Ok(pb::SetFxRateResponse {
            fx_rate: Some(render_values::fx_rate(&Recorded { value, version })),
            catalog_version: render::catalog_version(&written),
            displaced_versions: render::displaced(&written),
        })
    }
}
