"""Exports in the background: made once whatever the queue does, kept for a week, gone as a whole when they fail."""

import errno
import io
import uuid
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection

from audit import verify
from audit.export import jobs, parts, running, tasks, writing
from audit.export.making import Format
from audit.models import AuditEvent, Export, ExportPart
from providers.encryption import decrypt
from providers.models import Business
from tests import factories
from tests.audit import exporting

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)


@pytest.fixture
def auditor(db: None) -> User:
    user = User.objects.create(username="olga", is_staff=True)
    user.groups.set(Group.objects.filter(name="Auditors"))
    return user


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of the test's own, so that what is left behind is seen."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def actions() -> list[str]:
    return list(
        AuditEvent.objects.filter(action__startswith="export.").order_by("sequence").values_list("action", flat=True)
    )


def archive_of(export: Export) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(parts.read(export))))


def test_an_export_is_asked_for_made_and_downloaded_and_each_leaves_a_mark(
    acme: Business, auditor: User, tmp_path: Path
) -> None:
    exporting.opted_in(factories.number(100), acme)
    export = exporting.requested(auditor)
    assert tasks.run(export.pk) > 0
    export.refresh_from_db()

    assert export.state == Export.State.READY
    assert export.kept_until is not None and export.finished_at is not None
    assert export.kept_until - export.finished_at == timedelta(days=7)
    content = b"".join(jobs.download(export=export, user=auditor, now=datetime.now(UTC)))
    assert len(content) == export.size
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path / "unpacked")
    (folder,) = (tmp_path / "unpacked").iterdir()
    assert folder.name == jobs.folder_name(export)
    assert "Every file that the manifest names is as it was." in " ".join(verify.check(folder))
    assert [row["number"] for row in exporting.csv_rows(folder / "opt_ins.csv")] == [factories.number(100)]
    assert actions() == ["export.requested", "export.made", "export.downloaded"]
    assert {event.actor for event in AuditEvent.objects.filter(action__startswith="export.")} == {"olga"}
    # The ledger in the export tells of the request for it.
    assert "export.requested" in (folder / "ledger.jsonl").read_text()


def test_nothing_is_left_in_the_folder_of_temporary_files(acme: Business, auditor: User, temporary_files: Path) -> None:
    tasks.run(exporting.requested(auditor).pk)

    assert list(temporary_files.iterdir()) == []


def test_the_parts_are_encrypted_in_the_database(acme: Business, auditor: User) -> None:
    export = exporting.requested(auditor, "opt_ins")
    tasks.run(export.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT content FROM audit_exportpart")
        (stored,) = cursor.fetchone()

    assert not bytes(stored).startswith(b"PK")
    assert decrypt(bytes(stored)).startswith(b"PK")


def test_a_second_run_changes_nothing(acme: Business, auditor: User) -> None:
    export = exporting.requested(auditor, "opt_ins")
    tasks.run(export.pk)
    before = Export.objects.values().get()
    tasks.run(export.pk)

    assert Export.objects.values().get() == before
    assert actions() == ["export.requested", "export.made"]


def test_what_is_being_made_is_not_begun_again(acme: Business, auditor: User) -> None:
    export = exporting.requested(auditor, "opt_ins")
    Export.objects.update(state="RUNNING", claim=uuid.uuid4(), lease_until=datetime.now(UTC) + timedelta(seconds=30))
    tasks.run(export.pk)

    assert Export.objects.get().state == "RUNNING"


def test_a_lost_process_is_made_up_for_and_its_parts_do_not_mix(acme: Business, auditor: User) -> None:
    export = exporting.requested(auditor, "opt_ins")
    lost = uuid.uuid4()
    Export.objects.update(state="RUNNING", claim=lost, lease_until=datetime.now(UTC) - timedelta(seconds=1), attempts=1)
    ExportPart.objects.create(export=export, claim=lost, position=0, content=b"half")
    assert tasks.sweep() == 1
    tasks.run(export.pk)
    export.refresh_from_db()
    ExportPart.objects.create(export=export, claim=lost, position=1, content=b"half")  # it was only slow

    assert archive_of(export).testzip() is None
    tasks.purge()
    assert set(ExportPart.objects.values_list("claim", flat=True)) == {export.claim}


def test_whoever_lost_the_claim_stops_and_takes_nothing_along(
    acme: Business, auditor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = exporting.requested(auditor, "opt_ins")
    other = uuid.uuid4()

    def somebody_takes_over(*args: Any, **kwargs: Any) -> int:
        Export.objects.update(claim=other)
        ExportPart.objects.create(export=export, claim=other, position=0, content=b"theirs")
        return 0

    monkeypatch.setattr(running.parts, "pack", somebody_takes_over)
    tasks.run(export.pk)
    export.refresh_from_db()

    assert (export.state, export.claim) == ("RUNNING", other)
    assert ExportPart.objects.get().claim == other


def test_a_process_that_is_lost_three_times_is_given_up(acme: Business, auditor: User) -> None:
    export = exporting.requested(auditor, "opt_ins")
    Export.objects.update(
        state="RUNNING", claim=uuid.uuid4(), lease_until=datetime.now(UTC) - timedelta(seconds=1), attempts=3
    )
    ExportPart.objects.create(export=export, claim=uuid.uuid4(), position=0, content=b"half")
    assert tasks.sweep() == 0
    export.refresh_from_db()

    assert export.state == "FAILED" and "three times" in export.problem
    assert not ExportPart.objects.exists()
    assert actions()[-1] == "export.failed"


def test_a_lost_task_is_queued_again_after_a_minute(acme: Business, auditor: User) -> None:
    exporting.requested(auditor, "opt_ins")

    assert tasks.sweep() == 0
    assert jobs.sweep(now=datetime.now(UTC) + timedelta(minutes=2)) == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "full"),
        (OSError(errno.EIO, "Input/output error"), "disk"),
    ],
)
def test_a_disk_that_fails_leaves_nothing_and_says_why(
    error: OSError,
    words: str,
    acme: Business,
    auditor: User,
    temporary_files: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*args: Any) -> None:
        raise error

    exporting.opted_in(factories.number(100), acme)
    monkeypatch.setattr(writing.DigestingFile, "write", fails)
    export = exporting.requested(auditor)
    tasks.run(export.pk)
    export.refresh_from_db()

    assert export.state == "FAILED" and words in export.problem
    assert not ExportPart.objects.exists()
    assert list(temporary_files.iterdir()) == []
    assert actions() == ["export.requested", "export.failed"]


