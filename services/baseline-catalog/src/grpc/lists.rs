//! What holds of policy, reporting defaults, intents, prices and exchange rates.

use fault::Fault;
use tonic::Request;
use wire::catalog::v1 as pb;

use super::render::fault;
use super::{Server, page, parse, render_values, workspace};
use crate::domain::{ModelPrice, Recorded};

impl Server {
    pub(super) async fn policy(
        &self,
        request: Request<pb::GetSavingsPolicyRequest>,
    ) -> Result<pb::GetSavingsPolicyResponse, Fault> {
        let catalog = self.app.catalog(workspace(&request)?).await.map_err(fault)?;
        let at = request.into_inner().at_time;
        let at = at.as_ref().map_or_else(|| self.app.now(), parse::timestamp);
        let savings_policy = Some(render_values::policy(catalog.policy(at)));
        Ok(pb::GetSavingsPolicyResponse { savings_policy })
    }

    pub(super) async fn reporting(
        &self,
        request: Request<pb::GetReportingDefaultsRequest>,
    ) -> Result<pb::GetReportingDefaultsResponse, Fault> {
        let catalog = self.app.catalog(workspace(&request)?).await.map_err(fault)?;
        let at = request.into_inner().at_time;
        let at = at.as_ref().map_or_else(|| self.app.now(), parse::timestamp);
        let reporting_defaults = Some(render_values::reporting(catalog.reporting(at)));
        Ok(pb::GetReportingDefaultsResponse { reporting_defaults })
    }

    pub(super) async fn intents(
        &self,
        request: Request<pb::ListIntentsRequest>,
    ) -> Result<pb::ListIntentsResponse, Fault> {
        let workspace = workspace(&request)?;
        let request = request.into_inner();
        let filter =
            pb::ListIntentsRequest { page_size: 0, page_token: String::new(), ..request.clone() };
        let page = parse::page(request.page_size, &request.page_token, &filter)?;
        let at = request.at_time.as_ref().map_or_else(|| self.app.now(), parse::timestamp);
        let catalog = self.app.catalog(workspace).await.map_err(fault)?;
        let intents = catalog.intents(at).map(render_values::intent);
        let wanted = intents.filter(|i| request.state == 0 || request.state == i.state).collect();
        let (intents, next_page_token) =
            page::cut(&page, wanted, |intent: &pb::Intent| intent.intent.clone())?;
        Ok(pb::ListIntentsResponse { intents, next_page_token })
    }

    pub(super) async fn model_prices(
        &self,
        request: Request<pb::ListModelPricesRequest>,
    ) -> Result<pb::ListModelPricesResponse, Fault> {
        let workspace = workspace(&request)?;
        let request = request.into_inner();
        let filter = pb::ListModelPricesRequest {
            page_size: 0,
            page_token: String::new(),
            ..request.clone()
        };
        let page = parse::page(request.page_size, &request.page_token, &filter)?;
        let at = request.at_time.as_ref().map_or_else(|| self.app.now(), parse::timestamp);
        let catalog = self.app.catalog(workspace).await.map_err(fault)?;
        let mut prices: Vec<Recorded<ModelPrice>> = match request.include_history {
            true => catalog.price_history(),
            false => catalog.prices(at).cloned().collect(),
        };
        let model = request.model.as_str();
        prices.retain(|price| model.is_empty() || price.value.key.matches(model));
        let (prices, next_page_token) = page::cut(&page, prices, |r| r.version.id.clone())?;
        let model_prices = prices.iter().map(render_values::model_price).collect();
        Ok(pb::ListModelPricesResponse { model_prices, next_page_token })
    }

    pub(super) async fn fx_rates(
        &self,
        request: Request<pb::ListFxRatesRequest>,
    ) -> Result<pb::ListFxRatesResponse, Fault> {
        let workspace = workspace(&request)?;
        let request = request.into_inner();
        let filter =
            pb::ListFxRatesRequest { page_size: 0, page_token: String::new(), ..request.clone() };
        let page = parse::page(request.page_size, &request.page_token, &filter)?;
        let catalog = self.app.catalog(workspace).await.map_err(fault)?;
        let mut rates = catalog.fx_rates(request.at_time.as_ref().map(parse::timestamp));
        let (base, quote) = (&request.base_currency_code, &request.quote_currency_code);
        rates.retain(|rate| {
            let pair = rate.value.pair;
            (base.is_empty() || pair.base.as_str() == base)
                && (quote.is_empty() || pair.quote.as_str() == quote)
        });
        let (rates, next_page_token) = page::cut(&page, rates, |r| r.version.id.clone())?;
        let fx_rates = rates.iter().map(render_values::fx_rate).collect();
        Ok(pb::ListFxRatesResponse { fx_rates, next_page_token })
    }
}
