"""verify_audit: 0 nothing is wrong, 2 something was changed, 1 cannot tell; and always says what was proved."""

import json
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit import heads, triggers
from audit.models import AuditEvent
from tests.audit.chains import append, export_to
from waadmin import BASE_DIR

Run = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def verify_audit() -> Run:
    """Run the command; give its exit code, its row and its messages."""

    def run(*arguments: object) -> tuple[int, dict[str, Any], str]:
        out, err = StringIO(), StringIO()
        code = 0
        try:
            call_command("verify_audit", "--json", *map(str, arguments), stdout=out, stderr=err)
        except SystemExit as ended:
            code = int(ended.code or 0)
        return code, json.loads(out.getvalue()), err.getvalue()

    return run


@pytest.fixture
def ledger(db: None) -> None:
    append(9, random.Random(3))


@pytest.mark.usefixtures("ledger")
def test_without_a_head_from_outside_it_is_consistent_with_itself_only(verify_audit: Run) -> None:
    code, row, said = verify_audit()

    assert (code, row["result"], row["fault"], row["first_bad"]) == (0, "consistent", None, None)
    assert row["head"] == f"9:{heads.head().hash}"
    assert "a complete rewrite by whoever holds the key cannot be excluded" in row["proved"]
    assert "9 events were read." in said


@pytest.mark.usefixtures("ledger")
def test_against_a_head_it_is_intact_and_names_its_date(verify_audit: Run, now: datetime, tmp_path: Path) -> None:
    kept = tmp_path / "head.json"
    kept.write_text(heads.head_json(heads.sign_head(actor="ada", now=now)), encoding="utf-8")

    code, row, _said = verify_audit("--against", kept)

    assert (code, row["result"]) == (0, "intact")
    assert row["proved"].startswith("Intact, compared with the head of 3 May 2026 (number 9).")
    assert row["proved"].endswith("The 1 event after it is consistent with itself only.")
    assert verify_audit("--against", f"9:{json.loads(kept.read_text())['hash']}")[0] == 0


@pytest.mark.usefixtures("ledger")
def test_tampering_is_exit_code_2_with_the_first_bad_number(verify_audit: Run) -> None:
    triggers.lift()
    AuditEvent.objects.filter(sequence=4).update(actor="mallory")
    triggers.install()

    code, row, _said = verify_audit()

    assert (code, row["result"], row["fault"], row["first_bad"]) == (2, "tampered", "edited", 4)
    assert row["proved"] == "Event 4 was edited: it does not give its hash."


@pytest.mark.usefixtures("ledger")
def test_a_missing_trigger_is_exit_code_2_and_named(verify_audit: Run) -> None:
    with connection.cursor() as cursor:
        suffix = "" if connection.vendor == "sqlite" else " ON audit_auditevent"
        cursor.execute(f"DROP TRIGGER audit_auditevent_no_update{suffix}")

    code, row, _said = verify_audit()

    assert (code, row["fault"], row["first_bad"]) == (2, "trigger", None)
    assert "audit_auditevent_no_update" in row["proved"]


@pytest.mark.usefixtures("ledger")
def test_a_head_from_outside_with_a_wrong_signature_is_found(verify_audit: Run, now: datetime, tmp_path: Path) -> None:
    head = heads.values_of(heads.sign_head(actor="ada", now=now))
    kept = tmp_path / "head.json"
    kept.write_text(json.dumps({**head, "signed_at": "2026-05-04T10:00:00.000000Z"}), encoding="utf-8")

    code, row, _said = verify_audit("--against", kept)

    assert (code, row["fault"]) == (2, "signature")


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("given", ["nowhere.json", "12", "12:abc", "pyproject.toml"])
def test_what_is_no_head_cannot_be_told(given: str) -> None:
    with pytest.raises(CommandError, match="Cannot tell") as caught:
        call_command("verify_audit", "--against", given)
    assert caught.value.returncode == 1


@pytest.mark.usefixtures("ledger")
def test_without_the_encryption_key_hashes_are_compared_and_signatures_are_not(
    verify_audit: Run, now: datetime, settings: Any
) -> None:
    heads.sign_head(actor="ada", now=now)
    settings.FIELD_ENCRYPTION_KEYS = ["MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="]

    code, row, said = verify_audit()

    assert (code, row["result"]) == (0, "consistent")
    assert "Signatures were not checked" in said


@pytest.mark.usefixtures("ledger")
def test_an_export_is_verified_with_the_key_of_the_database(verify_audit: Run, tmp_path: Path) -> None:
    export_to(tmp_path)

    code, row, said = verify_audit("--export", tmp_path)
    assert (code, row["result"]) == (0, "consistent")
    assert "signed with the key" in said
    assert verify_audit("--export", tmp_path, "--against", tmp_path / "head.json")[1]["result"] == "intact"

    text = (tmp_path / "ledger.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "ledger.jsonl").write_text("".join(text[:3] + text[4:]), encoding="utf-8")
    code, row, _said = verify_audit("--export", tmp_path)
    assert (code, row["result"], row["fault"], row["first_bad"]) == (2, "tampered", "missing", 4)


@pytest.mark.usefixtures("ledger")
def test_what_is_no_export_cannot_be_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Cannot tell") as caught:
        call_command("verify_audit", "--export", str(tmp_path))
    assert caught.value.returncode == 1


def test_it_runs_where_the_start_up_checks_would_stop_everything_else(tmp_path: Path) -> None:
    from tests.test_checks import manage

    file = tmp_path / "some.sqlite3"
    url = f"sqlite:///{file}"
    empty = manage("verify_audit", DATABASE_URL=url)
    assert empty.returncode == 1 and "Cannot tell" in empty.stderr and "Traceback" not in empty.stderr
    assert manage("migrate", "-v0", DATABASE_URL=url).returncode == 0
    assert manage("verify_audit", DATABASE_URL=url).returncode == 0
    with sqlite3.connect(file) as shell:
        shell.execute("DROP TRIGGER audit_auditevent_no_update")
    shell.close()

    found = manage("verify_audit", "--json", DATABASE_URL=url)

    assert found.returncode == 2
    assert json.loads(found.stdout)["fault"] == "trigger"


def test_the_verifier_imports_nothing_but_the_standard_library() -> None:
    code = "import sys; sys.argv = ['v', '-h']; import runpy; runpy.run_path(sys.orig_argv[-1], run_name='v'); "
    code += "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(BASE_DIR / "audit" / "verify.py")],
        cwd="/", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert {name for name in done.stdout.split() if not name.startswith("_")} <= sys.stdlib_module_names | {"v"}
