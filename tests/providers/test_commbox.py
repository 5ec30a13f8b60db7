"""CommBox: what each documented answer, and each oddity seen of it, becomes."""

from typing import Any

import pytest
import responses

from audit.models import ProviderCall
from providers.commbox import CommBox
from providers.errors import AccountRefused, AnswerLost, NotConfigured, ProviderError, Rejected, Throttled, Unavailable
from providers.interfaces import ContactStatus, EvidenceStrength, NumberResult
from providers.models import Business
from tests import factories
from tests.providers.documented import ANYWHERE, answer, documented

NUMBER = "+16315551000"
PATH = "/whatsapp/validatecontact/stream-1/%2B16315551000"


@pytest.fixture
def checker(acme: Business) -> CommBox:
    return CommBox(factories.account(acme, "commbox", base_url=ANYWHERE))


def ask(checker: CommBox) -> NumberResult:
    (result,) = checker.check([NUMBER], force=False, subject="CheckBatch:7")
    assert result.asked == NUMBER
    return result


def refused(checker: CommBox) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(checker)
    return caught.value


def test_the_documented_success_is_valid_without_a_wa_id(checker: CommBox, provider: responses.RequestsMock) -> None:
    answer(provider, "GET", PATH, documented("commbox/validatecontact_valid"))
    assert ask(checker) == NumberResult(NUMBER, ContactStatus.VALID)


@pytest.mark.parametrize(
    ("http_status", "name", "error", "code", "words"),
    [
        (400, "bad_request", Rejected, "400", "Missing parameter templateName: Missing required parameter"),
        (401, "unauthorized", AccountRefused, "401", "Unauthorized"),
        (404, "not_found", AccountRefused, "404", "Not Found"),
        (500, "server_error", Unavailable, "500", "Internal Server Error"),
    ],
)
def test_each_documented_error_keeps_its_code_and_words(
    checker: CommBox,
    provider: responses.RequestsMock,
    http_status: int,
    name: str,
    error: type[ProviderError],
    code: str,
    words: str,
) -> None:
    answer(provider, "GET", PATH, documented(f"commbox/validatecontact_{name}"), status=http_status)
    said = refused(checker)
    assert (type(said), said.code, said.http_status) == (error, code, http_status)
    assert f"“{words}”" in said.message


def test_too_many_requests_waits_as_long_as_was_said(checker: CommBox, provider: responses.RequestsMock) -> None:
    body = documented("commbox/validatecontact_too_many_requests")
    answer(provider, "GET", PATH, body, status=429, headers={"Retry-After": "17"})
    said = refused(checker)
    assert isinstance(said, Throttled)
    assert said.retry_after.total_seconds() == 17
    assert (said.code, said.http_status) == ("429", 429)
    assert said.said and said.said in said.message


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("bad_request", Rejected),
        ("unauthorized", AccountRefused),
        ("not_found", AccountRefused),
        ("too_many_requests", Throttled),
        ("server_error", Unavailable),
    ],
)
def test_an_error_in_the_body_of_http_200_is_the_same_error(
    checker: CommBox, provider: responses.RequestsMock, name: str, error: type[ProviderError]
) -> None:
    answer(provider, "GET", PATH, documented(f"commbox/validatecontact_{name}"))
    assert type(refused(checker)) is error


@pytest.mark.parametrize("status", ["200", 200, "201", None])
@pytest.mark.parametrize("valid", [True, False, "true", "False"])
@pytest.mark.parametrize("in_array", [False, True])
def test_status_and_data_may_have_either_type(
    checker: CommBox, provider: responses.RequestsMock, status: Any, valid: Any, in_array: bool
) -> None:
    found: Any = [{"valid": valid}] if in_array else {"valid": valid}
    answer(provider, "GET", PATH, {"data": found} if status is None else {"status": status, "data": found})
    expected = ContactStatus.VALID if valid in (True, "true") else ContactStatus.INVALID
    assert ask(checker).status is expected


@pytest.mark.parametrize(
    "body",
    [
        {"status": "200", "data": {}},
        {"status": "200", "data": []},
        {"status": "200", "data": None},
        {"status": "200"},
        {"status": "200", "data": {"valid": None}},
        {"status": "200", "data": {"valid": 1}},
        {"status": "200", "data": {"valid": "maybe"}},
        {"status": "partial", "data": {"valid": True}},
        {"status": 0, "data": {"valid": True}},
        {"status": "102", "data": {"valid": True}},
        {"status": "200", "data": [{"valid": True}, {"valid": False}]},
        {"status": "200", "data": [{"recipient": "12025550199", "valid": True}]},
    ],
)
def test_an_answer_without_a_clear_verdict_is_unknown(
    checker: CommBox, provider: responses.RequestsMock, body: Any
) -> None:
    answer(provider, "GET", PATH, body)
    result = ask(checker)
    assert result.status is ContactStatus.UNKNOWN
    assert result.detail


