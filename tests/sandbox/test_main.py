"""Starting and stopping, the journal, the control endpoints, and many connections at once."""

import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener, urlopen

import pytest

import sandbox as package
from sandbox import Sandbox, magic
from sandbox.seeds import CONNECTED_NUMBER_ID
from tests.sandbox.client import ask_accuauth, ask_commbox, ask_onprem, call
from tests.sandbox.receiver import APP_SECRET, App

ROOT = Path(package.__file__).parents[1]


def command(*arguments: str) -> list[str]:
    """The sandbox's command line."""
    return [sys.executable, "-m", "sandbox", *arguments]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """`python -m sandbox` on a free port."""
    started = subprocess.Popen(
        command("--port", "0", "--slow", "0.1"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    yield started
    if started.poll() is None:
        started.kill()
    started.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_it_is_told_to_stop(process: subprocess.Popen[str], number: signal.Signals) -> None:
    assert process.stdout is not None
    url = process.stdout.readline().split()[2].rstrip(";")
    with urlopen(f"{url}/_sandbox/journal", timeout=5) as response:
        assert json.load(response) == {"entries": []}
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def test_the_help_lists_the_magic_numbers() -> None:
    done = subprocess.run(command("--help"), cwd=ROOT, capture_output=True, text=True, check=True, timeout=20)
    assert magic.table_text() in done.stdout


def test_a_taken_port_is_said_and_exits_with_1(sandbox: Sandbox) -> None:
    port = sandbox.url.rpartition(":")[2]
    done = subprocess.run(command("--port", port), cwd=ROOT, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Port {port} cannot be used:")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--port", "70000"),
        ("--slow", "-1"),
        ("--latency", "nan"),
        ("--callback-url", "https://example.com/"),
        ("--pace", "x"),
        ("--webhook-url", "ftp:"),
    ],
)
def test_a_wrong_option_is_a_usage_error(arguments: tuple[str, str]) -> None:
    done = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_webhook_url_needs_the_name_of_a_variable_that_holds_the_secret() -> None:
    url = "http://127.0.0.1:8000/webhooks/meta/"
    for arguments in (("--webhook-url", url), ("--webhook-url", url, "--app-secret-env", "NOT_SET_ANYWHERE")):
        done = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, check=False, timeout=20)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--app-secret-env" in done.stderr


def test_the_command_signs_with_the_secret_of_its_environment(app: App) -> None:
    with subprocess.Popen(
        command("--port", "0", "--webhook-url", app.url, "--app-secret-env", "THE_SECRET", "--pace", "0"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "THE_SECRET": APP_SECRET},
    ) as started:
        assert started.stdout is not None
        url = started.stdout.readline().split()[2].rstrip(";")
        form = urlencode({"do": "write", "to": CONNECTED_NUMBER_ID, "text": "Hello"}).encode()
        with pytest.raises(HTTPError, match="303"):
            build_opener(_Stay).open(f"{url}/_sandbox/phone/people/16505551234", form, timeout=5)
        hook = app.take()
        started.terminate()
    digest = hmac.new(APP_SECRET.encode(), hook.body, hashlib.sha256).hexdigest()
    assert hook.headers["x-hub-signature-256"] == f"sha256={digest}"


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any) -> None:
        """Follow nothing."""


def test_it_listens_on_loopback_only(sandbox: Sandbox) -> None:
    address = urlsplit(sandbox.url)
    assert address.hostname == "127.0.0.1"
    # The port is free on this machine's other addresses only when the server is not bound to all of them.
    with socket.socket() as other:
        other.bind(("127.0.0.2", address.port or 0))


def test_the_journal_holds_what_arrived_in_order(sandbox: Sandbox) -> None:
    before = time.time()
    ask_onprem(sandbox, "+1 631 555 1001", "6315551002")
    ask_accuauth(sandbox, "987654404")
    ask_commbox(sandbox, "16315551500")
    first, second, third = sandbox.journal.entries()
    assert (first.number, second.number, third.number) == (1, 2, 3)
    assert before <= first.at <= second.at <= third.at <= time.time()
    assert (first.provider, first.method, first.path) == ("onprem", "POST", "/v1/contacts")
    assert first.numbers == ("+1 631 555 1001", "6315551002")
    assert [entry.answered_status for entry in sandbox.journal] == [200, 200, 500]
    assert sandbox.journal.numbers() == ("+1 631 555 1001", "6315551002", "987654404", "16315551500")
    assert sandbox.journal.numbers("accuauth") == ("987654404",)
    with pytest.raises(FrozenInstanceError):
        first.number = 9  # type: ignore[misc]


