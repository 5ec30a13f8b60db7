"""Kaleyra: what each documented answer, and each oddity, becomes, and what leaves for it."""

import json
import re
from typing import Any

import pytest
import responses

from audit.models import ProviderCall
from providers import catalogue
from providers.errors import AccountRefused, AnswerLost, NotConfigured, ProviderError, Rejected, Throttled, Unavailable
from providers.interfaces import NumberAddress, Submitted
from providers.kaleyra import POD_HOSTS, Kaleyra
from providers.models import Business
from providers.secret import Secret
from tests import factories
from tests.providers.documented import ANYWHERE, answer, documented, sent

SID, WABA, PHONE = "HXAP16sandbox97IN", "1090777888999", "678997654321"
NUMBER = "+919765412345"
OTP = "670042"
ADDRESS = NumberAddress(PHONE, WABA, NUMBER)
PATH = f"/v2/{SID}/whatsapp/{WABA}/number/verify"


@pytest.fixture
def verifier(acme: Business) -> Kaleyra:
    return Kaleyra(factories.account(acme, "kaleyra", base_url=ANYWHERE))


def submit(verifier: Kaleyra, code: str = OTP) -> Submitted:
    return verifier.submit_code(ADDRESS, Secret(code), subject="BusinessNumber:7")


def refused(verifier: Kaleyra) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        submit(verifier)
    return caught.value


def body(code: Any, message: Any = "no", **more: Any) -> dict[str, Any]:
    return {"code": code, "message": message, "data": {}, "error": {}, **more}


def test_the_documented_request_is_what_is_sent(verifier: Kaleyra, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, documented("kaleyra/number_verify_success"))
    assert submit(verifier) is Submitted.VERIFIED
    assert sent(provider) == {"id": PHONE, "phone_number": NUMBER, "otp": OTP}
    assert set(sent(provider)) == set(documented("kaleyra/number_verify_request"))
    assert all(isinstance(value, str) for value in sent(provider).values())
    assert provider.calls[0].request.headers["api-key"] == "sandbox-key"


@pytest.mark.parametrize("http_status", [200, 400, 401, 500, 503])
@pytest.mark.parametrize(
    ("sample", "error", "code", "meaning"),
    [
        ("incorrect_sid_or_key", AccountRefused, "RBC001", "ACCOUNT"),
        ("unknown_waba", Rejected, "WA401", "PERMISSION"),
        ("payload_format", Rejected, "WA400:payload", "BAD_REQUEST"),
        ("otp_format", Rejected, "WA400:otp_format", "WRONG_CODE"),
        ("phone_number", Rejected, "WA400:phone_number", "BAD_REQUEST"),
        ("try_again", Unavailable, "WA500:try_again", "TRY_AGAIN"),
    ],
)
def test_each_documented_failure_is_told_by_its_code_and_words_whatever_http_says(
    verifier: Kaleyra,
    provider: responses.RequestsMock,
    http_status: int,
    sample: str,
    error: type[ProviderError],
    code: str,
    meaning: str,
) -> None:
    documented_body = documented(f"kaleyra/number_verify_{sample}")
    answer(provider, "POST", PATH, documented_body, status=http_status)
    said = refused(verifier)
    assert (type(said), said.code, said.http_status) == (error, code, http_status)
    assert documented_body["message"] in said.said and said.said in said.message
    explained = catalogue.explain("kaleyra", said.code)
    assert (explained.meaning, explained.next_step) == (meaning, said.next_step)


@pytest.mark.parametrize("http_status", [200, 400, 500])
def test_a_success_is_one_whatever_http_says(
    verifier: Kaleyra, provider: responses.RequestsMock, http_status: int
) -> None:
    answer(provider, "POST", PATH, documented("kaleyra/number_verify_success"), status=http_status)
    assert submit(verifier) is Submitted.VERIFIED


@pytest.mark.parametrize("http_status", [200, 500])
def test_a_number_that_was_approved_already_is_no_error(
    verifier: Kaleyra, provider: responses.RequestsMock, http_status: int
) -> None:
    answer(provider, "POST", PATH, documented("kaleyra/number_verify_already_approved"), status=http_status)
    assert submit(verifier) is Submitted.ALREADY_VERIFIED


@pytest.mark.parametrize("found", ["7654XXXXXXXXXX", [], {}, None, 7])
@pytest.mark.parametrize("error", [{}, [], None, "", {"anything": "x"}])
def test_the_types_of_data_and_error_change_nothing(
    verifier: Kaleyra, provider: responses.RequestsMock, found: Any, error: Any
) -> None:
    answer(provider, "POST", PATH, {"code": "WA200", "message": "ok", "data": found, "error": error})
    assert submit(verifier) is Submitted.VERIFIED


@pytest.mark.parametrize(
    "error",
    [
        {"error": "wa phone number already approved"},
        {"phone_number": "wa phone number already approved"},
        {"never seen": "wa phone number already approved"},
        ["wa phone number already approved"],
        "wa phone number already approved",
    ],
)
def test_the_words_are_found_under_whatever_key(
    verifier: Kaleyra, provider: responses.RequestsMock, error: Any
) -> None:
    answer(provider, "POST", PATH, {"code": "WA500", "message": "failed", "data": [], "error": error}, status=500)
    assert submit(verifier) is Submitted.ALREADY_VERIFIED


