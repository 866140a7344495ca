"""The call guard: a loop is stopped before it costs anything, and every denial can be read afterwards."""

import hashlib
import json

import grpc
import pytest
from client import Client, refused
from patience import eventually
from tally.ingest.v1 import event_pb2, guard_service_pb2

ALLOW = guard_service_pb2.GUARD_VERDICT_ALLOW
WARN = guard_service_pb2.GUARD_VERDICT_WARN
DENY = guard_service_pb2.GUARD_VERDICT_DENY

ARGUMENTS = {"order": 7, "lines": [{"sku": "é", "count": 1}], "dry": False}


def canonical(arguments) -> str:
    """RFC 8785, as far as arguments without floats and without keys beyond the basic plane need it."""
    return json.dumps(arguments, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def ask(caller: Client, **call):
    request = guard_service_pb2.CheckCallRequest(ticket_id="T-1", stage="answer", **call)
    return caller.guard.CheckCall(request)


def model(caller: Client, attempt: int = 1):
    return ask(caller, model=guard_service_pb2.ModelCall(model="gpt-4o-mini", attempt=attempt))


def tool(caller: Client, arguments_json: str):
    return ask(caller, tool=guard_service_pb2.GuardedToolCall(tool="refund", arguments_json=arguments_json))


def test_the_fourth_attempt_on_a_stage_is_denied_whatever_the_caller_counts(pipeline):
    answers = [model(pipeline) for _ in range(4)]
    # No price maps the model to a tier yet: that is a warning, never a denial.
    assert [(a.verdict, a.rule) for a in answers] == [(WARN, "unmapped-model")] * 3 + [(DENY, "retry-budget")]
    assert [(a.seen, a.limit) for a in answers] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert model(pipeline, attempt=9).verdict == DENY


def test_the_same_arguments_written_in_another_way_are_the_same_call(pipeline):
    first = tool(pipeline, json.dumps(ARGUMENTS, indent=2))
    assert (first.verdict, first.rule) == (ALLOW, "")
    again = tool(pipeline, canonical(ARGUMENTS))
    assert (again.verdict, again.rule, again.seen, again.limit) == (DENY, "identical-tool-call", 1, 1)
    assert tool(pipeline, json.dumps(ARGUMENTS | {"order": 8})).verdict == ALLOW


def test_a_denial_is_an_event_of_the_ticket(pipeline):
    for _ in range(3):
        tool(pipeline, "{}")
    denials = [found.record.event for found in pipeline.events(kinds=["call_denied"], ticket_id="T-1")]
    assert [event.call_denied.attempt for event in denials] == [2, 3]
    assert {event.agent_id for event in denials} == {"guard"}
    assert denials[0].call_denied.args_hash == hashlib.sha256(b"{}").digest()


def test_a_result_that_may_pass_allows_one_call_more(pipeline):
    assert tool(pipeline, json.dumps(ARGUMENTS)).verdict == ALLOW
    call = event_pb2.ToolCall(
        stage="answer",
        tool="refund",
        args_hash=hashlib.sha256(canonical(ARGUMENTS).encode()).digest(),
        status=event_pb2.CALL_STATUS_RETRYABLE_ERROR,
    )
    ticket = event_pb2.Ticket(ticket_id="T-1")
    pipeline.track(event_pb2.Event(agent_id="support-triage", ticket=ticket, tool_call=call))
    # The guard hears of results after they were acknowledged.
    eventually(lambda: tool(pipeline, json.dumps(ARGUMENTS)).verdict == ALLOW, 10, "a second call is allowed")
    last = tool(pipeline, json.dumps(ARGUMENTS))
    assert (last.verdict, last.seen, last.limit) == (DENY, 2, 2)


@pytest.mark.parametrize("arguments", ["{", "{'order': 7}", "[1,]"])
def test_arguments_that_are_no_json_are_refused_by_their_field(pipeline, arguments):
    refusal = refused(tool, pipeline, arguments)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert list(refusal.fields) == ["tool.arguments_json"]
