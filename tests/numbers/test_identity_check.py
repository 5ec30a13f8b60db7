"""The identity change check: what is wanted reaches the provider, once at a time, and is read back until it is so."""

import threading
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django_q.models import OrmQ

from audit.models import AuditEvent
from numbers import identity_check, tasks
from numbers.attempts import Stopwatch
from numbers.identity_check import Outcome, drift, read_back, reconcile, toggle
from numbers.limits import Refused
from numbers.models import BusinessNumber
from providers.errors import AnswerLost, NotSent, Rejected, Throttled
from providers.interfaces import SEND_WITHIN
from providers.meta import CloudAPI
from providers.models import Business
from providers.secret import Secret
from sandbox import Ending, Sandbox
from tests.numbers import stage
from tests.numbers.flows import now

pytestmark = pytest.mark.django_db

TOGGLES = 32
TIMES = 100


def with_ending(acme: Business, sandbox: Sandbox, digits: str) -> BusinessNumber:
    return stage.cloud_number(acme, sandbox, e164=f"+12025551{digits}")


def want(number: BusinessNumber, on: bool, **fields: Any) -> identity_check.IdentityCheckState:
    return toggle(number=number, on=on, actor="alice", now=fields.pop("at", None) or now())


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    """A number whose check has never been set."""
    return stage.cloud_number(acme, sandbox)


@pytest.mark.parametrize("on", [True, False])
def test_it_is_carried_to_the_provider_and_read_back(number: BusinessNumber, sandbox: Sandbox, on: bool) -> None:
    want(number, not on)
    state = want(number, on)

    assert (state.outcome, state.desired, state.acknowledged, state.read) == (Outcome.SETTLED, on, on, on)
    assert sandbox.number(number.phone_number_id).identity_check is on
    assert number.identity_lease is None and number.identity_retry_at is None
    assert drift(number) == ""


