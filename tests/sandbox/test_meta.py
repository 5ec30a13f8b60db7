"""The Cloud API's objects, against the pages "Phone Numbers" and "WhatsApp Business Account"."""

import re
from typing import Any

import pytest

from sandbox import Ending, Sandbox
from sandbox.seeds import (
    BANNED_NUMBER_ID,
    CONNECTED_NUMBER_ID,
    KALEYRA_NUMBER_ID,
    KALEYRA_WABA,
    NEW_NUMBER_ID,
    SECOND_WABA,
    WABA,
)
from tests.sandbox.client import Answer, ask_meta, call, meta_error

BEARER = {"Authorization": "Bearer sandbox-token"}


def add(sandbox: Sandbox, national: str, **more: Any) -> Answer:
    """Add a number of the United States to the first WABA."""
    body = {"cc": "1", "phone_number": national, "verified_name": "Acme"} | more
    return ask_meta(sandbox, "POST", f"{WABA}/phone_numbers", body)


def test_an_error_comes_in_the_documented_envelope_with_a_trace_id_of_its_own(sandbox: Sandbox) -> None:
    first, second = (ask_meta(sandbox, "GET", "999") for _ in range(2))
    body = first.json["error"]
    trace_id = body.pop("fbtrace_id")
    assert re.fullmatch(r"A[A-Za-z0-9_-]{20,}", trace_id)
    assert trace_id != second.json["error"]["fbtrace_id"]
    assert body == {
        "message": "Unsupported get request. Object with ID '999' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation",
        "type": "OAuthException",
        "code": 100,
        "error_subcode": 33,
        "is_transient": False,
    }


@pytest.mark.parametrize("token", ["", "a-revoked-token"])
def test_a_token_that_is_missing_or_revoked_is_190(sandbox: Sandbox, token: str) -> None:
    assert meta_error(ask_meta(sandbox, "GET", "me", token=token)) == (401, 190)


def test_a_token_in_the_query_is_not_looked_at(sandbox: Sandbox) -> None:
    assert meta_error(call(sandbox, "GET", "/v25.0/me?access_token=sandbox-token")) == (401, 190)


def test_a_token_without_permission_reads_itself_and_nothing_else(sandbox: Sandbox) -> None:
    assert ask_meta(sandbox, "GET", "me", token="noperm").json["name"]
    assert meta_error(ask_meta(sandbox, "GET", WABA, token="noperm")) == (403, 200)
    assert meta_error(ask_meta(sandbox, "POST", f"{NEW_NUMBER_ID}/deregister", token="noperm")) == (403, 10)


def test_me_is_an_id_and_a_name(sandbox: Sandbox) -> None:
    assert set(ask_meta(sandbox, "GET", "me?fields=id,name").json) == {"id", "name"}


@pytest.mark.parametrize("path", ["/v25.0", "/v25/me", "/v1.0/me/x/y", "/v99.0/me", "/version", "/v25.0//me"])
def test_a_path_without_a_version_of_graph_is_unknown(sandbox: Sandbox, path: str) -> None:
    answer = call(sandbox, "GET", path, headers=BEARER)
    assert answer.status in (400, 404)
    assert "data" not in answer.json


def test_an_id_without_a_version_is_not_found(sandbox: Sandbox) -> None:
    assert call(sandbox, "GET", f"/{NEW_NUMBER_ID}", headers=BEARER).status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "106540352242922%2Fsettings"),
        ("GET", f"{WABA}/message_sheets"),
        ("DELETE", NEW_NUMBER_ID),
        ("POST", WABA),
        ("GET", f"{NEW_NUMBER_ID}/phone_numbers"),
        ("GET", KALEYRA_NUMBER_ID),
        ("GET", KALEYRA_WABA),
    ],
)
def test_what_an_object_cannot_do_is_an_unsupported_request(sandbox: Sandbox, method: str, path: str) -> None:
    answer = ask_meta(sandbox, method, path)
    assert meta_error(answer) == (400, 100)
    assert answer.json["error"]["error_subcode"] == 33


def test_a_number_is_read_with_its_default_fields(sandbox: Sandbox) -> None:
    assert ask_meta(sandbox, "GET", NEW_NUMBER_ID).json == {
        "verified_name": "Acme",
        "code_verification_status": "NOT_VERIFIED",
        "display_phone_number": "+1 555-005-1310",
        "quality_rating": "UNKNOWN",
        "platform_type": "NOT_APPLICABLE",
        "throughput": {"level": "NOT_APPLICABLE"},
        "id": NEW_NUMBER_ID,
    }


def test_the_throughput_is_read_as_the_document_asks_for_it(sandbox: Sandbox) -> None:
    answer = ask_meta(sandbox, "GET", f"{CONNECTED_NUMBER_ID}?fields=throughput")
    assert answer.json == {"throughput": {"level": "HIGH"}, "id": CONNECTED_NUMBER_ID}


