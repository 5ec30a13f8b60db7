"""Every page about people, consent and checks: anonymous, no role, the wrong role, the right role, the wrong method."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import reverse

from contacts.consent.evidence import Evidence
from contacts.models import (
    CheckBatch,
    ConsentText,
    Contact,
    IdentityKey,
    IdentityTrust,
    Message,
    MessageStatus,
    OptIn,
    Suggestion,
    TrustCase,
)
from providers.models import Business, ProviderAccount
from tests import factories
from tests.clients import ADMIN, ANONYMOUS, AUDITOR, EVERYBODY, SUPPORT, VIEWER, browser


@dataclass(frozen=True)
class Page:
    """One page: its address, the method that it takes, whom it lets in, and the method that it refuses."""

    name: str
    roles: tuple[str, ...]
    method: str = "get"
    of: str = ""
    wrong_method: str = ""


READERS = (ADMIN, SUPPORT, AUDITOR, VIEWER)
TEXT_READERS = (ADMIN, SUPPORT, AUDITOR)
SETTLERS = (ADMIN, SUPPORT)
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
    Page("admin:contacts_checkbatch_download", (ADMIN, AUDITOR), of="batch", wrong_method="post"),
    Page("admin:contacts_contact_send", (ADMIN,), of="contact", wrong_method="put"),
    Page("admin:contacts_contact_verify", SETTLERS, "post", "contact", "get"),
    Page("admin:contacts_trustcase_changelist", READERS),
    Page("admin:contacts_trustcase_change", READERS, of="case", wrong_method="post"),
    Page("admin:contacts_trustcase_live", READERS, of="case", wrong_method="post"),
    Page("admin:contacts_trustcase_same_person", SETTLERS, "post", "case", "get"),
    Page("admin:contacts_trustcase_other_person", SETTLERS, "post", "case", "get"),
    Page("admin:contacts_trustcase_not_reached", SETTLERS, "post", "case", "get"),
    Page("admin:contacts_trustcase_resend", SETTLERS, "post", "case", "get"),
    Page("admin:contacts_trustcase_assign", SETTLERS, "post", "case", "get"),
    Page("admin:contacts_trustcase_read_node", SETTLERS, "post", "case", "get"),
    Page("admin:contacts_trustcase_acknowledge", SETTLERS, "post", "case", "get"),
    Page("admin:contacts_suggestion_changelist", TEXT_READERS),
    Page("admin:contacts_suggestion_change", TEXT_READERS, of="suggestion", wrong_method="post"),
    Page("admin:contacts_suggestion_decide", SETTLERS, "post", "suggestion", "get"),
    Page("admin:contacts_message_changelist", TEXT_READERS),
    Page("admin:contacts_message_change", TEXT_READERS, of="message"),
    Page("admin:contacts_messagestatus_changelist", READERS),
    Page("admin:contacts_messagestatus_change", READERS, of="status"),
    Page("admin:contacts_identitykey_changelist", TEXT_READERS),
    Page("admin:contacts_identitykey_change", TEXT_READERS, of="key"),
    Page("admin:contacts_identitytrust_changelist", READERS),
    Page("admin:contacts_identitytrust_change", READERS, of="trust"),
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
        **_about_messages(recorded.consent.contact, account),
    }


def _about_messages(person: Contact, account: ProviderAccount) -> dict[str, Any]:
    """A person who wrote, whose identity differs, and who may want no more messages; one message told something new."""
    now = factories.GIVEN_AT
    trust = IdentityTrust.objects.create(contact=person, account=account, state="MISMATCHED", had_case=True)
    message = Message.objects.create(
        contact=person,
        business=account.business,
        account=account,
        direction="IN",
        kind="TEXT",
        state="RECEIVED",
        wamid="wamid.1",
        at=now,
    )
    return {
        "trust": trust,
        "message": message,
        "status": MessageStatus.objects.create(
            account=account, wamid="wamid.1", status="teleported", at=now, received_at=now
        ),
        "key": IdentityKey.objects.create(
            contact=person, account=account, hash="DF2lS5v2W6x=", source="NODE", observed_at=now, recorded_at=now
        ),
        "case": TrustCase.objects.create(
            contact=person, business=account.business, account=account, reason="NODE", opened_at=now
        ),
        "suggestion": Suggestion.objects.create(
            kind="OPT_OUT",
            contact=person,
            business=account.business,
            message=message,
            reference="wamid.1",
            opened_at=now,
            due_at=now,
        ),
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


@pytest.mark.parametrize(
    "model",
    [
        "contact",
        "optin",
        "consenttext",
        "checkbatch",
        "contactcheck",
        "optinimport",
        "message",
        "messagestatus",
        "identitykey",
        "identitytrust",
        "trustcase",
        "suggestion",
    ],
)
@pytest.mark.django_db
def test_nothing_can_be_deleted_by_hand(model: str, rows: dict[str, Any], admin_user: Any, client: Any) -> None:
    client.force_login(admin_user)
    names = {
        "optin": "opt_in",
        "consenttext": "consent_text",
        "checkbatch": "batch",
        "contactcheck": "check",
        "messagestatus": "status",
        "identitykey": "key",
        "identitytrust": "trust",
        "trustcase": "case",
    }
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
