//! Ledger entries become steps. What rollup does not add up yet is passed over here, by kind.

use kernel::{Currency, Effort, Outcome};
use tail::Entry;
use wire::common::v1 as common;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{TaskCompleted, Ticket, Valuation};

use crate::domain::{Cost, Dimensions, Rate, Step};

/// What values past a workspace's limit are counted as, together. A caller's own value of this name is
/// counted with them.
const OTHER: &str = "__other__";

/// An entry that says less than ingest promises. A defect: ingest stores only what it parsed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the entry holds no event")]
    Event,
    #[error("a completed task has no outcome")]
    Outcome,
    #[error("its hourly rate has no currency")]
    Currency,
}

/// The completed step behind an entry; `None` for every other kind.
pub(crate) fn step(entry: &Entry) -> Result<Option<Step>, Unreadable> {
    let event = entry.record.event.as_ref().ok_or(Unreadable::Event)?;
    let Some(Body::TaskCompleted(task)) = &event.body else { return Ok(None) };
    let valuation = entry.record.valuation.as_ref();
    let rate = valuation.map(rate).transpose()?;
    let cost = cost(task, valuation, rate);
    let nothing = Ticket::default();
    let ticket = event.ticket.as_ref().unwrap_or(&nothing);
    let language = if task.language.is_empty() { &ticket.language } else { &task.language };
    let named = |dimension: &str, value: &str| {
        let past_limit = entry.record.overflowed.iter().any(|name| name == dimension);
        if past_limit { OTHER.to_owned() } else { text(value) }
    };
    Ok(Some(Step {
        workspace: entry.workspace,
        occurred: entry.occurred,
        ticket: (!ticket.ticket_id.is_empty()).then(|| text(&ticket.ticket_id)),
        dimensions: Dimensions {
            task_type: text(&task.task_type),
            agent: named("agent_id", &event.agent_id),
            outcome: outcome(task, valuation)?,
            project: named("project", &ticket.project),
            intent: named("intent", &ticket.intent),
            queue: named("queue", &ticket.queue),
            channel: named("channel", &ticket.channel),
            language: named("language", language),
            technical: ticket.technical,
            model: named("model", &task.model),
            baseline_version: valuation.map_or_else(String::new, |v| text(&v.baseline_version)),
            rate_version: valuation.map_or_else(String::new, |v| text(&v.rate_version)),
            rate,
            cost_currency: cost.map(|cost| cost.currency()),
        },
        effort: valuation.map(|valuation| effort(task, valuation)),
        cost,
    }))
}

/// PostgreSQL keeps no U+0000 in text, and one such entry must not stop a partition for good.
fn text(sent: &str) -> String {
    if sent.contains('\0') { sent.replace('\0', "\u{fffd}") } else { sent.to_owned() }
}

/// The outcome credit was computed for, so that counts and credit tell the same story.
fn outcome(task: &TaskCompleted, valuation: Option<&Valuation>) -> Result<Outcome, Unreadable> {
    let judged = valuation.map_or(common::Outcome::Unspecified, Valuation::outcome);
    let outcome = if judged == common::Outcome::Unspecified { task.outcome() } else { judged };
    match outcome {
        common::Outcome::Unspecified => Err(Unreadable::Outcome),
        common::Outcome::Success => Ok(Outcome::Success),
        common::Outcome::NeedsReview => Ok(Outcome::NeedsReview),
        common::Outcome::Failure => Ok(Outcome::Failure),
        common::Outcome::Pending => Ok(Outcome::Pending),
    }
}

fn rate(valuation: &Valuation) -> Result<Rate, Unreadable> {
    let currency = Currency::new(&valuation.currency_code).map_err(|_| Unreadable::Currency)?;
    Ok(Rate { micros_per_hour: valuation.rate_micros_per_hour, currency })
}

/// Unknown, in no currency, or beyond belief: all of these count as uncosted, never as free.
fn cost(task: &TaskCompleted, valuation: Option<&Valuation>, rate: Option<Rate>) -> Option<Cost> {
    // What was sent, else what the door computed from model and tokens.
    let computed = || valuation.and_then(|valuation| valuation.agent_cost.as_ref());
    let sent = task.agent_cost.as_ref().or_else(computed)?;
    let currency = match sent.currency_code.as_str() {
        "" => rate?.currency,
        code => Currency::new(code).ok()?,
    };
    Cost::new(sent.micros, currency)
}

