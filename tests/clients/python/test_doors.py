"""Which doors are open: health and reflection to everybody, everything else to a key."""

import grpc
import pytest
from client import CALL_SECONDS, Client, Refusal, refused
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from server import SERVICES
from tally.audit.v1 import sampling_service_pb2
from tally.catalog.v1 import catalog_service_pb2
from tally.common.v1 import options_pb2
from tally.ingest.v1 import access_service_pb2, guard_service_pb2, ingest_service_pb2, ledger_service_pb2
from tally.rollup.v1 import rebuild_service_pb2, report_service_pb2, share_service_pb2, ticket_service_pb2
from tally.webhook.v1 import alert_service_pb2, endpoint_service_pb2

# Every file with a service, by the server it is behind.
CONTRACT = {
    "ingest": [ingest_service_pb2, access_service_pb2, guard_service_pb2, ledger_service_pb2],
    "catalog": [catalog_service_pb2],
    "rollup": [report_service_pb2, ticket_service_pb2, share_service_pb2, rebuild_service_pb2],
    "audit": [sampling_service_pb2],
    "webhook": [endpoint_service_pb2, alert_service_pb2],
}
CONTRACT["suite"] = [module for modules in CONTRACT.values() for module in modules]

# How each server calls itself.
NAMES = {
    "suite": "suite",
    "ingest": "ingest",
    "catalog": "baseline-catalog",
    "rollup": "rollup",
    "audit": "audit-sampling",
    "webhook": "webhook-dispatch",
}

# What needs no key: a share link is a credential itself.
PUBLIC = {"/tally.rollup.v1.ShareService/OpenShareLink"}


def services(server: str):
    return [service for module in CONTRACT[server] for service in module.DESCRIPTOR.services_by_name.values()]


def methods(server: str):
    return [method for service in services(server) for method in service.methods]


def path(method) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def scope(method) -> int:
    return method.GetOptions().Extensions[options_pb2.scope]


def answer(channel: grpc.Channel, method) -> Refusal:
    """Calls with an empty request and no metadata, whatever kind of call it is."""
    called, request = path(method), b""
    if method.client_streaming:
        make = channel.stream_stream if method.server_streaming else channel.stream_unary
        request = iter([b""])
    else:
        make = channel.unary_stream if method.server_streaming else channel.unary_unary
    call = make(called)
    if method.server_streaming:
        return refused(lambda: list(call(request, timeout=CALL_SECONDS)))
    return refused(call, request, timeout=CALL_SECONDS)


def test_the_only_rpc_without_a_key_opens_share_links():
    assert {path(method) for method in methods("suite") if scope(method) == options_pb2.SCOPE_PUBLIC} == PUBLIC
    assert not [path(method) for method in methods("suite") if scope(method) == options_pb2.SCOPE_UNSPECIFIED]


@pytest.mark.parametrize("server_name", SERVICES)
def test_without_a_key_no_rpc_of_the_contract_answers(channels, server_name):
    refusals = {
        path(method): answer(channels[server_name], method)
        for method in methods(server_name)
        if path(method) not in PUBLIC
    }
    assert refusals
    wanted = (grpc.StatusCode.UNAUTHENTICATED, "MISSING_CREDENTIALS")
    assert {called: (one.code, one.reason) for called, one in refusals.items()} == dict.fromkeys(refusals, wanted)


@pytest.mark.parametrize("server_name", SERVICES)
def test_without_a_key_nobody_learns_which_rpcs_there_are(channels, admin, server_name):
    call = channels[server_name].unary_unary("/tally.ingest.v1.IngestService/Guess")
    refusal = refused(call, b"", timeout=CALL_SECONDS)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAUTHENTICATED, "MISSING_CREDENTIALS")
    with_key = refused(call, b"", timeout=CALL_SECONDS, metadata=[("authorization", f"Bearer {admin.key}")])
    assert with_key.code == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("server_name", SERVICES)
def test_health_answers_without_a_key(channels, server_name):
    health = health_pb2_grpc.HealthStub(channels[server_name])
    # Load balancers ask for the server; an operator may ask for it by the name it has in logs.
    for name in ["", NAMES[server_name]]:
        request = health_pb2.HealthCheckRequest(service=name)
        assert health.Check(request, timeout=CALL_SECONDS).status == health_pb2.HealthCheckResponse.SERVING, name


@pytest.mark.parametrize("server_name", SERVICES)
def test_reflection_shows_the_contract_without_a_key(channels, server_name):
    shown = ProtoReflectionDescriptorDatabase(channels[server_name])
    ours = {service.full_name for service in services(server_name)}
    assert ours <= set(shown.get_services())
    assert "grpc.health.v1.Health" in shown.get_services()
    # Enough to make a client of: every method with its messages, and the scope it needs.
    pool = descriptor_pool.DescriptorPool(shown)
    for service in services(server_name):
        there = pool.FindServiceByName(service.full_name)
        assert [method.name for method in there.methods] == [method.name for method in service.methods]


def test_a_key_in_the_wrong_place_is_no_key(channel, admin):
    call = channel.unary_unary("/tally.rollup.v1.ReportService/GetOverview")
    for metadata in [("x-api-key", admin.key)], [("authorization", admin.key)], [("authorization", f"Basic {admin.key}")]:
        refusal = refused(call, b"", metadata=metadata, timeout=CALL_SECONDS)
        assert refusal.code == grpc.StatusCode.UNAUTHENTICATED


def test_the_service_token_is_not_a_workspace(operator: Client):
    refusal = refused(operator.overview)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "WORKSPACE_REQUIRED")
