"""export_audit: everything an auditor needs, as plain files in a new folder."""

import errno
import signal
import sys
from argparse import ArgumentParser
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from audit.command import Exit, ReportingCommand, actor, invalid
from audit.export import datasets
from audit.export.datasets import Filter, Scope
from audit.export.folder import FolderTaken
from audit.export.forms import end_of, first_moment
from audit.export.making import Format, Made, Order
from audit.export.to_folder import export_to_folder


class Command(ReportingCommand):
    """Makes the folder, in this process, and prints one row a file."""

    help = "Export datasets, the whole ledger and its signed head into a new folder. Needs no worker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--since", required=True, metavar="D", help="first day, as 2026-05-03 (UTC), or a time")
        parser.add_argument(
            "--until",
            required=True,
            metavar="D",
            help="last day, which counts in full, or a time; may be in the future",
        )
        parser.add_argument("--format", required=True, choices=[str(one) for one in Format])
        parser.add_argument("--output", required=True, metavar="DIR", help="a folder that is not there yet, or empty")
        parser.add_argument("--business", metavar="B", help="only what is about this business")
        parser.add_argument("--account", metavar="NAME", help="only what went through this provider account")
        parser.add_argument("--dataset", action="append", default=[], metavar="NAME", help="may stand several times")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the export."""
        order = _order(options)
        place = Path(options["output"]).absolute()
        # Asked to stop, it clears up what is half done; only a kill leaves that to the next export.
        signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(int(Exit.ERROR)))
        try:
            made = export_to_folder(order=order, place=place, actor=actor(), clock=lambda: datetime.now(UTC))
        except FolderTaken:
            raise invalid(f"{place} is there already. Name a folder that is not there yet, or an empty one.") from None
        except OSError as error:
            raise _disk_error(place, error) from None
        self._report(made, place)

    def _report(self, made: Made, place: Path) -> None:
        for file in made.files:
            self.row(
                {
                    "dataset": file.dataset,
                    "file": file.file,
                    "rows": file.rows,
                    "bytes": file.bytes,
                    "sha256": file.sha256,
                }
            )
        self.say(f"{place}: {made.rows} rows; the ledger up to number {made.head.sequence}, signed.")
        cut = sum(file.cut_cells for file in made.files)
        if cut:
            self.say(f"{cut} cells were too long for XLSX and end with […]; the other formats have all of them.")


def _order(options: dict[str, Any]) -> Order:
    since, until = _read(options["since"], "--since"), _read(options["until"], "--until")
    begins = since if isinstance(since, datetime) else first_moment(since)
    ends = until if isinstance(until, datetime) else end_of(until)
    if begins >= ends:
        raise invalid("--until is before --since.")
    chosen = {name: options[name] for name in ("business", "account") if options[name] is not None}
    filters = {one.name: _identity(one, chosen[one.name]) for one in datasets.all_filters() if one.name in chosen}
    names = options["dataset"] or [dataset.name for dataset in datasets.all_datasets()]
    try:
        found = datasets.named(names)
    except KeyError as error:
        known = ", ".join(dataset.name for dataset in datasets.all_datasets())
        raise invalid(f"{error.args[0]} is no dataset. There are: {known}.") from None
    return Order(
        format=Format(options["format"]),
        datasets=tuple(dataset.name for dataset in found),
        scope=Scope(since=begins, until=ends, filters=filters),
        filter_names=chosen,
    )


def _read(text: str, option: str) -> date | datetime:
    try:
        at = date.fromisoformat(text) if len(text) == len("2026-05-03") else datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"{option} {text}: write a day as 2026-05-03, or a time as 2026-05-03T10:00:00Z.") from None
    if at.year > 9998:
        raise invalid(f"{option} {text}: this is too far away.")
    if isinstance(at, datetime) and at.tzinfo is None:
        raise invalid(f"{option} {text}: this time has no time zone. Write it as 2026-05-03T10:00:00Z.")
    return at


def _identity(one: Filter, name: str) -> int:
    for identity, known in one.choices(None):
        if known == name:
            return identity
    raise invalid(f"There is no {one.name} named “{name}”.")


def _disk_error(place: Path, error: OSError) -> CommandError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CommandError(f"There is no room left for {place}. Nothing was kept.", returncode=int(Exit.ERROR))
    return CommandError(f"{place}: {error.strerror}. Nothing was kept.", returncode=int(Exit.ERROR))
