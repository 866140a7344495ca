"""One suite for the whole run, one workspace for each test: tests share a server and no data."""

import os
from pathlib import Path

import grpc
import pytest

import stubs

# Before the test modules import what it makes.
stubs.generate()

import server as suite  # noqa: E402
from client import Client  # noqa: E402
from subscriber import Subscriber  # noqa: E402
from tally.ingest.v1 import access_service_pb2  # noqa: E402


@pytest.fixture(scope="session")
def program() -> Path:
    """The binary under test."""
    if "TALLY_BIN" not in os.environ:
        pytest.exit("set TALLY_BIN to a built `tally`, such as target/debug/tally", returncode=64)
    return Path(os.environ["TALLY_BIN"])


@pytest.fixture(scope="session")
def server(program, tmp_path_factory):
    """`tally serve all`, until the last test has ended. It must end well, too."""
    running = suite.start(program, tmp_path_factory.mktemp("tally"))
    yield running
    code = running.stop()
    assert code == 0, f"the suite ended with {code}:\n{running.log}"


@pytest.fixture(scope="session")
def channels(server):
    """A channel to each server of the suite, by name."""
    channels = {name: grpc.insecure_channel(address) for name, address in server.addresses.items()}
    yield channels
    for channel in channels.values():
        channel.close()


@pytest.fixture(scope="session")
def channel(channels):
    """The one address behind which all services are."""
    return channels["suite"]


@pytest.fixture(scope="session")
def operator(channel):
    """Whoever runs the suite: holds the service credential, which no API key equals."""
    return Client(channel, suite.SERVICE_TOKEN)


@pytest.fixture
def new_workspace(channel, operator, request):
    """Makes workspaces that only this test knows; answers with the admin key of each."""

    def create() -> Client:
        new = access_service_pb2.CreateWorkspaceRequest(name=request.node.name[:255], currency_code="EUR")
        return Client(channel, operator.access.CreateWorkspace(new).api_key)

    return create


@pytest.fixture
def admin(new_workspace):
    """The admin key of the test's own workspace."""
    return new_workspace()


@pytest.fixture
def pipeline(channel, admin):
    """A caller that may track and read reports, as a pipeline's key may."""
    return Client(channel, admin.create_key("TRACK", "REPORT").secret)


@pytest.fixture
def subscriber():
    """An HTTP server of our own that webhooks may be sent to."""
    with Subscriber() as listening:
        yield listening
