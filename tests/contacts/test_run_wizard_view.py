"""The steps of a check run: numbers, preview, confirm. Nothing is written and nothing sent before the last."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from audit.models import ProviderCall
from contacts.models import CheckBatch, Contact, ContactCheck
from providers.models import Business, ProviderAccount
from tests import clients, factories

NEW = "/contacts/checkbatch/add/"
CONFIRM = "/contacts/checkbatch/confirm/"
AGREED, WITHDRAWN, STRANGER = factories.number(100), factories.number(101), factories.number(900)


@pytest.fixture
def account(acme: Business) -> ProviderAccount:
    factories.opted_in(AGREED, acme)
    factories.opted_in(WITHDRAWN, acme)
    factories.withdrawn(WITHDRAWN, acme, now=factories.GIVEN_AT.replace(month=2))
    return factories.account(acme, "onprem", base_url="http://127.0.0.1:9", check_budget=1000)


def asked(account: ProviderAccount, **fields: Any) -> dict[str, Any]:
    return {"account": account.pk, "reading": "e164", "numbers": "", **fields}


def said(response: Any) -> str:
    """What the page says, without markup and with single spaces."""
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", text.replace("&#x27;", "'").replace("\N{NO-BREAK SPACE}", " "))


def test_the_preview_counts_and_names_rules_recipient_and_budget(
    admin_browser: Client, account: ProviderAccount
) -> None:
    numbers = "\n".join([AGREED, WITHDRAWN, STRANGER, AGREED, "6315551002"])
    response = admin_browser.post(NEW, asked(account, numbers=numbers))
    text = said(response)
    assert "5: 1 to check, 1 opted out, 1 no opt-in, 1 no number as written, 1 repeated; nothing sent yet;" in text
    assert "nothing sent yet; budget 999 of 1000 after." in text
    assert "Example Hosting Ltd, DE" in text
    assert "Not sent: opted out of Acme" in text
    assert "Not sent: no opt-in for Acme" in text
    assert "“6315551002” has no leading +" in text
    assert "This provider says yes to everyone: such checks tell nothing." in text
    assert reverse("admin:contacts_optinimport_add").encode() in response.content
    assert f'&amp;person={Contact.objects.get(e164=WITHDRAWN).pk}"'.encode() in response.content
    assert WITHDRAWN[1:].encode() not in b"".join(re.findall(rb'(?:href|action)="[^"]*"', response.content))
    assert not CheckBatch.objects.exists()
    assert not ProviderCall.objects.exists()


def test_two_forms_of_one_person_are_shown_before_they_are_spent(
    admin_browser: Client, account: ProviderAccount, acme: Business
) -> None:
    for form in ("+525512345678", "+5215512345678"):
        factories.opted_in(form, acme)
    response = admin_browser.post(NEW, asked(account, numbers="+525512345678\n+5215512345678"))
    assert "Two forms of one person's number" in said(response)


def test_a_paused_account_says_that_the_run_will_wait(admin_browser: Client, account: ProviderAccount) -> None:
    ProviderAccount.objects.update(paused_at=factories.GIVEN_AT, paused_reason="Quota is spent")
    text = said(admin_browser.post(NEW, asked(account, numbers=AGREED)))
    assert "so the run will wait" in text
    assert "Quota is spent" in text
    assert "Begin the run and let it wait" in text


def test_confirming_makes_the_run_and_leads_to_its_page(admin_browser: Client, account: ProviderAccount) -> None:
    response = admin_browser.post(CONFIRM, asked(account, numbers=f"{AGREED}\n{STRANGER}", source="PASTE"))
    batch = CheckBatch.objects.get()
    assert response.status_code == 302
    assert response["Location"] == reverse("admin:contacts_checkbatch_change", args=[batch.pk])
    assert batch.requested_by == "business"
    assert batch.source == CheckBatch.Source.PASTE
    assert factories.results(batch) == {AGREED: "WAITING", STRANGER: "REFUSED"}


def test_the_declared_reading_is_kept_with_the_run(admin_browser: Client, account: ProviderAccount) -> None:
    fields = asked(account, numbers="07400 000100", reading="national", region="gb")
    assert "1: 1 to check" in said(admin_browser.post(NEW, fields))
    admin_browser.post(CONFIRM, fields)
    batch = CheckBatch.objects.get()
    assert (batch.numbers_read_as, batch.region) == ("national", "GB")


def test_a_file_is_read_in_any_of_its_usual_encodings(admin_browser: Client, account: ProviderAccount) -> None:
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        upload = SimpleUploadedFile("numbers.txt", f"{AGREED}\r\n{STRANGER}\r\n".encode(encoding))
        response = admin_browser.post(NEW, asked(account, file=upload))
        assert "2: 1 to check, 1 no opt-in" in said(response), encoding
        assert b'name="source" value="FILE"' in response.content


def test_change_something_brings_the_form_back_as_it_was(admin_browser: Client, account: ProviderAccount) -> None:
    response = admin_browser.post(NEW, asked(account, numbers=AGREED, edit="1", force="on", force_reason="May"))
    assert response.status_code == 200
    assert AGREED.encode() in response.content
    assert b'value="May"' in response.content


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "There is no number to check."),
        ({"numbers": "+447400000100", "force": "on"}, "Say why fresh answers are asked for again"),
        ({"numbers": "7400000100", "reading": "national"}, "National numbers need their region."),
        ({"numbers": "+447400000100\n" * 50_001}, "more than a browser should carry"),
    ],
)
def test_what_is_missing_is_said_beside_its_field(
    fields: dict[str, str], words: str, admin_browser: Client, account: ProviderAccount
) -> None:
    for address in (NEW, CONFIRM):
        assert words in said(admin_browser.post(address, asked(account, **fields)))
    assert not CheckBatch.objects.exists()


def test_selected_contacts_become_the_numbers_of_a_run(admin_browser: Client, account: ProviderAccount) -> None:
    from contacts.models import Contact

    people = Contact.objects.values_list("pk", flat=True)
    response = admin_browser.post(
        "/contacts/contact/", {"action": "check_selected", "_selected_action": [str(pk) for pk in people]}
    )
    assert AGREED.encode() in response.content
    assert WITHDRAWN.encode() in response.content
    assert b'value="SELECTION"' in response.content
    assert not ContactCheck.objects.exists()


def test_support_staff_are_not_offered_the_action(support_browser: Client, account: ProviderAccount) -> None:
    assert b"check_selected" not in support_browser.get("/contacts/contact/").content


def test_without_an_account_the_page_says_where_to_add_one(admin_browser: Client) -> None:
    response = admin_browser.get(NEW)
    assert reverse("admin:providers_provideraccount_add").encode() in response.content


def test_pressing_twice_makes_one_run(admin_browser: Client, account: ProviderAccount) -> None:
    shown = admin_browser.post(NEW, asked(account, numbers=AGREED)).content.decode()
    preview = re.findall(r'name="preview" value="([^"]+)"', shown)
    fields = asked(account, numbers=AGREED, preview=preview[0])
    first, again = admin_browser.post(CONFIRM, fields), admin_browser.post(CONFIRM, fields)
    assert first["Location"] == again["Location"]
    assert CheckBatch.objects.count() == 1


def test_the_downloaded_rows_of_a_run_are_given_back_as_they_are(
    admin_browser: Client, account: ProviderAccount
) -> None:
    batch = factories.check_run(account, AGREED, "00447400000100", "=2+5")
    rows = b"".join(admin_browser.get(f"/contacts/checkbatch/{batch.pk}/download/")).replace(b"'00447400", b"+447400")
    upload = SimpleUploadedFile("check-run-1.csv", rows)
    text = said(admin_browser.post(NEW, asked(account, file=upload)))
    assert "3: 1 to check, 1 no number as written, 1 repeated; nothing sent yet" in text
    assert "“=2+5”" in text


def test_only_who_may_add_an_account_is_led_to_it(acme: Business) -> None:
    client = clients.browser(clients.ADMIN)
    assert "Add a provider account" in said(client.get(NEW))
    role = Group.objects.get(name=clients.ADMIN)
    role.permissions.remove(Permission.objects.get(codename="add_provideraccount"))
    page = said(client.get(NEW))
    assert "there is none yet" in page and "Add a provider account" not in page
