"""A subscriber checks what it gets with the reference verifier of Standard Webhooks, and not with ours."""

import re

import pytest
from client import FAILURE, NEEDS_REVIEW, SUCCESS, step
from google.protobuf import json_format, timestamp_pb2
from patience import eventually
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from tally.ingest.v1 import ingest_service_pb2
from tally.webhook.v1 import delivery_pb2, endpoint_service_pb2, filter_pb2

# What carries the caller's trace, https://www.w3.org/TR/trace-context/.
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


def subscribe(admin, url: str, **more) -> endpoint_service_pb2.CreateEndpointResponse:
    """To failures only."""
    failures = filter_pb2.Predicate(path="outcome", operator=filter_pb2.OPERATOR_EQUAL, values=["failure"])
    request = endpoint_service_pb2.CreateEndpointRequest(
        url=url, filter=filter_pb2.Filter(predicates=[failures]), **more
    )
    return admin.endpoints.CreateEndpoint(request)


def settled(admin, endpoint_id: str, count: int) -> list:
    """The deliveries of an endpoint once `count` of them have arrived, as the service tells it."""

    def look():
        request = endpoint_service_pb2.ListDeliveriesRequest(endpoint_id=endpoint_id)
        deliveries = list(admin.endpoints.ListDeliveries(request).deliveries)
        arrived = [one for one in deliveries if one.state == delivery_pb2.DELIVERY_STATE_SUCCEEDED]
        return deliveries if len(arrived) >= count else None

    return eventually(look, 20, f"{count} deliveries are noted as arrived")


def test_a_failure_is_delivered_signed_and_a_success_is_not(admin, pipeline, subscriber):
    created = subscribe(admin, subscriber.url)
    outcomes = [SUCCESS, FAILURE, NEEDS_REVIEW, SUCCESS, FAILURE]
    receipts = [
        pipeline.track(step("customer_email_draft", outcome, ticket={"ticket_id": f"T-{n}"}, metadata={"env": "test"}))
        for n, outcome in enumerate(outcomes)
    ]
    failures = {receipts[1].event_id, receipts[4].event_id}

    received = subscriber.wait_for(2)
    # The last event fails, and the ledger is consumed in order: all five have been looked at by now.
    deliveries = settled(admin, created.endpoint.endpoint_id, 2)
    assert {delivery.event_id for delivery in deliveries} == failures

    verifier = Webhook(created.secret)
    bodies = [verifier.verify(one.body, one.headers) for one in received]
    assert {body["data"]["eventId"] for body in bodies} == failures
    assert {one.headers["webhook-id"] for one in received} == {one.delivery_id for one in deliveries}

    for one, body in zip(received, bodies):
        assert (one.method, one.path) == ("POST", "/hook")
        assert one.headers["content-type"].startswith("application/json")
        assert set(body) >= {"type", "timestamp", "data"}
        assert body["type"] == "event.tracked"
        event = body["data"]["record"]["event"]
        assert event["agentId"] == "support-triage"
        assert event["taskCompleted"]["taskType"] == "customer_email_draft"
        assert event["taskCompleted"]["outcome"] == "OUTCOME_FAILURE"
        assert event["ticket"]["ticketId"] in {"T-1", "T-4"}
        assert event["metadata"] == {"env": "test"}
        # A stranger's reader of protobuf JSON makes of it what GetEvent answers.
        carried = json_format.ParseDict(body["data"], ingest_service_pb2.RecordedEvent())
        assert carried == pipeline.recorded(body["data"]["eventId"])
        occurred = timestamp_pb2.Timestamp()
        occurred.FromJsonString(body["timestamp"])
        assert occurred == carried.record.event.occurred_time


def test_a_webhook_that_was_touched_does_not_verify(admin, pipeline, subscriber):
    created = subscribe(admin, subscriber.url)
    pipeline.track(step(outcome=FAILURE))
    [one] = subscriber.wait_for(1)
    verifier = Webhook(created.secret)
    verifier.verify(one.body, one.headers)

    touched = {
        "body": (one.body.replace(b"FAILURE", b"SUCCESS"), one.headers),
        "id": (one.body, {**one.headers, "webhook-id": "wh_another"}),
        "time": (one.body, {**one.headers, "webhook-timestamp": str(int(one.headers["webhook-timestamp"]) + 1)}),
    }
    for body, headers in touched.values():
        with pytest.raises(WebhookVerificationError):
            verifier.verify(body, headers)
    other = subscribe(admin, subscriber.url, description="another, with a secret of its own")
    with pytest.raises(WebhookVerificationError):
        Webhook(other.secret).verify(one.body, one.headers)


def test_the_callers_trace_reaches_the_subscriber_that_asked_for_it(admin, pipeline, subscriber):
    subscribe(admin, subscriber.url, include_traceparent=True)
    request = ingest_service_pb2.TrackRequest(event=step(outcome=FAILURE))
    pipeline.ingest.Track(request, metadata=[("traceparent", TRACEPARENT)])

    [one] = subscriber.wait_for(1)
    # The same trace; which span of it depends on whether the suite records any.
    version, trace_id, span_id, flags = one.headers["traceparent"].split("-")
    assert (version, trace_id, flags) == ("00", TRACE_ID, "01")
    assert re.fullmatch("[0-9a-f]{16}", span_id)


def test_a_subscriber_that_did_not_ask_for_a_trace_gets_none(admin, pipeline, subscriber):
    subscribe(admin, subscriber.url)
    pipeline.track(step(outcome=FAILURE))
    [one] = subscriber.wait_for(1)
    assert "traceparent" not in one.headers
