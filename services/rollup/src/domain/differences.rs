//! Why a restated report differs from the recorded one, to the millisecond and the millionth.
//!
//! Each step is taken from what was recorded to what holds today in an order that is always the same: the
//! rules of the policy, then the baseline, then the rate. What is between two of these has one cause.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use kernel::{Currency, Exact, Money, SavingsPolicy};

use crate::domain::restate::{Before, Steps};
use crate::domain::{Cell, Rate, Today, Work};

/// Entries a report has at most.
pub(crate) const DIFFERENCES_MAX: usize = 100;

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// The catalog did not know the task type then, and does now.
    ValuedSince,
    /// It did then, and does not now.
    NotValuedNow,
    Policy,
    Baseline,
    Rate,
}

impl Cause {
    const COUNT: usize = 5;
}

/// What one cause did to one task type, or to those without an entry of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) cause: Cause,
    pub(crate) task_type: Option<String>,
    pub(crate) saved_ms: i64,
    /// Rounded such that the rounded sums differ by exactly these.
    pub(crate) cost_saved: Vec<Money>,
    /// Where all steps had the same.
    pub(crate) from_version: Option<String>,
    pub(crate) to_version: Option<String>,
}

/// Adds up what became of cells.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    recorded: BTreeMap<Currency, Exact>,
    parts: BTreeMap<(Cause, String), Part>,
}

/// The sum of one entry.
#[derive(Debug, Clone, Default)]
struct Part {
    ms: i64,
    money: BTreeMap<Currency, Exact>,
    from: Name,
    to: Name,
}

/// The one name that all of them have.
#[derive(Debug, Clone, Default)]
enum Name {
    #[default]
    None,
    One(String),
    Several,
}

/// What was saved, and what an hour of it costs.
type Saved = (i64, Option<Rate>);

impl Differences {
    /// Takes in what became of a cell under `policy`.
    pub(crate) fn add(
        &mut self,
        policy: SavingsPolicy,
        before: &Before,
        now: &Cell,
        today: &Today,
    ) {
        let (was, is) = (&*before.dimensions, &*now.dimensions);
        let ms = (before.measures.saved_ms(policy), now.measures.saved_ms(policy));
        if let Some(rate) = was.rate {
            *self.recorded.entry(rate.currency).or_default() +=
                Exact::of(ms.0, rate.micros_per_hour);
        }
        let baselines = (was.baseline_version.as_str(), is.baseline_version.as_str());
        let mut step = |cause, from: Saved, to: Saved, names: (&str, &str)| {
            if from != to {
                let part = self.parts.entry((cause, was.task_type.clone())).or_default();
                part.take(from, to, names);
            }
        };
        match (was.rate, is.rate) {
            (None, None) => {}
            (None, Some(_)) => step(Cause::ValuedSince, (ms.0, None), (ms.1, is.rate), baselines),
            (Some(_), None) => step(Cause::NotValuedNow, (ms.0, was.rate), (ms.1, None), baselines),
            (Some(_), Some(_)) => {
                // At the baseline of its day, by the rules of today.
                let ruled = match baselines {
                    (then, now) if then == now => Some(ms.1),
                    (then, _) => today.earlier_ms(Work::of(was), then).map(|baseline_ms| {
                        Steps::of(now).saved_ms(policy, Some(baseline_ms), &today.rules)
                    }),
                };
                let ruled = ruled.unwrap_or(ms.0);
                let rules = ("", today.rules.version.as_str());
                step(Cause::Policy, (ms.0, was.rate), (ruled, was.rate), rules);
                step(Cause::Baseline, (ruled, was.rate), (ms.1, was.rate), baselines);
                let rates = (was.rate_version.as_str(), is.rate_version.as_str());
                step(Cause::Rate, (ms.1, was.rate), (ms.1, is.rate), rates);
            }
        }
    }

    /// The entries, the largest first; past [`DIFFERENCES_MAX`] the smallest of each cause as one. What
    /// changed nothing is left out.
    pub(crate) fn finish(self) -> Vec<Difference> {
        let mut entries: Vec<((Cause, Option<String>), Part)> =
            self.parts.into_iter().map(|((cause, of), part)| ((cause, Some(of)), part)).collect();
        entries.retain(|(_, part)| part.is_change());
        entries.sort_by_key(|(_, part)| Reverse(part.size()));
        if entries.len() > DIFFERENCES_MAX {
            let mut rest: BTreeMap<Cause, Part> = BTreeMap::new();
            for ((cause, _), part) in entries.split_off(DIFFERENCES_MAX - Cause::COUNT) {
                rest.entry(cause).or_default().merge(part);
            }
            entries.extend(rest.into_iter().map(|(cause, part)| ((cause, None), part)));
        }
        let mut sum = self.recorded;
        let entry = |((cause, task_type), part): ((Cause, Option<String>), Part)| Difference {
            cause,
            task_type,
            saved_ms: part.ms,
            cost_saved: rounded(&mut sum, &part.money),
            from_version: part.from.only(),
            to_version: part.to.only(),
        };
        entries.into_iter().map(entry).collect()
    }
}

/// By how much adding these moves the sums as they are shown.
fn rounded(sums: &mut BTreeMap<Currency, Exact>, money: &BTreeMap<Currency, Exact>) -> Vec<Money> {
    let moved = money.iter().filter_map(|(&currency, &by)| {
        let sum = sums.entry(currency).or_default();
        let before = sum.micros();
        *sum += by;
        let micros = sum.micros().saturating_sub(before);
        (micros != 0).then_some(Money { micros, currency })
    });
    moved.collect()
}

impl Part {
    fn take(&mut self, from: Saved, to: Saved, (was, is): (&str, &str)) {
        self.ms += to.0 - from.0;
        for (sign, (ms, rate)) in [(-1, from), (1, to)] {
            let Some(rate) = rate else { continue };
            let worth = Exact::of(ms * sign, rate.micros_per_hour);
            *self.money.entry(rate.currency).or_default() += worth;
        }
        self.from.add(was);
        self.to.add(is);
    }

    fn merge(&mut self, other: Self) {
        self.ms += other.ms;
        for (currency, worth) in other.money {
            *self.money.entry(currency).or_default() += worth;
        }
        (self.from, self.to) = (Name::Several, Name::Several);
    }

    fn is_change(&self) -> bool {
        self.ms != 0 || self.money.values().any(|worth| *worth != Exact::default())
    }

    /// The most it moves of any currency, then the time. Currencies cannot be compared, but must be put in
    /// some order.
    fn size(&self) -> (Exact, u64) {
        let size = |worth: &Exact| if *worth < Exact::default() { -*worth } else { *worth };
        (self.money.values().map(size).max().unwrap_or_default(), self.ms.unsigned_abs())
    }
}

impl Name {
    fn add(&mut self, name: &str) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(name.to_owned()),
            Self::One(one) if one == name => Self::One(one),
            Self::One(_) | Self::Several => Self::Several,
        };
    }

    fn only(self) -> Option<String> {
        match self {
            Self::One(name) if !name.is_empty() => Some(name),
            Self::None | Self::One(_) | Self::Several => None,
        }
    }
}
