"""Codes: requested, submitted once, refused here before anything is spent, and settled where the answer was lost."""

from datetime import timedelta
from typing import Any

import pytest

from audit.models import AuditEvent, ProviderCall
from numbers import attempts, codes
from numbers.codes import CodeUnreadable, Refused
from numbers.models import BusinessNumber, VerificationAttempt
from providers.interfaces import CodeMethod
from providers.meta import CloudAPI
from providers.models import Business
from sandbox import Ending, Sandbox
from tests.numbers import stage
from tests.numbers.flows import VERIFY, code_of, now, reached, request, submit, wrong_code_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    """A number at the Cloud API that is neither verified nor registered."""
    return stage.cloud_number(acme, sandbox)


def ending(acme: Business, sandbox: Sandbox, digits: str) -> BusinessNumber:
    return stage.cloud_number(acme, sandbox, e164=f"+1202555{digits.rjust(4, '1')}")


def test_a_code_is_requested_and_submitted_and_the_number_is_verified(number: BusinessNumber, sandbox: Sandbox) -> None:
    asked = request(number)
    assert (asked.outcome, asked.method, asked.language, asked.actor) == ("DONE", "SMS", "en_US", "alice")

    done = submit(number, code_of(sandbox, number))

    assert (done.outcome, done.code_request_id, done.provider_code) == ("DONE", asked.pk, "")
    number.refresh_from_db()
    assert number.code_verification_status == "VERIFIED" and number.verified_at is not None
    assert sandbox.number(number.phone_number_id).code_verification_status == "VERIFIED"
    assert number.status == "PENDING", "verifying alone does not register"


def test_each_step_leaves_its_mark_in_the_ledger(number: BusinessNumber, sandbox: Sandbox) -> None:
    request(number)
    submit(number, wrong_code_of(sandbox, number))
    submit(number, code_of(sandbox, number))

    events = AuditEvent.objects.filter(subject=number.subject).exclude(action="number.read").order_by("sequence")
    assert [(event.action, event.details.get("outcome")) for event in events] == [
        ("code.requested", "DONE"),
        ("code.submitted", "REFUSED"),
        ("code.submitted", "DONE"),
        ("number.verified", None),
    ]
    assert {event.actor for event in events} == {"alice"}
    assert {event.business_id for event in events} == {number.business_account.business_id}


def test_a_code_may_be_requested_by_call_and_in_another_language(number: BusinessNumber, sandbox: Sandbox) -> None:
    codes.request_code(number=number, method=CodeMethod.VOICE, language="pt-br", actor="alice", now=now())

    message = sandbox.phone.messages(number.e164)[0]
    assert (message.method, message.language) == ("VOICE", "pt_BR")


@pytest.mark.parametrize("text", ["123-456", " 123 456 ", "123\u00a0456", "12\u200934\u201156", "\u200e123456"])
def test_what_people_put_between_the_digits_is_left_out(text: str) -> None:
    assert codes.read_code(text).reveal() == "123456"


def test_zeros_in_front_stay() -> None:
    assert codes.read_code("000 042").reveal() == "000042"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "missing"),
        ("  - ", "missing"),
        ("12345", "six digits"),
        ("1234567", "six digits"),
        ("12345a", "something else"),
        ("١٢٣٤٥٦", "another alphabet"),
        ("12३456", "another alphabet"),
        ("１２３４５６", "another alphabet"),
        ("²²²²²²", "another alphabet"),
        ("1" * 5_000, "something else"),
        ("12.456", "something else"),
    ],
)
def test_what_is_no_code_is_refused_by_its_rule_and_never_echoed(text: str, words: str) -> None:
    with pytest.raises(CodeUnreadable) as caught:
        codes.read_code(text)

    assert words in caught.value.message
    assert not text.strip(" -") or text not in caught.value.message
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def test_a_wrong_code_is_said_by_the_provider_and_may_be_followed_by_the_right_one(
    number: BusinessNumber, sandbox: Sandbox
) -> None:
    request(number)

    wrong = submit(number, wrong_code_of(sandbox, number))

    assert (wrong.outcome, wrong.provider_code) == ("REFUSED", "136025")
    assert wrong.provider_words and wrong.trace_id
    assert submit(number, code_of(sandbox, number)).outcome == "DONE"


