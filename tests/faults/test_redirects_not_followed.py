"""No redirect is followed and nothing else in an answer sends a call on: judged by the connections that are tried."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.provider_host import Exchange, Host, running
from tests.faults.refused_addresses import CROOKED, INSIDE, call, lead

pytestmark = pytest.mark.django_db

STATUSES = [301, 302, 303, 307, 308]
#: Beside the addresses above: `{port}` is a listener that waits to be reached, `{own}` the redirecting host's own.
REDIRECTS = [
    "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "//127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/", "HTTP://127.0.0.1:{port}", "http://127.1:{port}/", "http://2130706433:{port}/",
    "http://ada:pw@127.0.0.1:{port}/", "http://127.0.0.1:{own}@127.0.0.1:{port}/", "http:\\\\127.0.0.1:{port}\\",
    "http://127.0.0.1:{own}\\@127.0.0.1:{port}/", "http://127.0.0.1:{port}/%0d%0aX: y", "\thttp://127.0.0.1:{port}/",
    "http://127.0.0.1:{own}/", "http://127.0.0.1:{own}/v1/contacts", "/", "/v1/contacts/", "//", "///", "?again=1", "#",
    ".", "..", "../..", "again", "", " ", "*", "http:", "http://", "http:///", "http://127.0.0.1:{port}/?\u00e9",
    "http://127.0.0.1:{port}/" + "a" * 8000, "http://127.0.0.1:{port}/\r\nX-More: 1",
    "http://127.0.0.1:{port}/\r\nLocation: http://127.0.0.1:{own}/", "https://public.example/", "http://8.8.8.8/",
    *(f"https://{host}/" for host in INSIDE[::3]), *(url for url in CROOKED[::2] if url.isprintable() and url.strip()),
]  # fmt: skip


@pytest.fixture
def arrivals(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Every connection that is tried; those within this machine go through."""
    seen: list[tuple[str, int]] = []
    connect = socket.socket.connect

    def note(self: socket.socket, address: Any) -> None:
        seen.append(address[:2])
        if address[0] not in ("127.0.0.1", "::1"):
            raise ConnectionRefusedError
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", note)
    lead(monkeypatch, {"*": ["127.0.0.1"]})
    return seen


def redirecting(*head: str) -> Callable[[Exchange], None]:
    def script(exchange: Exchange) -> None:
        exchange.read()
        exchange.send("\r\n".join([*head, "Content-Length: 0", "", ""]).encode())

    return script


def waits(exchange: Exchange) -> None:
    exchange.read()


def test_there_is_no_lack_of_targets() -> None:
    assert len(set(REDIRECTS)) >= 80


@pytest.mark.parametrize("status", STATUSES)
def test_no_redirect_is_followed_wherever_it_leads(arrivals: list[tuple[str, int]], status: int) -> None:
    with running(Host(waits)) as elsewhere:
        for target in REDIRECTS:
            host = Host(waits)
            location = target.replace("{port}", str(elsewhere.port)).replace("{own}", str(host.port))
            host.script = redirecting(f"HTTP/1.1 {status} X", f"Location: {location}")
            with running(host):
                assert call(host.url).status == status, target
            assert (len(host.requests), arrivals) == (1, [("127.0.0.1", host.port)]), target
            arrivals.clear()
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    "head",
    [
        ["HTTP/1.1 200 OK", "Refresh: 0; url={there}"], ["HTTP/1.1 200 OK", "Content-Location: {there}"],
        ["HTTP/1.1 201 X", "Location: {there}"], ["HTTP/1.1 300 X", "Location: {there}"],
        ["HTTP/1.1 304 X", "Location: {there}"], ["HTTP/1.1 305 X", "Location: {there}"],
        ["HTTP/1.1 306 X", "Location: {there}"], ["HTTP/1.1 200 OK", 'Alt-Svc: h2="{there}"'],
        ["HTTP/1.1 200 OK", "Link: <{there}>; rel=canonical"],
        ["HTTP/1.1 401 X", "WWW-Authenticate: Digest domain={there}"],
        ["HTTP/1.1 407 X", "Proxy-Authenticate: Basic", "Location: {there}"], ["HTTP/1.1 421 X", "Location: {there}"],
        ["HTTP/1.1 426 X", "Upgrade: TLS/1.0", "Location: {there}"], ["HTTP/1.1 503 X", "Location: {there}"],
        ["HTTP/1.1 302 X", "Location: {there}", "Set-Cookie: a=b"], ["HTTP/1.1 302 X", "URI: {there}"],
    ],
)  # fmt: skip
def test_nothing_else_in_a_head_sends_a_call_on(arrivals: list[tuple[str, int]], head: list[str]) -> None:
    with running(Host(waits)) as elsewhere:
        with running(Host(redirecting(*(line.replace("{there}", elsewhere.url) for line in head)))) as host:
            call(host.url)
        assert [port for _address, port in arrivals] == [host.port]
    assert (len(host.requests), elsewhere.requests) == (1, [])
