"""export_audit: a folder that an auditor can check offline, made without a worker."""

import errno
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audit import verify
from audit.export import writing
from audit.models import AuditEvent
from providers.keys import public_key_pem
from providers.models import Business
from sandbox import Sandbox
from tests import factories
from tests.audit import exporting
from tests.contacts import csv_files
from tests.contacts.command_runs import Ran, run

pytestmark = pytest.mark.django_db


def export(place: Path, *more: str, file_format: str = "csv") -> Ran:
    return run(
        "export_audit", "--since", "2026-01-01", "--until", "2099-12-31", "--format", file_format,
        "--output", str(place), *more,
    )  # fmt: skip


def test_it_makes_a_folder_that_verifies_without_waadmin(acme: Business, sandbox: Sandbox, tmp_path: Path) -> None:
    exporting.everything(acme, sandbox, exporting.factories.GIVEN_AT)
    key = tmp_path / "public.pem"
    key.write_text(public_key_pem())
    for file_format in ("csv", "jsonl", "xlsx"):
        place = tmp_path / file_format
        ran = export(place, file_format=file_format)
        assert ran.code == 0
        assert {row["file"] for row in ran.rows} <= {path.name for path in place.iterdir()}
        assert all(path.is_file() for path in place.iterdir())
        checked = subprocess.run(
            [sys.executable, "-I", "verify.py", ".", "--key", str(key)], cwd=place, capture_output=True, text=True
        )
        assert checked.returncode == 0, checked.stdout
        assert "The head is signed with the key that you named" in checked.stdout


@pytest.mark.parametrize("file_format", ["csv", "jsonl"])
def test_imported_opt_ins_give_the_root_in_the_ledger(file_format: str, acme: Business, tmp_path: Path) -> None:
    lines = [csv_files.line(factories.number(100 + one)) for one in range(7)]
    csv_files.imported(csv_files.csv_of(*lines), acme)
    place = tmp_path / "out"
    export(place, "--dataset", "opt_ins", file_format=file_format)

    assert "Merkle roots compared with their rows: 1;" in " ".join(verify.check(place))


def test_every_changed_file_is_found(acme: Business, tmp_path: Path) -> None:
    exporting.opted_in(factories.number(100), acme)
    place = tmp_path / "out"
    export(place)
    for path in sorted(place.iterdir()):
        if path.name in ("verify.py", "README.txt", "head.json"):
            continue
        content = path.read_bytes()
        path.write_bytes(content[:-2] + b"x" + content[-1:])
        with pytest.raises((verify.Tampered, verify.CannotTell)):
            verify.check(place)
        path.write_bytes(content)
    assert verify.check(place)


def test_it_leaves_marks_in_the_ledger(acme: Business, tmp_path: Path) -> None:
    export(tmp_path / "out", "--business", "Acme", "--dataset", "opt_ins")
    events = AuditEvent.objects.filter(action__startswith="export.").order_by("sequence")

    assert [event.action for event in events] == ["export.requested", "export.made"]
    asked, made = events
    assert asked.details["filters"] == {"business": acme.pk} and asked.business_id == acme.pk
    assert asked.details["datasets"] == ["opt_ins"] and made.details["rows"]["opt_ins.csv"] == 0
    assert str(tmp_path) not in str(made.details)


def test_times_may_stand_in_place_of_days(acme: Business, tmp_path: Path) -> None:
    for hour in (9, 10, 11):
        at = factories.GIVEN_AT.replace(hour=hour)
        exporting.opted_in(factories.number(100 + hour), acme, now=at)
    ran = run(
        "export_audit", "--since", "2026-01-05T10:00:00Z", "--until", "2026-01-05T12:00:00+01:00", "--format", "csv",
        "--output", str(tmp_path / "out"), "--dataset", "opt_ins",
    )  # fmt: skip

    assert ran.code == 0
    assert [row["number"] for row in exporting.csv_rows(tmp_path / "out" / "opt_ins.csv")] == [factories.number(110)]


@pytest.mark.parametrize(
    "given",
    [
        {"--since": "soon"},
        {"--since": "2026-01-01T10:00:00"},
        {"--until": "9999-12-31"},
        {"--until": "2025-12-31"},
        {"--business": "Nobody"},
        {"--account": "nobody"},
        {"--dataset": "auth_user"},
    ],
)
def test_a_usage_error_is_told_and_makes_nothing(given: dict[str, str], acme: Business, tmp_path: Path) -> None:
    values = {"--since": "2026-01-01", "--until": "2026-12-31", "--format": "csv", "--output": str(tmp_path / "out")}
    ran = run("export_audit", *[part for pair in (values | given).items() for part in pair])

    assert ran.code == 2 and ran.messages
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_never_overwritten(acme: Business, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    ran = export(tmp_path)

    assert ran.code == 2 and "there already" in ran.messages
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_full_disk_leaves_nothing(acme: Business, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing.DigestingFile, "write", is_full)
    ran = export(tmp_path / "out")

    assert ran.code == 1 and "no room left" in ran.messages
    assert list(tmp_path.iterdir()) == []
    assert AuditEvent.objects.latest("sequence").action == "export.failed"


def test_a_place_that_cannot_be_written_is_told(acme: Business, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    ran = export(tmp_path / "file" / "out")

    assert ran.code == 1 and "Nothing was kept" in ran.messages
