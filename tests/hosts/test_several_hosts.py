"""Two web hosts and three worker hosts over one PostgreSQL that share nothing else, killed in turn while they work.

The sandbox's journal is the proof of what left. tests/hosts/work.py names the variables that set the counts.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import TypeVar

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.models import Max, Sum
from django_q.models import Failure, Schedule
from django_q.scheduler import scheduler

from audit.models import AuditEvent
from contacts import checks
from contacts.models import ContactCheck, MessageStatus
from providers.models import BudgetUse, Business
from sandbox import Sandbox
from tests import clients, factories
from tests.hosts import work
from tests.hosts.hosts import Browser, Host, WebHost, WorkerHost
from tests.hosts.work import ARRAY, BUDGET, IN_FULL, KILLS, LIMITED, PATIENCE, RATE, Errand, at_once, scheduled
from tests.numbers import flows, stage
from tests.processes import until
from tests.sign_in.people import PASSWORD
from tests.webhooks import deliveries
from tests.webhooks.senders import Senders
from waadmin.schedules import EVERY_MINUTE, SCHEDULES
from webhooks.models import WebhookEvent, WebhookRequest
from webhooks.receive import digest_of

pytestmark = [pytest.mark.postgresql, pytest.mark.usefixtures("postgresql")]

#: What the four processes of a worker host may have on their way when it is killed.
AT_MOST_LOST = 4 * ARRAY
Some = TypeVar("Some", bound=Host)


@pytest.fixture
def url(postgresql: None) -> str:
    """The tests' own database, as other processes reach it."""
    at = connection.settings_dict
    sign_in = f"{at['USER']}:{at['PASSWORD']}" if at["PASSWORD"] else at["USER"]
    return f"postgres://{sign_in}@{at['HOST']}:{at['PORT'] or 5432}/{at['NAME']}"


@pytest.fixture
def webs(url: str, tmp_path: Path) -> Iterator[list[WebHost]]:
    """Two web hosts that are starting."""
    yield from _started([WebHost(f"web{place}", tmp_path, url) for place in (1, 2)])


@pytest.fixture
def workers(url: str, tmp_path: Path) -> Iterator[list[WorkerHost]]:
    """Three worker hosts, of which the first is starting."""
    yield from _started([WorkerHost(f"worker{place}", tmp_path, url) for place in (1, 2, 3)], only=1)


def _started(hosts: list[Some], only: int | None = None) -> Iterator[list[Some]]:
    try:
        for host in hosts[:only]:
            host.start()
        yield hosts
    finally:
        for host in hosts:
            host.kill()


@pytest.fixture
def slow() -> Iterator[Sandbox]:
    """The providers, at some distance."""
    with Sandbox(port=0, latency=0.05) as running:
        yield running


@pytest.fixture
def sent() -> Iterator[list[Senders]]:
    """Whoever sends webhooks: they give up when the test ends."""
    senders: list[Senders] = []
    yield senders
    for one in senders:
        one.stop()


def test_nothing_is_asked_twice_lost_or_beyond_a_limit_while_hosts_are_killed(
    acme: Business,
    slow: Sandbox,
    webs: list[WebHost],
    workers: list[WorkerHost],
    sent: list[Senders],
    tmp_path: Path,
) -> None:
    begun = datetime.now(UTC)
    deliveries.our_number(acme)
    errand = Errand(acme, slow, tmp_path)
    workers[0].is_up()
    alone = errand.timed(0)
    for host in workers[1:]:
        host.start()
    for host in [*workers, *webs]:
        host.is_up()
    together = errand.timed(1)
    ratio = together / alone
    sys.stdout.write(f"\none host {alone:.0f} numbers/s, three hosts {together:.0f} numbers/s, ratio {ratio:.2f}\n")
    _see_that_each_schedule_runs_once()

    run = factories.check_run(errand.limited, *errand.scarce)
    # Long enough that a host is killed in the middle of calls.
    slow.conditions.latency = 0.3
    work.kill_in_turn(webs, workers, errand, sent)
    slow.conditions.latency = 0.05
    until(work.nobody_asks, seconds=PATIENCE, what="every number is asked about, or waits for the budget")
    until(lambda: all(one.wait(0.1) for one in sent), seconds=PATIENCE, what="every delivery is acknowledged")
    checks.cancel(batch=run, actor="tests", now=datetime.now(UTC))
    if not IN_FULL:
        work.let_leases_of_the_dead_run_out()
    until(work.all_is_settled, seconds=PATIENCE, what="nothing is open any more")

    _see_that_each_number_has_one_end(errand, slow)
    _see_that_limits_held(errand, slow)
    _see_that_each_delivery_is_kept_once(sent)
    minutes = (datetime.now(UTC) - begun).total_seconds() / 60
    for name, times in scheduled().items():
        assert times <= (minutes + 2 if SCHEDULES[name] is EVERY_MINUTE else 2), name
    assert list(Failure.objects.values_list("func", "result")) == []
    said = StringIO()
    call_command("verify_audit", "--json", stdout=said, stderr=StringIO())
    assert '"result": "consistent"' in said.getvalue()
    assert AuditEvent.objects.count() == AuditEvent.objects.aggregate(last=Max("sequence"))["last"]


