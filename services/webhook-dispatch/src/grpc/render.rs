//! Values become answers. Nothing here can fail.

use fault::{ErrorReason, Fault};
use kernel::{EventId, Position, WorkspaceId};
use wire::webhook::v1 as pb;

use crate::app::Error;
use crate::domain::{Delivery, Endpoint, EndpointState, Filter, Operator, Stage, Verdict};
use crate::ledger::timestamp;
use crate::store::{self, AttemptRecord, DeliveryRecord};

pub(super) fn endpoint(endpoint: &Endpoint) -> pb::Endpoint {
    let state = match endpoint.state {
        EndpointState::Enabled => pb::EndpointState::Enabled,
        EndpointState::Disabled => pb::EndpointState::Disabled,
        EndpointState::Deleted => pb::EndpointState::Deleted,
    };
    pb::Endpoint {
        endpoint_id: endpoint.id.to_string(),
        url: endpoint.target.as_str().to_owned(),
        description: endpoint.description.as_str().to_owned(),
        event_types: endpoint.event_types.iter().map(|t| t.as_str().to_owned()).collect(),
        filter: Some(filter(&endpoint.filter)),
        include_traceparent: endpoint.include_traceparent,
        state: state.into(),
        create_time: Some(timestamp(endpoint.created)),
        update_time: Some(timestamp(endpoint.updated)),
    }
}

fn filter(filter: &Filter) -> pb::Filter {
    let predicates = filter.predicates().iter().map(|predicate| {
        let (operator, values) = predicate.parts();
        let operator = match operator {
            Operator::Equal => pb::Operator::Equal,
            Operator::NotEqual => pb::Operator::NotEqual,
            Operator::In => pb::Operator::In,
            Operator::AtLeast => pb::Operator::AtLeast,
            Operator::Exists => pb::Operator::Exists,
            Operator::Prefix => pb::Operator::Prefix,
        };
        pb::Predicate { path: predicate.path(), operator: operator.into(), values }
    });
    pb::Filter { predicates: predicates.collect() }
}

pub(super) fn delivery(workspace: WorkspaceId, record: &DeliveryRecord) -> pb::Delivery {
    let state = match record.state.stage() {
        Stage::Pending => pb::DeliveryState::Pending,
        Stage::Succeeded => pb::DeliveryState::Succeeded,
        Stage::Dead => pb::DeliveryState::Dead,
    };
    let event = EventId(Position { partition: workspace.partition(), seq: record.id.seq });
    pb::Delivery {
        delivery_id: record.id.to_string(),
        endpoint_id: record.id.endpoint.to_string(),
        event_type: record.event_type.as_str().to_owned(),
        event_id: event.to_string(),
        state: state.into(),
        attempt_count: count(record.state),
        next_attempt_time: record.state.due().map(timestamp),
        create_time: Some(timestamp(record.created)),
        settle_time: record.state.settled().map(timestamp),
    }
}

fn count(state: Delivery) -> i32 {
    i32::try_from(state.attempts()).unwrap_or(i32::MAX)
}

pub(super) fn attempt(record: AttemptRecord) -> pb::Attempt {
    let answer = record.answer;
    let outcome = match answer.verdict {
        Verdict::Delivered => pb::AttemptOutcome::Delivered,
        Verdict::Refused => pb::AttemptOutcome::Refused,
        Verdict::Gone => pb::AttemptOutcome::Gone,
        Verdict::TimedOut => pb::AttemptOutcome::TimedOut,
        Verdict::Unreachable => pb::AttemptOutcome::Unreachable,
        Verdict::ForbiddenAddress => pb::AttemptOutcome::ForbiddenAddress,
    };
    pb::Attempt {
        delivery_id: record.delivery.to_string(),
        number: i32::try_from(record.number).unwrap_or(i32::MAX),
        outcome: outcome.into(),
        http_status: answer.status.map_or(0, i32::from),
        response_body: answer.body,
        error: answer.error,
        start_time: Some(timestamp(answer.started)),
        duration_ms: i64::try_from(answer.took.as_millis()).unwrap_or(i64::MAX),
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::NoEndpoint(id) => Self::not_found(
                ErrorReason::ResourceNotFound,
                format!("this workspace has no endpoint {id}"),
            )
            .with("resource", "endpoint"),
            Error::NoDelivery(id) => Self::not_found(
                ErrorReason::ResourceNotFound,
                format!("this workspace has no delivery {id}"),
            )
            .with("resource", "delivery"),
            Error::RequestReused => Self::exists(
                ErrorReason::RequestIdReused,
                "this request_id was used for an endpoint with other fields; nothing was changed",
            ),
            Error::TooManyEndpoints => Self::precondition(
                ErrorReason::TooManyEndpoints,
                format!(
                    "a workspace has at most {} endpoints; delete one first",
                    store::ENDPOINTS_MAX
                ),
            ),
            Error::Ledger(fault) => fault,
            Error::Store(error) => stored(error),
        }
    }
}

fn stored(error: store::Error) -> Fault {
    match error {
        store::Error::Unavailable(_) | store::Error::Unknown(_) => {
            Fault::storage_unavailable().because(error)
        }
        store::Error::Conflict(_) | store::Error::Corrupt { .. } | store::Error::Other(_) => {
            Fault::internal("the endpoints could not be read or written").because(error)
        }
    }
}
