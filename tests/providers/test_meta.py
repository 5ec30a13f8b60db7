"""Cloud API: what each documented answer, each documented error and each oddity becomes, and what leaves for it."""

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from audit.models import ProviderCall
from providers import catalogue
from providers.errors import (
    AccountRefused,
    AnswerLost,
    NotConfigured,
    ProviderError,
    Rejected,
    Throttled,
    Unavailable,
)
from providers.graph import expiry_warning
from providers.interfaces import BusinessAccountFacts, CodeMethod, NumberAddress, NumberFacts, Submitted
from providers.meta import CloudAPI, graph_version_expires
from providers.models import Business, ProviderAccount
from providers.registry import warning
from providers.secret import Secret
from tests import factories
from tests.providers.documented import ANYWHERE, answer, documented, sent

PHONE, WABA = "106540352242922", "102290129340398"
OTP, PIN = "482913", "705218"
ADDRESS = NumberAddress(PHONE, WABA, "+15550051310")
TRACE = "Az8or2yhqkZfEZ-_4Qn_Bam"
VERIFY = f"/v25.0/{PHONE}/verify_code"
SUBJECT = "BusinessNumber:7"
SUCCESS = {"success": True}

Call = Callable[[CloudAPI], Any]
#: Every call that changes something: its path and how it is made.
ACTS: dict[str, tuple[str, Call]] = {
    "add_number": (
        f"/v25.0/{WABA}/phone_numbers",
        lambda host: host.add_number(WABA, e164="+15550051310", verified_name="Acme", migrate=False, subject=SUBJECT),
    ),
    "request_code": (
        f"/v25.0/{PHONE}/request_code",
        lambda host: host.request_code(PHONE, method=CodeMethod.SMS, language="en", subject=SUBJECT),
    ),
    "submit_code": (VERIFY, lambda host: host.submit_code(ADDRESS, Secret(OTP), subject=SUBJECT)),
    "register": (f"/v25.0/{PHONE}/register", lambda host: host.register(PHONE, Secret(PIN), subject=SUBJECT)),
    "set_pin": (f"/v25.0/{PHONE}", lambda host: host.set_pin(PHONE, Secret(PIN), subject=SUBJECT)),
    "deregister": (f"/v25.0/{PHONE}/deregister", lambda host: host.deregister(PHONE, subject=SUBJECT)),
    "subscribe_app": (f"/v25.0/{WABA}/subscribed_apps", lambda host: host.subscribe_app(WABA, subject=SUBJECT)),
    "set_identity_check": (
        f"/v25.0/{PHONE}/settings",
        lambda host: host.set_identity_check(PHONE, on=True, subject=SUBJECT),
    ),
}
READS: dict[str, tuple[str, Call]] = {
    "read_number": (f"/v25.0/{PHONE}", lambda host: host.read_number(PHONE, subject=SUBJECT)),
    "list_numbers": (f"/v25.0/{WABA}/phone_numbers", lambda host: list(host.list_numbers(WABA, subject=SUBJECT))),
    "read_business_account": (f"/v25.0/{WABA}", lambda host: host.read_business_account(WABA, subject=SUBJECT)),
    "read_identity_check": (
        f"/v25.0/{PHONE}/settings",
        lambda host: host.read_identity_check(PHONE, subject=SUBJECT),
    ),
}


@pytest.fixture
def account(acme: Business) -> ProviderAccount:
    return factories.account(acme, "cloud_api", base_url=ANYWHERE)


@pytest.fixture
def host(account: ProviderAccount) -> CloudAPI:
    return CloudAPI(account)


def submit(host: CloudAPI) -> Submitted:
    return host.submit_code(ADDRESS, Secret(OTP), subject=SUBJECT)


def refused(call: Call, host: CloudAPI) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        call(host)
    return caught.value


