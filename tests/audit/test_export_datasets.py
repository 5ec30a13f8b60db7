"""Every dataset in every format: the same values, nothing that a spreadsheet computes, and every number intact."""

import hashlib
import json
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audit.csv_cells import safe_cell, safe_lines
from audit.export import datasets, statements, writing, xlsx
from audit.export.making import Format
from contacts.consent.evidence import Evidence
from contacts.models import Contact, OptIn
from providers.models import Business
from sandbox import Sandbox
from tests import factories
from tests.audit import exporting

pytestmark = pytest.mark.django_db

HOSTILE = (
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "=HYPERLINK(\"http://x\",\"y\")", "+447400000100",
    "+44740000010", "+0447400000100", "+44 7400", "+4474000001001234", "+447400000100\n", "+447400000100=1",
    '+447400000100"x', "+447400000100,", "'=1",
    "", "a=1", " =1", "ünïcode", "=", "+", "-", "日本", "+４４７４００００００１００", "quote \" and , comma\nnewline",
)  # fmt: skip


def test_every_dataset_has_rows_in_every_format(acme: Business, sandbox: Sandbox, tmp_path: Path) -> None:
    exporting.everything(acme, sandbox, datetime.now(UTC))
    for file_format in Format:
        made = exporting.make(tmp_path / file_format, exporting.order(file_format))
        assert [file.file for file in made.files if not file.rows] == []
        names = {file.file for file in made.files if file.columns}
        assert names == {f"{one.name}.{file_format}" for one in datasets.all_datasets()} | {"ledger.jsonl"}


def written(acme: Business, tmp_path: Path, file_format: Format, *names: str) -> Path:
    folder = tmp_path / file_format
    exporting.make(folder, exporting.order(file_format, *names))
    return folder


def test_formats_hold_the_same_values(acme: Business, sandbox: Sandbox, tmp_path: Path) -> None:
    exporting.everything(acme, sandbox, datetime.now(UTC))
    for dataset in datasets.all_datasets():
        if dataset.name == "ledger":
            continue  # ledger.jsonl is the canonical one, with a version and in an order of its own
        lines = exporting.json_rows(written(acme, tmp_path, Format.JSON_LINES, dataset.name) / f"{dataset.name}.jsonl")
        sheet = exporting.xlsx_sheets(written(acme, tmp_path, Format.XLSX, dataset.name) / f"{dataset.name}.xlsx")[0]
        cells = exporting.csv_rows(written(acme, tmp_path, Format.CSV, dataset.name) / f"{dataset.name}.csv")
        texts = {column.name for column in dataset.columns if column.kind in statements.QUOTED}
        assert len(lines) == len(sheet) == len(cells)
        for line, row, cell in zip(lines, sheet, cells, strict=True):
            assert list(line) == list(cell) == dataset.column_names
            for name, value in line.items():
                plain = writing.as_text(value) if value is not None else ""
                assert same(row[name], plain), (dataset.name, name)
                assert same(cell[name], safe_cell(plain) if name in texts else plain), (dataset.name, name)


def same(one: str, other: str) -> bool:
    """Tell whether two cells are equal; JSON may be spaced and ordered as each database likes."""
    return one == other or (one[:1] in "{[" and json.loads(one) == json.loads(other))


@pytest.mark.parametrize("text", HOSTILE)
def test_the_rule_for_cells_is_the_same_for_lines(text: str) -> None:
    quoted = text.replace('"', '""')
    after = safe_cell(text).replace('"', '""')
    for before in ("1", '1,"x"', '1,"x,"', '1,"x"",="', "", '"a\nb"'):
        line = f'{before},"{quoted}","{quoted}",\n2,"y","{quoted}"\n'
        assert safe_lines(line.encode()).decode() == line.replace(f',"{quoted}"', f',"{after}"')


def test_no_dataset_that_postgresql_writes_begins_with_a_text() -> None:
    for dataset in datasets.all_datasets():
        assert dataset.rows or dataset.columns[0].kind not in statements.QUOTED


def test_nothing_in_a_csv_file_is_a_formula_and_every_number_is_whole(acme: Business, tmp_path: Path) -> None:
    for place, text in enumerate(HOSTILE):
        exporting.opted_in(factories.number(100 + place), acme, text or "empty", external_id=text.replace("\n", ""))
    rows = exporting.csv_rows(written(acme, tmp_path, Format.CSV, "opt_ins") / "opt_ins.csv")

    assert [row["number"] for row in rows] == [factories.number(100 + place) for place in range(len(HOSTILE))]
    assert [row["evidence"] for row in rows] == [safe_cell(text or "empty") for text in HOSTILE]
    for row in rows:
        for name, cell in row.items():
            assert not cell.startswith(("=", "@", "\t", "\r", "-")), name
            assert not cell.startswith("+") or cell[1:].isdigit(), name


