//! Steps and cells for the tests of the domain and the suite of the store.
#![expect(clippy::unwrap_used, reason = "tests")]

use kernel::{Currency, Effort, Outcome, SavingsPolicy, Timestamp, Window, WorkspaceId};

use crate::domain::{
    AlignedWindow, Cost, Dimensions, Folded, Folder, Query, Rate, Spent, Staffing, Step,
};

pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const DAY: i64 = 86_400_000_000;
/// 2026-01-01T00:00:00Z.
pub(crate) const START: i64 = 1_767_225_600_000_000;

pub(crate) fn workspace() -> WorkspaceId {
    WorkspaceId::new(7).unwrap()
}

/// A step at EUR 85 an hour that cost EUR 0.012.
pub(crate) fn step(task_type: &str, baseline_min: i64, outcome: Outcome, occurred: i64) -> Step {
    let rate = Rate { micros_per_hour: 85_000_000, currency: Currency::EUR };
    let cost = Cost::new(12_000, Currency::EUR);
    Step {
        workspace: workspace(),
        occurred: Timestamp::from_micros(occurred),
        ticket: None,
        dimensions: Dimensions {
            task_type: task_type.to_owned(),
            agent: "support-triage".to_owned(),
            outcome,
            baseline_version: "1".to_owned(),
            rate_version: "1".to_owned(),
            rate: Some(rate),
            cost_currency: cost.map(|cost| cost.currency()),
            ..Dimensions::nothing()
        },
        effort: Some(Effort {
            baseline_ms: baseline_min * MINUTE,
            agent_ms: 0,
            human_edit_ms: None,
            review_percent: Effort::REVIEW_PERCENT,
        }),
        cost,
        spent: Spent::default(),
    }
}

/// What these steps add.
pub(crate) fn fold(steps: &[Step]) -> Folded {
    let mut folder = Folder::default();
    for step in steps {
        folder.add(step, 1);
    }
    folder.finish()
}

pub(crate) fn query(policy: SavingsPolicy) -> Query {
    let window =
        Window::new(Timestamp::from_micros(START), Timestamp::from_micros(START + 30 * DAY))
            .unwrap();
    Query {
        workspace: workspace(),
        window: AlignedWindow::new(window).unwrap(),
        filters: Vec::new(),
        policy,
        staffing: Staffing { hours_per_month: 176, months: 1.0 },
    }
}
