"""What the hosts of a test are given to do, how they are killed while they do it, and how one sees what came of it.

HOSTS_NUMBERS sets how many numbers are asked about (default 400; the full count is 100,000, in arrays of ten),
HOSTS_KILLS how often each host is killed meanwhile (default 1; in full 8).
"""

import itertools
import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

from django.core.management import call_command
from django.db import connections
from django_q.models import Failure, Success

from contacts.checking.marks import finish_the_done
from contacts.checking.results import close_lost
from contacts.models import CheckBatch, ContactCheck
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import factories
from tests.hosts.hosts import Host, WebHost, WorkerHost
from tests.processes import until
from tests.webhooks import deliveries
from tests.webhooks.senders import Senders
from waadmin.schedules import SCHEDULES
from webhooks import draining
from webhooks.models import DrainLease, WebhookRequest

NUMBERS = int(os.environ.get("HOSTS_NUMBERS", "400"))
IN_FULL = NUMBERS > 10_000
KILLS = int(os.environ.get("HOSTS_KILLS", "8" if IN_FULL else "1"))
PATIENCE = 900.0 if IN_FULL else 90.0
#: Numbers of the limited account, how many of them its budget allows, and how many of these in a second.
LIMITED = 3_000 if IN_FULL else 100
BUDGET, RATE = LIMITED * 3 // 4, 20 if IN_FULL else 6
#: How many accounts nothing limits: a run has four calls on its way, as many as a host has processes.
_FREE = 3
#: Numbers in one call of theirs.
ARRAY = 10 if IN_FULL else 1
#: What each of these is asked about at a time: by one host, by three, and each time that hosts are killed.
_SHARE = (NUMBERS - LIMITED) // _FREE // (2 + 3 * KILLS)
#: Deliveries to each web host around each kill.
_WEBHOOKS = 500 if IN_FULL else 100


class Errand:
    """People who agreed, and accounts that are asked about them."""

    def __init__(self, business: Business, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox = sandbox
        limits = {"rate_limit": RATE, "check_budget": BUDGET}
        self.limited = factories.account(business, "commbox", base_url=sandbox.url, name="limited", **limits)
        self.scarce = _numbers(_FREE, LIMITED)
        self._free = [_free(business, sandbox, f"free{place}") for place in range(_FREE)]
        self._people = [_numbers(place, (2 + 3 * KILLS) * _SHARE) for place in range(_FREE)]
        self.everybody = [*self.scarce, *itertools.chain.from_iterable(self._people)]
        _opt_in(self.everybody, folder / "people.csv")

    def ask(self, part: int) -> list[CheckBatch]:
        """Begin a run for each unlimited account, about one part of its people."""
        return [
            factories.check_run(account, *people[part * _SHARE : (part + 1) * _SHARE])
            for account, people in zip(self._free, self._people, strict=True)
        ]

    def timed(self, part: int) -> float:
        """Do the same, wait for the end, and give how many numbers a second left meanwhile."""
        before = len(self._sandbox.journal)
        runs = CheckBatch.objects.filter(pk__in=[batch.pk for batch in self.ask(part)])
        until(lambda: runs.filter(state="FINISHED").count() == _FREE, seconds=PATIENCE, what="the runs are finished")
        calls = self._sandbox.journal.entries()[before:]
        return sum(len(call.numbers) for call in calls[:-1]) / (calls[-1].at - calls[0].at)

    def left_at(self) -> list[float]:
        """Give the times at which numbers of the limited account reached the provider."""
        scarce = set(self.scarce)
        return sorted(entry.at for entry in self._sandbox.journal.entries("commbox") if scarce & set(entry.numbers))


def _free(business: Business, sandbox: Sandbox, name: str) -> ProviderAccount:
    if ARRAY == 1:
        return factories.account(business, "commbox", base_url=sandbox.url, name=name)
    return factories.account(business, "onprem", base_url=sandbox.url, name=name, options={"batch_size": ARRAY})


def _numbers(area: int, count: int) -> list[str]:
    """Give numbers that are plain to the sandbox: their endings are from 100 to 199."""
    return [f"+44740{area}{index // 100:03d}1{index % 100:02d}" for index in range(count)]


def _opt_in(numbers: Sequence[str], path: Path) -> None:
    lines = [f"{number},2026-01-05T09:30:00+00:00,web form,ticked the box\n" for number in numbers]
    path.write_text("".join(["phone,given_at,source,evidence\n", *lines]))
    quiet = StringIO()
    call_command("import_optins", str(path), business="Acme", name_shown="Acme", stdout=quiet, stderr=quiet)


def kill_in_turn(webs: Sequence[WebHost], workers: Sequence[WorkerHost], errand: Errand, sent: list[Senders]) -> None:
    """Kill each host while it works, and start it again; whoever sends webhooks meanwhile is added to `sent`."""
    parts = itertools.count(2)
    for turn in range(KILLS):
        for place, worker in enumerate(workers):
            senders = [_sender(web, f"{turn}.{place}.{web.name}") for web in webs]
            sent += senders
            for one in senders:
                one.start()
            for one in senders:
                until(lambda one=one: len(one.acknowledged) > 10, seconds=60, what="deliveries come")  # type: ignore[misc]
            errand.ask(next(parts))
            until(_somebody_asks, seconds=60, what="numbers are asked about when a host is killed")
            hosts: list[Host] = [worker, *webs[place : place + 1]]
            for host in hosts:
                host.kill()
            for host in hosts:
                host.start()
            for host in hosts:
                host.is_up()


def _sender(web: WebHost, name: str) -> Senders:
    bodies = [deliveries.body_of(deliveries.status(f"wamid.{name}.{place}")) for place in range(_WEBHOOKS)]
    return Senders(web.port, bodies, connections=4, redeliver=True)


def _somebody_asks() -> bool:
    just_now = datetime.now(UTC) - timedelta(seconds=1)
    return ContactCheck.objects.filter(status="SENDING", first_asked_at__gt=just_now).exists()


def nobody_asks() -> bool:
    """Tell whether what is not asked about yet waits for the budget, and no call is on its way any more."""
    waiting = ContactCheck.objects.filter(status="WAITING").exclude(reason="BUDGET_SPENT")
    recent = datetime.now(UTC) - timedelta(seconds=3)
    return not (waiting | ContactCheck.objects.filter(status="SENDING", first_asked_at__gt=recent)).exists()


def let_leases_of_the_dead_run_out() -> None:
    """Do what the sweeps do when the leases of killed processes are over: nobody waits for minutes in a test."""
    later = datetime.now(UTC) + timedelta(hours=1)
    close_lost(now=later)
    finish_the_done(CheckBatch.objects.all(), now=later)
    WebhookRequest.objects.open().update(due_at=datetime.now(UTC))
    DrainLease.objects.all().delete()
    draining.wake(now=datetime.now(UTC))


def all_is_settled() -> bool:
    """Tell whether every number has its end and every delivery is read."""
    return not (ContactCheck.objects.open().exists() or WebhookRequest.objects.open().exists())


def scheduled() -> Counter[str]:
    """Count what the clock has had done."""
    done = [*Success.objects.values_list("group", flat=True), *Failure.objects.values_list("group", flat=True)]
    return Counter(group for group in done if group in SCHEDULES)


def at_once(works: Sequence[Callable[[], object]]) -> None:
    """Do all of this at the same moment, each on a connection of its own."""
    ready = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        ready.wait()
        try:
            work()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
