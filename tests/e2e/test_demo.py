"""The demo, really started: a person logs in, it stops on Ctrl-C, and starts again where it stood."""

import re
import signal
import socket
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.processes import Running, running, until

READY = "Ctrl-C stops it"


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def count(folder: Path, query: str) -> int:
    with closing(sqlite3.connect(folder / "demo.sqlite3")) as shell:
        return int(shell.execute(query).fetchone()[0])


def log_in(demo: Running, port: int, user: str) -> str:
    """Log in as the demo says, and give the home page."""
    password = re.findall(r"password +(\S+)", demo.text)[-1]
    address = f"http://127.0.0.1:{port}"
    with requests.Session() as session:
        session.trust_env = False
        form = session.get(f"{address}/login/", timeout=20).text
        token = form.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        return session.post(
            f"{address}/login/?next=/",
            data={"username": user, "password": password, "csrfmiddlewaretoken": token, "next": "/"},
            headers={"Referer": f"{address}/login/"},
            timeout=20,
        ).text


def test_the_demo_is_logged_in_to_stopped_and_started_where_it_stood(tmp_path: Path, port: int) -> None:
    folder = tmp_path / "demo"
    arguments = ("demo", "--port", str(port), "--folder", str(folder))
    with running("sqlite:///:memory:", tmp_path / "first.log", *arguments) as demo:
        demo.says(READY, seconds=120)

        for user in ("admin", "support", "auditor"):
            assert 'action="/logout/"' in log_in(demo, port, user)
        until(
            lambda: count(folder, "SELECT count(*) FROM contacts_checkbatch WHERE state = 'FINISHED'"),
            seconds=60,
            what="the worker finishes the first check run",
        )
        people = count(folder, "SELECT count(*) FROM contacts_contact")
        assert people >= 200
        for state in ("GRANTED", "WITHDRAWN", "HELD"):
            assert count(folder, f"SELECT count(*) FROM contacts_optin WHERE state = '{state}'")
        assert stat.S_IMODE((folder / "secrets.json").stat().st_mode) == 0o600
        first_password = re.findall(r"password +(\S+)", demo.text)

        with running("sqlite:///:memory:", tmp_path / "twin.log", *arguments) as twin:
            assert twin.process.wait(60) == 1
            assert "is running in" in twin.text
        assert demo.stop(number=signal.SIGINT) == 0
        assert "The data stays" in demo.text

    with running("sqlite:///:memory:", tmp_path / "second.log", *arguments) as demo:
        demo.says(READY, seconds=120)

        assert re.findall(r"password +(\S+)", demo.text) == first_password
        assert 'action="/logout/"' in log_in(demo, port, "admin")
        assert count(folder, "SELECT count(*) FROM contacts_contact") == people
        assert count(folder, "SELECT count(*) FROM contacts_checkbatch") == 1
        assert demo.stop() == 0


def test_a_taken_port_is_said_before_anything_is_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with running(
            "sqlite:///:memory:", tmp_path / "log", "demo", "--port", port, "--folder", str(tmp_path / "demo")
        ) as demo:
            assert demo.process.wait(60) == 1

            assert f"Port {port} is taken" in demo.text and "Traceback" not in demo.text