def test_an_error_while_packing_leaves_no_part(acme: Business, auditor: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART", 512)
    read = Path.open

    def fails_at_the_manifest(self: Path, *args: Any, **kwargs: Any) -> Any:
        if self.name == "manifest.json" and args == ("rb",):
            assert ExportPart.objects.exists()
            raise OSError(errno.EIO, "Input/output error")
        return read(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", fails_at_the_manifest)
    export = exporting.requested(auditor)
    tasks.run(export.pk)

    assert Export.objects.get().state == "FAILED"
    assert not ExportPart.objects.exists()


def test_it_ends_before_the_queue_would_kill_it(
    acme: Business, auditor: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    assert running.LONGEST < running.LEASE < timedelta(seconds=settings.Q_CLUSTER["timeout"])
    exporting.opted_in(factories.number(100), acme)
    monkeypatch.setattr(running, "LONGEST", timedelta(seconds=-1))
    export = exporting.requested(auditor)
    tasks.run(export.pk)
    export.refresh_from_db()

    assert export.state == "FAILED" and "export_audit" in export.problem


def test_progress_and_the_lease_are_written_while_it_is_made(
    acme: Business, auditor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporting.opted_in(factories.number(100), acme)
    monkeypatch.setattr(running, "_EVERY_SECONDS", 0)
    export = exporting.requested(auditor, "opt_ins")
    seen = []
    pack = parts.pack

    def looks(*args: Any, **kwargs: Any) -> int:
        seen.append(Export.objects.get())
        return pack(*args, **kwargs)

    monkeypatch.setattr(running.parts, "pack", looks)
    tasks.run(export.pk)

    assert seen[0].rows >= 1 and seen[0].lease_until > datetime.now(UTC)


def test_whoever_lost_the_permission_gets_nothing_made(acme: Business, auditor: User) -> None:
    export = exporting.requested(auditor)
    auditor.groups.clear()
    tasks.run(export.pk)

    assert Export.objects.get().state == "FAILED"
    assert not ExportPart.objects.exists()


def test_exports_are_removed_after_a_week_and_that_leaves_a_mark(acme: Business, auditor: User) -> None:
    export = exporting.requested(auditor, "opt_ins")
    tasks.run(export.pk)
    assert jobs.purge(now=datetime.now(UTC) + timedelta(days=6)) == 0
    assert jobs.purge(now=datetime.now(UTC) + timedelta(days=8)) == 1
    export.refresh_from_db()

    assert export.state == "REMOVED"
    assert not ExportPart.objects.exists()
    assert actions()[-1] == "export.removed"
    with pytest.raises(jobs.ExportRefused):
        jobs.download(export=export, user=auditor, now=datetime.now(UTC))


def test_every_kept_export_can_be_dropped_and_one_under_way_ends(acme: Business, auditor: User) -> None:
    ready, waiting = exporting.requested(auditor, "opt_ins"), exporting.requested(auditor, "opt_ins")
    tasks.run(ready.pk)
    assert jobs.drop_kept(now=NOW, because="a person was erased") == 2
    tasks.run(waiting.pk)

    assert set(Export.objects.values_list("state", flat=True)) == {"REMOVED"}
    assert not ExportPart.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"names": []}, "at least one dataset"),
        ({"since": NOW, "until": NOW}, "before it begins"),
        ({"filters": {"business": 999}}, "no such business"),
        ({"filters": {"password": 1}}, "no such password"),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], words: str, auditor: User) -> None:
    values: dict[str, Any] = {
        "file_format": Format.CSV, "names": ["opt_ins"], "since": None, "until": NOW, "filters": {},
    }  # fmt: skip
    with pytest.raises(jobs.ExportRefused, match=words):
        jobs.request(user=auditor, now=NOW, **(values | fields))
    assert not Export.objects.exists()
