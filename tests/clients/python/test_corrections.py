"""Judging anew and taking back: nothing that stands is changed, and each correction is an entry."""

import grpc
from client import FAILURE, NEEDS_REVIEW, SUCCESS, refused, step
from tally.ingest.v1 import event_pb2

MINUTE_MS = 60_000


def test_a_step_is_judged_anew_and_its_first_judgement_stands(pipeline):
    first = pipeline.track(step(task={"baseline_ms": 10 * MINUTE_MS}))
    revised = pipeline.revise(first.event_id, NEEDS_REVIEW, reason="rewritten", request_id="qa-1")

    assert revised.valuation.credited_ms == 5 * MINUTE_MS
    assert revised.valuation.baseline_ms == first.valuation.baseline_ms
    assert revised.valuation.rate_version == first.valuation.rate_version
    measured = pipeline.revise(first.event_id, NEEDS_REVIEW, human_edit_ms=MINUTE_MS)
    assert measured.valuation.credited_ms == 9 * MINUTE_MS

    stands = pipeline.recorded(first.event_id).record
    assert stands.event.task_completed.outcome == SUCCESS
    correction = pipeline.recorded(revised.event_id).record
    assert correction.event.outcome_revised.event_id == first.event_id
    assert correction.event.agent_id == stands.event.agent_id
    assert correction.corrects == stands
    assert not stands.HasField("corrects")


def test_a_correction_sent_again_is_the_first_and_with_another_body_refused(operator, pipeline):
    first = pipeline.track(step())
    revised = pipeline.revise(first.event_id, FAILURE, request_id="qa-1")
    length = operator.ledger_length()
    again = pipeline.revise(first.event_id, FAILURE, request_id="qa-1")
    assert (again.event_id, again.duplicate) == (revised.event_id, True)
    body = event_pb2.OutcomeRevised(event_id=first.event_id, outcome=FAILURE)
    event = event_pb2.Event(idempotency_key="qa-1", agent_id="support-triage", outcome_revised=body)
    assert pipeline.track(event).event_id == revised.event_id

    refusal = refused(pipeline.retract, first.event_id, request_id="qa-1")
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_CONFLICT")
    assert operator.ledger_length() == length


def test_what_cannot_be_corrected_is_refused(operator, pipeline, new_workspace):
    first = pipeline.track(step())
    retraction = pipeline.retract(first.event_id)
    length = operator.ledger_length()

    stranger = new_workspace()
    for call in (lambda: stranger.revise(first.event_id, FAILURE), lambda: stranger.retract(first.event_id)):
        refusal = refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "RESOURCE_NOT_FOUND")
        assert refusal.metadata["resource"] == "event"
    for call in (
        lambda: pipeline.revise(retraction.event_id, FAILURE),
        lambda: pipeline.retract(retraction.event_id),
    ):
        refusal = refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_CORRECTABLE")
    refusal = refused(pipeline.revise, "ev_nonsense", 0, human_edit_ms=-1)
    assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
    assert set(refusal.fields) == {"event_id", "outcome", "human_edit_ms"}
    assert operator.ledger_length() == length


def test_a_ticket_lists_its_events_and_what_corrects_them(pipeline):
    ticket = event_pb2.Ticket(ticket_id="T-1")
    first = pipeline.track(step(ticket=ticket))
    pipeline.track(step(ticket=event_pb2.Ticket(ticket_id="T-2")))
    revised = pipeline.revise(first.event_id, FAILURE)
    retracted = pipeline.retract(first.event_id)

    def ids(**request):
        return [event.event_id for event in pipeline.events(**request)]

    assert ids(ticket_id="T-1") == [first.event_id, revised.event_id, retracted.event_id]
    assert ids(ticket_id="T-1", page_size=1) == ids(ticket_id="T-1")
    assert ids(kinds=["outcome_revised", "retracted"]) == [revised.event_id, retracted.event_id]
    assert len(ids()) == 4
    refusal = refused(pipeline.events, kinds=["tickets"])
    assert list(refusal.fields) == ["kinds[0]"]


def test_a_correction_is_no_further_task(pipeline):
    first = pipeline.track(step())
    pipeline.revise(first.event_id, FAILURE)
    last = pipeline.retract(first.event_id)
    assert pipeline.overview(at_least=last.position).measures.events <= 1
