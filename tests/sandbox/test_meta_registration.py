"""Registering, the PIN, and the end of a number at Meta, with every ending that makes it hard."""

from typing import Any

import pytest

from sandbox import Ending, Sandbox
from sandbox.seeds import (
    BANNED_NUMBER_ID,
    BUSINESS_APP_NUMBER_ID,
    CONNECTED_NUMBER_ID,
    KNOWN_PIN,
    KNOWN_PIN_NUMBER_ID,
    NEW_NAME_NUMBER_ID,
    NEW_NAME_PIN,
    NEW_NUMBER_ID,
)
from tests.sandbox.client import (
    another_code,
    ask_meta,
    code_on_the_phone,
    e164_of,
    is_lost,
    later,
    meta_error,
    register,
    request_code,
    submit_code,
)

E164 = "+15550051310"


def verified(sandbox: Sandbox, ending: Ending) -> str:
    """Put a number there that is verified and not registered, and give its id."""
    return sandbox.add_number(e164_of(ending), code_verification_status="VERIFIED")


def test_a_number_that_is_not_verified_cannot_be_registered(sandbox: Sandbox) -> None:
    assert meta_error(register(sandbox, NEW_NUMBER_ID, "123456")) == (400, 133006)


def test_verifying_leaves_a_number_pending_and_registering_connects_it(sandbox: Sandbox) -> None:
    request_code(sandbox, NEW_NUMBER_ID)
    submit_code(sandbox, NEW_NUMBER_ID, code_on_the_phone(sandbox, E164))
    fields = f"{NEW_NUMBER_ID}?fields=status,platform_type,throughput,is_pin_enabled"
    before = {"status": "PENDING", "platform_type": "NOT_APPLICABLE", "throughput": {"level": "NOT_APPLICABLE"}}
    assert ask_meta(sandbox, "GET", fields).json == {**before, "is_pin_enabled": False, "id": NEW_NUMBER_ID}
    assert register(sandbox, NEW_NUMBER_ID, "004217").json == {"success": True}
    after = {"status": "CONNECTED", "platform_type": "CLOUD_API", "throughput": {"level": "STANDARD"}}
    assert ask_meta(sandbox, "GET", fields).json == {**after, "is_pin_enabled": True, "id": NEW_NUMBER_ID}
    assert sandbox.number(NEW_NUMBER_ID).pin == "004217"


@pytest.mark.parametrize("pin", ["12345", "1234567", "12345a", 123456, None, ""])
def test_a_pin_that_is_not_six_digits_in_a_string_is_a_bad_parameter(sandbox: Sandbox, pin: Any) -> None:
    assert meta_error(register(sandbox, KNOWN_PIN_NUMBER_ID, pin)) == (400, 100)
    assert meta_error(ask_meta(sandbox, "POST", CONNECTED_NUMBER_ID, {"pin": pin})) == (400, 100)


def test_registering_names_the_messaging_product(sandbox: Sandbox) -> None:
    assert meta_error(ask_meta(sandbox, "POST", f"{KNOWN_PIN_NUMBER_ID}/register", {"pin": KNOWN_PIN})) == (400, 100)


def test_a_number_with_a_pin_is_registered_with_that_one_and_twice_is_fine(sandbox: Sandbox) -> None:
    assert meta_error(register(sandbox, KNOWN_PIN_NUMBER_ID, another_code(KNOWN_PIN))) == (400, 133005)
    assert register(sandbox, KNOWN_PIN_NUMBER_ID, KNOWN_PIN).status == 200
    assert register(sandbox, KNOWN_PIN_NUMBER_ID, KNOWN_PIN).status == 200
    assert meta_error(register(sandbox, KNOWN_PIN_NUMBER_ID, another_code(KNOWN_PIN))) == (400, 133005)


def test_three_wrong_pins_lock_registration_for_an_hour(sandbox: Sandbox) -> None:
    for _ in range(3):
        assert meta_error(register(sandbox, KNOWN_PIN_NUMBER_ID, another_code(KNOWN_PIN))) == (400, 133005)
    assert meta_error(register(sandbox, KNOWN_PIN_NUMBER_ID, KNOWN_PIN)) == (400, 133008)
    with later(hours=1, seconds=1):
        assert register(sandbox, KNOWN_PIN_NUMBER_ID, KNOWN_PIN).status == 200


def test_the_eleventh_registration_in_three_days_blocks_for_three_days(sandbox: Sandbox) -> None:
    assert {register(sandbox, KNOWN_PIN_NUMBER_ID, KNOWN_PIN).status for _ in range(10)} == {200}
    with later(hours=71):
        assert meta_error(register(sandbox, KNOWN_PIN_NUMBER_ID, KNOWN_PIN)) == (400, 133016)
    with later(hours=142):
        assert meta_error(register(sandbox, KNOWN_PIN_NUMBER_ID, KNOWN_PIN)) == (400, 133016)
    with later(hours=144):
        assert register(sandbox, KNOWN_PIN_NUMBER_ID, KNOWN_PIN).status == 200


