"""Processes that die on databases of their own: the same small world, made once and copied.

Each is forked from one process that has everything loaded and is connected to nothing: starting Python and Django anew
would take most of a test's time.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import environ
import psycopg
from django.db import connections

from sandbox import Sandbox
from tests.faults import crashing
from tests.processes import environment, until
from waadmin import BASE_DIR

_BE_A_STAGE = "from tests.faults.crashing_worlds import be_a_stage; be_a_stage()"


class Actor:
    """A process that plays on the stage."""

    def __init__(self, pid: int, end: Path, said: Path) -> None:
        self.pid = pid
        self._end, self._said = end, said

    def send(self, number: int) -> None:
        """Send it a signal; one that has ended does not mind."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    @property
    def text(self) -> str:
        """What it wrote."""
        return self._said.read_text()

    @property
    def ended(self) -> bool:
        """Tell whether it has ended."""
        return self._end.exists()

    def wait(self, *, seconds: float = 120) -> int:
        """Wait until it has ended, and give its exit code: negative for the signal that ended it."""
        until(lambda: self.ended, seconds=seconds, what=f"the process ends\n{self.text[-4_000:]}")
        return int(self._end.read_text())


class Stage:
    """Starts processes that play a part of `crashing_journeys.main`."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process, self._folder = process, folder
        self._count = 0

    def start(self, url: str, what: str, *, sandbox: Sandbox, folder: Path, **extra: str) -> Actor:
        """Start a process on a database, with the files of `folder`."""
        self._count += 1
        end, said = self._folder / f"{self._count}.end", self._folder / f"{self._count}.said"
        said.touch()
        own = {"FAULT_SANDBOX": sandbox.url, "FAULT_FOLDER": str(folder)}
        order = {"url": url, "what": what, "end": str(end), "said": str(said), "environment": own | extra}
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        return Actor(int(self._process.stdout.readline()), end, said)

    def done(self, url: str, what: str, *, sandbox: Sandbox, folder: Path, seconds: float = 120) -> Any:
        """Have a part played to its good end, and give the facts that it printed."""
        actor = self.start(url, what, sandbox=sandbox, folder=folder)
        assert actor.wait(seconds=seconds) == 0, actor.text[-4_000:]
        last = actor.text.splitlines()[-1:]
        return json.loads(last[0]) if last else None


@contextmanager
def stage(url: str, folder: Path) -> Iterator[Stage]:
    """Load everything in a process, from which others are forked; `url` only tells the kind of database."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-v0", "-c", _BE_A_STAGE],
        cwd=BASE_DIR,
        env=environment(url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Stage(process, folder)
    finally:
        process.communicate(timeout=30)


def be_a_stage() -> None:
    """Fork a process for each line of standard input, and write down how each one ends."""
    from tests.faults import crashing_journeys  # everything is loaded before the first fork

    ends: dict[int, Path] = {}

    def note_ends(*_signal: object) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                _write_whole(ends[ended[0]], str(os.waitstatus_to_exitcode(ended[1])))

    signal.signal(signal.SIGCHLD, note_ends)
    for line in sys.stdin:
        order = json.loads(line)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if not pid:
            _play(order, crashing_journeys.main)
        ends[pid] = Path(order["end"])
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _play(order: dict[str, Any], main: Any) -> None:
    """Play the part in the forked process, and end it without ever returning to the stage."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        said = os.open(order["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(said, stream)
        os.environ.update(order["environment"])
        tempfile.tempdir = order["environment"]["FAULT_FOLDER"]
        place = environ.Env.db_url_config(order["url"])
        # The engine and its options are those of the settings already.
        connections.settings["default"].update({name: place[name] for name in ("NAME", "USER", "HOST", "PORT")})
        crashing.obey_the_environment()
        main(order["what"])
        connections.close_all()
        code = 0
    except BaseException:  # noqa: BLE001 - it is written down, and nothing may get back to the stage
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _write_whole(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.rename(path)


@contextmanager
def copied(url: str, folder: Path) -> Iterator[str]:
    """Copy a database that nobody is connected to, give the copy's URL, and drop it."""
    if url.startswith("sqlite"):
        place = folder / "copy.sqlite3"
        shutil.copyfile(url.removeprefix("sqlite:///"), place)
        yield f"sqlite:///{place}"
        return
    parts, name = urlsplit(url), f"waadmin_fault_{os.getpid()}_{uuid4().hex[:8]}"
    with psycopg.connect(parts._replace(path="/postgres").geturl(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {parts.path[1:]}")
        try:
            yield parts._replace(path=f"/{name}").geturl()
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
