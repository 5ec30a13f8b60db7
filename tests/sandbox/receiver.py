"""An app that takes webhooks and remembers them, byte for byte."""

import http.server
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

APP_SECRET = "an-app-secret"


@dataclass(frozen=True)
class Hook:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def values(self) -> list[Any]:
        """The value of each change of each entry."""
        return [change["value"] for entry in self.json["entry"] for change in entry["changes"]]


class App(http.server.ThreadingHTTPServer):
    """Answers with the next of `answers`, and with 200 once they are used up."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.hooks: queue.Queue[Hook] = queue.Queue()
        self.answers: list[int] = []
        #: Says the challenge back to whoever knows it.
        self.verify_token = "a-verify-token"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/webhooks/meta/?a=1"

    def take(self) -> Hook:
        """Wait for the next webhook."""
        return self.hooks.get(timeout=5)

    def take_value(self) -> Any:
        """Wait for a webhook with one change, and give its value."""
        [value] = self.take().values
        return value

    def take_status(self) -> Any:
        """Wait for a webhook with one status, and give it."""
        [status] = self.take_value()["statuses"]
        return status

    def take_statuses(self, count: int) -> list[str]:
        """Wait for so many webhooks with one status each, and give their names in order."""
        return [self.take_status()["status"] for _ in range(count)]

    def is_quiet(self) -> bool:
        """Tell whether nothing has come that was not taken."""
        return self.hooks.empty()


class _Request(http.server.BaseHTTPRequestHandler):
    server: App
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.answers.pop(0) if self.server.answers else 200
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.hooks.put(Hook(self.path, headers, body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        knows = (query.get("hub.mode"), query.get("hub.verify_token")) == (["subscribe"], [self.server.verify_token])
        challenge = query["hub.challenge"][0].encode() if knows else b""
        self.send_response(200 if knows else 403)
        self.send_header("Content-Length", str(len(challenge)))
        self.end_headers()
        self.wfile.write(challenge)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep the test output clean."""


@contextmanager
def running_app() -> Iterator[App]:
    """An app on a free port."""
    with App() as app:
        thread = threading.Thread(target=app.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield app
        finally:
            app.shutdown()
            thread.join()
