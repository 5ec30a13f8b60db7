"""Everything that reads what strangers write: how to make such a thing, how it is read, and which errors are an answer.

Anything else that is raised is a crash.
"""

import io
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

from hypothesis import strategies as st

from audit.redaction import one_line, redact
from contacts.consent.columns import UnusableHeader
from contacts.consent.csv_file import CsvFile
from providers import http
from providers.accuauth import AccuAuth
from providers.commbox import CommBox
from providers.e164 import NumberRefused, Reading, read_number
from providers.errors import ProviderError
from providers.http import Answer
from providers.interfaces import CodeMethod, NumberAddress
from providers.kaleyra import Kaleyra
from providers.meta import CloudAPI
from providers.models import ProviderAccount
from providers.onprem import OnPremises
from providers.secret import Secret
from tests import clients, factories
from waadmin.request_ids import well_formed
from webhooks import reading

NOW = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)
NUMBER, PHONE_NUMBER_ID, WABA_ID = "+51987654321", "106540352242922", "102290129340398"


@dataclass(frozen=True)
class Target:
    """What is made, what reads it, and the errors that are documented for that."""

    inputs: st.SearchStrategy[Any]
    read: Callable[[Any], object]
    documented: tuple[type[Exception], ...] = ()


_WORDS = st.sampled_from([
    # of webhooks
    "object", "entry", "id", "changes", "field", "value", "metadata", "phone_number_id", "display_phone_number",
    "messages", "statuses", "contacts", "errors", "from", "timestamp", "type", "text", "body", "status", "recipient_id",
    "conversation", "pricing", "system", "wa_id", "profile", "name", "context", "user_preferences", "time", "event",
    "identity", "hash", "identity_key_hash", "waadmin_self_test",
    # of answers
    "error", "code", "message", "error_subcode", "error_user_msg", "fbtrace_id", "error_data", "details", "success",
    "data", "paging", "cursors", "after", "next", "input", "phone", "number", "result", "results", "valid", "meta",
    "title", "href", "throughput", "level", "health_status", "webhook_configuration", "user_identity_change_settings",
    "enable_identity_key_check", "is_pin_enabled", "storage_configuration", "token", "whatsapp",
])  # fmt: skip
_LIKELY = st.sampled_from([
    "messages", "delivered", "read", "failed", "sent", "valid", "invalid", "processing", "PENDING", "VALID", "SUCCESS",
    "user_preferences", "account_update", "stop", "resume", "text", "system", NUMBER, NUMBER[1:], PHONE_NUMBER_ID,
    WABA_ID, "1686591695", "WA500", "WA400", "RBC001", "137000", "\x00", "\ud800", "9" * 5_000, "1e999", "true",
])  # fmt: skip
_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | _LIKELY | st.text(max_size=40) | st.integers(0, 200_000)
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS | st.text(max_size=8), inner, max_size=5),
    max_leaves=25,
)


def _written(value: Any) -> bytes:
    return json.dumps(value).encode()


