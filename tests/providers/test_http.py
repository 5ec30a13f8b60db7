"""The way out: deadlines, caps, trust, masking, and which failures mean that nothing left.

Where no call may go, and that no redirect is followed, is in `tests/faults/`.
"""

import contextlib
import gzip
import ipaddress
import socket
import ssl
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import LazySettings
from django.views.debug import ExceptionReporter
from hypothesis import given
from hypothesis import strategies as st

from audit.models import ProviderCall
from providers import addresses, http
from providers.errors import AnswerLost, NotConfigured, NotSent, ProviderError
from providers.interfaces import CallContext

pytestmark = pytest.mark.django_db

TOKEN = "EAAB-super-secret-token-9f3c"
NUMBER = "16315551002"
MIB = 1024 * 1024
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


class Host:
    """A loopback server: reads one request a connection, answers as told, and keeps what it read and sent."""

    def __init__(self, answer: Callable[["Host", socket.socket], None], tls: ssl.SSLContext | None = None) -> None:
        self.answer, self.tls = answer, tls
        self.requests: list[bytes] = []
        self.bytes_sent = 0
        self.stopping = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}" if self.tls else f"http://127.0.0.1:{self.port}"

    def send(self, connection: socket.socket, *pieces: bytes, pause: float = 0.0) -> None:
        for piece in pieces:
            if self.stopping.wait(pause):
                return
            connection.sendall(piece)
            self.bytes_sent += len(piece)

    def stop(self) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)

    def _serve(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                connection.settimeout(5)
                if self.tls:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                self.requests.append(self._read(connection))
                self.answer(self, connection)
            connection.close()

    @staticmethod
    def _read(connection: socket.socket) -> bytes:
        request = b""
        while b"\r\n\r\n" not in request:
            piece = connection.recv(65536)
            if not piece:
                raise ConnectionResetError
            request += piece
        head, _, body = request.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                while len(body) < int(line.split(b":")[1]):
                    body += connection.recv(65536)
        return head + b"\r\n\r\n" + body


Serve = Callable[..., Host]


@pytest.fixture
def serve() -> Iterator[Serve]:
    hosts: list[Host] = []

    def start(answer: bytes | Callable[[Host, socket.socket], None], tls: ssl.SSLContext | None = None) -> Host:
        if isinstance(answer, bytes):
            text = answer

            def answer(host: Host, connection: socket.socket) -> None:
                host.send(connection, text)

        hosts.append(Host(answer, tls))
        return hosts[-1]

    yield start
    for host in hosts:
        host.stop()


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str, after: float = 0.0) -> None:
    """Let every host name lead to these addresses."""
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *rest: Any, **named: Any) -> Any:
        with contextlib.suppress(ValueError):
            ipaddress.ip_address(host.split("%")[0])
            return real(host, port, *rest, **named)
        time.sleep(after)
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def call(base_url: str, *, deadline: float = 5.0, ca_file: str | None = None, **changes: Any) -> http.Answer:
    arguments: dict[str, Any] = {
        "method": "POST",
        "path": f"/v1/contacts/{NUMBER}",
        "masked_path": "/v1/contacts/…",
        "context": CallContext(operation="check", subject="CheckBatch:1", numbers_count=1),
        "headers": {"X-Api-Key": TOKEN},
        "json_body": {"contacts": ["+" + NUMBER]},
    }
    account = http.Account(id=7, name="acme-onprem", kind="onprem", base_url=base_url, ca_file=ca_file)
    return http.call(account, deadline=deadline, **(arguments | changes))


def everything_said(error: BaseException | None) -> str:
    """The text of an exception and of everything that is chained to it."""
    if error is None:
        return ""
    return f"{error!r} {error} {error.args} {everything_said(error.__cause__)} {everything_said(error.__context__)}"


def only_row() -> ProviderCall:
    return ProviderCall.objects.get()


# --- What an answer becomes -------------------------------------------------------------------------------------------