def test_the_row_of_the_number_asked_is_found_among_strangers(
    checker: CommBox, provider: responses.RequestsMock
) -> None:
    rows = [{"recipient": "12025550199", "valid": True}, {"recipient": "16315551000", "valid": False}]
    answer(provider, "GET", PATH, {"status": "200", "data": rows})
    assert ask(checker).status is ContactStatus.INVALID


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"status": "2', b"[]", b"null", b"{}", b"\xff\xfe\x00"])
def test_an_unreadable_answer_is_lost(checker: CommBox, provider: responses.RequestsMock, body: bytes) -> None:
    answer(provider, "GET", PATH, body)
    assert type(refused(checker)) is AnswerLost


@pytest.mark.parametrize(
    ("http_status", "error"),
    [(302, AccountRefused), (403, AccountRefused), (408, Unavailable), (422, Rejected), (502, Unavailable)],
)
def test_a_proxys_page_counts_by_its_http_status(
    checker: CommBox, provider: responses.RequestsMock, http_status: int, error: type[ProviderError]
) -> None:
    headers = {"Location": "https://elsewhere.example/"}
    answer(provider, "GET", PATH, b"<html>", status=http_status, headers=headers)
    assert type(refused(checker)) is error
    assert len(provider.calls) == 1


def test_a_channel_without_this_operation_stops_the_account(checker: CommBox, provider: responses.RequestsMock) -> None:
    answer(provider, "GET", PATH, {"status": 501, "description": "Not Implemented"}, status=501)
    said = refused(checker)
    assert isinstance(said, AccountRefused)
    assert "does not offer this check" in said.message


def test_stream_id_and_number_are_quoted_on_the_wire_and_masked_in_the_record(
    acme: Business, provider: responses.RequestsMock
) -> None:
    account = factories.account(acme, "commbox", base_url=ANYWHERE, options={"stream_id": "a/b?c=+d"})
    answer(provider, "GET", "/whatsapp/validatecontact/a%2Fb%3Fc%3D%2Bd/%2B16315551000", {"data": {"valid": True}})
    ask(CommBox(account))
    row = ProviderCall.objects.get()
    assert row.url == f"{ANYWHERE}/whatsapp/validatecontact/…/…"
    assert (row.operation, row.subject, row.numbers_count) == ("check_contacts", "CheckBatch:7", 1)
    assert provider.calls[0].request.headers["Authorization"] == "Bearer sandbox-token"


def test_words_that_echo_number_stream_and_token_are_masked(checker: CommBox, provider: responses.RequestsMock) -> None:
    echo = "bad 16315551000 / +1 (631) 555-1000 / stream-1 / sandbox-token\x00\u202e"
    answer(provider, "GET", PATH, {"status": "400", "description": echo}, status=400)
    said = refused(checker)
    assert said.message.endswith("“bad … / …00 / … / …”")


def test_nothing_is_asked_about_no_number(checker: CommBox) -> None:
    assert checker.check([], force=False, subject="") == ()


def test_the_account_says_yes_to_everyone_until_told_otherwise(checker: CommBox) -> None:
    assert (checker.batch_size, checker.deadline, checker.polls, checker.regions) == (1, 20.0, False, None)
    assert checker.strength is EvidenceStrength.WEAK
    assert checker.format_number(NUMBER) == NUMBER


@pytest.mark.parametrize(
    ("credentials", "options", "named"),
    [
        ({}, {"stream_id": "s"}, "token"),
        ({"token": ""}, {"stream_id": "s"}, "token"),
        ({"token": "two words"}, {"stream_id": "s"}, "token"),
        ({"token": "line\r\nbreak"}, {"stream_id": "s"}, "token"),
        ({"token": "t"}, {}, "stream_id"),
        ({"token": "t"}, {"stream_id": ""}, "stream_id"),
        ({"token": "t"}, {"stream_id": 7}, "stream_id"),
        ({"token": "t"}, {"stream_id": ".."}, "stream_id"),
        ({"token": "t"}, {"stream_id": "s", "evidence_strength": "medium"}, "evidence_strength"),
        ({"token": "t"}, {"stream_id": "s", "ca_file": "/nowhere/ca.pem"}, "ca_file"),
        ({"token": "t"}, ["stream_id"], "options"),
    ],
)
def test_what_is_missing_or_wrong_in_the_account_is_named(
    acme: Business, credentials: dict[str, str], options: Any, named: str
) -> None:
    account = factories.account(acme, "commbox", base_url=ANYWHERE, credentials=credentials, options=options)
    with pytest.raises(NotConfigured, match=named):
        CommBox(account)
