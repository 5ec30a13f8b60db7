"""export_cleared: who may be messaged now, and nobody else."""

from datetime import UTC, datetime, timedelta

import pytest

from audit.models import AuditEvent
from contacts import exports
from contacts.models import Contact, OptIn
from providers.models import Business
from tests import factories
from tests.contacts.command_runs import run

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)


def cleared(business: Business, purpose: str = "service") -> list[str]:
    return [row.e164 for row in exports.cleared(business=business, purpose=purpose, actor="alice", now=NOW)]


def test_only_a_consent_that_stands_now_for_this_purpose_and_business_is_cleared(acme: Business) -> None:
    numbers = [factories.number(ending) for ending in range(100, 107)]
    factories.opted_in(numbers[0], acme)
    factories.opted_in(numbers[1], acme, expires_at=NOW)
    factories.opted_in(numbers[2], acme, expires_at=NOW + timedelta(seconds=1))
    factories.opted_in(numbers[3], acme, given_at=NOW + timedelta(seconds=1))
    factories.opted_in(numbers[4], acme, purposes=["marketing"])
    factories.opted_in(numbers[5], factories.business("Umbrella"))
    factories.opted_in(numbers[6], acme)
    factories.withdrawn(numbers[6], acme, now=NOW - timedelta(days=1))
    assert cleared(acme) == [numbers[0], numbers[2]]
    assert cleared(acme, "marketing") == [numbers[4]]


def test_a_row_is_stamped_and_names_its_proof(acme: Business) -> None:
    number = factories.number()
    factories.opted_in(number, acme)
    Contact.objects.update(wa_id="447400000100")
    [row] = exports.cleared(business=acme, purpose="utility", actor="alice", now=NOW)
    assert row == exports.Cleared(
        e164=number,
        wa_id="447400000100",
        purpose="utility",
        opt_in_id=OptIn.objects.get().pk,
        given_at=factories.GIVEN_AT,
        expires_at=None,
        generated_at=NOW,
        valid_until=NOW + timedelta(hours=24),
    )


def test_the_ledger_knows_who_took_the_list_and_how_long_it_was(acme: Business) -> None:
    factories.opted_in(factories.number(), acme)
    rows = exports.cleared(business=acme, purpose="service", actor="alice", now=NOW)
    next(rows)
    assert AuditEvent.objects.order_by("-sequence")[0].action == "cleared_list.requested"
    assert list(rows) == []
    last = AuditEvent.objects.order_by("-sequence")[0]
    assert (last.action, last.actor, last.details) == (
        "cleared_list.exported",
        "alice",
        {"purpose": "service", "rows": 1},
    )


def test_the_command_prints_one_row_a_person(acme: Business) -> None:
    factories.opted_in(factories.number(), acme)
    ran = run("export_cleared", "--business", "acme", "--purpose", "service")
    [row] = ran.rows
    assert ran.code == 0
    stamp = {name: datetime.fromisoformat(row.pop(name)) for name in ("generated_at", "valid_until")}
    assert stamp["valid_until"] - stamp["generated_at"] == timedelta(hours=24)
    assert row == {
        "e164": factories.number(),
        "wa_id": None,
        "purpose": "service",
        "opt_in": OptIn.objects.get().pk,
        "given_at": factories.GIVEN_AT.isoformat(),
        "expires_at": None,
    }


def test_an_unknown_business_is_exit_code_2(acme: Business) -> None:
    assert run("export_cleared", "--business", "Nobody", "--purpose", "service").code == 2