def test_an_answer_comes_back_whole_and_leaves_one_row(serve: Serve) -> None:
    host = serve(b'HTTP/1.1 201 Created\r\nX-Trace: a1\r\nContent-Length: 11\r\n\r\n{"ok":true}')
    answer = call(host.url)
    assert (answer.status, answer.headers["x-trace"], answer.json()) == (201, "a1", {"ok": True})
    row = only_row()
    assert (row.account_id, row.account_name, row.kind) == (7, "acme-onprem", "onprem")
    assert (row.operation, row.subject, row.numbers_count, row.method) == ("check", "CheckBatch:1", 1, "POST")
    assert (row.outcome, row.http_status, row.error) == ("ANSWERED", 201, "")
    assert row.url == host.url + "/v1/contacts/…"
    assert row.milliseconds is not None
    assert 0 <= row.milliseconds < 5000


def test_the_request_carries_what_was_asked_for_and_no_cookie(serve: Serve) -> None:
    host = serve(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}")
    call(host.url)
    call(host.url + "/", method="GET", json_body=None)
    first, second = host.requests
    assert first.startswith(f"POST /v1/contacts/{NUMBER} HTTP/1.1".encode())
    assert f"X-Api-Key: {TOKEN}".encode() in first
    assert b"User-Agent: waadmin\r\n" in first
    assert first.endswith(b'{"contacts": ["+16315551002"]}')
    assert second.startswith(f"GET /v1/contacts/{NUMBER} HTTP/1.1".encode())
    assert b"ookie" not in second


@pytest.mark.parametrize("status", [204, 400, 403, 404, 500, 503])
def test_a_status_is_an_answer_for_the_provider_module_to_judge(serve: Serve, status: int) -> None:
    host = serve(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())
    assert call(host.url).status == status
    assert (only_row().outcome, only_row().http_status) == ("ANSWERED", status)


def test_too_many_requests_is_an_answer_with_the_wait_and_the_words_of_the_provider(serve: Serve) -> None:
    host = serve(b"HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nslow")
    answer = call(host.url)
    assert (answer.status, answer.headers["retry-after"], answer.body) == (429, "7", b"slow")
    assert (only_row().outcome, only_row().http_status) == ("ANSWERED", 429)


