//! What holds, or every version of it, a page at a time.

use std::collections::BTreeMap;

use fault::Fault;
use kernel::Timestamp;
use tonic::Request;
use wire::catalog::v1 as pb;

use super::page::{self, Asked, asked};
use super::render::fault;
use super::{Server, parse, render, render_values, workspace};
use crate::app::{Error, unknown};
use crate::domain::{BaselineKey, Catalog, When};

impl Server {
    pub(super) async fn task_types(
        &self,
        request: Request<pb::ListTaskTypesRequest>,
    ) -> Result<pb::ListTaskTypesResponse, Fault> {
        let (request, asked) = asked!(ListTaskTypesRequest, request);
        let at = self.instant(request.at_time);
        let find = |catalog: &Catalog| {
            let listed = catalog.task_types(at).into_iter().map(|found| {
                let general = BaselineKey::general(found.value.key.clone());
                let baseline = catalog.baseline(&general, When::at(at)).map(render::baseline);
                (render_values::task_type(found), baseline)
            });
            let wanted = listed.filter(|(task_type, _)| {
                (request.state == 0 || request.state == task_type.state)
                    && (request.origin == 0 || request.origin == task_type.origin)
            });
            Ok(wanted.collect())
        };
        let place =
            |(task_type, _): &(pb::TaskType, Option<_>)| task_type.task_type.clone().into_bytes();
        let (page, next_page_token) = self.list(asked, find, place).await?;
        let listed = page.into_iter().map(|(task_type, baseline)| pb::ListedTaskType {
            task_type: Some(task_type),
            baseline,
        });
        Ok(pb::ListTaskTypesResponse { task_types: listed.collect(), next_page_token })
    }

    pub(super) async fn baseline_history(
        &self,
        request: Request<pb::GetBaselineHistoryRequest>,
    ) -> Result<pb::GetBaselineHistoryResponse, Fault> {
        let workspace = workspace(&request)?;
        let (key, with, page) = parse::baseline_history(request.into_inner())?;
        let now = self.app.now();
        let find = |catalog: &Catalog| {
            let canonical = catalog.canonical(&key, When::at(now));
            let key = canonical.ok_or_else(|| unknown(catalog, &key.task_type, now))?;
            Ok(catalog.baseline_history(&key, with))
        };
        let asked = Asked { workspace, page };
        let (page, next_page_token) =
            self.list(asked, find, |found| page::newest_first(&found.version)).await?;
        let baselines = page.iter().map(render::baseline).collect();
        Ok(pb::GetBaselineHistoryResponse { baselines, next_page_token })
    }

    pub(super) async fn hourly_rates(
        &self,
        request: Request<pb::ListHourlyRatesRequest>,
    ) -> Result<pb::ListHourlyRatesResponse, Fault> {
        let (request, asked) = asked!(ListHourlyRatesRequest, request);
        let (at, with_history) = (self.instant(request.at_time), request.include_history);
        let find = |catalog: &Catalog| {
            let mut rates = if with_history { catalog.rate_history() } else { catalog.rates(at) };
            let agent = request.agent_id.as_str();
            rates.retain(|rate| agent.is_empty() || rate.value.target.agent() == Some(agent));
            Ok(rates)
        };
        let (page, next_page_token) = self
            .list(asked, find, |rate| match with_history {
                true => page::newest_first(&rate.version),
                false => page::of_rate(rate),
            })
            .await?;
        let hourly_rates = page.iter().map(render::hourly_rate).collect();
        Ok(pb::ListHourlyRatesResponse { hourly_rates, next_page_token })
    }

    pub(super) async fn intents(
        &self,
        request: Request<pb::ListIntentsRequest>,
    ) -> Result<pb::ListIntentsResponse, Fault> {
        let (request, asked) = asked!(ListIntentsRequest, request);
        let at = self.instant(request.at_time);
        let find = |catalog: &Catalog| {
            let intents = catalog.intents(at).map(render_values::intent);
            Ok(intents.filter(|i| request.state == 0 || request.state == i.state).collect())
        };
        let place = |intent: &pb::Intent| intent.intent.clone().into_bytes();
        let (intents, next_page_token) = self.list(asked, find, place).await?;
        Ok(pb::ListIntentsResponse { intents, next_page_token })
    }

