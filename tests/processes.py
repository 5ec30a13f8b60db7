"""Our own commands as real processes for tests: started with an environment of their own, read, and always ended."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psycopg
from django.db import connection

from waadmin import BASE_DIR


def until(condition: Callable[[], object], *, seconds: float, what: str) -> float:
    """Wait until the condition holds and give how long it took; fail with `what` when it does not."""
    begin = time.monotonic()
    while not condition():
        if time.monotonic() - begin > seconds:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)
    return time.monotonic() - begin


def lives(pid: int) -> bool:
    """Tell whether a process runs; one that waits for its parent to take note of its end does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def own_database(folder: Path) -> Iterator[str]:
    """Make a migrated database of the kind that the tests run on, give its URL, and drop it."""
    if connection.vendor == "sqlite":
        url = f"sqlite:///{folder / 'own.sqlite3'}"
        manage(url, "migrate", "-v0")
        yield url
        return
    server = {
        "host": connection.settings_dict["HOST"],
        "port": connection.settings_dict["PORT"] or "5432",
        "user": connection.settings_dict["USER"],
        "password": connection.settings_dict["PASSWORD"],
    }
    name = f"waadmin_process_{uuid4().hex[:12]}"
    with psycopg.connect(dbname="postgres", autocommit=True, **server) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            sign_in = f"{server['user']}:{server['password']}" if server["password"] else server["user"]
            url = f"postgres://{sign_in}@{server['host']}:{server['port']}/{name}"
            manage(url, "migrate", "-v0")
            yield url
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def environment(url: str) -> dict[str, str]:
    """Give the environment of a process that works on the database at `url` with the tests' settings."""
    return os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONUNBUFFERED": "1"}


def manage(url: str, *arguments: str) -> str:
    """Run a command to its end and give what it printed."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=environment(url),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout


class Running:
    """A command that runs, and what it has written so far."""

    def __init__(self, log: Path, process: "subprocess.Popen[bytes]") -> None:
        self.log = log
        self.process = process

    @property
    def text(self) -> str:
        return self.log.read_text()

    def says(self, words: str, *, seconds: float = 60) -> None:
        """Wait until the command has written these words."""

        def said_or_ended() -> bool:
            return words in self.text or self.process.poll() is not None

        until(said_or_ended, seconds=seconds, what=f"“{words}” in:\n{self.text}")
        assert words in self.text, f"ended with {self.process.returncode} before “{words}”:\n{self.text}"

    def pids(self, pattern: str) -> list[int]:
        return [int(pid) for pid in re.findall(pattern, self.text)]

    def stop(self, *, number: int = signal.SIGTERM, seconds: float = 60) -> int:
        """Send the signal to the command's own process and give its exit code."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


@contextmanager
def running(url: str, log: Path, *arguments: str, **extra: str) -> Iterator[Running]:
    """Start a command in a session of its own, and end whatever is left of it afterwards."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=environment(url) | extra,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        yield Running(log, process)
    finally:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