def test_nothing_in_a_workbook_is_a_formula_a_link_or_a_number(acme: Business, tmp_path: Path) -> None:
    for place, text in enumerate((*HOSTILE, "http://example.com", "00123", "106540352242922017")):
        exporting.opted_in(factories.number(100 + place), acme, text or "empty")
    path = written(acme, tmp_path, Format.XLSX, "opt_ins") / "opt_ins.xlsx"
    rows = exporting.xlsx_sheets(path)[0]  # which fails at a cell that is not text

    assert [row["evidence"] for row in rows][-3:] == ["http://example.com", "00123", "106540352242922017"]
    assert rows[0]["evidence"] == "=1+1"
    assert [row["number"] for row in rows] == [factories.number(100 + place) for place in range(len(HOSTILE) + 3)]
    with zipfile.ZipFile(path) as archive:
        assert not [name for name in archive.namelist() if "hyperlink" in name or "_rels/sheet" in name]


def test_more_rows_than_a_sheet_holds_go_to_the_next_one(
    acme: Business, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx, "ROWS_A_SHEET", 2)
    for place in range(5):
        exporting.opted_in(factories.number(100 + place), acme)
    sheets = exporting.xlsx_sheets(written(acme, tmp_path, Format.XLSX, "opt_ins") / "opt_ins.xlsx")

    assert [len(sheet) for sheet in sheets] == [2, 2, 1]
    assert sheets[2][0]["number"] == factories.number(104)


def test_a_text_that_no_cell_holds_is_cut_in_a_workbook_and_the_manifest_says_so(
    acme: Business, tmp_path: Path
) -> None:
    long = "x" * 40_000
    exporting.opted_in(factories.number(100), acme, long)
    workbook = written(acme, tmp_path, Format.XLSX, "opt_ins")
    lines = exporting.json_rows(written(acme, tmp_path, Format.JSON_LINES, "opt_ins") / "opt_ins.jsonl")

    cell = exporting.xlsx_sheets(workbook / "opt_ins.xlsx")[0][0]["evidence"]
    assert len(cell) == xlsx.LONGEST_CELL and cell.endswith(xlsx.CUT)
    assert json.loads((workbook / "manifest.json").read_text())["datasets"][0]["cut_cells"] == 1
    assert "[…]" in (workbook / "README.txt").read_text()
    assert lines[0]["evidence"] == long


def test_evidence_files_and_wordings_lie_beside_the_opt_ins(acme: Business, tmp_path: Path) -> None:
    text = exporting.wording(acme, picture=b"%PDF wording", picture_type="application/pdf")
    factories.opted_in(
        factories.number(100),
        acme,
        consent_text=text,
        evidence=Evidence(text="signed", file=b"%PDF signed", file_name="../../card.PDF"),
    )
    factories.opted_in(
        factories.number(101), acme, evidence=Evidence(text="s", file=b"#!/bin/sh", file_name="a.pdf.sh")
    )
    folder = written(acme, tmp_path, Format.CSV, "opt_ins")
    first, second = exporting.csv_rows(folder / "opt_ins.csv")

    assert (folder / f"evidence-{first['opt_in']}.pdf").read_bytes() == b"%PDF signed"
    assert (folder / f"evidence-{second['opt_in']}.bin").read_bytes() == b"#!/bin/sh"
    assert (folder / f"wording-{first['wording_id']}.pdf").read_bytes() == b"%PDF wording"
    assert first["wording"] == "Yes, Acme may write to me on WhatsApp."
    assert first["evidence_file_bytes"] == "11"
    salted = bytes.fromhex(first["evidence_salt"]) + b"signed\0" + b"%PDF signed"
    assert hashlib.sha256(salted).hexdigest() == first["evidence_digest"]


