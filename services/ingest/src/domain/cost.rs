//! What a step or a call cost on the day it was done.

use kernel::{Currency, Money, Timestamp, WorkspaceId};

use super::catalog::Catalog;
use super::pricing::{FxRate, Model, Tokens};

/// What something cost, and where that was taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) money: Money,
    pub(crate) source: CostSource,
    /// In the rate's currency, and by which exchange rate; `None` where it came in that currency, or no
    /// exchange rate was known.
    pub(crate) converted: Option<(Money, FxRate)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CostSource {
    /// The event said so.
    Provided,
    /// Model and tokens, at this version of the price.
    Computed { price_version: String },
}

/// What a step or a call used, as far as its cost depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent<'a> {
    /// As it was sent, over what model and tokens come to.
    pub(crate) sent: Option<Money>,
    /// Its name is empty: not said.
    pub(crate) model: Model<'a>,
    pub(crate) tokens: Tokens,
    pub(crate) at: Timestamp,
}

/// A call to an LLM, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) agent_id: String,
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) tokens: Tokens,
    pub(crate) cost: Option<Money>,
    pub(crate) occurred: Timestamp,
}

impl Call {
    /// `None`: unpriced, which is visible, and never free. Converted into what an hour of its agent is
    /// counted in, so that it adds up with the steps.
    pub(crate) fn cost(&self, workspace: WorkspaceId, catalog: &Catalog) -> Option<Cost> {
        let spent = Spent {
            sent: self.cost,
            model: Model { provider: &self.provider, name: &self.model },
            tokens: self.tokens,
            at: self.occurred,
        };
        let currency = catalog.rate(workspace, &self.agent_id, self.occurred).currency;
        spent.cost(workspace, catalog, currency)
    }
}

impl Spent<'_> {
    /// What was sent wins; else what model and tokens come to at the price of the day; else nobody knows.
    pub(crate) fn cost(
        &self,
        workspace: WorkspaceId,
        catalog: &Catalog,
        currency: Currency,
    ) -> Option<Cost> {
        let (money, source) = match self.sent {
            Some(sent) => (sent, CostSource::Provided),
            None if self.model.name.is_empty() => return None,
            None => {
                let price = catalog.price(workspace, self.model, self.at)?;
                let price_version = price.version.clone();
                (price.of(self.tokens)?, CostSource::Computed { price_version })
            }
        };
        let fx = (money.currency != currency)
            .then(|| catalog.fx(workspace, money.currency, currency, self.at))
            .flatten();
        let converted = fx.and_then(|rate| Some((rate.convert(money, currency)?, rate.clone())));
        Some(Cost { money, source, converted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::pricing::{TokenKind, TokenPrice};
    use crate::domain::{Change, Fact, ModelName, Patterns};

    fn catalog(workspace: WorkspaceId) -> Catalog {
        let mut catalog = Catalog::default();
        let mut learn = |version: &str, provider: &str, name, micros_per_million| {
            let input =
                TokenPrice { kind: TokenKind::Input, input_tokens_min: 0, micros_per_million };
            let price = Some((Currency::EUR, vec![input]));
            let fact = Fact::Price { provider: provider.into(), name, tier: None, price };
            let (owner, effective) = (Some(workspace), Timestamp::EPOCH);
            catalog.learn(Change { owner, effective, version: version.into(), fact });
        };
        learn("p1", "openai", ModelName::Exact("gpt-4o".into()), 2_500_000);
        learn("p2", "azure", ModelName::Exact("gpt-4o".into()), 3_000_000);
        learn("p3", "", Patterns::default().name("gpt-.*").unwrap(), 1_000_000);
        catalog
    }

    fn call(provider: &str, model: &str) -> Call {
        Call {
            agent_id: "a".into(),
            provider: provider.into(),
            model: model.into(),
            tokens: Tokens { input: 1_000, ..Tokens::default() },
            cost: None,
            occurred: Timestamp::EPOCH,
        }
    }

    #[test]
    fn a_call_costs_what_its_provider_asks_or_what_was_sent_or_nobody_knows() {
        let workspace = WorkspaceId::new(1).unwrap();
        let known = catalog(workspace);
        let cost = |call: &Call| {
            let cost = call.cost(workspace, &known)?;
            let version = match cost.source {
                CostSource::Provided => "sent".to_owned(),
                CostSource::Computed { price_version } => price_version,
            };
            Some((cost.money.micros, version))
        };
        let told = |micros, version: &str| Some((micros, version.to_owned()));
        assert_eq!(cost(&call("openai", "gpt-4o")), told(2_500, "p1"));
        assert_eq!(cost(&call("azure", "gpt-4o")), told(3_000, "p2"));
        assert_eq!(cost(&call("", "gpt-4o")), told(3_000, "p2"), "any provider's: the later");
        assert_eq!(cost(&call("proxy", "gpt-4o")), told(1_000, "p3"), "nobody's own price");
        let sent = Some(Money { micros: 7, currency: Currency::EUR });
        assert_eq!(cost(&Call { cost: sent, ..call("openai", "gpt-4o") }), told(7, "sent"));
        assert_eq!(cost(&call("openai", "claude")), None, "unpriced");
        let uncounted = Call { tokens: Tokens::default(), ..call("openai", "gpt-4o") };
        assert_eq!(cost(&uncounted), None);
    }
}