def _see_that_each_schedule_runs_once() -> None:
    """Let the clocks of three hosts look at the same moment."""
    before = scheduled()
    Schedule.objects.update(next_run=datetime.now(UTC) - timedelta(seconds=1))
    at_once([scheduler] * 3)
    once = Counter(list(SCHEDULES))
    until(lambda: not once - (scheduled() - before), seconds=30, what=f"each of {list(once)} has run")
    assert scheduled() - before == once


def _see_that_each_number_has_one_end(errand: Errand, sandbox: Sandbox) -> None:
    rows = ContactCheck.objects.values_list("e164", "status")
    ends, asked = dict(rows), Counter(sandbox.journal.numbers())
    assert sorted(ends) == sorted(errand.everybody) and len(rows) == len(ends)
    assert {number: times for number, times in asked.items() if times > 1} == {}
    some = {status: {number for number, end in ends.items() if end == status} for status in set(ends.values())}
    lost = some.pop("UNKNOWN", set())
    assert some.keys() == {"VALID", "CANCELLED"}
    assert some["VALID"] <= asked.keys() and len(lost) <= AT_MOST_LOST * 3 * KILLS
    # What the budget did not allow.
    assert some["CANCELLED"] < set(errand.scarce) and some["CANCELLED"].isdisjoint(asked)
    assert len(some["CANCELLED"]) == LIMITED - BUDGET


def _see_that_limits_held(errand: Errand, sandbox: Sandbox) -> None:
    times = errand.left_at()
    assert len(times) <= BUDGET
    assert BudgetUse.objects.filter(account=errand.limited).aggregate(asked=Sum("asked"))["asked"] == BUDGET
    # Each call leaves a moment after its instant, so three seconds may see what belongs to four, and never to nine.
    assert max(sum(begin <= at < begin + 3 for at in times) for begin in times) <= 4 * RATE
    assert times[-1] - times[0] > 0.9 * (len(times) - 1) / RATE


def _see_that_each_delivery_is_kept_once(sent: list[Senders]) -> None:
    digests = {digest_of(None, body) for one in sent for body in one.acknowledged}
    assert set(WebhookRequest.objects.values_list("digest", flat=True)) == digests
    assert set(WebhookEvent.objects.values_list("outcome", flat=True)) == {"DONE"}
    assert WebhookRequest.objects.count() == WebhookEvent.objects.count() == len(digests)
    assert MessageStatus.objects.count() == len(digests)


def test_who_is_signed_in_on_one_web_host_is_so_on_the_other_and_a_delivery_to_both_is_kept_once(
    acme: Business, webs: list[WebHost], sent: list[Senders]
) -> None:
    deliveries.our_number(acme)
    for host in webs:
        host.is_up()
    browser = _signed_in(webs[0])
    assert browser.get(webs[1], "/")[0] == "/"

    bodies = [deliveries.body_of(deliveries.status(f"wamid.{place}")) for place in range(40)]
    sent += [Senders(host.port, bodies, connections=4) for host in webs]
    for one in sent:
        one.start()
    assert all(one.wait(30) for one in sent)
    assert Counter(WebhookRequest.objects.values_list("deliveries", flat=True)) == {2: len(bodies)}

    browser.post(webs[1], "/logout/", token=browser.token(webs[1], "/"))
    assert browser.get(webs[0], "/")[0] == "/login/"
    browser = _signed_in(webs[0])
    webs[0].kill()
    assert browser.get(webs[1], "/")[0] == "/"


def test_two_web_hosts_that_are_asked_at_once_request_one_code_and_never_more_than_the_limit(
    acme: Business, slow: Sandbox, webs: list[WebHost]
) -> None:
    number = stage.cloud_number(acme, slow)
    page, button = (stage.at(f"businessnumber_{name}", number.pk) for name in ("change", "request_code"))
    for host in webs:
        host.is_up()
    browser = _signed_in(webs[0])
    tokens = [browser.token(host, f"{page}?step=request_code") for host in webs]

    def ask(place: int) -> None:
        browser.post(webs[place], button, token=tokens[place], method="SMS", language="en_US")

    slow.conditions.latency = 1.0
    at_once([lambda: ask(0), lambda: ask(1)])
    assert flows.reached(slow, "/request_code") == 1

    slow.conditions.latency = 0.0
    for turn in range(6):
        ask(turn % 2)
    assert flows.reached(slow, "/request_code") == 3


def _signed_in(host: WebHost) -> Browser:
    clients.browser(clients.SUPPORT)
    person = User.objects.get(username="support")
    person.set_password(PASSWORD)
    person.save()
    browser = Browser()
    fields = {"username": "support", "password": PASSWORD, "next": "/"}
    assert browser.post(host, "/login/", token=browser.token(host, "/login/"), **fields)[0] == "/"
    return browser
