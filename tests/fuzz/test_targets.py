"""Strangers' input by the thousand: each target reads it or refuses it as documented, and never crashes.

In the suite each has one short round. `make fuzz SECONDS=600 TARGET=webhooks SEED=7` goes on for as long, guided by the
branches that inputs run; a round that failed is run again by its seed, which is printed.
"""

import os
import secrets
import time
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz import guided
from tests.fuzz.targets import TARGETS, Target

SECONDS = float(os.environ.get("FUZZ_SECONDS") or 0)
ONLY = os.environ.get("FUZZ_TARGET") or ""
SEED = int(os.environ.get("FUZZ_SEED") or secrets.randbelow(2**31))
#: So many inputs a round; the suite has one round.
ROUND, SHORT_ROUND = 500, 25


def one_round(target: Target, number: int, examples: int, branches: guided.Branches | None = None) -> None:
    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.target, Phase.shrink],
    )
    @given(target.inputs)
    def read(made: object) -> None:
        with branches.followed() if branches else nullcontext(), suppress(*target.documented):
            target.read(made)

    read()


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in TARGETS if ONLY in ("", name)] or [f"no target {ONLY}"])
def test_nothing_crashes(name: str) -> None:
    target, number = TARGETS[name], SEED
    branches = guided.Branches() if SECONDS else None
    until = time.monotonic() + SECONDS
    while True:
        print(f"{name}: seed {number}")  # noqa: T201 - shown when it fails, and by `make fuzz`
        one_round(target, number, ROUND if SECONDS else SHORT_ROUND, branches)
        number += 1
        if branches:
            print(f"{name}: {len(branches.run)} branches")  # noqa: T201
        if time.monotonic() >= until:
            break


def test_a_crash_is_seen() -> None:
    def crashes(made: object) -> None:
        raise KeyError(made)

    with pytest.raises(KeyError):
        one_round(Target(TARGETS["phone"].inputs, crashes, (ValueError,)), 1, 5)


def test_each_input_is_worth_the_branches_that_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    scores: list[float] = []
    monkeypatch.setattr(guided, "target", lambda score, label: scores.append(score))
    branches = guided.Branches()
    one_round(TARGETS["phone"], 1, 50, branches)
    assert len(set(scores)) > 1
    assert len(branches.run) >= max(scores) > 0
    assert {Path(file).parent.name for file, _from, _to in branches.run} == {"providers"}
