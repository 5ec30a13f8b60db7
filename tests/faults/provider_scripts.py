"""How a provider, or what stands between it and us, answers badly: the scripts that the kinds of fault are made of."""

import functools
import gzip
import json
import socket
import struct
import zlib
from collections.abc import Callable
from typing import Any

from tests.faults.provider_host import Exchange, Script

PAGE = b"<!DOCTYPE html><html><head><title>502</title></head><body><h1>Bad gateway</h1></body></html>"
#: What gateways say in JSON that is no provider's.
GATEWAY_JSON: tuple[Any, ...] = (
    {"message": "upstream request timed out"},
    {"error": "Service Unavailable"},
    {"error": {"message": "no healthy upstream"}},
    {"timestamp": 1600132094000, "status": 503, "error": "Service Unavailable", "path": "/"},
    {"errors": [{"title": "Bad gateway"}]},
    {"detail": ["x"]}, {}, [], "down", None, 5,
)  # fmt: skip

Body = Callable[[Exchange], bytes]


def good(exchange: Exchange) -> bytes:
    return exchange.good


def fixed(*bodies: bytes) -> Body:
    return lambda exchange: exchange.random.choice(bodies)


def answers(status: str, body: Body = good, *headers: str, length: bool = True) -> Script:
    """Answer with this status line's rest, these headers and this body."""

    def script(exchange: Exchange) -> None:
        exchange.read()
        content = body(exchange)
        lines = [f"HTTP/1.1 {status}", *headers, *([f"Content-Length: {len(content)}"] if length else [])]
        exchange.send("\r\n".join([*lines, "", ""]).encode("latin-1") + content)

    return script


def says(write: Callable[[Exchange], bytes]) -> Script:
    """Send exactly these bytes once the request is read."""

    def script(exchange: Exchange) -> None:
        exchange.read()
        exchange.send(write(exchange))

    return script


def head(exchange: Exchange, length: int | None = None) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(exchange.good) if length is None else length)


def cut(text: bytes, exchange: Exchange, least: int = 1) -> bytes:
    return text[: exchange.random.randint(least, len(text) - 1)]


def chunked(exchange: Exchange, *extra: str) -> bytes:
    body, at = exchange.good, exchange.random.randint(1, len(exchange.good))
    pieces = [piece for piece in (body[:at], body[at:]) if piece]
    chunks = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), b"".join(e.encode() for e in extra), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def flood(start: bytes, again: bytes) -> Script:
    """Send without end, until the caller hangs up."""

    def script(exchange: Exchange) -> None:
        exchange.read()
        exchange.send(start)
        left = again
        while exchange.may_send():
            left = left[exchange.connection.send(left) :] or again

    return script


def drip(start: Callable[[Exchange], bytes], then: bytes) -> Script:
    """Send the start, then byte by byte, each well within any timeout that is per read."""

    def script(exchange: Exchange) -> None:
        exchange.read()
        exchange.send(start(exchange))
        exchange.send(*(bytes([byte]) for byte in then * 40), pause=0.05)

    return script


def in_pieces(exchange: Exchange) -> None:
    """Send the right answer in pieces that end anywhere, each a moment later."""
    exchange.read()
    whole = head(exchange) + exchange.good
    cuts = sorted(exchange.random.sample(range(1, len(whole)), 4))
    exchange.send(*(whole[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)), pause=0.002)


def after(seconds: float) -> Script:
    def script(exchange: Exchange) -> None:
        exchange.read()
        exchange.wait(seconds)
        exchange.send(head(exchange) + exchange.good)

    return script


def ending(write: Callable[[Exchange], bytes] | None, *, reset: bool, read: bool = True) -> Script:
    """End the connection after these bytes, politely or not; without reading where `read` says so."""

    def script(exchange: Exchange) -> None:
        if read:
            exchange.read()
        if write is not None:
            exchange.send(write(exchange))
        if reset:
            exchange.reset()

    return script


