//! The sum of some cells under one policy: what a line of a report shows.

use std::collections::BTreeMap;

use kernel::{Currency, Exact, Money, Outcome, SavingsPolicy};

use crate::domain::{Cell, Durations, TicketSet};

/// Sums over cells. Money stays exact until it is asked for, and apart by currency for good.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tally {
    outcomes: [i64; 4],
    saved_ms: i64,
    saved: BTreeMap<Currency, Exact>,
    cost: BTreeMap<Currency, i64>,
    /// The same costs as nets subtract them: in the currency of the rate where they were converted.
    charged: BTreeMap<Currency, i64>,
    uncosted: i64,
    unvalued: i64,
    unconverted: i64,
    tickets: TicketSet,
    durations: Durations,
}

impl Tally {
    pub(crate) fn add(&mut self, cell: &Cell, policy: SavingsPolicy) {
        let measures = &cell.measures;
        let saved_ms = measures.saved_ms(policy);
        self.outcomes[bar(cell.dimensions.outcome)] += measures.events;
        self.saved_ms += saved_ms;
        if let Some(rate) = cell.dimensions.rate {
            let saved = self.saved.entry(rate.currency).or_default();
            *saved += Exact::of(saved_ms, rate.micros_per_hour);
        }
        if let Some(currency) = cell.dimensions.cost_currency {
            raise(&mut self.cost, currency, measures.cost_micros);
            match cell.dimensions.rate.filter(|rate| rate.currency != currency) {
                None => raise(&mut self.charged, currency, measures.cost_micros),
                Some(rate) => {
                    raise(&mut self.charged, rate.currency, measures.converted_micros);
                    if measures.unconverted != 0 {
                        raise(&mut self.charged, currency, measures.unconverted_micros);
                    }
                }
            }
        }
        self.uncosted += measures.uncosted;
        self.unvalued += measures.unvalued;
        self.unconverted += measures.unconverted;
        self.tickets.merge(&cell.tickets);
        self.durations.merge(&cell.durations);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.outcomes.iter_mut().zip(other.outcomes) {
            *mine += theirs;
        }
        self.saved_ms += other.saved_ms;
        for (&currency, &saved) in &other.saved {
            *self.saved.entry(currency).or_default() += saved;
        }
        for (&currency, &cost) in &other.cost {
            raise(&mut self.cost, currency, cost);
        }
        for (&currency, &cost) in &other.charged {
            raise(&mut self.charged, currency, cost);
        }
        self.uncosted += other.uncosted;
        self.unvalued += other.unvalued;
        self.unconverted += other.unconverted;
        self.tickets.merge(&other.tickets);
        self.durations.merge(&other.durations);
    }

    pub(crate) fn events(&self) -> i64 {
        self.outcomes.iter().sum()
    }

    pub(crate) fn count(&self, outcome: Outcome) -> i64 {
        self.outcomes[bar(outcome)]
    }

    /// Its part of all events. `None` where there are none: no events are not zero percent.
    pub(crate) fn share(&self, outcome: Outcome) -> Option<f64> {
        let events = self.events();
        (events != 0).then(|| self.count(outcome) as f64 / events as f64)
    }

    pub(crate) fn tickets(&self) -> i64 {
        i64::try_from(self.tickets.len()).unwrap_or(i64::MAX)
    }

    pub(crate) fn saved_ms(&self) -> i64 {
        self.saved_ms
    }

    pub(crate) fn uncosted(&self) -> i64 {
        self.uncosted
    }

    pub(crate) fn unvalued(&self) -> i64 {
        self.unvalued
    }

    /// Costs in another currency than the rate for which no exchange rate was known.
    pub(crate) fn unconverted(&self) -> i64 {
        self.unconverted
    }

    /// How long the agents took.
    pub(crate) fn durations(&self) -> &Durations {
        &self.durations
    }

    /// Rounded here, once.
    pub(crate) fn cost_saved(&self) -> Vec<Money> {
        let amount = |(&currency, saved): (_, &Exact)| Money { micros: saved.micros(), currency };
        self.saved.iter().map(amount).collect()
    }

    pub(crate) fn agent_cost(&self) -> Vec<Money> {
        self.cost.iter().map(|(&currency, &micros)| Money { micros, currency }).collect()
    }

    /// Saved less spent. What was spent in another currency counts in that of the rate, at the exchange
    /// rate of its day; where there was none it stands in its own, and nothing is saved against it.
    pub(crate) fn net_saved(&self) -> Vec<Money> {
        let mut net: BTreeMap<Currency, i64> = BTreeMap::new();
        for money in self.cost_saved() {
            net.insert(money.currency, money.micros);
        }
        for (&currency, &spent) in &self.charged {
            let saved = net.entry(currency).or_default();
            *saved = saved.saturating_sub(spent);
        }
        net.into_iter().map(|(currency, micros)| Money { micros, currency }).collect()
    }
}

/// How far a tally lies from an earlier one. `None` where the earlier value is not above zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Change {
    pub(crate) events: Option<f64>,
    pub(crate) tickets: Option<f64>,
    pub(crate) time_saved: Option<f64>,
}

impl Change {
    pub(crate) fn between(now: &Tally, before: &Tally) -> Self {
        let relative = |now: i64, before: i64| {
            (before > 0).then(|| (now as f64 - before as f64) / before as f64)
        };
        Self {
            events: relative(now.events(), before.events()),
            tickets: relative(now.tickets(), before.tickets()),
            time_saved: relative(now.saved_ms, before.saved_ms),
        }
    }
}

fn raise(amounts: &mut BTreeMap<Currency, i64>, currency: Currency, micros: i64) {
    let amount = amounts.entry(currency).or_default();
    *amount = amount.saturating_add(micros);
}

fn bar(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Success => 0,
        Outcome::NeedsReview => 1,
        Outcome::Failure => 2,
        Outcome::Pending => 3,
    }
}
