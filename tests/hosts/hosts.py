"""Hosts for tests: a web server or a worker with a folder, caches and processes of its own, over one shared database.

Nothing but DATABASE_URL and the secrets is the same for two of them. Whatever carries a host's TMPDIR in its
environment is that host: killing it kills all of that and nothing else.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from http.cookiejar import CookieJar
from pathlib import Path

from tests.processes import Running, environment, lives, until
from waadmin import BASE_DIR

_FIELD = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class Host:
    """One host: started, killed as if its plug were pulled, started again on the same port."""

    def __init__(self, name: str, folder: Path, url: str, *arguments: str, ready: str) -> None:
        self.name = name
        self._folder, self._url, self._arguments, self._ready = folder / name, url, arguments, ready
        self._starts = 0
        self._running: Running | None = None
        for place in ("tmp", "work"):
            (self._folder / place).mkdir(parents=True)

    @property
    def log(self) -> str:
        """Everything that it wrote, from its first start on."""
        return "".join(path.read_text() for path in sorted(self._folder.glob("*.log")))

    def start(self) -> None:
        """Start it, and do not wait until it works."""
        self._starts += 1
        log = self._folder / f"{self._starts:03d}.log"
        # An empty REDIS_URL: each process has a cache of its own, and no host sees another's.
        own = {"TMPDIR": str(self._folder / "tmp"), "HOME": str(self._folder), "REDIS_URL": "", "LOG_FORMAT": "text"}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, str(BASE_DIR / "manage.py"), *self._arguments],
                cwd=self._folder / "work",
                env=environment(self._url) | own,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._running = Running(log, process)

    def is_up(self) -> None:
        """Wait until it works."""
        assert self._running is not None
        self._running.says(self._ready, seconds=120)

    def kill(self) -> None:
        """End every process of it at once: nobody is left to tidy up."""
        pids = self._pids()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._running is not None:
            self._running.process.wait(20)
        until(lambda: not any(lives(pid) for pid in pids), seconds=20, what=f"{self.name} is dead")

    def _pids(self) -> list[int]:
        mark = f"TMPDIR={self._folder / 'tmp'}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found


class WebHost(Host):
    """A host that serves the console, on a port that it keeps."""

    def __init__(self, name: str, folder: Path, url: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        port = ("--port", str(self.port), "--workers", "1")
        super().__init__(name, folder, url, "serve", *port, ready="Started worker-1")


class WorkerHost(Host):
    """A host that works in the background."""

    def __init__(self, name: str, folder: Path, url: str) -> None:
        super().__init__(name, folder, url, "worker", ready="pushing tasks at")


class Browser:
    """A person's browser: its cookies go to every web host, as behind one name."""

    def __init__(self) -> None:
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def get(self, host: WebHost, path: str) -> tuple[str, str]:
        """Give the address that was reached, and its page."""
        return self._open(f"http://127.0.0.1:{host.port}{path}")

    def token(self, host: WebHost, path: str) -> str:
        """Give what a form of this page must bring along."""
        found = _FIELD.search(self.get(host, path)[1])
        assert found is not None, f"{path} has no form"
        return found[1]

    def post(self, host: WebHost, path: str, *, token: str, **fields: str) -> tuple[str, str]:
        """Post a form, and give the address and page that it led to."""
        body = urllib.parse.urlencode(fields | {"csrfmiddlewaretoken": token}).encode()
        return self._open(f"http://127.0.0.1:{host.port}{path}", body)

    def _open(self, address: str, body: bytes | None = None) -> tuple[str, str]:
        try:
            with self._opener.open(address, body, timeout=60) as answer:
                return urllib.parse.urlsplit(answer.url).path, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{address}: {error.code}\n{error.read().decode()[:2_000]}") from None
