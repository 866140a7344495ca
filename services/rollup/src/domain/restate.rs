//! Cells recomputed at today's versions. Exact and without the ledger: a full cell knows what each of its
//! steps spent, and credit follows from that, a baseline and the rules.

use std::iter::once;
use std::sync::Arc;

use kernel::{Effort, Outcome, SavingsPolicy, credit};

use crate::domain::today::OWN;
use crate::domain::{Cell, Dimensions, Efforts, Measures, Rate, Rules, Spent, Today, Work};

/// What of a cell was recorded and is restated.
#[derive(Debug, Clone)]
pub(crate) struct Before {
    pub(crate) dimensions: Arc<Dimensions>,
    pub(crate) measures: Measures,
}

/// The steps of a full cell, to be valued.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps<'c> {
    outcome: Outcome,
    events: i64,
    efforts: &'c Efforts,
}

impl<'c> Steps<'c> {
    pub(crate) fn of(cell: &'c Cell) -> Self {
        let outcome = cell.dimensions.outcome;
        Self { outcome, events: cell.measures.events, efforts: &cell.efforts }
    }

    /// Those that say nothing are not listed: they are the others.
    fn spent(self) -> impl Iterator<Item = (Spent, i64)> + 'c {
        let listed: i64 = self.efforts.iter().map(|(_, steps)| steps).sum();
        self.efforts.iter().chain(once((Spent::default(), self.events - listed)))
    }

    /// Milliseconds credited by a baseline and these rules. A step without any baseline earns nothing.
    pub(crate) fn saved_ms(
        self,
        policy: SavingsPolicy,
        baseline_ms: Option<i64>,
        rules: &Rules,
    ) -> i64 {
        let one = |(spent, steps): (Spent, i64)| {
            let Some(baseline_ms) = own(spent).or(baseline_ms) else { return 0 };
            let agent_ms = spent.agent_ms.filter(|_| rules.subtract_agent_duration);
            let effort = Effort {
                baseline_ms,
                agent_ms: agent_ms.unwrap_or(0).into(),
                human_edit_ms: spent.human_edit_ms.map(i64::from),
                review_percent: rules.review_percent,
            };
            credit(policy, self.outcome, &effort) * steps
        };
        self.spent().map(one).sum()
    }

    /// How many brought their own baseline.
    fn own(self) -> i64 {
        self.spent().filter(|(spent, _)| own(*spent).is_some()).map(|(_, steps)| steps).sum()
    }
}

/// The cell as its steps would be counted today, and what it was. What agents cost stays: a price needs
/// tokens, which no cell holds.
pub(crate) fn restate(cell: Cell, today: &Today) -> (Before, Cell) {
    let before = Before { dimensions: Arc::clone(&cell.dimensions), measures: cell.measures };
    let steps = Steps::of(&cell);
    let baseline = today.baseline(&Work::of(&cell.dimensions));
    let baseline_ms = baseline.map(|baseline| baseline.ms);
    let own = steps.own();
    let is_valued = baseline.is_some() || own > 0;
    let rate = is_valued.then(|| today.rate(&cell.dimensions.agent));
    let saved = |policy| steps.saved_ms(policy, baseline_ms, &today.rules);
    let measures = Measures {
        gross_ms: saved(SavingsPolicy::Gross),
        credited_ms: saved(SavingsPolicy::Credited),
        strict_ms: saved(SavingsPolicy::Strict),
        unvalued: if baseline.is_some() { 0 } else { steps.events - own },
        ..before.charged(rate.map(|rate| rate.rate))
    };
    let baseline_version = match baseline {
        _ if own == steps.events => OWN,
        Some(baseline) => &baseline.version,
        None => "",
    };
    let dimensions = Arc::new(Dimensions {
        baseline_version: baseline_version.to_owned(),
        rate_version: rate.map_or_else(String::new, |rate| rate.version.clone()),
        rate: rate.map(|rate| rate.rate),
        ..Dimensions::clone(&cell.dimensions)
    });
    (before, Cell { dimensions, measures, ..cell })
}

impl Before {
    /// What was measured, with the costs as they are netted at another rate: those converted on their day
    /// count as such only in the very currency they were converted into.
    fn charged(&self, rate: Option<Rate>) -> Measures {
        let cost = self.dimensions.cost_currency;
        let foreign = rate.filter(|rate| cost.is_some_and(|cost| cost != rate.currency));
        let (converted_micros, unconverted_micros, unconverted) = match foreign {
            None => (0, 0, 0),
            Some(rate) if self.dimensions.rate.is_some_and(|was| was.currency == rate.currency) => {
                (
                    self.measures.converted_micros,
                    self.measures.unconverted_micros,
                    self.measures.unconverted,
                )
            }
            Some(_) => {
                let Measures { events, uncosted, cost_micros, .. } = self.measures;
                (0, cost_micros, events - uncosted)
            }
        };
        Measures { converted_micros, unconverted_micros, unconverted, ..self.measures }
    }
}

fn own(spent: Spent) -> Option<i64> {
    spent.baseline_ms.map(i64::from)
}
