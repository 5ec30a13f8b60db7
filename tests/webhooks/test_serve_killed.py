"""`serve` really started: nothing that it acknowledged is missing, whatever is killed or stopped while it works.

WEBHOOK_KILLS sets how often the whole server is killed under load (default 2), WEBHOOK_DELIVERIES how many deliveries
PostgreSQL is stopped during (default 1,000; the full count is 10,000).
"""

import http.client
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from providers.encryption import decrypt
from tests.postgresql_server import own_server
from tests.processes import manage, own_database, running, until
from tests.webhooks.deliveries import ADDRESS, APP_SECRET, body_of, status
from tests.webhooks.senders import Senders
from webhooks import receive, signature

KILLS = int(os.environ.get("WEBHOOK_KILLS", "2"))
DELIVERIES = int(os.environ.get("WEBHOOK_DELIVERIES", "1000"))


@pytest.fixture
def url(db: None, tmp_path: Path) -> Iterator[str]:
    """A database of the server's own."""
    with own_database(tmp_path) as made:
        yield made


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    """Ask the server's own database."""
    if url.startswith("sqlite"):
        import sqlite3

        with sqlite3.connect(url.removeprefix("sqlite:///")) as file:
            return file.execute(statement).fetchall()
    with psycopg.connect(url) as other:
        return other.execute(statement).fetchall()


def stored(url: str) -> dict[str, bytes]:
    """The stored bodies by their digests."""
    rows = query(url, "SELECT digest, body FROM webhooks_webhookrequest")
    return {str(digest): decrypt(bytes(body)) for digest, body in rows}  # type: ignore[call-overload]


def bodies(count: int, name: str) -> list[bytes]:
    return [body_of(status(f"wamid.{name}.{place}")) for place in range(count)]


def test_after_kill_9_under_load_no_acknowledged_body_is_missing(url: str, tmp_path: Path) -> None:
    acknowledged: list[bytes] = []
    for turn in range(KILLS):
        port = free_port()
        with running(url, tmp_path / f"serve{turn}.log", "serve", "--port", str(port)) as server:
            server.says("Started worker-2")
            senders = Senders(port, bodies(50_000, str(turn)))
            senders.start()
            so_far = senders.acknowledged
            until(lambda so_far=so_far: len(so_far) > 100, seconds=60, what="some are acknowledged")  # type: ignore[misc]
            time.sleep(0.3 + 0.2 * turn)
            os.killpg(server.process.pid, signal.SIGKILL)
            senders.stop()
        acknowledged += senders.acknowledged
    kept = stored(url)
    missing = [body for body in acknowledged if kept.get(receive.digest_of(None, body)) != body]
    assert missing == [] and len(acknowledged) > 100 * KILLS


def test_a_killed_process_of_the_server_costs_no_delivery(url: str, tmp_path: Path) -> None:
    port = free_port()
    with running(url, tmp_path / "serve.log", "serve", "--port", str(port)) as server:
        server.says("Started worker-2")
        senders = Senders(port, bodies(600, "w"), redeliver=True)
        senders.start()
        until(lambda: len(senders.acknowledged) > 50, seconds=60, what="deliveries are acknowledged")
        os.kill(server.pids(r"worker-1 with PID: (\d+)")[0], signal.SIGKILL)
        assert senders.wait(120)
    assert len(stored(url)) == 600 == len(senders.acknowledged)


def test_two_signature_headers_are_refused_on_the_wire(url: str, tmp_path: Path) -> None:
    port, body = free_port(), body_of(status("wamid.1"))
    right, wrong = signature.sign(body, APP_SECRET), "sha256=" + "0" * 64
    with running(url, tmp_path / "serve.log", "serve", "--port", str(port), "--workers", "1") as server:
        server.says("Started worker-1")

        def post(*headers: str) -> int:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as wire:
                wire.putrequest("POST", ADDRESS)
                wire.putheader("Content-Type", "application/json")
                wire.putheader("Content-Length", str(len(body)))
                for header in headers:
                    wire.putheader("X-Hub-Signature-256", header)
                wire.endheaders(body)
                with wire.getresponse() as answer:
                    return answer.status

        assert [post(right, wrong), post(wrong, right), post(right, right), post()] == [401] * 4
        assert stored(url) == {}
        assert post(right) == 200
        assert stored(url) == {receive.digest_of(None, body): body}


@pytest.mark.postgresql
def test_postgresql_stopped_during_deliveries_loses_none_and_doubles_none(tmp_path: Path, db: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("run once, with PostgreSQL's programs: set DATABASE_URL to one (make test-postgresql)")
    with own_server() as server:
        manage(server.url, "migrate", "-v0")
        (tmp_path / "numbers.toml").write_text(NUMBERS, encoding="utf-8")
        os.environ["WEBHOOK_TEST_TOKEN"] = "token-of-tests"
        manage(server.url, "configure", str(tmp_path / "numbers.toml"))
        sent = bodies(DELIVERIES, "pg")
        # Every tenth is delivered twice from the start, as Meta may.
        senders = Senders(port := free_port(), [*sent, *sent[::10]], redeliver=True)
        with running(server.url, tmp_path / "serve.log", "serve", "--port", str(port)) as serve:
            serve.says("Started worker-2")
            senders.start()
            for share, mode in ((0.2, "immediate"), (0.5, "fast"), (0.8, "immediate")):
                until(
                    lambda share=share: len(senders.acknowledged) > share * DELIVERIES,  # type: ignore[misc]
                    seconds=300,
                    what="deliveries are acknowledged",
                )
                server.stop(mode=mode)
                time.sleep(1)
                server.start()
            assert senders.wait(600), "every delivery is acknowledged in the end"
            _read_all(server.url, tmp_path / "read.log")
            assert serve.process.poll() is None
        assert senders.refused > 0
        assert {receive.digest_of(None, body): body for body in sent} == stored(server.url)
        once = "SELECT count(*), count(DISTINCT wamid) FROM contacts_messagestatus WHERE status = 'delivered'"
        assert query(server.url, once) == [(DELIVERIES, DELIVERIES)]
        done = "SELECT outcome, count(*) FROM webhooks_webhookevent GROUP BY outcome"
        assert query(server.url, done) == [("DONE", DELIVERIES)]


NUMBERS = """
[[business]]
name = "Acme"

[[provider]]
business = "Acme"
name = "acme-cloud"
kind = "cloud_api"
base_url = "https://graph.facebook.com"
credentials = { access_token = "env:WEBHOOK_TEST_TOKEN" }
recipient = { legal_name = "Meta", country = "IE", agreement = "terms", official = true }

[[number]]
provider = "acme-cloud"
waba_id = "102290129340398"
phone_number_id = "106540352242922"
phone_number = "+15550051310"
"""


def _read_all(url: str, log: Path) -> None:
    with running(url, log, "process_webhooks") as reading:
        assert reading.process.wait(1_200) == 0, reading.text[-2_000:]
    assert manage(url, "process_webhooks", "--failed", "--json") == ""
