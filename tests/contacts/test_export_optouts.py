"""export_optouts: every opt-out reaches the campaign tool, also one that was committed late."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from audit.models import AuditEvent
from contacts import exports, opt_ins
from contacts.exports import OptedOut
from contacts.models import Contact, OptIn
from providers.models import Business
from tests import factories
from tests.contacts.command_runs import run
from tests.contacts.csv_files import HEADER, NOW, csv_of, imported, line

NUMBERS = [factories.number(ending) for ending in range(100, 106)]


def opted_out(since: int) -> tuple[list[OptedOut], int]:
    rows = list(exports.opted_out(since=since, actor="alice", now=NOW))
    *found, cursor = rows
    assert isinstance(cursor, int)
    return [row for row in found if isinstance(row, OptedOut)], cursor


@pytest.mark.django_db
def test_each_opt_out_is_given_once_from_cursor_to_cursor(acme: Business) -> None:
    factories.opted_in(NUMBERS[0], acme)
    factories.withdrawn(NUMBERS[0], acme, now=NOW)
    factories.withdrawn(NUMBERS[1], factories.business("Umbrella"), now=NOW, purposes=["marketing"])
    first, cursor = opted_out(0)
    assert [(row.e164, row.business, row.purposes, row.withdrawn_at) for row in first] == [
        (NUMBERS[0], "Acme", "service,utility,authentication,marketing", NOW),
        (NUMBERS[1], "Umbrella", "marketing", NOW),
    ]
    assert opted_out(cursor)[0] == []
    factories.withdrawn(NUMBERS[2], acme, now=NOW)
    assert [row.e164 for row in opted_out(cursor)[0]] == [NUMBERS[2]]


@pytest.mark.django_db
def test_opt_outs_of_a_file_and_every_form_of_a_number_are_among_them(acme: Business) -> None:
    content = csv_of(line("+525512345678", "withdrawn"), line(NUMBERS[0], "granted"), header=f"{HEADER},state")
    imported(content, acme)
    rows, _cursor = opted_out(0)
    assert {row.e164 for row in rows} == {"+525512345678", "+5215512345678"}


@pytest.mark.django_db
def test_the_cursor_of_a_row_never_skips_the_rest_of_its_file(acme: Business) -> None:
    imported(csv_of(*(line(number, "withdrawn") for number in NUMBERS), header=f"{HEADER},state"), acme)
    rows, _cursor = opted_out(0)
    assert len(rows) == len(NUMBERS)
    for row in rows[:-1]:
        again, _cursor = opted_out(row.cursor)
        assert {each.e164 for each in again} == set(NUMBERS)
    assert opted_out(rows[-1].cursor)[0] == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("postgresql")
def test_an_opt_out_that_is_committed_late_is_not_missed(acme: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its id is lower than that of one already given: a cursor that went by ids would skip it."""
    written, finish = threading.Event(), threading.Event()
    record_event = opt_ins._record_event

    def slow(action: str, opt_in: OptIn, *rest: Any) -> None:
        if threading.current_thread() is late:
            written.set()
            assert finish.wait(10)
        record_event(action, opt_in, *rest)

    def withdraw() -> None:
        factories.withdrawn(NUMBERS[1], acme, now=NOW)
        connection.close()

    monkeypatch.setattr(opt_ins, "_record_event", slow)
    late = threading.Thread(target=withdraw)
    late.start()
    assert written.wait(10)
    factories.withdrawn(NUMBERS[0], acme, now=NOW)
    first, cursor = opted_out(0)
    finish.set()
    late.join(10)
    assert [row.e164 for row in first] == [NUMBERS[0]]
    assert [row.e164 for row in opted_out(cursor)[0]] == [NUMBERS[1]]
    early, on_time = OptIn.objects.order_by("pk")
    contacts = dict(Contact.objects.values_list("pseudonym", "e164"))
    assert (contacts[early.pseudonym], contacts[on_time.pseudonym]) == (NUMBERS[1], NUMBERS[0])


@pytest.mark.django_db
def test_a_person_who_was_erased_is_left_out(acme: Business) -> None:
    factories.withdrawn(NUMBERS[0], acme, now=NOW)
    Contact.objects.all().delete()
    rows, cursor = opted_out(0)
    assert rows == []
    assert cursor > 0


@pytest.mark.django_db
def test_the_ledger_knows_who_took_the_list_and_how_long_it_was(acme: Business) -> None:
    factories.withdrawn(NUMBERS[0], acme, now=NOW)
    _rows, cursor = opted_out(0)
    last = AuditEvent.objects.order_by("-sequence")[0]
    assert (last.action, last.actor) == ("opt_out_list.exported", "alice")
    assert last.details == {"since": 0, "until": cursor, "rows": 1}


@pytest.mark.django_db
def test_the_last_line_of_the_command_has_the_next_cursor(acme: Business) -> None:
    at = datetime.now(UTC) - timedelta(days=1)
    factories.withdrawn(NUMBERS[0], acme, now=at)
    first = run("export_optouts")
    assert first.code == 0
    assert first.rows[0] == {
        "e164": NUMBERS[0],
        "business": "Acme",
        "purposes": "service,utility,authentication,marketing",
        "withdrawn_at": at.isoformat(),
        "cursor": first.rows[0]["cursor"],
    }
    assert first.rows[-1]["e164"] is None
    cursor = first.rows[-1]["cursor"]
    second = run("export_optouts", "--since", str(cursor))
    assert [row["e164"] for row in second.rows] == [None]
    assert second.rows[0]["cursor"] > cursor


@pytest.mark.django_db
def test_a_cursor_below_zero_is_exit_code_2() -> None:
    assert run("export_optouts", "--since=-1").code == 2