def _within(names: list[str], inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Put the odd thing where it is looked for: arrays of objects under these names, from the outside inwards."""
    for name in reversed(names):
        inner = st.builds(
            lambda one, rest, name=name: {**rest, name: one}, st.lists(inner, max_size=2) | inner, _OBJECT
        )
    return inner


_OBJECT = st.dictionaries(_WORDS, _SCALARS, max_size=4)
_CUT = st.builds(lambda body, at: body[: at % (len(body) + 1)], _JSON.map(_written), st.integers(0, 5_000))
_BODIES = _JSON.map(_written) | _OBJECT.map(_written) | _CUT | st.binary(max_size=200)
_WEBHOOKS = (
    _BODIES
    | _within(["entry", "changes", "value", "messages"], _JSON).map(_written)
    | _within(["entry", "changes", "value", "statuses"], _JSON).map(_written)
    | _within(["contacts"], _JSON).map(_written)
)
_RETRY_AFTER = (
    st.text(max_size=40)
    | st.integers().map(str)
    | st.datetimes().map(lambda at: at.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    | st.from_regex(r"\A[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,9} \d{1,3}:\d{1,3}:\d{1,3} ([+-]\d{1,9}|GMT)\Z")
)
_ANSWERS = st.builds(
    Answer,
    status=st.sampled_from([200, 201, 204, 206, 301, 302, 400, 401, 403, 404, 408, 422, 429, 500, 501, 503, 599]),
    headers=st.fixed_dictionaries({}, optional={"retry-after": _RETRY_AFTER}),
    body=_BODIES
    | _within(["error"], _JSON).map(_written)
    | _within(["contacts"], _JSON).map(_written)
    | _within(["data"], _JSON).map(_written),
)


def _read_webhook(made: tuple[str, bytes]) -> object:
    kind, body = made
    return reading.read(kind=kind, account_id=1, digest="d", body=body, received_at=NOW)


def _account(kind: str) -> ProviderAccount:
    secrets = {name: Secret(value) for name, value in factories.CREDENTIALS[kind].items()}
    return ProviderAccount(
        name="fuzzed",
        kind=kind,
        base_url="https://api.example.com",
        credentials=secrets,
        options=factories.OPTIONS[kind],
    )


def _with(answer: Answer, *calls: Callable[[], object]) -> None:
    """Let each call meet this answer, whose errors are as documented."""
    with patch.object(http, "call", lambda *args, **kwargs: answer):
        for call in calls:
            with suppress(ProviderError):
                call()


def _read_checks(kind: str) -> Callable[[Answer], None]:
    def read(answer: Answer) -> None:
        client: Any = {"commbox": CommBox, "onprem": OnPremises, "accuauth": AccuAuth}[kind](_account(kind))
        asked = [NUMBER]
        _with(answer, lambda: client.check(asked, force=False, subject=""))

    return read


def _read_kaleyra(answer: Answer) -> None:
    client = Kaleyra(_account("kaleyra"))
    address = NumberAddress(phone_number_id=PHONE_NUMBER_ID, waba_id=WABA_ID, e164=NUMBER)
    _with(answer, lambda: client.submit_code(address, Secret("482913"), subject=""))


def _read_meta(answer: Answer) -> None:
    client = CloudAPI(_account("cloud_api"))
    address = NumberAddress(phone_number_id=PHONE_NUMBER_ID, waba_id=WABA_ID, e164=NUMBER)
    _with(
        answer,
        lambda: client.request_code(PHONE_NUMBER_ID, method=CodeMethod.SMS, language="en", subject=""),
        lambda: client.submit_code(address, Secret("482913"), subject=""),
        lambda: client.read_number(PHONE_NUMBER_ID, subject=""),
        lambda: [one for one, _count in zip(client.list_numbers(WABA_ID, subject=""), range(50), strict=False)],
        lambda: client.read_business_account(WABA_ID, subject=""),
        lambda: client.read_identity_check(PHONE_NUMBER_ID, subject=""),
        lambda: client.add_number(WABA_ID, e164=NUMBER, verified_name="Acme", migrate=False, subject=""),
    )


def _read_csv(content: bytes) -> None:
    for _row in CsvFile(io.BytesIO(content)).rows():
        pass


def _read_phone(made: tuple[str, Reading, str | None]) -> None:
    text, how, region = made
    number = read_number(text, reading=how, region=region)
    assert number.e164.startswith("+") and number.e164[1:].isdigit()


def _read_retry_after(text: str) -> None:
    assert timedelta(seconds=1) <= http.read_retry_after(text, now=NOW) <= timedelta(hours=24)


def _redact(text: str) -> None:
    assert len(one_line(redact(text)).splitlines()) <= 1
    well_formed(text)


_CELLS = st.text(max_size=20) | st.sampled_from([NUMBER, "2026-05-03", '"', '""', "=1+1", "\x00", "service;utility"])
_CSV = st.builds(
    lambda header, lines, cut, end, coding: (end.join([cut.join(line) for line in [header, *lines]])).encode(
        coding, "replace"
    ),
    st.lists(st.sampled_from(["number", "source", "given_at", "business_name_shown", "purposes", "x", ""]), max_size=6),
    st.lists(st.lists(_CELLS, max_size=7), max_size=6),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
_PHONES = (
    st.text(max_size=30) | st.text("+0123456789 ()-.\u200e\u0663eE", max_size=24) | st.from_regex(r"\A\+?\d{5,16}\Z")
)
_LISTS = (
    "/contacts/contact/", "/contacts/contactcheck/", "/contacts/optin/", "/contacts/message/", "/audit/auditevent/",
    "/audit/providercall/", "/webhooks/webhookrequest/", "/contacts/checkbatch/", "/help/errors/",
)  # fmt: skip
_PARAMETERS = st.lists(
    st.tuples(
        st.sampled_from([
            "after", "before", "until", "o", "q", "p", "status", "state", "consent", "business", "account", "kind",
            "created_at__year", "recorded_at__month", "received_at__day", "id__exact", "next", "_popup",
        ]),
        st.sampled_from(["", "0", "-1", "1", "9" * 30, "1.1.1", "\x00", "é", "1,2", "2026-05-03", "0001-01-01", "None"])
        | st.text(max_size=20),
    ),
    max_size=4,
)  # fmt: skip


def _open(made: tuple[str, list[tuple[str, str]]]) -> None:
    path, parameters = made
    query = urlencode([(name, value.encode("utf-8", "replace")) for name, value in parameters])
    answer = clients.browser(clients.ADMIN).get(f"{path}?{query}")
    assert answer.status_code < 500


TARGETS = {
    "webhooks": Target(st.tuples(st.sampled_from(["meta", "onprem"]), _WEBHOOKS), _read_webhook, (reading.Unreadable,)),
    "commbox": Target(_ANSWERS, _read_checks("commbox")),
    "onprem": Target(_ANSWERS, _read_checks("onprem")),
    "accuauth": Target(_ANSWERS, _read_checks("accuauth")),
    "kaleyra": Target(_ANSWERS, _read_kaleyra),
    "cloud_api": Target(_ANSWERS, _read_meta),
    "csv": Target(_CSV | st.binary(max_size=300), _read_csv, (UnusableHeader,)),
    "phone": Target(
        st.tuples(_PHONES, st.sampled_from(list(Reading)), st.sampled_from([None, "PE", "DE", "US"])),
        _read_phone,
        (NumberRefused,),
    ),
    "retry_after": Target(_RETRY_AFTER, _read_retry_after),
    "redaction": Target(st.text(), _redact),
    "addresses": Target(st.tuples(st.sampled_from(_LISTS), _PARAMETERS), _open),
}
