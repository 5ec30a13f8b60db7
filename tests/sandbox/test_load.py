"""The load sender: signed, bounded, and honest about what was acknowledged."""

import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import sandbox as package
from sandbox import load, sending
from sandbox.sending import KINDS, Bodies, Connection, Load, Order, head, percentiles
from tests.sandbox.receiver import APP_SECRET, App, Hook

ROOT = Path(package.__file__).parents[1]


def send(app: App, **wanted: Any) -> dict[str, Any]:
    """Send a load to the app."""
    return Load(Order(url=app.url, secret=APP_SECRET.encode(), **wanted)).run()


def received(app: App) -> list[Hook]:
    """Take everything that came."""
    return [app.hooks.get_nowait() for _ in range(app.hooks.qsize())]


def command(app: App, *arguments: str, secret: str = APP_SECRET) -> "subprocess.CompletedProcess[str]":
    """Run the command."""
    return subprocess.run(
        [sys.executable, "-m", "sandbox.load", "--url", app.url, "--app-secret-env", "THE_SECRET", *arguments],
        cwd=ROOT,
        env={**os.environ, "THE_SECRET": secret},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_command_prints_counts_and_percentiles_and_writes_down_what_was_taken(app: App, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    done = command(app, "--count", "50", "--batch", "2", "--acknowledged", str(taken))
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["sent"], told["acknowledged"], told["events"], told["sent_again"]) == (50, 50, 100, 0)
    assert told["answers"] == {"200": 50}
    assert list(told["latency_ms"]) == ["p50", "p95", "p99", "max"]
    assert 0 < told["latency_ms"]["p50"] <= told["latency_ms"]["max"]
    hooks = received(app)
    assert sorted(taken.read_text().split()) == sorted(hashlib.sha256(hook.body).hexdigest() for hook in hooks)
    for hook in hooks:
        digest = hmac.new(APP_SECRET.encode(), hook.body, hashlib.sha256).hexdigest()
        assert hook.headers["x-hub-signature-256"] == f"sha256={digest}"
        assert hook.path == "/webhooks/meta/?a=1"


def test_what_is_not_acknowledged_is_not_counted_and_the_command_says_so(app: App) -> None:
    app.answers = [503, 401]
    done = command(app, "--count", "5", "--connections", "1")
    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert (told["acknowledged"], told["answers"]) == (3, {"200": 3, "401": 1, "503": 1})


def test_what_is_not_acknowledged_is_sent_again_for_as_long_as_told(app: App) -> None:
    app.answers = [503, 503, 503]
    told = send(app, count=3, connections=1, redeliver=10.0)
    assert (told["sent"], told["acknowledged"], told["sent_again"]) == (3, 3, 3)
    bodies = [hook.body for hook in received(app)]
    assert bodies[0] == bodies[1] == bodies[2] == bodies[3]
    app.answers = [503] * 100
    told = send(app, count=1, connections=1, redeliver=0.2)
    assert (told["acknowledged"], told["sent"]) == (0, 1)


def test_every_message_is_another_one_and_a_seed_repeats_them(app: App) -> None:
    send(app, count=30, events="messages", seed="a")
    ids = {hook.values[0]["messages"][0]["id"] for hook in received(app)}
    assert len(ids) == 30
    send(app, count=30, events="messages", seed="a")
    assert {hook.values[0]["messages"][0]["id"] for hook in received(app)} == ids
    send(app, count=30, events="messages", seed="b")
    assert not {hook.values[0]["messages"][0]["id"] for hook in received(app)} & ids


@pytest.mark.parametrize(("events", "kinds"), [("statuses", {"statuses"}), ("mixed", {"statuses", "messages"})])
def test_the_kinds_of_events_are_chosen(app: App, events: str, kinds: set[str]) -> None:
    send(app, count=10, events=events, batch=3)
    values = [value for hook in received(app) for value in hook.values]
    assert len(values) == 30
    assert {kind for value in values for kind in ("statuses", "messages") if kind in value} == kinds


def test_a_rate_is_kept_and_time_ends_the_load(app: App) -> None:
    told = send(app, count=20, rate=100.0)
    assert 0.18 <= told["seconds"] < 2
    told = send(app, count=1000, rate=20.0, seconds=0.3)
    assert 5 <= told["sent"] <= 7
    assert told["seconds"] < 2


def test_what_is_made_while_it_is_sent_is_the_same(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    send(app, count=20, seed="a")
    made_before = {hook.values[0][kind][0]["id"] for hook in received(app) for kind in hook.values[0] if kind in KINDS}
    monkeypatch.setattr(sending, "MADE_BEFORE", 5)
    send(app, count=20, seed="a")
    assert made_before == {
        hook.values[0][kind][0]["id"] for hook in received(app) for kind in hook.values[0] if kind in KINDS
    }


def test_connections_are_kept(app: App) -> None:
    accepted = []
    real = app.get_request

    def get_request() -> Any:
        accepted.append(1)
        return real()

    app.get_request = get_request  # type: ignore[method-assign]
    send(app, count=50, connections=3)
    assert 1 <= len(accepted) <= 3


def test_an_app_that_is_down_is_no_answer() -> None:
    told = Load(Order(url="http://127.0.0.1:1/", secret=b"s", count=2)).run()
    assert (told["answers"], told["acknowledged"], told["latency_ms"]) == ({"none": 2}, 0, {})


@contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """A server that gives these answers, one a connection, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for answer in answers:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65_536)
                    for piece in (answer[:20], answer[20:]):
                        connection.sendall(piece)
                        time.sleep(0.01)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nConnection: close\r\n\r\n", 200),
        (b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", 503),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 200 OK\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", None),
        (b"", None),
        (b"nonsense\r\nContent-Length: 0\r\n\r\n", None),
    ],
)
def test_an_answer_counts_only_when_it_is_whole(answer: bytes, status: int | None) -> None:
    with answering(answer) as url:
        connection = Connection(url)
        assert connection.exchange(head(url, b"{}", signature="x") + b"{}") == status
        connection.close()


def test_a_connection_that_was_closed_is_made_again() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with answering(answer, answer) as url:
        connection = Connection(url)
        assert [connection.exchange(b"POST / HTTP/1.1\r\n\r\n") for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--url", "https://example.com/"),
        ("--count", "0"),
        ("--count", "5000001"),
        ("--count", "99999999999999999999"),
        ("--rate", "-1"),
        ("--rate", "nan"),
        ("--seconds", "3601"),
        ("--connections", "257"),
        ("--batch", "1001"),
        ("--events", "other"),
    ],
)
def test_a_load_is_bounded_and_stays_on_this_machine(
    arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        load.main(["--url", "http://127.0.0.1:1/", "--app-secret-env", "X", *arguments])
    assert refused.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_without_the_secret_nothing_is_sent(app: App) -> None:
    done = command(app, secret="")
    assert (done.returncode, done.stdout) == (2, "")
    assert "THE_SECRET holds no app secret" in done.stderr
    assert app.is_quiet()


def test_the_secret_is_not_in_an_order_s_representation() -> None:
    assert "canary" not in repr(Order(url="http://127.0.0.1:1/", secret=b"canary"))
    with pytest.raises(ValueError, match="127"):
        Connection("http://example.com/")


def test_percentiles_are_of_the_latencies() -> None:
    assert percentiles([place / 1000 for place in range(1, 101)]) == {"p50": 51, "p95": 96, "p99": 100, "max": 100}


def test_bodies_are_made_fast_enough_for_thousands_a_second() -> None:
    bodies = Bodies(Order(url="http://127.0.0.1:1/", secret=b"s"))
    began = time.perf_counter()
    for place in range(1000):
        bodies.body(place)
    assert time.perf_counter() - began < 1
