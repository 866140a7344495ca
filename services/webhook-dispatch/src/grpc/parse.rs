//! Requests become values that cannot be wrong, or one refusal that names every bad field.

use chassis::page::{self, Page, Sizes};
use fault::{ErrorReason, Fault, Violations};
use wire::webhook::v1 as pb;

use crate::app::NewEndpoint;
use crate::domain::{
    AddressPolicy, DeliveryId, Description, EndpointId, EventType, FILTER_PREDICATES_MAX, Filter,
    Operator, Predicate, Refused, Stage,
};

const REQUEST_ID_BYTES_MAX: usize = 64;
/// As the contract says for every list of this service.
const SIZES: Sizes = Sizes { default: 50, max: 500 };
const EVENT_TYPES_MAX: usize = 16;

pub(super) fn create(
    request: &pb::CreateEndpointRequest,
    policy: &AddressPolicy,
) -> Result<(NewEndpoint, Option<String>), Fault> {
    let mut v = Violations::new();
    let request_id = request_id(&mut v, &request.request_id);
    let target = if request.url.is_empty() {
        v.add(
            "url",
            ErrorReason::Required,
            "where deliveries go, such as https://example.com/hook",
        );
        None
    } else {
        v.take("url", policy.admit(&request.url))
    };
    let description = v.take("description", Description::new(&request.description));
    let event_types = event_types(&mut v, &request.event_types);
    let filter = filter(&mut v, request.filter.as_ref());
    let (Some(request_id), Some(target), Some(description), Some(event_types), Some(filter)) =
        (request_id, target, description, event_types, filter)
    else {
        return Err(v.into_fault());
    };
    let include_traceparent = request.include_traceparent;
    Ok((NewEndpoint { target, description, event_types, filter, include_traceparent }, request_id))
}

/// `Some(None)` when none was sent.
fn request_id(v: &mut Violations, sent: &str) -> Option<Option<String>> {
    if sent.is_empty() {
        return Some(None);
    }
    if sent.len() <= REQUEST_ID_BYTES_MAX && sent.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(Some(sent.to_owned()));
    }
    let text = format!(
        "at most {REQUEST_ID_BYTES_MAX} bytes of printable ASCII without spaces, {} bytes sent",
        sent.len()
    );
    v.add("request_id", ErrorReason::InvalidField, text);
    None
}

fn event_types(v: &mut Violations, sent: &[String]) -> Option<Vec<EventType>> {
    if sent.is_empty() {
        return Some(vec![EventType::Tracked]);
    }
    if sent.len() > EVENT_TYPES_MAX {
        let text = format!("at most {EVENT_TYPES_MAX}, {} sent", sent.len());
        v.add("event_types", ErrorReason::TooLarge, text);
        return None;
    }
    let mut types = Vec::new();
    for (i, name) in sent.iter().enumerate() {
        match v.take(format!("event_types[{i}]"), name.parse()) {
            Some(known) if !types.contains(&known) => types.push(known),
            Some(_) | None => {}
        }
    }
    v.is_empty().then_some(types)
}

fn filter(v: &mut Violations, sent: Option<&pb::Filter>) -> Option<Filter> {
    let Some(sent) = sent else { return Some(Filter::default()) };
    let count = sent.predicates.len();
    if count > FILTER_PREDICATES_MAX {
        let too_many = Refused::TooMany { sent: count };
        v.add("filter.predicates", ErrorReason::TooLarge, too_many.to_string());
        return None;
    }
    let mut predicates = Vec::new();
    for (i, predicate) in sent.predicates.iter().enumerate() {
        let field = format!("filter.predicates[{i}]");
        let Some(operator) = operator(predicate.operator()) else {
            let text = "which comparison: OPERATOR_EQUAL, OPERATOR_IN, …";
            v.add(format!("{field}.operator"), ErrorReason::Required, text);
            continue;
        };
        predicates
            .extend(v.take(field, Predicate::new(&predicate.path, operator, &predicate.values)));
    }
    // Of a filter with wrong parts the rest says nothing.
    if predicates.len() < count { None } else { v.take("filter", Filter::new(predicates)) }
}

