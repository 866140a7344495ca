//! The hot statements: many rows at once, the same text for any number of them.
//!
//! The updates take even the partition from the rows. Were it bound beside them, SQLite would walk all
//! that is pending in the partition once for every row.

use db::bulk::Rows;
use kernel::{Partition, Timestamp, TraceContext};
use sea_orm::{DbBackend, Statement};

use super::row::{partition_of, stage_word, verdict_word};
use super::{NewDelivery, Settlement};
use crate::domain::{Answer, DeliveryId, EndpointId, Stage, Verdict};

fn trace_bytes(trace: Option<TraceContext>) -> Option<Vec<u8>> {
    trace.map(|trace| trace.to_bytes().to_vec())
}

fn micros(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::micros)
}

/// Inserts deliveries. One that is there already stays as it is: the ledger was read again.
pub(super) fn insert_deliveries(backend: DbBackend, new: &[NewDelivery]) -> Statement {
    let each = |value: fn(&NewDelivery) -> i64| new.iter().map(value).collect::<Vec<_>>();
    Rows::new()
        .int("partition", each(|d| i64::from(partition_of(d.workspace))))
        .int("endpoint", each(|d| d.id.endpoint.get()))
        .int("seq", each(|d| d.id.seq))
        .int("workspace", each(|d| d.workspace.get()))
        .text("event_type", new.iter().map(|d| d.event_type.as_str().to_owned()).collect())
        .text("state", new.iter().map(|d| stage_word(d.state.stage()).to_owned()).collect())
        .int("attempts", each(|d| i64::from(d.state.attempts())))
        .opt_int("due_time", new.iter().map(|d| micros(d.state.due())).collect())
        .int("created_time", each(|d| d.created.micros()))
        .opt_int("settled_time", new.iter().map(|d| micros(d.state.settled())).collect())
        .opt_bytes("body", new.iter().map(kept_body).collect())
        .opt_bytes("event_trace", new.iter().map(|d| trace_bytes(d.event_trace)).collect())
        .opt_bytes(
            "attempt_trace",
            new.iter().map(|d| trace_bytes(d.answer.as_ref().and_then(|a| a.trace))).collect(),
        )
        .statement(
            backend,
            "INSERT INTO delivery ({columns}) SELECT {columns} FROM {rows} WHERE true \
             ON CONFLICT (\"partition\", endpoint, seq) DO NOTHING",
        )
}

/// What has arrived is in the ledger; only what may be sent again is kept here too.
fn kept_body(delivery: &NewDelivery) -> Option<Vec<u8>> {
    (delivery.state.stage() != Stage::Succeeded).then(|| delivery.body.to_vec())
}

/// Inserts attempts. Of two replicas that both made the same attempt, the first one's row stays.
pub(super) fn insert_attempts(
    backend: DbBackend,
    partition: Partition,
    made: &[(DeliveryId, u32, &Answer)],
) -> Statement {
    let each = |value: &dyn Fn(&(DeliveryId, u32, &Answer)) -> i64| {
        made.iter().map(value).collect::<Vec<_>>()
    };
    let text =
        |value: fn(&Answer) -> String| made.iter().map(|(_, _, a)| value(a)).collect::<Vec<_>>();
    Rows::new()
        .int("partition", each(&|_| i64::from(partition.get())))
        .int("endpoint", each(&|(id, _, _)| id.endpoint.get()))
        .int("seq", each(&|(id, _, _)| id.seq))
        .int("number", each(&|(_, number, _)| i64::from(*number)))
        .text("verdict", text(|a| verdict_word(a.verdict).to_owned()))
        .opt_int("http_status", made.iter().map(|(_, _, a)| a.status.map(i64::from)).collect())
        .text("response", text(|a| a.body.clone()))
        .text("error", text(|a| a.error.clone()))
        .int("started_time", each(&|(_, _, a)| a.started.micros()))
        .int("took_us", each(&|(_, _, a)| i64::try_from(a.took.as_micros()).unwrap_or(i64::MAX)))
        .statement(
            backend,
            "INSERT INTO attempt ({columns}) SELECT {columns} FROM {rows} WHERE true \
             ON CONFLICT (\"partition\", endpoint, seq, number) DO NOTHING",
        )
}

/// Moves claimed deliveries on, those whose claim still stands.
pub(super) fn update_settled(
    backend: DbBackend,
    partition: Partition,
    settlements: &[Settlement],
) -> Statement {
    let each = |value: fn(&Settlement) -> i64| settlements.iter().map(value).collect::<Vec<_>>();
    let trace = |s: &Settlement| trace_bytes(s.answer.as_ref().and_then(|a| a.trace));
    Rows::new()
        .int("of_partition", vec![i64::from(partition.get()); settlements.len()])
        .int("of_endpoint", each(|s| s.id.endpoint.get()))
        .int("of_seq", each(|s| s.id.seq))
        .int("claimed", each(|s| s.claimed.micros()))
        .text("to_state", settlements.iter().map(|s| stage_word(s.state.stage()).to_owned()).collect())
        .int("made", each(|s| i64::from(s.state.attempts())))
        .opt_int("next_due", settlements.iter().map(|s| micros(s.state.due())).collect())
        .opt_int("done_at", settlements.iter().map(|s| micros(s.state.settled())).collect())
        .opt_bytes("span", settlements.iter().map(trace).collect())
        .statement(
            backend,
            "UPDATE delivery SET state = rows.to_state, attempts = rows.made, due_time = rows.next_due, \
             settled_time = rows.done_at, attempt_trace = coalesce(rows.span, delivery.attempt_trace), \
             body = CASE WHEN rows.to_state = 'succeeded' THEN NULL ELSE delivery.body END \
             FROM {rows} WHERE delivery.\"partition\" = rows.of_partition \
             AND delivery.endpoint = rows.of_endpoint AND delivery.seq = rows.of_seq \
             AND delivery.due_time = rows.claimed",
        )
}

/// Takes deliveries whose due time is still what the reader saw; answers which.
pub(super) fn claim(
    backend: DbBackend,
    partition: Partition,
    wanted: &[(DeliveryId, Timestamp)],
    until: Timestamp,
) -> Statement {
    Rows::new()
        .int("of_partition", vec![i64::from(partition.get()); wanted.len()])
        .int("of_endpoint", wanted.iter().map(|(id, _)| id.endpoint.get()).collect())
        .int("of_seq", wanted.iter().map(|(id, _)| id.seq).collect())
        .int("was_due", wanted.iter().map(|(_, due)| due.micros()).collect())
        .bind(until.micros())
        .statement(
            backend,
            "UPDATE delivery SET due_time = {0} FROM {rows} \
             WHERE delivery.\"partition\" = rows.of_partition \
             AND delivery.endpoint = rows.of_endpoint AND delivery.seq = rows.of_seq \
             AND delivery.due_time = rows.was_due RETURNING endpoint, seq",
        )
}

/// Endpoints among these answers that want nothing any more.
pub(super) fn gone<'a>(answers: impl Iterator<Item = (DeliveryId, &'a Answer)>) -> Vec<EndpointId> {
    let mut gone: Vec<EndpointId> = answers
        .filter(|(_, answer)| answer.verdict == Verdict::Gone)
        .map(|(id, _)| id.endpoint)
        .collect();
    gone.sort_unstable();
    gone.dedup();
    gone
}