def test_a_number_that_was_verified_elsewhere_meanwhile_is_green(acme: Business, sandbox: Sandbox) -> None:
    number = stage.kaleyra_number(acme, sandbox)
    number.e164 = "+919765400208"
    number.phone_number_id = sandbox.kaleyra_sends_code(number.e164)
    number.save()

    done = submit(number, "123456")

    assert (done.outcome, done.provider_words) == ("DONE", codes.ALREADY_VERIFIED)
    number.refresh_from_db()
    assert number.is_verified


@pytest.mark.parametrize("language", ["xx_XX", "en_us_x", "", "english", "en/US", "de_US", "ｅｎ"])
def test_a_language_that_does_not_exist_is_refused_here(
    number: BusinessNumber, sandbox: Sandbox, language: str
) -> None:
    with pytest.raises(Refused, match="language"):
        codes.request_code(number=number, method=CodeMethod.SMS, language=language, actor="alice", now=now())

    assert reached(sandbox, "/request_code") == 0 and not VerificationAttempt.objects.exists()


def test_a_code_without_a_request_is_refused_here(number: BusinessNumber, sandbox: Sandbox) -> None:
    with pytest.raises(Refused, match="Request one first"):
        submit(number, "123456")

    assert reached(sandbox, *VERIFY) == 0 and not VerificationAttempt.objects.exists()


def test_an_expired_code_is_refused_here_with_nothing_spent(number: BusinessNumber, sandbox: Sandbox) -> None:
    begin = now()
    request(number, at=begin)
    code = code_of(sandbox, number)

    with pytest.raises(Refused, match="expired"):
        submit(number, code, at=begin + timedelta(minutes=10))

    assert reached(sandbox, *VERIFY) == 0
    assert submit(number, code, at=begin + timedelta(minutes=9, seconds=59)).outcome == "DONE"


def test_a_code_for_another_numbers_attempt_is_refused_here(
    acme: Business, number: BusinessNumber, sandbox: Sandbox
) -> None:
    other = stage.cloud_number(acme, sandbox, e164="+12025551101")
    asked = request(other)
    request(number)

    with pytest.raises(Refused, match="another number"):
        submit(number, code_of(sandbox, other), page=asked.pk)

    assert reached(sandbox, *VERIFY) == 0
    assert submit(other, code_of(sandbox, other), page=asked.pk).outcome == "DONE"


def test_a_second_submission_while_one_is_on_its_way_is_refused_here(number: BusinessNumber, sandbox: Sandbox) -> None:
    asked = request(number)
    VerificationAttempt.objects.create(
        business_number=number, action="SUBMIT_CODE", code_request=asked, actor="bob", started_at=now()
    )

    with pytest.raises(Refused, match="on its way"):
        submit(number, code_of(sandbox, number))
    with pytest.raises(Refused, match="on its way"):
        request(number)

    assert reached(sandbox, *VERIFY) == 0


def test_a_used_code_is_refused_here(number: BusinessNumber, sandbox: Sandbox) -> None:
    request(number)
    code = code_of(sandbox, number)
    submit(number, code)

    with pytest.raises(Refused, match="has been used"):
        submit(number, code, actor="bob")

    assert reached(sandbox, *VERIFY) == 1


@pytest.mark.parametrize("status", ["LINKED", "CONNECTED"])
def test_a_number_that_is_on_the_business_app_too_is_left_alone(acme: Business, sandbox: Sandbox, status: str) -> None:
    number = stage.cloud_number(acme, sandbox, status=status, is_on_biz_app=status == "CONNECTED")

    for journey in (lambda: request(number), lambda: submit(number, "123456")):
        with pytest.raises(Refused, match="Business app"):
            journey()

    assert reached(sandbox, "/request_code", *VERIFY) == 0


def test_a_number_that_the_provider_has_not_named_is_refused_here(number: BusinessNumber, sandbox: Sandbox) -> None:
    number.phone_number_id = ""
    number.save()

    with pytest.raises(Refused, match="phone number id"):
        request(number)


