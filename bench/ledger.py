"""The ledger: what an event costs beside its insertion alone, a bulk event beside its rows alone, and verification.

The anchors are the same row inserted by its model and committed, with nothing chained; the same rows copied into
contacts_optin, with no event; and a loop that reads the same rows from the database and hashes the text of each.
Memory is that of a process of its own.
"""

import json
import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

from bench import Figure

_REPETITIONS = 5
_BEGINNING = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
_DETAILS = {"account": 4, "purpose": "service", "statuses": {"INVALID": 3, "VALID": 12}}


def run(*, smoke: bool) -> Iterator[Figure]:
    """Give the cost of one event and of a bulk event, the speed of verification, and how its memory grows."""
    singles, rows, few, many = (50, 500, 500, 2_000) if smoke else (1_000, 200_000, 100_000, 1_000_000)
    yield Figure("ledger", "one event: speed / its unchained insertion", _single(singles), ">= 0.75", singles)
    yield Figure("ledger", "bulk: speed / cursor.copy() of its rows alone", _bulk(rows), ">= 0.60", rows)
    _fill(few)
    small = _verified()
    _fill(many)
    large = _verified()
    yield Figure("ledger", "verification: speed / reading and a bare sha256", large["ratio"], ">= 0.30", many)
    yield Figure("ledger", f"peak memory in MB beyond that of {few:,}", large["peak"] - small["peak"], "<= 8", many)


def _single(times: int) -> float:
    from django.db import transaction

    from audit import ledger
    from audit.models import AuditEvent

    values: dict[str, Any] = {
        "action": "check.requested",
        "actor": "bench",
        "business_id": 3,
        "subject": "CheckBatch:1",
    }
    numbers = iter(range(10**9, 10**10))

    def chained() -> None:
        with transaction.atomic():
            ledger.record(now=_BEGINNING, details=_DETAILS, **values)

    def unchained() -> None:
        number = next(numbers)
        with transaction.atomic():
            event = AuditEvent(sequence=number, recorded_at=_BEGINNING, details=_DETAILS, **values)
            event.previous_hash = event.hash = "0" * 64
            event.save(force_insert=True)

    ratios = []
    for _repetition in range(_REPETITIONS + 1):
        alone = _seconds(unchained, times)
        ratios.append(alone / _seconds(chained, times))
    _empty()
    return median(ratios[1:])


def _bulk(rows: int) -> float:
    from django.db import transaction

    from audit import ledger
    from audit.merkle import MerkleTree
    from contacts.consent.committing import leaves
    from contacts.models import OptInImport
    from providers.models import Business

    business, _created = Business.objects.get_or_create(name="Bench ledger")
    ratios = []
    for _repetition in range(_REPETITIONS):
        of_import = [
            OptInImport.objects.create(
                business=business,
                file_name="bench.csv",
                file_digest=uuid.uuid4().hex * 2,
                numbers_read_as="e164",
                statement="The people of this file do not exist.",
                imported_by="bench",
                started_at=_BEGINNING,
            ).pk
            for _both in range(2)
        ]
        lines = [_opt_ins(business.pk, pk, rows) for pk in of_import]
        began = time.perf_counter()
        with transaction.atomic():
            _copy(lines[0])
        alone = time.perf_counter() - began
        began = time.perf_counter()
        with transaction.atomic():
            first, last = _copy(lines[1])
            tree = MerkleTree(leaves(import_id=of_import[1], first=first, last=last))
            ledger.record(
                action="opt_ins.imported",
                actor="bench",
                now=_BEGINNING,
                subject=f"OptInImport:{of_import[1]}",
                details={"first_opt_in": first, "last_opt_in": last},
                rows=tree,
            )
        ratios.append(alone / (time.perf_counter() - began))
        if tree.count != rows:
            raise RuntimeError(f"{tree.count} leaves for {rows} rows")
    _empty()
    return median(ratios)


def _empty() -> None:
    """Begin a new chain."""
    from audit import triggers
    from audit.models import AuditEvent, LedgerHead

    triggers.lift()
    AuditEvent.objects.all().delete()
    LedgerHead.objects.all().delete()
    triggers.install()


_COLUMNS = (
    "pseudonym, business_id, state, purposes, business_name_shown, source, given_at, recorded_at, recorded_by, "
    "evidence_digest, external_id, opt_in_import_id"
)


def _opt_ins(business: int, of_import: int, rows: int) -> list[tuple[Any, ...]]:
    chance = random.Random(of_import)
    at = _BEGINNING.isoformat()
    source = (business, "GRANTED", "service,utility", "Acme", "web form", at, at, "bench")
    return [
        (str(uuid.UUID(int=chance.getrandbits(128))), *source, sha256(b"%d" % place).hexdigest(), "", of_import)
        for place in range(rows)
    ]


def _copy(rows: list[tuple[Any, ...]]) -> tuple[int, int]:
    from django.db import connection

    with connection.cursor() as cursor:
        with cursor.copy(f"COPY contacts_optin ({_COLUMNS}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute("SELECT min(id), max(id) FROM contacts_optin WHERE opt_in_import_id = %s", [rows[0][-1]])
        first, last = cursor.fetchone()
    return int(first), int(last)


def _fill(events: int) -> None:
    """Append events to the chain without waiting for a commit of each, until there are so many."""
    from django.db import connection

    from audit import chain, heads

    end = heads.head()
    previous, details = end.hash, json.dumps(_DETAILS)
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY audit_auditevent ({', '.join(chain.COLUMNS)}) FROM STDIN") as copy:
            for sequence in range(end.sequence + 1, events + 1):
                at = (_BEGINNING + timedelta(seconds=sequence)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                person = str(uuid.UUID(int=sequence))
                row = (sequence, at, "check.requested", "bench", 3, f"CheckBatch:{sequence}", person, details)
                digest = sha256(chain.canonical((*row, None, "", previous, ""))).hexdigest()
                copy.write_row((*row, None, "", previous, digest))
                previous = digest
        cursor.execute("DELETE FROM audit_ledgerhead")
        cursor.execute("INSERT INTO audit_ledgerhead (id, sequence, hash) VALUES (1, %s, %s)", [events, previous])
        cursor.execute("VACUUM ANALYZE audit_auditevent")


def _verified() -> dict[str, Any]:
    """Verify in a process of its own, and give the ratio and its peak of memory."""
    done = subprocess.run([sys.executable, "-m", "bench.ledger"], check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def _in_own_process() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()

    from audit import chain, proof

    proved = proof.prove()
    if proved.faults:
        raise RuntimeError(proved.words())
    # Not getrusage: a process inherits the peak of the one that started it.
    peak = int(Path("/proc/self/status").read_text(encoding="utf-8").partition("VmHWM:")[2].split()[0]) / 1024

    def bare() -> None:
        for row in chain.read():
            sha256(str(row).encode()).hexdigest()

    def verify() -> None:
        chain.Walk().along(chain.read())

    ratios = [_seconds(bare, 1) / _seconds(verify, 1) for _repetition in range(3)]
    print(json.dumps({"ratio": median(ratios), "peak": peak}))


def _seconds(work: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _time in range(times):
        work()
    return time.perf_counter() - began


if __name__ == "__main__":
    _in_own_process()