def test_range_and_business_narrow_the_datasets_and_never_the_ledger(
    acme: Business, tmp_path: Path, now: datetime
) -> None:
    other = factories.business("Other")
    for day in (1, 2, 3):
        exporting.opted_in(factories.number(100 + day), acme, now=now + timedelta(days=day))
    exporting.opted_in(factories.number(110), other, now=now + timedelta(days=2))
    exact = {"since": now + timedelta(days=2), "until": now + timedelta(days=3), "filters": {"business": acme.pk}}
    made = exporting.make(tmp_path / "out", exporting.order(Format.CSV, "opt_ins", "ledger", **exact))

    rows = exporting.csv_rows(tmp_path / "out" / "opt_ins.csv")
    assert [row["number"] for row in rows] == [factories.number(102)]
    assert len(exporting.csv_rows(tmp_path / "out" / "ledger.csv")) == 1
    assert len(exporting.json_rows(tmp_path / "out" / "ledger.jsonl")) == made.head.sequence == 4


def test_consent_is_told_as_it_stood_at_the_end_of_the_range(acme: Business, tmp_path: Path, now: datetime) -> None:
    person = factories.number(100)
    exporting.opted_in(person, acme, given_at=now, now=now, expires_at=now + timedelta(days=10))
    factories.withdrawn(person, acme, now=now + timedelta(days=5), purposes=["utility"])
    states = []
    for day in (-1, 1, 6, 11):
        wanted = exporting.order(Format.CSV, "consent_states", until=now + timedelta(days=day))
        exporting.make(tmp_path / str(day), wanted)
        rows = exporting.csv_rows(tmp_path / str(day) / "consent_states.csv")
        states.append({row["purpose"]: row["state"] for row in rows})

    everything = ("service", "utility", "authentication")
    assert states == [
        {},
        dict.fromkeys(everything, "GRANTED"),
        {"service": "GRANTED", "utility": "WITHDRAWN", "authentication": "GRANTED"},
        {"service": "EXPIRED", "utility": "WITHDRAWN", "authentication": "EXPIRED"},
    ]


def test_an_erased_person_keeps_only_a_pseudonym(acme: Business, tmp_path: Path) -> None:
    exporting.opted_in(factories.number(100), acme)
    pseudonym = OptIn.objects.get().pseudonym
    Contact.objects.filter(pseudonym=pseudonym).update(pseudonym=uuid.uuid4())
    folder = written(acme, tmp_path, Format.CSV, "opt_ins", "consent_states")

    for name in ("opt_ins", "consent_states"):
        row = exporting.csv_rows(folder / f"{name}.csv")[0]
        assert (row["number"], row["pseudonym"]) == ("", str(pseudonym))


def test_people_whose_data_are_only_kept_are_left_out_for_those_who_may_not_see_them(
    acme: Business, tmp_path: Path, now: datetime
) -> None:
    exporting.opted_in(factories.number(100), acme, evidence="first")
    factories.opted_in(factories.number(101), acme, evidence=Evidence(text="kept", file=b"%PDF", file_name="card.pdf"))
    Contact.objects.filter(e164=factories.number(101)).update(restricted_at=now, restricted_until=now)
    names = ("opt_ins", "consent_states")
    exporting.make(tmp_path / "without", exporting.order(Format.CSV, *names, permissions=frozenset()))
    exporting.make(tmp_path / "with", exporting.order(Format.CSV, *names))

    for name in names:
        seen = {row["number"] for row in exporting.csv_rows(tmp_path / "without" / f"{name}.csv")}
        assert seen == {factories.number(100)}
        seen = {row["number"] for row in exporting.csv_rows(tmp_path / "with" / f"{name}.csv")}
        assert seen == {factories.number(100), factories.number(101)}
    assert not list((tmp_path / "without").glob("evidence-*"))
    assert list((tmp_path / "with").glob("evidence-*"))


def test_no_dataset_has_the_text_of_a_message() -> None:
    messages = datasets.named(["messages"])[0]

    assert not any("body" in column.sql for column in messages.columns)


def test_an_unknown_dataset_is_an_error() -> None:
    with pytest.raises(KeyError, match="passwords"):
        datasets.named(["opt_ins", "passwords"])


def test_a_refusal_does_not_tell_that_another_business_knows_the_person(acme: Business, tmp_path: Path) -> None:
    theirs, ours = factories.number(100), factories.number(101)
    factories.opted_in(theirs, factories.business("Other"))
    factories.opted_in(ours, acme)
    factories.withdrawn(ours, acme, now=datetime.now(UTC))
    contact = Contact.objects.get(e164=ours)
    factories.check_run(factories.account(acme, "commbox", base_url="http://127.0.0.1:9"), theirs, ours)

    rows = exporting.csv_rows(written(acme, tmp_path, Format.CSV, "refusals") / "refusals.csv")
    assert {row["number"]: row["pseudonym"] for row in rows} == {theirs: "", ours: str(contact.pseudonym)}
