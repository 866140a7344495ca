"""The server under test: `tally serve all`, a process like any other.

It gets an empty data directory and free ports; nothing of it survives the run.
"""

import os
import re
import socket
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVICES = ["suite", "ingest", "catalog", "rollup", "audit", "webhook"]
SERVICE_TOKEN = "the-token-of-the-python-client-test-and-nothing-else"

# The first start creates and migrates five databases. A debug build on a busy machine is slow.
START_SECONDS = 60
# Longer than the server's own deadline for its shutdown.
STOP_SECONDS = 30

ADMIN_KEY = re.compile(r"TALLY_API_KEY=(tally_live_\w+)")


class PortTaken(Exception):
    """Another process was faster; choose again."""


@dataclass
class Server:
    """A running suite."""

    process: subprocess.Popen
    addresses: dict[str, str]
    log: "Log"

    @property
    def admin_key(self) -> str:
        """The key of the first workspace, as the operator reads it from the terminal."""
        return self.log.find(ADMIN_KEY, START_SECONDS)

    def stop(self) -> int:
        """Asks it to end, waits, and says how it ended."""
        self.process.terminate()
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the suite did not end within {STOP_SECONDS} s:\n{self.log}")


class Log:
    """Reads a process's stderr to the end, so that it never blocks on a full pipe."""

    def __init__(self, stream):
        self._text = ""
        self._ended = False
        self._grown = threading.Condition()
        self._reader = threading.Thread(target=self._read, args=[stream], daemon=True)
        self._reader.start()

    def _read(self, stream):
        for line in stream:
            with self._grown:
                self._text += line
                self._grown.notify_all()
        with self._grown:
            self._ended = True
            self._grown.notify_all()

    def __str__(self):
        return self._text

    def find(self, pattern: re.Pattern, seconds: float) -> str:
        """The first group of the first match; waits for it to be written."""
        with self._grown:
            self._grown.wait_for(lambda: self._ended or pattern.search(self._text), seconds)
        match = pattern.search(self._text)
        assert match, f"the suite never printed {pattern.pattern}:\n{self}"
        return match[1]

    def wait_for_end(self, seconds: float) -> str:
        """Everything it wrote, once its writer has gone."""
        self._reader.join(seconds)
        return self._text


def start(program: Path, data: Path) -> Server:
    """Starts the suite and waits until every server says that it serves."""
    for _ in range(5):
        try:
            return _start_once(program, Path(tempfile.mkdtemp(dir=data)))
        except PortTaken:
            continue
    raise AssertionError("no six free ports in five attempts")


def _start_once(program: Path, data: Path) -> Server:
    addresses = dict(zip(SERVICES, _free_addresses(len(SERVICES))))
    environment = {
        # Settings of whoever runs the tests must not leak in.
        **{name: value for name, value in os.environ.items() if not name.startswith(("TALLY_", "OTEL_"))},
        "TALLY_DATA_DIR": str(data),
        "TALLY_SERVICE_TOKEN": SERVICE_TOKEN,
        "TALLY_WEBHOOK_ALLOW_NETS": "127.0.0.0/8",
        "NO_COLOR": "1",
    }
    for service, address in addresses.items():
        environment[f"TALLY_{service.upper()}_LISTEN"] = address
        if service != "suite":
            environment[f"TALLY_{service.upper()}_URL"] = f"http://{address}"
    process = subprocess.Popen(
        [str(program), "serve", "all"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    server = Server(process, addresses, Log(process.stderr))
    try:
        for address in addresses.values():
            _wait_until_serving(server, address)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return server


def _wait_until_serving(server: Server, address: str) -> None:
    """Health is watched, not asked again and again: the answer comes when it changes."""
    with grpc.insecure_channel(address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(), timeout=START_SECONDS, wait_for_ready=True
        )
        # A process that died answers nothing: end the watch when it ends.
        watcher = threading.Thread(target=lambda: (server.process.wait(), watch.cancel()), daemon=True)
        watcher.start()
        try:
            for answer in watch:
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
        except grpc.RpcError as error:
            if server.process.poll() is None:
                raise AssertionError(f"{address} does not serve: {error}\n{server.log}") from error
    said = server.log.wait_for_end(STOP_SECONDS)
    if "address already in use" in said.lower():
        raise PortTaken
    raise AssertionError(f"the suite ended with {server.process.returncode}:\n{said}")


def _free_addresses(count: int) -> list[str]:
    """Ports that nobody listens on, held together so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    finally:
        for one in sockets:
            one.close()
