"""CommBox, as its page "Validate WhatsApp account" describes it: one number a call, in the path.

It knows no `processing` and gives no wa_id. Two stream ids are special: `unknown-stream` is not found (404) and
`unsupported-stream` is not implemented (501, which CommBox's reference lists); every other one is accepted.
"""

import re
from datetime import UTC, datetime
from urllib.parse import unquote

from sandbox import magic
from sandbox.exchange import Reply, Request
from sandbox.magic import Effect, Memory, Refusal

UNKNOWN_STREAM = "unknown-stream"
UNSUPPORTED_STREAM = "unsupported-stream"

_NUMBER = re.compile(r"\+?[0-9]{7,15}")
_ERRORS = {
    Refusal.CREDENTIALS: (401, "Unauthorized"),
    Refusal.PERMISSION: (403, "Forbidden"),
    Refusal.RATE: (429, "Too Many Requests"),
    Refusal.SERVER: (500, "Internal Server Error"),
    Refusal.BUSY: (503, "Service Unavailable"),
}


class CommBox:
    """GET /whatsapp/validatecontact/{stream}/{number}, with a bearer token."""

    name = "commbox"
    prefix = "/whatsapp/"

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def numbers(self, request: Request) -> tuple[str, ...]:
        """Give the number in the path, percent-decoded."""
        parts = _path_parts(request.path)
        return (parts[1],) if parts else ()

    def answer(self, request: Request) -> Reply:
        """Say whether the number is on WhatsApp."""
        parts = _path_parts(request.path)
        if parts is None:
            return _error(404, "Not Found")
        if request.method != "GET":
            return _error(501, "Not Implemented")
        token = request.bearer()
        if not token or "revoked" in token:
            return _error(*_ERRORS[Refusal.CREDENTIALS])
        stream, number = parts
        if not stream or stream == UNKNOWN_STREAM:
            return _error(404, "Not Found")
        if stream == UNSUPPORTED_STREAM:
            return _error(501, "Not Implemented")
        if not _NUMBER.fullmatch(number):
            return _rejected(number, "Invalid phone number")
        verdict = magic.judge(self._memory, provider=self.name, numbers=[number])
        return magic.answer(
            verdict,
            refuse=lambda refusal: _refuse(refusal, number),
            normal=lambda: _found(verdict.rows[0]),
        )


def _path_parts(path: str) -> tuple[str, str] | None:
    # Split before decoding: an encoded slash belongs to its part. A + is a plus here, not a space.
    parts = path.split("/")
    if len(parts) != 5 or parts[:3] != ["", "whatsapp", "validatecontact"]:
        return None
    return unquote(parts[3]), unquote(parts[4])


def _found(effect: Effect) -> Reply:
    found: dict[str, object] = {}
    if effect not in (Effect.FAILED, Effect.LEFT_OUT):
        found["valid"] = effect is not Effect.INVALID
    return Reply.json(
        200,
        {
            "status": "200",
            "description": "Operation successful",
            # The document's sample has seven decimals here and three in its errors.
            "response_time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z"),
            "data": found,
        },
    )


def _refuse(refusal: Refusal, number: str) -> Reply:
    if refusal is Refusal.REQUEST:
        return _rejected(number, "Missing required parameter")
    return _error(*_ERRORS[refusal])


def _rejected(number: str, why: str) -> Reply:
    return Reply.json(
        400,
        {
            "status": "400",
            "description": "Bad request, could not process the input data",
            "response_time": _error_time(),
            "data": [{"recipient": number, "status": 400, "failed": why}],
        },
    )


def _error(status: int, description: str) -> Reply:
    return Reply.json(status, {"status": status, "description": description, "response_time": _error_time()})


def _error_time() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
