"""The search box of every page: straight to the one person, or how the text was read and what else it could mean."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Alias, Contact
from numbers.models import BusinessAccount, BusinessNumber
from providers.models import Business, ProviderAccount
from tests import clients, factories
from tests.clients import ADMIN, ANONYMOUS, AUDITOR, NOBODY, SUPPORT, VIEWER

pytestmark = pytest.mark.django_db
FIND = reverse("admin:contacts_contact_find")
ROLES = (ADMIN, SUPPORT, AUDITOR, VIEWER)


@pytest.fixture
def person(acme: Business) -> Contact:
    factories.opted_in("+51987654321", acme)
    return Contact.objects.get()


def page_of(person: Contact) -> str:
    return reverse("admin:contacts_contact_change", args=[person.pk])


def find(role: str, text: str) -> Any:
    return clients.browser(role).post(FIND, {"q": text})


def words(answer: Any) -> str:
    text: str = answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")
    return text


@pytest.mark.parametrize(
    "text",
    [
        "+51 987 654 321",
        "51987654321",
        "0051 987654321",
        "987654321",
        "0987-654-321",
        "(654) 321",
        "4321",
        "  +51987654321\n",
    ],
)
def test_any_way_of_writing_a_number_leads_straight_to_the_person(text: str, person: Contact) -> None:
    answer = find(ADMIN, text)

    assert (answer.status_code, answer["Location"]) == (302, page_of(person))


@pytest.mark.parametrize("role", ROLES)
def test_the_whole_number_leads_every_role_there(role: str, person: Contact) -> None:
    assert find(role, "+51 987 654 321")["Location"] == page_of(person)


@pytest.mark.parametrize("role", [SUPPORT, VIEWER])
@pytest.mark.parametrize("text", ["4321", "987654321", "+5198765432", "0987654321", "+519876543210"])
def test_who_sees_masked_numbers_finds_nobody_by_a_part(role: str, text: str, person: Contact) -> None:
    answer = find(role, text)

    assert answer.status_code == 200
    assert page_of(person) not in words(answer)
    assert "Nobody is on record" in words(answer)


def test_another_form_of_the_number_finds_the_same_person(acme: Business) -> None:
    factories.opted_in("+525512345678", acme)

    assert find(SUPPORT, "+5215512345678")["Location"] == page_of(Contact.objects.get())


def test_several_are_listed_and_one_is_not_chosen_for_anybody(acme: Business) -> None:
    for ending in range(100, 125):
        factories.opted_in(factories.number(ending), acme)
    answer = find(ADMIN, factories.number(100)[:-2])

    assert words(answer).count('class="number" href="/contacts/contact/') == 20
    assert "Type more digits" in words(answer)
    listed = words(find(ADMIN, factories.number(100)[:-1]))
    assert listed.count('class="number" href="/contacts/contact/') == 10


@pytest.mark.parametrize("role", [SUPPORT, VIEWER])
def test_restricted_people_are_nobody_for_who_may_not_see_them(role: str, person: Contact) -> None:
    Contact.objects.update(restricted_at=factories.GIVEN_AT, restricted_until=factories.GIVEN_AT)

    assert "Nobody is on record" in words(find(role, "+51987654321"))
    assert find(ADMIN, "+51987654321").status_code == 302


def test_what_stands_in_the_form_stands_in_no_address(person: Contact) -> None:
    answer = clients.browser(ADMIN).get(FIND, {"q": "+51987654321"})

    assert answer.status_code == 200
    assert "987" not in words(answer)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("+51 912 345 678", "Read as the number +51 912 345 678 (PE)."),
        (
            "912345678",
            "It has no +. Read as a whole number, as a wa_id, and as the last digits of a number: 912345678.",
        ),
        ("12", "Too short for a number"),
        ("", "Nothing was typed"),
        (
            "+51 12",
            "first digits do not exist there. Read as the beginning of a number.",
        ),
        ("wamid.HBgL", "Read as an id"),
    ],
)
def test_the_page_says_how_the_text_was_read(text: str, said: str, person: Contact) -> None:
    assert said in words(find(ADMIN, text)).replace("&quot;", '"')


def test_it_says_what_else_could_be_meant_and_looks_for_it_at_a_press(acme: Business, sandbox: Any) -> None:
    account = factories.account(acme, "cloud_api", base_url=sandbox.url)
    waba = BusinessAccount.objects.create(account=account, business=acme, waba_id="102290129340398")
    BusinessNumber.objects.create(business_account=waba, e164="+51911111111", phone_number_id="106540352242922")
    text = words(find(ADMIN, "0912345678"))

    assert "Find +51 912 345 678 (PE)" in text and 'name="q" value="+51912345678"' in text
    assert "Find +51 912 345 678 (PE)" in words(find(SUPPORT, "51912345678"))


def test_the_number_of_nobody_is_carried_to_a_new_opt_in_without_an_address(person: Contact) -> None:
    text = words(find(ADMIN, "+51 912 345 678"))
    assert 'name="begin_with" value="+51912345678"' in text

    client = clients.browser(ADMIN)
    page = client.post(reverse("admin:contacts_optin_add"), {"begin_with": "+51912345678"})
    assert page.status_code == 200
    assert 'name="number" value="+51912345678"' in words(page) and "errornote" not in words(page)
    assert "begin_with" not in words(find(SUPPORT, "+51 912 345 678"))


def test_our_numbers_wabas_messages_runs_and_user_ids_are_found_by_whoever_may_see_them(
    acme: Business, person: Contact, onprem_account: ProviderAccount, sandbox: Any
) -> None:
    account = factories.account(acme, "cloud_api", base_url=sandbox.url)
    waba = BusinessAccount.objects.create(account=account, business=acme, waba_id="102290129340398")
    number = BusinessNumber.objects.create(
        business_account=waba, e164="+51911111111", phone_number_id="106540352242922"
    )
    run = factories.check_run(onprem_account, "+51987654321")
    Alias.objects.create(contact=person, bsuid="PE.13491208655302741918", seen_at=factories.GIVEN_AT)
    ours = reverse("admin:numbers_businessnumber_change", args=[number.pk])

    assert find(SUPPORT, "106540352242922")["Location"] == ours
    assert find(VIEWER, "+51 911 111 111")["Location"] == ours
    assert find(SUPPORT, "102290129340398")["Location"] == reverse(
        "admin:numbers_businessaccount_change", args=[waba.pk]
    )
    assert find(SUPPORT, f"#{run.pk}")["Location"] == reverse("admin:contacts_checkbatch_change", args=[run.pk])
    assert find(SUPPORT, "PE.13491208655302741918")["Location"] == page_of(person)
    assert find(SUPPORT, str(person.pseudonym))["Location"] == page_of(person)
    Contact.objects.update(restricted_at=factories.GIVEN_AT, restricted_until=factories.GIVEN_AT)
    assert find(SUPPORT, "PE.13491208655302741918").status_code == 200
    assert find(SUPPORT, str(person.pseudonym)).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "' OR 1=1 --",
        "%",
        "\0",
        "#99999999999999999999",
        "9" * 500,
        "#",
        "٣٤٥٦٧",
    ],
)
def test_hostile_texts_find_nobody_and_are_shown_as_text(text: str, person: Contact) -> None:
    answer = find(SUPPORT, text)

    assert answer.status_code == 200
    assert "<script>alert" not in answer.content.decode()


def test_only_those_who_see_people_search_and_have_the_box() -> None:
    assert find(NOBODY, "+51987654321").status_code == 403
    assert find(ANONYMOUS, "+51987654321")["Location"].startswith("/login/")
    assert clients.browser(ADMIN).put(FIND).status_code == 405
    home = reverse("admin:index")
    assert 'id="find"' not in clients.browser(NOBODY).get(home).content.decode()
    for role in ROLES:
        text = clients.browser(role).get(home).content.decode()
        assert f'method="post" action="{FIND}" role="search"' in text and 'for="find-text"' in text


def test_the_box_stands_on_every_kind_of_page(person: Contact) -> None:
    client = Client()
    client.force_login(clients.browser(ADMIN).get(FIND).wsgi_request.user)
    for page in (page_of(person), "/contacts/contact/", "/help/", reverse("admin:sign_in"), "/providers/business/add/"):
        assert 'id="find-text"' in client.get(page).content.decode(), page