@pytest.mark.parametrize(
    ("code", "error", "shown"),
    [
        ("WA400", Rejected, "WA400"),
        ("wa400", Rejected, "WA400"),
        ("WA500", Unavailable, "WA500"),
        ("WA503", Unavailable, "WA503"),
        ("WA403", AccountRefused, "WA403"),
        ("WA429", Throttled, "WA429"),
        ("WA202", AnswerLost, "WA202"),
        ("RBC777", Rejected, "RBC777"),
        (777, Rejected, "777"),
    ],
)
def test_a_code_that_the_document_does_not_name_stays_as_it_is(
    verifier: Kaleyra, provider: responses.RequestsMock, code: Any, error: type[ProviderError], shown: str
) -> None:
    answer(provider, "POST", PATH, body(code, "something new"))
    said = refused(verifier)
    assert (type(said), said.code, said.said) == (error, shown, "something new")


@pytest.mark.parametrize("payload", [b"", b"<html>", b'{"code": "WA2', b"[]", b"{}", b'{"code": {}}', b'"WA200"'])
def test_an_answer_without_a_code_is_lost(verifier: Kaleyra, provider: responses.RequestsMock, payload: bytes) -> None:
    answer(provider, "POST", PATH, payload)
    assert type(refused(verifier)) is AnswerLost


@pytest.mark.parametrize("payload", [b"<html>", b"{}"])
@pytest.mark.parametrize(
    ("http_status", "error"),
    [
        (502, AnswerLost),
        (504, AnswerLost),
        (302, AccountRefused),
        (401, AccountRefused),
        (404, AccountRefused),
        (429, Throttled),
        (413, Rejected),
    ],
)
def test_a_gateways_error_leaves_open_whether_the_code_was_taken(
    verifier: Kaleyra,
    provider: responses.RequestsMock,
    payload: bytes,
    http_status: int,
    error: type[ProviderError],
) -> None:
    answer(provider, "POST", PATH, payload, status=http_status)
    assert type(refused(verifier)) is error


@pytest.mark.parametrize("echoed", [OTP, "670-042", "670 042", f"otp:{OTP}"])
def test_code_key_sid_and_number_that_kaleyra_repeats_are_masked(
    verifier: Kaleyra, provider: responses.RequestsMock, echoed: str
) -> None:
    words = f"wrong {echoed} for {NUMBER} with sandbox-key in {SID}"
    answer(provider, "POST", PATH, body(f"X{echoed}", words, error={"otp": words}), status=400)
    error = refused(verifier)
    said = f"{error!r} {error.message} {error.said} {error.code} {error.next_step}"
    assert OTP not in re.sub("[^0-9]", "", said)
    assert not any(secret in said for secret in (NUMBER[1:], "sandbox-key", SID))


def test_neither_code_nor_sid_is_in_the_record_of_the_call(verifier: Kaleyra, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, documented("kaleyra/number_verify_otp_format"), status=400)
    refused(verifier)
    row = ProviderCall.objects.get()
    assert (row.operation, row.subject) == ("submit_code", "BusinessNumber:7")
    assert row.url == f"{ANYWHERE}/v2/…/whatsapp/{WABA}/number/verify"
    kept = json.dumps(list(ProviderCall.objects.values()), default=str, ensure_ascii=False)
    assert not any(secret in kept for secret in (OTP, SID, "sandbox-key"))
    assert OTP not in str(provider.calls[0].request.url)


@pytest.mark.parametrize(
    "address",
    [
        NumberAddress("67/8", WABA, NUMBER),
        NumberAddress(PHONE, "10/90", NUMBER),
        NumberAddress("", WABA, NUMBER),
        NumberAddress(PHONE, "..", NUMBER),
    ],
)
def test_an_id_that_could_lead_elsewhere_is_refused_and_nothing_leaves(
    verifier: Kaleyra, provider: responses.RequestsMock, address: NumberAddress
) -> None:
    with pytest.raises(Rejected, match="digits only"):
        verifier.submit_code(address, Secret(OTP), subject="")
    assert not ProviderCall.objects.exists()


@pytest.mark.parametrize(
    ("credentials", "options", "named"),
    [
        ({}, {"sid": SID}, "api_key"),
        ({"api_key": "k\n"}, {"sid": SID}, "api_key"),
        ({"api_key": "k"}, {}, "sid"),
        ({"api_key": "k"}, {"sid": ".."}, "sid"),
        ({"api_key": "k"}, {"sid": "a/b"}, "sid"),
        ({"api_key": "k"}, {"sid": 7}, "sid"),
        ({"api_key": "k"}, {"sid": SID, "pod": "us"}, "pod"),
    ],
)
def test_what_is_missing_or_wrong_in_the_account_is_named(
    acme: Business, credentials: dict[str, str], options: Any, named: str
) -> None:
    account = factories.account(acme, "kaleyra", base_url=ANYWHERE, credentials=credentials, options=options)
    with pytest.raises(NotConfigured, match=named):
        Kaleyra(account)


def test_a_pod_is_a_host_and_the_base_url_wins_over_it(acme: Business, provider: responses.RequestsMock) -> None:
    assert {pod: f"https://api.{pod}.kaleyra.io" for pod in ("in", "ap", "eu", "na", "as")} == POD_HOSTS
    options = {"sid": SID, "pod": "eu"}
    verifier = Kaleyra(factories.account(acme, "kaleyra", base_url=ANYWHERE, options=options))
    answer(provider, "POST", PATH, documented("kaleyra/number_verify_success"))
    assert submit(verifier) is Submitted.VERIFIED
    assert verifier.deadline == 15.0
