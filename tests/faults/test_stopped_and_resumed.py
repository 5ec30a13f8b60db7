"""A process stands still with a claim in its hands, another one goes on, and then the first wakes up.

It must send nothing any more, and write nothing over what others wrote. Neither may a clock that goes wrong, or a
database that is stopped and started again, cost or double anything. FAULT_POINTS=all tries it at every such point.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection
from django_q.models import OrmQ

from contacts import tasks
from contacts.models import OptInImport
from providers.interfaces import SEND_WITHIN
from providers.models import Business
from sandbox import Sandbox
from tests.faults import crashing_journeys
from tests.faults.crashing_invariants import World, broken
from tests.faults.crashing_worlds import Actor, Stage, copied
from tests.faults.points import POINTS
from tests.postgresql_server import own_server
from tests.processes import manage, until

#: Where a process is left standing: with a claim and nothing sent, or with an answer in its hands.
POINTS_OF_CLAIMS = (
    "check_run.claimed",
    "check_run.before_answers",
    "message.claimed",
    "opt_in_import.first_chunk_committed",
    "export.packed",
    "number.submission_begun",
    "number.registration_begun",
    "node_case.marked",
)
#: At these a process is left without its database.
WHILE_THE_DATABASE_IS_AWAY = ("opt_in_import.first_chunk_committed", "check_run.before_answers")
#: One of each, unless FAULT_POINTS=all asks for every one.
if os.environ.get("FAULT_POINTS") != "all":
    POINTS_OF_CLAIMS, WHILE_THE_DATABASE_IS_AWAY = POINTS_OF_CLAIMS[:1], WHILE_THE_DATABASE_IS_AWAY[:1]


@contextmanager
def standing_still(on_stage: Stage, url: str, point: str, *, sandbox: Sandbox, folder: Path) -> Iterator[Actor]:
    """Begin a journey in a process that stands still at the point, and give it once it does."""
    what, deadly = f"begin {POINTS[point].journey}", {"FAULT_POINT": point, "FAULT_SIGNAL": "STOP"}
    actor = on_stage.start(url, what, sandbox=sandbox, folder=folder, **deadly)

    def stands_still() -> bool:
        assert not actor.ended, f"{point} was never passed: {actor.text[-4_000:]}"
        return Path(f"/proc/{actor.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    try:
        until(stands_still, seconds=60, what=f"the process stands still at {point}")
        yield actor
    finally:
        if not actor.ended:
            actor.send(signal.SIGKILL)


@pytest.mark.parametrize("point", POINTS_OF_CLAIMS)
def test_who_stood_still_past_the_lease_sends_and_overwrites_nothing(
    world: str, on_stage: Stage, tmp_path: Path, point: str
) -> None:
    journey = POINTS[point].journey
    with copied(world, tmp_path) as url, Sandbox(port=0, latency=0.05) as sandbox:
        with standing_still(on_stage, url, point, sandbox=sandbox, folder=tmp_path) as stopped:
            began = time.monotonic()
            by_others = on_stage.done(url, f"recover {journey}", sandbox=sandbox, folder=tmp_path)
            late = SEND_WITHIN.total_seconds() + 0.5
            until(lambda: time.monotonic() - began > late, seconds=2 * late, what="it is too late to send")
            calls = len(sandbox.journal)
            stopped.send(signal.SIGCONT)
            stopped.wait()
        afterwards = on_stage.done(url, "look", sandbox=sandbox, folder=tmp_path)

        assert [entry.path for entry in sandbox.journal][calls:] == [], stopped.text
        assert broken(afterwards, World(sandbox, tmp_path), journey=journey) == [], stopped.text
        if point != "message.claimed":  # which may say afterwards that nothing left
            assert afterwards == by_others


def test_clocks_that_differ_by_minutes_keep_one_end_and_one_question(
    world: str, on_stage: Stage, tmp_path: Path
) -> None:
    with copied(world, tmp_path) as url, Sandbox(port=0, latency=0.2) as sandbox:
        on_stage.done(url, "write check_run", sandbox=sandbox, folder=tmp_path)
        actors = [
            on_stage.start(url, "sweep", sandbox=sandbox, folder=tmp_path, FAULT_CLOCK=skew)
            for skew in ("0", "300", "-300")
        ]
        assert [actor.wait() for actor in actors] == [0, 0, 0], [actor.text for actor in actors]
        found = on_stage.done(url, "recover check_run", sandbox=sandbox, folder=tmp_path)

        judged = broken(found, World(sandbox, tmp_path), journey="check_run")
        # Whoever is ahead takes the others' calls for lost: those answers are not known, and not asked for again.
        assert [one for one in judged if not one.startswith("without an answer")] == []


@pytest.mark.postgresql
@pytest.mark.parametrize("point", WHILE_THE_DATABASE_IS_AWAY)
def test_a_database_that_was_stopped_and_started_leaves_nothing_stuck(
    world: str, on_stage: Stage, tmp_path: Path, point: str
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("run once, with PostgreSQL's programs: set DATABASE_URL to one (make test-postgresql)")
    journey = POINTS[point].journey
    with own_server() as server, Sandbox(port=0) as sandbox:
        manage(server.url, "migrate", "-v0")
        on_stage.done(server.url, "set_up", sandbox=sandbox, folder=tmp_path)
        sandbox.journal.clear()
        with standing_still(on_stage, server.url, point, sandbox=sandbox, folder=tmp_path) as stopped:
            server.stop(mode="immediate")
            server.start()
            stopped.send(signal.SIGCONT)
            stopped.wait()
        assert "Error" in stopped.text

        found = on_stage.done(server.url, f"recover {journey}", sandbox=sandbox, folder=tmp_path)
        assert broken(found, World(sandbox, tmp_path), journey=journey) == []


def test_an_import_that_no_task_is_left_for_is_queued_again_and_only_once(acme: Business, tmp_path: Path) -> None:
    crashing_journeys.JOURNEYS["opt_in_import"](tmp_path)
    tasks.sweep()
    assert [row.func() for row in OrmQ.objects.all()] == ["contacts.tasks.import_opt_ins"]

    OrmQ.objects.all().delete()
    OptInImport.objects.update(state=OptInImport.State.RUNNING)
    tasks.sweep()
    tasks.sweep()
    assert [(row.func(), row.args()) for row in OrmQ.objects.all()] == [
        ("contacts.tasks.import_opt_ins", (OptInImport.objects.get().pk,))
    ]