def test_fields_may_have_fields_of_their_own_and_spaces(sandbox: Sandbox) -> None:
    path = f"{CONNECTED_NUMBER_ID}?fields=id,%20status,health_status%7Bcan_send_message,entities%7D,is_pin_enabled"
    answer = ask_meta(sandbox, "GET", path).json
    assert set(answer) == {"id", "status", "health_status", "is_pin_enabled"}
    assert answer["health_status"]["can_send_message"] == "AVAILABLE"
    assert answer["is_pin_enabled"] is True


def test_a_field_that_does_not_exist_is_an_error(sandbox: Sandbox) -> None:
    answer = ask_meta(sandbox, "GET", f"{NEW_NUMBER_ID}?fields=id,secret_sauce")
    assert meta_error(answer) == (400, 100)
    assert "nonexistent field (secret_sauce)" in answer.json["error"]["message"]


def test_a_banned_number_has_values_that_no_page_lists(sandbox: Sandbox) -> None:
    fields = "status,quality_rating,throughput,name_status"
    assert ask_meta(sandbox, "GET", f"{BANNED_NUMBER_ID}?fields={fields}").json == {
        "status": "BANNED",
        "quality_rating": "CRIMSON",
        "throughput": {"level": "PAUSED"},
        "name_status": "PENDING_RE_REVIEW",
        "id": BANNED_NUMBER_ID,
    }


def test_a_waba_is_read_with_its_review_verification_and_limit(sandbox: Sandbox) -> None:
    assert set(ask_meta(sandbox, "GET", WABA).json) == {"id", "name", "timezone_id", "message_template_namespace"}
    fields = "account_review_status,business_verification_status,whatsapp_business_manager_messaging_limit"
    assert ask_meta(sandbox, "GET", f"{SECOND_WABA}?fields={fields}").json == {
        "account_review_status": "PENDING",
        "business_verification_status": "pending_submission",
        "whatsapp_business_manager_messaging_limit": "TIER_250",
        "id": SECOND_WABA,
    }


def read_all(sandbox: Sandbox, *, limit: int | None = None) -> list[list[str]]:
    """Read the first WABA's numbers by cursor, a list of ids for each page."""
    pages = []
    after = ""
    while True:
        query = "fields=id" + (f"&limit={limit}" if limit else "") + (f"&after={after}" if after else "")
        body = ask_meta(sandbox, "GET", f"{WABA}/phone_numbers?{query}").json
        pages.append([one["id"] for one in body["data"]])
        if "next" not in body["paging"]:
            return pages
        after = body["paging"]["cursors"]["after"]


def test_the_numbers_of_a_waba_come_in_pages_of_two(sandbox: Sandbox) -> None:
    pages = read_all(sandbox)
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    ids = [one for page in pages for one in page]
    assert ids == [number.phone_number_id for number in sandbox.numbers if number.waba_id == WABA]
    assert ids[0] == NEW_NUMBER_ID


def test_the_limit_of_a_page_is_honoured_up_to_five(sandbox: Sandbox) -> None:
    assert [len(page) for page in read_all(sandbox, limit=4)] == [4, 3]
    assert [len(page) for page in read_all(sandbox, limit=100)] == [5, 2]


def test_the_next_page_has_an_address_without_a_token(sandbox: Sandbox) -> None:
    paging = ask_meta(sandbox, "GET", f"{WABA}/phone_numbers").json["paging"]
    assert paging["next"].startswith(f"{sandbox.url}/v25.0/{WABA}/phone_numbers?")
    assert "sandbox-token" not in paging["next"]


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "after=nonsense", "after=%C3%A9", "after=MTIz"])
def test_a_limit_or_cursor_that_is_none_is_an_error(sandbox: Sandbox, query: str) -> None:
    assert meta_error(ask_meta(sandbox, "GET", f"{WABA}/phone_numbers?{query}")) == (400, 100)


def test_a_number_is_added_unverified_and_pending(sandbox: Sandbox) -> None:
    answer = add(sandbox, "202-555-0171")
    assert answer.status == 200
    number = sandbox.number(answer.json["id"])
    assert (number.e164, number.waba_id, number.verified_name) == ("+12025550171", WABA, "Acme")
    assert (number.code_verification_status, number.status, number.pin) == ("NOT_VERIFIED", "PENDING", None)
    assert sandbox.journal.entries("cloud_api")[-1].numbers == ("+1202-555-0171",)


