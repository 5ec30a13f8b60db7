"""`backup`, `restore`, `backup_drill`: whole or not at all, in words, and an erased person stays erased."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from django.db import connection

from tests import factories
from tests.contacts.command_runs import run
from tests.processes import environment, manage, own_database
from waadmin import BASE_DIR
from waadmin.backup import database, drilling, restoring, unfinished

PERSON, OTHER = factories.number(301), factories.number(302)
FILL = (
    "from django.conf import settings; from tests import factories; acme = factories.business(); "
    f"factories.opted_in({PERSON!r}, acme); factories.opted_in({OTHER!r}, acme)"
)
LOOK = (
    "import json; from audit.models import AuditEvent; from contacts.models import Contact; print(json.dumps({"
    "'people': sorted(Contact.objects.values_list('e164', flat=True)), "
    "'actions': list(AuditEvent.objects.order_by('sequence').values_list('action', flat=True))}))"
)
STEPS = ["files", "keys", "empty", "loaded", "migrated", "secrets", "erasures", "triggers", "ledger", "done"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of this module's own, with two people in it."""
    with own_database(tmp_path_factory.mktemp("own")) as made:
        manage(made, "shell", "-v0", "-c", FILL)
        yield made


@pytest.fixture(scope="module")
def kept(url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it."""
    folder = tmp_path_factory.mktemp("backups") / "kept"
    made = ran(url, "backup", str(folder))
    assert made.returncode == 0, made.stderr
    assert fingerprints(folder)[0] in made.stderr, "it says which key a restore will need"
    return folder


@pytest.fixture
def backup(kept: Path, tmp_path: Path) -> Path:
    """A copy of the backup, to be spoilt."""
    return Path(shutil.copytree(kept, tmp_path / "backup"))


@pytest.fixture
def empty(url: str, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    with empty_database(url, tmp_path) as made:
        yield made


@contextmanager
def empty_database(url: str, folder: Path) -> Iterator[str]:
    if connection.vendor == "sqlite":
        yield f"sqlite:///{folder / 'empty.sqlite3'}"
        return
    name = re.sub(r"^.*/", "", url) + "_empty"
    with psycopg.connect(re.sub(r"/[^/]*$", "/postgres", url), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{url}_empty"
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def ran(url: str, *arguments: str, **extra: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=environment(url) | extra,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def content(url: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(manage(url, "shell", "-v0", "-c", LOOK))
    return found


def fingerprints(folder: Path) -> list[str]:
    marks: list[str] = json.loads((folder / "manifest.json").read_text())["key_fingerprints"]
    return marks


def killed_at(url: str, place: str, *arguments: str) -> None:
    """Run a command that is killed when it comes to `place`, a function by its dotted name."""
    module, _dot, name = place.rpartition(".")
    code = (
        "import os, django, importlib; django.setup(); from django.core.management import call_command; "
        f"setattr(importlib.import_module({module!r}), {name!r}, lambda *a, **k: os.kill(os.getpid(), 9)); "
        f"call_command(*{list(arguments)!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=BASE_DIR, env=environment(url), check=False, timeout=300)
    assert done.returncode == -signal.SIGKILL


def steps(done: "subprocess.CompletedProcess[str]") -> dict[str, str]:
    assert done.returncode == 0, done.stderr
    return {row["step"]: row["proved"] for row in map(json.loads, done.stdout.splitlines())}


def test_a_backup_holds_no_key_and_only_its_owner_reads_it(kept: Path) -> None:
    name = database.SQLITE_FILE if connection.vendor == "sqlite" else database.POSTGRESQL_FILE
    assert {path.name for path in kept.iterdir()} == {name, "manifest.json", "head.json"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in (kept, *kept.iterdir()))
    secrets = [os.environ[name].encode() for name in ("FIELD_ENCRYPTION_KEYS", "META_APP_SECRET")]
    assert not [path for path in kept.iterdir() for secret in secrets if secret in path.read_bytes()]

    manifest = json.loads((kept / "manifest.json").read_text())

    assert manifest["versions"].keys() >= {"waadmin", "Django", "Python"}
    assert "webhooks.0001_initial" in manifest["migrations"]


def test_an_older_backup_comes_back_whole_and_an_erased_person_stays_erased(
    url: str, empty: str, kept: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.jsonl"
    second = tmp_path / "second"
    with_journal = {"DJANGO_SETTINGS_MODULE": "waadmin.settings", "ERASURE_JOURNAL": str(journal)}
    erased = ran(url, "erase_person", PERSON, "--reason", "asked", **with_journal)
    assert erased.returncode == 0 and journal.exists(), erased.stderr

    proved = steps(ran(empty, "restore", str(kept), "--journal", str(journal), "--json"))

    assert list(proved) == STEPS
    assert "1 lines of journals were replayed: 1 people" in proved["erasures"]
    assert proved["ledger"].startswith("Intact, compared with the head of ")
    found = content(empty)
    assert found["people"] == [OTHER]
    assert found["actions"][-1] == "backup.restored"
    again = ran(empty, "restore", str(kept))
    assert again.returncode == 2 and "not empty" in again.stderr and "DATABASE_URL" in again.stderr
    assert ran(empty, "backup", str(second), **with_journal).returncode == 0
    assert (second / "erasures.jsonl").read_bytes() == journal.read_bytes(), "the journal goes along"


@pytest.mark.parametrize("name", ["database", "manifest.json", "head.json"])
@pytest.mark.django_db
def test_a_damaged_or_missing_file_is_named_before_anything_is_loaded(backup: Path, name: str) -> None:
    if name == "database":
        name = database.SQLITE_FILE if connection.vendor == "sqlite" else database.POSTGRESQL_FILE
    file = backup / name
    held = bytearray(file.read_bytes())
    held[held.index(b"manifest_sha256") + 20 if name == "head.json" else len(held) // 2] ^= 1
    file.write_bytes(held)

    damaged = run("restore", str(backup))
    file.unlink()
    missing = run("restore", str(backup))

    assert damaged.code == missing.code == 2
    # Of a head and a manifest that do not go together nobody can say which one was changed.
    assert (name if name != "head.json" else "manifest.json") in damaged.messages and name in missing.messages
    assert "Nothing was restored." in damaged.messages
    assert [row["step"] for row in (*damaged.rows, *missing.rows)] == []


@pytest.mark.django_db
def test_a_head_that_nobody_signed_is_refused(backup: Path) -> None:
    head = json.loads((backup / "head.json").read_text())
    del head["signature"]
    (backup / "head.json").write_text(json.dumps(head))

    refused = run("restore", str(backup))

    assert refused.code == 2 and "head.json is not signed" in refused.messages


@pytest.mark.django_db
def test_a_restore_without_the_key_is_refused_and_names_it_by_its_fingerprint(backup: Path, settings: Any) -> None:
    (mark,) = fingerprints(backup)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    refused = run("restore", str(backup))

    assert refused.code == 2 and f"none of the keys of this backup: {mark}" in refused.messages


@pytest.mark.django_db
def test_a_broken_journal_stops_before_anything_is_loaded(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jsonl").write_text("no line\n")

    broken = run("restore", str(backup), "--journal", str(tmp_path / "broken.jsonl"))
    missing = run("restore", str(backup), "--journal", str(tmp_path / "none.jsonl"))

    assert broken.code == missing.code == 2
    assert "broken.jsonl: Line 1" in broken.messages and "none.jsonl cannot be read" in missing.messages


@pytest.mark.django_db
def test_a_backup_of_a_newer_version_is_refused(backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Older(restoring.MigrationLoader):
        def build_graph(self) -> None:
            super().build_graph()
            del self.disk_migrations["webhooks", "0001_initial"]

    monkeypatch.setattr(restoring, "MigrationLoader", Older)

    refused = run("restore", str(backup))

    assert refused.code == 2 and "newer version" in refused.messages and "webhooks.0001_initial" in refused.messages


@pytest.mark.django_db
def test_a_database_that_holds_something_is_not_restored_into(backup: Path) -> None:
    refused = run("restore", str(backup))
    assert refused.code == 2 and "not empty" in refused.messages and "DATABASE_URL" in refused.messages

    unfinished.mark()
    refused = run("restore", str(backup))
    assert refused.code == 2 and "not finished" in refused.messages


@pytest.mark.django_db
def test_a_folder_that_holds_something_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    refused = run("backup", str(tmp_path))

    assert refused.code == 2 and "is there already" in refused.messages


@pytest.mark.django_db
def test_missing_programs_are_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite needs no program")
    monkeypatch.setenv("PATH", str(tmp_path))

    refused = run("backup", str(tmp_path / "backup"))

    assert refused.code == 1 and "pg_dump is not found on PATH" in refused.messages
    assert list(tmp_path.iterdir()) == []


def test_a_kill_in_the_middle_leaves_no_backup(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "backups" / "one"
    killed_at(url, "waadmin.backup.manifest.write", "backup", str(folder))

    assert not folder.exists()
    assert len(list(folder.parent.iterdir())) == 1, "what is half done lies hidden beside it"

    manage(url, "backup", str(folder))
    assert [path.name for path in folder.parent.iterdir()] == ["one"]


def test_a_kill_in_the_middle_of_a_restore_leaves_nothing_that_looks_whole(empty: str, kept: Path) -> None:
    killed_at(empty, "waadmin.backup.restoring.replay", "restore", str(kept))

    for command in ("check", "migrate"):
        refused = ran(empty, command)
        assert refused.returncode == 1 and "waadmin.E008" in refused.stderr, refused.stderr
    again = ran(empty, "restore", str(kept))
    assert again.returncode == 2 and "not finished" in again.stderr


def test_a_ledger_that_is_not_the_one_of_the_signed_head_does_not_start(empty: str, backup: Path) -> None:
    head = json.loads((backup / "head.json").read_text())
    (backup / "head.json").write_text(json.dumps(head | {"hash": "f" * 64}))

    failed = ran(empty, "restore", str(backup))

    assert failed.returncode == 1 and "The ledger does not hold" in failed.stderr, failed.stderr
    assert "done" not in failed.stdout and "waadmin.E008" in ran(empty, "check").stderr


def test_the_drill_proves_a_restore_and_leaves_nothing(url: str, tmp_path: Path) -> None:
    proved = steps(ran(url, "backup_drill", "--json", TMPDIR=str(tmp_path)))

    assert list(proved) == ["backup", *STEPS, "dropped"]
    assert list(tmp_path.glob(f"{drilling.SCRATCH}*")) == []
    assert content(url)["actions"][-2:] == ["head.signed", "backup.drilled"]
    if connection.vendor == "postgresql":
        with psycopg.connect(url) as admin:
            left = admin.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'waadmin_drill_%'").fetchone()
        assert left == (0,)
