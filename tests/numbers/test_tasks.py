"""Background tasks: a primary key in, no secret, and no harm when they run twice, late or after a crash."""

from datetime import UTC, datetime, timedelta

import pytest
from django_q.models import OrmQ

from audit.models import AuditEvent
from numbers import identity_check, tasks
from numbers.models import BusinessAccount, BusinessNumber, VerificationAttempt
from providers.models import Business
from providers.secret import Secret
from sandbox import Ending, Sandbox
from sandbox.seeds import CONNECTED_NUMBER_ID
from tests.numbers import stage
from tests.numbers.flows import VERIFY, code_of, now, reached, request, submit

pytestmark = pytest.mark.django_db


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    """A number at the Cloud API that is neither verified nor registered."""
    return stage.cloud_number(acme, sandbox)


def queued() -> list[tuple[str, tuple[object, ...]]]:
    """Give what waits in the queue, and empty it."""
    found = [(task.func(), tuple(task.task["args"])) for task in OrmQ.objects.order_by("pk")]
    OrmQ.objects.all().delete()
    return found


def lost(number: BusinessNumber, started_at: datetime, *, action: str = "SUBMIT_CODE") -> VerificationAttempt:
    """A call whose process died in the middle."""
    return VerificationAttempt.objects.create(
        business_number=number, action=action, actor="alice", started_at=started_at
    )


def test_a_lost_answer_queues_its_settling_with_a_key_and_nothing_else(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox, e164=f"+12025551{Ending.CODE_TAKEN_ANSWER_LOST}")
    request(number)
    attempt = submit(number, code_of(sandbox, number))

    assert queued() == [("numbers.tasks.settle_attempt", (attempt.pk,))]
    assert tasks.settle_attempt(attempt.pk) == "DONE"
    assert tasks.settle_attempt(attempt.pk) == "DONE", "twice, without harm"
    assert reached(sandbox, *VERIFY) == 1
    assert AuditEvent.objects.filter(action="number.verified").count() == 1


def test_a_lost_answer_of_kaleyras_is_nobodys_to_settle_but_a_persons(acme: Business, sandbox: Sandbox) -> None:
    number = stage.kaleyra_number(acme, sandbox)
    attempt = lost(number, now() - timedelta(minutes=5))

    tasks.sweep()

    attempt.refresh_from_db()
    assert attempt.outcome == "UNKNOWN" and queued() == []


def test_settling_while_the_provider_is_down_changes_nothing(number: BusinessNumber) -> None:
    attempt = lost(number, now() - timedelta(minutes=5))
    tasks.sweep()
    number.account.base_url = "http://127.0.0.1:1"
    number.account.save()

    assert tasks.settle_attempt(attempt.pk) == "UNKNOWN"


def test_a_dead_process_leaves_an_unknown_and_its_try_counted(number: BusinessNumber, sandbox: Sandbox) -> None:
    request(number)
    fresh, dead = lost(number, now()), lost(number, now() - timedelta(seconds=61))

    tasks.sweep()

    fresh.refresh_from_db()
    dead.refresh_from_db()
    assert (fresh.outcome, dead.outcome) == ("SENDING", "UNKNOWN")
    assert ("numbers.tasks.settle_attempt", (dead.pk,)) in queued()
    event = AuditEvent.objects.get(action="code.submitted")
    assert event.details["outcome"] == "UNKNOWN" and event.actor == "alice"


def test_the_sweep_settles_until_an_hour_has_passed(number: BusinessNumber, sandbox: Sandbox) -> None:
    for minutes in (0, 5, 59, 61):
        VerificationAttempt.objects.create(
            business_number=number,
            action="SUBMIT_CODE",
            outcome="UNKNOWN",
            actor="alice",
            started_at=now() - timedelta(minutes=minutes),
        )

    tasks.sweep()

    assert len(queued()) == 2


def test_a_wish_that_is_due_is_carried_once(number: BusinessNumber, sandbox: Sandbox) -> None:
    BusinessNumber.objects.filter(pk=number.pk).update(
        identity_desired=True, identity_desired_at=now(), identity_retry_at=now() - timedelta(seconds=1)
    )

    tasks.sweep()
    tasks.sweep()

    assert queued() == [("numbers.tasks.reconcile_identity_check", (number.pk,))]
    assert tasks.reconcile_identity_check(number.pk) == identity_check.Outcome.SETTLED
    assert sandbox.number(number.phone_number_id).identity_check is True
    number.refresh_from_db()
    assert number.identity_retry_at is None


def test_a_waba_is_read_again_every_day_once_a_person_has_read_it(acme: Business, sandbox: Sandbox) -> None:
    waba = stage.cloud_waba(acme, sandbox)
    tasks.sweep()
    assert queued() == [], "nobody has asked for it yet"

    assert tasks.sync_business_account(waba.pk) > 0
    tasks.sweep()
    assert queued() == []

    BusinessNumber.objects.filter(phone_number_id=CONNECTED_NUMBER_ID).update(throughput_level="STANDARD")
    BusinessAccount.objects.update(refresh_due_at=now() - timedelta(seconds=1))
    tasks.sweep()
    tasks.sweep()
    assert queued() == [("numbers.tasks.sync_business_account", (waba.pk,))]
    assert tasks.sync_business_account(waba.pk) == 1
    assert BusinessNumber.objects.get(phone_number_id=CONNECTED_NUMBER_ID).throughput_level == "HIGH"


def test_a_paused_account_is_left_alone(acme: Business, sandbox: Sandbox) -> None:
    waba = stage.synced_waba(acme, sandbox)
    BusinessAccount.objects.update(refresh_due_at=now() - timedelta(seconds=1))
    waba.account.paused_at = now()
    waba.account.save()

    tasks.sweep()

    assert queued() == [] and tasks.sync_business_account(waba.pk) == 0


def test_a_task_never_ends_in_an_exception_that_the_queue_would_keep(number: BusinessNumber) -> None:
    number.account.credentials = {"access_token": Secret("revoked-token")}
    number.account.save()

    assert tasks.refresh_number(number.pk) == 0
    assert tasks.sync_business_account(number.business_account_id) == 0
    BusinessNumber.objects.filter(pk=number.pk).update(identity_desired=True, identity_desired_at=datetime.now(UTC))
    assert tasks.reconcile_identity_check(number.pk) == identity_check.Outcome.REFUSED


def test_a_reading_that_failed_after_a_success_is_left_to_the_worker(
    number: BusinessNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    from providers.errors import AnswerLost
    from providers.meta import CloudAPI

    def fails(*args: object, **kwargs: object) -> None:
        raise AnswerLost("No answer.")

    with monkeypatch.context() as patched:
        patched.setattr(CloudAPI, "read_number", fails)
        request(number)

    assert queued() == [("numbers.tasks.refresh_number", (number.pk,))]
    assert tasks.refresh_number(number.pk) == 1
