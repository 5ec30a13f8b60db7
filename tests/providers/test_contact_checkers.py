"""What all three contact checkers promise, over real HTTP against the sandbox, and whatever JSON comes back."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.models import ProviderCall
from providers import http
from providers.errors import (
    AccountRefused,
    AnswerLost,
    NotSent,
    ProviderError,
    Rejected,
    Throttled,
    Unavailable,
)
from providers.http import Answer
from providers.interfaces import ContactChecker, ContactStatus, EvidenceStrength, NumberResult
from providers.models import Business, ProviderAccount
from providers.registry import contact_checker
from providers.secret import Secret
from sandbox import Sandbox
from tests import factories

KINDS = ("commbox", "onprem", "accuauth")
SECRETS = {kind: tuple(factories.CREDENTIALS[kind].values()) for kind in KINDS}
VALID, INVALID, FAILED = ContactStatus.VALID, ContactStatus.INVALID, ContactStatus.FAILED
PROCESSING, UNKNOWN = ContactStatus.PROCESSING, ContactStatus.UNKNOWN

MakeChecker = Callable[..., ContactChecker]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(acme: Business, sandbox: Sandbox) -> MakeChecker:
    def make(kind: str, **fields: Any) -> ContactChecker:
        return contact_checker(factories.account(acme, kind, base_url=sandbox.url, **fields))

    return make


@pytest.fixture
def checker(make: MakeChecker, kind: str) -> ContactChecker:
    return make(kind)


def number(ending: str, place: int = 0) -> str:
    """A mobile number of Peru, which every checker may be asked about."""
    return f"+519{place:05d}{ending}"


def ask(checker: ContactChecker, *endings: str) -> tuple[NumberResult, ...]:
    asked = [checker.format_number(number(ending, place)) for place, ending in enumerate(endings)]
    results = checker.check(asked, force=False, subject="CheckBatch:7")
    assert [result.asked for result in results] == asked
    return results


def refused(checker: ContactChecker, *endings: str) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(checker, *endings)
    return caught.value


def test_it_offers_what_the_interface_asks_for(checker: ContactChecker) -> None:
    assert 1 <= checker.batch_size <= 1000
    assert 0 < checker.deadline <= 60
    assert checker.strength in EvidenceStrength
    assert checker.regions is None or checker.regions == frozenset({"PE"})


@pytest.mark.parametrize(
    ("ending", "status"),
    [("100", VALID), ("404", INVALID), ("777", VALID), ("778", VALID), ("779", VALID), ("780", UNKNOWN)],
)
def test_an_answer_is_joined_on_what_was_asked(checker: ContactChecker, ending: str, status: ContactStatus) -> None:
    (result,) = ask(checker, ending)
    assert result.status is status
    assert result.wa_id in (None, number(ending)[1:])


def test_a_check_that_could_not_be_made_is_no_verdict(checker: ContactChecker, kind: str) -> None:
    if kind == "accuauth":
        assert isinstance(refused(checker, "422"), Unavailable)
    else:
        assert ask(checker, "422")[0].status is {"commbox": UNKNOWN, "onprem": FAILED}[kind]


@pytest.mark.parametrize(
    ("kind", "options", "statuses"),
    [
        ("commbox", {"stream_id": "stream-1"}, [VALID]),
        ("onprem", {"blocking": "no_wait"}, [PROCESSING]),
        ("onprem", {"blocking": "wait"}, [VALID]),
        ("accuauth", {}, [PROCESSING, PROCESSING, VALID]),
    ],
)
def test_a_check_under_way_is_processing(
    make: MakeChecker, kind: str, options: dict[str, str], statuses: list[ContactStatus]
) -> None:
    checker = make(kind, options=options)
    assert [ask(checker, "202")[0].status for _ in statuses] == statuses


@pytest.mark.parametrize(
    ("ending", "error"),
    [
        ("400", Rejected),
        ("401", AccountRefused),
        ("403", AccountRefused),
        ("500", Unavailable),
        ("503", Unavailable),
        ("998", Unavailable),
        ("302", AccountRefused),
        ("444", AnswerLost),
        ("996", AnswerLost),
        ("997", AnswerLost),
        ("999", AnswerLost),
    ],
)
def test_a_call_without_result_says_what_it_means(
    checker: ContactChecker, sandbox: Sandbox, ending: str, error: type[ProviderError]
) -> None:
    said = refused(checker, ending)
    assert type(said) is error
    assert said.message
    assert said.next_step
    assert len(sandbox.journal) == 1  # never asked twice, never redirected


@pytest.mark.parametrize(("ending", "seconds"), [("429", (1, 1)), ("430", (0.9, 2)), ("431", (60, 60))])
def test_a_rate_limit_says_how_long_to_wait(checker: ContactChecker, ending: str, seconds: tuple[float, float]) -> None:
    said = refused(checker, ending)
    assert isinstance(said, Throttled)
    assert seconds[0] <= said.retry_after.total_seconds() <= seconds[1]
    assert ask(checker, ending)[0].status is VALID


def test_an_answer_after_the_deadline_is_lost(checker: ContactChecker, sandbox: Sandbox) -> None:
    sandbox.conditions.slow = 5
    checker.deadline = 0.3
    started = datetime.now(UTC)
    assert isinstance(refused(checker, "408"), AnswerLost)
    assert (datetime.now(UTC) - started).total_seconds() < 3


def test_a_provider_that_is_not_there_was_not_asked(acme: Business, kind: str) -> None:
    checker = contact_checker(factories.account(acme, kind, base_url="http://127.0.0.1:1"))
    assert isinstance(refused(checker, "100"), NotSent)


def test_revoked_credentials_stop_the_account(make: MakeChecker, kind: str) -> None:
    checker = make(kind, credentials=dict.fromkeys(factories.CREDENTIALS[kind], "revoked-secret"))
    said = refused(checker, "100")
    assert isinstance(said, AccountRefused)
    assert "revoked-secret" not in repr(vars(said))


@pytest.mark.parametrize(
    ("secret", "code"), [("expired", "KEY_EXPIRED"), ("noperm", "NO_PERMISSION"), ("quota", "OUT_OF_QUOTA")]
)
def test_accuauth_says_why_the_account_is_refused(make: MakeChecker, secret: str, code: str) -> None:
    said = refused(make("accuauth", credentials={"api_id": "id", "api_secret": secret}), "100")
    assert (type(said), said.code) == (AccountRefused, code)


@pytest.mark.parametrize("stream_id", ["unknown-stream", "unsupported-stream"])
def test_a_stream_that_cannot_be_used_stops_the_commbox_account(make: MakeChecker, stream_id: str) -> None:
    assert isinstance(refused(make("commbox", options={"stream_id": stream_id}), "100"), AccountRefused)


@pytest.mark.parametrize("endings", [("100", "404", "422"), ("777", "404", "100"), ("778", "404", "779", "780", "100")])
def test_an_array_is_answered_in_the_order_asked(make: MakeChecker, endings: tuple[str, ...]) -> None:
    expected = {"404": INVALID, "422": FAILED, "780": UNKNOWN}
    results = ask(make("onprem"), *endings)
    assert [result.status for result in results] == [expected.get(ending, VALID) for ending in endings]


@pytest.mark.parametrize("ending", ["100", "404", "400", "401", "444", "302", "429", "500", "999"])
def test_no_record_and_no_error_holds_a_number_or_a_credential(checker: ContactChecker, kind: str, ending: str) -> None:
    texts: list[object] = []
    try:
        ask(checker, ending)
    except ProviderError as error:
        texts += [str(error), vars(error), repr(error)]
    rows = list(ProviderCall.objects.values())
    assert len(rows) == 1
    text = repr([rows, texts])
    for hidden in (*SECRETS[kind], number(ending)[1:], checker.format_number(number(ending)), "stream-1"):
        assert hidden not in text


def test_every_call_is_recorded_with_what_it_was_for(checker: ContactChecker) -> None:
    ask(checker, "100")
    row = ProviderCall.objects.get()
    assert (row.operation, row.subject, row.numbers_count) == ("check_contacts", "CheckBatch:7", 1)
    assert (row.outcome, row.http_status) == ("ANSWERED", 200)


# Whatever JSON comes back

_WORDS = ["status", "data", "valid", "recipient", "description", "failed", "contacts", "input", "wa_id", "errors"]
_WORDS += ["code", "title", "details", "meta", "developerMessage", "result", "whatsapp", "reason", "request_id"]
_VALUES = ["200", "400", "OK", "PENDING", "RATE_LIMIT_EXCEEDED", "yes", "no", "true", "valid", "processing", "1005"]
_ANY_TEXT = st.text(st.characters(categories=["Cs", "Cc", "Cf", "L", "N", "P", "Z"]), max_size=30)
_ASKED = {"commbox": ["+51987654321"], "onprem": ["+51987654321", "+51987654322"], "accuauth": ["987654321"]}
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([200, 400, 429, 1005, 1009, 1014])
    | st.floats()
    | st.sampled_from([*_VALUES, "+51987654321", "987654321"])
    | _ANY_TEXT
)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_WORDS) | _ANY_TEXT, inner, max_size=5),
    max_leaves=25,
)
_BODIES = _JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60)
_STATUSES = st.sampled_from([200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 409, 500, 501, 503])


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=200, deadline=None, database=None)
@given(body=_BODIES, http_status=_STATUSES)
def test_no_answer_raises_anything_but_a_provider_error(kind: str, body: bytes, http_status: int) -> None:
    account = ProviderAccount(
        kind=kind,
        name="any",
        base_url="https://provider.example",
        credentials={name: Secret(value) for name, value in factories.CREDENTIALS[kind].items()},
        options=factories.OPTIONS[kind],
    )
    checker = contact_checker(account)
    with mock.patch.object(http, "call", return_value=Answer(http_status, {}, body)):
        try:
            results = checker.check(_ASKED[kind], force=False, subject="")
        except ProviderError as error:
            texts = [error.message, error.code, error.trace_id]
        else:
            assert [result.asked for result in results] == _ASKED[kind]
            assert all(result.wa_id is None or len(result.wa_id) <= 64 for result in results)
            texts = [text for result in results for text in (result.code, result.detail, result.wa_id or "")]
    for text in texts:
        assert len(text) <= 400
        # What a database takes: no lone surrogate, no NUL.
        assert "\x00" not in text
        text.encode()


def test_json_nested_beyond_reading_is_lost(kind: str) -> None:
    account = ProviderAccount(
        kind=kind,
        name="any",
        base_url="https://provider.example",
        credentials={name: Secret(value) for name, value in factories.CREDENTIALS[kind].items()},
        options=factories.OPTIONS[kind],
    )
    for body in (b"[" * 100_000, b'{"status": ' + b"9" * 5_000 + b"}"):
        with mock.patch.object(http, "call", return_value=Answer(200, {}, body)), pytest.raises(AnswerLost):
            contact_checker(account).check(_ASKED[kind], force=False, subject="")
