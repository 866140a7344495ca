//! Ledger entries become facts. What rollup does not add up yet is passed over here, by kind.

use kernel::{Currency, Effort, EventId, Outcome, Partition, Position, Timestamp, WorkspaceId};
use tail::{Batch, Entry};
use wire::common::v1 as common;
use wire::ingest::v1::event::Body;
use wire::ingest::v1::{Event, LedgerRecord, OutcomeRevised, TaskCompleted, Valuation};

use crate::domain::{Amendment, Correction, Cost, Dimensions, Fact, Judgement, Rate, Spent, Step};

/// What values past a workspace's limit are counted as, together. A caller's own value of this name is
/// counted with them.
pub(crate) const OTHER: &str = "__other__";

/// An entry that says less than ingest promises. A defect: ingest stores only what it parsed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the entry holds no event")]
    Event,
    #[error("a completed task or a judgement has no outcome")]
    Outcome,
    #[error("a corrected step does not say when it occurred")]
    Time,
    #[error("a correction points at no entry of its partition")]
    Target,
    #[error("its hourly rate has no currency")]
    Currency,
}

/// What a batch says. An entry that cannot be read is left out and logged: one of them must not stop every
/// workspace of its partition.
pub(crate) fn facts(batch: Batch) -> Vec<Fact> {
    let mut facts = Vec::with_capacity(batch.entries.len());
    for entry in batch.entries {
        let event = entry.event_id();
        match fact(entry) {
            Ok(fact) => facts.extend(fact),
            Err(error) => tracing::error!(%error, %event, "entry left out of the reports"),
        }
    }
    facts
}

/// What an entry says; `None` for a kind that is not added up.
fn fact(entry: Entry) -> Result<Option<Fact>, Unreadable> {
    let Entry { position: Position { partition, seq }, workspace, occurred, record, .. } = entry;
    let event = record.event.as_ref().ok_or(Unreadable::Event)?;
    let amended = match &event.body {
        Some(Body::TaskCompleted(_)) => {
            return step(workspace, occurred, record).map(|step| Some(Fact::Step(step)));
        }
        Some(Body::OutcomeRevised(revision)) => {
            let judgement = Judgement {
                outcome: word(revision.outcome())?,
                human_edit_ms: revision.human_edit_ms.map(within_a_day),
            };
            Some((place(partition, &revision.event_id)?, Amendment::Judged { seq, judgement }))
        }
        Some(Body::Retracted(retraction)) => {
            let target = place(partition, &retraction.event_id)?;
            match body(record.corrects.as_deref()) {
                Some(Body::TaskCompleted(_)) => Some((target, Amendment::StepRetracted)),
                Some(Body::OutcomeRevised(OutcomeRevised { event_id, .. })) => {
                    let step = place(partition, event_id)?;
                    Some((step, Amendment::JudgementRetracted { seq: target }))
                }
                _ => None,
            }
        }
        _ => None,
    };
    let Some((step, amends)) = amended else { return Ok(None) };
    let original = original(workspace, record)?;
    Ok(Some(Fact::Correction(Correction { workspace, step, original, amends })))
}

/// The step that a correction carries, if it does.
fn original(workspace: WorkspaceId, record: LedgerRecord) -> Result<Option<Step>, Unreadable> {
    let Some(record) = record.corrects else { return Ok(None) };
    let Some(Body::TaskCompleted(_)) = body(Some(&record)) else { return Ok(None) };
    let sent = record.event.as_ref().and_then(|event| event.occurred_time.as_ref());
    let occurred = sent.map(|at| Timestamp::from_parts(at.seconds, at.nanos));
    let occurred = occurred.ok_or(Unreadable::Time)?;
    step(workspace, occurred, *record).map(Some)
}

fn body(record: Option<&LedgerRecord>) -> Option<&Body> {
    record?.event.as_ref()?.body.as_ref()
}

/// The place in this partition that an event id names.
fn place(partition: Partition, event_id: &str) -> Result<i64, Unreadable> {
    let EventId(position) = event_id.parse().map_err(|_| Unreadable::Target)?;
    if position.partition == partition { Ok(position.seq) } else { Err(Unreadable::Target) }
}