def test_a_request_is_in_the_journal_while_it_is_still_being_answered(sandbox: Sandbox) -> None:
    sandbox.conditions.slow = 30
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask_commbox, sandbox, "16315551408")
        assert sandbox.journal.wait_for(1)
        [entry] = sandbox.journal
        assert entry.answered_status is None
        sandbox.stop()
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            asking.result(timeout=5)


def test_stopping_ends_every_thread_and_idle_connection() -> None:
    before = threading.active_count()
    with Sandbox() as sandbox:
        address = urlsplit(sandbox.url)
        idle = http.client.HTTPConnection("127.0.0.1", address.port, timeout=5)
        idle.request("GET", "/_sandbox/journal")
        idle.getresponse().read()
        assert threading.active_count() > before
    idle.close()
    assert threading.active_count() == before


def test_a_refused_call_is_in_the_journal_and_no_credential_is(sandbox: Sandbox) -> None:
    ask_onprem(sandbox, "+16315551001", token="top-secret-revoked")
    ask_accuauth(sandbox, "987654321", api_id="top-secret-id", secret="top-secret")
    call(sandbox, "GET", "/whatsapp/validatecontact/s/16315551001?token=top-secret")
    assert [entry.answered_status for entry in sandbox.journal] == [401, 200, 401]
    assert "x-df-api-secret" in sandbox.journal.entries("accuauth")[0].header_names
    assert "top-secret" not in repr(sandbox.journal.entries())
    assert b"top-secret" not in call(sandbox, "GET", "/_sandbox/journal").body


def test_what_reaches_no_provider_is_in_the_journal_too(sandbox: Sandbox) -> None:
    assert call(sandbox, "GET", "/elsewhere").status == 404
    [entry] = sandbox.journal
    assert (entry.provider, entry.answered_status) == ("none", 404)


def test_the_journal_is_read_and_cleared_over_http_and_numbering_goes_on(sandbox: Sandbox) -> None:
    ask_accuauth(sandbox, "987654321")
    [entry] = call(sandbox, "GET", "/_sandbox/journal").json["entries"]
    assert (entry["number"], entry["provider"], entry["numbers"]) == (1, "accuauth", ["987654321"])
    assert call(sandbox, "DELETE", "/_sandbox/journal").status == 204
    assert len(sandbox.journal) == 0
    ask_accuauth(sandbox, "987654321")
    assert [one.number for one in sandbox.journal] == [2]


def test_clearing_while_a_call_is_open_leaves_the_next_entries_alone(sandbox: Sandbox) -> None:
    journal = sandbox.journal
    fields: dict[str, Any] = {"provider": "onprem", "method": "GET", "path": "/", "numbers": (), "header_names": ()}
    first = journal.received(**fields)
    journal.clear()
    journal.answered(first, 200)
    journal.received(**fields)
    journal.answered(first, 200)
    assert [(entry.number, entry.answered_status) for entry in journal] == [(2, None)]


def test_latency_is_set_over_http_and_holds_for_providers_only(sandbox: Sandbox) -> None:
    assert call(sandbox, "PUT", "/_sandbox/latency", body={"seconds": 0.1}).json == {"seconds": 0.1}
    started = time.monotonic()
    ask_commbox(sandbox, "16315551001")
    assert time.monotonic() - started >= 0.1


@pytest.mark.parametrize("body", [b"", b"{}", {"seconds": -1}, {"seconds": "1"}, {"seconds": True}, {"seconds": 61}])
def test_a_latency_that_is_none_is_refused(sandbox: Sandbox, body: Any) -> None:
    assert call(sandbox, "PUT", "/_sandbox/latency", body=body).status == 400
    assert sandbox.conditions.latency == 0


