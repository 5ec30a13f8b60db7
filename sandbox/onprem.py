"""An On-Premises contacts node, as the page "Contacts (/v1/contacts)" describes it: many numbers a call.

The node is registered with an Indian number, as in the document's examples, so a number without a leading + is read
as +91 and mostly does not exist. It takes a bearer token (from /v1/users/login or anywhere else) or the header that
one compatible host uses, D360-API-KEY. A token or password with `revoked` in it is refused, all others are accepted.
"""

import base64
import binascii
import re
import secrets
import threading
import time
from datetime import UTC, datetime, timedelta

from sandbox import magic, node
from sandbox.callbacks import Callbacks
from sandbox.channels import NodeChannel, Statuses
from sandbox.exchange import Reply, Request
from sandbox.magic import Effect, Memory, Refusal, Verdict
from sandbox.node import Node
from sandbox.persons import Persons

CALLING_CODE = "91"
#: How long a number that is `processing` takes; then the node calls back and answers `valid` from its cache.
PROCESSING_SECONDS = 0.3
TOKEN_LIFETIME = timedelta(days=7)

_PARAMETERS = {"blocking", "contacts", "force_check"}
_IDENTITY = re.compile(r"/v1/contacts/([^/]+)/identity")
_INDIAN_MOBILE = re.compile(r"91[789][0-9]{9}")
_TITLES = {
    1005: "Access denied",
    1006: "Resource not found",
    1008: "Required parameter is missing",
    1009: "Parameter value is not valid",
    1010: "Parameter is not required",
    1014: "Internal error",
    1015: "Too many requests",
    1016: "System overloaded",
    1028: "User identity change is not acknowledged",
}
_ERRORS = {
    Refusal.REQUEST: (400, 1009, "A number in 'contacts' cannot be processed"),
    Refusal.CREDENTIALS: (401, 1005, "Invalid credentials"),
    Refusal.PERMISSION: (403, 1005, "This account may not use the contacts node"),
    Refusal.RATE: (429, 1015, "Rate limit reached"),
    Refusal.SERVER: (500, 1014, "Internal error, please try again"),
    Refusal.BUSY: (503, 1016, "The node is overloaded, please try again"),
}

Row = dict[str, str]


