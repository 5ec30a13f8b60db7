"""The worker killed in mid-run, twenty times: one end for every number, and no number asked about twice.

Real processes, a real database, the sandbox over HTTP. What died with a call on its way is closed as "no answer"; what
was recorded is never asked about again.
"""

import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.processes import Running, lives, manage, own_database, running, until

KILLS = 20
NUMBERS = 600

_SET_UP = f"""
from tests import factories
acme = factories.business("Acme")
account = factories.account(acme, "commbox", base_url="{{url}}")
numbers = [factories.number(100 + index % 100, index // 100) for index in range({NUMBERS})]
for one in numbers:
    factories.opted_in(one, acme)
factories.check_run(account, *numbers)
"""
_WAKE = "from django_q.models import OrmQ; OrmQ.objects.all().delete(); from contacts import tasks; tasks.sweep()"
#: As if the leases of the dead had run out, and somebody then let the rest be finished.
_FINISH = """
from datetime import UTC, datetime, timedelta
from contacts.checking.results import close_lost
from contacts.checking.run import run_batch
from contacts.models import CheckBatch, ContactCheck
close_lost(now=datetime.now(UTC) + timedelta(hours=1))
batch = CheckBatch.objects.get()
run_batch(batch_id=batch.pk, until=datetime.now(UTC) + timedelta(seconds=120))
batch.refresh_from_db()
print("state", batch.state)
for number, status in ContactCheck.objects.values_list("e164", "status"):
    print("row", number, status)
"""


@pytest.fixture
def url(db: None, tmp_path: Path) -> Iterator[str]:
    """A database of the worker's own: `db` only tells where the server is."""
    with own_database(tmp_path) as made:
        yield made


def family(pid: int) -> list[int]:
    """Give a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def kill(worker: Running) -> None:
    """Kill every process of the worker at once: nobody is left to tidy up."""
    pids = family(worker.process.pid)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(lives(pid) for pid in pids[1:]), seconds=10, what="the killed processes end")


def test_every_number_ends_once_and_is_asked_about_once(url: str, tmp_path: Path) -> None:
    chance = random.Random(20)
    with Sandbox(port=0, latency=0.1) as sandbox:
        manage(url, "shell", "-v0", "-c", _SET_UP.format(url=sandbox.url))
        for turn in range(KILLS):
            manage(url, "shell", "-v0", "-c", _WAKE)
            begun = len(sandbox.journal)
            with running(url, tmp_path / f"worker-{turn}.log", "worker") as worker:
                more = begun + chance.randint(1, 25)
                until(lambda more=more: len(sandbox.journal) >= more, seconds=60, what=f"{more} calls\n{worker.text}")
                kill(worker)
        lines = manage(url, "shell", "-v0", "-c", _FINISH).splitlines()
        asked = Counter(sandbox.journal.numbers())

    assert "state FINISHED" in lines
    ends = {number: status for word, number, status in (line.split() for line in lines if line.startswith("row"))}
    assert len(ends) == NUMBERS
    assert set(ends.values()) <= {"VALID", "UNKNOWN"}
    # Each kill loses at most what four workers had on their way.
    lost = [number for number, status in ends.items() if status == "UNKNOWN"]
    assert len(lost) <= KILLS * 4
    assert {number: times for number, times in asked.items() if times > 1} == {}
    assert set(asked) >= {number for number, status in ends.items() if status == "VALID"}
