"""erase_person and restrict_person: the same journeys from a shell."""

from datetime import UTC, datetime, timedelta

import pytest

from contacts.models import Contact, Erasure, OptInImport
from providers.models import Business
from tests import factories
from tests.contacts.command_runs import run
from tests.contacts.erasure.test_finishing import confirm, upload

ONE = factories.number(101)


@pytest.fixture
def contact(acme: Business) -> Contact:
    return factories.opted_in(ONE, acme).consent.contact


def test_a_dry_run_says_what_would_go_and_keeps_it(contact: Contact) -> None:
    ended = run("erase_person", ONE, "--reason", "asked", "--dry-run")

    assert ended.code == 0
    assert {row["what"]: row["rows"] for row in ended.rows} == {"evidence": 1, "consents": 1, "contacts": 1}
    assert Contact.objects.get().restricted_at is None


def test_a_person_is_erased_under_any_form_of_their_number(acme: Business) -> None:
    factories.opted_in("+5491123456789", acme)

    ended = run("erase_person", "+541123456789", "--reason", "asked", "--reference", "T-7")

    assert ended.code == 0
    assert {row["what"]: row["rows"] for row in ended.rows}["contacts"] == 2
    assert all(row["finished"] for row in ended.rows)
    assert Erasure.objects.get().reference == "T-7"


def test_it_says_when_something_has_to_end_first(contact: Contact, acme: Business) -> None:
    confirm(upload(acme, ONE))

    ended = run("erase_person", ONE, "--reason", "asked")

    assert ended.code == 4 and "names the person" in ended.messages
    assert OptInImport.objects.get().content is not None


@pytest.mark.parametrize("number", ["07400000101", factories.number(199)], ids=["no plus", "unknown"])
def test_a_number_that_is_none_or_nobodys_is_invalid(contact: Contact, number: str) -> None:
    assert run("erase_person", number, "--reason", "asked").code == 2
    assert run("restrict_person", number, "--reason", "asked").code == 2


def test_a_reference_that_names_the_person_is_invalid(contact: Contact) -> None:
    assert run("erase_person", ONE, "--reason", "asked", "--reference", ONE).code == 2


def test_a_journal_that_cannot_be_written_is_an_error(contact: Contact, settings: object) -> None:
    settings.ERASURE_JOURNAL = "/dev/null/nowhere"  # type: ignore[attr-defined]

    assert run("erase_person", ONE, "--reason", "asked").code == 1
    assert Contact.objects.exists()


def test_a_person_is_restricted_for_as_long_as_the_business_says_and_lifted(contact: Contact) -> None:
    ended = run("restrict_person", ONE, "--reason", "objected")

    until = Contact.objects.get().restricted_until
    assert ended.code == 0 and ended.rows[0]["state"] == "restricted"
    assert until is not None and timedelta(days=1825) < until - datetime.now(UTC) < timedelta(days=1828)
    assert run("restrict_person", ONE, "--reason", "mistake", "--lift").code == 0
    assert Contact.objects.get().restricted_until is None


def test_a_date_means_the_end_of_its_day_and_one_that_is_over_is_invalid(contact: Contact) -> None:
    assert run("restrict_person", ONE, "--reason", "objected", "--until", "2020-01-01").code == 2
    assert run("restrict_person", ONE, "--reason", "objected", "--until", "soon").code == 2
    assert run("restrict_person", ONE, "--reason", "objected", "--until", "2040-05-03").code == 0

    assert Contact.objects.get().restricted_until == datetime(2040, 5, 3, 23, 59, 59, 999999, tzinfo=UTC)
