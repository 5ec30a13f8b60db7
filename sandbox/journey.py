"""What a number goes through at Meta: a code is asked for and submitted, it is registered, its settings are changed.

A verified number stays PENDING until it is registered. The caller holds the directory's lock, so each call is done as
a whole before the next one starts.
"""

import json
import re
import time

from sandbox import graph, magic
from sandbox.endings import Ending
from sandbox.exchange import HANG_UP, Reply, Request
from sandbox.graph import Refused
from sandbox.languages import is_language
from sandbox.magic import Memory, Refusal
from sandbox.wabas import (
    CODES_IN_WINDOW,
    REGISTRATIONS_IN_WINDOW,
    WINDOW_SECONDS,
    WRONG_PINS,
    WRONG_PINS_SECONDS,
    BusinessNumber,
    CodeCheck,
    Directory,
)

_SUCCESS = Reply.json(200, {"success": True})
_SIX_DIGITS = re.compile("[0-9]{6}")
_REFUSALS = {
    Refusal.REQUEST: graph.bad_parameter("The request cannot be processed").fault,
    Refusal.CREDENTIALS: graph.TOKEN,
    Refusal.PERMISSION: graph.MAY_NOT_CHANGE,
    Refusal.RATE: graph.THROTTLED,
    Refusal.SERVER: graph.Fault(500, 1, "An unknown error occurred"),
    Refusal.BUSY: graph.TRY_AGAIN_LATER,
}
_FAULT_OF_CODE = {
    CodeCheck.WRONG: graph.WRONG_CODE,
    CodeCheck.EXPIRED: graph.EXPIRED_CODE,
    CodeCheck.TOO_MANY_TRIES: graph.TOO_MANY_TRIES,
    CodeCheck.ALREADY_VERIFIED: graph.CODE_OF_A_VERIFIED_NUMBER,
}