/// Of a record whose event is a completed task.
fn step(
    workspace: WorkspaceId,
    occurred: Timestamp,
    record: LedgerRecord,
) -> Result<Step, Unreadable> {
    let LedgerRecord { event, valuation, overflowed, .. } = record;
    let Event { agent_id, ticket, body, .. } = event.ok_or(Unreadable::Event)?;
    let Some(Body::TaskCompleted(task)) = body else { return Err(Unreadable::Event) };
    let valued = valuation.as_deref();
    let rate = valued.map(rate).transpose()?;
    let cost = cost(&task, valued, rate);
    let outcome = outcome(&task, valued)?;
    let effort = valued.map(|valuation| effort(&task, valuation));
    let spent = spent(&task);
    let (task, ticket) = (*task, ticket.map(|ticket| *ticket).unwrap_or_default());
    let language = if task.language.is_empty() { ticket.language } else { task.language };
    let named = |dimension: &str, value: String| {
        let past_limit = overflowed.iter().any(|name| name == dimension);
        if past_limit { OTHER.to_owned() } else { text(value) }
    };
    let (baseline_version, rate_version) =
        valuation.map(|v| (text(v.baseline_version), text(v.rate_version))).unwrap_or_default();
    Ok(Step {
        workspace,
        occurred,
        ticket: (!ticket.ticket_id.is_empty()).then(|| text(ticket.ticket_id)),
        dimensions: Dimensions {
            task_type: text(task.task_type),
            agent: named("agent_id", agent_id),
            outcome,
            project: named("project", ticket.project),
            intent: named("intent", ticket.intent),
            queue: named("queue", ticket.queue),
            channel: named("channel", ticket.channel),
            language: named("language", language),
            technical: ticket.technical,
            model: named("model", task.model),
            baseline_version,
            rate_version,
            rate,
            cost_currency: cost.map(|cost| cost.currency()),
        },
        effort,
        cost,
        spent,
    })
}

/// PostgreSQL keeps no U+0000 in text, and one such entry must not stop a partition for good.
fn text(sent: String) -> String {
    if sent.contains('\0') { sent.replace('\0', "\u{fffd}") } else { sent }
}

/// The outcome credit was computed for, so that counts and credit tell the same story.
fn outcome(task: &TaskCompleted, valuation: Option<&Valuation>) -> Result<Outcome, Unreadable> {
    let judged = valuation.map_or(common::Outcome::Unspecified, Valuation::outcome);
    word(if judged == common::Outcome::Unspecified { task.outcome() } else { judged })
}

fn word(outcome: common::Outcome) -> Result<Outcome, Unreadable> {
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
    // Converted at the door, at the exchange rate of the day: the receipt nets with the same amount.
    let converted = valuation.and_then(|valuation| valuation.converted_cost.as_ref());
    let in_rates = converted
        .filter(|money| rate.is_some_and(|rate| rate.currency.as_str() == money.currency_code));
    Some(Cost::new(sent.micros, currency)?.converted(in_rates.map(|money| money.micros)))
}

/// Ingest lets no longer time in; one here could overflow a cell.
fn within_a_day(ms: i64) -> i64 {
    ms.clamp(0, 86_400_000)
}

fn spent(task: &TaskCompleted) -> Spent {
    let ms = |sent: Option<i64>| sent.and_then(|ms| u32::try_from(within_a_day(ms)).ok());
    Spent {
        agent_ms: ms(task.duration_ms),
        human_edit_ms: ms(task.human_edit_ms),
        baseline_ms: ms(task.baseline_ms),
    }
}