@pytest.mark.parametrize(
    "body",
    [
        {"cc": "1", "verified_name": "Acme"},
        {"phone_number": "2025550171", "verified_name": "Acme"},
        {"cc": "1", "phone_number": "2025550171"},
        {"cc": 1, "phone_number": "2025550171", "verified_name": "Acme"},
        {"cc": "+1", "phone_number": "2025550171", "verified_name": "Acme"},
        {"cc": "1", "phone_number": "12", "verified_name": "Acme"},
        b"[]",
        b"{",
    ],
)
def test_a_number_that_is_not_named_as_documented_is_not_added(sandbox: Sandbox, body: Any) -> None:
    before = len(sandbox.numbers)
    assert meta_error(ask_meta(sandbox, "POST", f"{WABA}/phone_numbers", body)) == (400, 100)
    assert len(sandbox.numbers) == before


def test_parameters_in_the_query_of_a_post_are_not_looked_at(sandbox: Sandbox) -> None:
    path = f"{WABA}/phone_numbers?cc=1&phone_number=2025550171&verified_name=Acme"
    assert meta_error(ask_meta(sandbox, "POST", path, {})) == (400, 100)


def test_a_number_is_added_once(sandbox: Sandbox) -> None:
    assert add(sandbox, "5550051310").status == 400
    assert "already in this" in add(sandbox, "5550051310", migrate_phone_number=True).json["error"]["error_user_msg"]


def test_a_number_of_another_provider_is_added_when_it_is_migrated(sandbox: Sandbox) -> None:
    national = f"2025551{Ending.WITH_ANOTHER_PROVIDER}"
    assert meta_error(add(sandbox, national)) == (400, 100)
    body = {"cc": "1", "phone_number": national, "migrate_phone_number": True}
    answer = ask_meta(sandbox, "POST", f"{WABA}/phone_numbers", body)
    assert sandbox.number(answer.json["id"]).e164 == f"+1{national}"


def test_a_number_on_the_whatsapp_app_cannot_be_added(sandbox: Sandbox) -> None:
    answer = add(sandbox, f"2025551{Ending.ON_WHATSAPP_APP}", migrate_phone_number=True)
    assert meta_error(answer) == (400, 100)
    assert "on the WhatsApp app" in answer.json["error"]["error_user_msg"]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("Acme", "AVAILABLE_WITHOUT_REVIEW"),
        ("Acme Declined", "DECLINED"),
        ("Acme pending", "PENDING_REVIEW"),
    ],
)
def test_a_display_name_says_how_it_is_judged(sandbox: Sandbox, name: str, status: str) -> None:
    answer = add(sandbox, "2025550171", verified_name=name)
    assert sandbox.number(answer.json["id"]).name_status == status


def test_the_apps_of_a_waba_are_subscribed_read_and_unsubscribed(sandbox: Sandbox) -> None:
    path = f"{WABA}/subscribed_apps"
    assert ask_meta(sandbox, "GET", path).json == {"data": []}
    assert ask_meta(sandbox, "POST", path).json == {"success": True}
    [app] = ask_meta(sandbox, "GET", path).json["data"]
    assert set(app["whatsapp_business_api_data"]) == {"id", "link", "name"}
    assert sandbox.business_account(WABA).subscribed
    assert not sandbox.business_account(SECOND_WABA).subscribed
    assert ask_meta(sandbox, "DELETE", path).json == {"success": True}
    assert not sandbox.business_account(WABA).subscribed


def test_a_number_that_is_asked_about_is_in_the_journal_by_its_digits(sandbox: Sandbox) -> None:
    ask_meta(sandbox, "GET", f"{NEW_NUMBER_ID}?fields=throughput")
    ask_meta(sandbox, "GET", "999")
    first, second = sandbox.journal.entries("cloud_api")
    assert (first.path, first.numbers) == (f"/v25.0/{NEW_NUMBER_ID}", ("+15550051310",))
    assert second.numbers == ()


def test_a_snapshot_changes_nothing(sandbox: Sandbox) -> None:
    sandbox.number(NEW_NUMBER_ID).status = "CONNECTED"
    sandbox.business_account(WABA).subscribed = True
    assert sandbox.number(NEW_NUMBER_ID).status == "PENDING"
    assert not sandbox.business_account(WABA).subscribed


def test_a_number_that_nobody_has_is_a_lookup_error(sandbox: Sandbox) -> None:
    with pytest.raises(LookupError):
        sandbox.number("999")
    with pytest.raises(LookupError):
        sandbox.business_account("999")
    assert sandbox.number_of("+12025550171") is None


def test_a_number_can_be_put_there_without_a_call(sandbox: Sandbox) -> None:
    phone_number_id = sandbox.add_number("+12025550171", waba_id=SECOND_WABA, status="CONNECTED", pin="123456")
    number = sandbox.number_of("+12025550171")
    assert number == sandbox.number(phone_number_id)
    assert (number.waba_id, number.status, number.pin) == (SECOND_WABA, "CONNECTED", "123456")
    assert "123456" not in repr(number)
    assert len(sandbox.journal) == 0
