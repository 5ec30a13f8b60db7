"""Kaleyra, as its page "Verify Phone Number" describes it: the code of a number that was added at Kaleyra.

The pages name no HTTP status for the codes, so each code comes with the status that its digits suggest. They have no
words for a wrong or expired code either: both are answered with WA500 "Please try again later". An API key or SID with
`revoked` in it is refused, all others are accepted.
"""

import re
from dataclasses import replace
from time import time
from urllib.parse import unquote

from sandbox import magic
from sandbox.endings import Ending
from sandbox.exchange import HANG_UP, Reply, Request
from sandbox.magic import Memory, Refusal
from sandbox.seeds import KALEYRA
from sandbox.wabas import BusinessNumber, CodeCheck, Directory

_PATH = re.compile(r"/v2/([^/]+)/whatsapp/([^/]+)/number/verify/?")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_CODE = re.compile("[0-9]{6}")


def _failure(http_status: int, code: str, message: str, *, data: object, error: dict[str, str]) -> Reply:
    return Reply.json(http_status, {"code": code, "message": message, "data": data, "error": error})


# `data` and the key inside `error` vary as they do in the document.
_CREDENTIALS = _failure(
    401,
    "RBC001",
    "Incorrect SID or API key.",
    data=[],
    error={"body": "Incorrect SID or API key.", "error": "record not found"},
)
_WABA_MESSAGE = "Waba_id is not present or does not belong to the account."
_WABA = _failure(401, "WA401", _WABA_MESSAGE, data={}, error={"waba_id": _WABA_MESSAGE})
_PAYLOAD = _failure(
    400, "WA400", "Refer to correct payload format", data={}, error={"payload": "Incorrect payload format"}
)
_OTP_FORMAT = _failure(400, "WA400", "Incorrect OTP format", data={}, error={"error": "Incorrect OTP format"})
_NUMBER = _failure(400, "WA400", "invalid phone number", data=[], error={"phone_number": "invalid phone number"})
_APPROVED_MESSAGE = "wa phone number already approved"
_APPROVED = _failure(500, "WA500", _APPROVED_MESSAGE, data=[], error={"error": _APPROVED_MESSAGE})
_TRY_AGAIN = _failure(500, "WA500", "Please try again later", data={}, error={"error": "Internal server error"})
_REFUSALS = {
    Refusal.REQUEST: _PAYLOAD,
    Refusal.CREDENTIALS: _CREDENTIALS,
    Refusal.PERMISSION: _WABA,
    Refusal.RATE: replace(_TRY_AGAIN, status=429),
    Refusal.SERVER: _TRY_AGAIN,
    Refusal.BUSY: replace(_TRY_AGAIN, status=503),
}


class Kaleyra:
    """POST /v2/{sid}/whatsapp/{waba_id}/number/verify, with the header api-key."""

    name = KALEYRA
    prefix = "/v2/"

    def __init__(self, memory: Memory, directory: Directory) -> None:
        self._memory = memory
        self._directory = directory

    def numbers(self, request: Request) -> tuple[str, ...]:
        """Give the number in the body."""
        number = (request.json_object or {}).get("phone_number")
        return (number,) if isinstance(number, str) else ()

    def answer(self, request: Request) -> Reply:
        """Say whether the code proves the number."""
        path = _PATH.fullmatch(request.path)
        if path is None or request.method != "POST":
            return Reply.json(404, {"message": "no Route matched with those values"})
        sid, waba_id = unquote(path[1]), unquote(path[2])
        key = request.headers.get("api-key", "")
        if not key or "revoked" in key or "revoked" in sid:
            return _CREDENTIALS
        if self._directory.account(waba_id, provider=self.name) is None:
            return _WABA
        body = request.json_object if request.content_type == "application/json" else None
        if body is None or not _is_complete(body):
            return _PAYLOAD
        with self._directory.lock:
            number = self._directory.number(str(body["id"]), provider=self.name)
            if number is None or number.waba_id != waba_id or number.e164 != body["phone_number"]:
                return _NUMBER
            return self._verify(number, str(body["otp"]))

    def _verify(self, number: BusinessNumber, code: str) -> Reply:
        if not _CODE.fullmatch(code):
            return _OTP_FORMAT
        verdict = magic.judge(self._memory, provider=f"{self.name} verify", numbers=[number.e164])
        return magic.answer(
            verdict, refuse=lambda refusal: _REFUSALS[refusal], normal=lambda: self._take_code(number, code)
        )

    def _take_code(self, number: BusinessNumber, code: str) -> Reply:
        if self._directory.first_turn(number, Ending.TRY_AGAIN_ONCE):
            return _TRY_AGAIN
        if self._directory.first_turn(number, Ending.CODE_NOT_TAKEN_ANSWER_LOST):
            return HANG_UP
        check = number.try_code(code, now=time())
        if self._directory.first_turn(number, Ending.CODE_TAKEN_ANSWER_LOST):
            return HANG_UP
        if check is CodeCheck.ALREADY_VERIFIED:
            return _APPROVED
        if check is not CodeCheck.TAKEN:
            return _TRY_AGAIN
        return Reply.json(
            200,
            {
                "code": "WA200",
                "message": "Request Processed Successfully",
                "data": number.phone_number_id,
                "error": {},
            },
        )


def _is_complete(body: dict[str, object]) -> bool:
    # The document's table says that `id` is a string, its sample writes a number.
    numeric_id = isinstance(body.get("id"), int) and not isinstance(body.get("id"), bool)
    return (
        (numeric_id or isinstance(body.get("id"), str))
        and isinstance(body.get("phone_number"), str)
        and isinstance(body.get("otp"), str)
    )


def is_number(text: str) -> bool:
    """Tell whether Kaleyra takes `text` for a phone number with its country code."""
    return _E164.fullmatch(text) is not None
