"""Recording that a person agreed or refused: what is asked of a proof, and what each record changes."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone as django_timezone

from audit import ledger
from audit.ledger import hash_event
from audit.models import AuditEvent, LedgerHead
from contacts import opt_ins
from contacts.checking.claim import LEASE_MARGIN
from contacts.consent.evidence import Evidence, digest, fingerprint
from contacts.consent.state import load_grants, load_withdrawals
from contacts.models import CheckBatch, Consent, ConsentText, Contact, ContactCheck, OptIn, OptInEvidence
from contacts.opt_ins import OptInRefused, Recorded
from providers.e164 import person_key, read_number
from providers.models import Business, BusinessName, ProviderAccount
from providers.registry import contact_checker
from tests import factories
from tests.factories import opted_in, withdrawn

pytestmark = pytest.mark.django_db

NUMBER = "+16315551002"
GIVEN = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
ALL = "service,utility,authentication,marketing"


def record(owner: Business, **changes: Any) -> Recorded:
    arguments: dict[str, Any] = {
        "number": read_number(NUMBER),
        "actor": "ada",
        "now": GIVEN + DAY,
        "source": "web form",
        "evidence": Evidence(text="ticked the box on the order form"),
        "business_name_shown": "Acme",
        "given_at": GIVEN,
    }
    return opt_ins.record(business=owner, **(arguments | changes))


def withdraw(owner: Business, **changes: Any) -> Recorded:
    arguments: dict[str, Any] = {
        "number": read_number(NUMBER),
        "actor": "grace",
        "now": GIVEN + 2 * DAY,
        "source": "phone call",
        "reason": "asked us to stop",
    }
    return opt_ins.withdraw(business=owner, **(arguments | changes))


def counts() -> tuple[int, ...]:
    return tuple(
        model.objects.count()
        for model in (Contact, OptIn, OptInEvidence, Consent, AuditEvent)  # type: ignore[attr-defined]
    )


def consent_of(number: str, owner: Business) -> Consent:
    return Consent.objects.get(contact__e164=number, business=owner)


@pytest.fixture
def wording(acme: Business, now: datetime) -> ConsentText:
    return ConsentText.objects.create(
        business=acme,
        name="Order form",
        version="3",
        language="en",
        text="I agree that Acme messages me on WhatsApp.",
        business_name_shown="Acme",
        purposes="service,marketing",
        created_at=now,
        created_by="ada",
    )


# --- Recording a grant ------------------------------------------------------------------------------------------------


def test_a_grant_is_kept_with_every_part_of_its_proof(acme: Business, wording: ConsentText) -> None:
    recorded = record(
        acme,
        purposes=["marketing", "service"],
        consent_text=wording,
        expires_at=GIVEN + 365 * DAY,
        external_id="crm-17",
        evidence=Evidence(text="signed", file=b"%PDF-1.7", file_name="form.pdf"),
    )
    assert recorded.created
    event = OptIn.objects.get()
    contact = Contact.objects.get()
    assert event == recorded.opt_in
    assert (contact.e164, contact.region, contact.person_key) == (NUMBER, "US", NUMBER)
    assert contact.created_at == GIVEN + DAY
    assert (event.pseudonym, event.business, event.state) == (contact.pseudonym, acme, "GRANTED")
    assert (event.purposes, event.business_name_shown, event.consent_text) == ("service,marketing", "Acme", wording)
    assert (event.source, event.given_at, event.recorded_at) == ("web form", GIVEN, GIVEN + DAY)
    assert (event.recorded_by, event.expires_at, event.external_id) == ("ada", GIVEN + 365 * DAY, "crm-17")
    assert event.decides is None
    assert event.proof_complete
    kept = event.evidence
    assert (kept.text, bytes(kept.file or b""), kept.file_name) == ("signed", b"%PDF-1.7", "form.pdf")
    assert len(bytes(kept.salt)) == 16


def test_a_grant_makes_the_consent_of_that_person_and_business(acme: Business) -> None:
    recorded = record(acme, purposes=["service"], expires_at=GIVEN + 9 * DAY)
    consent = consent_of(NUMBER, acme)
    assert consent == recorded.consent
    assert (consent.status, consent.updated_at, consent.withdrawals) == ("GRANTED", GIVEN + DAY, {})
    grants = load_grants(consent.grants)
    assert set(grants) == {"service"}
    grant = grants["service"]
    assert (grant.opt_in_id, grant.given_at, grant.expires_at) == (recorded.opt_in.pk, GIVEN, GIVEN + 9 * DAY)


def test_a_grant_without_purposes_covers_what_the_business_says_and_never_marketing_by_default(acme: Business) -> None:
    assert record(acme).opt_in.purposes == "service,utility,authentication"
    acme.opt_in_covers = "service"
    assert record(acme, source="paper").opt_in.purposes == "service"


def test_a_misspelt_purpose_is_refused_and_does_not_become_the_default(acme: Business) -> None:
    for purposes in (["marketting"], ["service", "sales"], ["service;x"]):
        with pytest.raises(OptInRefused, match="is not a purpose"):
            record(acme, purposes=purposes)
        with pytest.raises(OptInRefused, match="is not a purpose"):
            withdraw(acme, purposes=purposes)
    assert counts() == (0, 0, 0, 0, 0)


def test_a_record_without_wording_is_allowed_and_its_proof_incomplete(acme: Business) -> None:
    assert not record(acme).opt_in.proof_complete


def test_each_digest_has_a_salt_of_its_own_and_recomputes(acme: Business) -> None:
    evidence = Evidence(text="yes", file=b"x")
    first = record(acme, evidence=evidence).opt_in
    second = record(acme, evidence=evidence, source="paper").opt_in
    assert first.evidence_digest != second.evidence_digest
    for event in (first, second):
        assert event.evidence_digest == digest(evidence, bytes(event.evidence.salt))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": ""}, "source is missing"),
        ({"source": " \t"}, "source is missing"),
        ({"evidence": Evidence()}, "evidence is missing"),
        ({"evidence": Evidence(text=" \n")}, "evidence is missing"),
        ({"evidence": Evidence(file=b"", file_name="empty.pdf")}, "evidence is missing"),
        ({"business_name_shown": ""}, "business name that the person saw is missing"),
        ({"business_name_shown": "  "}, "business name that the person saw is missing"),
        ({"business_name_shown": "Ajax"}, "“Ajax” is not a name of Acme on 2026-01-05"),
        ({"given_at": GIVEN.replace(tzinfo=None)}, "time of consent has no time zone"),
        ({"expires_at": GIVEN}, "expires before it was given"),
        ({"expires_at": GIVEN - DAY}, "expires before it was given"),
        ({"expires_at": (GIVEN + DAY).replace(tzinfo=None)}, "time of expiry has no time zone"),
    ],
)
def test_a_proof_that_would_not_convince_is_refused_by_its_rule_and_leaves_nothing(
    acme: Business, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(OptInRefused, match=words):
        record(acme, **changes)
    assert counts() == (0, 0, 0, 0, 0)


def test_a_file_alone_is_evidence(acme: Business) -> None:
    assert record(acme, evidence=Evidence(file=b"%PDF", file_name="form.pdf")).created


def test_the_wording_of_another_business_is_refused(acme: Business, wording: ConsentText) -> None:
    other = factories.business("Ajax")
    with pytest.raises(OptInRefused, match="belongs to another business"):
        record(other, business_name_shown="Ajax", consent_text=wording)


def test_the_name_shown_is_one_that_the_business_had_on_that_day(acme: Business) -> None:
    BusinessName.objects.create(
        business=acme, name="Roadrunner", from_date=date(2026, 1, 1), until_date=date(2026, 1, 31)
    )
    BusinessName.objects.create(business=acme, name="Coyote")
    cases: list[tuple[str, datetime, bool]] = [
        ("acme", GIVEN, True),
        ("ROADRUNNER", GIVEN, True),
        ("Roadrunner", datetime(2026, 1, 1, tzinfo=UTC), True),
        ("Roadrunner", datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), True),
        ("Roadrunner", datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC), False),
        ("Roadrunner", datetime(2026, 2, 1, tzinfo=UTC), False),
        ("Roadrunner", datetime(2026, 2, 1, 1, tzinfo=timezone(timedelta(hours=2))), True),
        ("Coyote", datetime(1999, 1, 1, tzinfo=UTC), True),
        ("Road", GIVEN, False),
    ]
    for name, given_at, known in cases:
        if known:
            assert record(acme, business_name_shown=name, given_at=given_at, now=given_at).created
        else:
            with pytest.raises(OptInRefused, match=f"“{name}” is not a name of Acme on {given_at.date()}"):
                record(acme, business_name_shown=name, given_at=given_at, now=given_at)


def test_another_businesss_name_is_not_ours(acme: Business) -> None:
    BusinessName.objects.create(business=factories.business("Ajax"), name="Roadrunner")
    with pytest.raises(OptInRefused, match="Roadrunner"):
        record(acme, business_name_shown="Roadrunner")


def test_the_same_event_twice_changes_nothing_whoever_records_it(acme: Business) -> None:
    first = record(acme)
    before = counts()
    again = record(acme, actor="grace", now=GIVEN + 30 * DAY)
    assert not again.created
    assert again.opt_in == first.opt_in
    assert again.consent.status == "GRANTED"
    assert counts() == before
    assert consent_of(NUMBER, acme).updated_at == GIVEN + DAY


@pytest.mark.parametrize(
    "changes",
    [
        {"number": read_number("+16315551003")},
        {"source": "paper"},
        {"purposes": ["service"]},
        {"evidence": Evidence(text="another text")},
        {"evidence": Evidence(text="ticked the box on the order form", file=b"x")},
        {"given_at": GIVEN + timedelta(microseconds=1)},
        {"expires_at": GIVEN + DAY},
        {"external_id": "crm-17"},
        {"business_name_shown": "ACME"},
    ],
)
def test_an_event_that_differs_in_anything_is_another_event(acme: Business, changes: dict[str, Any]) -> None:
    record(acme)
    assert record(acme, **changes).created
    assert OptIn.objects.count() == 2


def test_the_same_words_to_another_business_are_another_event(acme: Business) -> None:
    record(acme)
    assert record(factories.business("Ajax"), business_name_shown="Ajax").created
    assert Contact.objects.count() == 1
    assert Consent.objects.count() == 2


def test_a_database_error_that_is_no_repetition_is_not_swallowed(acme: Business) -> None:
    acme.opt_in_covers = ""  # never saved so: the schema refuses an event without purposes
    with pytest.raises(IntegrityError), transaction.atomic():
        record(acme)
    assert counts() == (0, 0, 0, 0, 0)


# --- Withdrawing ------------------------------------------------------------------------------------------------------


def test_a_withdrawal_without_purposes_ends_all_of_them(acme: Business) -> None:
    record(acme, purposes=ALL.split(","))
    recorded = withdraw(acme)
    assert recorded.created
    event = recorded.opt_in
    assert (event.state, event.purposes, event.source, event.recorded_by) == ("WITHDRAWN", ALL, "phone call", "grace")
    assert (event.given_at, event.recorded_at, event.business_name_shown) == (GIVEN + 2 * DAY, GIVEN + 2 * DAY, "")
    assert event.evidence.text == "asked us to stop"
    consent = consent_of(NUMBER, acme)
    assert (consent.status, consent.grants) == ("WITHDRAWN", [])
    assert load_withdrawals(consent.withdrawals) == dict.fromkeys(ALL.split(","), GIVEN + 2 * DAY)


def test_a_withdrawal_of_one_purpose_leaves_the_others(acme: Business) -> None:
    record(acme, purposes=["service", "marketing"])
    withdraw(acme, purposes=["marketing"])
    consent = consent_of(NUMBER, acme)
    assert consent.status == "GRANTED"
    assert set(load_grants(consent.grants)) == {"service"}
    assert set(load_withdrawals(consent.withdrawals)) == {"marketing"}


def test_a_withdrawal_needs_no_earlier_opt_in_no_account_and_no_known_person(acme: Business) -> None:
    assert not ProviderAccount.objects.exists()
    assert withdraw(acme).created
    assert consent_of(NUMBER, acme).status == "WITHDRAWN"


@pytest.mark.parametrize("changes", [{"source": ""}, {"source": " "}, {"reason": ""}, {"reason": " \n"}])
def test_a_withdrawal_says_where_and_how_the_person_said_no(acme: Business, changes: dict[str, Any]) -> None:
    with pytest.raises(OptInRefused, match="needs a source and a reason"):
        withdraw(acme, **changes)
    assert counts() == (0, 0, 0, 0, 0)


def test_a_withdrawal_is_as_old_as_it_is_said_to_be(acme: Business) -> None:
    record(acme)
    withdraw(acme, given_at=GIVEN + timedelta(hours=1), now=GIVEN + 5 * DAY)
    assert consent_of(NUMBER, acme).status == "WITHDRAWN"
    assert OptIn.objects.get(state="WITHDRAWN").given_at == GIVEN + timedelta(hours=1)


def test_the_same_withdrawal_twice_changes_nothing(acme: Business) -> None:
    first = withdraw(acme)
    before = counts()
    again = withdraw(acme)
    assert (again.created, again.opt_in, again.consent.status) == (False, first.opt_in, "WITHDRAWN")
    assert counts() == before


def test_a_withdrawal_wins_over_a_grant_of_the_same_instant(acme: Business) -> None:
    record(acme, given_at=GIVEN)
    withdraw(acme, given_at=GIVEN)
    assert consent_of(NUMBER, acme).status == "WITHDRAWN"


def test_a_grant_from_before_the_withdrawal_is_kept_and_does_not_undo_it(acme: Business) -> None:
    withdraw(acme)
    assert record(acme, now=GIVEN + 9 * DAY).consent.status == "WITHDRAWN"
    assert OptIn.objects.filter(state="GRANTED").exists()


def test_a_later_grant_stands_again(acme: Business) -> None:
    record(acme)
    withdraw(acme)
    again = record(acme, given_at=GIVEN + 3 * DAY, now=GIVEN + 3 * DAY)
    assert again.consent.status == "GRANTED"
    assert load_grants(again.consent.grants)["service"].opt_in_id == again.opt_in.pk


def test_a_grant_that_was_dated_in_the_future_by_mistake_can_be_withdrawn(acme: Business) -> None:
    record(acme, given_at=GIVEN + 365 * DAY)
    assert withdraw(acme).consent.status == "WITHDRAWN"
    assert consent_of(NUMBER, acme).grants == []


def test_a_withdrawal_from_one_business_leaves_the_other(acme: Business) -> None:
    other = factories.business("Ajax")
    record(acme)
    record(other, business_name_shown="Ajax")
    withdraw(acme)
    assert consent_of(NUMBER, acme).status == "WITHDRAWN"
    assert consent_of(NUMBER, other).status == "GRANTED"


FORMS = [("+525512345678", "+5215512345678"), ("+541156121008", "+5491156121008"), ("+551187654321", "+5511987654321")]


@pytest.mark.parametrize(("one", "other"), [*FORMS, *[(other, one) for one, other in FORMS]])
def test_a_withdrawal_holds_for_every_form_of_the_persons_number(acme: Business, one: str, other: str) -> None:
    record(acme, number=read_number(one))
    recorded = withdraw(acme, number=read_number(other))
    assert recorded.consent.contact.e164 == other
    for form in (one, other):
        assert consent_of(form, acme).status == "WITHDRAWN"
        contact = Contact.objects.get(e164=form)
        assert contact.person_key == person_key(one)
        assert contact.region == read_number(one).region
        assert OptIn.objects.filter(pseudonym=contact.pseudonym, state="WITHDRAWN").count() == 1
    assert AuditEvent.objects.filter(action="opt_in.withdrawn").count() == 2


def test_a_form_that_was_never_seen_is_withdrawn_before_its_first_grant(acme: Business) -> None:
    withdraw(acme, number=read_number("+525512345678"))
    late = record(acme, number=read_number("+5215512345678"))
    assert late.consent.status == "WITHDRAWN"


def test_a_grant_never_widens_to_another_form(acme: Business) -> None:
    record(acme, number=read_number("+525512345678"))
    assert Contact.objects.count() == 1
    assert Consent.objects.count() == 1


def test_a_consent_row_begins_by_allowing_nothing(acme: Business) -> None:
    contact = opt_ins._contact(read_number(NUMBER), GIVEN)
    with transaction.atomic():
        consent = opt_ins._locked_consents([contact], acme, GIVEN)[contact.pk]
    assert (consent.status, consent.grants, consent.withdrawals) == ("WITHDRAWN", [], {})


# --- The ledger -------------------------------------------------------------------------------------------------------


def test_each_operation_writes_its_event_without_personal_data(acme: Business, wording: ConsentText) -> None:
    granted = record(acme, consent_text=wording, expires_at=GIVEN + DAY, evidence=Evidence(text="my dog is called Rex"))
    gone = withdraw(acme, reason="tired of messages")
    first, second = AuditEvent.objects.order_by("sequence")
    assert (first.action, first.actor, first.recorded_at) == ("opt_in.recorded", "ada", GIVEN + DAY)
    assert (second.action, second.actor, second.recorded_at) == ("opt_in.withdrawn", "grace", GIVEN + 2 * DAY)
    for event, opt_in in ((first, granted.opt_in), (second, gone.opt_in)):
        assert event.business_id == acme.pk
        assert (event.subject, event.pseudonym) == (f"OptIn:{opt_in.pk}", opt_in.pseudonym)
        assert event.hash == hash_event(event)
        assert event.details["purposes"] == opt_in.purposes
        assert event.details["source"] == opt_in.source
        assert event.details["evidence_digest"] == opt_in.evidence_digest
        assert event.details["consent_text"] == opt_in.consent_text_id
        assert event.details["business_name_shown"] == opt_in.business_name_shown
    assert first.details["given_at"] == "2026-01-05T09:30:00.000000Z"
    assert first.details["expires_at"] == "2026-01-06T09:30:00.000000Z"
    everything = repr(list(AuditEvent.objects.values_list()))
    for personal in (NUMBER, NUMBER[1:], "Rex", "tired"):
        assert personal not in everything


@pytest.mark.parametrize("operate", [record, withdraw])
def test_an_operation_that_is_rolled_back_leaves_neither_event_nor_ledger_entry(
    acme: Business, operate: Callable[[Business], Recorded]
) -> None:
    with transaction.atomic():
        operate(acme)
        transaction.set_rollback(True)
    assert counts() == (0, 0, 0, 0, 0)
    assert not LedgerHead.objects.exists()


@pytest.mark.parametrize("operate", [record, withdraw])
def test_an_operation_whose_ledger_entry_fails_did_not_happen(
    acme: Business, operate: Callable[[Business], Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**arguments: Any) -> None:
        raise RuntimeError("no ledger")

    monkeypatch.setattr(ledger, "record", fail)
    with pytest.raises(RuntimeError, match="no ledger"):
        operate(acme)
    assert counts() == (0, 0, 0, 0, 0)


def test_the_consent_row_is_locked_before_the_ledger_is(acme: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    lock, write = opt_ins._locked_consents, ledger.record

    def locked(*arguments: Any) -> Any:
        order.append("consent")
        return lock(*arguments)

    def written(**arguments: Any) -> Any:
        order.append("ledger")
        return write(**arguments)

    monkeypatch.setattr(opt_ins, "_locked_consents", locked)
    monkeypatch.setattr(ledger, "record", written)
    withdraw(acme, number=read_number("+525512345678"))
    assert order == ["consent", "ledger", "ledger"]


# --- Held for a decision ----------------------------------------------------------------------------------------------


def hold(owner: Business, **changes: Any) -> OptIn:
    """A grant that a file brought for a person who had opted out."""
    withdraw(owner)
    contact = Contact.objects.get(e164=NUMBER)
    evidence = Evidence(text="line 17 of the file", file=b"scan", file_name="scan.png")
    event, _ = opt_ins._append(
        contact,
        owner,
        OptIn(
            state=OptIn.State.HELD,
            purposes="service",
            business_name_shown="Acme",
            source="csv",
            given_at=GIVEN + 3 * DAY,
            recorded_at=GIVEN + 4 * DAY,
            recorded_by="ada",
            external_id="crm-17",
            **changes,
        ),
        evidence,
    )
    return event


def test_a_held_grant_that_a_person_accepts_is_recorded_as_of_that_decision(acme: Business) -> None:
    held = hold(acme, expires_at=GIVEN + 90 * DAY)
    assert list(opt_ins.held()) == [held]
    decision = opt_ins.decide_held(held=held, accept=True, actor="grace", now=GIVEN + 5 * DAY)
    assert (decision.state, decision.decides, decision.recorded_by) == ("GRANTED", held, "grace")
    assert (decision.given_at, decision.recorded_at) == (GIVEN + 5 * DAY, GIVEN + 5 * DAY)
    assert (decision.purposes, decision.business_name_shown, decision.source) == ("service", "Acme", "csv")
    assert (decision.external_id, decision.expires_at) == ("crm-17", GIVEN + 90 * DAY)
    kept = OptInEvidence.objects.get(opt_in=decision)
    assert (kept.text, bytes(kept.file or b""), kept.file_name) == ("line 17 of the file", b"scan", "scan.png")
    assert decision.evidence_digest == digest(Evidence(text="line 17 of the file", file=b"scan"), bytes(kept.salt))
    consent = consent_of(NUMBER, acme)
    assert (consent.status, set(load_grants(consent.grants))) == ("GRANTED", {"service"})
    assert load_grants(consent.grants)["service"].opt_in_id == decision.pk
    entry = AuditEvent.objects.latest("sequence")
    assert (entry.action, entry.actor, entry.subject) == ("opt_in.recorded", "grace", f"OptIn:{decision.pk}")
    assert list(opt_ins.held()) == []


def test_a_held_grant_that_a_person_dismisses_stays_without_effect(acme: Business) -> None:
    held = hold(acme)
    decision = opt_ins.decide_held(held=held, accept=False, actor="grace", now=GIVEN + 5 * DAY)
    assert (decision.state, decision.decides) == ("DISMISSED", held)
    assert consent_of(NUMBER, acme).status == "WITHDRAWN"
    assert AuditEvent.objects.latest("sequence").action == "opt_in.dismissed"
    assert list(opt_ins.held()) == []


def test_a_held_grant_is_decided_once(acme: Business) -> None:
    held = hold(acme)
    opt_ins.decide_held(held=held, accept=False, actor="grace", now=GIVEN + 5 * DAY)
    before = counts()
    for accept in (True, False):
        with pytest.raises(OptInRefused, match="not waiting for a decision"):
            opt_ins.decide_held(held=held, accept=accept, actor="eve", now=GIVEN + 6 * DAY)
    assert counts() == before


def test_only_a_held_record_can_be_decided(acme: Business) -> None:
    event = record(acme).opt_in
    with pytest.raises(OptInRefused, match="not waiting for a decision"):
        opt_ins.decide_held(held=event, accept=True, actor="grace", now=GIVEN + 5 * DAY)


def test_a_held_grant_that_has_expired_can_only_be_dismissed(acme: Business) -> None:
    held = hold(acme, expires_at=GIVEN + 5 * DAY)
    with pytest.raises(OptInRefused, match="expired while it was held"):
        opt_ins.decide_held(held=held, accept=True, actor="grace", now=GIVEN + 5 * DAY)
    assert opt_ins.decide_held(held=held, accept=False, actor="grace", now=GIVEN + 5 * DAY).state == "DISMISSED"


def test_a_withdrawal_after_the_decision_ends_it(acme: Business) -> None:
    held = hold(acme)
    opt_ins.decide_held(held=held, accept=True, actor="grace", now=GIVEN + 5 * DAY)
    withdraw(acme, now=GIVEN + 6 * DAY)
    assert consent_of(NUMBER, acme).status == "WITHDRAWN"


# --- Waiting for a call that is under way -----------------------------------------------------------------------------


@pytest.fixture
def account(acme: Business) -> ProviderAccount:
    return factories.account(acme, "onprem", base_url="https://contacts.example.com")


def under_way(account: ProviderAccount, number: str, *, lease: timedelta) -> ContactCheck:
    """A check whose call is on its way until its lease ends."""
    now = django_timezone.now()
    recorded = opted_in(number, account.business)
    batch = CheckBatch.objects.create(
        account=account, business=account.business, source="COMMAND", requested_by="tests", created_at=now
    )
    return ContactCheck.objects.create(
        batch=batch,
        position=1,
        account=account,
        business=account.business,
        contact=recorded.consent.contact,
        opt_in=recorded.opt_in,
        input=number,
        status="SENDING",
        lease_until=now + lease,
    )


def test_a_withdrawal_does_not_wait_for_a_call_and_whoever_asks_is_told_of_it(
    acme: Business, account: ProviderAccount
) -> None:
    check = under_way(account, NUMBER, lease=timedelta(seconds=0.5))
    started = time.monotonic()
    recorded = withdrawn(NUMBER, acme, now=django_timezone.now())
    assert recorded.consent.status == "WITHDRAWN"
    assert time.monotonic() - started < 0.4
    assert opt_ins.wait_for_calls([recorded.consent.contact_id], business=acme) == 1
    check.refresh_from_db()
    assert check.lease_until is not None
    assert django_timezone.now() >= check.lease_until


def test_the_wait_ends_as_soon_as_the_answer_is_recorded(
    acme: Business, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = under_way(account, NUMBER, lease=timedelta(minutes=5))
    naps: list[float] = []

    def answered_meanwhile(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            ContactCheck.objects.filter(pk=check.pk).update(status="VALID", lease_until=None)

    monkeypatch.setattr(opt_ins.time, "sleep", answered_meanwhile)
    assert opt_ins.wait_for_calls([check.contact_id or 0], business=acme) == 1
    assert len(naps) == 3


def test_a_call_under_another_form_of_the_number_is_waited_for(acme: Business, account: ProviderAccount) -> None:
    under_way(account, "+5215512345678", lease=timedelta(seconds=0.3))
    recorded = withdrawn("+525512345678", acme, now=django_timezone.now())
    assert opt_ins.wait_for_calls([recorded.consent.contact_id], business=acme) == 1


def test_nobody_waits_for_calls_of_others(
    acme: Business, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(seconds: float) -> None:
        raise AssertionError("waited for somebody else")

    monkeypatch.setattr(opt_ins.time, "sleep", fail)
    check = under_way(account, NUMBER, lease=timedelta(minutes=5))
    stranger = opted_in("+16315551003", acme).consent.contact
    other = factories.business("Ajax")
    assert opt_ins.wait_for_calls([stranger.pk], business=acme) == 0
    assert opt_ins.wait_for_calls([check.contact_id or 0], business=other) == 0
    assert opt_ins.wait_for_calls([], business=acme) == 0


@pytest.mark.parametrize("kind", ["commbox", "onprem", "accuauth"])
def test_no_checkers_lease_outlasts_the_longest_wait(acme: Business, kind: str) -> None:
    checker = contact_checker(factories.account(acme, kind, base_url="https://provider.example"))
    assert timedelta(seconds=checker.deadline) + LEASE_MARGIN <= opt_ins.LONGEST_WAIT


# --- Side by side, on PostgreSQL --------------------------------------------------------------------------------------


def test_a_grant_and_a_withdrawal_of_one_instant_end_withdrawn_whoever_is_first(
    postgresql: None, acme: Business
) -> None:
    def together(*operations: Callable[[], Any]) -> list[BaseException]:
        errors: list[BaseException] = []
        start = threading.Barrier(len(operations))

        def run(operation: Callable[[], Any]) -> None:
            try:
                start.wait(10)
                operation()
            except BaseException as error:  # noqa: BLE001
                errors.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=run, args=(operation,)) for operation in operations]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return errors

    for index in range(8):
        one, other = f"+5255123456{index:02d}", f"+52155123456{index:02d}"
        number, variant = read_number(one), read_number(other)
        errors = together(
            lambda: record(acme, number=number),  # noqa: B023
            lambda: record(acme, number=variant),  # noqa: B023
            lambda: withdraw(acme, number=number, given_at=GIVEN),  # noqa: B023
            lambda: withdraw(acme, number=variant, given_at=GIVEN, reason="wrote STOP"),  # noqa: B023
            lambda: record(acme, number=number),  # noqa: B023
        )
        assert errors == []
        assert {consent_of(form, acme).status for form in (one, other)} == {"WITHDRAWN"}
        assert (
            OptIn.objects.filter(
                pseudonym__in=Contact.objects.filter(e164__in=[one, other]).values("pseudonym"), state="GRANTED"
            ).count()
            == 2
        )
    sequences = list(AuditEvent.objects.order_by("sequence").values_list("sequence", flat=True))
    assert sequences == list(range(1, len(sequences) + 1))


def test_a_grant_waits_for_a_withdrawal_that_has_not_committed_yet(
    postgresql: None, acme: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(acme)
    write, about_to_commit = opt_ins._record_event, threading.Event()

    def write_slowly(action: str, *rest: Any) -> None:
        if action == "opt_in.withdrawn":
            about_to_commit.set()
            time.sleep(0.5)
        write(action, *rest)

    def withdraw_slowly() -> None:
        withdraw(acme)
        connection.close()

    monkeypatch.setattr(opt_ins, "_record_event", write_slowly)
    thread = threading.Thread(target=withdraw_slowly)
    thread.start()
    assert about_to_commit.wait(10)
    # Without the lock this would read the events without the withdrawal, and write GRANTED over it.
    assert record(acme, source="paper").consent.status == "WITHDRAWN"
    thread.join(10)
    assert consent_of(NUMBER, acme).status == "WITHDRAWN"


def test_equal_events_have_equal_fingerprints_in_any_time_zone() -> None:
    def mark(**changes: Any) -> Any:
        arguments: dict[str, Any] = {
            "e164": NUMBER,
            "business_id": 1,
            "state": "GRANTED",
            "purposes": "service",
            "source": "web form",
            "given_at": GIVEN,
            "evidence": Evidence(text="yes"),
        }
        return fingerprint(**(arguments | changes))

    assert mark() == mark(given_at=GIVEN.astimezone(timezone(timedelta(hours=5))))
    assert mark() == mark(evidence=Evidence(text="yes", file_name="renamed.txt"))
    different = [
        mark(),
        mark(e164="+16315551003"),
        mark(business_id=2),
        mark(state="WITHDRAWN"),
        mark(purposes="utility"),
        mark(source="paper"),
        mark(evidence=Evidence(text="no")),
        mark(evidence=Evidence(text="yes", file=b"x")),
        mark(rest=("Acme",)),
    ]
    assert len(set(different)) == len(different)
