"""`serve`, really started: it answers with every header, keeps numbers out of its log, and stops on SIGTERM."""

import http.client
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.processes import lives, own_database, running, until


@pytest.fixture
def url(db: None, tmp_path: Path) -> Iterator[str]:
    """A database of the server's own: `db` only tells where the database server is."""
    with own_database(tmp_path) as made:
        yield made


@pytest.fixture
def settings_module(tmp_path: Path) -> dict[str, str]:
    """The project's own settings, with the collected files in the test's folder."""
    (tmp_path / "serve_settings.py").write_text(
        f"from waadmin.settings import *\nALLOWED_HOSTS = ['127.0.0.1']\nSTATIC_ROOT = {str(tmp_path / 'static')!r}\n"
    )
    return {"DJANGO_SETTINGS_MODULE": "serve_settings", "PYTHONPATH": str(tmp_path)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str) -> tuple[int, dict[str, str], str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path)
        with connection.getresponse() as answer:
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read().decode()


def test_it_answers_with_every_header_and_stops_on_sigterm(
    url: str, tmp_path: Path, settings_module: dict[str, str]
) -> None:
    port = free_port()
    with running(url, tmp_path / "serve.log", "serve", "--port", str(port), **settings_module) as server:
        server.says("Started worker-2")

        status, headers, body = get(port, "/login/?q=%2B15550051310")

        assert status == 200 and "csrfmiddlewaretoken" in body
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        style = body.partition('rel="stylesheet" href="')[2].partition('"')[0]
        assert get(port, style)[0] == 200
        assert get(port, "/no/such/page/")[0] in (302, 404)
        assert "15550051310" not in server.text

        workers = server.pids(r"worker-\d with PID: (\d+)")
        begin = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begin < 20
    until(lambda: not any(lives(pid) for pid in workers), seconds=10, what="every process is gone")


def test_static_files_are_collected_when_missing_or_stale_and_only_then(
    url: str, tmp_path: Path, settings_module: dict[str, str]
) -> None:
    manifest = tmp_path / "static" / "staticfiles.json"

    def start_and_stop(name: str) -> float:
        with running(
            url, tmp_path / name, "serve", "--port", str(free_port()), "--workers", "1", **settings_module
        ) as server:
            server.says("Started worker-1")
            server.stop()
        return manifest.stat().st_mtime

    first = start_and_stop("first.log")
    assert start_and_stop("second.log") == first
    os.utime(manifest, (0, 0))
    assert start_and_stop("third.log") > 0


def test_it_does_not_start_with_an_empty_secret(tmp_path: Path) -> None:
    with running("sqlite:///:memory:", tmp_path / "serve.log", "serve", FIELD_ENCRYPTION_KEYS="") as server:
        assert server.process.wait(60) == 1

        assert "waadmin.E002" in server.text and "granian" not in server.text and "Traceback" not in server.text


@pytest.mark.parametrize("arguments", [("--port", "0"), ("--port", "99999"), ("--workers", "0")])
def test_an_impossible_port_or_count_is_a_usage_error(tmp_path: Path, arguments: tuple[str, str]) -> None:
    with running("sqlite:///:memory:", tmp_path / "serve.log", "serve", *arguments) as server:
        assert server.process.wait(60) == 2

        assert arguments[0] in server.text
