"""Every page of our numbers: anonymous, no role, the wrong role, the right role, the wrong method."""

from dataclasses import dataclass
from typing import Any

import pytest

from numbers.models import VerificationAttempt
from providers.models import Business
from sandbox import Sandbox
from tests.clients import ADMIN, ANONYMOUS, AUDITOR, EVERYBODY, SUPPORT, VIEWER, browser
from tests.numbers import stage


@dataclass(frozen=True)
class Page:
    """One page: its address, the method that it takes, whom it lets in, and the method that it refuses."""

    name: str
    roles: tuple[str, ...]
    method: str = "get"
    of: str = ""
    wrong_method: str = ""


READERS, STAFF = (ADMIN, SUPPORT, AUDITOR, VIEWER), (ADMIN, SUPPORT)
PAGES = (
    Page("businessaccount_changelist", READERS),
    Page("businessaccount_add", (ADMIN,)),
    Page("businessaccount_change", READERS, of="waba"),
    Page("businessaccount_sync", STAFF, "post", "waba", "get"),
    Page("businessaccount_subscribe", STAFF, "post", "waba", "get"),
    Page("businessnumber_changelist", READERS),
    Page("businessnumber_add", STAFF, wrong_method="delete"),
    Page("businessnumber_change", READERS, of="number", wrong_method="post"),
    Page("businessnumber_origin", STAFF, "post", "number", "get"),
    Page("businessnumber_add_at_provider", STAFF, "post", "number", "get"),
    Page("businessnumber_refresh", STAFF, "post", "number", "get"),
    Page("businessnumber_wait", STAFF, "post", "number", "get"),
    Page("businessnumber_request_code", STAFF, "post", "number", "get"),
    Page("businessnumber_code_sent", STAFF, "post", "number", "get"),
    Page("businessnumber_submit_code", STAFF, "post", "number", "get"),
    Page("businessnumber_settle", STAFF, "post", "number", "get"),
    Page("businessnumber_settle_by_person", STAFF, "post", "number", "get"),
    Page("businessnumber_pin_answer", STAFF, "post", "number", "get"),
    Page("businessnumber_register", STAFF, "post", "number", "get"),
    Page("businessnumber_new_pin", STAFF, of="number", wrong_method="delete"),
    Page("businessnumber_reveal_pin", (ADMIN,), of="number", wrong_method="delete"),
    Page("businessnumber_identity_check", STAFF, "post", "number", "get"),
    Page("businessnumber_identity_read", STAFF, "post", "number", "get"),
    Page("businessnumber_hand_over", STAFF, of="number", wrong_method="delete"),
    Page("businessnumber_deregister", STAFF, "post", "number", "get"),
    Page("verificationattempt_changelist", READERS),
    Page("verificationattempt_change", READERS, of="attempt"),
)


@pytest.fixture
def rows(acme: Business, sandbox: Sandbox, now: Any) -> dict[str, Any]:
    number = stage.cloud_number(acme, sandbox)
    attempt = VerificationAttempt.objects.create(
        business_number=number, action="SUBMIT_CODE", outcome="UNKNOWN", actor="tests", started_at=now
    )
    return {"waba": number.business_account, "number": number, "attempt": attempt}


def address(page: Page, rows: dict[str, Any]) -> str:
    return stage.at(page.name, *([rows[page.of].pk] if page.of else []))


@pytest.mark.parametrize("role", EVERYBODY)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_page_lets_in_the_roles_that_it_is_for(page: Page, role: str, rows: dict[str, Any]) -> None:
    response = getattr(browser(role), page.method)(address(page, rows))
    if role == ANONYMOUS:
        assert response.status_code == 302
        assert response["Location"].startswith("/login/")
    elif role in page.roles:
        assert response.status_code in (200, 302), response.content
        assert not response.get("Location", "").startswith("/login/")
    else:
        assert response.status_code == 403


@pytest.mark.parametrize("page", [page for page in PAGES if page.wrong_method], ids=lambda page: page.name)
def test_each_page_refuses_the_wrong_method(page: Page, rows: dict[str, Any]) -> None:
    assert getattr(browser(ADMIN), page.wrong_method)(address(page, rows)).status_code == 405


@pytest.mark.parametrize("page", [page for page in PAGES if page.of == "number"], ids=lambda page: page.name)
def test_a_number_that_does_not_exist_is_no_page(page: Page, rows: dict[str, Any]) -> None:
    assert getattr(browser(ADMIN), page.method)(stage.at(page.name, 999_999)).status_code == 404


@pytest.mark.parametrize("of", ["businessaccount", "businessnumber", "verificationattempt"])
def test_nothing_can_be_deleted_by_hand(of: str, rows: dict[str, Any]) -> None:
    names = {"businessaccount": "waba", "businessnumber": "number", "verificationattempt": "attempt"}
    page = stage.at(f"{of}_delete", rows[names[of]].pk)
    assert browser(ADMIN).post(page, {"post": "yes"}).status_code == 403


def test_a_person_who_only_reads_is_offered_no_button(rows: dict[str, Any]) -> None:
    for step in ("origin", "request_code", "enter_code", "pin", "register", "identity_check", "webhooks"):
        page = browser(AUDITOR).get(stage.at("businessnumber_change", rows["number"].pk) + f"?step={step}")
        forms = page.content.decode().split("<form")[1:]
        assert all("logout" in form or form.startswith(' id="find"') for form in forms), step


@pytest.mark.parametrize("name", ["submit_code", "register", "new_pin", "reveal_pin", "hand_over"])
def test_pages_with_codes_and_pins_are_kept_by_no_browser(name: str, rows: dict[str, Any]) -> None:
    response = browser(ADMIN).post(stage.at(f"businessnumber_{name}", rows["number"].pk))
    assert "no-store" in response["Cache-Control"]


def test_a_post_without_its_token_is_refused(rows: dict[str, Any]) -> None:
    strict = browser(ADMIN)
    strict.handler.enforce_csrf_checks = True
    assert strict.post(stage.at("businessnumber_submit_code", rows["number"].pk), {"code": "123456"}).status_code == 403
