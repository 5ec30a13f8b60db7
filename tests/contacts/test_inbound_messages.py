"""What people write: the message is kept once, it opens the reply window, and a stop word ends consent."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from audit.models import AuditEvent
from contacts import inbound, messages, opt_ins
from contacts.inbound import suggestions
from contacts.models import (
    Alias,
    Consent,
    Contact,
    IdentityKey,
    Message,
    OptIn,
    OptInEvidence,
    Reach,
    Suggestion,
    TrustCase,
)
from contacts.people import find, find_or_make, learn_alias
from numbers.models import BusinessNumber
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import factories
from tests.contacts.senders import HASH, agreed, our_number, send, trusts
from tests.contacts.writers import message, prefers, receive, writes

pytestmark = pytest.mark.django_db

ONE = factories.number(100)
T = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return T + timedelta(minutes=minutes)


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return our_number(acme, sandbox.url)


@pytest.fixture
def person(acme: Business) -> Contact:
    return agreed(ONE, acme, purposes=["service", "marketing"])


def granted(e164: str = ONE) -> list[str]:
    """The purposes that a person agrees to now."""
    consent = Consent.objects.filter(contact__e164=e164).first()
    return sorted(purpose for grant in (consent.grants if consent else []) for purpose in grant[3:])


def test_a_message_is_kept_with_its_text_encrypted(number: BusinessNumber, person: Contact, acme: Business) -> None:
    assert writes(number, ONE, "Where is my order?", at=T, wamid="wamid.1") == f"Contact:{person.pk}"
    kept = Message.objects.get()
    assert (kept.direction, kept.state, kept.kind, kept.at, kept.business) == ("IN", "RECEIVED", "TEXT", T, acme)
    content = messages.content_of(kept)
    assert content is not None and getattr(content, "body", "") == "Where is my order?"
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM contacts_message")
        assert b"order" not in bytes(cursor.fetchone()[0])


def test_a_message_opens_the_reply_window(number: BusinessNumber, acme: Business) -> None:
    writes(number, ONE, at=T)
    contact = Contact.objects.get()
    window = messages.reply_window(contact=contact, account=number.account, business_number=number, now=after(60))
    assert window == T + timedelta(hours=24)
    assert send(contact, number, now=after(60)).basis == "REPLY_WINDOW"


def test_a_clock_that_runs_ahead_does_not_keep_the_window_open(number: BusinessNumber) -> None:
    writes(number, ONE, at=after(600), now=T)
    assert Reach.objects.get().wrote_at == T
    assert Message.objects.get().at == T


def test_somebody_new_is_made_a_contact_by_their_number_only(number: BusinessNumber) -> None:
    writes(number, ONE, at=T, bsuid="GB.77")
    contact = Contact.objects.get()
    assert (contact.e164, contact.wa_id, contact.region) == (ONE, ONE[1:], "GB")
    assert Alias.objects.get().bsuid == "GB.77"
    assert writes(number, "", at=T, bsuid="US.1") == ""
    assert writes(number, "+123", at=T) == ""
    assert Contact.objects.count() == 1


def test_a_test_number_of_metas_may_write(number: BusinessNumber) -> None:
    writes(number, "+15550001111", at=T)
    assert Contact.objects.get().region == ""


def test_a_person_is_found_under_another_form_of_their_number(number: BusinessNumber, acme: Business) -> None:
    known = agreed("+525512345678", acme)
    assert writes(number, "+5215512345678", at=T) == f"Contact:{known.pk}"
    known.refresh_from_db()
    assert known.wa_id == "5215512345678"


def test_a_person_is_found_by_the_wa_id_that_a_provider_gave(acme: Business) -> None:
    known = agreed(ONE, acme)
    Contact.objects.update(wa_id="447999999999")
    assert find("447999999999", at=T) == known
    assert find_or_make("447999999999", T, at=T) == known


def test_a_person_is_found_by_their_business_scoped_user_id(number: BusinessNumber, person: Contact) -> None:
    learn_alias(person, "GB.77", T)
    assert writes(number, "", at=T, bsuid="GB.77") == f"Contact:{person.pk}"


def test_the_same_message_again_changes_nothing(number: BusinessNumber, person: Contact) -> None:
    trusts(person, number, HASH, since=T)
    for _time in range(3):
        writes(number, ONE, "STOP", at=after(1), identity_hash="other")
    assert [Message.objects.count(), IdentityKey.objects.count(), TrustCase.objects.count()] == [1, 1, 1]
    assert OptIn.objects.filter(state="WITHDRAWN").count() == 1
    assert AuditEvent.objects.filter(action="opt_in.withdrawn").count() == 1


def test_a_message_without_an_id_is_kept_once_too(number: BusinessNumber, person: Contact) -> None:
    for _time in range(2):
        writes(number, ONE, "Hello", at=T, wamid="")
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("kind", "text", "payload"),
    [
        ("text", "STOP", ""),
        ("button", "Unsubscribe", "X"),
        ("interactive", "Abmelden", "row-3"),
        ("button", "No!", "STOP"),
    ],
)
def test_a_stop_word_withdraws_everything_with_the_message_as_evidence(
    number: BusinessNumber, person: Contact, kind: str, text: str, payload: str
) -> None:
    writes(number, ONE, text, at=after(1), kind=kind, payload=payload, wamid="wamid.stop")
    assert granted() == []
    withdrawal = OptIn.objects.get(state="WITHDRAWN")
    assert (withdrawal.purposes, withdrawal.given_at) == ("service,utility,authentication,marketing", after(1))
    assert (withdrawal.source, withdrawal.recorded_by) == ("WhatsApp message", "waadmin")
    evidence = OptInEvidence.objects.get(opt_in=withdrawal).text
    assert text in evidence and "wamid.stop" in evidence


def test_a_sentence_with_a_stop_word_in_it_does_not(number: BusinessNumber, person: Contact) -> None:
    writes(number, ONE, "Stop, he is not coming", at=T)
    assert granted() == ["marketing", "service"]
    assert not Suggestion.objects.exists()


def test_a_stop_word_under_a_picture_is_for_a_person(number: BusinessNumber, person: Contact) -> None:
    writes(number, ONE, "STOP", at=T, kind="image")
    assert granted() == ["marketing", "service"]
    assert Suggestion.objects.get().kind == "OPT_OUT"


def test_an_opt_out_button_of_marketing_withdraws_marketing_only(number: BusinessNumber, person: Contact) -> None:
    writes(number, ONE, "Stop promotions", at=T, kind="button")
    assert granted() == ["service"]


def test_a_stop_word_ends_the_reply_window(number: BusinessNumber, person: Contact) -> None:
    writes(number, ONE, "STOP", at=T)
    with pytest.raises(messages.MessageRefused):
        send(person, number, now=after(1))


def test_a_stop_word_counts_under_every_form_of_the_number(number: BusinessNumber, acme: Business) -> None:
    for form in ("+525512345678", "+5215512345678"):
        agreed(form, acme)
    writes(number, "+525512345678", "BAJA", at=after(1))
    assert granted("+525512345678") == granted("+5215512345678") == []


def test_a_stop_word_of_a_bsuid_counts_for_everybody_known_by_it(number: BusinessNumber, acme: Business) -> None:
    people = [agreed(factories.number(100, index), acme) for index in range(2)]
    for person in people:
        learn_alias(person, "GB.77", T)
    writes(number, "", "STOP", at=after(1), bsuid="GB.77")
    assert [granted(person.e164) for person in people] == [[], []]


def test_a_stop_word_counts_for_the_business_that_was_written_to(
    number: BusinessNumber, person: Contact, acme: Business
) -> None:
    shop = factories.business("Shop")
    agreed(ONE, shop)
    writes(number, ONE, "STOP", at=after(1))
    assert dict(Consent.objects.values_list("business__name", "status")) == {"Acme": "WITHDRAWN", "Shop": "GRANTED"}


def test_a_stop_word_from_before_a_later_opt_in_does_not_undo_it(
    number: BusinessNumber, person: Contact, acme: Business
) -> None:
    agreed(ONE, acme, given_at=after(10), now=after(10))
    writes(number, ONE, "STOP", at=after(5), now=after(20))
    assert granted() == ["service"]


def test_a_stop_word_whose_clock_runs_ahead_does_not_outlast_a_later_opt_in(
    number: BusinessNumber, person: Contact, acme: Business
) -> None:
    writes(number, ONE, "STOP", at=after(600), now=after(1))
    agreed(ONE, acme, given_at=after(10), now=after(10))
    assert granted() == ["service"]


def test_a_stop_word_of_an_unknown_bsuid_waits_for_a_person(number: BusinessNumber, acme: Business) -> None:
    for _time in range(2):
        assert writes(number, "", "STOP", at=T, bsuid="US.1", wamid="wamid.1") == ""
    suggestion = Suggestion.objects.get()
    assert (suggestion.kind, suggestion.contact, suggestion.bsuid) == ("OPT_OUT", None, "US.1")
    assert bytes(suggestion.words or b"") == b"STOP"


def test_a_stop_word_counts_as_soon_as_it_is_known_who_wrote_it(number: BusinessNumber, person: Contact) -> None:
    writes(number, "", "STOP", at=after(1), bsuid="US.1", wamid="wamid.1")
    writes(number, "", "please take me off", at=after(2), bsuid="US.1", wamid="wamid.2")
    assert granted() == ["marketing", "service"]
    writes(number, ONE, "Hello", at=after(60), bsuid="US.1")
    assert granted() == []
    assert OptIn.objects.get(state="WITHDRAWN").given_at == after(1)
    stop, wish = Suggestion.objects.order_by("opened_at")
    assert (stop.outcome, stop.contact) == ("RECORDED", person)
    assert (wish.outcome, wish.contact) == ("", person)


def test_a_node_writes_for_the_business_of_its_account(onprem_account: ProviderAccount, person: Contact) -> None:
    event = message(ONE, "STOP", at=T)
    inbound.receive_message(account=onprem_account, business_number=None, event=event, now=T)
    assert granted() == []
    assert Message.objects.get().business_number is None


def test_nothing_that_a_person_writes_grants_consent(number: BusinessNumber) -> None:
    for place, word in enumerate(("START", "Yes", "Subscribe", "OPT IN", "I agree to everything")):
        writes(number, ONE, word, at=after(place))
    assert not OptIn.objects.exists()
    assert set(Suggestion.objects.values_list("kind", flat=True)) == {"OPT_IN"}


def test_marketing_stopped_in_whatsapp_is_withdrawn(number: BusinessNumber, person: Contact) -> None:
    for _time in range(2):
        assert prefers(number, ONE, "stop", at=after(1)) == f"Contact:{person.pk}"
    assert granted() == ["service"]
    assert OptIn.objects.get(state="WITHDRAWN").source == "WhatsApp preferences"


def test_marketing_resumed_in_whatsapp_only_suggests(number: BusinessNumber, person: Contact) -> None:
    prefers(number, ONE, "stop", at=after(1))
    for _time in range(2):
        prefers(number, ONE, "resume", at=after(2))
    assert granted() == ["service"]
    assert Suggestion.objects.get().kind == "OPT_IN"


def test_a_preference_of_an_unknown_bsuid_or_category_waits_for_a_person(
    number: BusinessNumber, person: Contact
) -> None:
    assert prefers(number, "", "stop", at=T, bsuid="US.1") == ""
    prefers(number, ONE, "stop", at=T, category="utility_messages")
    prefers(number, ONE, "pause", at=T)
    assert list(Suggestion.objects.values_list("kind", flat=True)) == ["OPT_OUT"] * 2
    assert granted() == ["marketing", "service"]


def test_meta_saying_that_marketing_was_stopped_withdraws_it_once(
    number: BusinessNumber, person: Contact, acme: Business
) -> None:
    for _time in range(2):
        inbound.stop_marketing(contact=person, business=acme, reference="Message:1", at=after(1), now=after(2))
    assert granted() == ["service"]
    assert OptIn.objects.filter(state="WITHDRAWN").count() == 1


def test_sixteen_deliveries_of_one_message_at_once_have_one_effect(
    postgresql: None, acme: Business, sandbox: Sandbox
) -> None:
    number = our_number(acme, sandbox.url)
    for index in range(20):
        e164 = factories.number(100, index)
        person = agreed(e164, acme)
        trusts(person, number, HASH, since=T)
        event = message(e164, "STOP", at=after(1), identity_hash="other", bsuid=f"GB.{index}")
        _at_once(16, number, event)
    expected = 20
    counts: dict[str, Any] = {
        "messages": Message.objects.count(),
        "keys": IdentityKey.objects.count(),
        "cases": TrustCase.objects.count(),
        "aliases": Alias.objects.count(),
        "reach": Reach.objects.count(),
        "withdrawals": OptIn.objects.filter(state="WITHDRAWN").count(),
        "opened": AuditEvent.objects.filter(action="trust_case.opened").count(),
        "withdrawn": AuditEvent.objects.filter(action="opt_in.withdrawn").count(),
    }
    assert counts == dict.fromkeys(counts, expected)


def _at_once(count: int, number: BusinessNumber, event: Any) -> None:
    problems: list[BaseException] = []
    start = threading.Barrier(count)

    def deliver() -> None:
        try:
            start.wait(10)
            receive(number, event)
        except BaseException as problem:  # noqa: BLE001 - shown in the test's own thread below
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=deliver) for _delivery in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not problems, problems


def test_sixteen_deliveries_of_a_wish_from_nobody_known_open_one_suggestion(
    postgresql: None, acme: Business, sandbox: Sandbox
) -> None:
    number = our_number(acme, sandbox.url)
    for index in range(10):
        _at_once(16, number, message("", "STOP", at=after(index), bsuid=f"US.{index}", wamid=f"wamid.{index}"))
    assert Suggestion.objects.count() == 10
    assert suggestions.open_suggestions().count() == 10


def test_deliveries_withdrawals_and_sends_to_one_person_never_wait_for_each_other_in_a_circle(
    postgresql: None, acme: Business, sandbox: Sandbox
) -> None:
    number = our_number(acme, sandbox.url)
    person = agreed(ONE, acme)
    trusts(person, number, HASH, since=T)
    problems: list[BaseException] = []

    def guarded(work: Any) -> None:
        try:
            for index in range(8):
                work(index)
        except (messages.MessageRefused, opt_ins.OptInRefused):
            pass
        except BaseException as problem:  # noqa: BLE001 - shown in the test's own thread below
            problems.append(problem)
        finally:
            connection.close()

    now = datetime.now(UTC)
    works = [
        lambda index: writes(number, ONE, "STOP", at=now, wamid=f"w.stop.{index}", bsuid="GB.1"),
        lambda index: writes(number, ONE, "Hello", at=now, wamid=f"w.hello.{index}", identity_hash=f"h{index}"),
        lambda index: prefers(number, ONE, "stop", at=now + timedelta(seconds=index)),
        lambda index: agreed(ONE, acme, given_at=datetime.now(UTC), now=datetime.now(UTC)),
        lambda index: send(person, number),
        lambda index: factories.withdrawn(ONE, acme, now=datetime.now(UTC)),
    ]
    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not problems, problems
