"""Exporting opt-ins with their full proof, digests included, against what PostgreSQL and Python do with the same rows.

The first anchor is `psql \\copy` of the very same columns, rows and order into a file, as they lie in the tables: the
export also writes times in one form, keeps spreadsheets from computing what people wrote, and digests each byte. The
second is the same columns by `values_list().iterator()` and `csv`, each cell made safe as our other downloads do it,
and no digest. Each export runs in a process of its own.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench import Figure

_REPETITIONS = 5
#: The fields behind the columns of the dataset, but for those of the person.
_FIELDS = (
    "pk", "pseudonym", "business__name", "state", "purposes", "business_name_shown", "source", "given_at",
    "recorded_at", "recorded_by", "expires_at", "consent_text__text", "consent_text__name", "consent_text__version",
    "consent_text__language", "consent_text_id", "evidence__text", "evidence__file_name", "evidence__salt",
    "evidence_digest", "external_id", "opt_in_import_id", "decides_id",
)  # fmt: skip


def run(*, smoke: bool) -> Iterator[Figure]:
    """Give the ratios to both anchors, that of JSON Lines, and how much memory a million rows take."""
    rows, few = (2_000, 1_000) if smoke else (1_000_000, 100_000)
    _furnish(rows)
    copied, as_csv, as_json, theirs, growth = [], [], [], [], []
    for _repetition in range(1 if smoke else _REPETITIONS):
        copied.append(_copy())
        made = _export("csv")
        as_csv.append(made["seconds"])
        growth.append(made["growth"])
        as_json.append(_export("jsonl")["seconds"])
        theirs.append(_values_list(few) / few)
    yield Figure("export", "CSV with SHA-256: speed / psql \\copy", median(copied) / median(as_csv), ">= 0.85", rows)
    yield Figure(
        "export",
        f"CSV: speed / values_list().iterator() at {few:,}",
        median(theirs) / (median(as_csv) / rows),
        ">= 10",
        rows,
    )
    yield Figure("export", "JSON Lines: speed / psql \\copy to CSV", median(copied) / median(as_json), ">= 0.30", rows)
    yield Figure("export", "growth of memory in MB", max(growth), "<= 8", rows)


def _furnish(rows: int) -> None:
    """Make so many people with one opt-in each, as an import makes them."""
    from django.db import connection

    from providers.models import Business

    business = Business.objects.create(name="Acme").pk
    numbered = f"generate_series(1, {rows}) AS i"
    at = "timestamptz '2026-01-01 10:00:00+00' + i * interval '1 second 7 microseconds'"
    pseudonym = "md5('p' || i)::uuid"
    digest = "encode(sha256(i::text::bytea), 'hex')"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contacts_consenttext (business_id, name, version, language, text, business_name_shown, "
            "purposes, picture_type, created_at, created_by) VALUES (%s, 'Checkout', '2026-02', 'en', "
            "'Yes, Acme may write to me on WhatsApp about my orders.', 'Acme', 'service', '', now(), 'bench') "
            "RETURNING id",
            [business],
        )
        text = cursor.fetchone()[0]
        cursor.execute(
            "INSERT INTO contacts_contact (id, e164, region, person_key, pseudonym, wa_id, created_at) SELECT i, "
            f"'+5255' || lpad(i::text, 8, '0'), 'MX', '+5255' || lpad(i::text, 8, '0'), {pseudonym}, "
            f"'5255' || lpad(i::text, 8, '0'), {at} FROM {numbered}"
        )
        cursor.execute(
            "INSERT INTO contacts_optin (id, pseudonym, business_id, state, purposes, business_name_shown, "
            "consent_text_id, source, given_at, recorded_at, recorded_by, evidence_digest, external_id) "
            f"SELECT i, {pseudonym}, {business}, 'GRANTED', 'service,utility', 'Acme', "
            f"CASE WHEN i % 2 = 0 THEN {text} END, 'web form', {at}, {at}, 'bench', {digest}, 'crm-' || i "
            f"FROM {numbered}"
        )
        cursor.execute(
            "INSERT INTO contacts_optinevidence (opt_in_id, text, file_name, salt, fingerprint) SELECT i, "
            "'ticked the box on order form ' || i, '', decode(md5(i::text), 'hex'), md5('f' || i)::uuid "
            f"FROM {numbered}"
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _copy() -> float:
    """Have psql copy the same columns of the same rows into a file; give the seconds it took."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "copy.sql"
        # \copy stands on one line.
        script.write_text(f"\\copy ({_plain_select()}) TO '{folder}/rows.csv' (FORMAT csv, HEADER)\n", encoding="utf-8")
        began = time.perf_counter()
        subprocess.run(
            ["psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", str(script), _address()],
            check=True,
        )
        return time.perf_counter() - began


def _address() -> str:
    return os.environ["DATABASE_URL"].replace("postgres://", "postgresql://", 1)


def _plain_select() -> str:
    from audit.export import datasets, statements

    (dataset,) = datasets.named(["opt_ins"])
    columns = ", ".join(f'{column.sql} AS "{column.name}"' for column in dataset.columns)
    where, parameters = statements.condition(dataset, _scope())
    bound = where % tuple(f"'{parameter}'" for parameter in parameters)
    return f"SELECT {columns} FROM {dataset.source} WHERE {bound} ORDER BY {dataset.order}"


def _scope() -> Any:
    from audit.export.datasets import Scope

    return Scope(since=None, until=datetime(2099, 1, 1, tzinfo=UTC))


def _values_list(rows: int) -> float:
    """Write so many rows as a Django project would at first; give the seconds it took."""
    from django.db.models import OuterRef, Subquery

    from audit.csv_cells import safe_cell
    from contacts.models import Contact, OptIn

    # No foreign key leads from an event to its person.
    person = Contact.objects.filter(pseudonym=OuterRef("pseudonym"))
    of_person = [Subquery(person.values(name)[:1]) for name in ("e164", "region", "wa_id")]
    with tempfile.TemporaryFile("w", encoding="utf-8", newline="") as file:
        began = time.perf_counter()
        writer = csv.writer(file)
        writer.writerow(_FIELDS)
        queryset = OptIn.objects.order_by("pk").values_list(*_FIELDS, *of_person)[:rows]
        for row in queryset.iterator():
            writer.writerow([safe_cell(value) for value in row])
        return time.perf_counter() - began


def _export(file_format: str) -> dict[str, Any]:
    """Export in a process of its own; give seconds and the growth of its memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "bench.export", file_format, folder],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _in_own_process(file_format: str, folder: Path) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "waadmin.settings")
    import django

    django.setup()
    from audit.export import datasets
    from audit.export.snapshot import snapshot
    from audit.export.writing import DigestingFile, write_csv, write_json_lines

    (dataset,) = datasets.named(["opt_ins"])
    write = write_csv if file_format == "csv" else write_json_lines
    with snapshot(), (folder / "rows").open("wb", buffering=0) as raw:
        before = _peak()
        began = time.perf_counter()
        file = DigestingFile(raw)
        write(dataset, _scope(), file, lambda rows: None)
        seconds, digest = time.perf_counter() - began, file.sha256
    print(json.dumps({"seconds": seconds, "growth": _peak() - before, "sha256": digest}))


def _peak() -> float:
    # Not getrusage: a process inherits the peak of the one that started it.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    _in_own_process(sys.argv[1], Path(sys.argv[2]))