fn effort(task: &TaskCompleted, valuation: &Valuation) -> Effort {
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
    use wire::ingest::v1::{Retracted, TicketOpened};

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
            record: LedgerRecord {
                event: Some(event),
                valuation: valuation.map(Box::new),
                ..Default::default()
            },
        }
    }

    fn step(entry: &Entry) -> Result<Option<Step>, Unreadable> {
        Ok(match fact(entry.clone())? {
            Some(Fact::Step(step)) => Some(step),
            Some(Fact::Correction(_)) | None => None,
        })
    }

    fn event_id(entry: &Entry, seq: i64) -> String {
        EventId(kernel::Position { seq, ..entry.position }).to_string()
    }

    /// A correction of the step at place 1, which it carries.
    fn amended(corrects: LedgerRecord, body: impl Fn(String) -> Body) -> Correction {
        let mut entry = entry(Body::TaskCompleted(task().into()), None);
        entry.position.seq = 9;
        let body = body(event_id(&entry, 1));
        entry.record = LedgerRecord {
            event: Some(Event { body: Some(body), ..Event::default() }),
            corrects: Some(Box::new(corrects)),
            ..LedgerRecord::default()
        };
        match fact(entry) {
            Ok(Some(Fact::Correction(correction))) => correction,
            other => panic!("{other:?} is no correction"),
        }
    }

    #[test]
    fn a_correction_carries_its_step_as_it_was_recorded() {
        let mut record = entry(Body::TaskCompleted(task().into()), Some(valuation())).record;
        let at = wire::Timestamp { seconds: 5, nanos: 0 };
        record.event.as_mut().unwrap().occurred_time = Some(at);
        record.overflowed = vec!["agent_id".into()];
        let outcome = common::Outcome::Failure.into();
        let revised = amended(record.clone(), |event_id| {
            Body::OutcomeRevised(OutcomeRevised { event_id, outcome, ..Default::default() })
        });
        let judgement = Judgement { outcome: Outcome::Failure, human_edit_ms: None };
        assert_eq!(revised.amends, Amendment::Judged { seq: 9, judgement });
        let original = revised.original.unwrap();
        assert_eq!((revised.step, original.occurred), (1, Timestamp::from_micros(5_000_000)));
        assert_eq!(original.dimensions.outcome, Outcome::NeedsReview, "as it was counted");
        assert_eq!(original.dimensions.agent, OTHER);

        let gone = |event_id| Body::Retracted(Retracted { event_id, ..Default::default() });
        let retracted = amended(record, gone);
        assert_eq!((retracted.step, retracted.amends), (1, Amendment::StepRetracted));
        assert!(retracted.original.is_some());
    }

    #[test]
    fn taking_a_judgement_back_names_the_step_it_judged() {
        let entry = entry(Body::TaskCompleted(task().into()), None);
        let judgement = OutcomeRevised { event_id: event_id(&entry, 4), ..Default::default() };
        let event = Event { body: Some(Body::OutcomeRevised(judgement)), ..Event::default() };
        let record = LedgerRecord { event: Some(event), ..LedgerRecord::default() };
        let gone = |event_id| Body::Retracted(Retracted { event_id, ..Default::default() });
        let correction = amended(record, gone);
        assert_eq!((correction.step, correction.original), (4, None));
        assert_eq!(correction.amends, Amendment::JudgementRetracted { seq: 1 });
    }

    #[test]
    fn a_foreign_cost_counts_as_the_receipt_converted_it() {
        let cost = |code: &str, micros| Some(Money { currency_code: code.into(), micros });
        let task = TaskCompleted { agent_cost: cost("USD", 5_000), ..task() };
        let valuation = Valuation { converted_cost: cost("EUR", 4_500), ..valuation() };
        let step =
            step(&entry(Body::TaskCompleted(task.into()), Some(valuation))).unwrap().unwrap();
        let measures = step.measures();
        assert_eq!((measures.cost_micros, measures.converted_micros), (5_000, 4_500));
        assert_eq!(measures.unconverted, 0);
    }

    #[test]
    fn a_step_is_counted_by_the_outcome_its_credit_was_computed_for() {
        let step =
            step(&entry(Body::TaskCompleted(task().into()), Some(valuation()))).unwrap().unwrap();
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
        let step =
            step(&entry(Body::TaskCompleted(task.into()), Some(valuation))).unwrap().unwrap();
        assert_eq!(step.cost.unwrap().currency(), Currency::new("USD").unwrap());
        assert_eq!((step.measures().uncosted, step.effort.unwrap().review_percent), (0, 25));
    }

    #[test]
    fn an_unvalued_step_keeps_its_own_outcome_and_a_cost_without_currency_is_unknown() {
        let step = step(&entry(Body::TaskCompleted(task().into()), None)).unwrap().unwrap();
        assert_eq!(step.dimensions.outcome, Outcome::Success);
        assert_eq!((step.cost, step.effort), (None, None));
        assert_eq!((step.measures().uncosted, step.measures().unvalued), (1, 1));
    }

    #[test]
    fn a_dimension_with_too_many_values_counts_under_a_name_that_says_so() {
        let task = TaskCompleted { model: "m".into(), language: "nl".into(), ..task() };
        let mut entry = entry(Body::TaskCompleted(task.into()), None);
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
        let lost = Body::Retracted(Retracted { event_id: "ev_?".into(), ..Default::default() });
        assert_eq!(step(&entry(lost, None)), Err(Unreadable::Target));
        let silent = TaskCompleted { outcome: 0, ..task() };
        assert_eq!(
            step(&entry(Body::TaskCompleted(silent.into()), None)),
            Err(Unreadable::Outcome)
        );
        let homeless = Valuation { currency_code: String::new(), ..valuation() };
        let homeless = entry(Body::TaskCompleted(task().into()), Some(homeless));
        assert_eq!(step(&homeless), Err(Unreadable::Currency));
    }
}
