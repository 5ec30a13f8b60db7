"""check_contacts: one row a number, five different answers, and an exit code that says what happened."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from contacts.models import ContactCheck
from providers.models import ProviderAccount
from sandbox import Sandbox
from tests import factories
from tests.factories import number, peruvian

pytestmark = pytest.mark.django_db


def check(*arguments: str, code: int = 0) -> list[dict[str, Any]]:
    out = io.StringIO()
    if code:
        with pytest.raises(SystemExit) as ended:
            call_command("check_contacts", *arguments, "--json", stdout=out, stderr=io.StringIO())
        assert ended.value.code == code
    else:
        call_command("check_contacts", *arguments, "--json", stdout=out, stderr=io.StringIO())
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_row_holds_exactly_the_documented_columns(onprem_account: ProviderAccount) -> None:
    factories.opted_in(number(100), onprem_account.business)
    [row] = check("--provider", onprem_account.name, number(100))
    checked_at = row.pop("checked_at")
    assert row == {
        "input": number(100),
        "e164": number(100),
        "status": "valid",
        "wa_id": number(100)[1:],
        "reason": None,
        "cached": False,
    }
    assert datetime.fromisoformat(checked_at).tzinfo is not None


@pytest.mark.parametrize("kind", ["commbox", "onprem", "accuauth"])
def test_each_provider_tells_valid_invalid_failed_and_refused_apart(
    kind: str, request: pytest.FixtureRequest, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contacts.checking.results.RETRY_AFTER", (0.01, 0.01, 0.01))
    account: ProviderAccount = request.getfixturevalue(f"{kind}_account")
    make = peruvian if kind == "accuauth" else number
    failing = 422 if kind == "onprem" else 500
    for ending in (100, 404, failing):
        factories.opted_in(make(ending), account.business)
    rows = check("--provider", account.name, make(100), make(404), make(failing), make(101), code=4)
    assert [row["status"] for row in rows] == ["valid", "invalid", "failed", "refused"]
    assert rows[3]["reason"] == "no_opt_in"
    assert rows[3]["e164"] == make(101)
    assert not [asked for asked in sandbox.journal.numbers() if asked.endswith("101")]


def test_a_refusal_alone_ends_with_3(onprem_account: ProviderAccount, sandbox: Sandbox) -> None:
    [row] = check("--provider", onprem_account.name, number(100), code=3)
    assert (row["status"], row["checked_at"], row["wa_id"]) == ("refused", None, None)
    assert len(sandbox.journal) == 0


def test_a_number_that_cannot_be_read_is_refused_with_its_reason(onprem_account: ProviderAccount) -> None:
    [row] = check("--provider", onprem_account.name, "6315551002", code=3)
    assert (row["e164"], row["status"], row["reason"]) == (None, "refused", "not_e164")


def test_numbers_without_plus_are_read_as_declared(accuauth_account: ProviderAccount) -> None:
    factories.opted_in(peruvian(100), accuauth_account.business)
    [row] = check("--provider", accuauth_account.name, "--numbers", "national", "--region", "PE", peruvian(100)[3:])
    assert (row["e164"], row["status"]) == (peruvian(100), "valid")


def test_a_pending_number_ends_as_processing_when_the_wait_is_over(accuauth_account: ProviderAccount) -> None:
    factories.opted_in(peruvian(203), accuauth_account.business)
    [row] = check("--provider", accuauth_account.name, "--wait", "1", peruvian(203), code=4)
    assert row["status"] == "processing"


def test_a_pending_number_is_polled_until_it_is_valid(
    accuauth_account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    monkeypatch.setattr("contacts.checking.results.FIRST_POLL", timedelta(milliseconds=50))
    factories.opted_in(peruvian(202), accuauth_account.business)
    [row] = check("--provider", accuauth_account.name, peruvian(202))
    assert row["status"] == "valid"


def test_a_fresh_answer_comes_from_the_cache_unless_forced(onprem_account: ProviderAccount, sandbox: Sandbox) -> None:
    factories.opted_in(number(100), onprem_account.business)
    [first] = check("--provider", onprem_account.name, number(100))
    [second] = check("--provider", onprem_account.name, number(100))
    assert (second["cached"], second["checked_at"]) == (True, first["checked_at"])
    [third] = check("--provider", onprem_account.name, "--force", "--reason", "disputed", number(100))
    assert third["cached"] is False
    assert len(sandbox.journal) == 2


def test_force_needs_a_reason(onprem_account: ProviderAccount) -> None:
    with pytest.raises(CommandError, match="--reason") as refusal:
        check("--provider", onprem_account.name, "--force", number(100))
    assert refusal.value.returncode == 2


def test_an_unknown_account_is_named_together_with_those_that_exist(onprem_account: ProviderAccount) -> None:
    with pytest.raises(CommandError, match="acme-onprem") as refusal:
        check("--provider", "nobody", number(100))
    assert refusal.value.returncode == 2


def test_an_account_that_cannot_look_numbers_up_is_refused(onprem_account: ProviderAccount) -> None:
    ProviderAccount.objects.filter(pk=onprem_account.pk).update(kind="cloud_api")
    with pytest.raises(CommandError, match="cannot look numbers up"):
        check("--provider", onprem_account.name, number(100))


def test_a_paused_account_leaves_rows_waiting(onprem_account: ProviderAccount, sandbox: Sandbox) -> None:
    factories.opted_in(number(100), onprem_account.business)
    ProviderAccount.objects.filter(pk=onprem_account.pk).update(paused_at=datetime.now(UTC), paused_reason="holiday")
    [row] = check("--provider", onprem_account.name, number(100), code=4)
    assert (row["status"], row["reason"]) == ("waiting", "account_paused")
    assert len(sandbox.journal) == 0


def test_numbers_come_from_a_file_too(onprem_account: ProviderAccount, tmp_path: Path) -> None:
    file = tmp_path / "numbers.txt"
    file.write_text(f"\ufeff{number(100)}\r\n\r\n{number(101)};{number(100)}\n", encoding="utf-8")
    factories.opted_in(number(100), onprem_account.business)
    rows = check("--provider", onprem_account.name, "--file", str(file), code=3)
    assert [row["status"] for row in rows] == ["valid", "refused", "valid"]
    assert ContactCheck.objects.count() == 3


def test_a_file_that_is_not_there_is_named(onprem_account: ProviderAccount) -> None:
    with pytest.raises(CommandError, match=r"no-such-file\.txt"):
        check("--provider", onprem_account.name, "--file", "no-such-file.txt")


def test_without_a_number_nothing_is_made(onprem_account: ProviderAccount) -> None:
    with pytest.raises(CommandError, match="No number given"):
        check("--provider", onprem_account.name)
