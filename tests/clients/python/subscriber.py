"""A subscriber: an HTTP server on the loopback that keeps what it is sent."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Delivery:
    """A request as it arrived, untouched: signatures cover the bytes."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Subscriber:
    """Answers 204 to everything, and can be waited for."""

    def __init__(self):
        self._deliveries: list[Delivery] = []
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host}:{port}/hook"

    def wait_for(self, count: int, seconds: float = 20) -> list[Delivery]:
        """All deliveries so far, once there are `count` of them."""
        with self._arrived:
            self._arrived.wait_for(lambda: len(self._deliveries) >= count, seconds)
            assert len(self._deliveries) >= count, (
                f"{len(self._deliveries)} of {count} webhooks arrived in {seconds} s"
            )
            return list(self._deliveries)

    def _keep(self, delivery: Delivery) -> None:
        with self._arrived:
            self._deliveries.append(delivery)
            self._arrived.notify_all()

    def _handler(self):
        keep = self._keep

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                keep(Delivery(self.command, self.path, headers, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                """Says nothing: the tests do."""

        return Handler

    def __enter__(self) -> "Subscriber":
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
