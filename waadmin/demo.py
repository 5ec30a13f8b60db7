"""The demo: sandbox, server and worker as three processes on one SQLite file, started and stopped together.

Everything it keeps is in one folder: random secrets, readable by its owner only, the database, and the three logs.
"""

import fcntl
import json
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cryptography.fernet import Fernet

from waadmin import BASE_DIR

HOST = "127.0.0.1"
_START_SECONDS = 90.0
_STOP_SECONDS = 20.0
_LOG_LINES = 15


class DemoRefused(Exception):
    """The demo cannot start or go on: the message says why and what to do."""


class Demo:
    """One demo in one folder, on one port."""

    def __init__(self, *, folder: Path, port: int, say: Callable[[str], None]) -> None:
        self._folder, self._port, self._say = folder.resolve(), port, say
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._signals = 0
        self._state: dict[str, Any] = {}

    def run(self) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP.

        :raises DemoRefused: when something is in the way, or one of the three ends by itself.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note_signal)
        with self._alone():
            self._load_state()
            try:
                self._start()
                while not self._signals and self._ended() is None:
                    time.sleep(0.2)
                if not self._signals:
                    raise self._ended_by_itself()
            finally:
                self._say("Stopping …")
                self._stop()
        self._say(f"Stopped. The data stays in {self._folder}; remove that folder to begin anew.")

    def _start(self) -> None:
        if not is_free(self._port):
            raise DemoRefused(f"Port {self._port} is taken. Choose another one: make demo PORT=8001")
        if not self._state.get("sandbox_port") or not is_free(self._state["sandbox_port"]):
            self._state["sandbox_port"] = free_port()
        sandbox_port = str(self._state["sandbox_port"])
        sandbox_url = f"http://{HOST}:{sandbox_port}"
        self._state["environment"]["SANDBOX_URL"] = sandbox_url
        self._save_state()
        first = not self._state.get("filled")
        self._say("Preparing the database …" if first else "Starting where it stood …")
        self._manage("migrate", "-v0")
        paths = json.loads(self._manage("demo", "--fill", sandbox_url, given=self._state | {"first": first}))
        self._state["filled"] = True
        self._save_state()
        if self._signals:
            return

        address = f"http://{HOST}:{self._port}"
        python = sys.executable
        sandbox = [python, "-m", "sandbox", "--port", sandbox_port, "--app-secret-env", "META_APP_SECRET"]
        doors = ["--callback-url", f"{address}{paths['callback']}", "--webhook-url", f"{address}{paths['webhook']}"]
        self._spawn("sandbox", sandbox + doors)
        self._spawn("serve", [python, "manage.py", "serve", "--host", HOST, "--port", str(self._port)])
        self._spawn("worker", [python, "manage.py", "worker"])
        self._wait_until_it_answers()
        if self._signals:
            return
        self._say(
            f"\n  waadmin demo   {address}/\n"
            f"  log in as      admin (support and auditor see it with their roles)\n"
            f"  password       {self._state['password']}\n"
            f"  the sandbox    {sandbox_url}/_sandbox/ shows what would have reached a provider\n"
            f"  the phone      {sandbox_url}/_sandbox/phone/ rings with the codes that Meta or Kaleyra sends\n"
            f"  people         {sandbox_url}/_sandbox/phone/people answer, say STOP, change identity\n"
            f"  commands       . {self._folder / 'demo.env'} && .venv/bin/python manage.py help\n\n"
            "  Ctrl-C stops it; the data stays."
        )

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while is_free(self._port) and not self._signals:
            if self._ended() is not None:
                raise self._ended_by_itself()
            if time.monotonic() > until:
                raise DemoRefused(f"The server did not start within {_START_SECONDS:.0f} s. {self._log('serve')}")
            time.sleep(0.1)

    def _spawn(self, name: str, command: list[str]) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            self._children[name] = subprocess.Popen(
                command,
                cwd=BASE_DIR,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us only, and we stop them in order
            )

    def _stop(self) -> None:
        # The worker first, while what it is calling still answers.
        for name in ("worker", "serve", "sandbox"):
            child = self._children.get(name)
            if child is None:
                continue
            for _try in range(2):
                # A second signal tells the worker not to wait for a run that is under way.
                with suppress(subprocess.TimeoutExpired):
                    child.terminate()
                    child.wait(_STOP_SECONDS)
                    break
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self._children.clear()

    def _ended(self) -> str | None:
        return next((name for name, child in self._children.items() if child.poll() is not None), None)

    def _ended_by_itself(self) -> DemoRefused:
        name = self._ended() or ""
        return DemoRefused(f"The {name} ended by itself, so the demo stops. {self._log(name)}")

    def _log(self, name: str) -> str:
        path = self._folder / f"{name}.log"
        return "\n".join([f"Its log, {path}, ends:", *path.read_text(errors="replace").splitlines()[-_LOG_LINES:]])

    def _manage(self, *arguments: str, given: dict[str, Any] | None = None) -> str:
        ended = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=self._environment(),
            input=json.dumps(given or {}),
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        if ended.returncode != 0:
            raise DemoRefused(f"The database could not be prepared:\n{ended.stderr.strip()}")
        return ended.stdout

    def _environment(self) -> dict[str, str]:
        own: dict[str, str] = self._state["environment"]
        return os.environ | own

    def _load_state(self) -> None:
        path = self._folder / "secrets.json"
        if path.exists():
            self._state = json.loads(path.read_text())
        else:
            self._state = {
                "environment": {
                    "SECRET_KEY": secrets.token_urlsafe(50),
                    "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
                    "META_APP_SECRET": secrets.token_hex(16),
                    "META_WEBHOOK_VERIFY_TOKEN": secrets.token_urlsafe(24),
                },
                "password": secrets.token_urlsafe(9),
                "started_at": datetime.now(UTC).isoformat(),
            }
        self._state["environment"] |= {
            "DATABASE_URL": f"sqlite:///{self._folder / 'demo.sqlite3'}",
            "DJANGO_SETTINGS_MODULE": "waadmin.settings",
            "ALLOWED_HOSTS": f"{HOST},localhost",
            "PROVIDERS_ALLOW_LOCAL": "1",
            "SECURE_SSL_REDIRECT": "0",
            "DEBUG": "0",
            "LOG_FORMAT": "text",
            "REDIS_URL": "",
            "SECOND_FACTOR_ROLES": "",
            "ERASURE_JOURNAL": str(self._folder / "erasures.jsonl"),
        }

    def _save_state(self) -> None:
        self._write("secrets.json", json.dumps(self._state, indent=2))
        # For a person's own shell: with it every command works on the demo's data.
        lines = (f"export {name}={shlex.quote(value)}" for name, value in self._state["environment"].items())
        self._write("demo.env", "\n".join(lines) + "\n")

    def _write(self, name: str, text: str) -> None:
        path = self._folder / name
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)

    def _alone(self) -> "_Lock":
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _Lock(self._folder)

    def _note_signal(self, number: int, frame: object) -> None:
        self._signals += 1


class _Lock:
    """Lets one demo at a time use a folder; the system lets go of it however the process ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        self._file = (self._folder / "lock").open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise DemoRefused(f"A demo is running in {self._folder} already. Stop it first.") from None
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()


def is_free(port: int) -> bool:
    """Tell whether nothing listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) != 0


def free_port() -> int:
    """Give a loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
