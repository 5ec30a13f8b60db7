"""The gate, as a table of sentences: who may be looked up and who written to, who not, and by which rule."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contacts.gate import (
    CACHE_FOR,
    MESSAGE_REFUSALS,
    REFUSALS,
    REPLY_FOR,
    Basis,
    Decision,
    EarlierAnswer,
    Facts,
    Grant,
    Operation,
    Outcome,
    Policy,
    Reason,
    Trust,
    decide,
    reply_window,
)
from providers.interfaces import EvidenceStrength

NOW = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
WEAK, STRONG = EvidenceStrength.WEAK, EvidenceStrength.STRONG
PERU = frozenset({"PE"})


def grant(opt_in_id: int = 1, *, given_at: datetime = NOW - timedelta(days=90), until: datetime | None = None) -> Grant:
    return Grant(opt_in_id, given_at, until)


def facts(*, region: str = "GB", **known: Any) -> Facts:
    return Facts(e164="+447400000100", region=region, **known)


def answered(ago: timedelta, strength: EvidenceStrength = STRONG) -> EarlierAnswer:
    return EarlierAnswer(check_id=77, checked_at=NOW - ago, strength=strength)


SERVICE = {"service": grant(1)}
BOTH = {"service": grant(1), "marketing": grant(2)}
EXPIRED = {"service": grant(1, until=NOW)}
FUTURE = {"service": grant(1, given_at=NOW + TICK)}
GONE = {"service": NOW - timedelta(days=1)}


def refused(reason: Reason) -> Decision:
    return Decision(Outcome.REFUSED, reason)


def allowed(opt_in_id: int = 1) -> Decision:
    return Decision(Outcome.ALLOWED, None, opt_in_id)


def waiting(reason: Reason) -> Decision:
    return Decision(Outcome.WAITING, reason, 1)


CACHED = Decision(Outcome.CACHED, None, 1, 77)

TABLE: dict[str, tuple[Facts, Policy, Decision]] = {
    "a person who agreed may be asked about": (facts(grants=SERVICE), Policy(), allowed()),
    "a person who agreed to this purpose may be asked about for it": (
        facts(grants=BOTH),
        Policy(purpose="marketing"),
        allowed(2),
    ),
    "what is no number is refused before anything else": (
        Facts(e164=None, grants=SERVICE),
        Policy(account_paused=True, budget_left=0),
        refused(Reason.NOT_E164),
    ),
    "a restricted person is refused whatever they agreed to": (
        facts(grants=BOTH, restricted=True),
        Policy(force=True),
        refused(Reason.RESTRICTED),
    ),
    "a stranger is refused": (facts(), Policy(), refused(Reason.NO_OPT_IN)),
    "a stranger is refused for a purpose too": (facts(), Policy(purpose="service"), refused(Reason.NO_OPT_IN)),
    "who opted in to somebody else only is refused": (
        facts(other_business=True),
        Policy(),
        refused(Reason.OTHER_BUSINESS),
    ),
    "another business does not hide our own opt-in": (facts(grants=SERVICE, other_business=True), Policy(), allowed()),
    "who opted out is refused": (facts(withdrawals=GONE), Policy(), refused(Reason.WITHDRAWN)),
    "who opted out of us is told so even with another business": (
        facts(withdrawals=GONE, other_business=True),
        Policy(),
        refused(Reason.WITHDRAWN),
    ),
    "who opted out of this purpose is refused for it": (
        facts(grants={"marketing": grant(2)}, withdrawals=GONE),
        Policy(purpose="service"),
        refused(Reason.WITHDRAWN),
    ),
    "who opted out of one purpose may be asked about for another": (
        facts(grants={"marketing": grant(2)}, withdrawals=GONE),
        Policy(purpose="marketing"),
        allowed(2),
    ),
    "who opted out of one purpose may be asked about when any purpose will do": (
        facts(grants={"marketing": grant(2)}, withdrawals=GONE),
        Policy(),
        allowed(2),
    ),
    "who opted in again after opting out may be asked about": (
        facts(grants=SERVICE, withdrawals=GONE),
        Policy(purpose="service"),
        allowed(),
    ),
    "a purpose that was not agreed to is refused": (
        facts(grants=SERVICE),
        Policy(purpose="marketing"),
        refused(Reason.PURPOSE_NOT_AGREED),
    ),
    "an opt-in has expired at the very instant of its expiry": (
        facts(grants=EXPIRED),
        Policy(),
        refused(Reason.EXPIRED),
    ),
    "an opt-in stands until just before its expiry": (
        facts(grants={"service": grant(1, until=NOW + TICK)}),
        Policy(),
        allowed(),
    ),
    "an expired purpose is refused for itself": (
        facts(grants=EXPIRED | {"marketing": grant(2)}),
        Policy(purpose="service"),
        refused(Reason.EXPIRED),
    ),
    "an expired purpose does not spoil one that stands": (
        facts(grants=EXPIRED | {"marketing": grant(2)}),
        Policy(),
        allowed(2),
    ),
    "an opt-in dated a microsecond ahead is not yet valid": (
        facts(grants=FUTURE),
        Policy(),
        refused(Reason.NOT_YET_VALID),
    ),
    "an opt-in given at this very instant stands": (
        facts(grants={"service": grant(1, given_at=NOW)}),
        Policy(),
        allowed(),
    ),
    "an opt-in to come is closer to a yes than an expired one": (
        facts(grants=EXPIRED | {"marketing": grant(2, given_at=NOW + TICK)}),
        Policy(),
        refused(Reason.NOT_YET_VALID),
    ),
    "an opt-in that was over as it was given has expired and is not to come": (
        facts(grants={"service": grant(1, given_at=NOW, until=NOW)}),
        Policy(),
        refused(Reason.EXPIRED),
    ),
    "the latest opt-in is named also where it comes second": (
        facts(grants={"service": grant(1, given_at=NOW - 2 * TICK), "utility": grant(2, given_at=NOW - TICK)}),
        Policy(),
        allowed(2),
    ),
    "of two opt-ins given at once the first is named": (
        facts(grants={"service": grant(1, given_at=NOW - TICK), "utility": grant(2, given_at=NOW - TICK)}),
        Policy(),
        allowed(1),
    ),
    "of several opt-ins that stand the latest is named": (
        facts(grants={"service": grant(1, given_at=NOW - TICK), "utility": grant(2, given_at=NOW - 2 * TICK)}),
        Policy(),
        allowed(1),
    ),
    "a region that the account does not serve is refused": (
        facts(grants=SERVICE),
        Policy(regions=PERU),
        refused(Reason.REGION_NOT_SERVED),
    ),
    "a number of no known region is refused where regions are served": (
        facts(region="", grants=SERVICE),
        Policy(regions=PERU),
        refused(Reason.REGION_NOT_SERVED),
    ),
    "a region that the account serves may be asked about": (
        facts(region="PE", grants=SERVICE),
        Policy(regions=PERU),
        allowed(),
    ),
    "consent is missing before a region is": (facts(), Policy(regions=PERU), refused(Reason.NO_OPT_IN)),
    "a region is missing before the cache answers": (
        facts(grants=SERVICE, earlier=answered(TICK)),
        Policy(regions=PERU),
        refused(Reason.REGION_NOT_SERVED),
    ),
    "an answer of a moment ago is used again": (facts(grants=SERVICE, earlier=answered(TICK)), Policy(), CACHED),
    "an answer is used again until just before seven days": (
        facts(grants=SERVICE, earlier=answered(CACHE_FOR - TICK)),
        Policy(),
        CACHED,
    ),
    "an answer of exactly seven days is asked for again": (
        facts(grants=SERVICE, earlier=answered(CACHE_FOR)),
        Policy(),
        allowed(),
    ),
    "a fresh answer is not used for a person who opted out": (
        facts(withdrawals=GONE, earlier=answered(TICK)),
        Policy(),
        refused(Reason.WITHDRAWN),
    ),
    "a weak answer never stands in for a strong one": (
        facts(grants=SERVICE, earlier=answered(TICK, WEAK)),
        Policy(strength=STRONG),
        allowed(),
    ),
    "a weak answer stands in for a weak one": (
        facts(grants=SERVICE, earlier=answered(TICK, WEAK)),
        Policy(strength=WEAK),
        CACHED,
    ),
    "a strong answer stands in for a weak one": (
        facts(grants=SERVICE, earlier=answered(TICK, STRONG)),
        Policy(strength=WEAK),
        CACHED,
    ),
    "force asks again in spite of a fresh answer": (
        facts(grants=SERVICE, earlier=answered(TICK)),
        Policy(force=True),
        allowed(),
    ),
    "force does not ask about a person who opted out": (
        facts(withdrawals=GONE),
        Policy(force=True),
        refused(Reason.WITHDRAWN),
    ),
    "force does not spend a budget that is spent": (
        facts(grants=SERVICE, earlier=answered(TICK)),
        Policy(force=True, budget_left=0),
        waiting(Reason.BUDGET_SPENT),
    ),
    "a spent budget makes wait": (facts(grants=SERVICE), Policy(budget_left=0), waiting(Reason.BUDGET_SPENT)),
    "an overspent budget makes wait": (facts(grants=SERVICE), Policy(budget_left=-3), waiting(Reason.BUDGET_SPENT)),
    "the last of a budget may be spent": (facts(grants=SERVICE), Policy(budget_left=1), allowed()),
    "a paused account makes wait": (facts(grants=SERVICE), Policy(account_paused=True), waiting(Reason.ACCOUNT_PAUSED)),
    "a pause is named before a spent budget": (
        facts(grants=SERVICE),
        Policy(account_paused=True, budget_left=0),
        waiting(Reason.ACCOUNT_PAUSED),
    ),
    "a fresh answer needs neither budget nor a running account": (
        facts(grants=SERVICE, earlier=answered(TICK)),
        Policy(account_paused=True, budget_left=0),
        CACHED,
    ),
    "a person who may not be asked about is refused and not kept waiting": (
        facts(),
        Policy(account_paused=True, budget_left=0),
        refused(Reason.NO_OPT_IN),
    ),
    "a region that is not served is refused and not kept waiting": (
        facts(grants=SERVICE),
        Policy(regions=PERU, account_paused=True, budget_left=0),
        refused(Reason.REGION_NOT_SERVED),
    ),
}

MESSAGE = Policy(operation=Operation.MESSAGE, purpose="service")
MARKETING = replace(MESSAGE, purpose="marketing")
IDENTITY = Policy(operation=Operation.IDENTITY)
RESEND = replace(MESSAGE, resend=True)
WROTE = NOW - timedelta(hours=1)
BY_OPT_IN = Decision(Outcome.ALLOWED, None, 1, basis=Basis.OPT_IN)
AS_REPLY = Decision(Outcome.ALLOWED, basis=Basis.REPLY_WINDOW)
MISMATCHED = facts(grants=SERVICE, trust=Trust.MISMATCHED)
AWAITED = facts(grants=SERVICE, trust=Trust.AWAITING_HASH)

MESSAGES: dict[str, tuple[Facts, Policy, Decision]] = {
    "nobody writes to a restricted person, who wrote to us or not": (
        facts(grants=BOTH, wrote_at=NOW - TICK, restricted=True),
        MESSAGE,
        refused(Reason.RESTRICTED),
    ),
    "a person who agreed to the purpose may be written to": (facts(grants=SERVICE), MESSAGE, BY_OPT_IN),
    "a message that names no purpose is for service": (
        facts(grants=SERVICE),
        Policy(operation=Operation.MESSAGE),
        BY_OPT_IN,
    ),
    "consent for another purpose is none for a message that names no purpose": (
        facts(grants={"marketing": grant(2)}),
        Policy(operation=Operation.MESSAGE),
        refused(Reason.PURPOSE_NOT_AGREED),
    ),
    "a message to what is no number is refused": (Facts(e164=None), MESSAGE, refused(Reason.NOT_E164)),
    "a stranger is not written to": (facts(), MESSAGE, refused(Reason.NO_OPT_IN)),
    "who opted in to somebody else only is not written to": (
        facts(other_business=True),
        MESSAGE,
        refused(Reason.OTHER_BUSINESS),
    ),
    "who opted out is not written to": (facts(withdrawals=GONE), MESSAGE, refused(Reason.WITHDRAWN)),
    "an expired opt-in allows no message": (facts(grants=EXPIRED), MESSAGE, refused(Reason.EXPIRED)),
    "an opt-in to come allows no message yet": (facts(grants=FUTURE), MESSAGE, refused(Reason.NOT_YET_VALID)),
    "a purpose that was not agreed to allows no message": (
        facts(grants=SERVICE),
        MARKETING,
        refused(Reason.PURPOSE_NOT_AGREED),
    ),
    "whoever wrote to us gets a reply without an opt-in": (facts(wrote_at=WROTE), MESSAGE, AS_REPLY),
    "an opt-in is named before the reply window": (facts(grants=SERVICE, wrote_at=WROTE), MESSAGE, BY_OPT_IN),
    "an expired opt-in does not close the reply window": (facts(grants=EXPIRED, wrote_at=WROTE), MESSAGE, AS_REPLY),
    "a reply is for service only": (facts(wrote_at=WROTE), MARKETING, refused(Reason.SERVICE_REPLY_ONLY)),
    "who opted out of the purpose is told so in spite of the reply window": (
        facts(withdrawals={"marketing": NOW - timedelta(days=9)}, wrote_at=WROTE),
        MARKETING,
        refused(Reason.WITHDRAWN),
    ),
    "the reply window is open at the very instant of the message": (facts(wrote_at=NOW), MESSAGE, AS_REPLY),
    "the reply window is open until just before 24 hours": (
        facts(wrote_at=NOW - REPLY_FOR + TICK),
        MESSAGE,
        AS_REPLY,
    ),
    "the reply window is closed after exactly 24 hours": (
        facts(wrote_at=NOW - REPLY_FOR),
        MESSAGE,
        refused(Reason.NO_OPT_IN),
    ),
    "a message dated ahead opens no reply window yet": (
        facts(wrote_at=NOW + TICK),
        MESSAGE,
        refused(Reason.NO_OPT_IN),
    ),
    "who opted out since they wrote gets no reply": (
        facts(withdrawals={"service": WROTE + TICK}, wrote_at=WROTE),
        MESSAGE,
        refused(Reason.WITHDRAWN),
    ),
    "who opted out with that very message gets no reply": (
        facts(withdrawals={"service": WROTE}, wrote_at=WROTE),
        MESSAGE,
        refused(Reason.WITHDRAWN),
    ),
    "who wrote after opting out gets a reply": (
        facts(withdrawals={"service": WROTE - TICK}, wrote_at=WROTE),
        MESSAGE,
        AS_REPLY,
    ),
    "who opted out of marketing since they wrote still gets a service reply": (
        facts(withdrawals={"marketing": NOW}, wrote_at=WROTE),
        MESSAGE,
        AS_REPLY,
    ),
    "nobody is written to whose identity has changed": (MISMATCHED, MESSAGE, refused(Reason.IDENTITY_CHANGED)),
    "nobody gets a reply whose identity has changed": (
        facts(wrote_at=WROTE, trust=Trust.MISMATCHED),
        MESSAGE,
        refused(Reason.IDENTITY_CHANGED),
    ),
    "not even a resend goes before a person has verified who is there": (
        MISMATCHED,
        RESEND,
        refused(Reason.IDENTITY_CHANGED),
    ),
    "an ordinary message waits for the new identity": (AWAITED, MESSAGE, refused(Reason.IDENTITY_AWAITED)),
    "the one resend that was ordered goes while the new identity is awaited": (AWAITED, RESEND, BY_OPT_IN),
    "the resend needs consent like any other message": (
        facts(withdrawals=GONE, trust=Trust.AWAITING_HASH),
        RESEND,
        refused(Reason.WITHDRAWN),
    ),
    "nothing is sent again where no new identity is awaited": (
        facts(grants=SERVICE, trust=Trust.TRUSTED),
        RESEND,
        refused(Reason.NO_RESEND_ORDERED),
    ),
    "who is trusted may be written to": (facts(grants=SERVICE, trust=Trust.TRUSTED), MESSAGE, BY_OPT_IN),
    "consent is missing before trust is": (
        facts(trust=Trust.MISMATCHED),
        MESSAGE,
        refused(Reason.NO_OPT_IN),
    ),
    "a paused account lets a message wait": (
        facts(grants=SERVICE),
        replace(MESSAGE, account_paused=True),
        Decision(Outcome.WAITING, Reason.ACCOUNT_PAUSED, 1, basis=Basis.OPT_IN),
    ),
    "a refused message is refused and not kept waiting": (
        MISMATCHED,
        replace(MESSAGE, account_paused=True),
        refused(Reason.IDENTITY_CHANGED),
    ),
    "a budget of checks is not spent on messages": (
        facts(grants=SERVICE),
        replace(MESSAGE, budget_left=0),
        BY_OPT_IN,
    ),
    "any consent that stands allows to ask about an identity": (
        facts(grants={"marketing": grant(1)}),
        IDENTITY,
        BY_OPT_IN,
    ),
    "a message of theirs allows to ask about an identity": (facts(wrote_at=WROTE), IDENTITY, AS_REPLY),
    "doubt about an identity does not stop asking about it": (MISMATCHED, IDENTITY, BY_OPT_IN),
    "waiting for a new identity does not stop asking about it": (AWAITED, IDENTITY, BY_OPT_IN),
    "a message of theirs allows to ask although they opted out of marketing": (
        facts(withdrawals={"marketing": NOW - timedelta(days=9)}, wrote_at=WROTE),
        IDENTITY,
        AS_REPLY,
    ),
    "nobody asks about the identity of a stranger": (facts(), IDENTITY, refused(Reason.NO_OPT_IN)),
    "nobody asks about the identity of who opted out": (facts(withdrawals=GONE), IDENTITY, refused(Reason.WITHDRAWN)),
}


@pytest.mark.parametrize("sentence", MESSAGES)
def test_the_gate_of_messages_says_that(sentence: str) -> None:
    known, policy, expected = MESSAGES[sentence]
    assert decide(known, policy, NOW) == expected


def test_every_reason_for_which_a_message_is_refused_is_in_the_table() -> None:
    given_here = {decision.reason for _, _, decision in MESSAGES.values() if decision.outcome is Outcome.REFUSED}
    assert given_here == MESSAGE_REFUSALS - {Reason.REGION_NOT_SERVED}


@pytest.mark.parametrize("sentence", TABLE)
def test_the_gate_says_that(sentence: str) -> None:
    known, policy, expected = TABLE[sentence]
    assert decide(known, policy, NOW) == expected


def test_every_reason_that_the_gate_can_give_is_in_the_table() -> None:
    given_here = {decision.reason for _, _, decision in TABLE.values() if decision.reason}
    assert given_here == REFUSALS | {Reason.BUDGET_SPENT, Reason.ACCOUNT_PAUSED}
    assert {decision.outcome for _, _, decision in TABLE.values()} == set(Outcome)


# --- Properties: small worlds, so that every instant meets every other ------------------------------------------------

PURPOSES = ["service", "utility", "marketing"]
INSTANTS = st.integers(-2, 2).map(lambda step: NOW + step * TICK)
GRANTS = st.dictionaries(
    st.sampled_from(PURPOSES), st.builds(Grant, st.integers(1, 9), INSTANTS, st.none() | INSTANTS), max_size=3
)
FACTS = st.builds(
    Facts,
    e164=st.sampled_from(["+447400000100", None]),
    region=st.sampled_from(["GB", "PE", ""]),
    grants=GRANTS,
    withdrawals=st.dictionaries(st.sampled_from(PURPOSES), INSTANTS, max_size=3),
    other_business=st.booleans(),
    earlier=st.none()
    | st.builds(
        EarlierAnswer,
        st.integers(1, 9),
        st.integers(-2, 2).map(lambda step: NOW - CACHE_FOR + step * TICK),
        st.sampled_from(EvidenceStrength),
    ),
)
POLICIES = st.builds(
    Policy,
    purpose=st.sampled_from([*PURPOSES, None]),
    regions=st.sampled_from([None, PERU, frozenset({"GB"})]),
    strength=st.sampled_from(EvidenceStrength),
    force=st.booleans(),
    account_paused=st.booleans(),
    budget_left=st.sampled_from([None, -1, 0, 1]),
)


@settings(max_examples=500)
@given(FACTS, POLICIES)
def test_nothing_is_let_through_without_an_opt_in_that_stands(known: Facts, policy: Policy) -> None:
    decision = decide(known, policy, NOW)
    if decision.outcome is Outcome.REFUSED:
        assert decision.reason in REFUSALS
        assert (decision.opt_in_id, decision.check_id) == (None, None)
        return
    standing = {
        one.opt_in_id
        for purpose, one in known.grants.items()
        if policy.purpose in (None, purpose)
        and one.given_at <= NOW
        and (one.expires_at is None or one.expires_at > NOW)
    }
    assert known.e164 is not None
    assert decision.opt_in_id in standing
    assert decision.reason not in REFUSALS
    assert (decision.check_id is not None) == (decision.outcome is Outcome.CACHED)


@given(FACTS, POLICIES, st.sampled_from([None, -1, 0, 1]), st.booleans(), st.booleans())
def test_a_refusal_depends_on_neither_budget_nor_pause_nor_force(
    known: Facts, policy: Policy, budget_left: int | None, paused: bool, force: bool
) -> None:
    first = decide(known, policy, NOW)
    second = decide(known, replace(policy, budget_left=budget_left, account_paused=paused, force=force), NOW)
    if Outcome.REFUSED in (first.outcome, second.outcome):
        assert first == second
    else:
        assert first.opt_in_id == second.opt_in_id


@given(FACTS, POLICIES)
def test_taking_every_grant_away_always_refuses(known: Facts, policy: Policy) -> None:
    assert decide(known._replace(grants={}), policy, NOW).outcome is Outcome.REFUSED


# --- Properties of messages -------------------------------------------------------------------------------------------

MESSAGE_FACTS = st.builds(
    Facts,
    e164=st.sampled_from(["+447400000100", None]),
    grants=GRANTS,
    withdrawals=st.dictionaries(st.sampled_from(PURPOSES), INSTANTS, max_size=3),
    other_business=st.booleans(),
    wrote_at=st.none() | INSTANTS | INSTANTS.map(lambda at: at - REPLY_FOR),
    trust=st.sampled_from(Trust),
)
MESSAGE_POLICIES = st.builds(
    Policy,
    operation=st.sampled_from([Operation.MESSAGE, Operation.IDENTITY]),
    purpose=st.sampled_from([*PURPOSES, None]),
    resend=st.booleans(),
    account_paused=st.booleans(),
    budget_left=st.sampled_from([None, 0]),
)


@settings(max_examples=1000)
@given(MESSAGE_FACTS, MESSAGE_POLICIES)
def test_no_message_leaves_without_what_allows_it(known: Facts, policy: Policy) -> None:
    decision = decide(known, policy, NOW)
    if decision.outcome is Outcome.REFUSED:
        assert decision.reason in MESSAGE_REFUSALS
        assert (decision.opt_in_id, decision.basis) == (None, None)
        return
    is_message = policy.operation is Operation.MESSAGE
    purpose = (policy.purpose or "service") if is_message else policy.purpose
    standing = {
        one.opt_in_id
        for name, one in known.grants.items()
        if purpose in (None, name) and one.given_at <= NOW and (one.expires_at is None or one.expires_at > NOW)
    }
    if decision.basis is Basis.OPT_IN:
        assert decision.opt_in_id in standing
    else:
        assert not standing
        assert decision.opt_in_id is None
        assert known.wrote_at is not None and NOW - REPLY_FOR < known.wrote_at <= NOW
        assert known.withdrawals.get("service", known.wrote_at - TICK) < known.wrote_at
        assert purpose == "service" or not is_message
    if is_message:
        assert known.trust is not Trust.MISMATCHED
        assert policy.resend is (known.trust is Trust.AWAITING_HASH)


@given(MESSAGE_FACTS, MESSAGE_POLICIES)
def test_who_neither_agreed_nor_wrote_is_never_written_to(known: Facts, policy: Policy) -> None:
    assert decide(known._replace(grants={}, wrote_at=None), policy, NOW).outcome is Outcome.REFUSED


def test_no_reply_is_written_to_a_restricted_person_however_lately_they_wrote() -> None:
    assert reply_window(facts(wrote_at=NOW), NOW) == NOW + REPLY_FOR
    assert reply_window(facts(wrote_at=NOW, restricted=True), NOW) is None


@given(MESSAGE_FACTS)
def test_opting_out_of_everything_now_closes_the_reply_window(known: Facts) -> None:
    assert reply_window(known._replace(withdrawals=dict.fromkeys(PURPOSES, NOW)), NOW) is None


@given(FACTS, POLICIES, st.sampled_from(Trust), st.none() | INSTANTS, st.booleans())
def test_a_check_depends_on_neither_trust_nor_what_they_wrote(
    known: Facts, policy: Policy, trust: Trust, wrote_at: datetime | None, resend: bool
) -> None:
    told = known._replace(trust=trust, wrote_at=wrote_at)
    assert decide(told, replace(policy, resend=resend), NOW) == decide(known, policy, NOW)
