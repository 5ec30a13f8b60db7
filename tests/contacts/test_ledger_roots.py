"""The Merkle roots of check runs against their rows: equal while they stand, found when edited, silent when erased."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from audit import proof, triggers
from audit.chain import Kind
from audit.models import AuditEvent
from contacts.checking.marks import ids_of
from contacts.models import ContactCheck
from providers.models import ProviderAccount
from tests import factories
from tests.factories import check_run, number, opted_in, run

pytestmark = pytest.mark.django_db

#: Three who are on WhatsApp, and one who is not.
ENDINGS = (100, 101, 102, 404)


@pytest.fixture
def answered(onprem_account: ProviderAccount) -> ProviderAccount:
    """A run with answers of both kinds, three refusals, and one by the second question."""
    for ending in (*ENDINGS, 103):
        opted_in(number(ending), onprem_account.business)
    batch = check_run(onprem_account, *map(number, ENDINGS), number(110), number(111), number(103), "6315551002")
    factories.withdrawn(number(103), onprem_account.business, now=datetime.now(UTC) + timedelta(seconds=1))
    run(batch)
    connection.check_constraints()  # deferred ones are pending, and PostgreSQL then alters no table
    return onprem_account


def bulk(*actions: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action__in=actions, rows_count__isnull=False).order_by("sequence"))


@pytest.mark.usefixtures("answered")
def test_every_row_with_its_last_answer_gives_the_root_of_its_event() -> None:
    proved = proof.prove()

    assert proved.faults == ()
    events = bulk("check.answered", "check.refused", "check.failed")
    assert proved.bulk_compared == len([event for event in events if is_last(event)]) >= 3
    assert {event.action for event in events if is_last(event)} >= {"check.answered", "check.refused"}


def is_last(event: AuditEvent) -> bool:
    return not set(event.details.get("statuses", ())) - {"VALID", "INVALID", "FAILED", "REFUSED"}


@pytest.mark.usefixtures("answered")
@pytest.mark.parametrize(
    ("status", "change"),
    [("VALID", {"status": "INVALID"}), ("INVALID", {"status": "VALID"}), ("REFUSED", {"reason": "OPTED_OUT"})],
)
def test_an_answer_that_was_edited_is_found_at_its_event(status: str, change: dict[str, Any]) -> None:
    row = ContactCheck.objects.filter(status=status).order_by("pk")[0]
    triggers.lift()
    ContactCheck.objects.filter(pk=row.pk).update(**change)
    connection.check_constraints()
    triggers.install()

    (fault,) = proof.prove().faults

    assert fault.kind is Kind.ROWS
    assert any(first <= row.pk <= last for first, last in pieces_of(fault.sequence))


def pieces_of(sequence: int | None) -> list[list[int]]:
    return list(AuditEvent.objects.get(sequence=sequence).details["checks"])


@pytest.mark.usefixtures("answered")
def test_rows_that_were_erased_are_no_fault_and_not_compared() -> None:
    before = proof.prove()
    row = ContactCheck.objects.filter(status="VALID").order_by("pk")[0]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM contacts_contactcheck WHERE id = %s", [row.pk])

    proved = proof.prove()

    assert proved.faults == ()
    assert proved.bulk_compared < before.bulk_compared


def test_ids_are_written_in_pieces_and_not_at_all_where_there_would_be_too_many() -> None:
    def rows(*ids: int) -> list[ContactCheck]:
        return [ContactCheck(pk=pk) for pk in ids]

    assert ids_of(rows(5, 6, 7, 9, 8)) == [[5, 7], [9, 9], [8, 8]]
    assert ids_of(rows()) == []
    assert ids_of(rows(*range(0, 400, 2))) != []
    assert ids_of(rows(*range(0, 402, 2))) == []
