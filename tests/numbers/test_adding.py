"""Bringing a number here: where it was, adding it, a lost answer, and who is waited for."""

from collections.abc import Callable

import pytest

from audit.models import AuditEvent
from numbers import registration, sync
from numbers.limits import Refused
from numbers.models import BusinessAccount, BusinessNumber
from providers.errors import AnswerLost, Rejected
from providers.models import Business
from sandbox import Ending, Sandbox
from tests.numbers import stage
from tests.numbers.flows import now, reached

pytestmark = pytest.mark.django_db

NUMBER = "+12025551100"


@pytest.fixture
def waba(acme: Business, sandbox: Sandbox) -> BusinessAccount:
    """A WABA at the Cloud API of which nothing has been read yet."""
    return stage.cloud_waba(acme, sandbox)


def add(waba: BusinessAccount, e164: str = NUMBER, *, name: str = "Acme", migrate: bool = False) -> BusinessNumber:
    return registration.add_number(
        business_account=waba, e164=e164, verified_name=name, migrate=migrate, actor="alice", now=now()
    )


def refusal(journey: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        journey()
    return caught.value.message


def test_a_number_is_added_and_read(waba: BusinessAccount, sandbox: Sandbox) -> None:
    number = add(waba)

    there = sandbox.number_of(NUMBER)
    assert there is not None and there.verified_name == "Acme"
    assert number.phone_number_id and number.code_verification_status == "NOT_VERIFIED"
    event = AuditEvent.objects.get(action="number.added")
    assert event.details == {"phone_number_id": number.phone_number_id, "asked": True, "migrate": False}


def test_the_row_is_there_before_the_call_and_stays_without_id_where_it_failed(
    waba: BusinessAccount, sandbox: Sandbox
) -> None:
    with pytest.raises(Rejected):
        add(waba, f"+12025551{Ending.ON_WHATSAPP_APP}")

    number = BusinessNumber.objects.get()
    assert number.phone_number_id == ""


def test_a_number_with_another_provider_moves_here(waba: BusinessAccount) -> None:
    e164 = f"+12025551{Ending.WITH_ANOTHER_PROVIDER}"
    with pytest.raises(Rejected):
        add(waba, e164)

    number = add(waba, e164, name="", migrate=True)

    assert number.phone_number_id and BusinessNumber.objects.count() == 1


def test_a_lost_answer_is_found_by_reading_the_waba(waba: BusinessAccount, sandbox: Sandbox) -> None:
    e164 = f"+12025551{Ending.ADDED_ANSWER_LOST}"
    with pytest.raises(AnswerLost):
        add(waba, e164)

    sync.sync_business_account(business_account=waba, actor="alice", now=now())

    number = BusinessNumber.objects.get(e164=e164)
    assert number.phone_number_id and reached(sandbox, "/phone_numbers") >= 2


def test_a_number_that_is_here_is_not_added_again(waba: BusinessAccount, sandbox: Sandbox) -> None:
    add(waba)
    before = len(sandbox.journal)

    assert "already" in refusal(lambda: add(waba))
    assert len(sandbox.journal) == before


def test_a_name_is_asked_for_unless_the_number_moves(waba: BusinessAccount, sandbox: Sandbox) -> None:
    assert "display name" in refusal(lambda: add(waba, name=" "))
    assert len(sandbox.journal) == 0


@pytest.mark.parametrize("e164", ["12025551100", "+1", "+12025551100/verify", ""])
def test_only_the_shape_of_a_number_is_sent(waba: BusinessAccount, sandbox: Sandbox, e164: str) -> None:
    assert refusal(lambda: add(waba, e164))
    assert len(sandbox.journal) == 0


@pytest.mark.parametrize(
    ("typed", "e164"),
    [("+1 (202) 555-1100", "+12025551100"), ("+1 555-005-1310", "+15550051310"), ("+447400123456", "+447400123456")],
)
def test_numbers_of_ours_are_read_as_people_write_them(typed: str, e164: str) -> None:
    assert registration.read_our_number(typed) == e164


@pytest.mark.parametrize("typed", ["2025551100", "1 555 005 1310", "+1 555 00A 1310", "", "+44 07400 123456"])
def test_a_number_is_never_guessed(typed: str) -> None:
    assert refusal(lambda: registration.read_our_number(typed))


def test_kaleyra_adds_its_numbers_itself_and_they_are_written_down_here(acme: Business, sandbox: Sandbox) -> None:
    waba = stage.kaleyra_waba(acme, sandbox)
    assert "Kaleyra" in refusal(lambda: add(waba))

    def write(e164: str, phone_number_id: str) -> BusinessNumber:
        return registration.record_number(
            business_account=waba, e164=e164, phone_number_id=phone_number_id, actor="alice", now=now()
        )

    number = write("+919765400100", "67899765400100")

    assert number.phone_number_id == "67899765400100" and len(sandbox.journal) == 0
    assert "already" in refusal(lambda: write("+919765400100", "67899765400101"))
    assert "another number" in refusal(lambda: write("+919765400101", "67899765400100"))
    assert "digits only" in refusal(lambda: write("+919765400101", "678/997")).lower()


def test_where_it_was_is_written_down(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)

    registration.choose_origin(number=number, origin="OTHER_PROVIDER", actor="alice", now=now())

    assert number.origin == "OTHER_PROVIDER"
    assert AuditEvent.objects.get(action="number.origin_chosen").details == {"origin": "OTHER_PROVIDER"}
    assert refusal(lambda: registration.choose_origin(number=number, origin="MOON", actor="alice", now=now()))
    assert refusal(lambda: registration.answer_pin(number=number, pin_known="PERHAPS", actor="alice", now=now()))


def test_who_is_waited_for_and_why(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)
    at = now()

    registration.set_waiting(number=number, on="CLIENT", note="Sends the code by mail", actor="alice", now=at)
    assert (number.waiting_on, number.waiting_note, number.waiting_since) == ("CLIENT", "Sends the code by mail", at)

    registration.set_waiting(number=number, on="", note="", actor="alice", now=now())
    assert (number.waiting_on, number.waiting_note, number.waiting_since) == ("", "", None)
    assert refusal(lambda: registration.set_waiting(number=number, on="MOON", note="", actor="alice", now=at))
