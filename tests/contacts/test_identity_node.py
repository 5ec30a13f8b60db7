"""A contacts node's way back to trust: read, confirm exactly what was seen, acknowledge that and nothing else."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from audit.models import ProviderCall
from contacts import identity, opt_ins
from contacts.identity import cases, node, settling
from contacts.identity.cases import CaseRefused
from contacts.incoming import SystemKind
from contacts.models import Contact, IdentityKey, IdentityTrust, TrustCase
from providers.errors import AnswerLost
from providers.models import Business, ProviderAccount
from providers.onprem_identity import OnPremisesIdentity, StaleIdentity
from sandbox import Sandbox
from tests import factories
from tests.contacts.senders import agreed, our_number
from tests.contacts.writers import open_case, system

pytestmark = pytest.mark.django_db

ONE = factories.number(100)
T = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
LATER = T + timedelta(hours=1)
WORDS = {"channel": "phone call", "evidence": "gave the last order", "actor": "ana"}


@pytest.fixture
def person(acme: Business) -> Contact:
    return agreed(ONE, acme)


@pytest.fixture
def case(onprem_account: ProviderAccount, person: Contact, sandbox: Sandbox) -> TrustCase:
    """The case of a person whose identity changed, as the node told."""
    seen = sandbox.people.change_identity(ONE)
    event = system(SystemKind.IDENTITY_CHANGED, ONE, at=T, identity_hash=seen)
    identity.system_event(account=onprem_account, business_number=None, event=event, now=T)
    return open_case()


def trust() -> IdentityTrust:
    return IdentityTrust.objects.get()


def test_exactly_the_hash_that_a_person_saw_is_acknowledged_and_trusted(case: TrustCase, sandbox: Sandbox) -> None:
    seen = node.read_identity(case=case, actor="ana", now=LATER)
    assert (seen.hash, seen.acknowledged) == (sandbox.people.hash(ONE), False)
    assert trust().state == "MISMATCHED"
    node.acknowledge(case=case, hash=seen.hash, now=LATER, **WORDS)
    assert (trust().state, trust().hash, trust().basis) == ("TRUSTED", seen.hash, "VERIFIED")
    assert (case.outcome, case.closed_by) == ("SAME_PERSON", "ana")
    assert sandbox.people.acknowledged(ONE)
    assert "NODE" in IdentityKey.objects.values_list("source", flat=True)


def test_reading_an_identity_trusts_nothing(case: TrustCase, sandbox: Sandbox) -> None:
    node.read_identity(case=case, actor="ana", now=LATER)
    assert trust().state == "MISMATCHED"
    assert not sandbox.people.acknowledged(ONE)


def test_a_hash_that_is_not_the_latest_any_more_is_refused(case: TrustCase, sandbox: Sandbox) -> None:
    seen = node.read_identity(case=case, actor="ana", now=LATER).hash
    sandbox.people.change_identity(ONE)
    with pytest.raises(StaleIdentity):
        node.acknowledge(case=case, hash=seen, now=LATER, **WORDS)
    assert (open_case(), trust().state) == (case, "MISMATCHED")
    assert not sandbox.people.acknowledged(ONE)
    assert "acknowledge_identity" not in ProviderCall.objects.values_list("operation", flat=True)


def test_a_hash_that_changes_between_reading_and_acknowledging_is_refused_by_the_node(
    case: TrustCase, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = sandbox.people.hash(ONE)
    put = OnPremisesIdentity.acknowledge_identity

    def too_late(self: OnPremisesIdentity, wa_id: str, identity_hash: str, *, subject: str) -> None:
        sandbox.people.change_identity(ONE)
        put(self, wa_id, identity_hash, subject=subject)

    monkeypatch.setattr(OnPremisesIdentity, "acknowledge_identity", too_late)
    with pytest.raises(StaleIdentity):
        node.acknowledge(case=case, hash=seen, now=LATER, **WORDS)
    assert (open_case(), trust().state) == (case, "MISMATCHED")


@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_answer_is_settled_by_reading(
    case: TrustCase, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    put = OnPremisesIdentity.acknowledge_identity

    def lost(self: OnPremisesIdentity, wa_id: str, identity_hash: str, *, subject: str) -> None:
        if arrived:
            put(self, wa_id, identity_hash, subject=subject)
        raise AnswerLost("gone")

    monkeypatch.setattr(OnPremisesIdentity, "acknowledge_identity", lost)
    if arrived:
        node.acknowledge(case=case, hash=sandbox.people.hash(ONE), now=LATER, **WORDS)
        assert trust().state == "TRUSTED"
    else:
        with pytest.raises(AnswerLost):
            node.acknowledge(case=case, hash=sandbox.people.hash(ONE), now=LATER, **WORDS)
        assert (open_case(), trust().state) == (case, "MISMATCHED")


def test_without_channel_and_evidence_nothing_is_confirmed(case: TrustCase, sandbox: Sandbox) -> None:
    with pytest.raises(CaseRefused, match="through which channel"):
        node.acknowledge(case=case, hash=sandbox.people.hash(ONE), channel="", evidence="", actor="ana", now=LATER)
    assert not ProviderCall.objects.exists()


def test_nobody_is_asked_about_without_consent(case: TrustCase, acme: Business) -> None:
    factories.withdrawn(ONE, acme, now=LATER)
    with pytest.raises(CaseRefused, match="Opted out"):
        node.read_identity(case=case, actor="ana", now=LATER)
    assert not ProviderCall.objects.exists()


def test_a_closed_case_is_not_acknowledged(case: TrustCase, sandbox: Sandbox) -> None:
    settling.other_person(case=case, now=LATER, **WORDS)
    with pytest.raises(CaseRefused, match="closed this case already"):
        node.acknowledge(case=case, hash=sandbox.people.hash(ONE), now=LATER, **WORDS)


def test_a_nodes_case_is_not_settled_by_a_message_nor_metas_by_a_node(
    case: TrustCase, person: Contact, acme: Business, sandbox: Sandbox
) -> None:
    with pytest.raises(CaseRefused, match="contacts node"):
        settling.same_person(case=case, now=LATER, **WORDS)
    number = our_number(acme, sandbox.url)
    other = cases.open_by_hand(contact=person, account=number.account, business_number=number, actor="ana", now=LATER)
    with pytest.raises(CaseRefused, match="Cloud API"):
        node.read_identity(case=other, actor="ana", now=LATER)


def test_a_withdrawal_waits_for_a_node_that_is_being_asked(
    postgresql: None, acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = factories.account(acme, "onprem", base_url=sandbox.url)
    person = agreed(ONE, acme)
    case = cases.open_by_hand(contact=person, account=account, business_number=None, actor="ana", now=T)
    asked, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    get = OnPremisesIdentity.read_identity

    def held(self: OnPremisesIdentity, wa_id: str, *, subject: str) -> object:
        asked.set()
        assert go_on.wait(10)
        return get(self, wa_id, subject=subject)

    def work() -> None:
        node.read_identity(case=case, actor="ana", now=datetime.now(UTC))
        ended.set()
        connection.close()

    monkeypatch.setattr(OnPremisesIdentity, "read_identity", held)
    thread = threading.Thread(target=work)
    thread.start()
    assert asked.wait(10)
    factories.withdrawn(ONE, acme, now=datetime.now(UTC))
    threading.Timer(0.2, go_on.set).start()
    assert opt_ins.wait_for_calls([person.pk], business=acme) == 1
    assert go_on.is_set()
    thread.join(10)
    assert ended.is_set()