def mistyped(exchange: Exchange) -> bytes:
    """Put a value of any type in place of each value, and leave the shape."""

    def change(value: Any) -> Any:
        if isinstance(value, dict) and value:
            return {name: change(inner) for name, inner in value.items()}
        if isinstance(value, list) and value:
            return [change(inner) for inner in value]
        return exchange.random.choice([None, True, 7, 1.5, "x", "", [], {}, [[]], {"a": 1}, "\x00", "\ud800"])

    return json.dumps(change(json.loads(exchange.good))).encode()


def everywhere(written: str) -> Body:
    """Write this value under every name that is read anywhere."""
    names = ("status", "data", "contacts", "id", "success", "code", "messages", "result", "users", "paging", "hash")
    return fixed(("{" + ", ".join(f'"{name}": {written}' for name in names) + "}").encode())


def echo(exchange: Exchange) -> bytes:
    """Say back all that was asked, credentials too, where each provider has its words."""
    text = exchange.asked.decode("latin-1")
    return json.dumps({
        "message": text, "description": text, "reason": text, "developer_message": text, "request_id": text[:90],
        "error": exchange.random.choice([text, {"message": text, "code": text, "fbtrace_id": text[:90]}]),
        "errors": [{"title": text, "details": text}],
    }).encode()  # fmt: skip


def echo_page(exchange: Exchange) -> bytes:
    return PAGE + exchange.asked


def gateway_json(exchange: Exchange) -> bytes:
    return json.dumps(exchange.random.choice(GATEWAY_JSON)).encode()


def any_body(exchange: Exchange) -> bytes:
    return exchange.random.choice([b"", PAGE, gateway_json(exchange)])


def elsewhere(status: int) -> Script:
    """Redirect to another host, which waits to be reached."""

    def script(exchange: Exchange) -> None:
        answers(f"{status} X", any_body, f"Location: {exchange.host.elsewhere}")(exchange)

    return script


def packed(pack: Callable[[bytes], bytes], encoding: str) -> Script:
    return answers("200 OK", lambda exchange: pack(exchange.good), f"Content-Encoding: {encoding}")


def zipped(text: bytes) -> bytes:
    return gzip.compress(text, mtime=0)


def raw_deflate(text: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(text) + packer.flush()


@functools.cache
def bomb(layers: int) -> bytes:
    packed_up = gzip.compress(b"\x00" * 32 * 1024 * 1024, compresslevel=1, mtime=0)
    return packed_up if layers == 1 else zipped(packed_up)


def handshake(*pieces: bytes, pause: float = 0.0, reset: bool = False, wait: bool = False) -> Script:
    """Answer the caller's greeting with these bytes in place of a handshake."""

    def script(exchange: Exchange) -> None:
        exchange.connection.recv(65536)
        exchange.send(*pieces, pause=pause)
        if wait:
            exchange.wait()
        if reset:
            exchange.reset()

    return script


def spoilt_record(exchange: Exchange) -> None:
    """Break TLS itself in the middle of the answer."""
    exchange.read()
    exchange.send(head(exchange) + exchange.good[:1])
    exchange.connection = socket.socket(fileno=exchange.connection.detach())
    exchange.connection.sendall(b"\x17\x03\x03\x00\x20" + b"\xee" * 32)


def without_goodbye(body: Callable[[Exchange], bytes]) -> Script:
    """Close the connection under TLS, without TLS's own goodbye."""

    def script(exchange: Exchange) -> None:
        exchange.read()
        exchange.send(body(exchange))
        exchange.connection = socket.socket(fileno=exchange.connection.detach())

    return script


def closes_for_writing(exchange: Exchange) -> None:
    exchange.read()
    exchange.send(b"HTTP/1.0 200 OK\r\n\r\n" + exchange.good)
    exchange.connection.shutdown(socket.SHUT_WR)


def alert(code: int) -> bytes:
    return struct.pack("!BHHBB", 21, 0x0303, 2, 2, code)
