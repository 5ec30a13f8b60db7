"""Whoever can write to the database past its triggers, and even mends them afterwards, is found: what, and where.

Each class of tampering is tried at random places; TESTS_IN_FULL=1 tries as many as the project promises.
"""

import os
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from audit import heads, ledger, proof, triggers
from audit.chain import Fault, Kind
from audit.ledger import GENESIS, hash_event
from audit.merkle import MerkleTree
from audit.models import AuditEvent, LedgerHead, SignedHead
from audit.proof import Result
from contacts.models import OptIn
from providers.models import Business
from tests.audit.chains import NOW, append
from tests.contacts.csv_files import csv_of, imported, line

pytestmark = pytest.mark.django_db

IN_FULL = bool(os.environ.get("TESTS_IN_FULL"))
CASES = (1_000 if connection.vendor == "sqlite" else 100) if IN_FULL else 12
CLEAN_RUNS = (10_000 if connection.vendor == "sqlite" else 1_000) if IN_FULL else 50


class Found(Exception):
    """Takes a case's changes back."""


@pytest.fixture
def chance() -> random.Random:
    return random.Random(5)


@pytest.fixture
def chain(acme: Business, chance: random.Random) -> dict[str, Any]:
    """A ledger of some twenty events with an import in the middle; gives the head that was kept outside on 3 May."""
    append(6, chance)
    imported(csv_of(*(line(f"+4474000001{n:02d}") for n in range(5))), acme)
    append(6, chance)
    kept = heads.values_of(heads.sign_head(actor="alice", now=NOW))
    append(5, chance)
    connection.check_constraints()
    return kept