/// Ingest lets no longer time in; one here could overflow a cell.
fn effort(task: &TaskCompleted, valuation: &Valuation) -> Effort {
    let within_a_day = |ms: i64| ms.clamp(0, 86_400_000);
    let agent = task.duration_ms.filter(|_| valuation.subtract_agent_duration);
    Effort {
        baseline_ms: within_a_day(valuation.baseline_ms),
        agent_ms: within_a_day(agent.unwrap_or(0)),
        human_edit_ms: task.human_edit_ms.map(within_a_day),
        review_percent: valuation
            .unmeasured_review_credit_percent
            .map_or(Effort::REVIEW_PERCENT, |percent| i64::from(percent).clamp(0, 100)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use kernel::{SavingsPolicy, Timestamp, WorkspaceId, credit};
    use wire::common::v1::Money;
    use wire::ingest::v1::{Event, LedgerRecord, OutcomeRevised, Retracted, TicketOpened};

    fn task() -> TaskCompleted {
        TaskCompleted {
            task_type: "customer_email_draft".into(),
            outcome: common::Outcome::Success.into(),
            duration_ms: Some(60_000),
            agent_cost: Some(Money { currency_code: String::new(), micros: 12_000 }),
            ..TaskCompleted::default()
        }
    }

    fn valuation() -> Valuation {
        Valuation {
            baseline_ms: 480_000,
            rate_micros_per_hour: 85_000_000,
            currency_code: "EUR".into(),
            subtract_agent_duration: true,
            outcome: common::Outcome::NeedsReview.into(),
            ..Valuation::default()
        }
    }

    fn entry(body: Body, valuation: Option<Valuation>) -> Entry {
        let workspace = WorkspaceId::new(1).unwrap();
        let event = Event { agent_id: "a\0b".into(), body: Some(body), ..Event::default() };
        Entry {
            position: kernel::Position { partition: workspace.partition(), seq: 1 },
            workspace,
            recorded: Timestamp::EPOCH,
            occurred: Timestamp::EPOCH,
            trace: None,
            record: LedgerRecord { event: Some(event), valuation, ..Default::default() },
        }
    }

    #[test]
    fn a_step_is_counted_by_the_outcome_its_credit_was_computed_for() {
        let step = step(&entry(Body::TaskCompleted(task()), Some(valuation()))).unwrap().unwrap();
        assert_eq!(step.dimensions.outcome, Outcome::NeedsReview);
        let credited = credit(SavingsPolicy::Gross, Outcome::Success, &step.effort.unwrap());
        assert_eq!(credited, 420_000, "the agent's minute is subtracted");
        assert_eq!(step.cost.unwrap().currency(), Currency::EUR, "the rate's, where none was sent");
        assert_eq!(step.dimensions.agent, "a\u{fffd}b");
    }

    #[test]
    fn a_cost_the_door_computed_counts_and_so_does_the_policys_own_percentage() {
        let computed = Some(Money { currency_code: "USD".into(), micros: 4_500 });
        let task = TaskCompleted { agent_cost: None, ..task() };
        let valuation = Valuation {
            agent_cost: computed,
            unmeasured_review_credit_percent: Some(25),
            ..valuation()
        };
        let step = step(&entry(Body::TaskCompleted(task), Some(valuation))).unwrap().unwrap();
        assert_eq!(step.cost.unwrap().currency(), Currency::new("USD").unwrap());
        assert_eq!((step.measures().uncosted, step.effort.unwrap().review_percent), (0, 25));
    }

    #[test]
    fn an_unvalued_step_keeps_its_own_outcome_and_a_cost_without_currency_is_unknown() {
        let step = step(&entry(Body::TaskCompleted(task()), None)).unwrap().unwrap();
        assert_eq!(step.dimensions.outcome, Outcome::Success);
        assert_eq!((step.cost, step.effort), (None, None));
        assert_eq!((step.measures().uncosted, step.measures().unvalued), (1, 1));
    }

    #[test]
    fn a_dimension_with_too_many_values_counts_under_a_name_that_says_so() {
        let task = TaskCompleted { model: "m".into(), language: "nl".into(), ..task() };
        let mut entry = entry(Body::TaskCompleted(task), None);
        entry.record.overflowed =
            vec!["agent_id".into(), "model".into(), "of a later version".into()];
        let dimensions = step(&entry).unwrap().unwrap().dimensions;
        assert_eq!((dimensions.agent.as_str(), dimensions.model.as_str()), (OTHER, OTHER));
        assert_eq!((dimensions.language.as_str(), dimensions.queue.as_str()), ("nl", ""));
    }

    #[test]
    fn other_kinds_are_passed_over_and_broken_entries_are_named() {
        let opened = Body::TicketOpened(TicketOpened::default());
        assert_eq!(step(&entry(opened, None)), Ok(None));
        // A judgement carries a valuation, and is no step all the same.
        let revised = Body::OutcomeRevised(OutcomeRevised::default());
        assert_eq!(step(&entry(revised, Some(valuation()))), Ok(None));
        assert_eq!(step(&entry(Body::Retracted(Retracted::default()), None)), Ok(None));
        let silent = TaskCompleted { outcome: 0, ..task() };
        assert_eq!(step(&entry(Body::TaskCompleted(silent), None)), Err(Unreadable::Outcome));
        let homeless = Valuation { currency_code: String::new(), ..valuation() };
        let homeless = entry(Body::TaskCompleted(task()), Some(homeless));
        assert_eq!(step(&homeless), Err(Unreadable::Currency));
    }
}
