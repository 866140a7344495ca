"""Bad input: each gets its code, its reason and its field, and nothing is written."""

import time
import zlib
from contextlib import contextmanager

import grpc
import pytest
from client import Client, Refusal, refused, step
from patience import eventually
from tally.audit.v1 import sampling_service_pb2, sampling_service_pb2_grpc
from tally.catalog.v1 import catalog_service_pb2
from tally.ingest.v1 import access_service_pb2, event_pb2
from tally.webhook.v1 import endpoint_service_pb2

INVALID = grpc.StatusCode.INVALID_ARGUMENT
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
DENIED = grpc.StatusCode.PERMISSION_DENIED

# The contract's own bound.
REVOCATION_SECONDS = 2.0


@pytest.fixture
def nothing_written(operator, pipeline):
    """A span in which the ledger must not grow, and behind which the report must show nothing."""

    @contextmanager
    def span():
        pipeline.track(step())
        before = operator.ledger_length()
        yield
        assert operator.ledger_length() == before
        last = pipeline.track(step())
        assert pipeline.overview(at_least=last.position).measures.events == 2

    return span


def test_an_event_without_a_task_type_is_refused_by_its_field(pipeline, nothing_written):
    with nothing_written():
        refusal = refused(pipeline.track, step(task_type=""))
    assert (refusal.code, refusal.reason, refusal.domain) == (INVALID, "REQUIRED", "tally")
    assert list(refusal.fields) == ["event.task_completed.task_type"]
    assert refusal.fields["event.task_completed.task_type"].reason == "REQUIRED"


@pytest.mark.parametrize("typo", ["email_clasification", "email_classifcation", "emailclassification"])
def test_an_unknown_task_type_is_refused_with_the_nearest_name(pipeline, nothing_written, typo):
    with nothing_written():
        refusal = refused(pipeline.track, step(task_type=typo))
    assert (refusal.code, refusal.reason) == (INVALID, "UNKNOWN_TASK_TYPE")
    assert refusal.metadata["nearest"].split(",")[0] == "email_classification"
    violation = refusal.fields["event.task_completed.task_type"]
    assert violation.reason == "UNKNOWN_TASK_TYPE"
    assert typo in violation.description
    assert "did you mean email_classification?" in violation.description
    assert "did you mean email_classification?" in refusal.message


def test_an_unknown_task_type_that_resembles_nothing_gets_no_guess(pipeline, nothing_written):
    with nothing_written():
        refusal = refused(pipeline.track, step(task_type="zzzzzz"))
    assert (refusal.code, refusal.reason) == (INVALID, "UNKNOWN_TASK_TYPE")
    assert "did you mean" not in refusal.message


@pytest.mark.parametrize(("outcome", "reason"), [(0, "REQUIRED"), (5, "OUT_OF_RANGE"), (-1, "OUT_OF_RANGE")])
def test_an_outcome_that_is_none_is_refused(pipeline, nothing_written, outcome, reason):
    with nothing_written():
        refusal = refused(pipeline.track, step(outcome=outcome))
    assert (refusal.code, refusal.reason) == (INVALID, reason)
    violation = refusal.fields["event.task_completed.outcome"]
    assert violation.reason == reason
    if reason == "OUT_OF_RANGE":
        assert f"{outcome} was sent" in violation.description


def test_an_event_of_33_kib_is_refused_with_the_limit_and_its_size(pipeline, nothing_written):
    event = step(metadata={"note": "x" * (33 * 1024)})
    with nothing_written():
        refusal = refused(pipeline.track, event)
    assert (refusal.code, refusal.reason) == (INVALID, "TOO_LARGE")
    assert refusal.fields["event"].reason == "TOO_LARGE"
    for number in ["32768", str(event.ByteSize())]:
        assert number in refusal.fields["event"].description


def test_the_size_of_an_event_is_what_its_sender_measures_to_the_byte(pipeline):
    event = step(metadata={"note": "x" * 32_000})
    event.metadata["note"] += "x" * (32 * 1024 - event.ByteSize())
    assert event.ByteSize() == 32 * 1024
    # A note that long is refused anyway, by its own limit.
    assert "event" not in refused(pipeline.track, event).fields
    event.metadata["note"] += "x"
    assert "event" in refused(pipeline.track, event).fields


def test_everything_that_is_wrong_is_said_at_once(pipeline, nothing_written):
    event = event_pb2.Event(
        idempotency_key="k" * 256,
        task_completed=event_pb2.TaskCompleted(outcome=9, duration_ms=-1),
    )
    with nothing_written():
        refusal = refused(pipeline.track, event)
    assert {field: violation.reason for field, violation in refusal.fields.items()} == {
        "event.idempotency_key": "TOO_LARGE",
        "event.agent_id": "REQUIRED",
        "event.task_completed.task_type": "REQUIRED",
        "event.task_completed.outcome": "OUT_OF_RANGE",
        "event.task_completed.duration_ms": "OUT_OF_RANGE",
    }


