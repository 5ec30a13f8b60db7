"""Who sees masked numbers: finds a person by the whole number, and reveals one with a reason."""

import pytest
from django.urls import reverse

from audit.models import AuditEvent
from contacts import masking
from contacts.models import Contact, OptIn
from providers.models import Business, ProviderAccount
from tests import clients, factories
from tests.clients import ADMIN, AUDITOR, SUPPORT, VIEWER
from tests.permissions.world import crawl
from tests.sign_in import people

pytestmark = pytest.mark.django_db
NUMBER = "+447400123456"
LIST = reverse("admin:contacts_contact_changelist")


@pytest.fixture
def person(acme: Business) -> Contact:
    factories.opted_in(NUMBER, acme)
    contact = Contact.objects.get(e164=NUMBER)
    contact.wa_id = NUMBER[1:]
    contact.save()
    return contact


def at(name: str, person: Contact) -> str:
    return reverse(f"admin:contacts_contact_{name}", args=[person.pk])


def shows_it(text: str) -> bool:
    """Tell whether the number stands there in any writing."""
    return any(written in text for written in ("7400123456", "7400\N{NO-BREAK SPACE}123456", "07400 123456"))


@pytest.mark.parametrize("role", [SUPPORT, VIEWER])
def test_the_list_and_the_page_show_it_masked(role: str, person: Contact) -> None:
    client = clients.browser(role)

    for page in (LIST, at("change", person), at("history", person)):
        text = client.get(page).content.decode()
        assert "456" in text and not shows_it(text), page


@pytest.mark.parametrize("role", [ADMIN, AUDITOR])
def test_business_admins_and_auditors_see_it_in_full(role: str, person: Contact) -> None:
    assert shows_it(clients.browser(role).get(LIST).content.decode())
    assert not masking.is_in_full(), "what one request may see says nothing of the next one"


@pytest.mark.parametrize("typed", [NUMBER, "+44 7400 123-456", "00447400123456", "447400123456"])
def test_the_whole_number_finds_the_person(typed: str, person: Contact) -> None:
    page = clients.browser(SUPPORT).get(LIST, {"q": typed})

    assert at("change", person) in page.content.decode()


@pytest.mark.parametrize("typed", ["123456", "+44740012345", "4474001234567", "+4474", "7400123456", "07400123456"])
def test_a_part_of_it_finds_nobody(typed: str, person: Contact) -> None:
    assert at("change", person) not in clients.browser(SUPPORT).get(LIST, {"q": typed}).content.decode()
    assert clients.browser(ADMIN).get(LIST, {"q": "123456"}).content.decode().count(at("change", person))


@pytest.mark.parametrize(
    ("page", "asked"),
    [
        ("contacts_contact", "e164__startswith=%2B44740"),
        ("contacts_contact", "wa_id__contains=7400"),
        ("contacts_contact", "person_key__endswith=456"),
        ("contacts_contactcheck", "input__regex=.*456"),
        ("contacts_contactcheck", "wa_id__startswith=44"),
        ("contacts_optin", "pseudonym__isnull=False&e164=1"),
        ("contacts_message", "contact__e164__startswith=%2B44"),
    ],
)
def test_an_address_asks_for_no_part_of_a_number(page: str, asked: str, person: Contact) -> None:
    answer = clients.browser(SUPPORT).get(f"{reverse(f'admin:{page}_changelist')}?{asked}")

    assert answer.status_code == 400 or (answer.status_code, answer["Location"][-3:]) == (302, "e=1")


def test_autocomplete_gives_masked_numbers_too(person: Contact) -> None:
    query = {"app_label": "contacts", "model_name": "contactcheck", "field_name": "contact", "term": NUMBER}

    answer = clients.browser(SUPPORT).get(reverse("admin:autocomplete"), query)

    assert not shows_it(answer.content.decode())


