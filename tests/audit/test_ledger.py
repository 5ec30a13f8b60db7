"""The ledger: a gap-free chain of hashes, written only inside the transaction of the operation."""

import hashlib
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from audit import ledger
from audit.ledger import GENESIS, NotInTransaction, canonical_bytes, hash_event
from audit.merkle import MerkleTree
from audit.models import AuditEvent, LedgerHead

PERSON = UUID("0f8fad5b-d9cb-469f-a165-70867728950e")
CEST = timezone(timedelta(hours=2))


def chain() -> list[AuditEvent]:
    return list(AuditEvent.objects.order_by("sequence"))


def assert_chain_holds(events: list[AuditEvent]) -> None:
    previous = GENESIS
    for position, event in enumerate(events, start=1):
        assert event.sequence == position
        assert event.previous_hash == previous
        assert event.hash == hash_event(event)
        previous = event.hash
    head = LedgerHead.objects.get()
    assert (head.sequence, head.hash) == (len(events), previous)


@pytest.mark.django_db
def test_the_chain_recomputes_from_what_the_database_gives_back(now: datetime) -> None:
    ledger.record(action="opt_in.recorded", actor="ada", now=now)
    ledger.record(
        action="check.refused",
        actor="command:grace",
        now=datetime(2026, 5, 3, 12, 0, 0, 123456, tzinfo=CEST),
        business_id=7,
        subject="CheckBatch:1",
        pseudonym=PERSON,
        details={
            "source": "Müller & Söhne «web»",
            "decomposed": "e\u0301",
            "given_at": now.astimezone(CEST),
            "person": PERSON,
            "nothing": None,
            "yes": True,
            "counts": [1, 2**60, (3, {"z": 1, "a": "\u2028"})],
        },
        rows=MerkleTree([b"a", b"b"]),
    )
    ledger.record(action="opt_in.withdrawn", actor="ada", now=now)
    assert_chain_holds(chain())
    second = chain()[1]
    assert (second.rows_count, second.rows_root) == (2, MerkleTree([b"a", b"b"]).root())
    assert second.details["given_at"] == "2026-05-03T10:00:00.000000Z"
    assert second.details["decomposed"] == "é"


@pytest.mark.django_db
def test_an_operation_of_no_rows_is_not_the_same_as_one_that_counts_none(now: datetime) -> None:
    none = ledger.record(action="import.finished", actor="ada", now=now)
    empty = ledger.record(action="import.finished", actor="ada", now=now, rows=MerkleTree())
    assert (none.rows_count, none.rows_root) == (None, "")
    assert (empty.rows_count, empty.rows_root) == (0, MerkleTree().root())


@pytest.mark.django_db
def test_what_was_recorded_is_given_back_as_the_row_that_it_is(now: datetime) -> None:
    ledger.record(action="opt_in.recorded", actor="ada", now=now)
    with CaptureQueriesContext(connection) as asked:
        event = ledger.record(action="check.refused", actor="grace", now=now, subject="CheckBatch:1")
    kept = AuditEvent.objects.get(action="check.refused")
    assert (event.pk, type(event.pk)) == (kept.pk, int)
    assert (event._state.adding, event._state.db) == (False, kept._state.db)
    assert (kept.actor, kept.subject) == ("grace", "CheckBatch:1")
    # PostgreSQL is asked by statements planned beforehand, past Django's cursors.
    assert len(asked) == (0 if connection.vendor == "postgresql" else 3)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"sequence": 2},
        {"recorded_at": datetime(2026, 5, 3, 10, 0, 0, 1, tzinfo=UTC)},
        {"action": "opt_in.withdrawn"},
        {"actor": "eve"},
        {"business_id": None},
        {"subject": "OptIn:2"},
        {"pseudonym": None},
        {"details": {"purposes": "service,marketing"}},
        {"details": {"purposes": "service", "more": None}},
        {"rows_count": 2},
        {"rows_root": MerkleTree([b"b"]).root()},
        {"previous_hash": "1" * 64},
    ],
)
def test_a_change_anywhere_changes_the_hash(now: datetime, change: dict[str, Any]) -> None:
    event = ledger.record(
        action="opt_in.recorded",
        actor="ada",
        now=now,
        business_id=1,
        subject="OptIn:1",
        pseudonym=PERSON,
        details={"purposes": "service"},
        rows=MerkleTree([b"a"]),
    )
    for name, value in change.items():
        setattr(event, name, value)
    assert hash_event(event) != event.hash


