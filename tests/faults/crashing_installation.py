"""An installation that really runs, with something to do for each process of it: what `test_kills` kills."""

import http.client
import os
import random
import signal
import sqlite3
import threading
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import psycopg

from sandbox import Sandbox
from tests import factories
from tests.contacts import csv_files
from tests.processes import Running, lives, manage, running, until
from tests.webhooks.deliveries import ADDRESS, APP_SECRET, body_of, status
from webhooks import receive, signature

#: How many numbers a check run has, and with how few left the next one is made.
_RUN, _FEW = 400, 120
_FEED = """
from pathlib import Path
from providers.models import ProviderAccount
from tests import factories
factories.check_run(ProviderAccount.objects.get(kind="commbox"), *Path({path!r}).read_text().split())
"""
#: The command, in smaller steps: each is a place to be killed at.
_IMPORT = """
from django.core.management import call_command
from contacts.consent import chunk
chunk.MOST_ROWS = 200
call_command("import_optins", {path!r}, "--business", "Acme", "--name-shown", "Acme")
"""


def query(url: str, statement: str) -> int:
    """Ask the database for one number."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30)) as file:
            return int(file.execute(statement).fetchone()[0] or 0)
    with psycopg.connect(url) as connection:
        row = connection.execute(statement).fetchone()
        return int(row[0] or 0) if row else 0


def family(pid: int) -> list[int]:
    """Give a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


class Trickle(threading.Thread):
    """Delivers webhooks as Meta does, some each second, each again until it is taken."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[str] = []
        self._port, self._over = port, threading.Event()

    def run(self) -> None:
        count = 0
        while not self._over.wait(0.1):
            count += 1
            body = body_of(status(f"wamid.trickle.{count}"))
            while not self._over.is_set() and not self._taken(body):
                self._over.wait(0.1)

    def stop(self) -> None:
        self._over.set()
        self.join(60)

    def _taken(self, body: bytes) -> bool:
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature.sign(body, APP_SECRET)}
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)) as wire:
            try:
                wire.request("POST", ADDRESS, body, headers)
                taken = wire.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False
        if taken:
            self.acknowledged.append(receive.digest_of(None, body))
        return taken


class Installation:
    """A worker and a server on one database; check runs that never run out, webhooks that keep coming."""

    def __init__(self, url: str, sandbox: Sandbox, folder: Path, *, port: int, numbers: int) -> None:
        self.url, self.folder, self.port = url, folder, port
        self.sandbox = sandbox
        self.started = 0
        self.killed_at = 0.0
        self.ever: list[int] = []
        self._numbers = [factories.number(100 + index % 100, 200 + index // 100) for index in range(numbers)]
        self._stacks: dict[str, ExitStack] = {}
        self.running: dict[str, Running] = {}
        self.senders = Trickle(port)

    def begin(self) -> None:
        """Let people agree, and start everything."""
        self.import_people(self._numbers)
        self.feed()
        self.start("worker")
        self.start("serve")
        self.senders.start()
        until(lambda: self.answers() and self.senders.acknowledged, seconds=90, what=self.running["worker"].text)

    def end(self) -> None:
        """Stop everything at once: whatever is under way then is lost too."""
        self.senders.stop()
        for name in list(self._stacks):
            for pid in family(self.running[name].process.pid):
                self.kill(pid)
            self._stacks.pop(name).close()
        for pid in self.ever:
            self.kill(pid)

    def start(self, name: str) -> None:
        """Start worker or server, in the place of one that is dead."""
        if name in self._stacks:
            self._stacks.pop(name).close()
        arguments = ["serve", "--port", str(self.port)] if name == "serve" else ["worker"]
        stack = self._stacks[name] = ExitStack()
        self.started += 1
        log = self.folder / f"{name}-{self.started}.log"
        self.running[name] = stack.enter_context(running(self.url, log, *arguments))

    def kill(self, pid: int) -> None:
        """Kill one of our processes; what is dead already stays so."""
        self.killed_at = time.monotonic()
        if lives(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def answers(self) -> int:
        """Count the answers on record."""
        return query(self.url, "SELECT count(*) FROM contacts_contactcheck WHERE status = 'VALID'")

    def feed(self) -> None:
        """Make the next check run where the last one is nearly done."""
        waiting = query(self.url, "SELECT count(*) FROM contacts_contactcheck WHERE status = 'WAITING'")
        if waiting < _FEW:
            some, self._numbers = self._numbers[:_RUN], self._numbers[_RUN:]
            assert some, "every number has been asked about"
            (self.folder / "run.txt").write_text("\n".join(some))
            manage(self.url, "shell", "-v0", "-c", _FEED.format(path=str(self.folder / "run.txt")))

    def some_numbers(self, count: int) -> list[str]:
        """Take numbers that nobody has been asked about."""
        some, self._numbers = self._numbers[:count], self._numbers[count:]
        assert len(some) == count, "every number has been asked about"
        return some

    def import_people(self, numbers: list[str]) -> None:
        """Let people agree."""
        path = self.folder / "people.csv"
        path.write_bytes(csv_files.csv_of(*map(csv_files.line, numbers)))
        manage(self.url, "import_optins", str(path), "--business", "Acme", "--name-shown", "Acme")

    def file_of(self, place: int, *, lines: int) -> Path:
        """Write a file of people whom nobody asks about."""
        path = self.folder / f"import-{place}.csv"
        numbers = [f"+4475{place:03d}{index:05d}" for index in range(lines)]
        path.write_bytes(csv_files.csv_of(*map(csv_files.line, numbers)))
        return path

    def killed_in_mid_command(self, chance: random.Random, *arguments: str, longest: float) -> bool:
        """Start a command and kill it after a while; tell whether it was still at work then."""
        self.started += 1
        with running(self.url, self.folder / f"command-{self.started}.log", *arguments) as command:
            until_killed = time.monotonic() + chance.uniform(longest / 8, longest)
            while time.monotonic() < until_killed and command.process.poll() is None:
                time.sleep(0.02)
            alive = command.process.poll() is None
            self.kill(command.process.pid)
            command.process.wait(20)
        return alive

    def import_command(self, path: Path) -> tuple[str, ...]:
        """Give the command that imports a file in small steps."""
        return ("shell", "-v0", "-c", _IMPORT.format(path=str(path)))

    def facts_of_imports(self) -> int:
        """Count what is imported, or was found to be."""
        return query(self.url, "SELECT sum(granted_count + unchanged_count) FROM contacts_optinimport")

    def described(self) -> dict[str, Any]:
        """Say what the processes wrote, for a failure."""
        return {name: one.text[-2_000:] for name, one in self.running.items()}
