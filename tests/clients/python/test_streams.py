"""Thousands of events over one call: results in the order sent, and nothing twice."""

from itertools import islice

import grpc
from client import FAILURE, Client, Refusal, step
from tally.ingest.v1.ingest_service_pb2 import TrackStreamRequest

EVENTS = 3_000


def events(begin: int = 0):
    return (step(idempotency_key=f"order-{n}") for n in range(begin, EVENTS))


def test_results_come_in_the_order_sent_and_the_stream_ends_well(operator, pipeline):
    length = operator.ledger_length()
    results = list(pipeline.track_stream(events()))
    assert [result.WhichOneof("result") for result in results] == ["receipt"] * EVENTS
    assert not any(result.receipt.duplicate for result in results)
    ids = [result.receipt.event_id for result in results]
    assert ids == sorted(ids), "an id is a place in the ledger"
    assert operator.ledger_length() == length + EVENTS


def test_an_item_is_refused_by_itself(pipeline):
    stream = [step(idempotency_key="a"), step(outcome=77), step(outcome=FAILURE, idempotency_key="a"), step()]
    first, bad, conflict, last = pipeline.track_stream(stream)
    assert [violation.field for violation in bad.refusal.violations] == ["event.task_completed.outcome"]
    assert conflict.refusal.reason == "IDEMPOTENCY_CONFLICT"
    assert not first.receipt.duplicate and not last.receipt.duplicate


def test_a_broken_stream_resumes_from_the_first_event_without_a_result(operator, pipeline):
    length = operator.ledger_length()
    call = pipeline.ingest.TrackStream(TrackStreamRequest(event=event) for event in events())
    answered = [response.result.receipt.event_id for response in islice(call, 700)]
    call.cancel()
    answered += [result.receipt.event_id for result in pipeline.track_stream(events(len(answered)))]
    assert len(set(answered)) == EVENTS
    assert operator.ledger_length() == length + EVENTS


def test_a_stream_wants_a_key(channels):
    try:
        list(Client(channels["suite"], None).track_stream([step()]))
    except grpc.RpcError as error:
        assert Refusal.of(error).reason == "MISSING_CREDENTIALS"
    else:
        raise AssertionError("anybody may track")
