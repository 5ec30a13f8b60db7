"""What a person is told before a check run is made: nothing is written and nothing is sent."""

from datetime import UTC, datetime, timedelta

import pytest

from contacts import checks
from contacts.gate import Outcome, Reason
from contacts.models import CheckBatch, ContactCheck
from providers import limits
from providers.interfaces import EvidenceStrength
from providers.models import AccountMeter, ProviderAccount
from sandbox import Sandbox
from tests import factories
from tests.factories import number

pytestmark = pytest.mark.django_db


def preview(account: ProviderAccount, *texts: str, force: bool = False, purpose: str = "") -> checks.Preview:
    return checks.preview(
        account=account, lines=checks.read_lines(texts), purpose=purpose, force=force, now=datetime.now(UTC)
    )


def test_each_line_is_counted_by_what_would_happen_to_it(onprem_account: ProviderAccount) -> None:
    factories.opted_in(number(100), onprem_account.business)
    seen = preview(onprem_account, number(100), number(101), "6315551002")
    assert seen.outcomes == {Outcome.ALLOWED: 1, Outcome.REFUSED: 2}
    assert seen.refusals == {Reason.NO_OPT_IN: 1, Reason.NOT_E164: 1}
    assert seen.to_ask == 1


def test_a_preview_writes_nothing_and_sends_nothing(onprem_account: ProviderAccount, sandbox: Sandbox) -> None:
    factories.opted_in(number(100), onprem_account.business)
    preview(onprem_account, number(100))
    assert not CheckBatch.objects.exists()
    assert not ContactCheck.objects.exists()
    assert len(sandbox.journal) == 0


def test_the_budget_after_the_run_is_told(commbox_account: ProviderAccount) -> None:
    commbox_account.check_budget = 3
    commbox_account.save()
    for index in range(5):
        factories.opted_in(number(100, index), commbox_account.business)
    limits_before = limits.budget_left(commbox_account, now=datetime.now(UTC))
    seen = preview(commbox_account, *(number(100, index) for index in range(5)))
    assert limits_before == 3
    assert (seen.budget_left, seen.budget_after) == (3, 0)
    assert seen.outcomes == {Outcome.ALLOWED: 3, Outcome.WAITING: 2}


def test_a_number_written_twice_is_counted_once(onprem_account: ProviderAccount) -> None:
    factories.opted_in(number(100), onprem_account.business)
    seen = preview(onprem_account, number(100), "+44 7400 000-100")
    assert seen.to_ask == 1
    assert seen.duplicates == 1


def test_two_forms_of_one_persons_number_are_shown_before_they_are_spent(onprem_account: ProviderAccount) -> None:
    for form in ("+525512345678", "+5215512345678"):
        factories.opted_in(form, onprem_account.business)
    seen = preview(onprem_account, "+525512345678", "+5215512345678")
    assert [(first.input, second.input) for first, second in seen.variants] == [("+525512345678", "+5215512345678")]


def test_a_fresh_answer_is_not_asked_for_again_unless_forced(onprem_account: ProviderAccount) -> None:
    factories.opted_in(number(100), onprem_account.business)
    factories.run(factories.check_run(onprem_account, number(100)))
    assert preview(onprem_account, number(100)).outcomes == {Outcome.CACHED: 1}
    assert preview(onprem_account, number(100), force=True).outcomes == {Outcome.ALLOWED: 1}


def test_an_answer_is_fresh_for_its_own_account_only(
    onprem_account: ProviderAccount, commbox_account: ProviderAccount
) -> None:
    factories.opted_in(number(100), onprem_account.business)
    factories.run(factories.check_run(onprem_account, number(100)))
    assert preview(commbox_account, number(100)).outcomes == {Outcome.ALLOWED: 1}


def test_a_weak_answer_does_not_stand_in_for_a_strong_one(onprem_account: ProviderAccount) -> None:
    factories.opted_in(number(100), onprem_account.business)
    factories.run(factories.check_run(onprem_account, number(100)))
    onprem_account.options = {"evidence_strength": "strong"}
    onprem_account.save()
    assert preview(onprem_account, number(100)).outcomes == {Outcome.ALLOWED: 1}


def test_the_preview_says_when_answers_of_the_account_prove_nothing(accuauth_account: ProviderAccount) -> None:
    assert preview(accuauth_account, factories.peruvian()).strength is EvidenceStrength.STRONG
    AccountMeter.objects.update_or_create(account=accuauth_account, defaults={"marked_weak_at": datetime.now(UTC)})
    assert preview(accuauth_account, factories.peruvian()).strength is EvidenceStrength.WEAK


def test_a_stopped_account_lets_everything_wait_and_says_why(onprem_account: ProviderAccount) -> None:
    factories.opted_in(number(100), onprem_account.business)
    onprem_account.paused_at, onprem_account.paused_reason = datetime.now(UTC), "The credentials were refused."
    onprem_account.save()
    seen = preview(onprem_account, number(100))
    assert seen.outcomes == {Outcome.WAITING: 1}
    assert seen.stopped_because == "The credentials were refused."


def test_an_unconfirmed_recipient_receives_nothing(onprem_account: ProviderAccount) -> None:
    factories.opted_in(number(100), onprem_account.business)
    onprem_account.recipient_official = False
    onprem_account.save()
    assert preview(onprem_account, number(100)).outcomes == {Outcome.WAITING: 1}


def test_another_region_than_the_accounts_is_refused(accuauth_account: ProviderAccount) -> None:
    factories.opted_in(number(100), accuauth_account.business)
    assert preview(accuauth_account, number(100)).refusals == {Reason.REGION_NOT_SERVED: 1}


def test_a_purpose_that_was_not_agreed_to_is_refused(onprem_account: ProviderAccount) -> None:
    factories.opted_in(number(100), onprem_account.business)
    assert preview(onprem_account, number(100), purpose="marketing").refusals == {Reason.PURPOSE_NOT_AGREED: 1}
    assert preview(onprem_account, number(100), purpose="utility").to_ask == 1


def test_an_opt_in_to_another_business_is_named_as_such(onprem_account: ProviderAccount) -> None:
    factories.opted_in(number(100), factories.business("Globex"))
    assert preview(onprem_account, number(100)).refusals == {Reason.OTHER_BUSINESS: 1}


def test_the_rolling_day_gives_the_budget_back(commbox_account: ProviderAccount) -> None:
    commbox_account.check_budget = 2
    commbox_account.save()
    now = datetime.now(UTC)
    assert limits.reserve_budget(commbox_account, wanted=2, now=now - timedelta(hours=24, minutes=2)).granted == 2
    assert limits.budget_left(commbox_account, now=now) == 2
    assert limits.reserve_budget(commbox_account, wanted=3, now=now).granted == 2
    assert limits.budget_left(commbox_account, now=now + timedelta(hours=23)) == 0
