"""Erasing: nothing of a person is left in any form of their number, and what must stay stays."""

import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from audit import triggers
from audit.export import tasks
from audit.models import AuditEvent, Export, ExportPart
from audit.proof import prove
from contacts import checks, exports, messages
from contacts.erasure import erasing, finishing, persons
from contacts.erasure.restricting import ErasureRefused
from contacts.gate import Outcome, Reason
from contacts.models import Contact, ContactCheck, Erasure, Message, OptIn, OptInEvidence, Suppression
from numbers.models import BusinessNumber
from providers.e164 import read_number
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import factories
from tests.audit import exporting
from tests.contacts import senders
from tests.contacts.erasure.people import erase, furnish, rows_naming

ONE, OTHER = factories.number(101), factories.number(102)
MANY = 1_000 if os.environ.get("TESTS_IN_FULL") else 50


@pytest.fixture
def node(acme: Business, sandbox: Sandbox) -> ProviderAccount:
    return factories.account(acme, "onprem", base_url=sandbox.url)


@pytest.fixture
def ours(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return senders.our_number(acme, sandbox.url)


def judged(account: ProviderAccount, number: str) -> tuple[Outcome, Reason | None]:
    preview = checks.preview(
        account=account, lines=checks.read_lines([number]), purpose="", force=True, now=datetime.now(UTC)
    )
    return preview.rows[0].decision.outcome, preview.rows[0].decision.reason


def files_naming(folder: Path, number: str) -> set[str]:
    return {path.name for path in folder.iterdir() if number[3:].encode() in path.read_bytes()}


def test_a_furnished_person_has_something_in_every_place(
    acme: Business, node: ProviderAccount, ours: BusinessNumber
) -> None:
    contact = furnish(ONE, acme, node, ours, now=datetime.now(UTC))

    assert {holding.name for holding in persons.holdings(contact)} == set(persons.NAMES)


def test_of_many_erased_people_nothing_is_found_and_all_are_still_refused(
    acme: Business, node: ProviderAccount, ours: BusinessNumber, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    now = datetime.now(UTC)
    numbers = [factories.number(100, index) for index in range(MANY)]
    for number in numbers:
        furnish(number, acme, node, ours, now=now)
        factories.withdrawn(number, acme, now=now)
    furnish(OTHER, acme, node, ours, now=now)
    left = rows_naming([OTHER])
    assert rows_naming(numbers)
    caplog.clear()

    for number in numbers:
        erase(Contact.objects.get(e164=number), now=now, finished=False)
    while finishing.finish(now=now):
        pass

    assert rows_naming(numbers) == set()
    assert not any(number[3:] in record.getMessage() for number in numbers for record in caplog.records)
    assert rows_naming([OTHER]) == left
    assert not Erasure.objects.filter(finished_at=None).exists()
    assert prove().faults == ()
    assert {judged(node, number) for number in numbers} == {(Outcome.REFUSED, Reason.WITHDRAWN)}
    assert not list(exports.cleared(business=acme, purpose="service", actor="tests", now=now))[1:]


def test_consent_events_stay_by_pseudonym_and_their_evidence_goes(acme: Business) -> None:
    recorded = factories.opted_in(ONE, acme)
    contact = recorded.consent.contact

    erase(contact, now=datetime.now(UTC))

    assert OptIn.objects.get(pk=recorded.opt_in.pk).pseudonym == contact.pseudonym
    assert not OptInEvidence.objects.exists() and not Contact.objects.exists()
    told = AuditEvent.objects.filter(action="person.erased").get()
    assert told.pseudonym == contact.pseudonym
    assert told.details["removed"]["evidence"] == 1
    assert triggers.missing() == []


def test_every_form_of_the_number_goes(acme: Business) -> None:
    recorded = factories.opted_in("+5491123456789", acme)
    factories.opted_in("+541123456789", acme, now=datetime.now(UTC))

    erase(recorded.consent.contact, now=datetime.now(UTC))

    assert not Contact.objects.exists()
    assert AuditEvent.objects.filter(action="person.erased").count() == 2


def test_an_erasure_waits_for_a_call_on_its_way(acme: Business, node: ProviderAccount) -> None:
    contact = factories.opted_in(ONE, acme).consent.contact
    factories.check_run(node, ONE)
    now = datetime.now(UTC)
    ContactCheck.objects.update(status="SENDING", lease_until=now + timedelta(seconds=0.4))

    erase(contact, now=now)

    assert datetime.now(UTC) >= now + timedelta(seconds=0.4)


def test_an_answer_that_comes_after_the_erasure_changes_nothing(
    acme: Business, ours: BusinessNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = senders.agreed(ONE, acme)
    call = "contacts.messaging.sending._call"

    def erased_meanwhile(*args: object) -> str:
        Message.objects.update(lease_until=datetime.now(UTC))
        erase(Contact.objects.get(pk=contact.pk), now=datetime.now(UTC))
        return "wamid.LATE"

    monkeypatch.setattr(call, erased_meanwhile)
    senders.send(contact, ours)

    assert not Message.objects.exists() and not Contact.objects.exists()


def test_who_is_erased_while_their_page_is_open_is_not_written_to(acme: Business, ours: BusinessNumber) -> None:
    contact = senders.agreed(ONE, acme)
    erase(contact, now=datetime.now(UTC))

    with pytest.raises(messages.MessageRefused) as refused:
        senders.send(Contact(pk=999, e164=ONE, person_key=ONE), ours)

    assert refused.value.reason == Reason.WITHDRAWN
    with pytest.raises(messages.MessageRefused):
        senders.send(read_number(ONE), ours)


def test_kept_exports_go_with_the_person_and_a_new_one_names_nobody(
    acme: Business, node: ProviderAccount, ours: BusinessNumber, tmp_path: Path
) -> None:
    contact = furnish(ONE, acme, node, ours, now=datetime.now(UTC))
    auditor = User.objects.create_superuser("auditor")
    kept = exporting.requested(auditor)
    tasks.run(kept.pk)
    before = exporting.make(tmp_path / "before", exporting.order())

    erase(contact, now=datetime.now(UTC))

    kept.refresh_from_db()
    assert kept.state == Export.State.REMOVED and not ExportPart.objects.exists()
    after = exporting.make(tmp_path / "after", exporting.order())
    assert (before.rows, files_naming(tmp_path / "before", ONE)) > (after.rows, set())
    assert files_naming(tmp_path / "after", ONE) == set()


@pytest.mark.parametrize("reference", [f"call of {ONE}", "07400 000 101", "ana@example.com", "x" * 61])
def test_a_reference_that_names_the_person_is_refused(acme: Business, reference: str) -> None:
    contact = factories.opted_in(ONE, acme).consent.contact

    with pytest.raises(ErasureRefused):
        erasing.erase(contact=contact, reason="ASKED", reference=reference, actor="t", now=datetime.now(UTC))

    assert Contact.objects.get().restricted_at is None


def test_erasing_twice_is_refused_in_words(acme: Business) -> None:
    contact = factories.opted_in(ONE, acme).consent.contact
    erase(contact, now=datetime.now(UTC))

    with pytest.raises(ErasureRefused, match="already"):
        erase(contact, now=datetime.now(UTC))


def test_a_stranger_leaves_no_suppression(acme: Business) -> None:
    contact = senders.stranger(ONE, datetime.now(UTC))

    erase(contact, now=datetime.now(UTC))

    assert not Suppression.objects.exists() and not Contact.objects.exists()