def error_body(code: Any, message: str = "see the page", **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": TRACE, **more}}


def query(provider: responses.RequestsMock, index: int = 0) -> dict[str, list[str]]:
    return parse_qs(urlsplit(provider.calls[index].request.url or "").query)


# --- The document's samples -------------------------------------------------------------------------------------------


def test_the_documented_request_for_a_code_is_what_is_sent(host: CloudAPI, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", f"/v25.0/{PHONE}/request_code", SUCCESS)
    host.request_code(PHONE, method=CodeMethod.SMS, language="en", subject=SUBJECT)
    assert sent(provider) == documented("cloud_api/request_code_request")
    assert provider.calls[0].request.headers["Authorization"] == "Bearer sandbox-token"


def test_the_documented_verification_is_verified(host: CloudAPI, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", VERIFY, documented("cloud_api/verify_code_success"))
    assert host.submit_code(ADDRESS, Secret("000000"), subject=SUBJECT) is Submitted.VERIFIED
    assert sent(provider) == documented("cloud_api/verify_code_request")


def test_the_documented_settings_turn_the_identity_check_on(host: CloudAPI, provider: responses.RequestsMock) -> None:
    path = f"/v25.0/{PHONE}/settings"
    answer(provider, "POST", path, documented("cloud_api/settings_identity_check_enabled"))
    host.set_identity_check(PHONE, on=True, subject=SUBJECT)
    assert sent(provider) == documented("cloud_api/settings_identity_check_request")
    answer(provider, "POST", path, SUCCESS)
    host.set_identity_check(PHONE, on=False, subject=SUBJECT)
    assert sent(provider, 1) == {"user_identity_change": {"enable_identity_key_check": False}}


@pytest.mark.parametrize(
    ("level", "read"), [({"level": "HIGH"}, "HIGH"), ({"level": "NEW"}, "NEW"), ({}, ""), ([], ""), ("HIGH", "HIGH")]
)
def test_the_throughput_is_read_as_the_document_asks_for_it(
    host: CloudAPI, provider: responses.RequestsMock, level: Any, read: str
) -> None:
    answer(provider, "GET", f"/v25.0/{PHONE}", {"throughput": level, "id": PHONE})
    assert host.read_number(PHONE, subject=SUBJECT) == NumberFacts(PHONE, throughput_level=read)
    assert "throughput" in query(provider)["fields"][0].split(",")


def test_the_envelope_for_people_is_shown_in_its_words_for_people(
    host: CloudAPI, provider: responses.RequestsMock
) -> None:
    answer(provider, "POST", VERIFY, documented("cloud_api/error_for_people"), status=400)
    error = refused(submit, host)
    assert (type(error), error.code, error.said) == (AccountRefused, "190", "A title: A message")
    assert (error.trace_id, error.http_status) == ("EJplcsCHuLu", 400)
    assert error.next_step == catalogue.explain("cloud_api", "190").next_step


def test_the_envelope_with_details_keeps_message_and_details(host: CloudAPI, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", VERIFY, documented("cloud_api/error_with_details"), status=400)
    error = refused(submit, host)
    assert (type(error), error.code, error.trace_id) == (Throttled, "130429", TRACE)
    assert error.said.startswith("(#130429) Rate limit hit: Message failed to send because")
    assert error.said in error.message


# --- Requests ---------------------------------------------------------------------------------------------------------


def test_a_number_is_added_in_two_parts_with_its_name(host: CloudAPI, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", f"/v25.0/{WABA}/phone_numbers", {"id": PHONE})
    found = host.add_number(WABA, e164="+390612345678", verified_name="Acme", migrate=False, subject=SUBJECT)
    assert found == PHONE
    assert sent(provider) == {"cc": "39", "phone_number": "0612345678", "verified_name": "Acme"}


def test_a_number_that_moves_keeps_its_name(host: CloudAPI, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", f"/v25.0/{WABA}/phone_numbers", {"id": PHONE})
    host.add_number(WABA, e164="+15550051310", verified_name="Acme", migrate=True, subject=SUBJECT)
    assert sent(provider) == {"cc": "1", "phone_number": "5550051310", "migrate_phone_number": True}


@pytest.mark.parametrize("body", [SUCCESS, {"id": ""}, {"id": "12/../34"}, {"id": None}, {"id": ["1"]}])
def test_an_added_number_without_an_id_is_no_answer(
    host: CloudAPI, provider: responses.RequestsMock, body: Any
) -> None:
    answer(provider, "POST", f"/v25.0/{WABA}/phone_numbers", body)
    assert type(refused(ACTS["add_number"][1], host)) is AnswerLost


def test_a_pin_is_sent_as_text_with_its_leading_zero(host: CloudAPI, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", f"/v25.0/{PHONE}/register", SUCCESS)
    host.register(PHONE, Secret("012345"), subject=SUBJECT)
    assert sent(provider) == {"messaging_product": "whatsapp", "pin": "012345"}
    answer(provider, "POST", f"/v25.0/{PHONE}", SUCCESS)
    host.set_pin(PHONE, Secret("012345"), subject=SUBJECT)
    assert sent(provider, 1) == {"pin": "012345"}


@pytest.mark.parametrize("name", ["deregister", "subscribe_app"])
def test_what_needs_no_body_sends_none(host: CloudAPI, provider: responses.RequestsMock, name: str) -> None:
    path, call = ACTS[name]
    answer(provider, "POST", path, SUCCESS)
    call(host)
    assert sent(provider) is None


@pytest.mark.parametrize("name", [*ACTS, *READS])
def test_every_call_has_its_deadline_and_its_record(
    host: CloudAPI, provider: responses.RequestsMock, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from providers import http

    deadlines, real = [], http.call

    def call(*arguments: Any, **named: Any) -> http.Answer:
        deadlines.append(named["deadline"])
        return real(*arguments, **named)

    monkeypatch.setattr(http, "call", call)
    path, make = {**ACTS, **READS}[name]
    body = {"id": PHONE} if name in ("add_number", "read_number") else {"id": WABA, "data": [], **SUCCESS}
    answer(provider, "POST" if name in ACTS else "GET", path, body)
    make(host)
    row = ProviderCall.objects.get()
    assert (row.operation, row.subject, row.url, row.numbers_count) == (name, SUBJECT, ANYWHERE + path, 0)
    assert deadlines == [15.0]


@pytest.mark.parametrize("name", [*ACTS, *READS])
def test_no_code_pin_or_token_is_in_an_address_or_a_record(
    host: CloudAPI, provider: responses.RequestsMock, name: str
) -> None:
    path, make = {**ACTS, **READS}[name]
    answer(provider, "POST" if name in ACTS else "GET", path, error_body(100), status=400)
    refused(make, host)
    kept = json.dumps(list(ProviderCall.objects.values()), default=str) + str(provider.calls[0].request.url)
    assert not any(secret in kept for secret in (OTP, PIN, "sandbox-token"))


@pytest.mark.parametrize("wrong", ["106/540", "..", "", "106540?x=1", "１２３", "106 540", "+106540", "1" * 33, "12\n"])
@pytest.mark.parametrize("name", [*ACTS, *READS])
def test_an_id_that_could_lead_elsewhere_is_refused_and_nothing_leaves(
    host: CloudAPI, provider: responses.RequestsMock, wrong: str, name: str
) -> None:
    calls: dict[str, Call] = {
        "add_number": lambda host: host.add_number(
            wrong, e164="+15550051310", verified_name="Acme", migrate=False, subject=SUBJECT
        ),
        "request_code": lambda host: host.request_code(wrong, method=CodeMethod.SMS, language="en", subject=SUBJECT),
        "submit_code": lambda host: host.submit_code(NumberAddress(wrong, WABA, "+1"), Secret(OTP), subject=SUBJECT),
        "register": lambda host: host.register(wrong, Secret(PIN), subject=SUBJECT),
        "set_pin": lambda host: host.set_pin(wrong, Secret(PIN), subject=SUBJECT),
        "deregister": lambda host: host.deregister(wrong, subject=SUBJECT),
        "subscribe_app": lambda host: host.subscribe_app(wrong, subject=SUBJECT),
        "set_identity_check": lambda host: host.set_identity_check(wrong, on=True, subject=SUBJECT),
        "read_number": lambda host: host.read_number(wrong, subject=SUBJECT),
        "list_numbers": lambda host: list(host.list_numbers(wrong, subject=SUBJECT)),
        "read_business_account": lambda host: host.read_business_account(wrong, subject=SUBJECT),
        "read_identity_check": lambda host: host.read_identity_check(wrong, subject=SUBJECT),
    }
    error = refused(calls[name], host)
    assert type(error) is Rejected
    assert "digits only" in error.message
    assert not ProviderCall.objects.exists()


def test_what_is_no_phone_number_is_not_added(host: CloudAPI, provider: responses.RequestsMock) -> None:
    def add(host: CloudAPI) -> Any:
        return host.add_number(WABA, e164="nonsense", verified_name="Acme", migrate=False, subject=SUBJECT)

    assert type(refused(add, host)) is Rejected
    assert not ProviderCall.objects.exists()


# --- Errors -----------------------------------------------------------------------------------------------------------

CONSEQUENCES: list[tuple[int, type[ProviderError]]] = [
    *((code, AccountRefused) for code in (0, 190, 3, 10, 200, 230, 299)),
    *((code, Unavailable) for code in (1, 2, 133004, 131056)),
    *((code, Throttled) for code in (4, 17, 613, 80007, 130429)),
    *((code, Rejected) for code in (33, 100, 803, 136024, 136025, 133000, 133005, 133006, 133008, 133009, 133010)),
    *(
        (code, Rejected)
        for code in (133015, 133016, 368, 131031, 131026, 131042, 131047, 131049, 131050, 130497, 137000)
    ),
]


@pytest.mark.parametrize(("code", "error"), CONSEQUENCES)
@pytest.mark.parametrize("http_status", [200, 400, 403, 500])
@pytest.mark.parametrize("as_text", [False, True])
def test_the_code_decides_and_not_http(
    host: CloudAPI,
    provider: responses.RequestsMock,
    code: int,
    error: type[ProviderError],
    http_status: int,
    as_text: bool,
) -> None:
    path, call = ACTS["register"]
    answer(provider, "POST", path, error_body(str(code) if as_text else code), status=http_status)
    said = refused(call, host)
    assert (type(said), said.code, said.said, said.trace_id) == (error, str(code), "see the page", TRACE)
    assert said.next_step == catalogue.explain("cloud_api", str(code)).next_step


def test_every_listed_error_is_tried_above() -> None:
    tried = {"200-299" if 200 <= code <= 299 else str(code) for code, _error in CONSEQUENCES}
    listed = {entry.code for entry in catalogue.entries("cloud_api")}
    assert tried == {code for code in listed if ":" not in code}


@pytest.mark.parametrize(
    ("http_status", "body", "code", "meaning"),
    [
        (400, error_body(136025), "136025", "WRONG_CODE"),
        (422, error_body(100, "Invalid parameter"), "100:wrong_code", "WRONG_CODE"),
        (400, error_body(100, "Invalid parameter"), "100", "BAD_REQUEST"),
        (400, error_body(33), "33", "BAD_REQUEST"),
        (400, error_body(136025, error_user_msg="The code has expired."), "136025:expired", "CODE_EXPIRED"),
        (422, error_body(100, error_data={"details": "code expired"}), "136025:expired", "CODE_EXPIRED"),
        (400, error_body(136025, error_user_msg="Too many attempts"), "136025:too_many", "CODE_EXPIRED"),
    ],
)
def test_a_code_that_is_not_taken_says_why(
    host: CloudAPI, provider: responses.RequestsMock, http_status: int, body: Any, code: str, meaning: str
) -> None:
    answer(provider, "POST", VERIFY, body, status=http_status)
    error = refused(submit, host)
    assert (type(error), error.code) == (Rejected, code)
    assert catalogue.explain("cloud_api", error.code).meaning == meaning


@pytest.mark.parametrize("name", [name for name in ACTS if name != "submit_code"])
def test_a_wrong_parameter_is_a_wrong_code_only_where_a_code_was_sent(
    host: CloudAPI, provider: responses.RequestsMock, name: str
) -> None:
    path, call = ACTS[name]
    answer(provider, "POST", path, error_body(100), status=422)
    assert refused(call, host).code == "100"


def test_a_number_that_is_verified_already_is_no_error(host: CloudAPI, provider: responses.RequestsMock) -> None:
    body = error_body(136025, error_user_msg="This phone number is already verified.")
    answer(provider, "POST", VERIFY, body, status=400)
    assert submit(host) is Submitted.ALREADY_VERIFIED


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("Try the other method.", "136024"),
        ("You have requested too many verification codes", "136024:too_many"),
        ("This phone number is already verified.", "136024:already_verified"),
    ],
)
def test_a_code_that_was_not_sent_says_why(
    host: CloudAPI, provider: responses.RequestsMock, words: str, code: str
) -> None:
    path, call = ACTS["request_code"]
    answer(provider, "POST", path, error_body(136024, error_user_msg=words), status=400)
    assert refused(call, host).code == code


@pytest.mark.parametrize(
    ("http_status", "more", "error"),
    [
        (400, {}, Rejected),
        (400, {"is_transient": True}, Unavailable),
        (400, {"is_transient": "yes"}, Rejected),
        (401, {}, AccountRefused),
        (500, {}, Unavailable),
        (429, {}, Throttled),
        (200, {}, Rejected),
    ],
)
def test_a_code_that_no_page_names_counts_by_http(
    host: CloudAPI, provider: responses.RequestsMock, http_status: int, more: Any, error: type[ProviderError]
) -> None:
    answer(provider, "POST", VERIFY, error_body(424242, **more), status=http_status)
    said = refused(submit, host)
    assert (type(said), said.code) == (error, "424242")


@pytest.mark.parametrize("code", [80007, 100, 190, 424242])
def test_too_many_requests_keeps_wait_code_words_and_trace(
    host: CloudAPI, provider: responses.RequestsMock, code: int
) -> None:
    answer(provider, "POST", VERIFY, error_body(code), status=429, headers={"Retry-After": "30"})
    error = refused(submit, host)
    assert isinstance(error, Throttled)
    assert (error.code, error.said, error.trace_id) == (str(code), "see the page", TRACE)
    assert error.retry_after == timedelta(seconds=30)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"success": tr', b"[]", b"{}", b'{"id": "1"}', b'{"success": 1}'])
@pytest.mark.parametrize("name", [name for name in ACTS if name != "add_number"])
def test_an_unreadable_answer_is_lost(host: CloudAPI, provider: responses.RequestsMock, body: bytes, name: str) -> None:
    path, call = ACTS[name]
    answer(provider, "POST", path, body)
    assert type(refused(call, host)) is AnswerLost


@pytest.mark.parametrize("success", [False, "false"])
def test_an_answer_that_says_no_is_a_refusal(host: CloudAPI, provider: responses.RequestsMock, success: Any) -> None:
    answer(provider, "POST", VERIFY, {"success": success})
    assert type(refused(submit, host)) is Rejected


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Bad Gateway", b"{}", b"", b'{"error": "Bad Gateway"}', b'{"error": {"message": "no healthy upstream"}}',
        b'{"error": {"code": STATUS}}',
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("http_status", "acting", "reading"),
    [
        (502, AnswerLost, Unavailable),
        (504, AnswerLost, Unavailable),
        (408, AnswerLost, Unavailable),
        (301, AccountRefused, AccountRefused),
        (401, AccountRefused, AccountRefused),
        (404, AccountRefused, AccountRefused),
        (429, Throttled, Throttled),
        (418, Rejected, Rejected),
    ],
)
def test_a_gateways_error_leaves_open_what_meta_did(
    host: CloudAPI,
    provider: responses.RequestsMock,
    body: bytes,
    http_status: int,
    acting: type[ProviderError],
    reading: type[ProviderError],
) -> None:
    body = body.replace(b"STATUS", str(http_status).encode())
    answer(provider, "POST", VERIFY, body, status=http_status)
    assert type(refused(submit, host)) is acting
    answer(provider, "GET", f"/v25.0/{PHONE}", body, status=http_status)
    assert type(refused(READS["read_number"][1], host)) is reading


def everything_said(error: ProviderError) -> str:
    return f"{error!r} {error.message} {error.said} {error.code} {error.trace_id} {error.next_step} {error.args}"


@pytest.mark.parametrize("echoed", [OTP, "482-913", "482 913", "4 8 2 9 1 3", f"code={OTP}.", f"x{OTP}y"])
def test_a_code_that_meta_repeats_is_masked_wherever_it_stands(
    host: CloudAPI, provider: responses.RequestsMock, echoed: str
) -> None:
    body = {
        "error": {
            "message": f"wrong {echoed}",
            "code": f"E{echoed}",
            "error_user_title": f"Code {echoed}",
            "error_user_msg": f"Your code {echoed} is wrong.",
            "error_data": {"details": f"Parameter code={echoed} sandbox-token"},
            "fbtrace_id": f"A{echoed}",
        }
    }
    answer(provider, "POST", VERIFY, body, status=400)
    said = everything_said(refused(submit, host))
    assert OTP not in re.sub(r"[^0-9]", "", said)
    assert "sandbox-token" not in said
    assert "is wrong." in said


@pytest.mark.parametrize("name", ["register", "set_pin"])
def test_a_pin_that_meta_repeats_is_masked(host: CloudAPI, provider: responses.RequestsMock, name: str) -> None:
    path, call = ACTS[name]
    answer(provider, "POST", path, error_body(133005, f"PIN {PIN} mismatch"), status=400)
    error = refused(call, host)
    assert error.said == "PIN … mismatch"
    assert PIN not in everything_said(error)


def test_an_error_code_with_the_digits_of_the_typed_code_is_still_understood(
    host: CloudAPI, provider: responses.RequestsMock
) -> None:
    answer(provider, "POST", VERIFY, error_body(136025, "(#136025) Wrong code"), status=400)
    with pytest.raises(Rejected) as caught:
        host.submit_code(ADDRESS, Secret("136025"), subject=SUBJECT)
    assert catalogue.explain("cloud_api", caught.value.code).meaning is catalogue.Meaning.WRONG_CODE


# --- Reading ----------------------------------------------------------------------------------------------------------

ROW = {
    "id": PHONE,
    "display_phone_number": "+1 555-005-1310",
    "verified_name": "Acme",
    "code_verification_status": "NOT_VERIFIED",
    "quality_rating": "GREEN",
    "status": "PENDING",
    "name_status": "APPROVED",
    "new_name_status": "NONE",
    "platform_type": "CLOUD_API",
    "throughput": {"level": "STANDARD"},
    "health_status": {"can_send_message": "LIMITED", "entities": []},
    "whatsapp_business_manager_messaging_limit": "TIER_250",
    "is_pin_enabled": False,
    "is_on_biz_app": True,
}
FACTS = NumberFacts(
    PHONE,
    display_phone_number="+1 555-005-1310",
    verified_name="Acme",
    code_verification_status="NOT_VERIFIED",
    name_status="APPROVED",
    new_name_status="NONE",
    status="PENDING",
    quality_rating="GREEN",
    messaging_limit_tier="TIER_250",
    platform_type="CLOUD_API",
    throughput_level="STANDARD",
    health_status="LIMITED",
    is_pin_enabled=False,
    is_on_business_app=True,
)


def test_a_number_is_read_with_all_its_fields(host: CloudAPI, provider: responses.RequestsMock) -> None:
    answer(provider, "GET", f"/v25.0/{PHONE}", ROW)
    assert host.read_number(PHONE, subject=SUBJECT) == FACTS
    assert set(query(provider)["fields"][0].split(",")) == set(ROW)


@pytest.mark.parametrize("odd", [None, [], {}, True, "", 7.5, {"level": {"level": "HIGH"}}])
def test_values_of_odd_types_never_crash_and_never_become_facts(
    host: CloudAPI, provider: responses.RequestsMock, odd: Any
) -> None:
    row = {name: odd for name in ROW if name != "id" and not (name.startswith("is_") and odd is True)}
    answer(provider, "GET", f"/v25.0/{PHONE}", row)
    assert host.read_number(PHONE, subject=SUBJECT) == NumberFacts(PHONE)


def test_an_unknown_value_is_kept_and_kept_short(host: CloudAPI, provider: responses.RequestsMock) -> None:
    row = {"status": "ON_HOLIDAY", "quality_rating": "X" * 500, "verified_name": "Ac\u202eme\n" + "é" * 500}
    answer(provider, "GET", f"/v25.0/{PHONE}", row)
    facts = host.read_number(PHONE, subject=SUBJECT)
    assert (facts.status, len(facts.quality_rating), len(facts.verified_name)) == ("ON_HOLIDAY", 60, 200)
    assert facts.verified_name.startswith("Ac me ")
    assert (facts.is_pin_enabled, facts.is_on_business_app) == (None, None)


@pytest.mark.parametrize("name", ["read_number", "read_business_account"])
def test_an_answer_about_somebody_else_is_no_answer(
    host: CloudAPI, provider: responses.RequestsMock, name: str
) -> None:
    path, call = READS[name]
    answer(provider, "GET", path, {"id": "999", "status": "CONNECTED"})
    assert type(refused(call, host)) is AnswerLost


@pytest.mark.parametrize("wording", ["nonexisting", "nonexistent"])
def test_a_graph_version_without_a_field_is_asked_for_the_others(
    host: CloudAPI, provider: responses.RequestsMock, wording: str
) -> None:
    path = f"/v25.0/{PHONE}"
    unknown = error_body(100, f"(#100) Tried accessing {wording} field (is_on_biz_app) on node type (X)")
    answer(provider, "GET", path, unknown, status=400)
    answer(provider, "GET", path, {"id": PHONE, "status": "CONNECTED"})
    assert host.read_number(PHONE, subject=SUBJECT).status == "CONNECTED"
    assert "is_on_biz_app" not in query(provider, 1)["fields"][0]
    assert "throughput" in query(provider, 1)["fields"][0]


def test_another_wrong_parameter_is_not_asked_again(host: CloudAPI, provider: responses.RequestsMock) -> None:
    answer(provider, "GET", f"/v25.0/{PHONE}", error_body(100), status=400)
    assert type(refused(READS["read_number"][1], host)) is Rejected
    assert len(provider.calls) == 1


def test_before_version_24_the_limit_has_another_name(acme: Business, provider: responses.RequestsMock) -> None:
    host = CloudAPI(factories.account(acme, "cloud_api", base_url=ANYWHERE, options={"api_version": "v23.0"}))
    answer(provider, "GET", f"/v23.0/{PHONE}", {"id": PHONE, "messaging_limit_tier": "TIER_1K"})
    assert host.read_number(PHONE, subject=SUBJECT).messaging_limit_tier == "TIER_1K"
    fields = query(provider)["fields"][0].split(",")
    assert "messaging_limit_tier" in fields
    assert "whatsapp_business_manager_messaging_limit" not in fields


def test_a_waba_is_read(host: CloudAPI, provider: responses.RequestsMock) -> None:
    row = {
        "id": WABA,
        "name": "Acme",
        "account_review_status": "APPROVED",
        "business_verification_status": "verified",
        "whatsapp_business_manager_messaging_limit": "TIER_2K",
    }
    answer(provider, "GET", f"/v25.0/{WABA}", row)
    assert host.read_business_account(WABA, subject=SUBJECT) == BusinessAccountFacts(
        WABA, "Acme", "APPROVED", "verified", "TIER_2K"
    )
    assert set(query(provider)["fields"][0].split(",")) == set(row)


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ({"user_identity_change": {"enable_identity_key_check": True}}, True),
        ({"user_identity_change": {"enable_identity_key_check": False}}, False),
        ({"user_identity_change": {"enabled": True}}, True),
        ({"data": [{"user_identity_change": {"enable_identity_key_check": False}}]}, False),
        ({"data": {"user_identity_change": {"enabled": False}}}, False),
        ({"storage_configuration": {}}, None),
        ({"user_identity_change": {}}, None),
        ({"user_identity_change": {"enable_identity_key_check": "perhaps"}}, None),
        ({"user_identity_change": True}, None),
        ({"data": ["x", None]}, None),
        ({}, None),
    ],
)
def test_settings_that_do_not_tell_are_no_answer_about_the_identity_check(
    host: CloudAPI, provider: responses.RequestsMock, body: Any, read: bool | None
) -> None:
    answer(provider, "GET", f"/v25.0/{PHONE}/settings", body)
    assert host.read_identity_check(PHONE, subject=SUBJECT) is read


# --- Pages ------------------------------------------------------------------------------------------------------------


def page(*ids: str, after: str = "", leads_to: str = "https://evil.example/steal") -> dict[str, Any]:
    paging: dict[str, Any] = {"cursors": {"before": "b", "after": after or "end"}}
    return {"data": [{"id": one} for one in ids], "paging": {**paging, **({"next": leads_to} if after else {})}}


def listed(host: CloudAPI) -> list[str]:
    return [facts.phone_number_id for facts in host.list_numbers(WABA, subject=SUBJECT)]


PAGES = f"/v25.0/{WABA}/phone_numbers"


def test_all_pages_are_read_by_cursor_and_never_by_the_address_in_the_answer(
    host: CloudAPI, provider: responses.RequestsMock
) -> None:
    for body in (page("1", "2", after="QVFI=&x"), page("3", after="second"), page("4")):
        answer(provider, "GET", PAGES, body)
    assert listed(host) == ["1", "2", "3", "4"]
    assert [query(provider, index).get("after") for index in range(3)] == [None, ["QVFI=&x"], ["second"]]
    assert all(str(call.request.url).startswith(ANYWHERE + PAGES + "?") for call in provider.calls)


@pytest.mark.parametrize("cursors", [{}, {"after": None}, {"after": ["x"]}, {"after": "x" * 1001}, None])
def test_a_list_that_goes_on_without_a_cursor_is_not_taken_for_the_whole(
    host: CloudAPI, provider: responses.RequestsMock, cursors: Any
) -> None:
    answer(provider, "GET", PAGES, {"data": [], "paging": {"cursors": cursors, "next": "https://evil.example"}})
    assert type(refused(listed, host)) is AnswerLost
    assert len(provider.calls) == 1


def test_a_cursor_that_comes_back_ends_the_reading(host: CloudAPI, provider: responses.RequestsMock) -> None:
    for _ in range(2):
        answer(provider, "GET", PAGES, page("1", after="same"))
    assert type(refused(listed, host)) is AnswerLost
    assert len(provider.calls) == 2


def test_a_list_without_an_end_is_given_up(
    host: CloudAPI, provider: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.meta._MOST_PAGES", 3)
    for index in range(3):
        answer(provider, "GET", PAGES, page(str(index), after=f"cursor{index}"))
    assert type(refused(listed, host)) is AnswerLost
    assert len(provider.calls) == 3


@pytest.mark.parametrize("rows", [[{"id": "12/34"}], [{}], [None], ["1"], [{"id": None}], [{"id": ["1"]}]])
def test_a_row_without_an_id_is_left_out(host: CloudAPI, provider: responses.RequestsMock, rows: Any) -> None:
    answer(provider, "GET", PAGES, {"data": [*rows, {"id": "7"}]})
    assert listed(host) == ["7"]


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": {"id": "1"}}])
def test_an_answer_without_a_list_is_no_empty_list(host: CloudAPI, provider: responses.RequestsMock, body: Any) -> None:
    answer(provider, "GET", PAGES, body)
    assert type(refused(listed, host)) is AnswerLost


# --- The account ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("credentials", "options", "base_url", "named"),
    [
        ({}, {}, ANYWHERE, "access_token"),
        ({"access_token": "a b"}, {}, ANYWHERE, "access_token"),
        ({"access_token": "t"}, {"api_version": "25.0"}, ANYWHERE, "api_version"),
        ({"access_token": "t"}, {"api_version": "v25"}, ANYWHERE, "api_version"),
        ({"access_token": "t"}, {"api_version": "v25.0/.."}, ANYWHERE, "api_version"),
        ({"access_token": "t"}, {"api_version": "v２5.0"}, ANYWHERE, "api_version"),
        ({"access_token": "t"}, {"api_version": 25}, ANYWHERE, "api_version"),
        ({"access_token": "t"}, {}, ANYWHERE + "/v19.0", "names a Graph version"),
        ({"access_token": "t"}, {}, ANYWHERE + "/v19.0/", "names a Graph version"),
    ],
)
def test_what_is_missing_or_wrong_in_the_account_is_named(
    acme: Business, credentials: dict[str, str], options: Any, base_url: str, named: str
) -> None:
    account = factories.account(acme, "cloud_api", base_url=base_url, credentials=credentials, options=options)
    with pytest.raises(NotConfigured, match=named):
        CloudAPI(account)


@pytest.mark.parametrize(
    ("version", "expires"),
    [
        ("v19.0", date(2026, 5, 21)),
        ("v18.0", date(2026, 5, 21)),
        ("v21.0", date(2027, 5, 20)),
        ("v22.0", date(2027, 5, 20)),
        ("v23.0", date(2027, 10, 8)),
        ("v24.0", date(2028, 2, 18)),
        ("v25.0", date(2028, 7, 29)),
        ("v26.0", None),
        ("nonsense", None),
    ],
)
def test_a_graph_version_ends_on_a_known_day(version: str, expires: date | None) -> None:
    assert graph_version_expires(version) == expires


@pytest.mark.parametrize(
    ("today", "words"),
    [
        (date(2028, 4, 29), ""),
        (date(2028, 4, 30), "ends on 2028-07-29"),
        (date(2028, 7, 28), "ends on 2028-07-29"),
        (date(2028, 7, 29), "ended on 2028-07-29"),
    ],
)
def test_the_end_of_a_version_is_warned_of_ninety_days_before(
    account: ProviderAccount, today: date, words: str
) -> None:
    assert words in expiry_warning("v25.0", today=today)
    assert bool(expiry_warning("v25.0", today=today)) is bool(words)
    assert warning(account, today=today) == expiry_warning("v25.0", today=today)


def test_a_version_without_a_known_end_is_not_warned_of() -> None:
    assert expiry_warning("v26.0", today=date(2040, 1, 1)) == ""
