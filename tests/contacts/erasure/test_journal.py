"""The journal: every erasure stands in a file outside the database, and a restored backup is erased again from it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from audit.models import AuditEvent
from contacts.erasure import journal, restricting
from contacts.erasure.journal import JournalNotWritten, JournalUnreadable
from contacts.erasure.replaying import replay
from contacts.models import Consent, Contact, ErasedName, Erasure, Suppression
from numbers.models import BusinessNumber
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import factories
from tests.contacts import senders
from tests.contacts.command_runs import run
from tests.contacts.erasure.people import erase, furnish, rows_naming

ONE, OTHER = factories.number(101), factories.number(102)


@pytest.fixture(autouse=True)
def file(tmp_path: Path, settings: Any) -> Path:
    path = tmp_path / "erasures.jsonl"
    settings.ERASURE_JOURNAL = str(path)
    return path


@pytest.fixture
def node(acme: Business, sandbox: Sandbox) -> ProviderAccount:
    return factories.account(acme, "onprem", base_url=sandbox.url)


@pytest.fixture
def ours(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return senders.our_number(acme, sandbox.url)


def restored() -> None:
    """Forget what the database knew of erasures, as a backup from before does; the key was made long before."""
    for model in (Erasure, ErasedName, Suppression):
        model.objects.all().delete()


def lines(path: Path) -> list[journal.Line]:
    return list(journal.read(path))


def test_a_line_is_written_and_names_nobody(acme: Business, file: Path) -> None:
    entry = erase(factories.opted_in(ONE, acme).consent.contact, now=datetime.now(UTC))

    (line,) = lines(file)
    assert (line.erasure, line.kind, line.reason) == (str(entry.pk), "ERASED", "ASKED")
    assert line.withdrawals[str(acme.pk)].keys() == {"service", "utility", "authentication"}
    assert ONE[3:] not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


def test_a_restored_backup_is_erased_again(
    acme: Business, node: ProviderAccount, ours: BusinessNumber, file: Path
) -> None:
    now = datetime.now(UTC)
    erase(furnish(ONE, acme, node, ours, now=now), now=now)
    restored()
    furnish(ONE, acme, node, ours, now=now)
    furnish(OTHER, acme, node, ours, now=now)

    replay(lines=lines(file), actor="tests", now=now)
    call_command("replay_erasures", verbosity=0)

    assert rows_naming([ONE]) == set()
    assert Contact.objects.filter(e164=OTHER).exists()
    assert Consent.objects.filter(contact__e164=ONE).count() == 0
    assert Suppression.objects.get().withdrawals.keys() >= {"service"}
    assert AuditEvent.objects.filter(action="person.erased").count() == 2


def test_a_withdrawal_since_the_backup_is_kept_even_where_the_backup_knows_nobody(acme: Business, file: Path) -> None:
    factories.opted_in(ONE, acme)
    factories.withdrawn(ONE, acme, now=datetime.now(UTC))
    erase(Contact.objects.get(), now=datetime.now(UTC))
    restored()

    (done,) = replay(lines=lines(file), actor="tests", now=datetime.now(UTC))

    assert (done.is_new, done.found) == (True, False)
    assert factories.opted_in(ONE, acme, now=datetime.now(UTC)).consent.status == "WITHDRAWN"


def test_a_second_replay_changes_nothing_and_spares_who_came_back(acme: Business, file: Path) -> None:
    erase(factories.opted_in(ONE, acme).consent.contact, now=datetime.now(UTC))
    factories.opted_in(ONE, acme, given_at=datetime.now(UTC))

    (done,) = replay(lines=lines(file), actor="tests", now=datetime.now(UTC))

    assert not done.is_new
    assert Consent.objects.get().status == "GRANTED"
    assert len(lines(file)) == 1


def test_restrictions_and_their_end_are_replayed_in_order(acme: Business, file: Path) -> None:
    now = datetime.now(UTC)
    one, other = (factories.opted_in(number, acme).consent.contact for number in (ONE, OTHER))
    until = now + timedelta(days=365)
    for contact in (one, other):
        restricting.restrict(contact=contact, until=until, reason="OBJECTED", actor="tests", now=now)
    restricting.lift(contact=other, reason="MISTAKE", actor="tests", now=now + timedelta(seconds=1))
    restored()
    Contact.objects.update(restricted_at=None, restricted_until=None)

    replay(lines=reversed(lines(file)), actor="tests", now=now)

    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.restricted_until, other.restricted_until) == (until, None)
    assert Consent.objects.get(contact=one, business=acme).status == "WITHDRAWN"
    assert len(lines(file)) == 3


def test_nothing_is_erased_where_the_journal_cannot_be_written(acme: Business, settings: Any) -> None:
    contact = factories.opted_in(ONE, acme).consent.contact
    settings.ERASURE_JOURNAL = "/dev/null/nowhere"

    with pytest.raises(JournalNotWritten, match="nowhere"):
        erase(contact, now=datetime.now(UTC))

    assert Contact.objects.get().restricted_at is not None
    assert not AuditEvent.objects.filter(action="person.erased").exists()


def test_a_line_that_a_crash_cut_short_is_left_out_and_another_is_refused(acme: Business, file: Path) -> None:
    erase(factories.opted_in(ONE, acme).consent.contact, now=datetime.now(UTC))
    whole = file.read_text()
    file.write_text(whole + whole[:50])
    assert len(lines(file)) == 1

    file.write_text("no line\n" + whole)
    with pytest.raises(JournalUnreadable, match="1"):
        lines(file)


def test_the_command_replays_and_says_what_it_did(acme: Business, file: Path) -> None:
    erase(factories.opted_in(ONE, acme).consent.contact, now=datetime.now(UTC))
    restored()
    factories.opted_in(ONE, acme, given_at=datetime.now(UTC))

    ended = run("replay_erasures", str(file))

    assert ended.code == 0
    (row,) = ended.rows
    assert (row["state"], row["known"], row["person_found"]) == ("erased", False, True)
    assert not Contact.objects.exists()


def test_the_command_refuses_a_file_that_is_none(file: Path) -> None:
    assert run("replay_erasures", str(file.parent / "other")).code == 2
    file.write_text("no line\n")
    assert run("replay_erasures").code == 2