def test_every_page_that_support_staff_and_viewers_can_reach_hides_every_number(furnished: None) -> None:
    numbers = set(Contact.objects.values_list("e164", flat=True))
    ours = {"+15550051310"}  # our own numbers are no secret
    shown: dict[str, list[str]] = {}
    pages = {role: crawl(clients.browser(role), role) for role in (SUPPORT, VIEWER)}
    for role, opened in {**pages, ADMIN: [(LIST, clients.browser(ADMIN).get(LIST).content.decode())]}.items():
        for page, text in opened:
            plain = text.replace("\N{NO-BREAK SPACE}", "").replace("%2B", "+").replace(" ", "")
            shown.setdefault(role, []).extend(f"{page} {one}" for one in numbers - ours if one[1:] in plain)
    assert shown[SUPPORT] == shown[VIEWER] == []
    assert len(shown[ADMIN]) > 30, "or this test would not see a number anywhere"


def test_a_number_is_revealed_with_a_reason_once_and_the_ledger_says_so(person: Contact) -> None:
    client = clients.browser(SUPPORT)
    assert at("reveal", person) in client.get(at("change", person)).content.decode()

    assert not shows_it(client.get(at("reveal", person)).content.decode())
    answer = client.post(at("reveal", person), {"reason": "calls back about order 10401"})

    assert shows_it(answer.content.decode()) and "no-store" in answer["Cache-Control"]
    event = AuditEvent.objects.order_by("sequence").last()
    assert event is not None
    assert (event.action, event.actor, event.pseudonym) == ("person.number_revealed", "support", person.pseudonym)
    assert event.details == {"reason": "calls back about order 10401"}
    assert not shows_it(client.get(at("change", person)).content.decode())


@pytest.mark.parametrize("reason", ["", "   ", f"asked about {NUMBER}", "call +44 7400 123456"])
def test_without_a_reason_or_with_the_number_in_it_nothing_is_shown(reason: str, person: Contact) -> None:
    before = AuditEvent.objects.count()

    answer = clients.browser(SUPPORT).post(at("reveal", person), {"reason": reason})

    assert "tel:" not in answer.content.decode() and AuditEvent.objects.count() == before


def test_it_takes_a_fresh_proof(person: Contact) -> None:
    client = clients.browser(SUPPORT)
    session = client.session
    session["proved_at"] -= 601
    session.save()

    answer = client.post(at("reveal", person), {"reason": "calls back"})

    assert answer.status_code == 302 and answer["Location"].startswith(people.AGAIN)


@pytest.mark.parametrize("role", [VIEWER, AUDITOR, clients.NOBODY])
def test_only_those_who_may_reveal(role: str, person: Contact) -> None:
    assert clients.browser(role).post(at("reveal", person), {"reason": "curious"}).status_code == 403


def test_an_opt_out_is_recorded_without_seeing_the_number(person: Contact, acme: Business) -> None:
    client = clients.browser(SUPPORT)
    page = reverse("admin:contacts_optin_withdraw") + f"?person={person.pk}"
    assert page.replace("&", "&amp;") in client.get(at("change", person)).content.decode()

    asked = client.get(page).content.decode()
    answer = client.post(page, {"business": acme.pk, "source": "phone call", "reason": "asked us to stop"}, follow=True)

    assert not shows_it(asked) and not shows_it(answer.content.decode())
    assert OptIn.objects.filter(pseudonym=person.pseudonym, state="WITHDRAWN").count() == 1


@pytest.mark.parametrize("pk", ["999999", "x", "٣", "1" * 30])
def test_an_opt_out_of_nobody_is_no_page(pk: str, person: Contact) -> None:
    assert clients.browser(SUPPORT).get(reverse("admin:contacts_optin_withdraw") + f"?person={pk}").status_code == 404


def test_a_download_of_numbers_is_for_who_sees_them(person: Contact, onprem_account: ProviderAccount) -> None:
    run = factories.check_run(onprem_account, NUMBER)
    page = reverse("admin:contacts_checkbatch_download", args=[run.pk])

    assert clients.browser(SUPPORT).get(page).status_code == 403
    assert page not in clients.browser(SUPPORT).get(page.replace("download", "change")).content.decode()
    assert shows_it(b"".join(clients.browser(ADMIN).get(page)).decode())
