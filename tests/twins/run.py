"""Running the twins: each in a copy of the source, with its guard taken out; one of its tests must fail there.

`python -m tests.twins [--only NAME] [--jobs 2]`. Twins whose tests need row locks run where POSTGRESQL_URL names a
server, each job in a database of its own; elsewhere they are said to be left out.
"""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from urllib.parse import urlsplit, urlunsplit

from tests.twins.guards import TWINS
from tests.twins.kept_database import PLUGIN, SETTING, make
from tests.twins.twin import ROOT, Twin

POSTGRESQL_URL = os.environ.get("POSTGRESQL_URL", "")
#: A test that waits for ever noticed something, and yet failed nowhere: the twin counts as survived.
LONGEST = 600
_HOW = ("-n", "0", "-x", "-q", "-p", "no:cacheprovider", "-p", PLUGIN)
_SOME_FAILED = re.compile(r"\b\d+ failed\b")


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of the source that one job works in."""

    folder: Path
    job: int

    @property
    def kept(self) -> Path:
        """The database file that every run on SQLite begins with."""
        return self.folder.parent / "kept.sqlite3"

    def environment(self, *, postgresql: bool) -> dict[str, str]:
        """Give the environment for one of the databases."""
        ours = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        if not postgresql:
            return ours | {SETTING: str(self.kept)}
        return ours | {"DATABASE_URL": urlunsplit(urlsplit(POSTGRESQL_URL)._replace(path=f"/waadmin_twins_{self.job}"))}

    def write(self, file: str, source: str) -> None:
        """Write a file, and forget what was compiled of it: two edits may come within a second."""
        path = self.folder / file
        path.write_text(source, encoding="utf-8")
        if path.suffix == ".py":
            Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)

    def run(self, tests: Sequence[str], *, postgresql: bool) -> tuple[int, str]:
        """Run tests here up to the first that fails, and give pytest's exit code and its words."""
        command = [sys.executable, "-m", "pytest", *_HOW, *tests]
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self.environment(postgresql=postgresql),
                capture_output=True,
                text=True,
                timeout=LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return 124, f"no end within {LONGEST} s"
        return done.returncode, done.stdout + done.stderr


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the twins that are asked for, print what became of each, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.twins", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a twin's name; may be repeated")
    parser.add_argument("--jobs", type=int, default=1, help="how many run side by side (default 1)")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.only) - {twin.name for twin in TWINS}
    if unknown:
        parser.error(f"no such twin: {', '.join(sorted(unknown))}")
    asked = [twin for twin in TWINS if not chosen.only or twin.name in chosen.only]
    twins = [twin for twin in asked if POSTGRESQL_URL or not twin.postgresql]
    for twin in asked:
        if twin not in twins:
            _say(f"{twin.name} … left out: needs PostgreSQL (POSTGRESQL_URL)")
    with tempfile.TemporaryDirectory(prefix="waadmin-twins-") as folder:
        copies = _copies(Path(folder), chosen.jobs)
        make(copies[0].kept, folder=copies[0].folder, environment=copies[0].environment(postgresql=False))
        if not _hold_unbroken(copies[0], twins):
            return 1
        free: Queue[Copy] = Queue()
        for copy in copies:
            free.put(copy)
        with ThreadPoolExecutor(chosen.jobs) as pool:
            killed = sum(pool.map(lambda twin: _try(twin, free), twins))
    _say(f"killed {killed} of {len(twins)}")
    return 0 if killed == len(twins) else 1


def _copies(folder: Path, jobs: int) -> list[Copy]:
    """Copy what git tracks and what is new, once for each job."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    copies = [Copy(folder / str(job), job) for job in range(jobs)]
    for copy in copies:
        for name in names:
            (copy.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy.folder / name)
    return copies


def _hold_unbroken(copy: Copy, twins: Sequence[Twin]) -> bool:
    """Tell whether the tests pass with every guard in its place: otherwise they would prove nothing."""
    for postgresql in (False, True):
        tests = sorted({test for twin in twins if twin.postgresql is postgresql for test in twin.tests})
        if not tests:
            continue
        code, words = copy.run(tests, postgresql=postgresql)
        if code != 0:
            _say(f"{words}\nThe tests fail with every guard in its place (exit {code}).")
            return False
    return True


def _try(twin: Twin, free: "Queue[Copy]") -> bool:
    copy = free.get()
    began = time.monotonic()
    whole = (copy.folder / twin.file).read_text(encoding="utf-8")
    try:
        copy.write(twin.file, twin.broken(whole))
        code, words = copy.run(twin.tests, postgresql=twin.postgresql)
    finally:
        copy.write(twin.file, whole)
        free.put(copy)
    # Exit code 1 and a failed test: not an error while collecting, and not one in a fixture only.
    killed = code == 1 and _SOME_FAILED.search(words) is not None
    told = "killed" if killed else "SURVIVED"
    _say(f"{twin.name} … {told} in {time.monotonic() - began:.0f} s")
    if not killed:
        _say(f"  pytest ended with {code}: {(words.strip() or 'no words').splitlines()[-1]}")
    return killed


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
