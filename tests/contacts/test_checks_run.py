"""Carrying out a check run over real HTTP: what each answer becomes, and that refused numbers never leave."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from audit.models import AuditEvent, ProviderCall
from contacts import checks
from contacts.checking import results as recording
from contacts.models import CheckBatch, Contact, ContactCheck
from providers import limits
from providers.models import AccountMeter, ProviderAccount
from sandbox import Sandbox
from tests import factories
from tests.factories import check_run, number, opted_in, peruvian, results, run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "RETRY_AFTER", (0.01, 0.02, 0.04))


def ask(account: ProviderAccount, *endings: int) -> CheckBatch:
    make = peruvian if account.kind == "accuauth" else number
    for ending in endings:
        opted_in(make(ending), account.business)
    batch = check_run(account, *(make(ending) for ending in endings))
    run(batch, seconds=1 if set(endings) & {202, 203} else 30)
    batch.refresh_from_db()
    return batch


def test_valid_and_invalid_are_told_apart_and_wa_id_is_kept_for_valid_ones(onprem_account: ProviderAccount) -> None:
    batch = ask(onprem_account, 100, 404)
    assert results(batch) == {number(100): "VALID", number(404): "INVALID"}
    assert batch.state == CheckBatch.State.FINISHED
    assert ContactCheck.objects.get(input=number(100)).wa_id == number(100)[1:]
    assert Contact.objects.get(e164=number(100)).wa_id == number(100)[1:]
    assert Contact.objects.get(e164=number(404)).wa_id is None


def test_evidence_strength_is_kept_with_each_answer(
    onprem_account: ProviderAccount, accuauth_account: ProviderAccount
) -> None:
    assert ContactCheck.objects.get(batch=ask(onprem_account, 100)).strength == "WEAK"
    assert ContactCheck.objects.get(batch=ask(accuauth_account, 100)).strength == "STRONG"


def test_a_refused_number_is_recorded_with_its_reason_and_never_leaves(
    onprem_account: ProviderAccount, sandbox: Sandbox
) -> None:
    opted_in(number(100), onprem_account.business)
    batch = check_run(onprem_account, number(100), number(101))
    run(batch)
    refused = ContactCheck.objects.get(batch=batch, input=number(101))
    assert (refused.status, refused.reason, refused.opt_in_id) == ("REFUSED", "NO_OPT_IN", None)
    assert sandbox.journal.numbers() == (number(100),)
    event = AuditEvent.objects.get(action="check.refused")
    assert (event.rows_count, event.details) == (
        1,
        {"reasons": {"NO_OPT_IN": 1}, "checks": [[refused.pk, refused.pk]]},
    )


def test_a_withdrawal_between_creation_and_run_is_met_by_the_second_question(
    onprem_account: ProviderAccount, sandbox: Sandbox
) -> None:
    opted_in(number(100), onprem_account.business)
    batch = check_run(onprem_account, number(100))
    factories.withdrawn(number(100), onprem_account.business, now=datetime.now(UTC))
    run(batch)
    row = ContactCheck.objects.get(batch=batch)
    assert (row.status, row.reason) == ("REFUSED", "WITHDRAWN")
    assert len(sandbox.journal) == 0


def test_the_second_question_catches_up_with_an_answer_that_came_meanwhile(
    onprem_account: ProviderAccount, sandbox: Sandbox
) -> None:
    opted_in(number(100), onprem_account.business)
    first, second = check_run(onprem_account, number(100)), check_run(onprem_account, number(100))
    run(first)
    run(second)
    assert len(sandbox.journal) == 1
    assert ContactCheck.objects.get(batch=second).cached_from == ContactCheck.objects.get(batch=first)


def test_a_number_written_twice_spends_one_check_and_has_one_answer(
    onprem_account: ProviderAccount, sandbox: Sandbox
) -> None:
    opted_in(number(100), onprem_account.business)
    batch = check_run(onprem_account, number(100), "+44 7400 000-100")
    run(batch)
    assert sandbox.journal.numbers() == (number(100),)
    repeat = ContactCheck.objects.get(batch=batch, position=2)
    assert repeat.status == ContactCheck.Status.DUPLICATE
    assert repeat.duplicate_of is not None
    assert repeat.duplicate_of.status == ContactCheck.Status.VALID


def test_an_array_carries_as_many_numbers_as_the_batch_size(onprem_account: ProviderAccount, sandbox: Sandbox) -> None:
    onprem_account.options = {"batch_size": 3}
    onprem_account.save()
    for index in range(7):
        opted_in(number(100, index), onprem_account.business)
    batch = check_run(onprem_account, *(number(100, index) for index in range(7)))
    run(batch)
    assert [len(entry.numbers) for entry in sandbox.journal] == [3, 3, 1]
    assert set(results(batch).values()) == {"VALID"}


def test_a_server_error_is_tried_three_times_more_and_then_the_number_has_failed(
    commbox_account: ProviderAccount, sandbox: Sandbox
) -> None:
    batch = ask(commbox_account, 500)
    assert results(batch) == {number(500): "FAILED"}
    assert len(sandbox.journal) == 4


def test_a_server_error_that_passes_ends_well(commbox_account: ProviderAccount, sandbox: Sandbox) -> None:
    batch = ask(commbox_account, 503)
    assert results(batch) == {number(503): "VALID"}
    assert len(sandbox.journal) == 3


def test_one_bad_number_does_not_sink_the_others_of_its_array(onprem_account: ProviderAccount) -> None:
    plain = [number(100, index) for index in range(49)]
    for one in [*plain, number(400)]:
        opted_in(one, onprem_account.business)
    batch = check_run(onprem_account, *plain[:20], number(400), *plain[20:])
    run(batch)
    outcome = results(batch)
    assert outcome.pop(number(400)) == "FAILED"
    assert set(outcome.values()) == {"VALID"}


def test_an_array_that_keeps_failing_on_the_server_is_halved_too(onprem_account: ProviderAccount) -> None:
    batch = ask(onprem_account, 100, 101, 102, 500, 104)
    outcome = results(batch)
    assert outcome.pop(number(500)) == "FAILED"
    assert set(outcome.values()) == {"VALID"}


@pytest.mark.parametrize("ending", [444, 996, 997, 999])
def test_a_lost_or_unreadable_answer_is_unknown_counted_and_not_asked_for_again(
    commbox_account: ProviderAccount, sandbox: Sandbox, ending: int
) -> None:
    commbox_account.check_budget = 10
    commbox_account.save()
    batch = ask(commbox_account, ending)
    row = ContactCheck.objects.get(batch=batch)
    assert (row.status, row.reason) == ("UNKNOWN", "ANSWER_LOST")
    assert len(sandbox.journal) == 1
    assert limits.budget_left(commbox_account, now=datetime.now(UTC)) == 9


def test_a_number_that_the_answer_leaves_out_is_unknown_and_the_others_are_not(onprem_account: ProviderAccount) -> None:
    assert results(ask(onprem_account, 100, 780)) == {number(100): "VALID", number(780): "UNKNOWN"}


def test_a_rate_limited_call_postpones_the_account_and_is_no_attempt(
    commbox_account: ProviderAccount, sandbox: Sandbox
) -> None:
    commbox_account.check_budget = 10
    commbox_account.save()
    batch = ask(commbox_account, 429)
    row = ContactCheck.objects.get(batch=batch)
    assert (row.status, row.attempts) == ("VALID", 1)
    first, second = sandbox.journal.entries()
    assert second.at - first.at >= 1.0
    assert limits.budget_left(commbox_account, now=datetime.now(UTC)) == 9


def test_refused_credentials_pause_the_account_and_lose_no_row(
    commbox_account: ProviderAccount, sandbox: Sandbox
) -> None:
    opted_in(number(401), commbox_account.business)
    opted_in(number(100), commbox_account.business)
    batch = check_run(commbox_account, number(401), number(100))
    run(batch)
    commbox_account.refresh_from_db()
    assert commbox_account.paused_at is not None
    assert len(sandbox.journal) == 1
    assert results(batch) == {number(401): "WAITING", number(100): "WAITING"}
    assert AuditEvent.objects.filter(action="account.paused").count() == 1


def test_a_spent_budget_lets_the_rest_wait(commbox_account: ProviderAccount, sandbox: Sandbox) -> None:
    commbox_account.check_budget = 2
    commbox_account.save()
    batch = ask(commbox_account, 100, 101, 102)
    assert sorted(results(batch).values()) == ["VALID", "VALID", "WAITING"]
    waiting = ContactCheck.objects.get(batch=batch, status="WAITING")
    assert waiting.reason == "BUDGET_SPENT"
    assert waiting.next_attempt_at is not None
    assert waiting.next_attempt_at > datetime.now(UTC) + timedelta(hours=23)
    assert len(sandbox.journal) == 2


def test_a_pending_answer_is_asked_for_again_after_20_40_and_80_seconds(
    accuauth_account: ProviderAccount, sandbox: Sandbox
) -> None:
    batch = ask(accuauth_account, 203)
    waits = []
    for _ask in range(3):
        row = ContactCheck.objects.get(batch=batch)
        assert row.status == ContactCheck.Status.PROCESSING
        assert row.next_attempt_at is not None
        waits.append(round(row.next_attempt_at.timestamp() - sandbox.journal.entries()[-1].at))
        ContactCheck.objects.filter(pk=row.pk).update(next_attempt_at=datetime.now(UTC))
        run(batch, seconds=1)
    assert waits == [20, 40, 80]
    assert len(sandbox.journal) == 4


def test_a_pending_answer_that_comes_ends_the_run(accuauth_account: ProviderAccount) -> None:
    batch = ask(accuauth_account, 202)
    for _ask in range(2):
        ContactCheck.objects.filter(batch=batch).update(next_attempt_at=datetime.now(UTC))
        run(batch, seconds=1)
    assert results(batch) == {peruvian(202): "VALID"}


def test_a_person_who_withdraws_while_an_answer_is_pending_is_not_asked_about_again(
    accuauth_account: ProviderAccount, sandbox: Sandbox
) -> None:
    batch = ask(accuauth_account, 203)
    factories.withdrawn(peruvian(203), accuauth_account.business, now=datetime.now(UTC))
    ContactCheck.objects.filter(batch=batch).update(next_attempt_at=datetime.now(UTC))
    run(batch)
    row = ContactCheck.objects.get(batch=batch)
    assert (row.status, row.reason) == ("UNKNOWN", "WITHDRAWN")
    assert len(sandbox.journal) == 1


def test_what_never_finishes_expires_visibly_after_a_day(accuauth_account: ProviderAccount) -> None:
    batch = ask(accuauth_account, 203)
    recording.close_lost(now=datetime.now(UTC) + timedelta(hours=23))
    assert results(batch) == {peruvian(203): "PROCESSING"}
    recording.close_lost(now=datetime.now(UTC) + timedelta(hours=24, seconds=1))
    row = ContactCheck.objects.get(batch=batch)
    assert (row.status, row.reason) == ("UNKNOWN", "NEVER_FINISHED")


def test_an_account_that_says_yes_to_everyone_is_marked_weak_by_itself(
    accuauth_account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "SAYS_YES_TO_EVERYONE", 3)
    ask(accuauth_account, 100, 101)
    assert AccountMeter.objects.get(account=accuauth_account).marked_weak_at is None
    ask(accuauth_account, 102)
    assert AccountMeter.objects.get(account=accuauth_account).marked_weak_at is not None


def test_one_no_between_them_keeps_an_account_strong(
    accuauth_account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "SAYS_YES_TO_EVERYONE", 3)
    ask(accuauth_account, 100, 101)
    ask(accuauth_account, 404)
    ask(accuauth_account, 102)
    meter = AccountMeter.objects.get(account=accuauth_account)
    assert (meter.valid_in_a_row, meter.marked_weak_at) == (1, None)


def test_every_call_leaves_a_masked_row_that_names_its_run(commbox_account: ProviderAccount) -> None:
    batch = ask(commbox_account, 100)
    call = ProviderCall.objects.get()
    assert (call.subject, call.numbers_count, call.http_status) == (f"CheckBatch:{batch.pk}", 1, 200)
    assert number(100)[1:] not in call.url


def test_each_step_of_a_run_is_in_the_ledger(onprem_account: ProviderAccount) -> None:
    ask(onprem_account, 100)
    actions = list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))
    assert actions == ["opt_in.recorded", "check.requested", "check.answered", "check.finished"]


def test_a_paused_run_asks_nothing_until_it_is_resumed(onprem_account: ProviderAccount, sandbox: Sandbox) -> None:
    opted_in(number(100), onprem_account.business)
    batch = check_run(onprem_account, number(100))
    checks.pause(batch=batch, actor="tests", now=datetime.now(UTC))
    run(batch)
    assert len(sandbox.journal) == 0
    checks.resume(batch=batch, actor="tests", now=datetime.now(UTC))
    run(batch)
    assert results(batch) == {number(100): "VALID"}


def test_cancelling_closes_what_was_not_asked_and_what_is_being_checked(accuauth_account: ProviderAccount) -> None:
    batch = ask(accuauth_account, 203, 100)
    opted_in(peruvian(101), accuauth_account.business)
    other = check_run(accuauth_account, peruvian(101))
    checks.cancel(batch=batch, actor="tests", now=datetime.now(UTC))
    checks.cancel(batch=other, actor="tests", now=datetime.now(UTC))
    assert results(batch) == {peruvian(203): "UNKNOWN", peruvian(100): "VALID"}
    assert results(other) == {peruvian(101): "CANCELLED"}
    assert other.finished_at is not None


def test_an_ended_run_cannot_be_cancelled_paused_or_resumed(onprem_account: ProviderAccount) -> None:
    batch = ask(onprem_account, 100)
    for change in (checks.cancel, checks.pause, checks.resume):
        with pytest.raises(checks.CheckRefused):
            change(batch=batch, actor="tests", now=datetime.now(UTC))


def test_retry_failed_asks_again_in_a_run_of_its_own(commbox_account: ProviderAccount) -> None:
    batch = ask(commbox_account, 444, 100)
    again = checks.retry_failed(batch=batch, actor="tests", now=datetime.now(UTC))
    assert again.retry_of == batch
    assert list(results(again)) == [number(444)]
    assert results(batch)[number(444)] == "UNKNOWN"


def test_there_is_nothing_to_retry_in_a_run_that_went_well(onprem_account: ProviderAccount) -> None:
    batch = ask(onprem_account, 100)
    with pytest.raises(checks.CheckRefused):
        checks.retry_failed(batch=batch, actor="tests", now=datetime.now(UTC))


def test_progress_counts_and_estimates(onprem_account: ProviderAccount) -> None:
    batch = ask(onprem_account, 100, 404)
    seen = checks.progress(batch=batch, now=datetime.now(UTC))
    assert (seen.total, seen.done, seen.seconds_left) == (2, 2, None)
    assert seen.counts == {"VALID": 1, "INVALID": 1}
    assert seen.per_second > 0


def test_a_preview_confirmed_twice_makes_one_run(onprem_account: ProviderAccount) -> None:
    opted_in(number(100), onprem_account.business)
    preview = uuid4()
    first = check_run(onprem_account, number(100), preview_id=preview)
    assert check_run(onprem_account, number(100), preview_id=preview) == first
    assert checks.made_of(preview, account=onprem_account) == first
    assert AuditEvent.objects.filter(action="check.requested").count() == 1


def test_a_run_of_no_number_is_refused(onprem_account: ProviderAccount) -> None:
    with pytest.raises(checks.CheckRefused, match="There is no number to check"):
        check_run(onprem_account)
    assert not CheckBatch.objects.exists()


def test_an_account_that_serves_no_business_makes_no_run(onprem_account: ProviderAccount) -> None:
    onprem_account.business = None
    with pytest.raises(checks.CheckRefused, match="serves no business"):
        check_run(onprem_account, number(100))
    assert not CheckBatch.objects.exists()


def test_a_reason_that_holds_the_number_of_a_person_is_refused_because_the_ledger_keeps_it(
    onprem_account: ProviderAccount,
) -> None:
    opted_in(number(100), onprem_account.business)
    with pytest.raises(checks.CheckRefused, match="must not hold a person's number"):
        check_run(onprem_account, number(100), force_reason="asked again for +44 7400 000 100")
    assert not CheckBatch.objects.exists()


def test_a_refused_number_written_twice_is_refused_twice(onprem_account: ProviderAccount, sandbox: Sandbox) -> None:
    batch = check_run(onprem_account, number(101), number(101))
    run(batch)
    assert (
        list(ContactCheck.objects.filter(batch=batch).values_list("status", "reason")) == [("REFUSED", "NO_OPT_IN")] * 2
    )
    assert len(sandbox.journal) == 0
