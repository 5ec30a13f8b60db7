"""Run by tests in a process and on a database of its own: exports during which something happens.

`python -m tests.audit.meanwhile writes FOLDER` records an opt-in on another connection while each export is made, and
prints what the exports hold; `… waits FOLDER` says when an export into FOLDER is half done, and waits to be killed.
"""

import json
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path


def main() -> None:
    """Do what the arguments say."""
    import django

    django.setup()
    what, folder = sys.argv[1], Path(sys.argv[2])
    if what == "writes":
        sys.stdout.write(json.dumps(writes(folder)))
    else:
        waits(folder)


def writes(folder: Path) -> list[dict[str, object]]:
    """Make an export in each format, another person opting in after its first dataset; give what each holds."""
    from audit.export import making
    from audit.export.making import Format
    from contacts.models import OptIn
    from providers.models import Business
    from tests import factories
    from tests.audit import exporting

    acme = Business.objects.create(name="Acme")
    exporting.opted_in(factories.number(100), acme)
    found: list[dict[str, object]] = []
    for place, file_format in enumerate(Format):
        before, waited = OptIn.objects.count(), []

        def tick(rows: int, place: int = place, waited: list[float] = waited) -> None:
            if not waited:
                began = time.monotonic()
                _elsewhere(factories.number(110 + place))
                waited.append(time.monotonic() - began)

        (folder / file_format).mkdir()
        making.make(
            order=exporting.order(file_format),
            folder=folder / file_format,
            actor="tests",
            now=datetime.now(UTC),
            tick=tick,
        )
        events = exporting.json_rows(folder / file_format / "ledger.jsonl")
        found.append(
            {
                "before": before,
                "after": OptIn.objects.count(),
                "in_ledger": sum(event["action"] == "opt_in.recorded" for event in events),
                # The first dataset was written before the other person opted in, this one after.
                "in_states": len({row["number"] for row in exporting.rows_in(folder / file_format, "consent_states")}),
                "waited": waited[0],
            }
        )
    return found


def _elsewhere(number: str) -> None:
    from django.db import connections

    from providers.models import Business
    from tests.audit import exporting

    def record() -> None:
        exporting.opted_in(number, Business.objects.get())
        connections.close_all()

    thread = threading.Thread(target=record)
    thread.start()
    thread.join()


def waits(folder: Path) -> None:
    """Begin an export into `folder`, say when a file of it is there, and wait."""
    from audit.export import making, to_folder
    from audit.export.making import Format
    from tests.audit import exporting

    def half(*args: object) -> None:
        sys.stdout.write("half\n")
        sys.stdout.flush()
        time.sleep(60)

    making._write_ledger = half  # type: ignore[assignment]
    to_folder.export_to_folder(
        order=exporting.order(Format.CSV), place=folder, actor="tests", clock=lambda: datetime.now(UTC)
    )


if __name__ == "__main__":
    main()
