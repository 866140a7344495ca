"""A caller of the suite: stubs that carry a key, and errors that show what is inside them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from tally.catalog.v1 import catalog_service_pb2_grpc
from tally.common.v1 import options_pb2, outcome_pb2
from tally.ingest.v1 import (
    access_service_pb2,
    access_service_pb2_grpc,
    event_pb2,
    guard_service_pb2_grpc,
    ingest_service_pb2,
    ingest_service_pb2_grpc,
    ledger_service_pb2,
    ledger_service_pb2_grpc,
)
from tally.rollup.v1 import report_pb2, report_service_pb2, report_service_pb2_grpc
from tally.webhook.v1 import endpoint_service_pb2_grpc

# Far above what a call takes and far below the patience of whoever waits for the tests.
CALL_SECONDS = 30

AGENT = "support-triage"
SUCCESS = outcome_pb2.OUTCOME_SUCCESS
NEEDS_REVIEW = outcome_pb2.OUTCOME_NEEDS_REVIEW
FAILURE = outcome_pb2.OUTCOME_FAILURE


class _Credentials(grpc.UnaryUnaryClientInterceptor, grpc.StreamStreamClientInterceptor):
    """Adds a key and a deadline to every call."""

    def __init__(self, key: str | None):
        self._metadata = [("authorization", f"Bearer {key}")] if key is not None else []

    def intercept_unary_unary(self, continuation, details, request):
        return continuation(self._with(details), request)

    def intercept_stream_stream(self, continuation, details, requests):
        return continuation(self._with(details), requests)

    def _with(self, details):
        return details._replace(
            metadata=[*(details.metadata or []), *self._metadata],
            timeout=details.timeout or CALL_SECONDS,
        )


class Client:
    """One credential (or none, with `None`) over one channel."""

    def __init__(self, channel: grpc.Channel, key: str | None):
        self.key = key
        channel = grpc.intercept_channel(channel, _Credentials(key))
        self.access = access_service_pb2_grpc.AccessServiceStub(channel)
        self.catalog = catalog_service_pb2_grpc.CatalogServiceStub(channel)
        self.endpoints = endpoint_service_pb2_grpc.EndpointServiceStub(channel)
        self.guard = guard_service_pb2_grpc.GuardServiceStub(channel)
        self.ingest = ingest_service_pb2_grpc.IngestServiceStub(channel)
        self.ledger = ledger_service_pb2_grpc.LedgerServiceStub(channel)
        self.reports = report_service_pb2_grpc.ReportServiceStub(channel)

    def track(self, event, **request) -> ingest_service_pb2.Receipt:
        return self.ingest.Track(ingest_service_pb2.TrackRequest(event=event, **request)).receipt

    def track_batch(self, events: Iterable) -> list[ingest_service_pb2.TrackResult]:
        request = ingest_service_pb2.TrackBatchRequest(events=events)
        return list(self.ingest.TrackBatch(request).results)

    def track_stream(self, events: Iterable):
        """The results, as they come."""
        requests = (ingest_service_pb2.TrackStreamRequest(event=event) for event in events)
        return (response.result for response in self.ingest.TrackStream(requests))

    def revise(self, event_id: str, outcome: int, **request) -> ingest_service_pb2.Receipt:
        request = ingest_service_pb2.ReviseOutcomeRequest(event_id=event_id, outcome=outcome, **request)
        return self.ingest.ReviseOutcome(request).receipt

    def retract(self, event_id: str, reason: str = "sent twice", **request) -> ingest_service_pb2.Receipt:
        request = ingest_service_pb2.RetractRequest(event_id=event_id, reason=reason, **request)
        return self.ingest.Retract(request).receipt

    def events(self, **request) -> list[ingest_service_pb2.RecordedEvent]:
        """All pages of a list."""
        events, token = [], ""
        while True:
            page = ingest_service_pb2.ListEventsRequest(page_token=token, **request)
            page = self.ingest.ListEvents(page)
            events.extend(page.events)
            token = page.next_page_token
            if not token:
                return events

    def recorded(self, event_id: str) -> ingest_service_pb2.RecordedEvent:
        return self.ingest.GetEvent(ingest_service_pb2.GetEventRequest(event_id=event_id)).event

    def overview(self, at_least: str = "", **query) -> report_pb2.Overview:
        query = report_pb2.ReportQuery(at_least=at_least, **query)
        return self.reports.GetOverview(report_service_pb2.GetOverviewRequest(query=query)).overview

    def create_key(self, *scopes: str) -> access_service_pb2.CreateApiKeyResponse:
        scopes = [options_pb2.Scope.Value(f"SCOPE_{scope}") for scope in scopes]
        return self.access.CreateApiKey(access_service_pb2.CreateApiKeyRequest(scopes=scopes))

    def revoke_key(self, key_id: str) -> None:
        self.access.RevokeApiKey(access_service_pb2.RevokeApiKeyRequest(key_id=key_id))

    def ledger_length(self) -> int:
        """Entries of all workspaces together. Only the service credential may ask."""
        heads = self.ledger.GetHeads(ledger_service_pb2.GetHeadsRequest()).heads
        return sum(head.seq for head in heads)


def step(task_type: str = "email_classification", outcome: int = SUCCESS, *, agent_id: str = AGENT, **event):
    """An event by which an agent says that it did one step; `task` adds fields to the step itself."""
    task = event.pop("task", {})
    body = event_pb2.TaskCompleted(task_type=task_type, outcome=outcome, **task)
    return event_pb2.Event(agent_id=agent_id, task_completed=body, **event)


@dataclass
class Refusal:
    """A refused call, its google.rpc details unpacked."""

    code: grpc.StatusCode
    message: str
    reason: str = ""
    domain: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    # What BadRequest says, by field.
    fields: dict[str, error_details_pb2.BadRequest.FieldViolation] = field(default_factory=dict)

    @classmethod
    def of(cls, error: grpc.RpcError) -> "Refusal":
        refusal = cls(error.code(), error.details())
        status = rpc_status.from_call(error)
        for detail in status.details if status else []:
            info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
            if detail.Unpack(info):
                refusal.reason, refusal.domain = info.reason, info.domain
                refusal.metadata = dict(info.metadata)
            elif detail.Unpack(bad):
                refusal.fields = {violation.field: violation for violation in bad.field_violations}
        return refusal


def refused(call, *arguments, **named) -> Refusal:
    """Makes a call that must be refused, and says how it was."""
    try:
        answer = call(*arguments, **named)
    except grpc.RpcError as error:
        return Refusal.of(error)
    raise AssertionError(f"should have been refused, and was answered: {answer}")
