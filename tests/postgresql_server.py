"""A PostgreSQL server of a test's own, which it may stop and start as it likes; never the one that others use."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Server:
    """A cluster in a folder of its own, on a free port of the loopback."""

    def __init__(self, folder: Path, binaries: Path, as_user: list[str]) -> None:
        self._data, self._log, self._binaries, self._as_user = folder / "data", folder / "log", binaries, as_user
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=150"
        self._run("pg_ctl", "-D", str(self._data), "-l", str(self._log), "-w", "start", "-o", options)

    def stop(self, *, mode: str = "immediate") -> None:
        """Stop it: `immediate` is as abrupt as a power cut, short of losing what the disk has."""
        self._run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._as_user, str(self._binaries / program), *arguments],
            cwd="/",
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=120,
        )


@contextmanager
def own_server() -> Iterator[Server]:
    """Start a server; skip, saying why, where its programs are not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("PostgreSQL's programs (initdb, pg_ctl) are not installed")
    as_user: list[str] = []
    folder = Path(tempfile.mkdtemp(prefix="waadmin-postgresql-"))
    if os.geteuid() == 0:
        # It refuses to run as root.
        user = (
            "postgres"
            if subprocess.run(["id", "postgres"], capture_output=True, check=False).returncode == 0
            else "nobody"
        )
        shutil.chown(folder, user)
        as_user = ["runuser", "-u", user, "--"]
    try:
        server = Server(folder, found[-1].parent, as_user)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
