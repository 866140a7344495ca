//! Reports become messages. Nothing here can fail.

use kernel::{Money, Outcome, Timestamp};
use wire::common::v1 as common;
use wire::rollup::v1 as api;

use super::parse::Ask;
use super::words::{wire_cause, wire_dimension, wire_outcome, wire_policy, wire_view};
use crate::app::{Overview, Split, Stated};
use crate::domain::{Change, Difference, Savings, Segment, Staffing, Tally};

/// Version of the rules the savings numbers follow (METRICS 1–9); grows with any change of them.
pub(super) const DEFINITION_VERSION: &str = "savings/2";

pub(super) fn overview(ask: &Ask, stated: &Stated<Overview>) -> api::Overview {
    let staffing = ask.query.staffing;
    let Overview { tally, previous } = &stated.report;
    api::Overview {
        basis: Some(basis(ask, stated, tally)),
        measures: Some(measures(tally, staffing)),
        previous: previous.as_ref().map(|(before, _)| measures(before, staffing)),
        change: previous.as_ref().map(|(_, by)| change(by)),
    }
}

pub(super) fn savings(ask: &Ask, split: &Split, stated: &Stated<Savings>) -> api::SavingsReport {
    let staffing = ask.query.staffing;
    let Savings { rows, rest, total } = &stated.report;
    api::SavingsReport {
        basis: Some(basis(ask, stated, total)),
        rows: rows.iter().map(|segment| row(split, segment, staffing)).collect(),
        rest: rest.as_ref().map(|rest| measures(&rest.tally, staffing)),
        rest_rows: rest.as_ref().map_or(0, |rest| i32::try_from(rest.rows).unwrap_or(i32::MAX)),
        total: Some(measures(total, staffing)),
    }
}

fn row(split: &Split, segment: &Segment, staffing: Staffing) -> api::SavingsRow {
    let key = split.by.iter().zip(&segment.key).map(|(&dimension, value)| api::DimensionValue {
        dimension: wire_dimension(dimension).into(),
        value: value.clone(),
    });
    api::SavingsRow { key: key.collect(), measures: Some(measures(&segment.tally, staffing)) }
}

pub(super) fn basis<T>(ask: &Ask, stated: &Stated<T>, total: &Tally) -> api::ReportBasis {
    let restated = stated.restated.as_ref();
    let differences = restated.map_or(&[][..], |restated| &restated.differences);
    let window = ask.query.window.window();
    api::ReportBasis {
        window: Some(common::Window {
            start_time: Some(timestamp(window.start())),
            end_time: Some(timestamp(window.end())),
        }),
        policy: wire_policy(ask.query.policy).into(),
        view: wire_view(ask.view).into(),
        time_zone: ask.zone.clone(),
        as_of: stated.as_of.to_string(),
        definition_version: DEFINITION_VERSION.to_owned(),
        data_quality: Some(api::DataQuality {
            uncosted_events: Some(total.uncosted()),
            unvalued_events: Some(total.unvalued()),
            pending_events: Some(total.count(Outcome::Pending)),
            unconverted_amounts: Some(total.unconverted()),
            // The others are not counted, and absent is how the contract says so. Duplicates never can
            // be: the door answers them with the first receipt and the ledger holds one entry.
            ..api::DataQuality::default()
        }),
        differences: differences.iter().map(difference).collect(),
    }
}

fn difference(difference: &Difference) -> api::Difference {
    api::Difference {
        cause: wire_cause(difference.cause).into(),
        task_type: difference.task_type.clone().unwrap_or_default(),
        time_saved_ms: difference.saved_ms,
        cost_saved: monies(difference.cost_saved.clone()),
        from_version: difference.from_version.clone().unwrap_or_default(),
        to_version: difference.to_version.clone().unwrap_or_default(),
    }
}

pub(super) fn measures(tally: &Tally, staffing: Staffing) -> api::Measures {
    let outcomes = Outcome::ALL.map(|outcome| api::OutcomeCount {
        outcome: wire_outcome(outcome).into(),
        count: tally.count(outcome),
        share: tally.share(outcome),
    });
    api::Measures {
        events: tally.events(),
        tickets: tally.tickets(),
        outcomes: outcomes.into(),
        time_saved_ms: tally.saved_ms(),
        cost_saved: monies(tally.cost_saved()),
        agent_cost: monies(tally.agent_cost()),
        net_saved: monies(tally.net_saved()),
        fte: staffing.fte(tally.saved_ms()),
        uncosted_events: tally.uncosted(),
        unvalued_events: tally.unvalued(),
        agent_duration: durations(tally),
    }
}

fn durations(tally: &Tally) -> Option<api::DurationQuantiles> {
    let durations = tally.durations();
    Some(api::DurationQuantiles {
        p50_ms: durations.quantile(50)?,
        p90_ms: durations.quantile(90)?,
        n: durations.count(),
    })
}

fn change(change: &Change) -> api::Change {
    api::Change { events: change.events, tickets: change.tickets, time_saved: change.time_saved }
}

fn monies(amounts: Vec<Money>) -> Vec<common::Money> {
    let wire = |amount: Money| common::Money {
        currency_code: amount.currency.to_string(),
        micros: amount.micros,
    };
    amounts.into_iter().map(wire).collect()
}

pub(super) fn timestamp(at: Timestamp) -> wire::Timestamp {
    at.parts().into()
}
