"""Importing a file again changes nothing; what is said twice is recorded once."""

from datetime import date

import pytest

from contacts import opt_ins
from contacts.consent.evidence import Evidence
from contacts.consent.state import load_grants
from contacts.models import Consent, Contact, OptIn, OptInEvidence
from providers.e164 import read_number
from providers.models import Business
from tests import factories
from tests.contacts.csv_files import HEADER, NOW, counts, csv_of, events, imported, line, statuses

pytestmark = pytest.mark.django_db

LINES = tuple(line(f"+4474000001{n:02d}") for n in range(5))


def everything() -> list[object]:
    return [
        list(model._default_manager.order_by("pk").values())  # type: ignore[attr-defined]
        for model in (Contact, OptIn, OptInEvidence, Consent)
    ]


def test_a_second_import_of_the_file_changes_nothing(acme: Business) -> None:
    header = f"{HEADER},state"
    content = csv_of(
        *(each + ",granted" for each in LINES), line("+525512345678", "withdrawn"), line("bad", ""), header=header
    )
    first, _bad = imported(content, acme)
    before = everything()
    second, _bad = imported(content, acme)
    assert counts(first) == (5, 1, 0, 0, 1)
    assert counts(second) == (0, 0, 6, 0, 1)
    assert everything() == before
    assert first.opt_in_import != second.opt_in_import


def test_a_line_that_stands_twice_is_recorded_once(acme: Business) -> None:
    result, _bad = imported(csv_of(LINES[0], LINES[1], LINES[0]), acme)
    assert counts(result) == (2, 0, 1, 0, 0)


def test_several_events_of_one_person_make_the_state_that_the_latest_says(acme: Business) -> None:
    content = csv_of(
        line("+447400000100", "service", given_at="2026-03-01"),
        line("+447400000100", "service marketing", given_at="2026-01-01"),
        header=f"{HEADER},purposes",
    )
    result, _bad = imported(content, acme)
    newer, older = events()
    assert counts(result) == (2, 0, 0, 0, 0)
    consent = Consent.objects.get()
    assert {purpose: grant.opt_in_id for purpose, grant in load_grants(consent.grants).items()} == {
        "service": newer.pk,
        "marketing": older.pk,
    }


def test_an_imported_state_is_the_one_that_its_events_would_derive(acme: Business) -> None:
    content = csv_of(
        line("+447400000100", "granted", "2027-01-01", "service"),
        line("+447400000101", "granted", "", ""),
        line("+447400000102", "withdrawn", "", "marketing"),
        header=f"{HEADER},state,expires_at,purposes",
    )
    imported(content, acme)
    fields = ("contact", "status", "grants", "withdrawals", "updated_at")
    prepared = list(Consent.objects.order_by("pk").values(*fields))
    for consent in Consent.objects.all():
        opt_ins.derive(consent, consent.contact, NOW)
    assert list(Consent.objects.order_by("pk").values(*fields)) == prepared


def test_what_a_person_recorded_already_is_unchanged_by_the_file(acme: Business) -> None:
    opt_ins.record(
        number=read_number("+447400000100"),
        business=acme,
        actor="bob",
        now=NOW,
        source="web form",
        evidence=Evidence(text="ticked the box"),
        business_name_shown="Acme",
        given_at=factories.GIVEN_AT,
    )
    result, _bad = imported(csv_of(line("+447400000100")), acme)
    assert counts(result) == (0, 0, 1, 0, 0)


def test_a_later_file_adds_to_what_is_there(acme: Business) -> None:
    factories.opted_in("+447400000100", factories.business("Umbrella"))
    imported(csv_of(*LINES), acme)
    result, _bad = imported(csv_of(*LINES, line("+447400000100", given_at="2026-04-01"), line("+447400000199")), acme)
    assert counts(result) == (2, 0, 5, 0, 0)
    grants = Consent.objects.get(contact__e164="+447400000100", business=acme).grants
    assert load_grants(grants)["service"].given_at.date() == date(2026, 4, 1)


def test_an_event_of_a_contact_that_is_gone_is_not_recorded_again(acme: Business) -> None:
    imported(csv_of(LINES[0]), acme)
    Contact.objects.all().delete()
    result, _bad = imported(csv_of(LINES[0], LINES[1]), acme)
    assert counts(result) == (1, 0, 1, 0, 0)
    assert statuses()["+447400000101"] == "GRANTED"
    assert Consent.objects.filter(status="GRANTED").count() == 1