def test_the_row_stands_before_anything_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*arguments: Any) -> None:
        row = only_row()
        assert (row.outcome, row.milliseconds, row.http_status) == ("STARTED", None, None)
        raise SystemExit

    monkeypatch.setattr(http, "_send", killed)
    with pytest.raises(SystemExit):
        call("http://127.0.0.1:1")
    assert only_row().outcome == "STARTED"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\xff\xfe{", b"[" * 100_000, b"9" * 5_000, b"{'a': 1}", b'{"a": 1', b"[1] [2]"]
)
def test_what_is_not_json_is_a_lost_answer_with_its_status(body: bytes) -> None:
    with pytest.raises(AnswerLost, match="HTTP 502") as caught:
        http.Answer(status=502, headers={}, body=body).json()
    assert caught.value.http_status == 502
    assert caught.value.__context__ is None


def test_an_answers_repr_does_not_show_its_body() -> None:
    assert NUMBER not in repr(http.Answer(status=200, headers={}, body=NUMBER.encode()))


# --- Nothing left, or the answer is lost ------------------------------------------------------------------------------


def test_a_refused_connection_is_not_sent(serve: Serve) -> None:
    host = serve(OK)
    host.stop()
    with pytest.raises(NotSent, match="refused the connection"):
        call(host.url)
    row = only_row()
    assert (row.outcome, row.http_status, row.error) == ("NOT_SENT", None, "The host refused the connection.")


def test_a_name_that_leads_nowhere_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **named: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(NotSent, match="could not be found"):
        call("https://nowhere.example")
    assert only_row().outcome == "NOT_SENT"


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", ".example"])
def test_a_name_that_cannot_be_looked_up_is_not_sent(host: str) -> None:
    with pytest.raises(NotSent):
        call(f"https://{host}")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.", b"garbage\r\n\r\n"])
def test_a_connection_closed_after_the_request_is_a_lost_answer_asked_once(serve: Serve, answer: bytes) -> None:
    host = serve(answer)
    with pytest.raises(AnswerLost, match="broke"):
        call(host.url)
    assert len(host.requests) == 1
    assert (only_row().outcome, only_row().http_status) == ("LOST", None)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\n"
        + gzip.compress(b"{}", mtime=0)[:12],
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_a_body_that_ends_before_its_end_is_a_lost_answer(serve: Serve, answer: bytes) -> None:
    host = serve(answer)
    with pytest.raises(AnswerLost):
        call(host.url)
    assert only_row().outcome == "LOST"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-", b"HTTP/1.1 200 OK\r\nA\r\n",
        b"HTTP/1.1 204 X\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A",
    ],
)  # fmt: skip
@pytest.mark.parametrize("secured", [False, True], ids=["http", "https"])
def test_an_answer_cut_off_in_its_headers_is_lost_and_is_not_logged_with_its_address(
    serve: Serve, certificate: "Certificate", answer: bytes, secured: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    with pytest.raises(AnswerLost, match="broke"):
        call(serve(answer, certificate.context if secured else None).url, ca_file=str(certificate.file))
    assert NUMBER not in caplog.text


@pytest.mark.parametrize("length", [4, 10])
def test_a_packed_body_that_breaks_off_before_it_holds_anything_is_lost(serve: Serve, length: int) -> None:
    body = gzip.compress(b"null", mtime=0)[:length]
    host = serve(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % length + body)
    with pytest.raises(AnswerLost, match="unpacked"):
        call(host.url)


def test_the_second_address_of_a_host_is_tried_when_the_first_refuses(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = serve(OK)
    resolve_to(monkeypatch, "::1", "127.0.0.1")
    assert call(f"http://localhost:{host.port}").status == 200


# --- The deadline -----------------------------------------------------------------------------------------------------


def drip(head: bytes, then: bytes) -> Callable[[Host, socket.socket], None]:
    """Send `head` at once and then `then` byte by byte, each well within any timeout that is per read."""

    def answer(host: Host, connection: socket.socket) -> None:
        host.send(connection, head)
        host.send(connection, *(bytes([byte]) for byte in then), pause=0.2)

    return answer


DRIPS = {
    "body of known length": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n", b"x" * 60),
    "body until the end": drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 60),
    "chunks": drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 20),
    "header": drip(b"HTTP/1.1 200 OK\r\n", b"X-Slow: " + b"x" * 60),
    "headers without end": drip(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n" * 20),
    "nothing": drip(b"", b""),
}


@pytest.mark.parametrize("kind", DRIPS)
@pytest.mark.parametrize("secured", [False, True], ids=["http", "https"])
def test_a_drip_is_cut_off_at_the_deadline(serve: Serve, kind: str, secured: bool, certificate: "Certificate") -> None:
    answer = DRIPS[kind]
    if kind == "nothing":

        def answer(host: Host, connection: socket.socket) -> None:
            host.stopping.wait(10)

    host = serve(answer, certificate.context if secured else None)
    started = time.monotonic()
    with pytest.raises(AnswerLost, match=r"within 0\.7 s"):
        call(host.url, deadline=0.7, ca_file=str(certificate.file))
    assert time.monotonic() - started < 3
    row = only_row()
    assert row.outcome == "LOST"
    assert row.milliseconds is not None
    assert 650 <= row.milliseconds < 3000


def test_a_host_that_drips_its_handshake_is_cut_off_and_nothing_was_sent(certificate: "Certificate") -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    stopping = threading.Event()

    def greet_slowly() -> None:
        connection, _ = listener.accept()
        with contextlib.suppress(OSError), connection:
            for byte in b"\x16\x03\x03\x40\x00" + b"\x02" * 60:
                if stopping.wait(0.2):
                    return
                connection.sendall(bytes([byte]))

    thread = threading.Thread(target=greet_slowly, daemon=True)
    thread.start()
    started = time.monotonic()
    with pytest.raises(NotSent, match="in time"):
        call(f"https://localhost:{listener.getsockname()[1]}", deadline=0.7, ca_file=str(certificate.file))
    assert time.monotonic() - started < 3
    stopping.set()
    thread.join(5)
    listener.close()


def test_a_slow_name_server_cannot_make_a_call_leave_after_its_deadline(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = serve(OK)
    resolve_to(monkeypatch, "127.0.0.1", after=0.4)
    with pytest.raises(NotSent, match="in time"):
        call(f"http://localhost:{host.port}", deadline=0.2)
    assert host.requests == []


def test_a_connection_that_stands_only_after_the_deadline_carries_no_request(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = serve(OK)
    connect = socket.create_connection

    def connect_slowly(*arguments: Any, **named: Any) -> socket.socket:
        time.sleep(0.4)
        return connect(*arguments, **named)

    monkeypatch.setattr(socket, "create_connection", connect_slowly)
    with pytest.raises(ProviderError):
        call(host.url, deadline=0.2)
    assert host.requests == []


def test_many_addresses_that_do_not_answer_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(self: socket.socket, address: Any) -> None:
        time.sleep(min(self.gettimeout() or 60, 5))
        raise TimeoutError

    monkeypatch.setattr(socket.socket, "connect", hang)
    resolve_to(monkeypatch, *(f"8.8.8.{last}" for last in range(20)))
    started = time.monotonic()
    with pytest.raises(NotSent, match="in time"):
        call("https://many.example", deadline=0.5)
    assert time.monotonic() - started < 2


# --- The cap ----------------------------------------------------------------------------------------------------------


def endless(status: str) -> Callable[[Host, socket.socket], None]:
    def answer(host: Host, connection: socket.socket) -> None:
        host.send(connection, f"HTTP/1.1 {status}\r\nContent-Length: {64 * MIB}\r\n\r\n".encode())
        host.send(connection, *[b"x" * MIB] * 64)

    return answer


@pytest.mark.parametrize("status", ["200 OK", "500 X", "302 Found\r\nLocation: http://127.0.0.1:1/"])
def test_reading_stops_at_the_cap(serve: Serve, status: str) -> None:
    host = serve(endless(status))
    with pytest.raises(AnswerLost, match="larger than 4 MiB"):
        call(host.url)
    host.stop()
    assert host.bytes_sent < 24 * MIB  # what fits into both sockets' buffers beside the cap
    assert only_row().outcome == "LOST"


@pytest.mark.parametrize("secured", [False, True], ids=["http", "https"])
def test_a_chunk_of_negative_size_does_not_open_the_cap(
    serve: Serve, secured: bool, certificate: "Certificate"
) -> None:
    def answer(host: Host, connection: socket.socket) -> None:
        host.send(connection, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n")
        host.send(connection, *[b"x" * MIB] * 64)

    host = serve(answer, certificate.context if secured else None)
    with pytest.raises(AnswerLost, match="broke"):
        call(host.url, ca_file=str(certificate.file))
    host.stop()
    assert host.bytes_sent < 24 * MIB  # what fits into both sockets' buffers


@pytest.mark.parametrize("status", [101, 102, 103, 199])
def test_what_only_announces_an_answer_is_none(serve: Serve, status: int) -> None:
    # As one it would be a refusal, and would pause the account.
    host = serve(f"HTTP/1.1 {status} X\r\nLink: </a>\r\n\r\n".encode() + OK)
    with pytest.raises(AnswerLost, match=f"HTTP {status}"):
        call(host.url)
    assert (only_row().outcome, len(host.requests)) == ("LOST", 1)


@pytest.mark.parametrize("layers", ["gzip", "gzip, gzip"])
@pytest.mark.parametrize("status", ["200 OK", "302 Found\r\nLocation: http://127.0.0.1:1/"])
def test_a_gzip_bomb_is_dropped_before_it_fills_the_memory(serve: Serve, layers: str, status: str) -> None:
    bomb = gzip.compress(b"\x00" * 128 * MIB, compresslevel=1, mtime=0)
    for _ in layers.split(",")[1:]:
        bomb = gzip.compress(bomb, mtime=0)
    host = serve(
        f"HTTP/1.1 {status}\r\nContent-Encoding: {layers}\r\nContent-Length: {len(bomb)}\r\n\r\n".encode() + bomb
    )
    tracemalloc.start()
    try:
        with pytest.raises(AnswerLost):
            call(host.url)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 32 * MIB


def test_a_gzipped_answer_of_ordinary_size_is_read(serve: Serve) -> None:
    body = gzip.compress(b'{"ok": true}', mtime=0)
    host = serve(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert call(host.url).json() == {"ok": True}


def test_a_body_of_exactly_the_cap_is_read(serve: Serve) -> None:
    host = serve(f"HTTP/1.1 200 OK\r\nContent-Length: {4 * MIB}\r\n\r\n".encode() + b"x" * 4 * MIB)
    assert len(call(host.url).body) == 4 * MIB


# --- Proxies and the environment --------------------------------------------------------------------------------------


def test_proxies_of_the_environment_are_not_used(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    host, proxy = serve(OK), serve(OK)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert call(host.url).status == 200
    assert proxy.requests == []
    assert len(host.requests) == 1


def test_a_netrc_file_adds_no_password(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    host = serve(OK)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ada password lovelace\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    call(host.url)
    assert b"Authorization" not in host.requests[0]


# --- TLS --------------------------------------------------------------------------------------------------------------


class Certificate:
    """A self-signed certificate for localhost and the server context that shows it."""

    def __init__(self, folder: Path, name: str = "localhost") -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - timedelta(days=1))
            .not_valid_after(datetime.now(UTC) + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_file = folder / f"{name}.key"
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.file, key_file)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("certificate"))


def test_a_self_signed_host_is_not_trusted_and_reads_nothing(serve: Serve, certificate: Certificate) -> None:
    host = serve(OK, certificate.context)
    with pytest.raises(NotSent, match="certificate is not trusted"):
        call(host.url)
    assert host.requests == []
    assert only_row().outcome == "NOT_SENT"


def test_a_self_signed_host_is_trusted_through_the_accounts_ca_file(serve: Serve, certificate: Certificate) -> None:
    host = serve(OK, certificate.context)
    assert call(host.url, ca_file=str(certificate.file)).status == 200


def test_a_certificate_of_another_name_is_not_trusted(serve: Serve, tmp_path: Path) -> None:
    other = Certificate(tmp_path, name="other.example")
    host = serve(OK, other.context)
    with pytest.raises(NotSent, match="certificate is not trusted"):
        call(host.url, ca_file=str(other.file))
    assert host.requests == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_environment_cannot_make_a_host_trusted(
    serve: Serve, certificate: Certificate, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(certificate.file))
    host = serve(OK, certificate.context)
    with pytest.raises(NotSent, match="certificate is not trusted"):
        call(host.url)
    assert host.requests == []


@pytest.mark.parametrize(("content", "words"), [(None, "CA file could not be read"), ("no certificate", "CA file")])
def test_a_ca_file_that_cannot_be_used_is_named(
    serve: Serve, certificate: Certificate, tmp_path: Path, content: str | None, words: str
) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)
    host = serve(OK, certificate.context)
    with pytest.raises(NotSent, match=words):
        call(host.url, ca_file=str(ca_file))
    assert host.requests == []


def test_a_host_that_hangs_up_during_the_handshake_was_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            connection, _ = listener.accept()
            connection.recv(1)
            connection.close()  # with bytes unread: a reset

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        with pytest.raises(NotSent, match=r"before anything was sent|TLS handshake failed"):
            call(f"https://localhost:{listener.getsockname()[1]}")
        thread.join(5)


def test_a_host_that_speaks_no_tls_is_not_sent(serve: Serve) -> None:
    host = serve(OK)
    with pytest.raises(NotSent):
        call(f"https://localhost:{host.port}", deadline=1)
    assert not any(TOKEN.encode() in request for request in host.requests)


# --- Where a call may go ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("http://contacts.example.com", "must use https"),
        ("ftp://contacts.example.com", "must use https"),
        ("contacts.example.com", "host name"),
        ("https://", "host name"),
        ("https:contacts.example.com", "host name"),
        ("", "host name"),
        ("https://ada@contacts.example.com", "no user name"),
        ("https://ada:pw@contacts.example.com", "no user name"),
        ("https://@contacts.example.com", "no user name"),
        ("https://contacts.example.com?key=1", "query"),
        ("https://contacts.example.com/?", "query"),
        ("https://contacts.example.com#top", "fragment"),
        ("https://contacts.example.com#", "fragment"),
        ("https://contacts.example.com\\@10.0.0.1", "no user name"),
        ("https://contacts.example.com:0", "1 to 65535"),
        ("https://contacts.example.com:65536", "port"),
        ("https://contacts.example.com:https", "port"),
        ("https://[::1", "cannot be read"),
        ("https://[nonsense]", "cannot be read"),
        ("https://contacts.example.com/a b", "spaces"),
        ("https://contacts.example.com\n", "control characters"),
        (" https://contacts.example.com", "spaces"),
        ("https://contacts\u200b.example.com", "control characters"),
        ("https://10.0.0.1/api", "private"),
    ],
)
def test_a_base_url_that_breaks_a_rule_is_refused_by_its_name_and_leaves_no_row(base_url: str, words: str) -> None:
    with pytest.raises(NotConfigured, match=words):
        call(base_url)
    assert not ProviderCall.objects.exists()


@pytest.mark.parametrize(
    "base_url",
    ["https://contacts.example.com", "https://contacts.example.com:8443/wa/", "https://8.8.8.8", "HTTPS://A.B"],
)
def test_a_base_url_in_order_is_accepted(base_url: str) -> None:
    addresses.check_base_url(base_url)


def test_plain_http_to_the_loopback_needs_the_local_mode(settings: LazySettings) -> None:
    for base_url in ("http://127.0.0.1:9009", "http://localhost:9009", "http://[::1]:9009"):
        addresses.check_base_url(base_url)
        assert addresses.speaks_to_loopback(base_url)
    assert not addresses.speaks_to_loopback("https://contacts.example.com")
    settings.PROVIDERS_ALLOW_LOCAL = False
    for base_url in ("http://127.0.0.1:9009", "http://localhost:9009", "http://[::1]:9009"):
        with pytest.raises(NotConfigured):
            addresses.check_base_url(base_url)


def test_a_probe_judges_addresses_as_a_call_does(settings: LazySettings) -> None:
    loopback, public = ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("8.8.8.8")
    assert addresses.may_reach("http://127.0.0.1:9009", loopback)
    assert addresses.may_reach("https://contacts.example.com", public)
    assert not addresses.may_reach("https://contacts.example.com", loopback)
    assert not addresses.may_reach("http://127.0.0.1:9009", ipaddress.ip_address("10.0.0.1"))
    settings.PROVIDERS_ALLOW_LOCAL = False
    assert not addresses.may_reach("http://127.0.0.1:9009", loopback)


# --- What is written down ---------------------------------------------------------------------------------------------


def failures(serve: Serve, certificate: Certificate) -> Iterator[Callable[[], Any]]:
    closed = serve(OK)
    closed.stop()
    yield lambda: call(closed.url)
    yield lambda: call(serve(b"").url)
    yield lambda: call(serve(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}").url)
    yield lambda: call(serve(drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 60)).url, deadline=0.3)
    yield lambda: call(serve(endless("200 OK")).url)
    yield lambda: call(serve(OK, certificate.context).url)
    yield lambda: call(serve(b"HTTP/1.1 429 X\r\nContent-Length: 0\r\n\r\n").url).json()
    yield lambda: call(serve(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n" + NUMBER.encode() + b"!").url).json()
    yield lambda: call("https://" + "a" * 64 + ".example")
    yield lambda: call(serve(OK).url, headers={"X-Api-Key": TOKEN + "\r\nX-Evil: 1"})
    yield lambda: call(serve(OK).url, headers={"X-Api-Key": TOKEN + "\u2026"})
    yield lambda: call(serve(OK).url, json_body={NUMBER: float("nan")})


def test_no_failure_says_where_it_went_for_whom_or_with_which_credential(
    serve: Serve, certificate: Certificate
) -> None:
    for fail in failures(serve, certificate):
        with pytest.raises(ProviderError) as caught:
            fail()
        said = everything_said(caught.value)
        for secret in (TOKEN, NUMBER, "/v1/contacts", "127.0.0.1", "localhost", "HTTPConnectionPool"):
            assert secret not in said
    rows = list(ProviderCall.objects.values_list())
    assert len(rows) == 12
    assert TOKEN not in repr(rows)
    assert NUMBER not in repr(rows)


def test_an_error_report_shows_neither_credential_nor_number(serve: Serve, settings: LazySettings) -> None:
    settings.DEBUG = False
    with pytest.raises(AnswerLost):
        try:
            call(serve(b"").url)
        except AnswerLost:
            frames = ExceptionReporter(None, *sys.exc_info()).get_traceback_frames()
            raise
    ours = [frame for frame in frames if not frame["filename"].endswith("test_http.py")]
    assert {"call", "_send"} <= {frame["function"] for frame in ours}
    shown = repr([frame["vars"] for frame in ours])
    assert TOKEN not in shown
    assert NUMBER not in shown


# --- Retry-After ------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)
DAY = 24 * 3600


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 60), ("", 60), ("  ", 60), ("soon", 60), ("1.5", 60), ("1e3", 60), ("inf", 60), ("nan", 60), ("-5", 60),
        ("+5", 60), ("٣٠", 60), ("²", 60), ("5 s", 60), ("\x00", 60), ("Sun, 99 May 2026 10:02:00 GMT", 60),
        ("0", 1), ("1", 1), ("7", 7), (" 30 ", 30), ("0030", 30), ("86400", DAY), ("86401", DAY), ("999999999", DAY),
        ("9999999999", DAY), ("9" * 5000, DAY),
        ("Sun, 03 May 2026 10:02:00 GMT", 120), ("Sun, 03 May 2026 12:02:00 +0200", 120),
        ("Sun, 03 May 2026 10:02:00 -0000", 120), ("Sunday, 03-May-26 10:02:00 GMT", 120),
        ("Sun May  3 10:02:00 2026", 120), ("Sun, 03 May 2026 09:00:00 GMT", 1), ("Thu, 01 Jan 1970 00:00:00 GMT", 1),
        ("Mon, 03 May 2027 10:00:00 GMT", DAY), ("Fri, 31 Dec 9999 23:59:59 GMT", DAY),
    ],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_or_a_date_and_stays_between_a_second_and_a_day(
    value: str | None, seconds: int
) -> None:
    assert http.read_retry_after(value, now=NOW) == timedelta(seconds=seconds)


@given(st.one_of(st.text(), st.from_regex(r"[A-Za-z, ]{0,5}[0-9 :,+-]{0,30}[A-Z]{0,3}", fullmatch=True)))
def test_no_retry_after_breaks_a_call(value: str) -> None:
    wait = http.read_retry_after(value, now=NOW)
    assert timedelta(seconds=1) <= wait <= timedelta(days=1)
