"""A grant from a file never revives a person who opted out: it is held for a person to decide."""

from datetime import timedelta

import pytest

from contacts import opt_ins
from contacts.models import OptIn
from providers.models import Business
from tests import factories
from tests.contacts.csv_files import HEADER, NOW, counts, csv_of, events, imported, line, statuses

pytestmark = pytest.mark.django_db

NUMBER = "+447400000100"


@pytest.mark.parametrize("given_at", ["2026-01-01", "2026-05-02"])
def test_a_grant_older_or_newer_than_the_withdrawal_is_held_with_its_evidence(acme: Business, given_at: str) -> None:
    factories.withdrawn(NUMBER, acme, now=NOW - timedelta(days=30))
    result, _bad = imported(csv_of(line(NUMBER, given_at=given_at), line("+447400000101")), acme)
    assert counts(result) == (1, 0, 0, 1, 0)
    assert statuses() == {NUMBER: "WITHDRAWN", "+447400000101": "GRANTED"}
    [held] = opt_ins.held()
    assert held.evidence.text == "ticked the box"
    assert held.opt_in_import == result.opt_in_import


def test_a_withdrawal_under_another_form_of_the_number_holds_it_too(acme: Business) -> None:
    factories.withdrawn("+5215512345678", acme, now=NOW)
    result, _bad = imported(csv_of(line("+525512345678")), acme)
    assert counts(result) == (0, 0, 0, 1, 0)


def test_a_withdrawal_of_a_purpose_holds_only_grants_of_that_purpose(acme: Business) -> None:
    factories.withdrawn(NUMBER, acme, now=NOW, purposes=["marketing"])
    content = csv_of(line(NUMBER, "service marketing"), line(NUMBER, "service"), header=f"{HEADER},purposes")
    result, _bad = imported(content, acme)
    assert counts(result) == (1, 0, 0, 1, 0)
    assert statuses() == {NUMBER: "GRANTED"}


def test_a_withdrawal_from_another_business_holds_nothing(acme: Business) -> None:
    factories.withdrawn(NUMBER, factories.business("Umbrella"), now=NOW)
    result, _bad = imported(csv_of(line(NUMBER)), acme)
    assert counts(result) == (1, 0, 0, 0, 0)


def test_a_person_decides_about_it_later(acme: Business) -> None:
    factories.withdrawn(NUMBER, acme, now=NOW)
    imported(csv_of(line(NUMBER)), acme)
    opt_ins.decide_held(held=opt_ins.held().get(), accept=True, actor="alice", now=NOW + timedelta(days=1))
    assert statuses() == {NUMBER: "GRANTED"}
    assert [event.state for event in events()] == ["WITHDRAWN", "HELD", "GRANTED"]


def test_the_same_file_holds_nothing_twice_even_after_the_decision(acme: Business) -> None:
    factories.withdrawn(NUMBER, acme, now=NOW)
    content = csv_of(line(NUMBER))
    imported(content, acme)
    assert counts(imported(content, acme)[0]) == (0, 0, 1, 0, 0)
    opt_ins.decide_held(held=opt_ins.held().get(), accept=False, actor="alice", now=NOW + timedelta(days=1))
    assert counts(imported(content, acme)[0]) == (0, 0, 1, 0, 0)
    assert OptIn.objects.filter(state="HELD").count() == 1


def test_a_grant_that_was_imported_before_the_withdrawal_is_not_held_afterwards(acme: Business) -> None:
    content = csv_of(line(NUMBER))
    imported(content, acme)
    factories.withdrawn(NUMBER, acme, now=NOW)
    assert counts(imported(content, acme)[0]) == (0, 0, 1, 0, 0)
    assert not opt_ins.held().exists()