def test_trying_while_it_is_blocked_does_not_block_for_longer(sandbox: Sandbox) -> None:
    for _ in range(10):
        register(sandbox, KNOWN_PIN_NUMBER_ID, KNOWN_PIN)
    for hours in (0, 71):
        with later(hours=hours):
            assert meta_error(register(sandbox, KNOWN_PIN_NUMBER_ID, KNOWN_PIN)) == (400, 133016)
    with later(hours=73):
        assert register(sandbox, KNOWN_PIN_NUMBER_ID, KNOWN_PIN).status == 200


def test_the_right_pin_forgives_the_wrong_ones(sandbox: Sandbox) -> None:
    wrong = another_code(KNOWN_PIN)
    for pin in (wrong, wrong, KNOWN_PIN, wrong, wrong):
        register(sandbox, KNOWN_PIN_NUMBER_ID, pin)
    assert register(sandbox, KNOWN_PIN_NUMBER_ID, KNOWN_PIN).status == 200


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (Ending.PIN_MISMATCH, 133005),
        (Ending.REGISTRATION_LIMIT, 133016),
        (Ending.TOO_MANY_PIN_GUESSES, 133008),
    ],
)
def test_a_number_may_refuse_to_be_registered(sandbox: Sandbox, ending: Ending, code: int) -> None:
    number_id = verified(sandbox, ending)
    for _ in range(2):
        assert meta_error(register(sandbox, number_id, "123456")) == (400, code)


def test_a_registration_may_have_to_wait_five_minutes(sandbox: Sandbox) -> None:
    number_id = verified(sandbox, Ending.WAIT_FIVE_MINUTES)
    assert meta_error(register(sandbox, number_id, "123456")) == (400, 133015)
    assert register(sandbox, number_id, "123456").status == 200


def test_a_registration_may_be_done_and_not_answered(sandbox: Sandbox) -> None:
    number_id = verified(sandbox, Ending.REGISTRATION_LOST)
    assert is_lost(sandbox, lambda: register(sandbox, number_id, "123456"))
    assert sandbox.number(number_id).status == "CONNECTED"
    assert register(sandbox, number_id, "123456").status == 200


def test_a_number_on_the_business_app_is_left_alone(sandbox: Sandbox) -> None:
    assert meta_error(register(sandbox, BUSINESS_APP_NUMBER_ID, "123456")) == (400, 100)
    assert meta_error(ask_meta(sandbox, "POST", f"{BUSINESS_APP_NUMBER_ID}/deregister")) == (400, 100)
    assert meta_error(request_code(sandbox, BUSINESS_APP_NUMBER_ID)) == (400, 136024)
    assert sandbox.number(BUSINESS_APP_NUMBER_ID).status == "CONNECTED"


def test_a_banned_number_cannot_be_registered(sandbox: Sandbox) -> None:
    assert meta_error(register(sandbox, BANNED_NUMBER_ID, "123456")) == (403, 368)


def test_an_approved_name_takes_effect_with_the_next_registration(sandbox: Sandbox) -> None:
    fields = f"{NEW_NAME_NUMBER_ID}?fields=verified_name,new_name_status,new_display_name"
    assert ask_meta(sandbox, "GET", fields).json == {
        "verified_name": "Acme Store",
        "new_name_status": "APPROVED",
        "new_display_name": "Acme Outlet",
        "id": NEW_NAME_NUMBER_ID,
    }
    assert register(sandbox, NEW_NAME_NUMBER_ID, NEW_NAME_PIN).status == 200
    after = {"verified_name": "Acme Outlet", "new_name_status": "NONE", "id": NEW_NAME_NUMBER_ID}
    assert ask_meta(sandbox, "GET", fields).json == after


def test_a_new_pin_can_be_set_while_the_number_is_registered(sandbox: Sandbox) -> None:
    assert meta_error(ask_meta(sandbox, "POST", KNOWN_PIN_NUMBER_ID, {"pin": "271828"})) == (400, 133010)
    assert ask_meta(sandbox, "POST", CONNECTED_NUMBER_ID, {"pin": "271828"}).json == {"success": True}
    assert sandbox.number(CONNECTED_NUMBER_ID).pin == "271828"
    assert register(sandbox, CONNECTED_NUMBER_ID, "271828").status == 200


def test_a_number_is_deregistered_once_and_keeps_verification_and_pin(sandbox: Sandbox) -> None:
    path = f"{CONNECTED_NUMBER_ID}/deregister"
    pin = sandbox.number(CONNECTED_NUMBER_ID).pin
    assert ask_meta(sandbox, "POST", path).json == {"success": True}
    assert meta_error(ask_meta(sandbox, "POST", path)) == (400, 133010)
    number = sandbox.number(CONNECTED_NUMBER_ID)
    assert (number.status, number.platform_type, number.verified) == ("DISCONNECTED", "NOT_APPLICABLE", True)
    assert register(sandbox, CONNECTED_NUMBER_ID, pin).status == 200
