//! The columns measures are written in, the same for every report.

use std::collections::BTreeSet;

use wire::common::v1 as common;
use wire::rollup::v1 as api;

use super::csv::Line;

/// The columns of a table: one for each currency that occurs in any line.
pub(super) struct Columns {
    keys: Vec<String>,
    saved: BTreeSet<String>,
    cost: BTreeSet<String>,
    net: BTreeSet<String>,
}

impl Columns {
    pub(super) fn of<'m>(keys: &[&str], measures: impl Iterator<Item = &'m api::Measures>) -> Self {
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        let (mut saved, mut cost, mut net) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for measures in measures {
            currencies(&mut saved, &measures.cost_saved);
            currencies(&mut cost, &measures.agent_cost);
            currencies(&mut net, &measures.net_saved);
        }
        Self { keys, saved, cost, net }
    }

    pub(super) fn header(&self) -> String {
        let mut line = Line::default();
        self.keys.iter().for_each(|key| {
            line.text(key);
        });
        line.text("events").text("tickets");
        for outcome in ["success", "needs_review", "failure", "pending"] {
            line.text(outcome);
        }
        line.text("time_saved_ms");
        for (name, of) in [("cost_saved", &self.saved), ("agent_cost", &self.cost)] {
            of.iter().for_each(|currency| {
                line.text(&format!("{name}_{currency}"));
            });
        }
        self.net.iter().for_each(|currency| {
            line.text(&format!("net_saved_{currency}"));
        });
        line.text("fte").text("uncosted_events").text("unvalued_events");
        line.text("agent_duration_p50_ms").text("agent_duration_p90_ms").text("agent_durations");
        line.end()
    }

    /// Empty cells where the measures are not told.
    pub(super) fn fill(&self, mut line: Line, measures: Option<&api::Measures>) -> String {
        let Some(measures) = measures else {
            let money = self.saved.len() + self.cost.len() + self.net.len();
            (0..13 + money).for_each(|_| {
                line.nothing();
            });
            return line.end();
        };
        line.number(measures.events).number(measures.tickets);
        for outcome in [
            common::Outcome::Success,
            common::Outcome::NeedsReview,
            common::Outcome::Failure,
            common::Outcome::Pending,
        ] {
            let found = measures.outcomes.iter().find(|count| count.outcome() == outcome);
            line.number(found.map_or(0, |count| count.count));
        }
        line.number(measures.time_saved_ms);
        for (of, amounts) in [
            (&self.saved, &measures.cost_saved),
            (&self.cost, &measures.agent_cost),
            (&self.net, &measures.net_saved),
        ] {
            for currency in of {
                match amounts.iter().find(|amount| amount.currency_code == *currency) {
                    Some(amount) => line.decimal(amount.micros),
                    None => line.nothing(),
                };
            }
        }
        line.number(measures.fte);
        line.number(measures.uncosted_events).number(measures.unvalued_events);
        match &measures.agent_duration {
            Some(took) => line.number(took.p50_ms).number(took.p90_ms).number(took.n),
            None => line.nothing().nothing().number(0),
        };
        line.end()
    }
}

fn currencies(into: &mut BTreeSet<String>, amounts: &[common::Money]) {
    into.extend(amounts.iter().map(|amount| amount.currency_code.clone()));
}