fn operator(sent: pb::Operator) -> Option<Operator> {
    match sent {
        pb::Operator::Unspecified => None,
        pb::Operator::Equal => Some(Operator::Equal),
        pb::Operator::NotEqual => Some(Operator::NotEqual),
        pb::Operator::In => Some(Operator::In),
        pb::Operator::AtLeast => Some(Operator::AtLeast),
        pb::Operator::Exists => Some(Operator::Exists),
        pb::Operator::Prefix => Some(Operator::Prefix),
    }
}

pub(super) fn endpoint_id(sent: &str) -> Result<EndpointId, Fault> {
    let mut v = Violations::new();
    take_endpoint_id(&mut v, sent).ok_or_else(|| v.into_fault())
}

pub(super) fn delete(request: &pb::DeleteEndpointRequest) -> Result<EndpointId, Fault> {
    let mut v = Violations::new();
    let request_id = request_id(&mut v, &request.request_id);
    let id = take_endpoint_id(&mut v, &request.endpoint_id);
    let (Some(id), Some(_)) = (id, request_id) else { return Err(v.into_fault()) };
    Ok(id)
}

fn take_endpoint_id(v: &mut Violations, sent: &str) -> Option<EndpointId> {
    if sent.is_empty() {
        v.add("endpoint_id", ErrorReason::Required, "which endpoint, such as ep_0000000000001");
        return None;
    }
    v.take("endpoint_id", sent.parse())
}

/// Which page of a list is wanted, and the place it begins behind.
pub(super) type Asked<const N: usize> = (Option<[i64; N]>, Page);

fn asked<const N: usize>(
    v: &mut Violations,
    scope: &str,
    size: i32,
    token: &str,
) -> Option<Asked<N>> {
    let page = Page::parse(v, SIZES, size, token, scope.as_bytes())?;
    let behind = page.after_place();
    if behind.is_none() {
        page::refuse(v);
    }
    Some((behind?, page))
}

pub(super) fn list_endpoints(
    request: &pb::ListEndpointsRequest,
    workspace: kernel::WorkspaceId,
) -> Result<Asked<2>, Fault> {
    let mut v = Violations::new();
    let scope = format!("endpoints {workspace}");
    asked(&mut v, &scope, request.page_size, &request.page_token).ok_or_else(|| v.into_fault())
}

pub(super) fn list_deliveries(
    request: &pb::ListDeliveriesRequest,
) -> Result<(EndpointId, Vec<Stage>, Asked<1>), Fault> {
    let mut v = Violations::new();
    let id = take_endpoint_id(&mut v, &request.endpoint_id);
    let mut stages = Vec::new();
    for (i, state) in request.states().enumerate() {
        match state {
            pb::DeliveryState::Pending => stages.push(Stage::Pending),
            pb::DeliveryState::Succeeded => stages.push(Stage::Succeeded),
            pb::DeliveryState::Dead => stages.push(Stage::Dead),
            pb::DeliveryState::Unspecified => {
                v.add(
                    format!("states[{i}]"),
                    ErrorReason::InvalidField,
                    "not a state a delivery can have",
                );
            }
        }
    }
    stages.sort_unstable();
    stages.dedup();
    let scope = format!("deliveries {} {stages:?}", request.endpoint_id);
    let page = asked(&mut v, &scope, request.page_size, &request.page_token);
    match (id, page) {
        (Some(id), Some(page)) if v.is_empty() => Ok((id, stages, page)),
        _ => Err(v.into_fault()),
    }
}

pub(super) fn list_attempts(
    request: &pb::ListAttemptsRequest,
) -> Result<(DeliveryId, Asked<1>), Fault> {
    let mut v = Violations::new();
    let id: Option<DeliveryId> = if request.delivery_id.is_empty() {
        let text = "which delivery, such as wh_00000000000010000000000001";
        v.add("delivery_id", ErrorReason::Required, text);
        None
    } else {
        v.take("delivery_id", request.delivery_id.parse())
    };
    let scope = format!("attempts {}", request.delivery_id);
    let page = asked(&mut v, &scope, request.page_size, &request.page_token);
    let (Some(id), Some(page)) = (id, page) else { return Err(v.into_fault()) };
    Ok((id, page))
}
