"""The loopback server: a thread a connection, HTTP/1.1 with keep-alive, each reply in one write.

It parses requests itself because the standard handler's header parser costs more than everything else together, and
benchmarks of the product run against this server.
"""

import logging
import socket
import socketserver
import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from sandbox.accuauth import AccuAuth
from sandbox.callbacks import Callbacks
from sandbox.commbox import CommBox
from sandbox.control import ALIASES, PREFIX, Conditions, Control
from sandbox.exchange import Provider, Reply, Request
from sandbox.journal import Journal
from sandbox.magic import Memory
from sandbox.onprem import OnPremises

logger = logging.getLogger("sandbox")

HOST = "127.0.0.1"
LONGEST_LINE = 65_536
LONGEST_BODY = 8 * 1024 * 1024
MOST_HEADERS = 200


class Sandbox:
    """The providers on one loopback port, for as long as the `with` block or from `start` to `stop`.

    `journal` holds what arrived; `conditions.slow`, `conditions.latency` and `callback_url` may be set while it runs.
    """

    def __init__(
        self, *, port: int = 0, callback_url: str | None = None, slow: float = 0.2, latency: float = 0.0
    ) -> None:
        self._port = port
        self._stopping = threading.Event()
        self._callbacks = Callbacks(callback_url, stopping=self._stopping)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        memory = Memory()
        self.journal = Journal()
        self.conditions = Conditions(slow=slow, latency=latency)
        self._control = Control(journal=self.journal, conditions=self.conditions, callbacks=self._callbacks)
        self._providers: tuple[Provider, ...] = (
            CommBox(memory),
            OnPremises(memory, self._callbacks),
            AccuAuth(memory),
        )

    @property
    def url(self) -> str:
        """The base URL that provider accounts are given."""
        return f"http://{HOST}:{self._port}"

    @property
    def callback_url(self) -> str | None:
        """Where callbacks go; None drops them."""
        return self._callbacks.url

    @callback_url.setter
    def callback_url(self, url: str | None) -> None:
        self._callbacks.set_url(url)

    def start(self) -> None:
        """Bind the port and serve from a thread of its own.

        :raises OSError: when the port is taken.
        """
        self._server = _Server((HOST, self._port), self._answer)
        self._port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection; requests still being answered are cut off."""
        self._stopping.set()
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.close_connections(timeout=2.0)
        self._callbacks.join(timeout=1.0)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _answer(self, request: Request) -> Reply:
        if request.path.startswith(PREFIX) or request.path in ALIASES:
            return self._control.answer(request)
        provider = next((one for one in self._providers if request.path.startswith(one.prefix)), None)
        entry = self.journal.received(
            # Whatever arrives is written down, also where no provider lives.
            provider=provider.name if provider else "none",
            method=request.method,
            path=request.path,
            numbers=provider.numbers(request) if provider else (),
            header_names=tuple(request.headers),
        )
        reply = provider.answer(request) if provider else Reply.json(404, {"error": "No provider lives at this path."})
        wait = self.conditions.latency + (self.conditions.slow if reply.slow else 0.0)
        if wait and self._stopping.wait(wait):
            reply = Reply(0, b"", hang_up=True)
        # Before the bytes leave, so that whoever has the answer also finds it in the journal.
        self.journal.answered(entry, None if reply.hang_up else reply.status)
        return reply


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], answer: Callable[[Request], Reply]) -> None:
        self.answer = answer
        self._closed = threading.Condition()
        self._open: set[socket.socket] = set()
        super().__init__(address, _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._closed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._closed:
            self._open.discard(request)
            self._closed.notify_all()

    def close_connections(self, *, timeout: float) -> None:
        # Idle keep-alive connections wait in a read: shutting them down ends their threads.
        with self._closed:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            self._closed.wait_for(lambda: not self._open, timeout)


class _Unreadable(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        with suppress(OSError):  # the client went away; the journal has what it asked
            while self._exchange():
                pass

    def _exchange(self) -> bool:
        try:
            read = self._read()
        except _Unreadable as error:
            self.connection.sendall(_bytes_of(Reply(error.status, b""), method="", keep_alive=False))
            return False
        if read is None:
            return False
        request, keep_alive = read
        try:
            reply = self.server.answer(request)
        except Exception:
            logger.exception("The sandbox could not answer %s.", request.method)
            reply = Reply.json(500, {"error": "A defect in the sandbox; see its log."})
        if reply.hang_up:
            return False
        self.connection.sendall(_bytes_of(reply, method=request.method, keep_alive=keep_alive))
        return keep_alive

    def _read(self) -> tuple[Request, bool] | None:
        line = self.rfile.readline(LONGEST_LINE)
        if not line:
            return None
        parts = line.decode("latin-1").split()
        if len(parts) != 3 or not parts[1].startswith("/") or not parts[2].startswith("HTTP/1."):
            raise _Unreadable(400)
        headers = self._read_headers()
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers:
            raise _Unreadable(411)
        if not (length.isascii() and length.isdigit()):
            raise _Unreadable(400)
        if len(length) > 9 or int(length) > LONGEST_BODY:
            raise _Unreadable(413)
        if headers.get("expect", "").lower() == "100-continue":
            self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return None
        keep_alive = parts[2] == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        return Request(parts[0], parts[1].split("?", 1)[0], headers, body), keep_alive

    def _read_headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        for _ in range(MOST_HEADERS):
            line = self.rfile.readline(LONGEST_LINE)
            if line in (b"\r\n", b"\n"):
                return headers
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon:
                raise _Unreadable(400)
            headers[name.strip().lower()] = value.strip()
        raise _Unreadable(431)


def _bytes_of(reply: Reply, *, method: str, keep_alive: bool) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}", f"Content-Type: {reply.content_type}"]
    if reply.status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {len(reply.body)}")
    lines += [f"{name}: {value}" for name, value in reply.headers]
    if not keep_alive:
        lines.append("Connection: close")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    return head if method == "HEAD" else head + reply.body
