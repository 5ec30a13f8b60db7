"""How many tasks work on one check run: no more than four go on, however many sweeps and starting hosts add theirs."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django_q.models import OrmQ

from contacts import tasks
from contacts.checks import RUNNERS_AT_ONCE
from contacts.models import CheckBatch
from providers.models import Business, ProviderAccount
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(acme: Business, commbox_account: ProviderAccount, monkeypatch: pytest.MonkeyPatch) -> CheckBatch:
    """A run that is never done: each slice of work is over before it begins."""
    monkeypatch.setattr(tasks, "SLICE", timedelta(0))
    numbers = [factories.number(index=index) for index in range(10)]
    for one in numbers:
        factories.opted_in(one, acme)
    return factories.check_run(commbox_account, *numbers)


def work_off(run: CheckBatch) -> int:
    """Carry out each task that is queued now, as a cluster does, and give how many are queued then."""
    for row in list(OrmQ.objects.all()):
        tasks.run_batch(run.pk)
        row.delete()
    return OrmQ.objects.count()


def test_a_run_that_takes_long_is_worked_on_by_no_more_tasks_each_minute(run: CheckBatch) -> None:
    assert OrmQ.objects.count() == RUNNERS_AT_ONCE
    for _minute in range(10):
        tasks.sweep()
        assert work_off(run) == RUNNERS_AT_ONCE


def test_tasks_that_were_delivered_twice_end_again(run: CheckBatch) -> None:
    for _row in list(OrmQ.objects.all()):
        tasks.run_batch(run.pk)
    assert OrmQ.objects.count() <= RUNNERS_AT_ONCE + 1

    assert work_off(run) == RUNNERS_AT_ONCE


def test_tasks_of_a_lost_host_keep_nobody_from_going_on(run: CheckBatch) -> None:
    tasks.sweep()
    fetched_long_ago = datetime.now(UTC) - timedelta(minutes=3)
    OrmQ.objects.update(lock=fetched_long_ago + timedelta(seconds=settings.Q_CLUSTER["retry"]))

    tasks.run_batch(run.pk)
    assert OrmQ.objects.count() == RUNNERS_AT_ONCE + 2


def test_tasks_of_another_run_do_not_count(run: CheckBatch) -> None:
    other = factories.check_run(run.account, *[check.e164 for check in run.checks.all()], force_reason="again")

    tasks.run_batch(other.pk)
    assert OrmQ.objects.count() == 2 * RUNNERS_AT_ONCE + 1
