"""A number that had opted out when it was erased: whoever brings it back, it comes back opted out."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from contacts import opt_ins
from contacts.consent.importing import Imported, import_file
from contacts.consent.rehearsal import rehearse
from contacts.models import Consent, Contact, OptIn, Suppression
from providers.models import Business
from sandbox import Sandbox
from tests import factories
from tests.contacts import senders, writers
from tests.contacts.erasure.people import erase

ONE, OTHER = factories.number(101), factories.number(102)
T = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)
FILE = "phone,given_at,source,evidence\n{one},2026-06-01,web form,ticked\n{other},2026-06-01,web form,ticked\n"


def erased(acme: Business, number: str = ONE, *, withdrawn: bool = True) -> None:
    contact = factories.opted_in(number, acme).consent.contact
    if withdrawn:
        factories.withdrawn(number, acme, now=T)
    erase(contact, now=T + timedelta(days=1))


def imported(acme: Business, text: str = FILE.format(one=ONE, other=OTHER)) -> Imported:
    return import_file(
        file=io.BytesIO(text.encode()),
        file_name="old.csv",
        business=acme,
        actor="tests",
        now=datetime.now(UTC),
        statement="I confirm",
        name_shown=acme.name,
    )


def status(number: str) -> str:
    return Consent.objects.get(contact__e164=number).status


@pytest.mark.parametrize("withdrawn", [True, False], ids=["who had opted out", "who had agreed"])
def test_a_file_holds_back_a_grant_of_somebody_erased(acme: Business, withdrawn: bool) -> None:
    erased(acme, withdrawn=withdrawn)

    done = imported(acme)

    assert (done.granted, done.held) == (1, 1)
    assert (status(ONE), status(OTHER)) == ("WITHDRAWN", "GRANTED")
    assert OptIn.objects.get(pseudonym=Contact.objects.get(e164=ONE).pseudonym).state == "HELD"


def test_a_rehearsal_says_so_before(acme: Business) -> None:
    erased(acme)
    text = FILE.format(one=ONE, other=OTHER)

    tried = rehearse(file=io.BytesIO(text.encode()), business=acme, name_shown=acme.name)

    assert (tried.granted, tried.held) == (1, 1)


def test_an_import_for_another_business_is_not_held(acme: Business) -> None:
    erased(acme)
    other = factories.business("Bolt")

    assert imported(other).held == 0


def test_a_record_of_an_older_consent_allows_nothing(acme: Business) -> None:
    erased(acme)

    recorded = factories.opted_in(ONE, acme, given_at=T - timedelta(days=1), now=T + timedelta(days=2))

    assert recorded.consent.status == "WITHDRAWN"


def test_what_a_person_agrees_to_after_the_erasure_counts(acme: Business) -> None:
    erased(acme)

    recorded = factories.opted_in(ONE, acme, given_at=T + timedelta(days=2))

    assert recorded.consent.status == "GRANTED"


def test_the_other_form_of_the_number_is_opted_out_as_well(acme: Business) -> None:
    erased(acme, "+5491123456789")

    recorded = factories.opted_in("+541123456789", acme, given_at=T - timedelta(days=1), now=T + timedelta(days=2))

    assert recorded.consent.status == "WITHDRAWN"


def test_who_writes_again_is_known_as_opted_out(acme: Business, sandbox: Sandbox) -> None:
    number = senders.our_number(acme, sandbox.url)
    erased(acme)

    writers.writes(number, ONE, at=T + timedelta(days=2))

    consent = Consent.objects.get(contact__e164=ONE)
    assert consent.status == "WITHDRAWN" and "service" in consent.withdrawals


def test_a_withdrawal_that_comes_again_changes_nothing(acme: Business) -> None:
    erased(acme)

    factories.withdrawn(ONE, acme, now=T + timedelta(days=3))

    assert status(ONE) == "WITHDRAWN"


def test_entries_hold_no_number(acme: Business) -> None:
    erased(acme)

    entry = Suppression.objects.get()
    assert len(entry.key) == 64 and ONE[1:] not in f"{entry.key}{entry.withdrawals}"


def test_held_records_of_somebody_erased_wait_for_nobody(acme: Business) -> None:
    factories.opted_in(ONE, acme)
    factories.withdrawn(ONE, acme, now=T)
    imported(acme)
    held = opt_ins.held().get()

    erase(Contact.objects.get(e164=ONE), now=datetime.now(UTC))

    assert not opt_ins.held().exists()
    with pytest.raises(opt_ins.OptInRefused, match="erased"):
        opt_ins.decide_held(held=held, accept=True, actor="tests", now=datetime.now(UTC))


def test_the_number_is_not_taken_where_it_would_outlive_the_person(acme: Business) -> None:
    with pytest.raises(opt_ins.OptInRefused, match="source"):
        opt_ins.withdraw(
            number=opt_ins.e164.read_number(ONE),
            business=acme,
            actor="tests",
            now=T,
            source=f"call from {ONE[:3]} {ONE[3:7]} {ONE[7:]}",
            reason="stop",
        )
    with pytest.raises(opt_ins.OptInRefused, match="id"):
        factories.opted_in(ONE, acme, external_id=ONE[1:])


def test_a_file_leaves_out_an_id_that_is_the_number_and_loses_no_withdrawal_for_a_source(acme: Business) -> None:
    text = (
        "phone,given_at,source,evidence,state,external_id\n"
        f"{ONE},2026-04-01,web form,ticked,granted,{ONE[1:]}\n"
        f"{OTHER},2026-04-01,{OTHER} called,said stop,withdrawn,\n"
        f"{factories.number(103)},2026-04-01,{factories.number(103)} wrote,ticked,granted,\n"
    )

    done = imported(acme, text)

    assert (done.granted, done.withdrawn, done.refused) == (1, 1, 1)
    assert set(OptIn.objects.values_list("external_id", flat=True)) == {""}
    assert not OptIn.objects.filter(source__contains="44740").exists()
