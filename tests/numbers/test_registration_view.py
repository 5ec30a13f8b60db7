"""The PIN and the registration in the console: asked for, used, replaced, seen again with a reason, handed over."""

import re

import pytest
from django.test import Client

from audit.models import AuditEvent
from numbers.models import BusinessNumber, VerificationAttempt
from providers.models import Business
from providers.secret import Secret
from sandbox import Ending, Sandbox
from sandbox.seeds import KNOWN_PIN, NEW_NAME_PIN
from tests import clients
from tests.numbers import stage


@pytest.fixture
def support(db: None) -> Client:
    return clients.browser(clients.SUPPORT)


@pytest.fixture
def verified(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return stage.cloud_number(acme, sandbox, code_verification_status="VERIFIED")


def answer(browser: Client, number: BusinessNumber, pin_known: str) -> str:
    return stage.after(browser, "pin_answer", number, pin_known=pin_known)


def pin_shown(text: str) -> str:
    found = re.search(r"\b\d{6}\b", text[text.index("DEMO") :])
    assert found
    return found[0]


def test_every_answer_says_what_to_do(support: Client, verified: BusinessNumber) -> None:
    text = stage.said(support.get(stage.at("businessnumber_change", verified.pk)))
    assert "Is there a PIN?" in text
    for words in ("After two wrong PINs waadmin stops", "no call turns it off", "kept encrypted", "ask who set it up"):
        assert words in text
    assert "by the link that Meta sends by e-mail" in answer(support, verified, "FORGOTTEN")
    support.post(stage.at("businessnumber_pin_answer", verified.pk), {"pin_known": "PERHAPS"})
    verified.refresh_from_db()
    assert verified.pin_known == "FORGOTTEN", "an answer that is none changes nothing"


def test_a_known_pin_registers_the_number_and_is_kept(support: Client, acme: Business, sandbox: Sandbox) -> None:
    number = stage.synced_waba(acme, sandbox).numbers.get(verified_name="Acme Billing")
    text = answer(support, number, "KNOWN")
    assert "Register the number" in text
    text = stage.after(support, "register", number, which="typed", pin=f" {KNOWN_PIN[:3]} {KNOWN_PIN[3:]}")
    assert "Connected" in text
    number.refresh_from_db()
    assert number.stored_pin == Secret(KNOWN_PIN)
    assert KNOWN_PIN not in text


def test_without_a_pin_waadmin_makes_one(support: Client, verified: BusinessNumber, sandbox: Sandbox) -> None:
    text = answer(support, verified, "NONE")
    assert "Six random digits that waadmin makes and keeps" in text
    stage.after(support, "register", verified, which="made")
    verified.refresh_from_db()
    assert verified.stored_pin == Secret(sandbox.number(verified.phone_number_id).pin or "")


def test_a_wrong_pin_is_explained_and_stops_after_two(support: Client, acme: Business, sandbox: Sandbox) -> None:
    e164 = f"+12025551{Ending.PIN_MISMATCH}"
    number = stage.cloud_number(acme, sandbox, e164=e164, code_verification_status="VERIFIED")
    answer(support, number, "KNOWN")
    text = stage.after(support, "register", number, which="typed", pin="112233")
    assert "The PIN is wrong." in text and "133005" in text
    assert "waadmin stops after 1 more wrong PIN" in text
    stage.after(support, "register", number, which="typed", pin="112234")
    text = stage.after(support, "register", number, which="typed", pin="112235")
    assert "our limit, because a few wrong ones lock the registration at Meta" in text
    assert VerificationAttempt.objects.filter(action="REGISTER").count() == 2


@pytest.mark.parametrize("pin", ["", "12345", "12345a", "١٢٣٤٥٦"])
def test_what_is_no_pin_is_refused_in_words_and_not_drawn_again(
    pin: str, support: Client, verified: BusinessNumber
) -> None:
    answer(support, verified, "KNOWN")
    page = stage.at("businessnumber_register", verified.pk)
    response = support.post(page, {"which": "typed", "pin": pin}, follow=True)
    assert "The PIN" in stage.said(response)
    if pin:
        assert pin not in response.content.decode()
    assert not VerificationAttempt.objects.exists()


def test_a_forgotten_pin_offers_no_guess(support: Client, verified: BusinessNumber) -> None:
    answer(support, verified, "FORGOTTEN")
    body = support.get(stage.at("businessnumber_change", verified.pk) + "?step=register").content.decode()
    assert stage.at("businessnumber_register", verified.pk) not in body
    assert "turn" in body and "WhatsApp Manager" in body


def test_an_approved_name_asks_to_register_again_by_a_date(support: Client, acme: Business, sandbox: Sandbox) -> None:
    number = stage.synced_waba(acme, sandbox).numbers.get(verified_name="Acme Store")
    text = stage.said(support.get(stage.at("businessnumber_change", number.pk)))
    assert "Register again by" in text
    assert "Register it again" in stage.said(support.get(stage.at("businessnumber_changelist")))
    stage.after(support, "register", number, which="typed", pin=NEW_NAME_PIN)
    number.refresh_from_db()
    assert number.register_again_by is None
    assert sandbox.number(number.phone_number_id).verified_name == "Acme Outlet"


def test_a_kept_pin_registers_again_without_being_typed(support: Client, verified: BusinessNumber) -> None:
    answer(support, verified, "NONE")
    stage.after(support, "register", verified, which="made")
    text = stage.said(support.get(stage.at("businessnumber_change", verified.pk) + "?step=register"))
    assert "The PIN that waadmin keeps" in text
    stage.after(support, "register", verified, which="kept")
    assert VerificationAttempt.objects.filter(action="REGISTER", outcome="DONE").count() == 2


def test_the_pin_is_seen_again_once_with_a_reason(verified: BusinessNumber) -> None:
    admin = clients.browser(clients.ADMIN)
    verified.pin = {"pin": Secret("482913")}
    verified.save()
    assert "482913" not in stage.after(admin, "reveal_pin", verified, reason="")
    assert not AuditEvent.objects.filter(action="pin.revealed").exists()
    page = stage.at("businessnumber_reveal_pin", verified.pk)
    response = admin.post(page, {"reason": "The client moves on Friday"})
    assert pin_shown(stage.said(response)) == "482913"
    assert "no-store" in response["Cache-Control"]
    event = AuditEvent.objects.get(action="pin.revealed")
    assert event.details["reason"] == "The client moves on Friday"
    assert "482913" not in str(event.details)
    for again in (page, stage.at("businessnumber_change", verified.pk)):
        assert b"482913" not in admin.get(again).content


def test_a_new_pin_is_set_and_kept(support: Client, verified: BusinessNumber, sandbox: Sandbox) -> None:
    answer(support, verified, "NONE")
    stage.after(support, "register", verified, which="made")
    text = stage.after(support, "new_pin", verified, which="typed", pin="591-264")
    assert "The new PIN holds" in text
    assert sandbox.number(verified.phone_number_id).pin == "591264"
    assert "The PIN has six digits" in stage.after(support, "new_pin", verified, which="typed", pin="5912")


def test_handing_over_wants_the_number_typed_and_shows_the_new_pin_once(
    support: Client, verified: BusinessNumber, sandbox: Sandbox
) -> None:
    answer(support, verified, "NONE")
    stage.after(support, "register", verified, which="made")
    page = stage.at("businessnumber_hand_over", verified.pk)
    assert "This stops the number; it is not a repair." in stage.said(support.get(page))
    assert "Type the number itself" in stage.said(support.post(page, {"confirmation": "yes"}, follow=True))
    assert sandbox.number(verified.phone_number_id).status == "CONNECTED"
    response = support.post(page, {"confirmation": "+1 202 555 1100"})
    text = stage.said(response)
    assert "no-store" in response["Cache-Control"]
    assert "What the client does next" in text
    told = sandbox.number(verified.phone_number_id)
    assert told.status == "DISCONNECTED"
    assert pin_shown(text) == told.pin


def test_deregistering_alone_wants_the_number_typed_too(
    support: Client, verified: BusinessNumber, sandbox: Sandbox
) -> None:
    answer(support, verified, "NONE")
    stage.after(support, "register", verified, which="made")
    assert "Nothing was stopped." in stage.after(support, "deregister", verified, confirmation="+12025551101")
    assert "is stopped here" in stage.after(support, "deregister", verified, confirmation="12025551100")
    assert sandbox.number(verified.phone_number_id).status == "DISCONNECTED"
