"""Mutation testing: `python -m tests.twins.mutants MODULE [--jobs 2] [--only TEXT]`, such as `contacts.gate`, or `all`.

Each mutant runs in a fork, up to the first test that fails. What changes a function is put into the place of the
function's code, in a fork of a process that has everything loaded, its database made and every test passed once;
what changes the module itself is loaded in its place, in a fork from before anything of ours was. A mutant that ends in
no time counts as killed. All of that on SQLite: a connection to a server does not survive a fork. Where POSTGRESQL_URL
names a server, what survives there is loaded in the module's place and meets the same tests on PostgreSQL.
"""

import argparse
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.twins.equivalent import EQUIVALENT
from tests.twins.forks import Ended, fork_each, load_in_place, try_functions, try_reloaded
from tests.twins.kept_database import SETTING, make
from tests.twins.mutating import mutants_of
from tests.twins.twin import ROOT

#: The tests of each module: its own, and those of what holds it to its word.
TESTS: dict[str, tuple[str, ...]] = {
    "contacts.gate": ("tests/contacts/test_gate_codes.py", "tests/contacts/test_gate.py"),
    "webhooks.signature": ("tests/webhooks/test_meta_signature.py",),
    "audit.ledger": ("tests/audit/test_ledger.py",),
    "numbers.limits": ("tests/numbers/test_limits_at_the_edge.py",),
}
#: Modules of which a part runs on PostgreSQL only.
ON_POSTGRESQL = frozenset({"audit.ledger"})
POSTGRESQL_URL = os.environ.get("POSTGRESQL_URL", "")
#: Imported before the first fork, because each fork would otherwise load them anew.
_PRELOADED = ("django", "hypothesis", "phonenumbers", "cryptography.fernet", "requests", "responses", "django.test")


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants of the modules that are asked for, name those that survive, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.twins.mutants", description=__doc__)
    parser.add_argument("module", choices=[*TESTS, "all"])
    parser.add_argument("--jobs", type=int, default=1, help="how many run side by side (default 1)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only mutants whose name holds this text")
    parser.add_argument("--list", action="store_true", help="name the mutants and run none")
    chosen = parser.parse_args(arguments)
    os.environ.pop("DATABASE_URL", None)
    os.environ.setdefault("WEBHOOK_FORGERIES", "2000")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    for name in _PRELOADED:
        importlib.import_module(name)
    modules = list(TESTS) if chosen.module == "all" else [chosen.module]
    with tempfile.TemporaryDirectory(prefix="waadmin-mutants-") as folder:
        if not chosen.list and SETTING not in os.environ:
            make(Path(folder) / "kept.sqlite3", folder=ROOT, environment=os.environ)
            os.environ[SETTING] = str(Path(folder) / "kept.sqlite3")
        return max(_try_module(module, chosen.jobs, chosen.only, only_list=chosen.list) for module in modules)


def _try_module(module: str, jobs: int, only: str, *, only_list: bool) -> int:
    source = (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    every = mutants_of(source)
    mutants = [mutant for mutant in every if only in mutant.name]
    if only_list:
        for mutant in mutants:
            _say(f"{module}:{mutant.line} {mutant.name}")
        return 0
    known, tests = EQUIVALENT.get(module, {}), TESTS[module]
    began = time.monotonic()
    ended: list[Ended] = []
    whole = [mutant for mutant in mutants if not mutant.function]
    broken = try_functions(module, tests, [mutant for mutant in mutants if mutant.function], ended.append, jobs)
    try_reloaded(module, tests, whole, ended.append, jobs)
    for name in broken:
        _say(f"fails with nothing changed: {name}")
    seen = {one.mutant.number for one in ended}
    ended += [Ended(mutant, False, "") for mutant in mutants if mutant.number not in seen and not broken]
    for url in ("", *([POSTGRESQL_URL] if POSTGRESQL_URL and module in ON_POSTGRESQL else [])):
        again = [one.mutant for one in ended if not one.killed and one.mutant.name not in known]
        ended[:] = [one for one in ended if one.mutant not in again]
        _say(f"{module}: {len(ended)} of {len(mutants)} settled; {len(again)} are loaded whole")
        fork_each(again, partial(load_in_place, module, tests, url), ended.append, 1 if url else jobs)
    alive = [one.mutant for one in ended if not one.killed]
    for mutant in alive:
        if mutant.name not in known:
            _say(f"SURVIVED {module}:{mutant.line} {mutant.name}")
    stale = sorted(set(known) - {mutant.name for mutant in every})
    unexplained = [mutant for mutant in alive if mutant.name not in known]
    wrong = sorted({one.mutant.name for one in ended if one.killed and one.mutant.name in known})
    for name in stale:
        _say(f"no such mutant of {module} any more: {name}")
    for name in wrong:
        _say(f"killed, although {module} calls it equivalent: {name}")
    killed = sum(one.killed for one in ended)
    _say(
        f"{module}: killed {killed} of {len(ended) - len(alive) + len(unexplained)} in "
        f"{time.monotonic() - began:.0f} s; {len(alive) - len(unexplained)} more change nothing that could be seen"
    )
    return 1 if unexplained or stale or wrong or broken or len(ended) < len(mutants) else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