    pub(super) async fn model_prices(
        &self,
        request: Request<pb::ListModelPricesRequest>,
    ) -> Result<pb::ListModelPricesResponse, Fault> {
        let (request, asked) = asked!(ListModelPricesRequest, request);
        let (at, with_history) = (self.instant(request.at_time), request.include_history);
        let find = |catalog: &Catalog| {
            let mut prices = match with_history {
                true => catalog.price_history(),
                false => catalog.prices(at).cloned().collect(),
            };
            // A pattern is compiled once, however many versions it has.
            let (model, mut known) = (request.model.as_str(), BTreeMap::new());
            prices.retain(|price| {
                let matches = known.entry(price.value.key.clone());
                model.is_empty() || *matches.or_insert_with_key(|key| key.matches(model))
            });
            Ok(prices)
        };
        let (page, next_page_token) = self
            .list(asked, find, |price| match with_history {
                true => page::newest_first(&price.version),
                false => page::of_price(&price.value.key),
            })
            .await?;
        let model_prices = page.iter().map(render_values::model_price).collect();
        Ok(pb::ListModelPricesResponse { model_prices, next_page_token })
    }

    pub(super) async fn fx_rates(
        &self,
        request: Request<pb::ListFxRatesRequest>,
    ) -> Result<pb::ListFxRatesResponse, Fault> {
        let (request, asked) = asked!(ListFxRatesRequest, request);
        let find = |catalog: &Catalog| {
            let mut rates = catalog.fx_rates(request.at_time.as_ref().map(parse::timestamp));
            let (base, quote) = (&request.base_currency_code, &request.quote_currency_code);
            rates.retain(|rate| {
                let pair = rate.value.pair;
                (base.is_empty() || pair.base.as_str() == base)
                    && (quote.is_empty() || pair.quote.as_str() == quote)
            });
            Ok(rates)
        };
        let place = |rate: &_| page::newest_effective(rate);
        let (page, next_page_token) = self.list(asked, find, place).await?;
        let fx_rates = page.iter().map(render_values::fx_rate).collect();
        Ok(pb::ListFxRatesResponse { fx_rates, next_page_token })
    }

    pub(super) async fn policy(
        &self,
        request: Request<pb::GetSavingsPolicyRequest>,
    ) -> Result<pb::GetSavingsPolicyResponse, Fault> {
        let catalog = self.app.catalog(workspace(&request)?).await.map_err(fault)?;
        let at = self.instant(request.into_inner().at_time);
        let savings_policy = Some(render_values::policy(catalog.policy(at)));
        Ok(pb::GetSavingsPolicyResponse { savings_policy })
    }

    pub(super) async fn reporting(
        &self,
        request: Request<pb::GetReportingDefaultsRequest>,
    ) -> Result<pb::GetReportingDefaultsResponse, Fault> {
        let catalog = self.app.catalog(workspace(&request)?).await.map_err(fault)?;
        let at = self.instant(request.into_inner().at_time);
        let reporting_defaults = Some(render_values::reporting(catalog.reporting(at)));
        Ok(pb::GetReportingDefaultsResponse { reporting_defaults })
    }

    /// The instant that was asked for: now, where none was.
    pub(super) fn instant(&self, sent: Option<wire::Timestamp>) -> Timestamp {
        sent.as_ref().map_or_else(|| self.app.now(), parse::timestamp)
    }

    /// The page that is asked for of what is found, in the order of the places.
    async fn list<T>(
        &self,
        asked: Asked,
        find: impl FnOnce(&Catalog) -> Result<Vec<T>, Error>,
        place: impl Fn(&T) -> Vec<u8>,
    ) -> Result<(Vec<T>, String), Fault> {
        let catalog = self.app.catalog(asked.workspace).await.map_err(fault)?;
        Ok(page::cut(&asked.page, find(&catalog).map_err(fault)?, place))
    }
}
