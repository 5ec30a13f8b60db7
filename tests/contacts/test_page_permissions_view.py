"""Every page about people, consent and checks: anonymous, no role, the wrong role, the right role, the wrong method."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import reverse

from contacts.consent.evidence import Evidence
from contacts.models import CheckBatch, ConsentText, OptIn
from providers.models import Business, ProviderAccount
from tests import factories
from tests.clients import ADMIN, ANONYMOUS, AUDITOR, EVERYBODY, SUPPORT, browser


@dataclass(frozen=True)
class Page:
    """One page: its address, the method that it takes, whom it lets in, and the method that it refuses."""

    name: str
    roles: tuple[str, ...]
    method: str = "get"
    of: str = ""
    wrong_method: str = ""


READERS = (ADMIN, SUPPORT, AUDITOR)
PAGES = (
    Page("admin:index", (*READERS, "no role")),
    Page("admin:contacts_contact_changelist", READERS),
    Page("admin:contacts_contact_change", READERS, of="contact", wrong_method="post"),
    Page("admin:contacts_contact_check", (ADMIN,), "post", "contact", "get"),
    Page("admin:contacts_optin_changelist", READERS),
    Page("admin:contacts_optin_change", READERS, of="opt_in"),
    Page("admin:contacts_optin_add", (ADMIN,)),
    Page("admin:contacts_optin_withdraw", READERS),
    Page("admin:contacts_optin_held", (ADMIN,), wrong_method="post"),
    Page("admin:contacts_optin_decide", (ADMIN,), "post", "opt_in", "get"),
    Page("admin:contacts_optin_evidence", (ADMIN, AUDITOR), of="opt_in", wrong_method="post"),
    Page("admin:contacts_consenttext_changelist", READERS),
    Page("admin:contacts_consenttext_change", READERS, of="consent_text"),
    Page("admin:contacts_consenttext_add", (ADMIN,)),
    Page("admin:contacts_consenttext_picture", READERS, of="consent_text", wrong_method="post"),
    Page("admin:contacts_checkbatch_changelist", READERS),
    Page("admin:contacts_checkbatch_add", (ADMIN,)),
    Page("admin:contacts_checkbatch_confirm", (ADMIN,), "post", wrong_method="get"),
    Page("admin:contacts_checkbatch_change", READERS, of="batch", wrong_method="post"),
    Page("admin:contacts_checkbatch_live", READERS, of="batch", wrong_method="post"),
    Page("admin:contacts_checkbatch_pause", (ADMIN,), "post", "batch", "get"),
    Page("admin:contacts_checkbatch_resume", (ADMIN,), "post", "batch", "get"),
    Page("admin:contacts_checkbatch_cancel", (ADMIN,), "post", "batch", "get"),
    Page("admin:contacts_checkbatch_retry", (ADMIN,), "post", "batch", "get"),
    Page("admin:contacts_checkbatch_download", READERS, of="batch", wrong_method="post"),
    Page("admin:contacts_contactcheck_changelist", READERS),
    Page("admin:contacts_contactcheck_change", READERS, of="check"),
)


@pytest.fixture
def rows(acme: Business) -> dict[str, Any]:
    account = factories.account(acme, "onprem", base_url="http://127.0.0.1:9")
    png = b"\x89PNG\r\n\x1a\n" + b"x" * 20
    recorded = factories.opted_in("+447400123100", acme, evidence=Evidence(text="form", file=png, file_name="a.png"))
    text = ConsentText.objects.create(
        business=acme,
        name="Checkout",
        version="1",
        language="en",
        text="Yes, write to me",
        business_name_shown="Acme",
        purposes="service",
        picture=png,
        picture_type="image/png",
        created_at=factories.GIVEN_AT,
        created_by="tests",
    )
    batch = factories.check_run(account, "+447400123100", "+447400123101")
    return {
        "contact": recorded.consent.contact,
        "opt_in": recorded.opt_in,
        "consent_text": text,
        "batch": batch,
        "check": batch.checks.first(),
    }


def address(page: Page, rows: dict[str, Any]) -> str:
    return reverse(page.name, args=[rows[page.of].pk] if page.of else [])


@pytest.mark.parametrize("role", EVERYBODY)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name.removeprefix("admin:"))
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


@pytest.mark.parametrize("model", ["contact", "optin", "consenttext", "checkbatch", "contactcheck", "optinimport"])
@pytest.mark.django_db
def test_nothing_can_be_deleted_by_hand(model: str, rows: dict[str, Any], admin_user: Any, client: Any) -> None:
    client.force_login(admin_user)
    names = {"optin": "opt_in", "consenttext": "consent_text", "checkbatch": "batch", "contactcheck": "check"}
    row = rows.get(names.get(model, model))
    if row is not None:
        assert client.post(reverse(f"admin:contacts_{model}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    listing = client.get(reverse(f"admin:contacts_{model}_changelist"))
    assert b"delete_selected" not in listing.content
    assert CheckBatch.objects.count() == 1
    assert OptIn.objects.count() == 1


def test_a_post_without_its_token_is_refused(rows: dict[str, Any]) -> None:
    strict = browser(ADMIN)
    strict.handler.enforce_csrf_checks = True
    page = reverse("admin:contacts_checkbatch_pause", args=[rows["batch"].pk])
    assert strict.post(page).status_code == 403
    assert ProviderAccount.objects.get().paused_at is None