class OnPremises:
    """POST /v1/contacts, /v1/messages and /v1/users/login, GET and PUT /v1/contacts/{wa_id}/identity."""

    name = "onprem"
    prefix = "/v1/"

    def __init__(self, memory: Memory, callbacks: Callbacks, *, persons: Persons, statuses: Statuses) -> None:
        self._memory = memory
        self._callbacks = callbacks
        self._lock = threading.Lock()
        self._processing_since: dict[str, float] = {}
        self._node = Node(persons, channel=NodeChannel(callbacks), statuses=statuses, fail=_error)

    def numbers(self, request: Request) -> tuple[str, ...]:
        """Give the numbers in the array, the one written to, or the wa_id whose identity is asked for."""
        if request.path == "/v1/messages":
            to = (request.json_object or {}).get("to")
            return (to,) if isinstance(to, str) else ()
        if identity := _IDENTITY.fullmatch(request.path):
            return (identity[1],)
        contacts = (request.json_object or {}).get("contacts")
        return tuple(one for one in contacts if isinstance(one, str)) if isinstance(contacts, list) else ()

    def answer(self, request: Request) -> Reply:
        """Answer one of the node's calls."""
        if request.path == "/v1/users/login" and request.method == "POST":
            return _login(request)
        identity = _IDENTITY.fullmatch(request.path)
        called = (request.path in ("/v1/contacts", "/v1/messages") and request.method == "POST") or (
            identity is not None and request.method in ("GET", "PUT")
        )
        if not called:
            return _error(404, 1006, "No such resource")
        token = request.bearer() or request.headers.get("d360-api-key", "")
        if not token or "revoked" in token:
            return _refuse(Refusal.CREDENTIALS)
        if request.path == "/v1/messages":
            return self._send(request)
        return self._identity(request, identity[1]) if identity else self._contacts(request)

    def _contacts(self, request: Request) -> Reply:
        body = request.json_object
        if body is None:
            return _error(400, 1009, "The request body is not a JSON object")
        if unknown := sorted(set(body) - _PARAMETERS):
            return _error(400, 1010, f"Unknown parameter '{unknown[0]}'")
        if "contacts" not in body:
            return _error(400, 1008, "Parameter 'contacts' is mandatory")
        contacts, blocking, force = body["contacts"], body.get("blocking", "no_wait"), body.get("force_check", False)
        if not isinstance(contacts, list) or not contacts or not all(isinstance(one, str) for one in contacts):
            return _error(400, 1009, "Parameter 'contacts' must be an array of strings")
        if blocking not in ("wait", "no_wait"):
            return _error(400, 1009, "Parameter 'blocking' must be 'wait' or 'no_wait'")
        if not isinstance(force, bool):
            return _error(400, 1009, "Parameter 'force_check' must be true or false")
        numbers = [_translate(one) for one in contacts]
        verdict = magic.judge(self._memory, provider=self.name, numbers=numbers)
        return magic.answer(
            verdict,
            refuse=_refuse,
            normal=lambda: self._found(contacts, numbers, verdict, wait=blocking == "wait", force=force),
        )

    def _found(self, contacts: list[str], numbers: list[str], verdict: Verdict, *, wait: bool, force: bool) -> Reply:
        rows: list[Row] = []
        later: list[Row] = []
        for asked, number, effect in zip(contacts, numbers, verdict.rows, strict=True):
            status = self._status(asked, number, effect, wait=wait, force=force)
            row = _row(asked, number, status)
            if effect is not Effect.LEFT_OUT:
                rows.append(row)
            if effect is Effect.TWICE:
                rows.append(row)
            if status == "processing" and effect is Effect.PENDING:
                later.append(_row(asked, number, "valid"))
        if Effect.STRANGER in verdict.rows:
            rows.append(_row(magic.STRANGER_E164, _translate(magic.STRANGER_E164), "valid"))
        if Effect.REVERSED in verdict.rows:
            rows.reverse()
        if later:
            self._callbacks.post_later({"contacts": later}, after=PROCESSING_SECONDS)
        return Reply.json(200, {"contacts": rows})

    def _status(self, asked: str, number: str, effect: Effect, *, wait: bool, force: bool) -> str:
        # A number of the wrong length for its country is `failed`, as +163155588 is in the document.
        if effect is Effect.FAILED or not 7 <= len(number) <= 15 or (number[0] == "1" and len(number) != 11):
            return "failed"
        if effect is Effect.INVALID or not _may_exist(asked, number):
            return "invalid"
        if effect is Effect.PENDING_FOR_EVER:
            return "processing"
        if effect is Effect.PENDING and not wait and self._still_processing(number, force=force):
            return "processing"
        return "valid"

    def _still_processing(self, number: str, *, force: bool) -> bool:
        now = time.monotonic()
        with self._lock:
            since = self._processing_since.setdefault(number, now)
            if force and now - since >= PROCESSING_SECONDS:
                since = self._processing_since[number] = now
        return now - since < PROCESSING_SECONDS

    def _identity(self, request: Request, wa_id: str) -> Reply:
        if not 7 <= len(wa_id) <= 15 or magic.digits_of(wa_id) != wa_id:
            return _error(404, 1006, "No such contact")
        verdict = magic.judge(self._memory, provider=f"{self.name} identity", numbers=[wa_id])
        return magic.answer(
            verdict, refuse=_refuse, normal=lambda: self._node.identity(request, wa_id, effect=verdict.rows[0])
        )

    def _send(self, request: Request) -> Reply:
        body, wa_id = request.json_object, node.recipient(request.json_object)
        if body is None or not 7 <= len(wa_id) <= 15:
            return _error(400, 1009, "Parameter 'to' is not valid")
        verdict = magic.judge(self._memory, provider=f"{self.name} messages", numbers=[wa_id])
        return magic.answer(verdict, refuse=_refuse, normal=lambda: self._node.send(body, wa_id))


def _translate(asked: str) -> str:
    # What the document calls the translated phone number, without its +.
    digits = magic.digits_of(asked)
    return digits if _has_plus(asked) else CALLING_CODE + digits


def _has_plus(asked: str) -> bool:
    return asked.lstrip().startswith("+")


def _may_exist(asked: str, number: str) -> bool:
    # Without a +, only what is a mobile number in the node's own country; the document's 6315551002 is invalid.
    return _has_plus(asked) or _INDIAN_MOBILE.fullmatch(number) is not None


def _row(asked: str, number: str, status: str) -> Row:
    if status == "valid":
        return {"wa_id": number, "input": asked, "status": status}
    return {"input": asked, "status": status}


def _login(request: Request) -> Reply:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        user = password = ""
    if scheme.lower() != "basic" or not user or not password or "revoked" in password:
        return _refuse(Refusal.CREDENTIALS)
    expires = (datetime.now(UTC) + TOKEN_LIFETIME).isoformat(sep=" ", timespec="seconds")
    return Reply.json(200, {"users": [{"token": secrets.token_urlsafe(24), "expires_after": expires}]})


def _refuse(refusal: Refusal) -> Reply:
    return _error(*_ERRORS[refusal])


def _error(status: int, code: int, details: str) -> Reply:
    return Reply.json(status, {"errors": [{"code": code, "title": _TITLES[code], "details": details}]})
