"""Restricting: the proof is kept, the person is hidden, and nothing is done with them until they are erased."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from contacts import exports, messages, opt_ins, retention
from contacts.consent.importing import import_file
from contacts.erasure import restricting
from contacts.erasure.restricting import ErasureRefused
from contacts.identity import node as at_node
from contacts.identity.cases import CaseRefused, open_by_hand
from contacts.models import Consent, Contact, ContactCheck, Erasure, Message, OptIn, TrustCase
from numbers.models import BusinessNumber
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import factories
from tests.contacts import senders
from tests.contacts.erasure.people import erase

ONE = factories.number(101)
A_YEAR = timedelta(days=365)


@pytest.fixture
def contact(acme: Business) -> Contact:
    return factories.opted_in(ONE, acme).consent.contact


@pytest.fixture
def account(acme: Business, sandbox: Sandbox) -> ProviderAccount:
    return factories.account(acme, "onprem", base_url=sandbox.url)


@pytest.fixture
def ours(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return senders.our_number(acme, sandbox.url)


def restrict(contact: Contact, *, until: datetime | None = None) -> Erasure:
    now = datetime.now(UTC)
    return restricting.restrict(
        contact=contact, until=until or now + A_YEAR, reason="OBJECTED", reference="T-7", actor="tests", now=now
    )


def lift(contact: Contact) -> Erasure:
    return restricting.lift(contact=contact, reason="MISTAKE", actor="tests", now=datetime.now(UTC))


def test_nothing_stands_while_it_lasts_and_all_stands_again_after(contact: Contact, acme: Business) -> None:
    before = Consent.objects.get(contact=contact, business=acme)
    restrict(contact)
    during = Consent.objects.get(contact=contact, business=acme)
    lift(contact)
    after = Consent.objects.get(contact=contact, business=acme)

    assert (before.status, during.status, after.status) == ("GRANTED", "WITHDRAWN", "GRANTED")
    assert (during.grants, after.grants, after.withdrawals) == ([], before.grants, {})


def test_a_restricted_person_is_not_checked(contact: Contact, account: ProviderAccount, sandbox: Sandbox) -> None:
    waiting = factories.check_run(account, ONE)
    restrict(contact)

    factories.run(waiting)
    again = factories.check_run(account, ONE)

    assert factories.results(waiting) == factories.results(again) == {ONE: "REFUSED"}
    assert set(ContactCheck.objects.values_list("reason", flat=True)) == {"RESTRICTED"}
    assert len(sandbox.journal) == 0


@pytest.mark.parametrize("wrote", [False, True], ids=["by an opt-in", "as a reply"])
def test_a_restricted_person_is_not_written_to(contact: Contact, ours: BusinessNumber, wrote: bool) -> None:
    if wrote:
        senders.wrote(contact, ours, datetime.now(UTC) - timedelta(minutes=5))
    restrict(contact)

    # With the contact as a page that is open still knows it.
    with pytest.raises(messages.MessageRefused, match="restricted"):
        senders.send(contact, ours)


def test_no_node_is_asked_about_a_restricted_person(
    contact: Contact, account: ProviderAccount, sandbox: Sandbox
) -> None:
    now = datetime.now(UTC)
    case = open_by_hand(contact=contact, account=account, business_number=None, actor="tests", now=now)
    restrict(contact)

    with pytest.raises(CaseRefused):
        at_node.read_identity(case=TrustCase.objects.get(pk=case.pk), actor="tests", now=now)
    assert len(sandbox.journal) == 0


def test_the_schema_lets_no_check_of_a_restricted_person_leave(contact: Contact, account: ProviderAccount) -> None:
    factories.check_run(account, ONE)
    Contact.objects.update(restricted_at=datetime.now(UTC), restricted_until=datetime.now(UTC))

    with pytest.raises(IntegrityError, match="restricted"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE contacts_contactcheck SET status = 'SENDING'")


def test_the_schema_lets_no_message_to_a_restricted_person_leave(contact: Contact, ours: BusinessNumber) -> None:
    opt_in = OptIn.objects.get()
    message = Message.objects.create(
        contact=contact,
        business=opt_in.business,
        account=ours.account,
        business_number=ours,
        direction="OUT",
        kind="TEXT",
        purpose="service",
        state="NOT_SENT",
        basis="OPT_IN",
        opt_in_id=opt_in.pk,
        at=datetime.now(UTC),
    )
    Contact.objects.update(restricted_at=datetime.now(UTC), restricted_until=datetime.now(UTC))

    with pytest.raises(IntegrityError, match="restricted"), transaction.atomic():
        Message.objects.filter(pk=message.pk).update(state="SENDING")


def test_the_schema_lets_no_node_be_asked_about_a_restricted_person(contact: Contact, account: ProviderAccount) -> None:
    now = datetime.now(UTC)
    open_by_hand(contact=contact, account=account, business_number=None, actor="tests", now=now)
    Contact.objects.update(restricted_at=now, restricted_until=now)

    with pytest.raises(IntegrityError, match="restricted"), transaction.atomic():
        TrustCase.objects.update(calling_until=now)


def test_a_restricted_person_is_not_among_the_cleared(contact: Contact, acme: Business) -> None:
    restrict(contact)
    Consent.objects.update(status="GRANTED")

    rows = list(exports.cleared(business=acme, purpose="service", actor="tests", now=datetime.now(UTC)))
    assert rows == []


def test_a_file_holds_back_what_it_says_of_a_restricted_person(contact: Contact, acme: Business) -> None:
    restrict(contact)
    text = f"phone,given_at,source,evidence\n{ONE},2026-04-01,web form,ticked\n{ONE},2026-04-02,web form,ticked\n"

    done = import_file(
        file=io.BytesIO(text.encode()),
        file_name="a.csv",
        business=acme,
        actor="tests",
        now=datetime.now(UTC),
        statement="I confirm",
        name_shown="Acme",
    )

    assert (done.granted, done.held) == (0, 2)
    assert Consent.objects.get(contact=contact, business=acme).status == "WITHDRAWN"


def test_nothing_new_is_recorded_of_a_restricted_person_but_a_withdrawal(contact: Contact, acme: Business) -> None:
    restrict(contact)

    with pytest.raises(opt_ins.OptInRefused, match="restricted"):
        factories.opted_in(ONE, acme, given_at=datetime.now(UTC))
    factories.withdrawn(ONE, acme, now=datetime.now(UTC))
    lift(contact)

    assert Consent.objects.get(contact=contact, business=acme).status == "WITHDRAWN"


def test_every_form_of_the_number_is_restricted(acme: Business) -> None:
    restrict(factories.opted_in("+5491123456789", acme).consent.contact)

    assert Contact.objects.count() == Contact.objects.filter(restricted_at__isnull=False).count() == 2


def test_the_sweep_erases_when_the_time_is_over(contact: Contact) -> None:
    entry = restrict(contact)
    assert entry.until is not None

    assert retention.erase_overdue(now=entry.until - timedelta(seconds=1)) == 0
    assert retention.erase_overdue(now=entry.until) == 1

    assert not Contact.objects.exists()
    assert Erasure.objects.get(kind="ERASED").reason == "TIME_OVER"


def test_an_erasure_that_was_cut_short_is_carried_on_with_its_own_reason(
    contact: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(**kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("contacts.erasure.erasing.remove", killed)
        erase(contact, now=datetime.now(UTC))
    assert Contact.objects.get().restricted_at is not None

    assert retention.erase_overdue(now=datetime.now(UTC)) == 1

    entry = Erasure.objects.get()
    assert (entry.reason, entry.finished_at is not None) == ("ASKED", True)


def test_a_date_that_is_over_is_refused(contact: Contact) -> None:
    with pytest.raises(ErasureRefused, match="later"):
        restrict(contact, until=datetime.now(UTC) - timedelta(days=1))


def test_what_is_not_restricted_cannot_be_lifted(contact: Contact) -> None:
    with pytest.raises(ErasureRefused):
        lift(contact)


def test_the_business_that_keeps_proof_longest_says_until_when(contact: Contact, acme: Business, now: datetime) -> None:
    assert restricting.proposed_until(contact, now=now).year == now.year + 5
    Business.objects.update(keep_proof_years=2)
    factories.opted_in(ONE, Business.objects.create(name="Bolt", keep_proof_years=9))

    assert restricting.proposed_until(contact, now=now).year == now.year + 9
