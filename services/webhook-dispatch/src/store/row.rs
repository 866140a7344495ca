//! Rows to domain values and back. A row that does not hold what it should is an error, never a default.

use std::time::Duration;

use kernel::{Timestamp, TraceContext, WorkspaceId};
use sea_orm::ActiveValue::Set;

use super::entity::{attempt, delivery, endpoint};
use super::{AttemptRecord, DeliveryRecord, Due, Error, Request};
use crate::domain::{
    Answer, Delivery, DeliveryId, Description, Endpoint, EndpointId, EndpointState, EventType,
    Secret, Stage, Target, Verdict,
};

pub(super) fn partition_of(workspace: WorkspaceId) -> i16 {
    workspace.partition().get()
}

pub(super) fn new_endpoint(
    endpoint: &Endpoint,
    request: Option<&Request>,
) -> endpoint::ActiveModel {
    let types: Vec<&str> = endpoint.event_types.iter().map(|t| t.as_str()).collect();
    endpoint::ActiveModel {
        partition: Set(partition_of(endpoint.workspace)),
        endpoint: Set(endpoint.id.get()),
        workspace: Set(endpoint.workspace.get()),
        url: Set(endpoint.target.as_str().to_owned()),
        description: Set(endpoint.description.as_str().to_owned()),
        event_types: Set(types.join(" ")),
        filter: Set(endpoint.filter.to_string()),
        include_traceparent: Set(endpoint.include_traceparent),
        secret: Set(endpoint.secret.as_bytes().to_vec()),
        after_seq: Set(endpoint.after_seq),
        state: Set(state_word(endpoint.state).to_owned()),
        request_key: Set(request.map(|request| request.key.to_vec())),
        request_hash: Set(request.map(|request| request.fingerprint.to_vec())),
        created_time: Set(endpoint.created.micros()),
        updated_time: Set(endpoint.updated.micros()),
    }
}

pub(super) fn endpoint(row: endpoint::Model) -> Result<Endpoint, Error> {
    let corrupt = |column| move || Error::corrupt("endpoint", column, row.endpoint);
    Ok(Endpoint {
        id: EndpointId::new(row.endpoint).ok_or_else(corrupt("endpoint"))?,
        workspace: WorkspaceId::new(row.workspace).ok_or_else(corrupt("workspace"))?,
        target: Target::parse(&row.url).map_err(|_| corrupt("url")())?,
        description: Description::new(&row.description).map_err(|_| corrupt("description")())?,
        event_types: row
            .event_types
            .split(' ')
            .map(|word| word.parse().map_err(|_| corrupt("event_types")()))
            .collect::<Result<_, _>>()?,
        filter: row.filter.parse().map_err(|_| corrupt("filter")())?,
        include_traceparent: row.include_traceparent,
        secret: Secret::from_bytes(row.secret).map_err(|_| corrupt("secret")())?,
        after_seq: row.after_seq,
        state: match row.state.as_str() {
            "enabled" => EndpointState::Enabled,
            "disabled" => EndpointState::Disabled,
            "deleted" => EndpointState::Deleted,
            _ => return Err(corrupt("state")()),
        },
        created: Timestamp::from_micros(row.created_time),
        updated: Timestamp::from_micros(row.updated_time),
    })
}

pub(super) fn state_word(state: EndpointState) -> &'static str {
    match state {
        EndpointState::Enabled => "enabled",
        EndpointState::Disabled => "disabled",
        EndpointState::Deleted => "deleted",
    }
}

pub(super) fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::Pending => "pending",
        Stage::Succeeded => "succeeded",
        Stage::Dead => "dead",
    }
}

fn delivery_id(row: &delivery::Model) -> Result<DeliveryId, Error> {
    let endpoint = EndpointId::new(row.endpoint)
        .ok_or_else(|| Error::corrupt("delivery", "endpoint", row.endpoint))?;
    Ok(DeliveryId { endpoint, seq: row.seq })
}

fn attempts(row: &delivery::Model, id: DeliveryId) -> Result<u32, Error> {
    u32::try_from(row.attempts).map_err(|_| Error::corrupt("delivery", "attempts", id))
}

pub(super) fn delivery(row: &delivery::Model) -> Result<DeliveryRecord, Error> {
    let id = delivery_id(row)?;
    let corrupt = |column| move || Error::corrupt("delivery", column, id);
    let attempts = attempts(row, id)?;
    let state = match (row.state.as_str(), row.due_time, row.settled_time) {
        ("pending", Some(due), None) => {
            Delivery::Pending { attempts, due: Timestamp::from_micros(due) }
        }
        ("succeeded", None, Some(at)) => {
            Delivery::Succeeded { attempts, at: Timestamp::from_micros(at) }
        }
        ("dead", None, Some(at)) => Delivery::Dead { attempts, at: Timestamp::from_micros(at) },
        _ => return Err(corrupt("state")()),
    };
    let event_type: EventType = row.event_type.parse().map_err(|_| corrupt("event_type")())?;
    Ok(DeliveryRecord { id, event_type, state, created: Timestamp::from_micros(row.created_time) })
}

pub(super) fn due(row: delivery::Model) -> Result<Due, Error> {
    let id = delivery_id(&row)?;
    let corrupt = |column| move || Error::corrupt("delivery", column, id);
    let trace = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(TraceContext::from_bytes);
    Ok(Due {
        id,
        workspace: WorkspaceId::new(row.workspace).ok_or_else(corrupt("workspace"))?,
        attempts: attempts(&row, id)?,
        due: Timestamp::from_micros(row.due_time.ok_or_else(corrupt("due_time"))?),
        created: Timestamp::from_micros(row.created_time),
        event_trace: trace(&row.event_trace),
        attempt_trace: trace(&row.attempt_trace),
        body: row.body.ok_or_else(corrupt("body"))?.into(),
    })
}

pub(super) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Delivered => "delivered",
        Verdict::Refused => "refused",
        Verdict::Gone => "gone",
        Verdict::TimedOut => "timed_out",
        Verdict::Unreachable => "unreachable",
        Verdict::ForbiddenAddress => "forbidden_address",
    }
}

pub(super) fn attempt(delivery: DeliveryId, row: attempt::Model) -> Result<AttemptRecord, Error> {
    let corrupt = |column| move || Error::corrupt("attempt", column, delivery);
    let verdict = match row.verdict.as_str() {
        "delivered" => Verdict::Delivered,
        "refused" => Verdict::Refused,
        "gone" => Verdict::Gone,
        "timed_out" => Verdict::TimedOut,
        "unreachable" => Verdict::Unreachable,
        "forbidden_address" => Verdict::ForbiddenAddress,
        _ => return Err(corrupt("verdict")()),
    };
    let status = row.http_status.map(u16::try_from).transpose();
    let took = u64::try_from(row.took_us).map_err(|_| corrupt("took_us")())?;
    Ok(AttemptRecord {
        delivery,
        number: u32::try_from(row.number).map_err(|_| corrupt("number")())?,
        answer: Answer {
            verdict,
            status: status.map_err(|_| corrupt("http_status")())?,
            body: row.response,
            error: row.error,
            // What these were for has been acted on; the row keeps what people ask about.
            retry_after: None,
            trace: None,
            started: Timestamp::from_micros(row.started_time),
            took: Duration::from_micros(took),
        },
    })
}
