"""What the tests of exports start from: a console with a bit of everything in it, and exports made of it."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from django.contrib.auth.models import User
from django.db import transaction

from audit import ledger
from audit.export import datasets, jobs, making
from audit.export.datasets import Scope
from audit.export.making import Format, Made, Order
from audit.models import Export
from contacts.consent.evidence import Evidence
from contacts.identity import settling
from contacts.messaging.refusals import MessageRefused
from contacts.models import ConsentText, IdentityKey
from numbers.models import VerificationAttempt
from providers.models import Business
from sandbox import Sandbox
from tests import factories
from tests.contacts import screens, senders

#: After everything that tests record.
LATER = datetime(2030, 1, 1, tzinfo=UTC)


def order(
    file_format: Format = Format.CSV,
    *names: str,
    since: datetime | None = None,
    until: datetime = LATER,
    **fields: Any,
) -> Order:
    """An order of these datasets, or of all."""
    chosen = datasets.named(names) if names else datasets.all_datasets()
    return Order(
        format=file_format,
        datasets=tuple(dataset.name for dataset in chosen),
        scope=Scope(since=since, until=until, **fields),
        filter_names={},
    )


def make(folder: Path, wanted: Order, *, now: datetime | None = None) -> Made:
    """An export in a folder, made as command and task make it."""
    folder.mkdir(exist_ok=True)
    return making.make(order=wanted, folder=folder, actor="tests", now=now or datetime.now(UTC))


def requested(user: User, *names: str, file_format: Format = Format.CSV, now: datetime | None = None) -> Export:
    """An export that a person asked for."""
    return jobs.request(
        user=user,
        file_format=file_format,
        names=list(names) or [dataset.name for dataset in datasets.all_datasets()],
        since=None,
        until=LATER,
        filters={},
        now=now or datetime.now(UTC),
    )


def wording(owner: Business, **fields: Any) -> ConsentText:
    """A wording that people saw."""
    return ConsentText.objects.create(
        business=owner,
        name="Checkout",
        version="2026-02",
        language="en",
        text="Yes, Acme may write to me on WhatsApp.",
        business_name_shown=owner.name,
        purposes="service,utility",
        created_at=factories.GIVEN_AT - timedelta(days=1),
        created_by="ana",
        **fields,
    )


def opted_in(number: str, owner: Business, evidence: str = "ticked the box", **fields: Any) -> Any:
    """A person who opted in, with this evidence."""
    return factories.opted_in(number, owner, evidence=Evidence(text=evidence), **fields)


def csv_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def json_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON Lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def xlsx_sheets(path: Path) -> list[list[dict[str, str]]]:
    """The rows of each sheet of a workbook, read without the library that wrote it; every cell must be text."""
    sheets = []
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.startswith("xl/worksheets/sheet"))
        for name in sorted(names, key=lambda name: int("".join(filter(str.isdigit, name)))):
            root = ElementTree.parse(io.BytesIO(archive.read(name))).getroot()
            assert root.find(f".//{_SHEET}f") is None, "there is a formula"
            sheets.append(_rows_of(root.iter(f"{_SHEET}row")))
    return sheets


def rows_in(folder: Path, dataset: str) -> list[dict[str, Any]]:
    """The rows of a dataset, whatever its format."""
    match Format(folder.name):
        case Format.CSV:
            return csv_rows(folder / f"{dataset}.csv")
        case Format.JSON_LINES:
            return json_rows(folder / f"{dataset}.jsonl")
        case Format.XLSX:
            return xlsx_sheets(folder / f"{dataset}.xlsx")[0]


def _rows_of(rows: Iterable[ElementTree.Element]) -> list[dict[str, str]]:
    read = [{_letters(cell): _text(cell) for cell in row.iter(f"{_SHEET}c")} for row in rows]
    header = read[0]
    return [{header[column]: row.get(column, "") for column in header} for row in read[1:]]


def _letters(cell: ElementTree.Element) -> str:
    return "".join(filter(str.isalpha, cell.attrib["r"]))


def _text(cell: ElementTree.Element) -> str:
    assert cell.attrib["t"] == "inlineStr"
    return "".join(part.text or "" for part in cell.iter(f"{_SHEET}t"))


def everything(acme: Business, sandbox: Sandbox, now: datetime) -> None:
    """One of everything that exports tell of, through the journeys where they are quick."""
    text = wording(acme, picture=b"%PDF-1.4 wording", picture_type="application/pdf")
    for place, evidence in enumerate(("=cmd|' /C calc'!A0", 'said "yes", then\nsigned', "00123", "-5", "ok")):
        opted_in(factories.number(100 + place), acme, evidence, consent_text=text if place % 2 else None)
    node = factories.account(acme, "onprem", base_url=sandbox.url)
    run = factories.check_run(node, factories.number(100), factories.number(404), "+447400999100", "12-34")
    factories.run(run)
    number = senders.our_number(acme, sandbox.url)
    person = senders.agreed(factories.number(110), acme)
    case = screens.mismatched(person, number, sandbox)
    settling.not_reached(case=case, channel="call to the landline", note="=no answer", actor="ana", now=now)
    with suppress(MessageRefused):
        senders.send(senders.stranger("+447400000111", now), number)
    IdentityKey.objects.create(
        contact=person, account=number.account, business_number=number, hash="=new", source="INBOUND",
        reference="wamid.X", observed_at=now, recorded_at=now,
    )  # fmt: skip
    VerificationAttempt.objects.create(
        business_number=number, action="SUBMIT_CODE", outcome="REFUSED", provider_code="136025",
        provider_words="=wrong", actor="@ana", started_at=now,
    )  # fmt: skip
    with transaction.atomic():
        for subject, action in (
            (number.subject, "identity_check.toggled"),
            (f"ProviderAccount:{node.pk}", "account.paused"),
        ):
            details = {"wanted": True, "words": 'é " \\ \u2028'}
            ledger.record(action=action, actor="ana", now=now, business_id=acme.pk, subject=subject, details=details)