def test_what_is_wanted_is_committed_before_the_call(number: BusinessNumber, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def dies(self: CloudAPI, phone_number_id: str, *, on: bool, subject: str) -> None:
        seen.append(BusinessNumber.objects.values_list("identity_desired", "identity_acknowledged").get())
        raise KeyboardInterrupt

    monkeypatch.setattr(CloudAPI, "set_identity_check", dies)
    with pytest.raises(KeyboardInterrupt):
        want(number, True)

    assert seen == [(True, None)]
    number.refresh_from_db()
    assert number.identity_retry_at is not None, "the worker takes it up"


def test_both_wish_and_end_are_in_the_ledger(number: BusinessNumber) -> None:
    want(number, True)

    events = AuditEvent.objects.filter(action__startswith="identity_check").order_by("sequence")
    assert [event.action for event in events] == ["identity_check.toggled", "identity_check.settled"]
    assert events[0].details == {"on": True} and events[1].details["read"] is True


def test_lost_answers_are_settled_by_reading(acme: Business, sandbox: Sandbox) -> None:
    number = with_ending(acme, sandbox, Ending.IDENTITY_CHECK_ANSWERS_LOST)

    for on in (True, False, True, True, False):
        assert want(number, on).outcome is Outcome.SETTLED
        assert sandbox.number(number.phone_number_id).identity_check is on is number.identity_read


def test_what_was_taken_is_not_sent_again_for_want_of_an_answer(
    number: BusinessNumber, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = CloudAPI.set_identity_check

    def loses_the_answer(self: CloudAPI, phone_number_id: str, *, on: bool, subject: str) -> None:
        send(self, phone_number_id, on=on, subject=subject)
        raise AnswerLost("No answer.")

    monkeypatch.setattr(CloudAPI, "set_identity_check", loses_the_answer)

    state = want(number, True)

    posts = [entry for entry in sandbox.journal if entry.path.endswith("/settings") and entry.method == "POST"]
    assert (state.outcome, state.acknowledged, state.read, len(posts)) == (Outcome.SETTLED, None, True, 1)


def test_a_provider_that_tells_nothing_is_believed_when_it_confirms(acme: Business, sandbox: Sandbox) -> None:
    number = with_ending(acme, sandbox, Ending.IDENTITY_CHECK_UNTOLD)

    state = want(number, True)

    assert (state.outcome, state.acknowledged, state.read) == (Outcome.SETTLED, True, None)
    assert drift(number) == ""


def test_drift_is_shown_in_words_and_changes_nothing_by_itself(acme: Business, sandbox: Sandbox) -> None:
    number = with_ending(acme, sandbox, Ending.IDENTITY_CHECK_DRIFTS)
    assert want(number, True).outcome is Outcome.SETTLED

    state = read_back(number=number, actor="alice", now=now())

    assert (state.desired, state.read) == (True, False)
    assert drift(number) == "We want it on, the provider says off."
    assert sandbox.number(number.phone_number_id).identity_check is False
    assert AuditEvent.objects.get(action="identity_check.read").details == {"read": False}


def test_a_provider_that_reads_back_something_else_is_not_asked_for_ever(
    number: BusinessNumber, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CloudAPI, "read_identity_check", lambda self, phone_number_id, *, subject: False)

    state = want(number, True)

    posts = [entry for entry in sandbox.journal if entry.path.endswith("/settings") and entry.method == "POST"]
    assert len(posts) == identity_check.MOST_ROUNDS
    assert state.outcome is Outcome.UNDER_WAY
    assert drift(number) == "We want it on, the provider says off."
    assert number.identity_retry_at is not None and number.identity_lease is None


def test_a_refusal_is_said_and_not_repeated(number: BusinessNumber) -> None:
    number.account.credentials = {"access_token": Secret("noperm")}
    number.account.save()

    state = want(number, True)

    assert (state.outcome, state.code) == (Outcome.REFUSED, "10")
    assert state.words and "Not confirmed" in drift(number)
    assert number.identity_retry_at is None and number.identity_lease is None


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NotSent("No connection."), Outcome.REFUSED),
        (Throttled("Slow down.", retry_after=timedelta(minutes=7)), Outcome.REFUSED),
        (AnswerLost("No answer."), Outcome.UNKNOWN),
        (Rejected("No."), Outcome.REFUSED),
    ],
)
def test_what_may_pass_is_tried_again_by_the_worker(
    number: BusinessNumber, monkeypatch: pytest.MonkeyPatch, error: Exception, outcome: Outcome
) -> None:
    def fails(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(CloudAPI, "set_identity_check", fails)
    monkeypatch.setattr(CloudAPI, "read_identity_check", fails)
    begin = now()

    assert want(number, True, at=begin).outcome is outcome

    number.refresh_from_db()
    if isinstance(error, Rejected):
        assert number.identity_retry_at is None
        return
    assert number.identity_retry_at is not None
    wait = timedelta(minutes=7) if isinstance(error, Throttled) else identity_check.RETRY_AFTER
    assert wait <= number.identity_retry_at - begin < wait + timedelta(seconds=20)
    monkeypatch.undo()
    assert tasks.reconcile_identity_check(number.pk) == Outcome.SETTLED


def test_what_nobody_could_settle_for_a_day_waits_for_a_person(
    number: BusinessNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object, **kwargs: object) -> None:
        raise NotSent("No connection.")

    monkeypatch.setattr(CloudAPI, "set_identity_check", fails)
    want(number, True)

    reconcile(number=number, actor="waadmin", now=now() + timedelta(hours=25))

    assert number.identity_retry_at is None


def test_who_comes_while_another_process_speaks_to_the_provider_leaves_the_wish_with_it(
    number: BusinessNumber, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = CloudAPI.read_identity_check
    other: list[identity_check.IdentityCheckState] = []

    def meanwhile(self: CloudAPI, phone_number_id: str, *, subject: str) -> bool | None:
        if not other:
            other.append(want(BusinessNumber.objects.get(pk=number.pk), False))
        return read(self, phone_number_id, subject=subject)

    monkeypatch.setattr(CloudAPI, "read_identity_check", meanwhile)
    state = want(number, True)

    assert other[0].outcome is Outcome.UNDER_WAY
    assert (state.outcome, state.desired, state.read) == (Outcome.SETTLED, False, False)
    assert sandbox.number(number.phone_number_id).identity_check is False


def test_the_lease_of_a_dead_process_runs_out(number: BusinessNumber, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = now()

    def dies(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CloudAPI, "set_identity_check", dies)
    with pytest.raises(KeyboardInterrupt):
        want(number, True, at=begin)
    monkeypatch.undo()

    assert want(number, True, at=begin + timedelta(seconds=40)).outcome is Outcome.UNDER_WAY
    assert want(number, True, at=begin + timedelta(seconds=50)).outcome is Outcome.SETTLED


def test_a_process_that_lost_its_lease_writes_nothing(number: BusinessNumber, monkeypatch: pytest.MonkeyPatch) -> None:
    read = CloudAPI.read_identity_check

    def slow(self: CloudAPI, phone_number_id: str, *, subject: str) -> bool | None:
        found = read(self, phone_number_id, subject=subject)
        BusinessNumber.objects.filter(pk=number.pk).update(identity_lease="00000000-0000-0000-0000-000000000001")
        return found

    monkeypatch.setattr(CloudAPI, "read_identity_check", slow)
    assert want(number, True).outcome is Outcome.UNDER_WAY

    assert number.identity_read is None
    assert not AuditEvent.objects.filter(action="identity_check.settled").exists()


def test_a_wish_that_came_while_somebody_was_reading_is_carried_by_the_worker(
    number: BusinessNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = CloudAPI.read_identity_check

    def meanwhile(self: CloudAPI, phone_number_id: str, *, subject: str) -> bool | None:
        assert want(BusinessNumber.objects.get(pk=number.pk), True).outcome is Outcome.UNDER_WAY
        return read(self, phone_number_id, subject=subject)

    monkeypatch.setattr(CloudAPI, "read_identity_check", meanwhile)
    read_back(number=number, actor="alice", now=now())

    assert [task.func() for task in OrmQ.objects.all()] == ["numbers.tasks.reconcile_identity_check"]


def test_kaleyra_has_no_such_check(acme: Business, sandbox: Sandbox) -> None:
    number = stage.kaleyra_number(acme, sandbox)

    with pytest.raises(Refused, match="Kaleyra"):
        want(number, True)

    number.refresh_from_db()
    assert number.identity_desired is None


def test_a_local_state_never_blocks_a_toggle(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox, is_on_biz_app=True, status="BANNED")

    assert want(number, True).outcome is Outcome.SETTLED


def test_a_process_that_was_stopped_after_it_read_the_wish_asks_again_before_it_carries_it(
    number: BusinessNumber, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_wish, seconds = identity_check._renew_lease, [0.0]

    def stopped_the_first_time(mine: BusinessNumber, lease: uuid.UUID, at: datetime) -> bool | None:
        wanted = read_wish(mine, lease, at)
        if not seconds[0]:
            seconds[0] = SEND_WITHIN.total_seconds()
            BusinessNumber.objects.update(identity_desired=False)
        return wanted

    monkeypatch.setattr(identity_check, "_renew_lease", stopped_the_first_time)
    monkeypatch.setattr(Stopwatch, "passed", lambda watch: timedelta(seconds=seconds[0]))
    state = want(number, True)

    assert (state.outcome, state.read) == (Outcome.SETTLED, False)
    sent = [entry for entry in sandbox.journal if entry.method == "POST"]
    assert len(sent) == 1, "the wish of before never left"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("postgresql")
def test_thirty_two_toggles_at_once_with_half_the_answers_lost_end_as_the_provider_has_it(
    acme: Business, sandbox: Sandbox
) -> None:
    number = with_ending(acme, sandbox, Ending.IDENTITY_CHECK_ANSWERS_LOST)
    for time in range(TIMES):
        gate = threading.Barrier(TOGGLES)

        def one(index: int, gate: threading.Barrier = gate) -> None:
            try:
                mine = BusinessNumber.objects.select_related("business_account__account").get(pk=number.pk)
                gate.wait(20)
                toggle(number=mine, on=bool(index % 2), actor=f"operator-{index}", now=now())
            finally:
                connection.close()

        threads = [threading.Thread(target=one, args=(index,)) for index in range(TOGGLES)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)
        number.refresh_from_db()
        at_the_provider = sandbox.number(number.phone_number_id).identity_check
        assert number.identity_desired is at_the_provider is number.identity_read, f"time {time}"
        assert number.identity_retry_at is None and number.identity_lease is None
    wishes = AuditEvent.objects.filter(action="identity_check.toggled").count()
    assert wishes == TOGGLES * TIMES
