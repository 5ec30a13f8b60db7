"""All datasets of an export see the same moment, whatever is written meanwhile; a kill leaves nothing that counts."""

import json
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.db import DatabaseError, transaction
from django_q.models import OrmQ

from audit import verify
from audit.export import running, tasks
from audit.export.snapshot import snapshot
from audit.models import Export
from providers.models import Business
from tests import factories
from tests.audit import exporting
from tests.processes import environment, manage, own_database
from waadmin import BASE_DIR


def script(url: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.audit.meanwhile", *arguments],
        cwd=BASE_DIR,
        env=environment(url),
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.django_db
def test_an_export_holds_one_moment_holds_nobody_up_and_survives_a_kill(tmp_path: Path) -> None:
    with own_database(tmp_path) as url:
        (tmp_path / "each").mkdir()
        told, _errors = script(url, "writes", str(tmp_path / "each")).communicate(timeout=120)
        for found in json.loads(told):
            assert found["in_ledger"] == found["in_states"] == found["before"] == found["after"] - 1
            assert found["waited"] < 5
        place = tmp_path / "exports" / "may"
        killed = script(url, "waits", str(place))
        assert killed.stdout is not None and killed.stdout.readline() == "half\n"
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        assert not place.exists()
        arguments = ("--since", "2026-01-01", "--until", "2099-12-31", "--format", "csv", "--output", str(place))
        manage(url, "export_audit", *arguments)

    assert [path.name for path in place.parent.iterdir()] == ["may"]
    assert verify.check(place)
    assert len(exporting.csv_rows(place / "opt_ins.csv")) == 4


@pytest.mark.django_db(transaction=True)
def test_a_job_shows_its_progress_beside_its_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    acme = factories.business("Acme")
    user = User.objects.create(username="olga", is_staff=True)
    user.groups.set(Group.objects.filter(name="Auditors"))
    exporting.opted_in(factories.number(100), acme)
    monkeypatch.setattr(running, "_EVERY_SECONDS", 0)
    export = exporting.requested(user, "opt_ins")
    assert OrmQ.objects.count() == 1
    assert tasks.run(export.pk) == 1

    assert Export.objects.get().state == "READY"


@pytest.mark.django_db(transaction=True)
def test_a_job_whose_export_was_removed_ends_at_its_next_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    acme = factories.business("Acme")
    user = User.objects.create(username="olga", is_staff=True)
    user.groups.set(Group.objects.filter(name="Auditors"))
    exporting.opted_in(factories.number(100), acme)
    monkeypatch.setattr(running, "_EVERY_SECONDS", 0)
    monkeypatch.setattr(running, "LEASE", timedelta(seconds=0))
    export = exporting.requested(user, "opt_ins")
    monkeypatch.setattr(running, "make", lambda **given: Export.objects.update(state="REMOVED") and given["tick"](1))

    assert tasks.run(export.pk) == 0
    assert Export.objects.get().state == "REMOVED"


@pytest.mark.django_db(transaction=True)
def test_nothing_can_be_written_inside_a_snapshot() -> None:
    with snapshot(), pytest.raises(DatabaseError), transaction.atomic():
        Business.objects.create(name="Acme")
    assert not Business.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_inside_a_transaction_is_refused() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"), snapshot():
        pytest.fail("it must not begin")
