//! What rollup says about the month, and what it must say.

use std::collections::BTreeMap;

use wire::common::v1::{Money, Window};
use wire::rollup::v1::report_service_client::ReportServiceClient;
use wire::rollup::v1::{
    Dimension, Filter, GetOverviewRequest, GetSavingsRequest, Measures, ReportQuery,
};

use crate::month::{FAILING_AGENT, FAILURES, STEP_COST_MICROS, STEPS};
use crate::{Month, Stage, TRIAGE_AGENT};

const MS_A_MINUTE: i64 = 60_000;
/// EUR 85 an hour.
const MICROS_A_MINUTE_TIMES_60: i64 = 85_000_000;

/// The figures of one set of events. Money is in millionths of a euro, and exact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    pub events: i64,
    pub tickets: i64,
    pub saved_ms: i64,
    pub cost_saved: i64,
    pub agent_cost: i64,
    pub net_saved: i64,
}

/// The month, its steps, and the agent that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub month: Line,
    pub by_task_type: BTreeMap<String, Line>,
    pub failures: Line,
}

impl Report {
    /// What `tickets` of the month and `failures` of the other agent come to, by the arithmetic of
    /// the seed document.
    pub fn expected(tickets: i64, failures: u32) -> Self {
        let steps = STEPS.map(|(task_type, minutes)| {
            let cost_saved = tickets * minutes * MICROS_A_MINUTE_TIMES_60 / 60;
            let agent_cost = tickets * STEP_COST_MICROS;
            let line = Line {
                events: tickets,
                tickets,
                saved_ms: tickets * minutes * MS_A_MINUTE,
                cost_saved,
                agent_cost,
                net_saved: cost_saved - agent_cost,
            };
            (task_type.to_owned(), line)
        });
        let sum = |of: fn(&Line) -> i64| steps.iter().map(|(_, line)| of(line)).sum();
        let month = Line {
            events: sum(|line| line.events),
            tickets,
            saved_ms: sum(|line| line.saved_ms),
            cost_saved: sum(|line| line.cost_saved),
            agent_cost: sum(|line| line.agent_cost),
            net_saved: sum(|line| line.net_saved),
        };
        let failures = i64::from(failures);
        let failed = Line {
            events: failures,
            tickets: failures,
            agent_cost: failures * STEP_COST_MICROS,
            net_saved: -failures * STEP_COST_MICROS,
            ..Line::default()
        };
        Self { month, by_task_type: BTreeMap::from(steps), failures: failed }
    }

    /// All of it.
    pub fn of_the_whole_month() -> Self {
        Self::expected(6_000, FAILURES)
    }

    /// Asks rollup, not before it has consumed `at_least`.
    pub async fn read(stage: &Stage, at_least: &str) -> Self {
        let channel = stage.channel(&stage.addresses.rollup());
        let mut reports = ReportServiceClient::new(channel);
        let mut of = [Line::default(), Line::default()];
        for (agent, line) in [TRIAGE_AGENT, FAILING_AGENT].into_iter().zip(&mut of) {
            let query = Some(Month::query(agent, at_least));
            let request = GetOverviewRequest { query, compare_previous: false };
            let answer = reports.get_overview(request).await.expect("an overview").into_inner();
            let measures = answer.overview.and_then(|overview| overview.measures);
            *line = Line::from(measures.expect("an overview has measures"));
        }
        let request = GetSavingsRequest {
            query: Some(Month::query(TRIAGE_AGENT, at_least)),
            dimensions: vec![Dimension::TaskType.into()],
            ..Default::default()
        };
        let answer = reports.get_savings(request).await.expect("the savings").into_inner();
        let rows = answer.report.expect("the answer holds it").rows.into_iter().map(|row| {
            let task_type = row.key[0].value.clone();
            (task_type, Line::from(row.measures.expect("a row has measures")))
        });
        let [month, failures] = of;
        Self { month, by_task_type: rows.collect(), failures }
    }
}

impl Month {
    /// What an agent did in the month, with everything up to `at_least`.
    pub fn query(agent: &str, at_least: &str) -> ReportQuery {
        let edge = |at: kernel::Timestamp| {
            let (seconds, nanos) = at.parts();
            Some(wire::Timestamp { seconds, nanos })
        };
        let window = Window { start_time: edge(Self::start()), end_time: edge(Self::end()) };
        let agents = Filter { dimension: Dimension::Agent.into(), values: vec![agent.to_owned()] };
        ReportQuery {
            window: Some(window),
            filters: vec![agents],
            at_least: at_least.to_owned(),
            ..Default::default()
        }
    }
}

impl From<Measures> for Line {
    fn from(measures: Measures) -> Self {
        Self {
            events: measures.events,
            tickets: measures.tickets,
            saved_ms: measures.time_saved_ms,
            cost_saved: euros(&measures.cost_saved),
            agent_cost: euros(&measures.agent_cost),
            net_saved: euros(&measures.net_saved),
        }
    }
}

/// The amount, which is in euros and nothing else; none at all is zero.
fn euros(amounts: &[Money]) -> i64 {
    match amounts {
        [] => 0,
        [only] if only.currency_code == "EUR" => only.micros,
        other => panic!("not only euros: {other:?}"),
    }
}
