//! A corrected step as text: JSON, read by key look-up only and never queried.

use kernel::{Currency, Effort, Outcome, Timestamp, WorkspaceId};
use serde_json::{Value, json};

use crate::domain::{Cost, Dimensions, Rate, Spent, Step};

pub(super) fn write(step: &Step) -> String {
    let Step { workspace: _, occurred, ticket, dimensions: set, effort, cost, spent } = step;
    json!({
        "occurred": occurred.micros(),
        "ticket": ticket,
        "task_type": set.task_type,
        "agent": set.agent,
        "outcome": set.outcome.as_str(),
        "project": set.project,
        "intent": set.intent,
        "queue": set.queue,
        "channel": set.channel,
        "language": set.language,
        "technical": set.technical,
        "model": set.model,
        "baseline_version": set.baseline_version,
        "rate_version": set.rate_version,
        "rate": set.rate.map(|rate| json!([rate.micros_per_hour, rate.currency.as_str()])),
        "effort": effort.map(|effort| json!([
            effort.baseline_ms,
            effort.agent_ms,
            effort.human_edit_ms,
            effort.review_percent,
        ])),
        "cost": cost.map(|cost| json!([
            cost.micros(),
            cost.currency().as_str(),
            cost.converted_micros(),
        ])),
        "spent": [spent.agent_ms, spent.human_edit_ms, spent.baseline_ms],
    })
    .to_string()
}

/// `None` where the text is not what [`write`] wrote.
pub(super) fn read(workspace: WorkspaceId, text: &str) -> Option<Step> {
    let row: Value = serde_json::from_str(text).ok()?;
    let text = |key: &str| row[key].as_str().map(str::to_owned);
    let spent = |at: usize| row["spent"][at].as_u64().and_then(|ms| u32::try_from(ms).ok());
    let rate = match &row["rate"] {
        Value::Null => None,
        rate => Some(Rate { micros_per_hour: rate[0].as_i64()?, currency: currency(&rate[1])? }),
    };
    let effort = match &row["effort"] {
        Value::Null => None,
        effort => Some(Effort {
            baseline_ms: effort[0].as_i64()?,
            agent_ms: effort[1].as_i64()?,
            human_edit_ms: effort[2].as_i64(),
            review_percent: effort[3].as_i64()?,
        }),
    };
    let cost = match &row["cost"] {
        Value::Null => None,
        cost => {
            Some(Cost::new(cost[0].as_i64()?, currency(&cost[1])?)?.converted(cost[2].as_i64()))
        }
    };
    Some(Step {
        workspace,
        occurred: Timestamp::from_micros(row["occurred"].as_i64()?),
        ticket: text("ticket"),
        dimensions: Dimensions {
            task_type: text("task_type")?,
            agent: text("agent")?,
            outcome: Outcome::parse(row["outcome"].as_str()?)?,
            project: text("project")?,
            intent: text("intent")?,
            queue: text("queue")?,
            channel: text("channel")?,
            language: text("language")?,
            technical: row["technical"].as_bool(),
            model: text("model")?,
            baseline_version: text("baseline_version")?,
            rate_version: text("rate_version")?,
            rate,
            cost_currency: cost.map(|cost| cost.currency()),
        },
        effort,
        cost,
        spent: Spent { agent_ms: spent(0), human_edit_ms: spent(1), baseline_ms: spent(2) },
    })
}

fn currency(value: &Value) -> Option<Currency> {
    Currency::new(value.as_str()?).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::samples::{START, step, workspace};

    #[test]
    fn what_is_written_is_read_back() {
        let mut full = step("customer_email_draft", 8, Outcome::NeedsReview, START + 1);
        full.ticket = Some("T-\"1\"\u{2028}".to_owned());
        full.dimensions.technical = Some(false);
        full.spent = Spent { agent_ms: Some(12), human_edit_ms: None, baseline_ms: Some(7) };
        full.cost = full.cost.map(|cost| cost.converted(Some(5)));
        let mut bare = step("x", 1, Outcome::Success, START);
        bare.effort = None;
        bare.cost = None;
        bare.dimensions.rate = None;
        bare.dimensions.cost_currency = None;
        for step in [full, bare] {
            assert_eq!(read(workspace(), &write(&step)).unwrap(), step);
        }
        assert_eq!(read(workspace(), "{}"), None);
    }
}
