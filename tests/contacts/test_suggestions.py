"""Suggestions: what may mean consent or its end waits with a due date, and a person decides under their name."""

from datetime import UTC, datetime, timedelta

import pytest

from audit.models import AuditEvent
from contacts.inbound import suggestions
from contacts.inbound.suggestions import Proof, SuggestionRefused
from contacts.inbound.texts import words_of
from contacts.models import Consent, Contact, OptIn, OptInEvidence, Suggestion
from contacts.opt_ins import OptInRefused
from contacts.people import learn_alias
from numbers.models import BusinessNumber
from providers.e164 import read_number
from providers.models import Business
from sandbox import Sandbox
from tests import factories
from tests.contacts.senders import agreed, our_number
from tests.contacts.writers import writes

pytestmark = pytest.mark.django_db

ONE = factories.number(100)
T = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
LATER = T + timedelta(hours=3)


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return our_number(acme, sandbox.url)


@pytest.fixture
def person(acme: Business) -> Contact:
    return agreed(ONE, acme)


@pytest.fixture
def wish(number: BusinessNumber, person: Contact) -> Suggestion:
    """The suggestion of somebody who asked to be taken off."""
    writes(number, ONE, "please take me off your list", at=T, wamid="wamid.wish")
    return Suggestion.objects.get()


def test_a_wish_to_be_left_alone_opens_a_possible_opt_out_with_a_due_date(
    wish: Suggestion, person: Contact, acme: Business
) -> None:
    assert (wish.kind, wish.contact, wish.business, wish.opened_at) == ("OPT_OUT", person, acme, T)
    assert wish.due_at == T + suggestions.DUE_AFTER[Suggestion.Kind.OPT_OUT]
    assert wish.words is None
    assert words_of(wish) == "please take me off your list"
    assert Consent.objects.get().status == "GRANTED"
    assert AuditEvent.objects.get(action="suggestion.opened").pseudonym == person.pseudonym


def test_recording_it_withdraws_everything_with_the_words_as_evidence(wish: Suggestion, acme: Business) -> None:
    recorded = suggestions.decide(suggestion=wish, accept=True, actor="ana", now=LATER)
    assert recorded is not None
    assert Consent.objects.get().status == "WITHDRAWN"
    withdrawal = OptIn.objects.get(state="WITHDRAWN")
    assert (withdrawal.recorded_by, withdrawal.given_at) == ("ana", LATER)
    evidence = OptInEvidence.objects.get(opt_in=withdrawal).text
    assert "please take me off your list" in evidence and "wamid.wish" in evidence
    wish.refresh_from_db()
    assert (wish.outcome, wish.decided_by, wish.decided_at) == ("RECORDED", "ana", LATER)
    assert AuditEvent.objects.filter(action="suggestion.recorded", actor="ana").exists()


def test_dismissing_it_changes_no_consent(wish: Suggestion) -> None:
    assert suggestions.decide(suggestion=wish, accept=False, actor="ana", now=LATER) is None
    assert Consent.objects.get().status == "GRANTED"
    assert not suggestions.open_suggestions().exists()
    assert AuditEvent.objects.filter(action="suggestion.dismissed", actor="ana").exists()


@pytest.mark.parametrize("first", [True, False])
def test_what_was_decided_is_not_decided_again(wish: Suggestion, first: bool) -> None:
    suggestions.decide(suggestion=wish, accept=first, actor="ana", now=LATER)
    with pytest.raises(SuggestionRefused, match="decided this already"):
        suggestions.decide(suggestion=wish, accept=not first, actor="ben", now=LATER)


def test_a_wish_of_an_unknown_bsuid_needs_a_number_to_be_recorded(number: BusinessNumber, person: Contact) -> None:
    writes(number, "", "please take me off your list", at=T, bsuid="US.1", wamid="wamid.1")
    wish = Suggestion.objects.get()
    assert words_of(wish) == "please take me off your list"
    with pytest.raises(SuggestionRefused, match="Enter the number"):
        suggestions.decide(suggestion=wish, accept=True, actor="ana", now=LATER)
    suggestions.decide(suggestion=wish, accept=True, actor="ana", now=LATER, number=read_number(ONE))
    assert Consent.objects.get().status == "WITHDRAWN"


def test_a_wish_of_a_bsuid_that_became_known_counts_for_everybody_known_by_it(
    number: BusinessNumber, person: Contact, acme: Business
) -> None:
    writes(number, "", "please take me off your list", at=T, bsuid="US.1", wamid="wamid.1")
    other = agreed(factories.number(100, 1), acme)
    for one in (person, other):
        learn_alias(one, "US.1", T)
    suggestions.decide(suggestion=Suggestion.objects.get(), accept=True, actor="ana", now=LATER)
    assert set(Consent.objects.values_list("status", flat=True)) == {"WITHDRAWN"}


def test_an_opt_in_is_recorded_only_with_what_was_agreed_to(number: BusinessNumber) -> None:
    writes(number, ONE, "START", at=T, wamid="wamid.start")
    start = Suggestion.objects.get()
    assert (start.kind, start.due_at - start.opened_at) == ("OPT_IN", timedelta(days=14))
    with pytest.raises(SuggestionRefused, match="name of the business"):
        suggestions.decide(suggestion=start, accept=True, actor="ana", now=LATER)
    with pytest.raises(OptInRefused, match="not a name of"):
        suggestions.decide(suggestion=start, accept=True, actor="ana", now=LATER, proof=Proof("Somebody else"))
    assert not OptIn.objects.exists()
    suggestions.decide(suggestion=start, accept=True, actor="ana", now=LATER, proof=Proof("Acme", ("service",)))
    grant = OptIn.objects.get()
    assert (grant.state, grant.purposes, grant.given_at, grant.recorded_by) == ("GRANTED", "service", T, "ana")


def test_the_most_urgent_stands_first(number: BusinessNumber, person: Contact) -> None:
    writes(number, ONE, "START", at=T)
    writes(number, ONE, "leave me alone", at=LATER)
    assert [one.kind for one in suggestions.open_suggestions()] == ["OPT_OUT", "OPT_IN"]


def test_words_are_removed_when_their_time_is_over(number: BusinessNumber) -> None:
    writes(number, "", "leave me alone", at=T, bsuid="US.1", wamid="wamid.1")
    assert suggestions.forget_words(before=T, now=LATER) == 0
    assert suggestions.forget_words(before=LATER, now=LATER) == 1
    assert words_of(Suggestion.objects.get()) == ""
