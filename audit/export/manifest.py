"""The manifest of an export, which names every file with its digest, and the README that goes with it."""

import hashlib
import json
import platform
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
from django.db import connection
from django.utils.translation import gettext as _

from audit import heads
from audit.ledger import canonical_time

if TYPE_CHECKING:
    from audit.export.making import Order

#: Raised when a reader of older exports could not read a new one.
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Written:
    """One file of an export and what the manifest says of it."""

    dataset: str
    file: str
    rows: int
    bytes: int
    sha256: str
    columns: tuple[str, ...] = ()
    #: Which of the export's filters the dataset knows, and whether the range applies to it.
    narrowed_by: tuple[str, ...] = ()
    by_range: bool = False
    #: Cells that XLSX could not hold in full.
    cut_cells: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """The bytes of manifest.json and their SHA-256, which the signed head holds."""

    content: bytes
    sha256: str


def write(order: "Order", files: Sequence[Written], head: heads.Head, actor: str, now: datetime) -> Manifest:
    """Write manifest.json: what was asked for, each file with rows and digest, where the ledger ends, and versions."""
    scope = order.scope
    narrowed = {name: {"id": scope.filters[name], "name": order.filter_names.get(name, "")} for name in scope.filters}
    values = {
        "format": "waadmin export",
        "format_version": FORMAT_VERSION,
        "product": "waadmin",
        "versions": _versions(),
        "generated_at": canonical_time(now),
        "by": actor,
        "file_format": str(order.format),
        "range": {
            "since": canonical_time(scope.since) if scope.since else None,
            "until": canonical_time(scope.until),
        },
        "business": narrowed.pop("business", None),
        "filters": narrowed,
        "datasets": [_entry(file) for file in files],
        "head": {"sequence": head.sequence, "hash": head.hash},
    }
    content = (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode()
    return Manifest(content, hashlib.sha256(content).hexdigest())


def _entry(file: Written) -> dict[str, Any]:
    return {
        "name": file.dataset,
        "file": file.file,
        "rows": file.rows,
        "bytes": file.bytes,
        "sha256": file.sha256,
        "columns": list(file.columns),
        "narrowed_by": list(file.narrowed_by),
        "by_range": file.by_range,
        "cut_cells": file.cut_cells,
    }


def _versions() -> dict[str, str]:
    return {
        "waadmin": product_version(),
        "python": platform.python_version(),
        "django": django.get_version(),
        "database": f"{connection.display_name} {'.'.join(map(str, connection.get_database_version()))}",
    }


@cache
def product_version() -> str:
    """Give the version of waadmin, or nothing where it is not told."""
    try:
        project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    except OSError:
        return ""
    return str(project["project"]["version"])


def _how_to_check(order: "Order") -> list[str]:
    if not order.scope.of_every_business:
        return [
            _("The ledger concerns every business and is not in this export of one. It knows the SHA-256 of"),
            _("manifest.json: whoever reaches every business can say whether this is what was exported."),
        ]
    return [
        _("ledger.jsonl is the whole ledger up to the moment of the export, head.json its signed end."),
        _("To check all of it: python3 -I verify.py . --key PUBLIC.pem"),
        _("Take the public key from the business itself, not from whoever handed you this folder."),
    ]


def read_me(order: "Order", files: Sequence[Written]) -> str:
    """Write what the files are and how they are checked, for whoever opens the folder first."""
    scope = order.scope
    since = canonical_time(scope.since) if scope.since else _("the beginning")
    lines = [
        _("This is an export of waadmin, the console in which WhatsApp opt-ins and contact checks are kept."),
        _("It holds personal data: keep it where only those read it who must, and delete it when it has served."),
        "",
        _("Range: from %(since)s until before %(until)s, in UTC.")
        % {"since": since, "until": canonical_time(scope.until)},
        *(f"{name}: {order.filter_names.get(name, '')} ({identity})" for name, identity in scope.filters.items()),
        "",
        *(f"{file.file}  {file.rows}" for file in files if file.columns),
        "",
        _("manifest.json names every file with its rows, its columns and its SHA-256."),
        *_how_to_check(order),
        "",
        _("All files are UTF-8. Times are UTC. Empty cells are values that do not exist."),
        _("CSV: a cell that a spreadsheet would compute begins with an apostrophe. To keep every number as it is,"),
        _("open the file with Data > From Text and choose text for its columns, or take the export as XLSX."),
    ]
    if any(file.cut_cells for file in files):
        lines.append(
            _("XLSX: a cell that ends with […] was too long for a workbook. JSON Lines and CSV have all of it.")
        )
    return "\n".join(lines) + "\n"