@pytest.fixture
def writable(chain: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The intruder has dropped the triggers and will have made them anew before anybody looks."""
    triggers.lift()
    monkeypatch.setattr(triggers, "missing", lambda using="default": [])


def last() -> int:
    return heads.head().sequence


def tried(attack: Callable[[], Any], against: dict[str, Any] | None = None) -> tuple[proof.Proof, Any]:
    """Verify after the attack, and take it back."""
    try:
        with transaction.atomic():
            told = attack()
            raise Found(proof.prove(against=against), told)
    except Found as found:
        proved, told = found.args
        return proved, told


def event(sequence: int) -> AuditEvent:
    return AuditEvent.objects.get(sequence=sequence)


def write(sequence: int, /, **values: Any) -> None:
    assert AuditEvent.objects.filter(sequence=sequence).update(**values) == 1


def rehash(start: int) -> None:
    """Give every event from a number on a previous hash and a hash that fit, and mend the head row."""
    previous = event(start - 1).hash if start > 1 else GENESIS
    for one in AuditEvent.objects.filter(sequence__gte=start).order_by("sequence"):
        one.previous_hash = previous
        one.hash = previous = hash_event(one)
        write(one.sequence, previous_hash=one.previous_hash, hash=one.hash)
    mend_head_row()


def mend_head_row() -> None:
    end = heads.head()
    LedgerHead.objects.update(sequence=end.sequence, hash=end.hash)


def some_edit(chance: random.Random, sequence: int) -> dict[str, Any]:
    """A change to one column of an event, whatever it was."""
    one = event(sequence)
    changed = {
        "action": f"{one.action}x",
        "actor": f"{one.actor}x",
        "subject": f"x{one.subject}"[:100],
        "business_id": (one.business_id or 0) + 1,
        "recorded_at": one.recorded_at + timedelta(microseconds=1),
        "pseudonym": None if one.pseudonym else "1c1b1a19-0000-4000-8000-000000000000",
        "details": {**one.details, "forged": chance.randrange(9)},
        "rows_count": (one.rows_count or 0) + 1,
        "rows_root": "ab" * 32,
    }
    name = chance.choice(sorted(changed))
    return {name: changed[name]}


def faults(proved: proof.Proof) -> list[tuple[Kind, int | None]]:
    return [(fault.kind, fault.sequence) for fault in proved.faults]


@pytest.mark.usefixtures("writable")
def test_an_edit_is_found_at_its_number(chance: random.Random) -> None:
    for _case in range(CASES):
        place = chance.randint(1, last())
        proved, _ = tried(lambda place=place: write(place, **some_edit(chance, place)))  # type: ignore[misc]
        assert faults(proved)[0] == (Kind.EDITED, place)


@pytest.mark.usefixtures("writable")
def test_an_edit_with_a_hash_that_fits_is_found_where_the_next_one_does_not_follow(chance: random.Random) -> None:
    def attack() -> int:
        place = chance.randint(1, last() - 1)
        write(place, **some_edit(chance, place))
        write(place, hash=hash_event(event(place)))
        return place

    for _case in range(CASES):
        proved, place = tried(attack)
        # Where the head that was signed is the edited event itself, that shows it first.
        assert faults(proved)[0] in ((Kind.UNLINKED, place + 1), (Kind.REWRITTEN, place))


@pytest.mark.usefixtures("writable")
def test_a_deletion_in_the_middle_is_found_at_the_first_missing_number(chance: random.Random) -> None:
    def attack() -> int:
        first = chance.randint(1, last() - 1)
        AuditEvent.objects.filter(sequence__gte=first, sequence__lt=chance.randint(first + 1, last())).delete()
        return first

    for _case in range(CASES):
        proved, first = tried(attack)
        assert faults(proved)[0] == (Kind.MISSING, first)


@pytest.mark.usefixtures("writable")
def test_a_cut_tail_shows_in_the_head_row_and_where_that_was_mended_only_against_a_head(
    chain: dict[str, Any], chance: random.Random
) -> None:
    def attack(mended: bool = True) -> int:
        keep = chance.randrange(chain["sequence"])
        AuditEvent.objects.filter(sequence__gt=keep).delete()
        SignedHead.objects.all().delete()
        if mended:
            mend_head_row()
        return keep

    for _case in range(CASES):
        proved, keep = tried(lambda: attack(mended=False))
        assert faults(proved) == [(Kind.HEAD_ROW, keep)]
        proved, _keep = tried(attack)
        assert proved.result is Result.CONSISTENT
        proved, keep = tried(attack, chain)
        assert faults(proved) == [(Kind.CUT, keep + 1)]


@pytest.mark.usefixtures("writable")
def test_an_insertion_is_found_at_the_event_after_it(chance: random.Random) -> None:
    def attack() -> int:
        place = chance.randint(1, last())
        for one in AuditEvent.objects.filter(sequence__gte=place).order_by("-sequence"):
            write(one.sequence, sequence=one.sequence + 1)
        forged = event(place + 1)
        forged.pk, forged.sequence, forged.subject = None, place, "OptIn:7"
        forged.hash = hash_event(forged)
        forged.save(force_insert=True)
        LedgerHead.objects.update(sequence=last())
        return place

    for _case in range(CASES):
        proved, place = tried(attack)
        # The events after it no longer hold their own number.
        assert faults(proved)[0] in ((Kind.EDITED, place + 1), (Kind.REWRITTEN, place))


@pytest.mark.usefixtures("writable")
def test_an_event_before_the_first_one_is_found() -> None:
    def attack() -> None:
        forged = event(1)
        forged.pk, forged.sequence = None, 0
        forged.hash = hash_event(forged)
        forged.save(force_insert=True)

    assert faults(tried(attack)[0]) == [(Kind.REPEATED, 0)]


@pytest.mark.usefixtures("writable")
def test_two_events_that_changed_places_are_found_at_the_first_of_them(chance: random.Random) -> None:
    def attack() -> int:
        first, second = sorted(chance.sample(range(1, last() + 1), 2))
        for number, becomes in ((first, 10**6), (second, first), (10**6, second)):
            write(number, sequence=becomes)
        return first

    for _case in range(CASES):
        proved, first = tried(attack)
        assert faults(proved)[0] == (Kind.EDITED, first)


@pytest.mark.usefixtures("writable")
def test_a_chain_that_was_hashed_anew_is_found_only_against_a_head(
    chain: dict[str, Any], chance: random.Random
) -> None:
    def attack() -> int:
        place = chance.randint(1, chain["sequence"])
        write(place, actor="somebody else")
        rehash(place)
        SignedHead.objects.all().delete()
        return place

    for _case in range(CASES):
        proved, _place = tried(attack)
        assert proved.result is Result.CONSISTENT
        assert "complete rewrite" in proved.words()
        proved, _place = tried(attack, chain)
        assert faults(proved) == [(Kind.REWRITTEN, chain["sequence"])]


@pytest.mark.usefixtures("writable")
def test_a_signed_head_that_stayed_in_the_database_is_enough_to_find_it(chain: dict[str, Any]) -> None:
    def attack() -> None:
        write(2, actor="somebody else")
        rehash(2)

    assert faults(tried(attack)[0]) == [(Kind.REWRITTEN, chain["sequence"])]


@pytest.mark.usefixtures("writable")
def test_an_old_backup_on_which_work_went_on_is_found_only_against_a_later_head(chance: random.Random) -> None:
    later = heads.values_of(heads.sign_head(actor="alice", now=NOW))

    def attack() -> int:
        keep = chance.randrange(1, later["sequence"])
        AuditEvent.objects.filter(sequence__gt=keep).delete()
        SignedHead.objects.filter(sequence__gt=keep).delete()
        mend_head_row()
        append(chance.randrange(2 * last()), chance)
        return last()

    for _case in range(CASES):
        proved, _end = tried(attack)
        assert proved.result is Result.CONSISTENT
        proved, end = tried(attack, later)
        expected = (Kind.CUT, end + 1) if end < later["sequence"] else (Kind.REWRITTEN, later["sequence"])
        assert faults(proved) == [expected]


@pytest.mark.usefixtures("chain")
def test_dropped_and_emptied_triggers_are_named(chance: random.Random) -> None:
    def attack() -> list[str]:
        dropped = chance.sample(ours, chance.randint(1, len(ours)))
        with connection.cursor() as cursor:
            for name in dropped:
                cursor.execute(f"DROP TRIGGER {name}" + (f" ON {on[name]}" if connection.vendor != "sqlite" else ""))
        return sorted(dropped)

    on = {
        name: trigger.table
        for trigger in triggers._registered.values()
        for name in trigger.names
        if any(f"CREATE TRIGGER {name} " in text for text in getattr(trigger, connection.vendor))
    }
    ours = sorted(on)
    for _case in range(CASES):
        proved, dropped = tried(attack)
        assert proved.faults == (Fault(Kind.TRIGGER, detail=", ".join(dropped)),)


@pytest.mark.usefixtures("chain")
def test_replacing_a_row_is_refused(chance: random.Random) -> None:
    columns = ", ".join(field.column for field in AuditEvent._meta.concrete_fields)
    source = f"({columns}) SELECT {columns} FROM audit_auditevent WHERE sequence = %s"
    statement = (
        f"INSERT OR REPLACE INTO audit_auditevent {source}"
        if connection.vendor == "sqlite"
        else f"INSERT INTO audit_auditevent {source} ON CONFLICT (sequence) DO UPDATE SET actor = 'x'"
    )
    for _case in range(CASES):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [chance.randint(1, last())])
    assert proof.prove().faults == ()


@pytest.mark.usefixtures("chain")
def test_emptying_a_table_is_refused_also_in_replica_mode(chance: random.Random) -> None:
    statements = {
        "sqlite": ("DELETE FROM {}", "UPDATE {} SET id = id + 1000"),
        "postgresql": ("TRUNCATE {} CASCADE", "DELETE FROM {}", "UPDATE {} SET id = id + 1000"),
    }[connection.vendor]
    for _case in range(CASES):
        table = chance.choice(("audit_auditevent", "audit_signedhead"))
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql" and chance.random() < 0.5:
                cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(chance.choice(statements).format(table))
    assert proof.prove().faults == ()


@pytest.mark.usefixtures("writable")
def test_an_emptied_ledger_whose_head_row_was_set_back_is_found_only_against_a_head(chain: dict[str, Any]) -> None:
    def attack() -> None:
        AuditEvent.objects.all().delete()
        SignedHead.objects.all().delete()
        LedgerHead.objects.all().delete()

    assert tried(attack)[0].result is Result.CONSISTENT
    assert faults(tried(attack, chain)[0]) == [(Kind.CUT, 1)]


@pytest.mark.usefixtures("writable")
def test_changed_rows_behind_a_merkle_root_are_found_at_their_event(chance: random.Random) -> None:
    root = AuditEvent.objects.get(action="opt_ins.imported").sequence
    opt_ins = list(OptIn.objects.order_by("pk"))

    def attack() -> None:
        one = chance.choice(opt_ins)
        where = OptIn.objects.filter(pk=one.pk)
        match chance.randrange(5):
            case 0:
                where.update(given_at=one.given_at - timedelta(days=1))
            case 1:
                where.update(purposes="marketing")
            case 2:
                where.update(evidence_digest="0" * 64)
            case 3:
                where.update(pseudonym="1c1b1a19-0000-4000-8000-000000000000")
            case 4:
                with connection.cursor() as cursor:
                    cursor.execute("UPDATE contacts_optin SET opt_in_import_id = NULL WHERE id = %s", [one.pk])

    for _case in range(CASES):
        assert faults(tried(attack)[0]) == [(Kind.ROWS, root)]


@pytest.mark.usefixtures("writable")
@pytest.mark.parametrize(
    "details", [{}, {"first_opt_in": "x", "last_opt_in": 2}, {"first_opt_in": [], "last_opt_in": 2}]
)
def test_a_forged_bulk_event_that_names_its_rows_oddly_is_a_fault_and_no_error(details: dict[str, Any]) -> None:
    with transaction.atomic():
        ledger.record(
            action="opt_ins.imported",
            actor="x",
            now=NOW,
            subject="OptInImport:1",
            details=details,
            rows=MerkleTree([b""]),
        )
    assert faults(proof.prove()) == [(Kind.ROWS, last())]


@pytest.mark.usefixtures("writable")
def test_an_edited_head_row_is_found(chance: random.Random) -> None:
    for _case in range(CASES):
        changed = chance.choice(({"sequence": last() + chance.randint(1, 9)}, {"hash": "f" * 64}, {"sequence": 0}))
        proved, _ = tried(lambda changed=changed: LedgerHead.objects.update(**changed))  # type: ignore[misc]
        assert faults(proved) == [(Kind.HEAD_ROW, last())]
    assert faults(tried(lambda: LedgerHead.objects.all().delete())[0]) == [(Kind.HEAD_ROW, last())]


@pytest.mark.usefixtures("writable")
def test_an_edited_signed_head_is_found_by_its_signature(chain: dict[str, Any], chance: random.Random) -> None:
    changes: list[dict[str, Any]] = [
        {"hash": "f" * 64}, {"sequence": 3}, {"signed_at": NOW + timedelta(days=1)}, {"manifest_sha256": "f" * 64},
        {"signature": "A" * 86 + "=="}, {"signature": "no base64"},
    ]  # fmt: skip
    for _case in range(CASES):
        changed = chance.choice(changes)
        proved, _ = tried(lambda changed=changed: SignedHead.objects.update(**changed))  # type: ignore[misc]
        assert faults(proved) == [(Kind.SIGNATURE, changed.get("sequence", chain["sequence"]))]


@pytest.mark.usefixtures("writable")
def test_values_that_no_event_has_are_a_fault_and_no_error() -> None:
    raw: tuple[tuple[str, Any], ...] = (("details", '{"a": 1.5}'), ("details", '{"a": 1e400}'))
    if connection.vendor == "sqlite":
        raw += (
            ("details", "{"), ("recorded_at", 7), ("business_id", "null"), ("business_id", 1.5), ("actor", b"\xff"),
            ("details", '{"a": NaN}'), ("details", "[" * 100_000), ("sequence", "seven"), ("recorded_at", "soon"),
        )  # fmt: skip
    for column, forged in raw:

        def attack(column: str = column, forged: Any = forged) -> None:
            with connection.cursor() as cursor:
                if column == "details" and connection.vendor == "sqlite":
                    cursor.execute("PRAGMA ignore_check_constraints = 1")
                cursor.execute(f"UPDATE audit_auditevent SET {column} = %s WHERE sequence = 4", [forged])
                if column == "actor":
                    cursor.execute("UPDATE audit_auditevent SET actor = CAST(x'FF' AS TEXT) WHERE sequence = 4")

        try:
            proved, _ = tried(attack)
        finally:
            with connection.cursor() as cursor:
                if connection.vendor == "sqlite":
                    cursor.execute("PRAGMA ignore_check_constraints = 0")
        assert faults(proved)[0] in ((Kind.UNREADABLE, 4), (Kind.EDITED, 4), (Kind.MISSING, 4)), (column, forged)


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("audit.chain._PAGE", 3)
    yield


@pytest.mark.usefixtures("short_pages")
def test_a_clean_ledger_gives_no_alarm_whatever_it_holds(chain: dict[str, Any], chance: random.Random) -> None:
    for run in range(CLEAN_RUNS):
        if run % 100 == 0:
            append(1, chance)
        proved = proof.prove(against=chain if run % 2 else None)
        assert proved.result is (Result.INTACT if run % 2 else Result.CONSISTENT), proved.words()
    assert proved.bulk_compared == 1
    assert proved.kept_heads == 1
