"""What others wrote (evidence, sources, provider details, file names) is text on every page, never markup."""

import pytest
from django.test import Client
from django.urls import reverse

from contacts.consent.evidence import Evidence
from contacts.models import CheckBatch, Contact, ContactCheck, OptIn
from providers.models import Business, BusinessName
from tests import factories

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7|add:7 }}"


@pytest.fixture
def batch(db: None) -> CheckBatch:
    business = Business.objects.create(name=HOSTILE)
    BusinessName.objects.create(business=business, name=HOSTILE + "2")
    account = factories.account(business, "onprem", base_url="http://127.0.0.1:9", name="hostile")
    account.recipient_legal_name = HOSTILE
    account.paused_at, account.paused_reason = factories.GIVEN_AT, HOSTILE
    account.save()
    factories.opted_in(
        factories.number(100),
        business,
        evidence=Evidence(text=HOSTILE, file=b"%PDF-", file_name=HOSTILE[:60]),
        external_id=HOSTILE,
    )
    run = factories.check_run(account, factories.number(100), HOSTILE, force_reason=HOSTILE)
    ContactCheck.objects.update(detail=HOSTILE)
    return run


def addresses(batch: CheckBatch) -> list[str]:
    person, event = Contact.objects.get(), OptIn.objects.get()
    check = batch.checks.first()
    assert check is not None
    return [
        reverse("admin:index"),
        "/contacts/contact/",
        f"/contacts/contact/{person.pk}/change/",
        "/contacts/optin/",
        f"/contacts/optin/{event.pk}/change/",
        "/contacts/optin/add/",
        "/contacts/checkbatch/",
        "/contacts/checkbatch/add/",
        f"/contacts/checkbatch/{batch.pk}/change/",
        "/contacts/contactcheck/",
        f"/contacts/contactcheck/{check.pk}/change/",
        f"/providers/provideraccount/{batch.account_id}/change/",
        f"/providers/provideraccount/{batch.account_id}/confirm/",
        "/providers/provideraccount/",
        f"/providers/business/{batch.business_id}/change/",
        "/audit/auditevent/",
    ]


def test_no_page_carries_it_as_markup(admin_browser: Client, batch: CheckBatch) -> None:
    for address in addresses(batch):
        response = admin_browser.get(address, {"q": HOSTILE} if address.endswith("/contact/") else None)
        assert response.status_code == 200, address
        text = response.content.decode()
        assert "<script>alert" not in text, address
        assert "<img src=x" not in text, address


def test_the_preview_and_its_errors_escape_what_was_pasted(admin_browser: Client, batch: CheckBatch) -> None:
    fields = {
        "account": batch.account_id,
        "reading": "e164",
        "numbers": HOSTILE,
        "force": "on",
        "force_reason": HOSTILE,
    }
    for extra in ({}, {"edit": "1"}, {"region": HOSTILE}):
        text = admin_browser.post("/contacts/checkbatch/add/", {**fields, **extra}).content.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text


def test_every_page_has_the_strict_policy_and_no_inline_script_or_style(
    admin_browser: Client, batch: CheckBatch
) -> None:
    for address in addresses(batch):
        response = admin_browser.get(address)
        assert "default-src 'none'" in response["Content-Security-Policy"]
        text = response.content.decode()
        assert "<style" not in text, address
        assert "style=" not in text, address
        assert "onclick=" not in text, address
