"""A task may run twice, late or never: rows are recorded once, by the claim that holds them."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from audit.models import AuditEvent
from contacts import tasks
from contacts.checking import claim as claiming
from contacts.checking import results as recording
from contacts.checking.claim import Claim
from contacts.models import CheckBatch, ContactCheck
from providers.interfaces import ContactStatus, EvidenceStrength, NumberResult
from providers.models import ProviderAccount
from providers.registry import contact_checker
from sandbox import Sandbox
from tests import factories
from tests.factories import number

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(commbox_account: ProviderAccount) -> CheckBatch:
    factories.opted_in(number(100), commbox_account.business)
    return factories.check_run(commbox_account, number(100))


def claimed(batch: CheckBatch, now: datetime) -> Claim:
    claim = claiming.claim_rows(batch=batch, account=batch.account, checker=contact_checker(batch.account), now=now)
    assert claim is not None
    return claim


def answer(batch: CheckBatch, claim: Claim, status: ContactStatus) -> None:
    recording.record_answers(
        batch=batch,
        account=batch.account,
        checker=contact_checker(batch.account),
        claim=claim,
        results=[NumberResult(claim.asked[0], status)],
        strength=EvidenceStrength.WEAK,
        now=datetime.now(UTC),
    )


def test_a_task_that_runs_twice_asks_once(batch: CheckBatch, sandbox: Sandbox) -> None:
    tasks.run_batch(batch.pk)
    tasks.run_batch(batch.pk)
    assert len(sandbox.journal) == 1


def test_a_row_that_is_being_asked_about_cannot_be_claimed_again(batch: CheckBatch) -> None:
    now = datetime.now(UTC)
    claimed(batch, now)
    again = claiming.claim_rows(
        batch=batch, account=batch.account, checker=contact_checker(batch.account), now=now + timedelta(days=2)
    )
    assert again is None


def test_an_answer_after_the_lease_was_closed_changes_nothing(batch: CheckBatch) -> None:
    now = datetime.now(UTC)
    claim = claimed(batch, now)
    recording.close_lost(now=now + timedelta(hours=1))
    answer(batch, claim, ContactStatus.VALID)
    row = ContactCheck.objects.get(batch=batch)
    assert (row.status, row.reason) == ("UNKNOWN", "ANSWER_LOST")


def test_a_lease_is_left_alone_while_the_call_may_still_be_on_its_way(batch: CheckBatch) -> None:
    now = datetime.now(UTC)
    claimed(batch, now)
    deadline = contact_checker(batch.account).deadline
    recording.close_lost(now=now + timedelta(seconds=deadline))
    assert factories.results(batch) == {number(100): "SENDING"}


def test_the_first_recorded_answer_stands(batch: CheckBatch) -> None:
    claim = claimed(batch, datetime.now(UTC))
    answer(batch, claim, ContactStatus.VALID)
    answer(batch, claim, ContactStatus.INVALID)
    assert factories.results(batch) == {number(100): "VALID"}
    assert AuditEvent.objects.filter(action="check.answered").count() == 1


def test_an_answer_for_another_claim_changes_nothing(batch: CheckBatch) -> None:
    claim = claimed(batch, datetime.now(UTC))
    answer(batch, replace(claim, id=uuid.uuid4()), ContactStatus.VALID)
    assert factories.results(batch) == {number(100): "SENDING"}
    answer(batch, claim, ContactStatus.INVALID)
    assert factories.results(batch) == {number(100): "INVALID"}


def test_the_sweep_closes_what_died_and_ends_its_run(batch: CheckBatch) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    ContactCheck.objects.filter(batch=batch).update(next_attempt_at=long_ago)
    claimed(batch, long_ago)
    tasks.sweep()
    batch.refresh_from_db()
    assert factories.results(batch) == {number(100): "UNKNOWN"}
    assert batch.state == CheckBatch.State.FINISHED
    assert AuditEvent.objects.filter(action="check.lost").count() == 1


def test_the_sweep_ends_a_run_of_which_nobody_lived_to_see_the_end(batch: CheckBatch) -> None:
    answer(batch, claimed(batch, datetime.now(UTC)), ContactStatus.VALID)
    tasks.sweep()
    batch.refresh_from_db()
    assert (batch.state, AuditEvent.objects.filter(action="check.finished").count()) == ("FINISHED", 1)
    tasks.sweep()
    assert AuditEvent.objects.filter(action="check.finished").count() == 1


def test_the_sweep_leaves_a_run_alone_that_has_an_open_number(batch: CheckBatch) -> None:
    claimed(batch, datetime.now(UTC))
    tasks.sweep()
    batch.refresh_from_db()
    assert batch.state == CheckBatch.State.RUNNING


def test_the_sweep_queues_a_run_whose_task_was_lost(batch: CheckBatch) -> None:
    from django_q.models import OrmQ

    OrmQ.objects.all().delete()
    assert tasks.sweep() == 1
    assert OrmQ.objects.count() == 1
