"""Withdrawals of a file come before its grants, wherever they stand, and are what a recorded withdrawal is."""

from datetime import UTC, datetime

import pytest

from contacts import opt_ins
from contacts.consent.state import load_grants
from contacts.models import Consent, OptIn, OptInEvidence
from providers.e164 import read_number
from providers.models import Business, Purpose
from tests import factories
from tests.contacts.csv_files import HEADER, NOW, counts, csv_of, events, imported, line, statuses

pytestmark = pytest.mark.django_db

STATE_HEADER = f"{HEADER},state"


def test_a_withdrawal_further_down_holds_the_grant_above_it_back(acme: Business) -> None:
    content = csv_of(
        line("+447400000100", "granted", given_at="2026-03-01"),
        line("+447400000100", "withdrawn", given_at="2026-02-01"),
        header=STATE_HEADER,
    )
    result, _bad = imported(content, acme)
    assert counts(result) == (0, 1, 0, 1, 0)
    assert statuses() == {"+447400000100": "WITHDRAWN"}


def test_a_withdrawal_goes_to_every_form_of_the_number_and_counts_once(acme: Business) -> None:
    factories.opted_in("+5215512345678", acme)
    result, _bad = imported(csv_of(line("+525512345678", "opted out"), header=STATE_HEADER), acme)
    assert counts(result) == (0, 1, 0, 0, 0)
    assert statuses() == {"+525512345678": "WITHDRAWN", "+5215512345678": "WITHDRAWN"}


def test_an_imported_withdrawal_leaves_what_a_recorded_one_leaves(acme: Business) -> None:
    given_at = datetime(2026, 2, 1, tzinfo=UTC)
    other = factories.business("Umbrella")
    for business in (acme, other):
        factories.opted_in("+525512345678", business)
    imported(csv_of(line("+525512345678", "withdrawn", given_at="2026-02-01"), header=STATE_HEADER), acme)
    opt_ins.withdraw(
        number=read_number("+525512345678"),
        business=other,
        actor="alice",
        now=NOW,
        source="web form",
        reason="ticked the box",
        given_at=given_at,
    )

    def left(business: Business) -> tuple[list[object], list[object]]:
        fields = ("pseudonym", "state", "purposes", "business_name_shown", "consent_text", "source", "given_at")
        opted = OptIn.objects.filter(business=business, state="WITHDRAWN").order_by("pseudonym")
        consents = Consent.objects.filter(business=business).order_by("contact")
        return (
            list(opted.values_list(*fields, "expires_at", "external_id", "recorded_by", "evidence__text")),
            list(consents.values_list("contact", "status", "grants", "withdrawals", "updated_at")),
        )

    assert left(acme) == left(other)
    assert len(left(acme)[0]) == 2


def test_an_imported_withdrawal_and_the_same_one_recorded_are_one_event(acme: Business) -> None:
    imported(csv_of(line("+525512345678", "withdrawn", given_at="2026-02-01"), header=STATE_HEADER), acme)
    recorded = opt_ins.withdraw(
        number=read_number("+525512345678"),
        business=acme,
        actor="bob",
        now=NOW,
        source="web form",
        reason="ticked the box",
        given_at=datetime(2026, 2, 1, tzinfo=UTC),
    )
    assert not recorded.created


def test_a_withdrawal_of_some_purposes_leaves_the_others(acme: Business) -> None:
    factories.opted_in("+447400000100", acme, purposes=Purpose.values)
    content = csv_of(
        line("+447400000100", "withdrawn", "marketing", given_at="2026-02-01"), header=f"{STATE_HEADER},purposes"
    )
    imported(content, acme)
    consent = Consent.objects.get()
    assert sorted(load_grants(consent.grants)) == ["authentication", "service", "utility"]
    assert list(consent.withdrawals) == ["marketing"]


def test_a_withdrawal_needs_source_and_evidence_and_no_name(acme: Business) -> None:
    content = csv_of(
        "+447400000100,2026-02-01,,said stop,withdrawn",
        "+447400000100,2026-02-01,call,,withdrawn",
        "+447400000100,2026-02-01,call,said stop,withdrawn",
        header=STATE_HEADER,
    )
    result, bad = imported(content, acme)
    assert counts(result) == (0, 1, 0, 0, 2)
    assert [(each.line, each.column) for each in bad] == [(2, "source"), (3, "evidence")]
    assert events()[0].business_name_shown == ""


@pytest.mark.parametrize("state", ["", "yes", "?"])
def test_a_state_that_is_not_clear_is_never_taken_for_a_grant(acme: Business, state: str) -> None:
    result, bad = imported(csv_of(line("+447400000100", state), header=STATE_HEADER), acme)
    assert counts(result) == (0, 0, 0, 0, 1)
    assert bad[0].column == "state"


@pytest.mark.parametrize("count", [3_000])
def test_thousands_of_withdrawals_are_no_trouble(acme: Business, count: int) -> None:
    content = csv_of(*(line(f"+44740{n:07d}", "withdrawn") for n in range(count)), header=STATE_HEADER)
    result, _bad = imported(content, acme)
    assert counts(result) == (0, count, 0, 0, 0)
    assert OptInEvidence.objects.count() == count
