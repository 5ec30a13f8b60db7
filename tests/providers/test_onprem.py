"""The On-Premises contacts node: what each documented answer, and each oddity seen of it, becomes."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses

from audit.models import ProviderCall
from providers.errors import (
    AccountRefused,
    AnswerLost,
    NotConfigured,
    NotSent,
    ProviderError,
    Rejected,
    Throttled,
    Unavailable,
)
from providers.interfaces import ContactStatus, EvidenceStrength, NumberResult
from providers.models import AccountMeter, Business, ProviderAccount
from providers.onprem import OnPremises, read_contacts
from providers.secret import Secret
from sandbox import Sandbox
from tests import factories
from tests.providers.documented import ANYWHERE, answer, documented, sent

NUMBER = "+16315551000"
PATH = "/v1/contacts"
LOGIN = "/v1/users/login"
CREDENTIALS = {"username": "admin", "password": "pass:wörd-1"}


@pytest.fixture
def checker(acme: Business) -> OnPremises:
    return OnPremises(factories.account(acme, "onprem", base_url=ANYWHERE))


def node(acme: Business, base_url: str = ANYWHERE, **options: Any) -> ProviderAccount:
    return factories.account(
        acme, "onprem", base_url=base_url, options=options, credentials={**CREDENTIALS, "token": "sandbox-token"}
    )


def ask(checker: OnPremises, *numbers: str, force: bool = False) -> tuple[NumberResult, ...]:
    return checker.check(numbers or (NUMBER,), force=force, subject="CheckBatch:7")


def refused(checker: OnPremises) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(checker)
    return caught.value


def token(value: str = "session-token", **fields: str) -> dict[str, Any]:
    return {"users": [{"token": value, **fields}]}


def errors(code: Any, title: str = "Title", details: str = "Details") -> dict[str, Any]:
    return {"errors": [{"code": code, "title": title, "details": details}]}


def test_each_documented_status_is_joined_on_input(checker: OnPremises, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, documented("onprem/contacts_each_status"))
    asked = ("+163155588", "6315551002", "+1 631 555 1001", "16315551000")
    assert ask(checker, *asked) == (
        NumberResult("+163155588", ContactStatus.FAILED),
        NumberResult("6315551002", ContactStatus.INVALID),
        # A number under way may already carry a wa_id: it counts once the number is valid.
        NumberResult("+1 631 555 1001", ContactStatus.PROCESSING, wa_id=None),
        NumberResult("16315551000", ContactStatus.VALID, wa_id="16315551000"),
    )


def test_the_request_is_the_documented_one(acme: Business, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, {"contacts": []})
    request = documented("onprem/contacts_request")
    ask(OnPremises(node(acme)), *request["contacts"])
    assert sent(provider) == request
    assert provider.calls[0].request.headers["Authorization"] == "Bearer sandbox-token"


def test_force_and_no_wait_reach_the_node(acme: Business, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, {"contacts": []})
    ask(OnPremises(node(acme, blocking="no_wait")), force=True)
    assert sent(provider) == {"blocking": "no_wait", "contacts": [NUMBER], "force_check": True}


def test_a_compatible_host_takes_the_token_in_its_own_header(acme: Business, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, {"contacts": []})
    answer(provider, "POST", PATH, {"contacts": []})
    ask(OnPremises(node(acme, auth="header")))
    headers = provider.calls[0].request.headers
    assert headers["D360-API-KEY"] == "sandbox-token"
    assert "Authorization" not in headers
    account = ProviderAccount.objects.get()
    account.options["header_name"] = "X-Key"
    ask(OnPremises(account))
    assert provider.calls[1].request.headers["X-Key"] == "sandbox-token"


@pytest.mark.parametrize(
    ("http_status", "code", "error"),
    [
        (400, 1008, Rejected),
        (400, 1009, Rejected),
        (400, 1010, Rejected),
        (400, 1025, Rejected),
        (400, 424242, Rejected),
        (500, 1009, Rejected),
        (400, 1005, AccountRefused),
        (401, 1005, AccountRefused),
        (403, 1005, AccountRefused),
        (401, 1000, AccountRefused),
        (404, 1006, AccountRefused),
        (400, 1021, AccountRefused),
        (400, 1024, AccountRefused),
        (400, 429, Throttled),
        (400, 1015, Throttled),
        (403, 1015, Throttled),
        (429, 1015, Throttled),
        (429, 1005, Throttled),
        (429, 424242, Throttled),
        (500, 1000, Unavailable),
        (400, 1011, Unavailable),
        (500, 1014, Unavailable),
        (503, 1016, Unavailable),
        (400, 1017, Unavailable),
        (400, 1018, Unavailable),
        (500, 1023, Unavailable),
        (502, 424242, Unavailable),
        (200, 1005, AccountRefused),
        (200, 1014, Unavailable),
        (200, 424242, Rejected),
        (200, "1014", Unavailable),
        (200, None, Rejected),
        (302, 1014, AccountRefused),
    ],
)
def test_each_error_code_has_its_consequence(
    checker: OnPremises,
    provider: responses.RequestsMock,
    http_status: int,
    code: Any,
    error: type[ProviderError],
) -> None:
    answer(provider, "POST", PATH, errors(code), status=http_status)
    said = refused(checker)
    assert type(said) is error
    assert said.code == str(code or "")
    assert said.said == "Title: Details"
    assert "“Title: Details”" in said.message


def test_a_refusal_in_a_compatible_hosts_words_is_kept(checker: OnPremises, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, {"meta": {"developerMessage": "Invalid api_key"}}, status=401)
    assert "“Invalid api_key”" in refused(checker).message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"contacts": [',
        b"[]",
        b"null",
        b"{}",
        b'{"contacts": {"status": "valid"}}',
        b'{"errors": []}',
        b'{"errors": ["no"]}',
    ],
)
def test_an_unreadable_answer_is_lost(checker: OnPremises, provider: responses.RequestsMock, body: bytes) -> None:
    answer(provider, "POST", PATH, body)
    assert type(refused(checker)) is AnswerLost


@pytest.mark.parametrize(
    ("http_status", "error"), [(400, Rejected), (401, AccountRefused), (405, AccountRefused), (504, Unavailable)]
)
def test_a_proxys_page_counts_by_its_http_status(
    checker: OnPremises, provider: responses.RequestsMock, http_status: int, error: type[ProviderError]
) -> None:
    answer(provider, "POST", PATH, b"<html>", status=http_status)
    assert type(refused(checker)) is error


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"status": "banned"}, "banned"),
        ({"status": "x" * 500}, "x…"),
        ({"status": None}, "without a status"),
        ({"status": ["valid"]}, "without a status"),
        ({}, "without a status"),
    ],
)
def test_a_status_that_no_document_names_is_unknown_in_the_nodes_words(
    checker: OnPremises, provider: responses.RequestsMock, row: dict[str, Any], words: str
) -> None:
    answer(provider, "POST", PATH, {"contacts": [{"input": NUMBER, "wa_id": "16315551000", **row}]})
    (result,) = ask(checker)
    assert (result.status, result.wa_id) == (ContactStatus.UNKNOWN, None)
    assert words in result.detail
    assert len(result.detail) < 200


def test_a_failed_row_keeps_its_own_error(checker: OnPremises, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, {"contacts": [{"input": NUMBER, "status": "failed", **errors(1013)}]})
    (result,) = ask(checker)
    assert (result.status, result.code, result.detail) == (ContactStatus.FAILED, "1013", "Title: Details")


def test_numbers_left_out_beside_an_error_are_unknown_with_its_words(
    checker: OnPremises, provider: responses.RequestsMock
) -> None:
    body = {"contacts": [{"input": NUMBER, "status": "valid"}], **errors(1014)}
    answer(provider, "POST", PATH, body)
    valid, left_out = ask(checker, NUMBER, "+16315551001")
    assert (valid.status, valid.wa_id) == (ContactStatus.VALID, None)
    assert (left_out.status, left_out.code) == (ContactStatus.UNKNOWN, "NOT_ANSWERED")
    assert left_out.detail == "Title: Details"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("valid", "1"), ("valid", "1")], (ContactStatus.VALID, "1")),
        ([("valid", None), ("valid", "1")], (ContactStatus.VALID, "1")),
        ([("valid", "1"), ("valid", None)], (ContactStatus.VALID, "1")),
        ([("valid", "1"), ("valid", "2")], (ContactStatus.UNKNOWN, None)),
        ([("valid", "1"), ("invalid", None)], (ContactStatus.UNKNOWN, None)),
        ([("valid", "1"), ("invalid", None), ("valid", "1")], (ContactStatus.UNKNOWN, None)),
        ([("processing", None), ("valid", "1")], (ContactStatus.UNKNOWN, None)),
    ],
)
def test_of_two_answers_the_first_stands_unless_they_disagree(
    checker: OnPremises,
    provider: responses.RequestsMock,
    rows: list[tuple[str, str | None]],
    expected: tuple[ContactStatus, str | None],
) -> None:
    contacts = [{"input": NUMBER, "status": status, "wa_id": wa_id} for status, wa_id in rows]
    answer(provider, "POST", PATH, {"contacts": contacts})
    (result,) = ask(checker)
    assert (result.status, result.wa_id) == expected
    assert (result.code == "CONTRADICTED") is (result.status is ContactStatus.UNKNOWN)


@pytest.mark.parametrize("stranger", ["16315551000", " +16315551000", 16315551000, None, ["+16315551000"]])
def test_only_the_exact_input_is_joined(checker: OnPremises, provider: responses.RequestsMock, stranger: Any) -> None:
    contacts = [{"input": stranger, "wa_id": "16315551000", "status": "valid"}, "valid"]
    answer(provider, "POST", PATH, {"contacts": contacts})
    assert ask(checker)[0].status is ContactStatus.UNKNOWN


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("5215512345678", "5215512345678"),
        (5215512345678, "5215512345678"),
        ("US.1234", "US.1234"),
        ("", None),
        ("9" * 65, None),
        ("1\x002", None),
        (["1"], None),
    ],
)
def test_a_wa_id_is_kept_as_given_or_not_at_all(
    checker: OnPremises, provider: responses.RequestsMock, given: Any, kept: str | None
) -> None:
    answer(provider, "POST", PATH, {"contacts": [{"input": NUMBER, "status": "valid", "wa_id": given}]})
    assert ask(checker)[0] == NumberResult(NUMBER, ContactStatus.VALID, wa_id=kept)


def test_a_callbacks_rows_are_read_by_the_same_rules() -> None:
    rows = documented("onprem/contacts_each_status")["contacts"]
    assert [result.status for result in read_contacts(rows)] == ["VALID", "PROCESSING", "INVALID", "FAILED"]
    assert read_contacts({"input": NUMBER}) == ()


def test_words_that_echo_numbers_and_token_are_masked(checker: OnPremises, provider: responses.RequestsMock) -> None:
    body = errors("1009 +16315551000", "Bad (631) 555 1000", f"{NUMBER} sandbox-token")
    answer(provider, "POST", PATH, body, status=400)
    said = refused(checker)
    assert said.code == "1009 +…"
    assert said.message.endswith("“Bad (…00: +… …”")


@pytest.mark.parametrize(
    ("options", "batch_size", "deadline"),
    [({}, 50, 60.0), ({"blocking": "no_wait", "batch_size": 20}, 20, 20.0), ({"batch_size": "1000"}, 1000, 60.0)],
)
def test_options_set_array_and_deadline(
    acme: Business, options: dict[str, Any], batch_size: int, deadline: float
) -> None:
    checker = OnPremises(node(acme, **options))
    assert (checker.batch_size, checker.deadline) == (batch_size, deadline)
    assert (checker.polls, checker.regions, checker.strength) == (False, None, EvidenceStrength.WEAK)
    assert checker.format_number(NUMBER) == NUMBER


@pytest.mark.parametrize(
    ("credentials", "options", "named"),
    [
        ({}, {}, "token"),
        ({"token": "t"}, {"auth": "login"}, "username"),
        ({"username": "u"}, {"auth": "login"}, "password"),
        ({"username": "a:b", "password": "p"}, {"auth": "login"}, "username"),
        ({"username": "u", "password": "p\udcff"}, {"auth": "login"}, "password"),
        ({"token": "t"}, {"auth": "digest"}, "auth"),
        ({"token": "t"}, {"auth": ["login"]}, "auth"),
        ({"token": "t"}, {"auth": "header", "header_name": "X Key"}, "header_name"),
        ({"token": "t"}, {"batch_size": 0}, "batch_size"),
        ({"token": "t"}, {"batch_size": 1001}, "batch_size"),
        ({"token": "t"}, {"batch_size": True}, "batch_size"),
        ({"token": "t"}, {"batch_size": "many"}, "batch_size"),
        ({"token": "t"}, {"blocking": "yes"}, "blocking"),
        ({"token": "t"}, {"ca_file": "/nowhere/ca.pem"}, "ca_file"),
    ],
)
def test_what_is_missing_or_wrong_in_the_account_is_named(
    acme: Business, credentials: dict[str, str], options: dict[str, Any], named: str
) -> None:
    account = factories.account(acme, "onprem", base_url=ANYWHERE, credentials=credentials, options=options)
    with pytest.raises(NotConfigured, match=named):
        OnPremises(account)


# Signing in


def test_one_token_serves_many_checks(acme: Business, sandbox: Sandbox) -> None:
    account = node(acme, sandbox.url, auth="login")
    for _ in range(2):
        assert ask(OnPremises(account))[0].status is ContactStatus.VALID
    assert [entry.path for entry in sandbox.journal] == [LOGIN, PATH, PATH]
    kept = AccountMeter.objects.get()
    assert kept.session_expires_at is not None
    assert timedelta(days=6) < kept.session_expires_at - datetime.now(UTC) <= timedelta(days=7)
    assert list(ProviderCall.objects.order_by("pk").values_list("operation", "numbers_count")) == [
        ("sign_in", 0),
        ("check_contacts", 1),
        ("check_contacts", 1),
    ]


def test_user_name_and_password_go_as_basic_and_only_to_the_login(
    acme: Business, provider: responses.RequestsMock
) -> None:
    answer(provider, "POST", LOGIN, token())
    answer(provider, "POST", PATH, {"contacts": []})
    ask(OnPremises(node(acme, auth="login")))
    basic = base64.b64encode("admin:pass:wörd-1".encode()).decode()
    assert provider.calls[0].request.headers["Authorization"] == f"Basic {basic}"
    assert provider.calls[1].request.headers["Authorization"] == "Bearer session-token"


def test_a_token_that_the_node_forgot_is_replaced_once(acme: Business, sandbox: Sandbox) -> None:
    account = node(acme, sandbox.url, auth="login")
    ask(OnPremises(account))
    meter = AccountMeter.objects.get()
    meter.session_token["token"] = Secret("revoked-token")
    meter.save()
    sandbox.journal.clear()
    assert ask(OnPremises(account))[0].status is ContactStatus.VALID
    assert [(entry.path, entry.answered_status) for entry in sandbox.journal] == [
        (PATH, 401),
        (LOGIN, 200),
        (PATH, 200),
    ]


def test_a_token_that_is_refused_twice_stops_the_account(acme: Business, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", LOGIN, token())
    answer(provider, "POST", PATH, errors(1005), status=401)
    checker = OnPremises(node(acme, auth="login"))
    assert isinstance(refused(checker), AccountRefused)
    assert len(provider.calls) == 2  # issued just now: another one would fare no better
    assert isinstance(refused(checker), AccountRefused)
    assert [call.request.path_url for call in provider.calls][2:] == [PATH, LOGIN, PATH]


@pytest.mark.parametrize("changed", ["password", "address", "expiry"])
def test_a_token_is_forgotten_with_what_it_was_issued_for(
    acme: Business, provider: responses.RequestsMock, changed: str
) -> None:
    answer(provider, "POST", LOGIN, token())
    answer(provider, "POST", PATH, {"contacts": []})
    account = node(acme, auth="login")
    ask(OnPremises(account))
    if changed == "password":
        account.credentials["password"] = Secret("another")
    elif changed == "expiry":
        AccountMeter.objects.update(session_expires_at=datetime.now(UTC) + timedelta(seconds=30))
    else:
        account.base_url = "https://other.example"
        provider.add("POST", "https://other.example/v1/users/login", json=token("other-token"))
        provider.add("POST", "https://other.example/v1/contacts", json={"contacts": []})
    ask(OnPremises(account))
    assert [call.request.path_url for call in provider.calls] == [LOGIN, PATH, LOGIN, PATH]


@pytest.mark.parametrize(
    ("expires_after", "within"),
    [
        ("2030-01-01 00:00:00+00:00", timedelta(days=7)),
        ("", timedelta(days=7)),
        ("next week", timedelta(days=7)),
        ("1999-12-31 23:59:59", timedelta(0)),
    ],
)
def test_the_nodes_expiry_is_trusted_up_to_seven_days(
    acme: Business, provider: responses.RequestsMock, expires_after: str, within: timedelta
) -> None:
    answer(provider, "POST", LOGIN, token(expires_after=expires_after))
    answer(provider, "POST", PATH, {"contacts": []})
    ask(OnPremises(node(acme, auth="login")))
    expires_at = AccountMeter.objects.get().session_expires_at
    assert expires_at is not None
    assert expires_at <= datetime.now(UTC) + within


@pytest.mark.parametrize(
    ("http_status", "body", "error"),
    [
        (401, errors(1005), AccountRefused),
        (400, errors(1009), AccountRefused),
        (429, errors(1015), Throttled),
        (500, errors(1014), NotSent),
        (502, b"<html>", NotSent),
        (200, b"<html>", NotSent),
        (200, {}, NotSent),
        (200, {"users": [{"token": "two words"}]}, NotSent),
        (200, {"users": [{"token": 7}]}, NotSent),
    ],
)
def test_what_goes_wrong_while_signing_in_leaves_every_number_unasked(
    acme: Business,
    provider: responses.RequestsMock,
    http_status: int,
    body: Any,
    error: type[ProviderError],
) -> None:
    answer(provider, "POST", LOGIN, body, status=http_status)
    assert type(refused(OnPremises(node(acme, auth="login")))) is error
    assert len(provider.calls) == 1


def test_signing_in_counts_into_the_deadline(acme: Business, sandbox: Sandbox) -> None:
    sandbox.conditions.latency = 0.4
    checker = OnPremises(node(acme, sandbox.url, auth="login"))
    checker.deadline = 0.4
    with pytest.raises(NotSent):
        ask(checker)
    assert sandbox.journal.numbers() == ()


def test_no_token_is_kept_in_the_open(acme: Business, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", LOGIN, token("a-very-secret-session"))
    answer(provider, "POST", PATH, {"contacts": []})
    ask(OnPremises(node(acme, auth="login")))
    assert "a-very-secret-session" not in repr(list(ProviderCall.objects.values()))
    assert "a-very-secret-session" not in repr(AccountMeter.objects.get().session_token)
