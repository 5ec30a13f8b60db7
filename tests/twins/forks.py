"""Running tests against mutants in forks: the code of a function replaced, or another module loaded in its place."""

import importlib
import importlib.machinery
import os
import signal
import sys
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.twins.kept_database import PLUGIN, SETTING
from tests.twins.mutating import Mutant

#: Seconds for a mutant; the slowest module's tests take a tenth of it.
LONGEST = 240
_QUIET = ("-n", "0", "-x", "-q", "-s", "-W", "ignore", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", PLUGIN)
_KILLED, _SURVIVED = 1, 0


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of one mutant: killed, and by which test; or not."""

    mutant: Mutant
    killed: bool
    by: str


class Told:
    """Runs in each fork: the first test that fails ends the process, and its name goes up a pipe."""

    def __init__(self, write: int) -> None:
        self._write = write

    def pytest_configure(self, config: pytest.Config) -> None:
        """Let Hypothesis repeat itself."""
        _calm_hypothesis()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """End at the first failure."""
        if report.failed:
            os.write(self._write, report.nodeid.encode()[:4_000])
            os._exit(_KILLED)


class Session:
    """A pytest session that has run once and now runs again in forks, the function of each mutant replaced."""

    def __init__(self, module: str, mutants: Sequence[Mutant], words: TextIO, jobs: int) -> None:
        self._module, self._mutants, self._words, self._jobs = module, mutants, words, jobs
        self._seconds: dict[str, float] = {}
        self._failed = False

    def pytest_configure(self, config: pytest.Config) -> None:
        """Let Hypothesis repeat itself."""
        _calm_hypothesis()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how long a test takes, and whether it fails with nothing changed."""
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0) + report.duration
        if report.failed:
            self._failed = True
            self._words.write(f"broken\t{report.nodeid}\n")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run every test once, then again for each mutant, those first that killed another or are quick."""
        _run_all(session, session.items)
        if self._failed or not session.items:
            return True
        killers: list[str] = []

        def work(mutant: Mutant, write: int) -> int:
            session.config.pluginmanager.unregister(self)
            session.config.pluginmanager.register(Told(write))
            _put_in_place(sys.modules[self._module], mutant)
            rank = {name: at for at, name in enumerate(killers)}
            order = sorted(session.items, key=lambda item: (rank.get(item.nodeid, 999), self._seconds[item.nodeid]))
            _run_all(session, order)
            return _SURVIVED

        def note(ended: Ended) -> None:
            _tell(self._words, ended)
            if ended.killed and ended.by:
                killers[:] = [ended.by, *(name for name in killers if name != ended.by)][:30]

        fork_each(self._mutants, work, note, self._jobs)
        return True


def try_functions(
    module: str, tests: Sequence[str], mutants: Sequence[Mutant], note: Callable[[Ended], None], jobs: int
) -> list[str]:
    """Try mutants of functions in a process that has run every test once; give the tests that fail unchanged."""

    def run(words: TextIO) -> None:
        pytest.main([*_QUIET, *tests], plugins=[Session(module, mutants, words, jobs)])

    return _apart(run, mutants, note)


def try_reloaded(
    module: str, tests: Sequence[str], mutants: Sequence[Mutant], note: Callable[[Ended], None], jobs: int
) -> list[str]:
    """Try mutants in a process that has everything loaded: the module is loaded once more, and then the tests are."""

    def run(words: TextIO) -> None:
        import django

        django.setup()
        live = importlib.import_module(module)

        def work(mutant: Mutant, write: int) -> int:
            exec(compile(mutant.source, str(live.__file__), "exec", dont_inherit=True), vars(live))
            return int(pytest.main([*_QUIET, *tests], plugins=[Told(write)]))

        # Where the unchanged module does not stand being loaded twice, every mutant is for whoever loads it whole.
        unchanged = Mutant(-1, 0, "", "", Path(str(live.__file__)).read_text(encoding="utf-8"))
        stood: list[Ended] = []
        fork_each([unchanged], work, stood.append, 1)
        if not stood[0].killed:
            fork_each(mutants, work, partial(_tell, words), jobs)

    return _apart(run, mutants, note)


def _apart(run: Callable[[TextIO], None], mutants: Sequence[Mutant], note: Callable[[Ended], None]) -> list[str]:
    """Run something in a process of its own, which loads what this one must not, and note what it tells."""
    broken: list[str] = []
    if not mutants:
        return broken
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        _hush()
        try:
            run(os.fdopen(write, "w", buffering=1))
        finally:
            os._exit(0)
    os.close(write)
    by_number = {mutant.number: mutant for mutant in mutants}
    with os.fdopen(read) as told:
        for line in told:
            first, *rest = line.rstrip("\n").split("\t")
            if first == "broken":
                broken.append(rest[0])
            else:
                note(Ended(by_number[int(first)], rest[0] == "1", rest[1]))
    os.waitpid(pid, 0)
    return broken


def _tell(words: TextIO, ended: Ended) -> None:
    words.write(f"{ended.mutant.number}\t{int(ended.killed)}\t{ended.by}\n")


def fork_each(
    mutants: Sequence[Mutant], work: Callable[[Mutant, int], int], note: Callable[[Ended], None], jobs: int
) -> None:
    """Do the work for each mutant in a fork of its own, some side by side, and note what came of it."""
    running: dict[int, tuple[Mutant, int]] = {}
    waiting = list(mutants)
    while waiting or running:
        if waiting and len(running) < jobs:
            mutant = waiting.pop(0)
            read, write = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(read)
                _hush()
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(LONGEST)
                # What cannot be put in place here is for whoever loads the whole module.
                code = _SURVIVED
                try:
                    code = work(mutant, write)
                finally:
                    os._exit(code)
            os.close(write)
            running[pid] = (mutant, read)
            continue
        pid, status = os.wait()
        mutant, read = running.pop(pid)
        with os.fdopen(read, "rb") as told:
            by = told.read().decode()
        note(Ended(mutant, os.waitstatus_to_exitcode(status) != _SURVIVED, by))


def load_in_place(module: str, tests: Sequence[str], database_url: str, mutant: Mutant, write: int) -> int:
    """Run the tests with the mutant loaded instead of the module; what cannot be loaded is killed."""
    load = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: Any, fullname: str) -> types.CodeType | None:
        if fullname == module:
            return compile(mutant.source, self.get_filename(fullname), "exec", dont_inherit=True)
        return load(self, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    if database_url:
        del os.environ[SETTING]
        os.environ["DATABASE_URL"] = urlunsplit(urlsplit(database_url)._replace(path="/waadmin_mutants"))
    once = ["--reuse-db"] if database_url else []
    try:
        return int(pytest.main([*_QUIET, *once, *tests], plugins=[Told(write)]))
    except Exception:  # noqa: BLE001 - whatever a module raises as it is loaded, nobody could use it
        return int(pytest.ExitCode.INTERNAL_ERROR)


def _put_in_place(module: types.ModuleType, mutant: Mutant) -> None:
    """Give the live function the code that it has in the mutant."""
    found: Any = module
    for name in mutant.function.split("."):
        found = vars(found)[name]
    function = getattr(found, "__wrapped__", found)
    code = _code_of(compile(mutant.source, str(module.__file__), "exec", dont_inherit=True), mutant.function)
    function.__code__ = code


def _code_of(outer: types.CodeType, qualified: str) -> types.CodeType:
    for one in outer.co_consts:
        if isinstance(one, types.CodeType):
            if one.co_qualname == qualified:
                return one
            if qualified.startswith(f"{one.co_qualname}."):
                return _code_of(one, qualified)
    raise LookupError(qualified)


def _run_all(session: pytest.Session, items: Sequence[pytest.Item]) -> None:
    """Run tests in this order; what lives as long as the session stays, because another test follows each."""
    for at, item in enumerate(items):
        following = items[at + 1] if at + 1 < len(items) else session.items[0]
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def _calm_hypothesis() -> None:
    """Let Hypothesis find the same each time, and neither shrink nor keep what it finds."""
    from hypothesis import Phase, settings

    settings.register_profile(
        "mutants", database=None, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate]
    )
    settings.load_profile("mutants")


def _hush() -> None:
    """Let this process say nothing any more."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(nothing, stream.fileno())
