"""AccuAuth: what each documented answer, and each oddity seen of it, becomes."""

from typing import Any

import pytest
import responses

from audit.models import ProviderCall
from providers.accuauth import AccuAuth
from providers.errors import AccountRefused, AnswerLost, NotConfigured, ProviderError, Rejected, Throttled, Unavailable
from providers.interfaces import ContactStatus, EvidenceStrength, NumberResult
from providers.models import Business
from tests import factories
from tests.providers.documented import ANYWHERE, answer, documented, sent

NUMBER = "987654321"
PATH = "/check/whatsapp_advanced"
TRACE = "TID591cb9fb0e284cf296912a4d0ffea889"


@pytest.fixture
def checker(acme: Business) -> AccuAuth:
    return AccuAuth(factories.account(acme, "accuauth", base_url=ANYWHERE))


def ask(checker: AccuAuth) -> NumberResult:
    (result,) = checker.check([NUMBER], force=False, subject="CheckBatch:7")
    assert result.asked == NUMBER
    return result


def refused(checker: AccuAuth) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(checker)
    return caught.value


def error_body(status: str, reason: str = "see the table") -> dict[str, str]:
    return {"status": status, "reason": reason, "request_id": TRACE}


def test_the_documented_success_is_valid_whatever_number_it_echoes(
    checker: AccuAuth, provider: responses.RequestsMock
) -> None:
    answer(provider, "POST", PATH, documented("accuauth/whatsapp_advanced_yes"))
    assert ask(checker) == NumberResult(NUMBER, ContactStatus.VALID, detail=TRACE)
    assert sent(provider) == {"number": NUMBER}
    headers = provider.calls[0].request.headers
    assert (headers["X-DF-API-ID"], headers["X-DF-API-SECRET"]) == ("sandbox-id", "sandbox-secret")


def test_personal_details_are_dropped(checker: AccuAuth, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, documented("accuauth/whatsapp_advanced_yes"))
    assert "Hello world" not in repr(ask(checker))


def test_the_documented_error_is_rejected_with_reason_and_request_id(
    checker: AccuAuth, provider: responses.RequestsMock
) -> None:
    answer(provider, "POST", PATH, documented("accuauth/whatsapp_advanced_invalid_argument"), status=400)
    said = refused(checker)
    assert isinstance(said, Rejected)
    assert (said.code, said.trace_id) == ("INVALID_ARGUMENT", "TID0bb59f6aa6454717b870b16202ccf36f")
    assert "argument 'number': not found" in said.message


@pytest.mark.parametrize("whatsapp", ["no", "NO", " no "])
def test_no_is_invalid(checker: AccuAuth, provider: responses.RequestsMock, whatsapp: str) -> None:
    answer(provider, "POST", PATH, {"status": "OK", "result": {"whatsapp": whatsapp}})
    assert ask(checker).status is ContactStatus.INVALID


@pytest.mark.parametrize("http_status", [400, 200])
def test_pending_is_being_checked_whatever_its_http_status(
    checker: AccuAuth, provider: responses.RequestsMock, http_status: int
) -> None:
    answer(provider, "POST", PATH, error_body("PENDING"), status=http_status)
    assert ask(checker) == NumberResult(NUMBER, ContactStatus.PROCESSING, code="PENDING", detail=TRACE)


@pytest.mark.parametrize(
    ("http_status", "status", "error"),
    [
        (400, "INVALID_ARGUMENT", Rejected),
        (401, "UNAUTHORIZED", AccountRefused),
        (401, "KEY_EXPIRED", AccountRefused),
        (403, "NO_PERMISSION", AccountRefused),
        (403, "OUT_OF_QUOTA", AccountRefused),
        (403, "RATE_LIMIT_EXCEEDED", Throttled),
        (404, "NOT_FOUND", AccountRefused),
        (500, "INTERNAL_ERROR", Unavailable),
    ],
)
@pytest.mark.parametrize("as_http_200", [False, True])
def test_the_status_decides_and_not_http(
    checker: AccuAuth,
    provider: responses.RequestsMock,
    http_status: int,
    status: str,
    error: type[ProviderError],
    as_http_200: bool,
) -> None:
    answer(provider, "POST", PATH, error_body(status), status=200 if as_http_200 else http_status)
    said = refused(checker)
    assert (type(said), said.code, said.trace_id) == (error, status, TRACE)
    assert "“see the table”" in said.message


def test_a_rate_limit_as_http_403_reads_retry_after(checker: AccuAuth, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, error_body("RATE_LIMIT_EXCEEDED"), status=403, headers={"Retry-After": "30"})
    said = refused(checker)
    assert isinstance(said, Throttled)
    assert (said.retry_after.total_seconds(), said.http_status) == (30, 403)


@pytest.mark.parametrize("status", ["RATE_LIMIT_EXCEEDED", "ON_HOLIDAY", "OK", "PENDING"])
def test_http_429_is_a_rate_limit_whatever_the_status_says(
    checker: AccuAuth, provider: responses.RequestsMock, status: str
) -> None:
    answer(provider, "POST", PATH, error_body(status), status=429, headers={"Retry-After": "30"})
    said = refused(checker)
    assert isinstance(said, Throttled)
    assert (said.retry_after.total_seconds(), said.code, said.trace_id) == (30, status, TRACE)
    assert said.said == "see the table"


