"""Testing a connection: each step says what it saw, the first failure ends it, and nobody is looked up."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django import Settings

from audit.models import ProviderCall
from providers import addresses, http, line, probe
from providers.interfaces import ProbeStep
from providers.models import Business
from providers.registry import contact_checker
from providers.registry import probe as probe_account
from sandbox import Sandbox
from tests import factories


def seen(steps: tuple[ProbeStep, ...]) -> list[tuple[str, bool]]:
    return [(step.name, step.ok) for step in steps]


def reach(base_url: str, ca_file: Path | None = None) -> tuple[ProbeStep, ...]:
    return probe.reach(http.Account(None, "a", "onprem", base_url, str(ca_file) if ca_file else None))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost, its own authority, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "node.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(built.public_bytes(serialization.Encoding.PEM) + private)
    return file


@pytest.fixture
def tls_port(certificate: Path) -> Iterator[int]:
    """A host that finishes TLS handshakes and says nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        context.wrap_socket(connection, server_side=True).close()
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.parametrize("kind", ["commbox", "onprem", "accuauth"])
def test_a_host_that_is_there_leaves_the_credentials_to_the_first_check(
    acme: Business, sandbox: Sandbox, kind: str
) -> None:
    steps = contact_checker(factories.account(acme, kind, base_url=sandbox.url)).probe()
    assert seen(steps) == [("Host name", True), ("Connection", True), ("Credentials", True)]
    assert "first real check will prove" in steps[-1].detail
    assert len(sandbox.journal) == 0
    assert not ProviderCall.objects.exists()


@pytest.mark.parametrize(("password", "ok"), [("right", True), ("revoked", False)])
def test_a_password_is_proved_by_signing_in(acme: Business, sandbox: Sandbox, password: str, ok: bool) -> None:
    account = factories.account(
        acme,
        "onprem",
        base_url=sandbox.url,
        credentials={"username": "admin", "password": password},
        options={"auth": "login"},
    )
    steps = contact_checker(account).probe()
    assert seen(steps) == [("Host name", True), ("Connection", True), ("Sign in", ok)]
    assert [entry.path for entry in sandbox.journal] == ["/v1/users/login"]
    assert ("refused this account" in steps[-1].detail) is not ok


@pytest.mark.parametrize("kind", ["commbox", "onprem", "accuauth"])
def test_nothing_listening_ends_the_test_at_the_connection(acme: Business, kind: str) -> None:
    steps = contact_checker(factories.account(acme, kind, base_url="http://127.0.0.1:1")).probe()
    assert seen(steps) == [("Host name", True), ("Connection", False)]


@pytest.mark.parametrize(
    "base_url",
    ["http://provider.example", "https://10.0.0.1", "ftp://localhost", "https://", "https://u:p@host.example"],
)
def test_a_base_url_that_is_not_allowed_is_not_tried(base_url: str) -> None:
    assert seen(reach(base_url)) == [("Base URL", False)]


def test_an_unknown_host_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_kwargs: object) -> list[object]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    (step,) = reach("https://nowhere.example")
    assert (step.name, step.ok) == ("Host name", False)
    assert "could not be found" in step.detail


@pytest.mark.parametrize("address", ["10.0.0.7", "127.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.7"])
def test_a_name_that_leads_inside_is_never_connected_to(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = [(family, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443)), (family, socket.SOCK_STREAM, 6, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
    monkeypatch.setattr(socket, "create_connection", lambda *_args, **_kwargs: pytest.fail("a connection was tried"))
    (step,) = reach("https://inside.example")
    assert not step.ok
    assert "private" in step.detail


def test_a_resolver_that_hangs_does_not_hold_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: release.wait(10) and [])
    monkeypatch.setattr(line, "CONNECT_TIMEOUT", 0.05)
    (step,) = reach("https://slow.example")
    release.set()
    assert "did not answer in time" in step.detail


def test_loopback_is_for_those_who_allow_it(settings: Settings, sandbox: Sandbox) -> None:
    settings.PROVIDERS_ALLOW_LOCAL = False
    assert seen(reach(sandbox.url)) == [("Base URL", False)]
    assert addresses.may_reach(sandbox.url, ipaddress.ip_address("8.8.8.8"))
    assert not addresses.may_reach(sandbox.url, ipaddress.ip_address("127.0.0.1"))


def test_a_certificate_of_the_nodes_own_authority_is_trusted_by_its_file(tls_port: int, certificate: Path) -> None:
    steps = reach(f"https://localhost:{tls_port}", ca_file=certificate)
    assert seen(steps) == [("Host name", True), ("Connection", True), ("Certificate", True)]
    assert "TLSv1.3" in steps[-1].detail


def test_a_certificate_that_nobody_vouches_for_is_refused(tls_port: int) -> None:
    steps = reach(f"https://localhost:{tls_port}")
    assert seen(steps) == [("Host name", True), ("Connection", True), ("Certificate", False)]
    assert "not trusted" in steps[-1].detail


def test_a_host_without_tls_is_said(sandbox: Sandbox) -> None:
    steps = reach(sandbox.url.replace("http://127.0.0.1", "https://localhost"))
    assert seen(steps)[-1] == ("Certificate", False)


def test_a_file_without_certificates_is_a_failed_step(tls_port: int, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    assert seen(reach(f"https://localhost:{tls_port}", ca_file=empty))[-1] == ("Certificate", False)


@pytest.mark.parametrize(("token", "holds"), [("sandbox-token", True), ("revoked", False)])
def test_a_cloud_api_token_is_proved_without_looking_at_anybody(
    acme: Business, sandbox: Sandbox, token: str, holds: bool
) -> None:
    account = factories.account(acme, "cloud_api", base_url=sandbox.url, credentials={"access_token": token})
    steps = probe_account(account)
    assert seen(steps) == [("Host name", True), ("Connection", True), ("Access token", holds)]
    assert [call.url for call in ProviderCall.objects.all()] == [f"{sandbox.url}/v25.0/me"]
    assert all(entry.numbers == () for entry in sandbox.journal.entries())
    assert holds or "Replace the account's access token" in steps[-1].detail


def test_kaleyras_credentials_are_left_to_the_first_verification(acme: Business, sandbox: Sandbox) -> None:
    steps = probe_account(factories.account(acme, "kaleyra", base_url=sandbox.url))
    assert seen(steps) == [("Host name", True), ("Connection", True), ("Credentials", True)]
    assert [step.tested for step in steps] == [True, True, False]
    assert "first real verification" in steps[-1].detail
    assert len(sandbox.journal) == 0


@pytest.mark.parametrize("kind", ["cloud_api", "kaleyra"])
def test_a_number_account_that_nothing_listens_for_ends_at_the_connection(acme: Business, kind: str) -> None:
    steps = probe_account(factories.account(acme, kind, base_url="http://127.0.0.1:9"))
    assert seen(steps)[-1] == ("Connection", False)
    assert not ProviderCall.objects.exists()
