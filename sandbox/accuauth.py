"""AccuAuth, as its page "/check/whatsapp_advanced" describes it: one national number of Peru a call.

A check that is not finished is PENDING with HTTP 400 and has to be asked for again. A rate limit is HTTP 403. The
secret says how the account stands: `revoked`, `expired`, `noperm` and `quota` in it are refused, all others accepted.
"""

import re
import uuid

from sandbox import magic
from sandbox.exchange import Reply, Request
from sandbox.magic import Effect, Memory, Refusal

CALLING_CODE = "51"
#: A PENDING number is decided when it has been asked for more often than this.
PENDING_ASKS = 2

#: Mobile numbers have nine digits, fixed ones eight with the area code.
_NATIONAL = re.compile(r"9[0-9]{8}|[1-8][0-9]{7}")
_ERRORS = {
    Refusal.REQUEST: (400, "INVALID_ARGUMENT", "argument 'number': invalid"),
    Refusal.CREDENTIALS: (401, "UNAUTHORIZED", "Unauthorized or access is denied"),
    Refusal.PERMISSION: (403, "NO_PERMISSION", "You are not authorized to use this API"),
    Refusal.RATE: (403, "RATE_LIMIT_EXCEEDED", "API request frequency exceeds the limit"),
    Refusal.SERVER: (500, "INTERNAL_ERROR", "Internal server error"),
    Refusal.BUSY: (503, "INTERNAL_ERROR", "Internal server error"),
}
_ACCOUNT_ERRORS = {
    "revoked": _ERRORS[Refusal.CREDENTIALS],
    "expired": (401, "KEY_EXPIRED", "Your API ID has expired"),
    "noperm": _ERRORS[Refusal.PERMISSION],
    "quota": (403, "OUT_OF_QUOTA", "API calls quota exceeded"),
}


class AccuAuth:
    """POST /check/whatsapp_advanced, with the headers X-DF-API-ID and X-DF-API-SECRET."""

    name = "accuauth"
    prefix = "/check/"

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def numbers(self, request: Request) -> tuple[str, ...]:
        """Give the number in the body."""
        number = (request.json_object or {}).get("number")
        return (number,) if isinstance(number, str) else ()

    def answer(self, request: Request) -> Reply:
        """Say whether the number is on WhatsApp, with the details of the advanced version."""
        if request.path != "/check/whatsapp_advanced" or request.method != "POST":
            return _error(404, "NOT_FOUND", "Requested API cannot be found")
        api_id = request.headers.get("x-df-api-id", "")
        secret = request.headers.get("x-df-api-secret", "")
        if not api_id or not secret or "revoked" in api_id:
            return _refuse(Refusal.CREDENTIALS)
        for word, error in _ACCOUNT_ERRORS.items():
            if word in secret:
                return _error(*error)
        body = request.json_object
        if body is None:
            return _error(400, "INVALID_ARGUMENT", "the request body is not a JSON object")
        if "number" not in body:
            return _error(400, "INVALID_ARGUMENT", "argument 'number': not found")
        number = body["number"]
        if not isinstance(number, str) or not _NATIONAL.fullmatch(number):
            return _refuse(Refusal.REQUEST)
        verdict = magic.judge(self._memory, provider=self.name, numbers=[number])
        return magic.answer(
            verdict, refuse=_refuse, normal=lambda: _found(number, verdict.rows[0], asks=verdict.asks[0])
        )


def _found(number: str, effect: Effect, *, asks: int) -> Reply:
    if effect is Effect.FAILED:
        return _refuse(Refusal.SERVER)
    if effect is Effect.PENDING_FOR_EVER or (effect is Effect.PENDING and asks <= PENDING_ASKS):
        return _error(400, "PENDING", "Operation in progress")
    result: dict[str, str] = {}
    if effect is not Effect.LEFT_OUT:
        here = effect is not Effect.INVALID
        result = {
            "number": magic.STRANGER_E164 if effect is Effect.STRANGER else f"+{CALLING_CODE}{number}",
            "whatsapp": "yes" if here else "no",
            "status_update": "20231212" if here else "",
            "signature": "Hello world" if here else "",
            "business_user": "no",
            "avatar": "yes" if here else "no",
        }
    return Reply.json(200, {"status": "OK", "result": result, "request_id": _request_id()})


def _refuse(refusal: Refusal) -> Reply:
    return _error(*_ERRORS[refusal])


def _error(http_status: int, status: str, reason: str) -> Reply:
    return Reply.json(http_status, {"status": status, "reason": reason, "request_id": _request_id()})


def _request_id() -> str:
    return f"TID{uuid.uuid4().hex}"