@pytest.mark.parametrize(
    ("http_status", "error"),
    [(400, Rejected), (401, AccountRefused), (403, AccountRefused), (418, Rejected), (503, Unavailable)],
)
def test_a_status_that_no_document_names_counts_by_http(
    checker: AccuAuth, provider: responses.RequestsMock, http_status: int, error: type[ProviderError]
) -> None:
    answer(provider, "POST", PATH, error_body("ON_HOLIDAY"), status=http_status)
    said = refused(checker)
    assert (type(said), said.code) == (error, "ON_HOLIDAY")


@pytest.mark.parametrize(
    "body",
    [
        {"status": "OK"},
        {"status": "OK", "result": {}},
        {"status": "OK", "result": None},
        {"status": "OK", "result": ["yes"]},
        {"status": "OK", "result": {"whatsapp": True}},
        {"status": "OK", "result": {"whatsapp": "perhaps"}},
        {"status": "ON_HOLIDAY", "result": {"whatsapp": "yes"}},
    ],
)
def test_an_answer_without_yes_or_no_is_unknown(checker: AccuAuth, provider: responses.RequestsMock, body: Any) -> None:
    answer(provider, "POST", PATH, body)
    result = ask(checker)
    assert result.status is ContactStatus.UNKNOWN
    assert result.detail


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"status": "O', b"[]", b"{}", b'{"status": {}}'])
def test_an_unreadable_answer_is_lost(checker: AccuAuth, provider: responses.RequestsMock, body: bytes) -> None:
    answer(provider, "POST", PATH, body)
    assert type(refused(checker)) is AnswerLost


@pytest.mark.parametrize(
    ("http_status", "error"),
    [(301, AccountRefused), (400, Rejected), (404, AccountRefused), (502, Unavailable), (429, Throttled)],
)
def test_a_proxys_page_counts_by_its_http_status(
    checker: AccuAuth, provider: responses.RequestsMock, http_status: int, error: type[ProviderError]
) -> None:
    answer(provider, "POST", PATH, b"<html>", status=http_status)
    assert type(refused(checker)) is error


def test_words_and_trace_that_echo_number_and_secret_are_masked(
    checker: AccuAuth, provider: responses.RequestsMock
) -> None:
    body = {"status": "INVALID_ARGUMENT", "reason": f"no {NUMBER}, sandbox-secret", "request_id": f"T{NUMBER}"}
    answer(provider, "POST", PATH, body, status=400)
    said = refused(checker)
    assert said.message.endswith("“no …, …”")
    assert said.trace_id == ""


def test_the_record_of_the_call_names_no_number(checker: AccuAuth, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, documented("accuauth/whatsapp_advanced_yes"))
    ask(checker)
    row = ProviderCall.objects.get()
    assert (row.url, row.operation, row.numbers_count) == (ANYWHERE + PATH, "check_contacts", 1)


@pytest.mark.parametrize(
    ("region", "e164", "national"),
    [("PE", "+51987654321", "987654321"), ("IT", "+390612345678", "0612345678"), ("mx", "+525512345678", "5512345678")],
)
def test_numbers_are_asked_without_country_code(acme: Business, region: str, e164: str, national: str) -> None:
    account = factories.account(acme, "accuauth", base_url=ANYWHERE, options={"region": region})
    checker = AccuAuth(account)
    assert checker.format_number(e164) == national
    assert checker.regions == frozenset({region.upper()})


@pytest.mark.parametrize("e164", ["+525512345678", "+16315551000", "nonsense"])
def test_a_number_of_another_country_is_never_cut_down_to_a_strangers(checker: AccuAuth, e164: str) -> None:
    with pytest.raises(Rejected, match=r"\+51"):
        checker.format_number(e164)


def test_the_account_is_peruvian_polled_and_strong_by_default(checker: AccuAuth) -> None:
    assert (checker.batch_size, checker.deadline, checker.polls) == (1, 20.0, True)
    assert checker.regions == frozenset({"PE"})
    assert checker.strength is EvidenceStrength.STRONG
    assert checker.check([], force=True, subject="") == ()


@pytest.mark.parametrize(
    ("credentials", "options", "named"),
    [
        ({"api_secret": "s"}, {}, "api_id"),
        ({"api_id": "i"}, {}, "api_secret"),
        ({"api_id": "i", "api_secret": "pässword"}, {}, "api_secret"),
        ({"api_id": "i", "api_secret": "s"}, {"region": "Peru"}, "region"),
        ({"api_id": "i", "api_secret": "s"}, {"region": 51}, "region"),
    ],
)
def test_what_is_missing_or_wrong_in_the_account_is_named(
    acme: Business, credentials: dict[str, str], options: Any, named: str
) -> None:
    account = factories.account(acme, "accuauth", base_url=ANYWHERE, credentials=credentials, options=options)
    with pytest.raises(NotConfigured, match=named):
        AccuAuth(account)