def test_a_call_without_a_key_is_refused(channel, nothing_written):
    with nothing_written():
        refusal = refused(Client(channel, None).track, step())
    assert (refusal.code, refusal.reason) == (UNAUTHENTICATED, "MISSING_CREDENTIALS")


def with_checksum(text: str) -> str:
    """A key that looks right: its last part is the CRC-32 of what stands before."""
    return f"{text}_{zlib.crc32(text.encode()):08x}"


def wrong_keys():
    unknown = with_checksum("tally_live_" + "0" * 16 + "_" + "0" * 40)
    return [
        pytest.param("", "MALFORMED_CREDENTIALS", id="empty"),
        pytest.param("hunter2", "MALFORMED_CREDENTIALS", id="no-key-at-all"),
        pytest.param(unknown[:-1] + "g", "MALFORMED_CREDENTIALS", id="mistyped"),
        pytest.param(unknown, "UNKNOWN_CREDENTIALS", id="never-issued"),
    ]


@pytest.mark.parametrize(("key", "reason"), wrong_keys())
def test_a_wrong_key_is_refused(channel, nothing_written, key, reason):
    with nothing_written():
        refusal = refused(Client(channel, key).track, step())
    assert (refusal.code, refusal.reason) == (UNAUTHENTICATED, reason)


def test_the_id_of_a_key_with_another_secret_is_refused(channel, pipeline, nothing_written):
    prefix, live, key_id, secret, _ = pipeline.key.split("_")
    other = with_checksum("_".join([prefix, live, key_id, secret[::-1]]))
    with nothing_written():
        refusal = refused(Client(channel, other).track, step())
    assert (refusal.code, refusal.reason) == (UNAUTHENTICATED, "UNKNOWN_CREDENTIALS")


def calls_to_every_service(channels, key):
    """One harmless call to each server of the suite."""
    at = {name: Client(channel, key) for name, channel in channels.items()}
    audit = sampling_service_pb2_grpc.SamplingServiceStub(channels["audit"])
    bearer = [("authorization", f"Bearer {key}")]
    return {
        "suite": lambda: at["suite"].track(step(), validate_only=True),
        "ingest": lambda: at["ingest"].track(step(), validate_only=True),
        "catalog": lambda: at["catalog"].catalog.ListTaskTypes(catalog_service_pb2.ListTaskTypesRequest()),
        "rollup": lambda: at["rollup"].overview(),
        "audit": lambda: audit.ListSamples(sampling_service_pb2.ListSamplesRequest(), metadata=bearer, timeout=30),
        "webhook": lambda: at["webhook"].endpoints.ListEndpoints(endpoint_service_pb2.ListEndpointsRequest()),
    }


def test_a_revoked_key_is_refused_by_every_service_within_2_seconds(admin, channels, nothing_written):
    created = admin.create_key("TRACK", "REPORT", "REVIEW")
    calls = calls_to_every_service(channels, created.secret)
    for call in calls.values():
        # Every service knows the key as a good one now, and may remember that.
        call()

    admin.revoke_key(created.api_key.key_id)
    began = time.monotonic()
    reasons = {}

    def all_refuse():
        for name in calls.keys() - reasons.keys():
            try:
                calls[name]()
            except grpc.RpcError as error:
                reasons[name] = (error.code(), Refusal.of(error).reason)
        return reasons.keys() == calls.keys()

    eventually(all_refuse, REVOCATION_SECONDS, f"refused by all of {sorted(calls)}; so far by {reasons}")
    assert time.monotonic() - began < REVOCATION_SECONDS
    assert reasons == {name: (UNAUTHENTICATED, "REVOKED_CREDENTIALS") for name in calls}
    with nothing_written():
        refused(Client(channels["ingest"], created.secret).track, step())


def test_a_key_may_do_what_its_scopes_say_and_nothing_else(admin, channel, nothing_written):
    reader = Client(channel, admin.create_key("REPORT").secret)
    with nothing_written():
        refusal = refused(reader.track, step())
    assert (refusal.code, refusal.reason, refusal.metadata["required"]) == (DENIED, "INSUFFICIENT_SCOPE", "TRACK")

    writer = Client(channel, admin.create_key("TRACK").secret)
    refusal = refused(writer.overview)
    assert (refusal.code, refusal.reason, refusal.metadata["required"]) == (DENIED, "INSUFFICIENT_SCOPE", "REPORT")

    refusal = refused(writer.create_key, "ADMIN")
    assert (refusal.code, refusal.metadata["required"]) == (DENIED, "ADMIN")


def test_no_api_key_passes_for_a_service(admin):
    refusal = refused(admin.ledger_length)
    assert (refusal.code, refusal.metadata["required"]) == (DENIED, "SERVICE")
    new = access_service_pb2.CreateWorkspaceRequest(name="mine")
    refusal = refused(admin.access.CreateWorkspace, new)
    assert (refusal.code, refusal.metadata["required"]) == (DENIED, "SERVICE")


def test_an_event_of_somebody_else_does_not_exist(pipeline, new_workspace):
    receipt = pipeline.track(step())
    refusal = refused(new_workspace().recorded, receipt.event_id)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "RESOURCE_NOT_FOUND")