def test_the_callback_url_is_set_and_taken_away_over_http(sandbox: Sandbox) -> None:
    url = "http://127.0.0.1:8000/webhooks/onprem/1/token/"
    assert call(sandbox, "PUT", "/_sandbox/callback-url", body={"url": url}).json == {"url": url}
    assert sandbox.callback_url == url
    assert call(sandbox, "PUT", "/_sandbox/callback-url", body={"url": None}).status == 200
    assert sandbox.callback_url is None


@pytest.mark.parametrize("url", ["https://example.com/", "http://10.0.0.1/", "http://127.0.0.1:x/", "", 5, "file:///"])
def test_a_callback_url_beyond_this_machine_is_refused(sandbox: Sandbox, url: Any) -> None:
    assert call(sandbox, "PUT", "/_sandbox/callback-url", body={"url": url}).status == 400
    assert sandbox.callback_url is None
    with pytest.raises(ValueError, match=r".+"):
        Sandbox(callback_url=str(url))


def test_a_request_without_a_url_leaves_the_callback_url_alone(sandbox: Sandbox) -> None:
    sandbox.callback_url = "http://localhost:8000/"
    assert call(sandbox, "PUT", "/_sandbox/callback-url", body={}).status == 400
    assert sandbox.callback_url == "http://localhost:8000/"


def test_the_page_shows_what_left_and_escapes_everything(sandbox: Sandbox) -> None:
    ask_onprem(sandbox, "<script>alert(1)</script>", '"&\ud800')
    sandbox.callback_url = "http://127.0.0.1:8000/webhooks/onprem/1/secret-token/"
    answer = call(sandbox, "GET", "/_sandbox/")
    page = answer.body.decode()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "to http://127.0.0.1:8000" in page
    assert "secret-token" not in page


@pytest.mark.parametrize("path", ["/", "/_sandbox", "/favicon.ico"])
def test_what_a_browser_asks_for_leads_to_the_page_and_stays_out_of_the_journal(sandbox: Sandbox, path: str) -> None:
    assert call(sandbox, "GET", path).headers["location"] == "/_sandbox/"
    assert len(sandbox.journal) == 0


def test_an_unknown_control_is_not_found(sandbox: Sandbox) -> None:
    assert call(sandbox, "POST", "/_sandbox/journal").status == 404


def test_a_connection_is_kept_for_many_requests(sandbox: Sandbox) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(sandbox.url).port, timeout=5)
    connection.connect()
    opened = connection.sock
    for status in (200, 500, 200):
        number = "16315551500" if status == 500 else "16315551001"
        connection.request("GET", f"/whatsapp/validatecontact/s/{number}", headers={"Authorization": "Bearer t"})
        response = connection.getresponse()
        response.read()
        assert response.status == status
        assert connection.sock is opened
    connection.close()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST /v1/contacts HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /v1/contacts HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST /v1/contacts HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 300 + b"\r\n", 431),
    ],
)
def test_a_request_that_is_no_http_is_refused(sandbox: Sandbox, sent: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(sandbox.url).port or 0), timeout=5) as connection:
        connection.sendall(sent)
        assert connection.recv(1000).startswith(f"HTTP/1.1 {status} ".encode())


def test_a_head_request_gets_no_body(sandbox: Sandbox) -> None:
    answer = call(sandbox, "HEAD", "/v1/contacts")
    assert (answer.status, answer.body) == (404, b"")


def test_sixty_four_connections_at_once_are_all_answered(sandbox: Sandbox) -> None:
    sandbox.conditions.latency = 0.3
    with ThreadPoolExecutor(64) as pool:
        started = time.monotonic()
        answers = list(pool.map(lambda place: ask_onprem(sandbox, f"+163155510{place:02}"), range(64)))
        # One after the other would take twenty seconds.
        assert time.monotonic() - started < 5
    assert {answer.status for answer in answers} == {200}
    assert len(set(sandbox.journal.numbers())) == 64
    assert [entry.number for entry in sandbox.journal] == list(range(1, 65))


def test_it_imports_nothing_but_the_standard_library() -> None:
    program = (
        "import sys, sandbox, sandbox.__main__, sandbox.load\n"
        "names = {name.partition('.')[0] for name in sys.modules} - {'sandbox', '__main__'}\n"
        "print(sorted(name for name in names if name not in sys.stdlib_module_names))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stdout.strip() == "[]"
