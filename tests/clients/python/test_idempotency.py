"""Sending again is safe: the same event counts once, and another event under its key is refused."""

from concurrent.futures import ThreadPoolExecutor

import grpc
from client import FAILURE, refused, step


def test_the_same_event_under_the_same_key_gives_back_the_first_receipt(operator, pipeline):
    event = step(idempotency_key="order-1")
    first = pipeline.track(event)
    length = operator.ledger_length()
    again = pipeline.track(event)

    assert not first.duplicate
    assert again.duplicate
    again.duplicate = False
    assert again == first
    assert operator.ledger_length() == length
    assert pipeline.overview(at_least=first.position).measures.events == 1


def test_another_event_under_the_same_key_is_refused_and_not_written(operator, pipeline):
    first = pipeline.track(step(idempotency_key="order-1"))
    length = operator.ledger_length()
    refusal = refused(pipeline.track, step(outcome=FAILURE, idempotency_key="order-1"))

    assert refusal.code == grpc.StatusCode.ALREADY_EXISTS
    assert refusal.reason == "IDEMPOTENCY_CONFLICT"
    assert refusal.metadata["event_id"] == first.event_id
    assert refusal.metadata["fields"] == "task_completed.outcome"
    assert operator.ledger_length() == length
    kept = pipeline.recorded(first.event_id).record
    assert kept.event.task_completed.outcome != FAILURE


def test_a_key_is_taken_in_its_own_workspace_only(pipeline, new_workspace):
    event = step(idempotency_key="order-of-two-workspaces")
    mine = pipeline.track(event)
    theirs = new_workspace().track(event)
    assert not mine.duplicate
    assert not theirs.duplicate
    assert mine.event_id != theirs.event_id


def test_twins_sent_at_once_are_written_once(pipeline):
    event = step(idempotency_key="twins")
    with ThreadPoolExecutor(16) as callers:
        receipts = list(callers.map(pipeline.track, [event] * 64))

    assert len({receipt.event_id for receipt in receipts}) == 1
    assert [receipt.duplicate for receipt in receipts].count(False) == 1
    assert pipeline.overview(at_least=receipts[0].position).measures.events == 1


def test_a_batch_answers_for_each_of_its_events(operator, pipeline):
    first = pipeline.track(step(idempotency_key="known"))
    length = operator.ledger_length()
    results = pipeline.track_batch(
        [
            step(idempotency_key="a"),
            step(outcome=77),
            step(idempotency_key="known"),
            step(outcome=FAILURE, idempotency_key="known"),
            step("email_clasification"),
            step(idempotency_key="a"),
            step(),
        ]
    )

    kinds = [result.WhichOneof("result") for result in results]
    assert kinds == ["receipt", "refusal", "receipt", "refusal", "refusal", "receipt", "receipt"]
    fresh, bad, known, conflict, unknown, twin, last = results

    assert not fresh.receipt.duplicate
    assert bad.refusal.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert bad.refusal.reason == "OUT_OF_RANGE"
    assert [violation.field for violation in bad.refusal.violations] == ["events[1].task_completed.outcome"]
    assert known.receipt.duplicate
    assert known.receipt.event_id == first.event_id
    assert conflict.refusal.code == grpc.StatusCode.ALREADY_EXISTS.value[0]
    assert conflict.refusal.reason == "IDEMPOTENCY_CONFLICT"
    assert conflict.refusal.metadata["fields"] == "task_completed.outcome"
    assert unknown.refusal.reason == "UNKNOWN_TASK_TYPE"
    assert unknown.refusal.metadata["nearest"].startswith("email_classification")
    assert twin.receipt.duplicate
    assert twin.receipt.event_id == fresh.receipt.event_id
    assert not last.receipt.duplicate

    assert operator.ledger_length() == length + 2
    assert pipeline.overview(at_least=last.receipt.position).measures.events == 3
