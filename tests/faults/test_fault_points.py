"""A process dies at a named point of a journey; whoever comes after it ends the journey, once, and nothing is stuck.

FAULT_POINTS says how many of the points are tried (default 4), `all` for every one, or which, by names with commas
between them; FAULT_SEED chooses the same ones again.
"""

import os
import random
import signal
import sys
from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.faults.crashing_invariants import World, broken
from tests.faults.crashing_journeys import JOURNEYS
from tests.faults.crashing_worlds import Stage, copied
from tests.faults.points import POINTS

SEED = int(os.environ.get("FAULT_SEED") or random.randrange(1_000_000))
WANTED = os.environ.get("FAULT_POINTS", "4")


def chosen() -> list[str]:
    """Give the names of the points that are tried."""
    if WANTED == "all":
        return list(POINTS)
    if not WANTED.isdigit():
        return WANTED.split(",")
    return random.Random(SEED).sample(list(POINTS), int(WANTED))


def test_there_is_a_point_for_every_journey() -> None:
    assert {point.journey for point in POINTS.values()} == set(JOURNEYS)
    assert len(POINTS) >= 35


@pytest.mark.parametrize("place", range(len(chosen())))
def test_what_dies_at_a_point_is_ended_once_by_whoever_comes_after(
    world: str, on_stage: Stage, tmp_path: Path, place: int
) -> None:
    point = POINTS[chosen()[place]]
    sys.stdout.write(f"FAULT_SEED={SEED} FAULT_POINTS={point.name}\n")
    mark = tmp_path / "mark"
    with copied(world, tmp_path) as url, Sandbox(port=0, latency=0.05) as sandbox:
        deadly = {"FAULT_POINT": point.name, "FAULT_MARK": str(mark)}
        dying = on_stage.start(url, f"begin {point.journey}", sandbox=sandbox, folder=tmp_path, **deadly)
        assert dying.wait() == -signal.SIGKILL, f"{point.name} was never passed: {dying.text[-4_000:]}"
        assert mark.read_text() == point.name

        found = on_stage.done(url, f"recover {point.journey}", sandbox=sandbox, folder=tmp_path)
        assert broken(found, World(sandbox, tmp_path), journey=point.journey) == []