@pytest.mark.django_db
def test_an_operation_that_fails_leaves_neither_an_event_nor_a_gap(now: datetime) -> None:
    ledger.record(action="opt_in.recorded", actor="ada", now=now)
    with pytest.raises(RuntimeError), transaction.atomic():
        ledger.record(action="opt_in.withdrawn", actor="ada", now=now)
        raise RuntimeError
    ledger.record(action="opt_in.recorded", actor="ada", now=now)
    assert [event.action for event in chain()] == ["opt_in.recorded", "opt_in.recorded"]
    assert_chain_holds(chain())


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_a_transaction_is_refused(now: datetime) -> None:
    with pytest.raises(NotInTransaction, match=r"opt_in\.recorded"):
        ledger.record(action="opt_in.recorded", actor="ada", now=now)
    assert not AuditEvent.objects.exists()
    assert not LedgerHead.objects.exists()


@pytest.mark.django_db
def test_no_second_event_takes_a_place_in_the_chain(now: datetime) -> None:
    event = ledger.record(action="opt_in.recorded", actor="ada", now=now)
    event.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        event.save(force_insert=True)
    assert_chain_holds(chain())


def test_the_chain_has_no_gap_when_many_write_at_once(postgresql: None, now: datetime) -> None:
    errors: list[BaseException] = []
    start = threading.Barrier(8)

    def write(actor: str) -> None:
        try:
            start.wait(10)
            for count in range(12):
                with transaction.atomic():
                    ledger.record(action="opt_in.recorded", actor=actor, now=now, details={"count": count})
                    if count % 4 == 3:
                        transaction.set_rollback(True)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(f"writer-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    events = chain()
    assert len(events) == 8 * 9
    assert_chain_holds(events)


# --- Canonical bytes --------------------------------------------------------------------------------------------------


def test_canonical_bytes_are_these() -> None:
    values = {
        "z": None,
        "a": [True, 1, "é", "e\u0301", '"\\\n', "\u2028"],
        "person": PERSON,
        "at": datetime(2026, 5, 3, 12, 0, tzinfo=CEST),
        "inner": {"b": 2, "B": 1},
    }
    assert (
        canonical_bytes(values)
        == (
            '{"a":[true,1,"é","é","\\"\\\\\\n","\u2028"],"at":"2026-05-03T10:00:00.000000Z","inner":{"B":1,"b":2},'
            '"person":"0f8fad5b-d9cb-469f-a165-70867728950e","z":null}'
        ).encode()
    )


def test_an_events_hash_is_this(now: datetime) -> None:
    event = AuditEvent(sequence=1, recorded_at=now, action="opt_in.recorded", actor="ada", previous_hash=GENESIS)
    assert (
        hash_event(event)
        == hashlib.sha256(
            b'{"action":"opt_in.recorded","actor":"ada","business_id":null,"details":{},"previous_hash":"'
            + b"0" * 64
            + b'","pseudonym":null,"recorded_at":"2026-05-03T10:00:00.000000Z","rows_count":null,"rows_root":"",'
            b'"sequence":1,"subject":"","version":1}'
        ).hexdigest()
    )


class Colour(StrEnum):
    RED = "red"


def test_equal_meanings_have_equal_bytes() -> None:
    assert canonical_bytes({"a": 1, "b": 2}) == canonical_bytes({"b": 2, "a": 1})
    assert canonical_bytes({"a": "e\u0301"}) == canonical_bytes({"a": "é"})
    assert canonical_bytes({"e\u0301": 1}) == canonical_bytes({"é": 1})
    assert canonical_bytes({"a": (1, 2)}) == canonical_bytes({"a": [1, 2]})
    assert canonical_bytes({"a": Colour.RED}) == canonical_bytes({"a": "red"})
    at = datetime(2026, 5, 3, 12, 0, tzinfo=CEST)
    assert canonical_bytes({"a": at}) == canonical_bytes({"a": at.astimezone(UTC)})


def test_different_meanings_have_different_bytes() -> None:
    values: list[Any] = [None, False, True, 0, 1, "", "0", "1", "null", [], {}, [None], {"a": None}]
    assert len({canonical_bytes({"a": value}) for value in values}) == len(values)


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        0.1,
        float("nan"),
        Decimal("1.5"),
        b"bytes",
        {1, 2},
        object(),
        timedelta(1),
        datetime(2026, 5, 3).date(),  # noqa: DTZ001
        gettext_lazy("Opted in"),
    ],
)
def test_what_two_databases_might_write_differently_is_refused(value: Any) -> None:
    for nested in ({"a": value}, {"a": [value]}, {"a": {"b": (value,)}}):
        with pytest.raises(TypeError, match="no canonical form"):
            canonical_bytes(nested)


def test_a_time_without_a_zone_is_refused_as_it_would_depend_on_the_machine() -> None:
    with pytest.raises(TypeError, match="without a zone"):
        canonical_bytes({"at": datetime(2026, 5, 3)})  # noqa: DTZ001


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), PLAIN, max_size=4))
def test_writing_what_was_read_gives_the_same_bytes(values: Mapping[str, Any]) -> None:
    import json

    written = canonical_bytes(values)
    assert canonical_bytes(json.loads(written)) == written