def test_a_paused_account_is_not_asked(number: BusinessNumber, sandbox: Sandbox) -> None:
    account = number.account
    account.paused_at, account.paused_reason = now(), "The token is being replaced."
    account.save()

    for journey in (lambda: request(number), lambda: submit(number, "123456")):
        with pytest.raises(Refused, match="is being replaced"):
            journey()


def test_a_token_without_permission_is_said_in_the_providers_words(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)
    account = number.account
    account.credentials = {"access_token": codes.Secret("noperm-token")}
    account.save()

    refused = request(number)

    assert (refused.outcome, refused.provider_code) == ("REFUSED", "10")


def test_nothing_listens_and_nothing_is_spent(number: BusinessNumber, sandbox: Sandbox) -> None:
    request(number)
    code = code_of(sandbox, number)
    account = number.account
    account.base_url = "http://127.0.0.1:1"
    account.save()

    for _try in range(7):
        assert submit(number, code).outcome == "NOT_SENT"

    account.base_url = sandbox.url
    account.save()
    assert submit(number, code).outcome == "DONE"


def test_a_lost_answer_is_unknown_and_settled_by_reading(acme: Business, sandbox: Sandbox) -> None:
    number = ending(acme, sandbox, Ending.CODE_TAKEN_ANSWER_LOST)
    request(number)

    lost = submit(number, code_of(sandbox, number))
    assert (lost.outcome, lost.settled_at) == ("UNKNOWN", None)
    number.refresh_from_db()
    assert number.verified_at is None

    settled = codes.settle(attempt=lost, now=now())
    assert settled.outcome == "DONE" and settled.settled_at is not None
    number.refresh_from_db()
    assert number.is_verified
    assert AuditEvent.objects.filter(action="attempt.settled", subject=number.subject).exists()
    assert reached(sandbox, *VERIFY) == 1, "the code was sent once"


def test_a_lost_answer_of_a_code_that_was_not_taken_stays_open_for_a_minute(acme: Business, sandbox: Sandbox) -> None:
    number = ending(acme, sandbox, Ending.CODE_NOT_TAKEN_ANSWER_LOST)
    request(number)
    lost = submit(number, code_of(sandbox, number))

    assert codes.settle(attempt=lost, now=lost.started_at + timedelta(seconds=59)).outcome == "UNKNOWN"
    assert codes.settle(attempt=lost, now=lost.started_at + timedelta(seconds=60)).outcome == "REFUSED"
    assert submit(number, code_of(sandbox, number)).outcome == "DONE"


def test_a_lost_request_leaves_a_code_that_can_be_entered(acme: Business, sandbox: Sandbox) -> None:
    number = ending(acme, sandbox, Ending.CODE_REQUEST_LOST)

    assert request(number).outcome == "UNKNOWN"
    assert submit(number, code_of(sandbox, number)).outcome == "DONE"


def test_try_again_later_is_an_answer_and_the_code_may_be_typed_again(acme: Business, sandbox: Sandbox) -> None:
    number = stage.kaleyra_number(acme, sandbox)
    number.e164 = f"+919765400{Ending.TRY_AGAIN_ONCE}"
    number.phone_number_id = sandbox.kaleyra_sends_code(number.e164)
    number.save()
    code = code_of(sandbox, number)

    first = submit(number, code)
    assert (first.outcome, first.provider_code) == ("REFUSED", "WA500:try_again")
    assert submit(number, code).outcome == "DONE"


def test_kaleyra_needs_no_request_and_its_lost_answer_is_asked_of_the_operator(
    acme: Business, sandbox: Sandbox
) -> None:
    number = stage.kaleyra_number(acme, sandbox)
    number.e164 = f"+919765400{Ending.CODE_TAKEN_ANSWER_LOST}"
    number.phone_number_id = sandbox.kaleyra_sends_code(number.e164)
    number.save()

    lost = submit(number, code_of(sandbox, number))
    assert lost.outcome == "UNKNOWN"
    with pytest.raises(Refused, match="Kaleyra"):
        codes.settle(attempt=lost, now=now())

    settled = codes.settle_by_person(attempt=lost, verified=True, actor="bob", now=now())
    assert settled.outcome == "DONE"
    number.refresh_from_db()
    assert number.is_verified
    assert AuditEvent.objects.get(action="attempt.settled_by_person").actor == "bob"
    with pytest.raises(Refused, match="already"):
        codes.settle_by_person(attempt=lost, verified=False, actor="bob", now=now())


