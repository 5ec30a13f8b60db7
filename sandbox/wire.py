"""HTTP/1.1 on a loopback port: a thread a connection, keep-alive, each reply in one write. It knows no provider.

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
from typing import Any

from sandbox.exchange import Reply, Request

logger = logging.getLogger("sandbox")

HOST = "127.0.0.1"
LONGEST_LINE = 65_536
LONGEST_BODY = 8 * 1024 * 1024
MOST_HEADERS = 200


class Server(socketserver.ThreadingTCPServer):
    """Listens, and hands each request that was received in full to `answer`."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], answer: Callable[[Request], Reply]) -> None:
        self.answer = answer
        self._closed = threading.Condition()
        self._open: set[socket.socket] = set()
        super().__init__(address, _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, and serve it from a thread of its own."""
        with self._closed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close the connection and forget it."""
        super().shutdown_request(request)
        with self._closed:
            self._open.discard(request)
            self._closed.notify_all()

    def close_connections(self, *, timeout: float) -> None:
        """Close every connection and wait for their threads."""
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
    server: Server

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
        path, _, query = parts[1].partition("?")
        return Request(parts[0], path, headers, body, query), keep_alive

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
