"""The drill: back up, restore into a scratch database, verify, drop it. Who never restored has no backup.

The restore is the very command that an emergency would run, in a process of its own on a database of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from django.db import Error as DatabaseError
from django.db import connection, transaction

from audit import ledger
from audit.export.folder import temporary_folder
from waadmin import BASE_DIR
from waadmin.backup import making
from waadmin.backup.restoring import Step

SCRATCH = "waadmin_drill_"


class DrillFailed(RuntimeError):
    """The drill did not come to its end; the message says where and why."""


def drill(*, actor: str, now: datetime) -> Iterator[Step]:
    """Back up, restore and verify; give each step once it held, and record the end.

    :raises DrillFailed: when a scratch database cannot be made, or the restore fails.
    :raises DatabaseNotCopied: when the backup fails.
    """
    with temporary_folder(Path(tempfile.gettempdir()), f"{SCRATCH}{os.getuid()}_") as folder:
        made = making.make(place=folder / "backup", actor=actor, now=now)
        yield Step("backup", f"{len(made.files)} files, {sum(file.bytes for file in made.files)} bytes.")
        with _scratch_database(folder) as url:
            yield from _restore(folder / "backup", url)
        yield Step("dropped", "The scratch database is gone.")
    with transaction.atomic():
        ledger.record(action="backup.drilled", actor=actor, now=now, details={"sequence": made.sequence})


def _restore(folder: Path, url: str) -> Iterator[Step]:
    # The journal of this host is in the backup, and a drill writes nothing into it.
    environment = os.environ | {"DATABASE_URL": url, "ERASURE_JOURNAL": ""}
    done = subprocess.run(
        [sys.executable, str(BASE_DIR / "manage.py"), "restore", str(folder), "--json"],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    for row in map(json.loads, done.stdout.splitlines()):
        yield Step(row["step"], row["proved"])
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or [f"it ended with {done.returncode}"]
        raise DrillFailed(f"The restore failed: {said[-1].removeprefix('CommandError: ')}")


@contextmanager
def _scratch_database(folder: Path) -> Iterator[str]:
    if connection.vendor == "sqlite":
        yield f"sqlite:///{folder / 'scratch.sqlite3'}"
        return
    name = f"{SCRATCH}{uuid4().hex[:12]}"
    try:
        _say(f"CREATE DATABASE {name} TEMPLATE template0")
    except DatabaseError as error:
        raise DrillFailed(
            f"A scratch database cannot be made: {str(error).splitlines()[0]}. Let the role make databases "
            "(ALTER ROLE … CREATEDB), or drill on another host with a copy of the backup and `restore`."
        ) from None
    try:
        yield urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    finally:
        with suppress(DatabaseError):
            _say(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _say(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