class Journey:
    """The calls that change a number."""

    def __init__(self, memory: Memory, directory: Directory) -> None:
        self._memory = memory
        self._directory = directory

    def request_code(self, number: BusinessNumber, request: Request) -> Reply:
        """Have a code sent, by SMS or voice."""
        given = graph.parameters(request)
        method, language = graph.text(given, "code_method"), graph.text(given, "language")
        if method not in ("SMS", "VOICE"):
            raise graph.bad_parameter("Parameter 'code_method' must be one of {SMS, VOICE}")
        if not is_language(language):
            raise graph.bad_parameter("Parameter 'language' is not a supported locale")
        if number.status == "BANNED":
            raise Refused(graph.POLICY)
        number.learn_of_verification_elsewhere()
        if number.verified:
            raise Refused(graph.ALREADY_VERIFIED)
        if number.ending is Ending.CODE_NOT_SENT:
            raise Refused(graph.CODE_NOT_SENT)
        if self._directory.first_turn(number, Ending.CODE_REQUESTS_THROTTLED):
            raise Refused(graph.THROTTLED)
        if _in_window(number.code_requests) >= CODES_IN_WINDOW:
            raise Refused(graph.TOO_MANY_CODES)
        self._directory.send_code(number, method=method, language=language)
        return HANG_UP if self._directory.first_turn(number, Ending.CODE_REQUEST_LOST) else _SUCCESS

    def verify_code(self, number: BusinessNumber, request: Request) -> Reply:
        """Submit a code; what hits a whole call in the table of all providers holds here."""
        code = graph.text(graph.parameters(request), "code")
        if not _SIX_DIGITS.fullmatch(code):
            raise graph.bad_parameter("Parameter 'code' must be six digits")
        verdict = magic.judge(self._memory, provider="cloud_api verify_code", numbers=[number.e164])
        return magic.answer(
            verdict,
            refuse=lambda refusal: _REFUSALS[refusal].reply(),
            normal=lambda: self._take_code(number, code),
        )

    def _take_code(self, number: BusinessNumber, code: str) -> Reply:
        if self._directory.first_turn(number, Ending.TRY_AGAIN_ONCE):
            return graph.TRY_AGAIN_LATER.reply()
        if self._directory.first_turn(number, Ending.CODE_NOT_TAKEN_ANSWER_LOST):
            return HANG_UP
        check = number.try_code(code, now=time.time())
        if self._directory.first_turn(number, Ending.CODE_TAKEN_ANSWER_LOST):
            return HANG_UP
        if check is CodeCheck.TAKEN:
            return _SUCCESS
        if check is CodeCheck.WRONG and number.ending is Ending.WRONG_CODE_IS_422:
            return graph.WRONG_CODE_AS_PARAMETER.reply()
        return _FAULT_OF_CODE[check].reply()

    def register(self, number: BusinessNumber, request: Request) -> Reply:
        """Make the number work here, with its PIN or with a first one."""
        given = graph.parameters(request)
        if given.get("messaging_product") != "whatsapp":
            raise graph.bad_parameter("Parameter 'messaging_product' must be 'whatsapp'")
        pin = _read_pin(given.get("pin"))
        self._refuse_to_register(number)
        now = time.time()
        number.registrations = (*number.registrations, now)
        if number.pin not in (None, pin):
            number.wrong_pins += 1
            if number.wrong_pins >= WRONG_PINS:
                number.wrong_pins, number.wrong_pins_until = 0, now + WRONG_PINS_SECONDS
            raise Refused(graph.PIN_MISMATCH)
        _connect(number, pin)
        return HANG_UP if self._directory.first_turn(number, Ending.REGISTRATION_LOST) else _SUCCESS

    def _refuse_to_register(self, number: BusinessNumber) -> None:
        if number.is_on_biz_app:
            raise graph.bad_parameter(
                "Phone number is also in use on the WhatsApp Business app",
                said="This phone number is also on the WhatsApp Business app. It cannot be registered or deregistered.",
            )
        if number.status == "BANNED":
            raise Refused(graph.POLICY)
        if not number.verified:
            raise Refused(graph.VERIFY_FIRST)
        now = time.time()
        if now >= number.registrations_blocked_until and _in_window(number.registrations) >= REGISTRATIONS_IN_WINDOW:
            number.registrations_blocked_until = now + WINDOW_SECONDS
        if number.ending is Ending.REGISTRATION_LIMIT or now < number.registrations_blocked_until:
            raise Refused(graph.REGISTRATION_LIMIT)
        if number.ending is Ending.TOO_MANY_PIN_GUESSES or now < number.wrong_pins_until:
            raise Refused(graph.TOO_MANY_PINS)
        if self._directory.first_turn(number, Ending.WAIT_FIVE_MINUTES):
            raise Refused(graph.WAIT_FIVE_MINUTES)

    def set_pin(self, number: BusinessNumber, request: Request) -> Reply:
        """Replace the PIN of a number that is registered here."""
        pin = _read_pin(graph.parameters(request).get("pin"))
        if not number.registered:
            raise Refused(graph.NOT_REGISTERED)
        number.pin, number.wrong_pins, number.wrong_pins_until = pin, 0, 0.0
        return _SUCCESS

    def deregister(self, number: BusinessNumber, request: Request) -> Reply:
        """Stop the number; its verification and its PIN stay."""
        if not number.registered:
            raise Refused(graph.NOT_REGISTERED)
        if number.is_on_biz_app:
            raise graph.bad_parameter(
                "Phone number is also in use on the WhatsApp Business app",
                said="This phone number is also on the WhatsApp Business app. It cannot be registered or deregistered.",
            )
        number.registered, number.status, number.can_send_message = False, "DISCONNECTED", "BLOCKED"
        number.platform_type = number.throughput = "NOT_APPLICABLE"
        return _SUCCESS

    def read_settings(self, number: BusinessNumber, request: Request) -> Reply:
        """Read the settings, the identity change check among them."""
        settings: dict[str, object] = {"storage_configuration": {"status": "DEFAULT"}}
        if number.ending is not Ending.IDENTITY_CHECK_UNTOLD:
            settings["user_identity_change"] = {"enable_identity_key_check": number.identity_check}
        if number.ending is Ending.IDENTITY_CHECK_DRIFTS and number.identity_check_unread:
            number.identity_check = not number.identity_check
        number.identity_check_unread = False
        return Reply.json(200, settings)

    def change_settings(self, number: BusinessNumber, request: Request) -> Reply:
        """Change one feature's settings; the identity change check is the only one that is known here."""
        given = {name: value for name, value in graph.parameters(request).items() if name != "messaging_product"}
        if set(given) != {"user_identity_change"}:
            raise graph.bad_parameter("Exactly one feature can be changed in a request: 'user_identity_change'")
        on = _read_identity_check(given["user_identity_change"])
        turn = 1
        if number.ending is Ending.IDENTITY_CHECK_ANSWERS_LOST:
            turn = self._directory.next_turn(number, Ending.IDENTITY_CHECK_ANSWERS_LOST)
        if turn % 4:
            number.identity_check, number.identity_check_unread = on, True
        return _SUCCESS if turn % 2 else HANG_UP


def _connect(number: BusinessNumber, pin: str) -> None:
    number.pin, number.wrong_pins = pin, 0
    if not number.registered:
        number.registered, number.status, number.can_send_message = True, "CONNECTED", "AVAILABLE"
        number.platform_type, number.throughput, number.quality_rating = "CLOUD_API", "STANDARD", "GREEN"
    if number.new_name_status == "APPROVED":
        number.verified_name, number.name_status = number.new_display_name, "APPROVED"
        number.new_display_name, number.new_name_status = "", "NONE"


def _read_pin(given: object) -> str:
    if not isinstance(given, str) or not _SIX_DIGITS.fullmatch(given):
        raise graph.bad_parameter("Parameter 'pin' must be a string of six digits")
    return given


def _read_identity_check(given: object) -> bool:
    if isinstance(given, str):
        # A form carries the object as text.
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            given = None
    on = given.get("enable_identity_key_check") if isinstance(given, dict) else None
    if not isinstance(on, bool):
        raise graph.bad_parameter("Parameter 'enable_identity_key_check' must be true or false")
    return on


def _in_window(times: tuple[float, ...]) -> int:
    since = time.time() - WINDOW_SECONDS
    return sum(at > since for at in times)
