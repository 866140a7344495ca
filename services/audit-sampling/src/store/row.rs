//! Samples as rows, and back. The words in the columns are what older rows hold: they never change.

use db::Error;
use db::bulk::Rows;
use kernel::{EventId, Outcome, Partition, Position, Timestamp, WorkspaceId};

use super::entity::sample::Model;
use crate::domain::{Drawn, Period, Probability, Sample, State, Step};

/// The column `state`.
pub(super) const fn state(state: State) -> &'static str {
    match state {
        State::AwaitingExchange => "awaiting_exchange",
        State::Open => "open",
        State::Claimed => "claimed",
        State::Disputed => "disputed",
        State::Settled => "settled",
        State::Withdrawn => "withdrawn",
    }
}

/// A row as a sample; a bad row is an error that names it, never a default.
pub(super) fn sample(row: Model) -> Result<Sample, Error> {
    let id = format!("{}/{}/{}", row.partition, row.seq, row.plan_id);
    let corrupt = |column| Error::corrupt("sample", column, &id);
    let partition = Partition::new(row.partition).ok_or_else(|| corrupt("partition"))?;
    let probability =
        u32::try_from(row.probability_millionths).ok().and_then(|p| Probability::new(p).ok());
    Ok(Sample {
        step: Step {
            event: EventId(Position { partition, seq: row.seq }),
            workspace: WorkspaceId::new(row.workspace).ok_or_else(|| corrupt("workspace"))?,
            recorded: Timestamp::from_micros(row.recorded_time),
            occurred: Timestamp::from_micros(row.occurred_time),
            agent_id: row.agent_id,
            task_type: row.task_type,
            outcome: Outcome::parse(&row.outcome).ok_or_else(|| corrupt("outcome"))?,
            ticket_id: row.ticket_id,
            intent: row.intent,
            channel: row.channel,
            language: row.language,
        },
        plan_id: row.plan_id,
        plan_version: row.plan_version,
        period: Period::of(Timestamp::from_micros(row.period_time)),
        stratum: row.stratum,
        probability: probability.ok_or_else(|| corrupt("probability_millionths"))?,
        state: State::ALL
            .into_iter()
            .find(|known| state(*known) == row.state)
            .ok_or_else(|| corrupt("state"))?,
    })
}

/// Samples column by column, for one statement.
pub(super) fn samples(samples: &[Sample]) -> Rows {
    let int = |value: fn(&Sample) -> i64| samples.iter().map(value).collect::<Vec<_>>();
    let text = |value: fn(&Sample) -> &str| {
        samples.iter().map(|s| value(s).to_owned()).collect::<Vec<_>>()
    };
    Rows::new()
        .int("partition", int(|s| s.step.event.0.partition.get().into()))
        .int("seq", int(|s| s.step.event.0.seq))
        .text("plan_id", text(|s| &s.plan_id))
        .int("plan_version", int(|s| s.plan_version))
        .int("workspace", int(|s| s.step.workspace.get()))
        .int("period_time", int(|s| s.period.start().micros()))
        .text("stratum", text(|s| &s.stratum))
        .int("probability_millionths", int(|s| s.probability.millionths().into()))
        .text("state", text(|s| state(s.state)))
        .text("agent_id", text(|s| &s.step.agent_id))
        .text("task_type", text(|s| &s.step.task_type))
        .text("outcome", text(|s| s.step.outcome.as_str()))
        .text("ticket_id", text(|s| &s.step.ticket_id))
        .text("intent", text(|s| &s.step.intent))
        .text("channel", text(|s| &s.step.channel))
        .text("language", text(|s| &s.step.language))
        .int("occurred_time", int(|s| s.step.occurred.micros()))
        .int("recorded_time", int(|s| s.step.recorded.micros()))
}

/// Counts column by column, for one statement.
pub(super) fn counts(drawn: &Drawn, plan_id: &str) -> Rows {
    let keys = || drawn.counts.keys();
    Rows::new()
        .int("partition", keys().map(|key| key.workspace.partition().get().into()).collect())
        .int("workspace", keys().map(|key| key.workspace.get()).collect())
        .text("plan_id", keys().map(|_| plan_id.to_owned()).collect())
        .int("period_time", keys().map(|key| key.period.start().micros()).collect())
        .text("stratum", keys().map(|key| key.stratum.clone()).collect())
        .int("considered", drawn.counts.values().map(|counted| counted.considered).collect())
        .int("drawn", drawn.counts.values().map(|counted| counted.drawn).collect())
}
