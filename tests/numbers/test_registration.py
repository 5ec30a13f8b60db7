"""Registration, PINs and the end of a number: what is kept, what is counted, what is refused before a call leaves."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from audit.models import AuditEvent
from numbers import codes, registration
from numbers.limits import LimitReached, Refused
from numbers.models import BusinessNumber, VerificationAttempt
from numbers.registration import PinUnreadable
from providers.errors import AnswerLost, ProviderError, Rejected
from providers.meta import CloudAPI
from providers.models import Business
from providers.secret import Secret
from sandbox import Ending, Sandbox
from sandbox.seeds import KNOWN_PIN, KNOWN_PIN_NUMBER_ID, NEW_NAME_NUMBER_ID, NEW_NAME_PIN
from tests.numbers import stage
from tests.numbers.flows import now, reached, register, verify

pytestmark = pytest.mark.django_db


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    """A verified number without a PIN."""
    return stage.cloud_number(acme, sandbox, code_verification_status="VERIFIED")


def with_ending(acme: Business, sandbox: Sandbox, digits: str) -> BusinessNumber:
    return stage.cloud_number(acme, sandbox, e164=f"+12025551{digits}", code_verification_status="VERIFIED")


def answer(number: BusinessNumber, pin_known: str) -> BusinessNumber:
    return registration.answer_pin(number=number, pin_known=pin_known, actor="alice", now=now())


def refusal(journey: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        journey()
    return caught.value.message


def test_a_number_is_registered_and_its_pin_kept_encrypted(number: BusinessNumber, sandbox: Sandbox) -> None:
    assert register(number, "482913").outcome == "DONE"

    number.refresh_from_db()
    assert (number.status, number.throughput_level, number.is_registered) == ("CONNECTED", "STANDARD", True)
    assert number.stored_pin == Secret("482913") and number.pin_known == "KNOWN"
    assert number.registered_at is not None
    assert sandbox.number(number.phone_number_id).pin == "482913"
    assert AuditEvent.objects.filter(action="number.registered", subject=number.subject).count() == 1


def test_the_pin_is_not_kept_before_the_provider_has_taken_it(acme: Business, sandbox: Sandbox) -> None:
    number = with_ending(acme, sandbox, Ending.PIN_MISMATCH)

    refused = register(number, "482913")

    assert (refused.outcome, refused.provider_code) == ("REFUSED", "133005")
    number.refresh_from_db()
    assert number.pin == {} and number.wrong_pins == 1


def test_two_wrong_pins_in_a_row_and_then_nothing_leaves(acme: Business, sandbox: Sandbox) -> None:
    number = with_ending(acme, sandbox, Ending.PIN_MISMATCH)
    register(number, "482913")
    register(number, "482914")

    with pytest.raises(LimitReached) as caught:
        register(number, "482915")

    assert caught.value.free_at is None
    assert "our limit" in caught.value.message and "WhatsApp Manager" in caught.value.message
    assert reached(sandbox, "/register") == 2


def test_only_the_word_that_there_is_no_pin_any_more_frees_it(acme: Business, sandbox: Sandbox) -> None:
    number = with_ending(acme, sandbox, Ending.PIN_MISMATCH)
    register(number, "482913")
    register(number, "482914")

    for still in ("KNOWN", "UNSURE"):
        answer(number, still)
        refusal(lambda: register(number, "482915"))
    answer(number, "NONE")

    assert register(number, "482915").outcome == "REFUSED"
    assert reached(sandbox, "/register") == 3


def test_a_right_pin_resets_the_count(acme: Business, sandbox: Sandbox) -> None:
    waba = stage.synced_waba(acme, sandbox)
    number = waba.numbers.get(phone_number_id=KNOWN_PIN_NUMBER_ID)
    register(number, "000001")

    assert register(number, KNOWN_PIN).outcome == "DONE"

    number.refresh_from_db()
    assert number.wrong_pins == 0 and number.stored_pin == Secret(KNOWN_PIN)


@pytest.mark.parametrize("digits", [Ending.REGISTRATION_LIMIT, Ending.WAIT_FIVE_MINUTES])
def test_a_refusal_for_another_reason_is_no_wrong_pin(acme: Business, sandbox: Sandbox, digits: str) -> None:
    number = with_ending(acme, sandbox, digits)

    assert register(number, "482913").outcome == "REFUSED"

    number.refresh_from_db()
    assert number.wrong_pins == 0


def test_what_never_left_is_no_wrong_pin(number: BusinessNumber) -> None:
    number.account.base_url = "http://127.0.0.1:1"
    number.account.save()

    assert register(number, "482913").outcome == "NOT_SENT"

    number.refresh_from_db()
    assert number.wrong_pins == 0 and number.pin == {}


def test_a_process_that_dies_in_mid_call_leaves_its_pin_counted(
    number: BusinessNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CloudAPI, "register", dies)
    with pytest.raises(KeyboardInterrupt):
        register(number, "482913")

    number.refresh_from_db()
    assert number.wrong_pins == 1
    assert VerificationAttempt.objects.get().outcome == "SENDING"
    assert "on its way" in refusal(lambda: register(number, "482913"))


def test_a_lost_answer_keeps_the_pin_as_unconfirmed_until_reading_settles_it(acme: Business, sandbox: Sandbox) -> None:
    number = with_ending(acme, sandbox, Ending.REGISTRATION_LOST)

    lost = register(number, "482913")
    assert lost.outcome == "UNKNOWN"
    number.refresh_from_db()
    assert (number.stored_pin, number.unconfirmed_pin, number.wrong_pins) == (None, Secret("482913"), 1)

    assert codes.settle(attempt=lost, now=now()).outcome == "DONE"
    number.refresh_from_db()
    assert (number.stored_pin, number.unconfirmed_pin, number.wrong_pins) == (Secret("482913"), None, 0)
    assert number.is_registered


def test_a_lost_registration_that_was_not_done_is_refused_after_a_minute(
    number: BusinessNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*args: object, **kwargs: object) -> None:
        raise AnswerLost("No answer.")

    monkeypatch.setattr(CloudAPI, "register", lost)
    attempt = register(number, "482913")

    assert codes.settle(attempt=attempt, now=attempt.started_at + timedelta(seconds=59)).outcome == "UNKNOWN"
    assert codes.settle(attempt=attempt, now=attempt.started_at + timedelta(seconds=61)).outcome == "REFUSED"
    number.refresh_from_db()
    assert number.pin == {} and number.wrong_pins == 1


def test_a_lost_answer_of_registering_again_cannot_be_settled_by_reading(
    number: BusinessNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(number, "482913")

    def lost(*args: object, **kwargs: object) -> None:
        raise AnswerLost("No answer.")

    monkeypatch.setattr(CloudAPI, "register", lost)
    attempt = register(number, "482913")

    assert codes.settle(attempt=attempt, now=now() + timedelta(hours=1)).outcome == "UNKNOWN"


def test_a_forgotten_pin_is_no_dead_end(acme: Business, sandbox: Sandbox, number: BusinessNumber) -> None:
    answer(number, "FORGOTTEN")

    words = refusal(lambda: register(number, "482913"))

    assert "WhatsApp Manager" in words and "no API" in words
    assert reached(sandbox, "/register") == 0
    answer(number, "NONE")
    assert register(number, "482913").outcome == "DONE"


def test_a_number_on_the_business_app_is_never_registered_or_deregistered(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox, is_on_biz_app=True, status="CONNECTED")

    assert "Business app" in refusal(lambda: register(number, "482913"))
    assert "Business app" in refusal(
        lambda: registration.deregister(number=number, confirmation=number.e164, actor="alice", now=now())
    )
    assert "Business app" in refusal(
        lambda: registration.hand_over(number=number, confirmation=number.e164, actor="alice", now=now())
    )
    assert reached(sandbox, "/register", "/deregister") == 0


def test_registering_again_puts_the_approved_name_in_force(acme: Business, sandbox: Sandbox) -> None:
    number = stage.synced_waba(acme, sandbox).numbers.get(phone_number_id=NEW_NAME_NUMBER_ID)
    assert number.register_again_by is not None

    assert register(number, NEW_NAME_PIN).outcome == "DONE"

    number.refresh_from_db()
    assert number.register_again_by is None
    assert number.verified_name == "Acme Outlet"


@pytest.mark.parametrize("text", ["12345", "1234567", "12345a", "١٢٣٤٥٦", ""])
def test_what_is_no_pin_is_refused_and_never_echoed(text: str) -> None:
    with pytest.raises(PinUnreadable) as caught:
        registration.read_pin(text)

    assert "PIN" in caught.value.message and (not text or text not in caught.value.message)
    assert caught.value.__context__ is None


def test_a_pin_keeps_its_zeros_and_loses_its_dashes() -> None:
    assert registration.read_pin("00-42 07") == Secret("004207")


def test_new_pins_are_six_digits_that_nobody_tries_first(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {registration.new_pin().reveal() for _time in range(500)}

    assert len(made) > 480 and all(len(pin) == 6 and pin.isdigit() for pin in made)
    weak = ["000000", "123456", "654321", "111112", "121212", "123123", "246802", "482913"]
    drawn = iter([int(pin) for pin in weak])
    monkeypatch.setattr("numbers.pins.secrets.randbelow", lambda limit: next(drawn))
    assert registration.new_pin().reveal() == "482913"


def test_a_new_pin_replaces_the_old_one(number: BusinessNumber, sandbox: Sandbox) -> None:
    register(number, "482913")

    registration.set_pin(number=number, pin=Secret("730194"), actor="alice", now=now())

    assert number.stored_pin == Secret("730194")
    assert sandbox.number(number.phone_number_id).pin == "730194"
    event = AuditEvent.objects.get(action="pin.set")
    assert event.details == {} and event.subject == number.subject


def test_a_new_pin_whose_answer_was_lost_stands_beside_the_old_one(
    number: BusinessNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(number, "482913")

    def lost(*args: object, **kwargs: object) -> None:
        raise AnswerLost("No answer.")

    monkeypatch.setattr(CloudAPI, "set_pin", lost)
    with pytest.raises(AnswerLost):
        registration.set_pin(number=number, pin=Secret("730194"), actor="alice", now=now())

    number.refresh_from_db()
    assert (number.stored_pin, number.unconfirmed_pin) == (Secret("482913"), Secret("730194"))


def test_a_new_pin_that_was_refused_changes_nothing(number: BusinessNumber) -> None:
    with pytest.raises(Rejected):
        registration.set_pin(number=number, pin=Secret("730194"), actor="alice", now=now())

    number.refresh_from_db()
    assert number.pin == {}


def test_a_pin_is_seen_again_with_a_reason_that_the_ledger_keeps(number: BusinessNumber) -> None:
    register(number, "482913")

    assert refusal(lambda: registration.reveal_pin(number=number, reason=" ", actor="alice", now=now()))
    pin = registration.reveal_pin(number=number, reason="Moving to another provider", actor="alice", now=now())

    assert pin == Secret("482913")
    event = AuditEvent.objects.get(action="pin.revealed")
    assert event.details == {"reason": "Moving to another provider", "confirmed": True} and event.actor == "alice"


def test_there_is_nothing_to_see_where_no_pin_is_kept(number: BusinessNumber) -> None:
    assert "No PIN" in refusal(lambda: registration.reveal_pin(number=number, reason="why", actor="alice", now=now()))


@pytest.mark.parametrize("typed", ["", "yes", "+1202555110", "+120255511001"])
def test_a_number_is_stopped_only_by_who_types_it(number: BusinessNumber, sandbox: Sandbox, typed: str) -> None:
    register(number, "482913")

    assert "Nothing was stopped" in refusal(
        lambda: registration.deregister(number=number, confirmation=typed, actor="alice", now=now())
    )
    assert reached(sandbox, "/deregister") == 0


def test_a_stopped_number_is_no_longer_registered(number: BusinessNumber, sandbox: Sandbox) -> None:
    register(number, "482913")

    registration.deregister(number=number, confirmation="+1 (202) 555-1100", actor="alice", now=now())

    assert number.deregistered_at is not None and not number.is_registered
    assert sandbox.number(number.phone_number_id).status == "DISCONNECTED"
    assert AuditEvent.objects.filter(action="number.deregistered").exists()


def test_handing_over_sets_a_pin_for_whoever_takes_the_number(number: BusinessNumber, sandbox: Sandbox) -> None:
    register(number, "482913")

    pin = registration.hand_over(number=number, confirmation=number.e164, actor="alice", now=now())

    at_the_provider = sandbox.number(number.phone_number_id)
    assert at_the_provider.pin == pin.reveal() != "482913" and at_the_provider.status == "DISCONNECTED"
    number.refresh_from_db()
    assert number.stored_pin == pin and not number.is_registered


def test_a_hand_over_that_stops_half_way_keeps_the_pin(number: BusinessNumber, monkeypatch: pytest.MonkeyPatch) -> None:
    register(number, "482913")

    def fails(*args: object, **kwargs: object) -> None:
        raise Rejected("No.")

    monkeypatch.setattr(CloudAPI, "deregister", fails)
    with pytest.raises(ProviderError):
        registration.hand_over(number=number, confirmation=number.e164, actor="alice", now=now())

    number.refresh_from_db()
    assert number.stored_pin not in (None, Secret("482913")) and number.is_registered


def test_the_webhooks_of_a_waba_are_subscribed(acme: Business, sandbox: Sandbox) -> None:
    waba = stage.cloud_waba(acme, sandbox)

    registration.subscribe_webhooks(business_account=waba, actor="alice", now=now())

    waba.refresh_from_db()
    assert waba.subscribed_at is not None and sandbox.business_account(waba.waba_id).subscribed
    assert AuditEvent.objects.get(action="waba.subscribed").subject == f"BusinessAccount:{waba.pk}"


def test_kaleyra_registers_its_numbers_itself(acme: Business, sandbox: Sandbox) -> None:
    number = stage.kaleyra_number(acme, sandbox)

    assert "Kaleyra" in refusal(lambda: register(number, "482913"))


def test_nothing_goes_from_a_number_twice_at_once(number: BusinessNumber, sandbox: Sandbox) -> None:
    VerificationAttempt.objects.create(business_number=number, action="REGISTER", actor="bob", started_at=now())

    assert "on its way" in refusal(lambda: register(number, "482913"))
    assert reached(sandbox, "/register") == 0


def test_verified_and_registered_in_one_go(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)
    verify(sandbox, number)

    assert register(number, "482913").outcome == "DONE"
