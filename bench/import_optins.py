"""Importing a file of consent events against the fastest thing PostgreSQL can do with the same rows.

The anchor is psycopg's `cursor.copy()` of the very rows of contacts_optin into that table, its indexes and foreign keys
as they are. The import also reads and proves each line, keeps contacts, evidence and states, and writes the ledger.
Each import runs in a process of its own, so that its peak of memory is its own too.
"""

import csv
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench import Figure

_REPETITIONS = 3
_COLUMNS = (
    "pseudonym, business_id, state, purposes, business_name_shown, consent_text_id, source, given_at, recorded_at, "
    "recorded_by, expires_at, evidence_digest, external_id, opt_in_import_id"
)


def run(*, smoke: bool) -> Iterator[Figure]:
    """Give the ratio to COPY, the ratio to django-import-export, and the peak of memory at two sizes."""
    rows, few, many = (500, 50, 2_000) if smoke else (200_000, 500, 1_000_000)
    to_copy, speeds, peaks = [], [], []
    for repetition in range(1 if smoke else _REPETITIONS):
        imported = _import(rows, area=10 + repetition)
        copied = _copy(imported["import"])
        to_copy.append(copied / imported["seconds"])
        speeds.append(rows / imported["seconds"])
        peaks.append(imported["megabytes"])
    yield Figure("import_optins", "speed / cursor.copy() into the same table", median(to_copy), ">= 0.25", rows)
    theirs = median(_django_import_export(few, area=50 + repetition) for repetition in range(len(speeds)))
    yield Figure("import_optins", f"speed / django-import-export's at {few:,}", median(speeds) / theirs, ">= 30", rows)
    yield Figure("import_optins", "peak memory in MB", max(peaks), "<= 120", rows)
    yield Figure("import_optins", "peak memory in MB", _import(many, area=80)["megabytes"], "<= 120", many)


def _write_file(path: Path, rows: int, area: int) -> None:
    """Write a file of people whom no other one has: Mexican numbers of Mexico City, in no order."""
    chance = random.Random(area)
    endings = chance.sample(range(1_000_000), rows) if rows < 1_000_000 else list(range(rows))
    chance.shuffle(endings)
    with path.open("w", encoding="utf-8") as file:
        file.write("phone,given_at,source,evidence,business_name_shown,external_id\n")
        for place, ending in enumerate(endings):
            given_at = f"2026-{1 + place % 4:02d}-{1 + place % 28:02d}T10:{place % 60:02d}:00+00:00"
            proof = f"web form,ticked the box on order form {place},Acme,crm-{place}"
            file.write(f"+5255{area:02d}{ending:06d},{given_at},{proof}\n")


def _import(rows: int, area: int) -> dict[str, Any]:
    """Import a new file in a process of its own; give seconds, peak of memory in MB and the import's id."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        _write_file(path, rows, area)
        done = subprocess.run(
            [sys.executable, "-m", "bench.import_optins", str(path)], check=True, stdout=subprocess.PIPE, text=True
        )
    result: dict[str, Any] = json.loads(done.stdout)
    if result["granted"] != rows:
        raise RuntimeError(f"{result['granted']} of {rows} rows were imported")
    return result


def _copy(import_id: int) -> float:
    """Copy the opt-ins that an import made, as other people's; give the seconds it took."""
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_COLUMNS} FROM contacts_optin WHERE opt_in_import_id = %s", [import_id])
        rows = [(uuid.uuid4(), *row[1:]) for row in cursor.fetchall()]
        began = time.perf_counter()
        with transaction.atomic(), cursor.copy(f"COPY contacts_optin ({_COLUMNS}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return time.perf_counter() - began


def _django_import_export(rows: int, area: int) -> float:
    """Give the rows a second of its default resource, which keeps what the file's columns say and nothing more.

    Its hooks only find the contact that the opt-in needs and keep the evidence: no state, no ledger, no reading of
    numbers, no second look at what is on record.
    """
    from import_export import resources
    from tablib import Dataset  # type: ignore[import-untyped]

    from contacts.models import Contact, OptIn, OptInEvidence
    from providers.models import Business

    business = Business.objects.get(name="Acme")

    class Resource(resources.ModelResource):  # type: ignore[misc]
        class Meta:
            model = OptIn

        def before_import_row(self, row: dict[str, Any], **kwargs: Any) -> None:
            e164, given_at = row["phone"], row["given_at"][:19].replace("T", " ")
            person = {"person_key": e164, "created_at": datetime.now(UTC)}
            contact, _created = Contact.objects.get_or_create(e164=e164, defaults=person)
            row.update(pseudonym=contact.pseudonym, business=business.pk, state="GRANTED", purposes="service")
            row.update(given_at=given_at, recorded_at=given_at, recorded_by="bench", evidence_digest="0" * 64)

        def after_save_instance(self, instance: OptIn, row: dict[str, Any], **kwargs: Any) -> None:
            mark = uuid.uuid4()
            OptInEvidence.objects.create(opt_in=instance, text=row["evidence"], salt=b"", fingerprint=mark)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        _write_file(path, rows, area)
        table = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    before = OptIn.objects.count()
    began = time.perf_counter()
    Resource().import_data(Dataset(*table[1:], headers=table[0]), raise_errors=True)
    seconds = time.perf_counter() - began
    if OptIn.objects.count() != before + rows:
        raise RuntimeError("django-import-export did not import every row")
    return rows / seconds


def _in_own_process(path: Path) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "waadmin.settings")
    import django

    django.setup()
    from contacts.consent.importing import import_file
    from providers.models import Business

    business, _created = Business.objects.get_or_create(name="Acme")
    with path.open("rb") as file:
        began = time.perf_counter()
        imported = import_file(
            file=file,
            file_name=path.name,
            business=business,
            actor="bench",
            now=datetime.now(UTC),
            statement="The people of this file do not exist.",
        )
        seconds = time.perf_counter() - began
    # Not getrusage: a process inherits the peak of the one that started it.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    made = imported.opt_in_import.pk if imported.opt_in_import else None
    print(json.dumps({"seconds": seconds, "megabytes": peak, "import": made, "granted": imported.granted}))


if __name__ == "__main__":
    _in_own_process(Path(sys.argv[1]))