def test_an_operator_may_say_that_the_code_was_not_taken(acme: Business, sandbox: Sandbox) -> None:
    number = stage.kaleyra_number(acme, sandbox)
    lost = VerificationAttempt.objects.create(
        business_number=number, action="SUBMIT_CODE", outcome="UNKNOWN", actor="alice", started_at=now()
    )

    assert codes.settle_by_person(attempt=lost, verified=False, actor="bob", now=now()).outcome == "REFUSED"
    number.refresh_from_db()
    assert not number.is_verified


@pytest.mark.parametrize("digits", ["998", "444", "996", "997", "999"])
def test_an_answer_that_nobody_can_read_is_unknown(acme: Business, sandbox: Sandbox, digits: str) -> None:
    number = ending(acme, sandbox, digits)
    request(number)

    assert submit(number, code_of(sandbox, number)).outcome == "UNKNOWN"


def test_an_answer_that_comes_after_the_sweep_still_counts(
    number: BusinessNumber, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    request(number)
    code = code_of(sandbox, number)
    send = CloudAPI.submit_code

    def slow(self: CloudAPI, *args: Any, **kwargs: Any) -> Any:
        answered = send(self, *args, **kwargs)
        attempts.expire_dead(now=now() + timedelta(minutes=2))
        assert VerificationAttempt.objects.get(action="SUBMIT_CODE").outcome == "UNKNOWN"
        return answered

    monkeypatch.setattr(CloudAPI, "submit_code", slow)
    assert submit(number, code).outcome == "DONE"


def test_an_answer_that_comes_while_the_sweep_looks_is_not_swept_away(
    number: BusinessNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = VerificationAttempt.objects.create(
        business_number=number, action="SUBMIT_CODE", actor="bob", started_at=now() - timedelta(minutes=2)
    )
    lock = attempts.lock

    def answered_meanwhile(locked: BusinessNumber) -> BusinessNumber:
        VerificationAttempt.objects.filter(pk=attempt.pk).update(outcome="DONE")
        return lock(locked)

    monkeypatch.setattr(attempts, "lock", answered_meanwhile)

    assert attempts.expire_dead(now=now()) == []
    attempt.refresh_from_db()
    assert attempt.outcome == "DONE"


def test_the_attempt_is_committed_before_the_call_leaves(number: BusinessNumber, sandbox: Sandbox) -> None:
    seen: list[str] = []

    class Watching:
        def submit_code(self, *args: object, **kwargs: object) -> object:
            seen.extend(VerificationAttempt.objects.filter(action="SUBMIT_CODE").values_list("outcome", flat=True))
            raise RuntimeError("the process dies here")

    request(number)
    with pytest.MonkeyPatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr(codes.attempts, "verifier_of", lambda number: Watching())
        submit(number, "123456")

    assert seen == ["SENDING"]
    assert VerificationAttempt.objects.get(action="SUBMIT_CODE").outcome == "SENDING"


def test_the_log_of_calls_holds_neither_code_nor_number(number: BusinessNumber, sandbox: Sandbox) -> None:
    request(number)
    code = code_of(sandbox, number)
    submit(number, code)

    calls = ProviderCall.objects.filter(subject=number.subject)
    assert {"request_code", "submit_code", "read_number"} <= set(calls.values_list("operation", flat=True))
    assert not any(code in f"{call.url} {call.error}" for call in calls)


def test_a_code_for_a_number_that_is_verified_there_already_brings_it_forward(acme: Business, sandbox: Sandbox) -> None:
    known = ending(acme, sandbox, Ending.ALREADY_VERIFIED)

    assert request(known).outcome == "REFUSED"

    known.refresh_from_db()
    assert known.is_verified, "it was read again, so that nobody waits for a code that never comes"
