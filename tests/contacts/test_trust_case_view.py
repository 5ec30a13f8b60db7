"""An identity case's page and its buttons: what is told, what is asked, and that there is no way around it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from contacts.models import Consent, Contact, IdentityTrust, Message, TrustCase
from numbers.models import BusinessNumber
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import clients, factories
from tests.contacts import screens, senders
from tests.contacts.screens import HELD, admin, at, mismatched, page_of, say_same_person, sent_to, support, trust_of
from tests.numbers.stage import said
from waadmin.models import StaffAccess

pytestmark = pytest.mark.django_db
ONE = factories.number(100)


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return senders.our_number(acme, sandbox.url)


@pytest.fixture
def person(acme: Business) -> Contact:
    return senders.agreed(ONE, acme, external_id="customer 7781")


@pytest.fixture
def case(person: Contact, number: BusinessNumber, sandbox: Sandbox) -> TrustCase:
    return mismatched(person, number, sandbox)


def test_the_page_says_what_happened_and_why_nothing_is_sent(case: TrustCase) -> None:
    text = page_of(support(), "trustcase_change", case.pk)
    for words in (
        "To verify",
        "WhatsApp did not deliver it",
        "Nothing is sent to this person from this number now.",
        "Your statement of May",
        "customer 7781",
        "web form",
        "What did you find out?",
        "Changed: verify first",
    ):
        assert words in text, words


def test_no_page_offers_to_trust_anyway_or_many_at_once(case: TrustCase) -> None:
    listing = admin().get(at("trustcase_changelist")).content.decode()
    page = admin().get(at("trustcase_change", case.pk)).content.decode()
    assert "trust anyway" not in (listing + page).lower()
    assert 'name="action"' not in listing
    assert "_selected_action" not in listing


@pytest.mark.parametrize("outcome", ["same_person", "other_person", "not_reached"])
def test_each_form_asks_for_the_channel_and_warns_of_secrets(case: TrustCase, outcome: str) -> None:
    text = page_of(support(), "trustcase_change", case.pk, query=f"?outcome={outcome}")
    assert "Through which channel" in text
    assert "Not WhatsApp." in text
    assert "Never write identity numbers, passwords" in text


def test_same_person_sends_the_held_message_again_without_a_hash(
    case: TrustCase, person: Contact, number: BusinessNumber, sandbox: Sandbox
) -> None:
    text = said(say_same_person(support(), case))
    assert "Noted that it is the same person." in text
    assert "Verified: waiting for the new identity" in text
    again = sent_to(person)[-1]
    assert (again.hash_sent, again.resend_of_case_id) == ("", case.pk)
    assert sandbox.people.messages(ONE)[-1].text == HELD
    case.refresh_from_db()
    assert (case.closed_by, case.channel) == ("support", "call to the landline")


def test_the_new_hash_comes_with_the_status_of_that_message_and_the_page_shows_it(
    case: TrustCase, person: Contact, number: BusinessNumber
) -> None:
    browser = support()
    say_same_person(browser, case)
    before = browser.get(at("trustcase_live", case.pk)).json()
    assert before["follow"] is True
    senders.tell(number, senders.status(sent_to(person)[-1], "delivered", identity_hash=screens.NEW_HASH))
    after = browser.get(at("trustcase_live", case.pk)).json()
    assert after["state"] != before["state"]
    assert after["follow"] is False
    assert trust_of(person, number).state == "TRUSTED"
    assert "New identity trusted" in page_of(browser, "trustcase_change", case.pk)


@pytest.mark.parametrize("missing", ["channel", "evidence"])
def test_nothing_is_settled_without_channel_or_evidence(case: TrustCase, missing: str, person: Contact) -> None:
    text = said(say_same_person(support(), case, **{missing: " "}))
    assert "Nothing was saved." in text
    case.refresh_from_db()
    assert case.closed_at is None
    assert len(sent_to(person)) == 1


def test_whatsapp_is_no_channel(case: TrustCase) -> None:
    text = said(say_same_person(support(), case, channel="WhatsApp chat"))
    assert "WhatsApp cannot prove who is behind a WhatsApp identity" in text
    case.refresh_from_db()
    assert case.closed_at is None


def test_a_template_may_go_instead_with_its_values(case: TrustCase, person: Contact, sandbox: Sandbox) -> None:
    browser = support()
    query = "?outcome=same_person&send=TEMPLATE"
    offered = page_of(browser, "trustcase_change", case.pk, query=query)
    assert "statement_ready" in offered
    assert "Through which channel" not in offered
    chosen = page_of(browser, "trustcase_change", case.pk, query=query + "&template=statement_ready%7Cen_US")
    assert "Value for {{1}}" in chosen
    assert "Value for {{2}}" in chosen
    fields = {"send": "TEMPLATE", "template": "statement_ready|en_US"}
    assert "Nothing was saved." in said(say_same_person(browser, case, **fields, value_1="May"))
    say_same_person(browser, case, **fields, value_1="May", value_2="1 June")
    assert sandbox.people.messages(ONE)[-1].template == "statement_ready"
    assert sent_to(person)[-1].resend_of_case_id == case.pk


def test_nothing_yet_sends_nothing_and_the_page_then_offers_one_message(case: TrustCase, person: Contact) -> None:
    browser = support()
    text = said(say_same_person(browser, case, send="NOTHING"))
    assert len(sent_to(person)) == 1
    assert "Send a message without an identity" in text
    browser.post(at("trustcase_resend", case.pk), {"send": "ORIGINAL"})
    assert [message.resend_of_case_id for message in sent_to(person)] == [None, case.pk]
    text = said(browser.post(at("trustcase_resend", case.pk), {"send": "ORIGINAL"}, follow=True))
    assert "A message is on its way" in text
    assert len(sent_to(person)) == 2


def test_without_a_status_by_the_deadline_the_message_may_go_once_more(case: TrustCase, person: Contact) -> None:
    browser = support()
    say_same_person(browser, case)
    assert "Resend once more" not in page_of(browser, "trustcase_change", case.pk)
    past = datetime.now(UTC) - timedelta(hours=1)
    TrustCase.objects.filter(pk=case.pk).update(hash_expected_until=past, no_hash_since=past)
    assert "No new identity came in time." in page_of(browser, "trustcase_change", case.pk)
    text = said(browser.post(at("trustcase_resend", case.pk), {"send": "ORIGINAL"}, follow=True))
    assert "The provider took the message." in text
    assert len(sent_to(person)) == 3


def test_someone_elses_number_withdraws_everything_and_has_to_be_meant(
    case: TrustCase, person: Contact, acme: Business
) -> None:
    browser = support()
    fields = {"channel": "call", "evidence": "a stranger answered"}
    page = page_of(browser, "trustcase_change", case.pk, query="?outcome=other_person")
    assert "This withdraws everything." in page
    refused = said(browser.post(at("trustcase_other_person", case.pk), fields))
    assert "Nothing was saved." in refused
    assert Consent.objects.get(contact=person).grants
    text = said(browser.post(at("trustcase_other_person", case.pk), {**fields, "sure": "on"}, follow=True))
    assert "Everything this person agreed to is withdrawn" in text
    assert not Consent.objects.get(contact=person).grants
    assert "Someone else's number now" in text


def test_could_not_be_reached_stays_open_with_its_reminder(case: TrustCase, person: Contact) -> None:
    browser = support()
    fields = {"channel": "call", "note": "no answer", "remind_on": "2030-05-04"}
    text = said(browser.post(at("trustcase_not_reached", case.pk), fields, follow=True))
    assert "The case stays open" in text
    assert "To verify: not reached yet" in text
    case.refresh_from_db()
    assert case.closed_at is None
    assert case.remind_at == datetime(2030, 5, 4, tzinfo=UTC)
    assert case.tries == 1


def test_a_case_is_assigned_and_freed(case: TrustCase) -> None:
    browser = support()
    assert "Taken care of by support." in said(
        browser.post(at("trustcase_assign", case.pk), {"assignee": "support"}, follow=True)
    )
    assert "Nobody takes care of it now." in said(browser.post(at("trustcase_assign", case.pk), follow=True))


def test_a_case_is_assigned_only_to_somebody_who_settles_cases_of_its_business(case: TrustCase) -> None:
    browser = support()
    elsewhere = User.objects.create_user("elsewhere", is_staff=True)
    elsewhere.groups.add(Group.objects.get(name=clients.SUPPORT))
    StaffAccess.objects.create(user=elsewhere).businesses.add(Business.objects.create(name="Globex"))
    for name in ("elsewhere", "nobody-of-this-name", "<b>x</b>"):
        answer = browser.post(at("trustcase_assign", case.pk), {"assignee": name}, follow=True)
        assert "Nobody of this name settles cases of this business." in said(answer)
        case.refresh_from_db()
        assert case.assignee == ""
    assert "elsewhere" not in page_of(browser, "trustcase_change", case.pk)


def test_a_closed_case_takes_no_second_outcome(case: TrustCase, person: Contact) -> None:
    browser = support()
    say_same_person(browser, case)
    for name, fields in (
        ("trustcase_same_person", {"channel": "call", "evidence": "again"}),
        ("trustcase_other_person", {"channel": "call", "evidence": "again", "sure": "on"}),
        ("trustcase_not_reached", {"channel": "call", "note": "again"}),
    ):
        text = said(browser.post(at(name, case.pk), fields))
        assert "Somebody has closed this case already." in text
    case.refresh_from_db()
    assert case.outcome == "SAME_PERSON"
    assert len(sent_to(person)) == 2


def test_what_was_written_down_is_for_those_who_settle_or_may_see_evidence(case: TrustCase) -> None:
    say_same_person(support(), case)
    assert "named the last order" in page_of(support(), "trustcase_change", case.pk)
    assert "named the last order" in page_of(clients.browser(clients.AUDITOR), "trustcase_change", case.pk)
    auditor = page_of(clients.browser(clients.AUDITOR), "trustcase_change", case.pk)
    assert "Taken care of by" not in auditor


def test_an_auditor_reads_and_is_told_that_the_role_does_not_settle(case: TrustCase) -> None:
    text = page_of(clients.browser(clients.AUDITOR), "trustcase_change", case.pk, query="?outcome=same_person")
    assert "Your role reads identity changes and does not settle them." in text
    assert "Through which channel" not in text


def test_the_purged_text_of_a_held_message_is_said_and_not_offered(case: TrustCase) -> None:
    Message.objects.filter(pk=case.message_id).update(body=None, purged_at=datetime.now(UTC))
    text = page_of(support(), "trustcase_change", case.pk, query="?outcome=same_person")
    assert "Its text is gone: texts are kept for 30 days." in text
    assert "As it was written." not in text


def test_the_list_shows_open_cases_oldest_first_and_its_filters_stand_in_the_address(
    case: TrustCase, person: Contact
) -> None:
    browser = support()
    text = page_of(browser, "trustcase_changelist")
    assert "+44 •••• •••100" in text
    assert "Nobody yet" in text
    assert "Not empty" not in text
    for query, shown in (
        ("?age=day", True),
        ("?age=old", False),
        ("?message__isempty=0", True),
        ("?message__isempty=1", False),
        ("?assignee=nobody", True),
        ("?assignee=me", False),
        ("?state=settled", False),
        ("?state=awaiting", False),
        ("?state=late", False),
        ("?state=all", True),
    ):
        assert ("+44 •••• •••100" in page_of(browser, "trustcase_changelist", query=query)) is shown, query


def test_somebody_may_ask_to_verify_a_trusted_person_again(person: Contact, number: BusinessNumber) -> None:
    senders.trusts(person, number)
    browser = support()
    text = said(browser.post(at("contact_verify", person.pk), {"from": f"n{number.pk}"}, follow=True))
    assert "Nothing is sent to this person from this number until you have verified them." in text
    assert "One of us asked to have this person verified again." in text
    assert trust_of(person, number).state == IdentityTrust.State.MISMATCHED
    again = said(browser.post(at("contact_verify", person.pk), {"from": f"n{number.pk}"}, follow=True))
    assert "There is an open case for this person already." in again
    assert browser.post(at("contact_verify", person.pk), {"from": "x"}).status_code == 302
    assert TrustCase.objects.count() == 1


def test_home_shows_the_change_to_those_who_may_see_it(case: TrustCase) -> None:
    page = reverse("admin:index")
    assert "the identity changed just now (a message was held back)" in said(support().get(page))
    assert "the identity changed" not in said(clients.browser(clients.NOBODY).get(page))


def test_home_counts_the_cases_that_it_does_not_show(number: BusinessNumber, acme: Business) -> None:
    for ending in range(100, 107):
        contact = senders.agreed(factories.number(ending), acme)
        senders.trusts(contact, number)
        support().post(at("contact_verify", contact.pk), {"from": f"n{number.pk}"})
    text = said(support().get(reverse("admin:index")))
    assert "2 more identity changes to verify." in text


# --- On-Premises ------------------------------------------------------------------------------------------------------


@pytest.fixture
def node_case(onprem_account: ProviderAccount, acme: Business, sandbox: Sandbox) -> TrustCase:
    contact = senders.agreed(ONE, acme)
    sandbox.people.change_identity(ONE)
    browser = support()
    browser.post(at("contact_verify", contact.pk), {"from": f"a{onprem_account.pk}"})
    return TrustCase.objects.get()


def test_a_nodes_identity_is_read_shown_in_groups_and_confirmed_exactly(node_case: TrustCase, sandbox: Sandbox) -> None:
    browser = support()
    page = browser.get(at("trustcase_change", node_case.pk) + "?outcome=same_person").content.decode()
    assert "Read the identity from the node" in page
    assert "Through which channel" not in page
    read = browser.post(at("trustcase_read_node", node_case.pk)).content.decode()
    real = sandbox.people.hash(ONE)
    assert "".join(f"<span>{real[place : place + 4]}</span>" for place in range(0, len(real), 4)) in read
    fields = {"hash": real, "channel": "call", "evidence": "read to each other"}
    assert "Nothing was saved." in said(browser.post(at("trustcase_acknowledge", node_case.pk), fields))
    assert not sandbox.people.acknowledged(ONE)
    text = said(browser.post(at("trustcase_acknowledge", node_case.pk), {**fields, "sure": "on"}, follow=True))
    assert "The node has taken exactly this identity" in text
    assert sandbox.people.acknowledged(ONE)
    trust = IdentityTrust.objects.get()
    assert (trust.state, trust.hash, trust.basis) == ("TRUSTED", real, "VERIFIED")


def test_a_hash_that_is_not_the_newest_any_more_is_refused_in_words(node_case: TrustCase, sandbox: Sandbox) -> None:
    browser = support()
    browser.post(at("trustcase_read_node", node_case.pk))
    fields = {"hash": sandbox.people.hash(ONE), "channel": "call", "evidence": "read to each other", "sure": "on"}
    sandbox.people.change_identity(ONE)
    text = said(browser.post(at("trustcase_acknowledge", node_case.pk), fields, follow=True))
    assert "The identity has changed again since you saw it." in text
    assert not sandbox.people.acknowledged(ONE)
    node_case.refresh_from_db()
    assert node_case.closed_at is None


def test_a_nodes_case_is_not_settled_by_a_message(node_case: TrustCase, sandbox: Sandbox) -> None:
    text = said(say_same_person(support(), node_case, send="NOTHING"))
    assert "This identity is kept by a contacts node" in text
    node_case.refresh_from_db()
    assert node_case.closed_at is None


def test_a_node_that_cannot_be_asked_is_said_in_words(node_case: TrustCase, sandbox: Sandbox) -> None:
    ProviderAccount.objects.update(base_url="http://127.0.0.1:9")
    text = said(support().post(at("trustcase_read_node", node_case.pk), follow=True))
    assert "test the connection" in text
