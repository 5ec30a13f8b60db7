"""The gate: may this number be looked up, this person written to, now? Pure: facts, policy, time in, a decision out.

It is asked twice, at preview and again under the row lock just before a request leaves. It never reads the database,
the clock or a provider, and it never answers "allowed" without naming what allows it: an opt-in, or for a reply the
person's own message of the last 24 hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.interfaces import EvidenceStrength

CACHE_FOR = timedelta(days=7)
#: How long after a person's message a reply may be written.
REPLY_FOR = timedelta(hours=24)
#: The purpose of a message that names none, and the only one that a reply may have.
SERVICE = "service"
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Reason(models.TextChoices):
    """Why a number was not asked about, or why it has no answer: the rule, in words for people."""

    NOT_E164 = "NOT_E164", _("Not a number that can be used as written")
    NO_OPT_IN = "NO_OPT_IN", _("No opt-in on record")
    OTHER_BUSINESS = "OTHER_BUSINESS", _("Opted in to another business only")
    WITHDRAWN = "WITHDRAWN", _("Opted out")
    EXPIRED = "EXPIRED", _("The opt-in has expired")
    NOT_YET_VALID = "NOT_YET_VALID", _("The opt-in is dated in the future")
    PURPOSE_NOT_AGREED = "PURPOSE_NOT_AGREED", _("Did not agree to this purpose")
    REGION_NOT_SERVED = "REGION_NOT_SERVED", _("The account does not serve this number's region")
    BUDGET_SPENT = "BUDGET_SPENT", _("The account's 24-hour budget is spent")
    ACCOUNT_PAUSED = "ACCOUNT_PAUSED", _("The account is paused")
    POSTPONED = "POSTPONED", _("The provider asked us to wait")
    RETRYING = "RETRYING", _("The provider failed; trying again")
    PROVIDER_ERROR = "PROVIDER_ERROR", _("The provider could not check it")
    ANSWER_LOST = "ANSWER_LOST", _("Asked, but the answer was lost")
    NOT_ANSWERED = "NOT_ANSWERED", _("The provider's answer left it out")
    NEVER_FINISHED = "NEVER_FINISHED", _("The provider never finished checking it")
    CANCELLED = "CANCELLED", _("The run was cancelled")
    SERVICE_REPLY_ONLY = "SERVICE_REPLY_ONLY", _("The person wrote to us, which allows a service reply only")
    IDENTITY_CHANGED = "IDENTITY_CHANGED", _("The WhatsApp identity has changed: verify the person first")
    IDENTITY_AWAITED = "IDENTITY_AWAITED", _("Verified, but the new WhatsApp identity has not come yet")
    RESTRICTED = "RESTRICTED", _("What is kept of this person is restricted")
    NO_RESEND_ORDERED = "NO_RESEND_ORDERED", _("No identity change waits for a message to be sent again")


#: The rules of consent: a row with one of these as its reason was refused and no provider saw it.
REFUSALS = frozenset(
    {
        Reason.NOT_E164,
        Reason.NO_OPT_IN,
        Reason.OTHER_BUSINESS,
        Reason.WITHDRAWN,
        Reason.EXPIRED,
        Reason.NOT_YET_VALID,
        Reason.PURPOSE_NOT_AGREED,
        Reason.REGION_NOT_SERVED,
        Reason.RESTRICTED,
    }
)

#: What stops a message although the person agreed: nobody knows who would read it.
TRUST_REFUSALS = frozenset({Reason.IDENTITY_CHANGED, Reason.IDENTITY_AWAITED, Reason.NO_RESEND_ORDERED})
#: Everything for which a message is refused.
MESSAGE_REFUSALS = REFUSALS | TRUST_REFUSALS | {Reason.SERVICE_REPLY_ONLY}


class Operation(StrEnum):
    """What is asked for: to look a number up, to write to a person, to read or acknowledge a person's identity."""

    CHECK = "CHECK"
    MESSAGE = "MESSAGE"
    IDENTITY = "IDENTITY"


class Trust(StrEnum):
    """Whether we know who is behind a number."""

    UNKNOWN = "UNKNOWN"
    TRUSTED = "TRUSTED"
    MISMATCHED = "MISMATCHED"
    AWAITING_HASH = "AWAITING_HASH"


class Basis(StrEnum):
    """What allows a message."""

    OPT_IN = "OPT_IN"
    REPLY_WINDOW = "REPLY_WINDOW"


class Outcome(models.TextChoices):
    """What may happen with a number now."""

    ALLOWED = "ALLOWED", _("May be asked")
    CACHED = "CACHED", _("Answered from an earlier check")
    WAITING = "WAITING", _("Waiting")
    REFUSED = "REFUSED", _("Refused")


class Grant(NamedTuple):
    """One purpose that a person agreed to: by which opt-in, from when, until when."""

    opt_in_id: int
    given_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class EarlierAnswer:
    """The latest `valid` or `invalid` that this account gave about the number."""

    check_id: int
    checked_at: datetime
    strength: EvidenceStrength


class Facts(NamedTuple):
    """What is known about one number and one business."""

    e164: str | None
    region: str = ""
    grants: Mapping[str, Grant] = NOTHING
    withdrawals: Mapping[str, datetime] = NOTHING
    other_business: bool = False
    earlier: EarlierAnswer | None = None
    #: When the person last wrote to the number that the message would come from.
    wrote_at: datetime | None = None
    trust: Trust = Trust.UNKNOWN
    #: The person's data may only be kept.
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """What is asked of the gate: for which purpose (None: any), through an account in which state."""

    purpose: str | None = None
    regions: frozenset[str] | None = None
    strength: EvidenceStrength = EvidenceStrength.STRONG
    force: bool = False
    account_paused: bool = False
    budget_left: int | None = None
    operation: Operation = Operation.CHECK
    #: The one message that a person ordered after verifying who is there.
    resend: bool = False


class Decision(NamedTuple):
    """The gate's answer; whatever is not refused carries the opt-in that allows it, or is a reply."""

    outcome: Outcome
    reason: Reason | None = None
    opt_in_id: int | None = None
    check_id: int | None = None
    #: Of a message, or of a question about an identity.
    basis: Basis | None = None


def decide(facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide whether what the policy's operation names may be done now.

    Refusals come before waiting and waiting before the cache is left, so that a refusal never depends on a budget.
    """
    if facts.e164 is None:
        return _refused(Reason.NOT_E164)
    if facts.restricted:
        return _refused(Reason.RESTRICTED)
    if policy.operation is not Operation.CHECK:
        return _decide_message(facts, policy, now)
    consent = _standing_consent(facts, policy.purpose, now)
    if isinstance(consent, Reason):
        return _refused(consent)
    if policy.regions is not None and facts.region not in policy.regions:
        return _refused(Reason.REGION_NOT_SERVED)
    if facts.earlier is not None and not policy.force and _is_fresh(facts.earlier, policy.strength, now):
        return Decision(Outcome.CACHED, opt_in_id=consent.opt_in_id, check_id=facts.earlier.check_id)
    if policy.account_paused:
        return Decision(Outcome.WAITING, Reason.ACCOUNT_PAUSED, consent.opt_in_id)
    if policy.budget_left is not None and policy.budget_left <= 0:
        return Decision(Outcome.WAITING, Reason.BUDGET_SPENT, consent.opt_in_id)
    return Decision(Outcome.ALLOWED, opt_in_id=consent.opt_in_id)


def reply_window(facts: Facts, now: datetime) -> datetime | None:
    """Give until when a reply may be written; None where the person did not write, or opted out since."""
    if facts.restricted or facts.wrote_at is None or not facts.wrote_at <= now < facts.wrote_at + REPLY_FOR:
        return None
    withdrawn_at = facts.withdrawals.get(SERVICE)
    # At the same instant the withdrawal wins: STOP is itself a message.
    return None if withdrawn_at is not None and withdrawn_at >= facts.wrote_at else facts.wrote_at + REPLY_FOR


def _decide_message(facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Consent comes before trust: of a person who may not be written to nothing else matters."""
    is_message = policy.operation is Operation.MESSAGE
    purpose = policy.purpose or SERVICE if is_message else policy.purpose
    consent = _standing_consent(facts, purpose, now)
    if not isinstance(consent, Reason):
        opt_in_id, basis = consent.opt_in_id, Basis.OPT_IN
    elif reply_window(facts, now) is None or (purpose != SERVICE and is_message and consent is Reason.WITHDRAWN):
        return _refused(consent)
    elif purpose != SERVICE and is_message:
        return _refused(Reason.SERVICE_REPLY_ONLY)
    else:
        opt_in_id, basis = None, Basis.REPLY_WINDOW
    if is_message and facts.trust is Trust.MISMATCHED:
        return _refused(Reason.IDENTITY_CHANGED)
    if is_message and policy.resend is not (facts.trust is Trust.AWAITING_HASH):
        return _refused(Reason.NO_RESEND_ORDERED if policy.resend else Reason.IDENTITY_AWAITED)
    if policy.account_paused:
        return Decision(Outcome.WAITING, Reason.ACCOUNT_PAUSED, opt_in_id, basis=basis)
    return Decision(Outcome.ALLOWED, opt_in_id=opt_in_id, basis=basis)


def _standing_consent(facts: Facts, purpose: str | None, now: datetime) -> Grant | Reason:
    """Find the grant that stands now, or the rule that fails: of several failures the one closest to a yes."""
    wanted = facts.grants if purpose is None else {purpose: facts.grants[purpose]} if purpose in facts.grants else {}
    latest: Grant | None = None
    for grant in wanted.values():
        if grant.given_at <= now and (grant.expires_at is None or now < grant.expires_at):
            latest = grant if latest is None or latest.given_at < grant.given_at else latest
    if latest is not None:
        return latest
    if any(grant.given_at > now for grant in wanted.values()):
        return Reason.NOT_YET_VALID
    if wanted:
        return Reason.EXPIRED
    if facts.grants:
        return Reason.WITHDRAWN if purpose in facts.withdrawals else Reason.PURPOSE_NOT_AGREED
    if facts.withdrawals:
        return Reason.WITHDRAWN
    return Reason.OTHER_BUSINESS if facts.other_business else Reason.NO_OPT_IN


def _is_fresh(earlier: EarlierAnswer, strength: EvidenceStrength, now: datetime) -> bool:
    """A weak answer never stands in for a strong one."""
    if now - earlier.checked_at >= CACHE_FOR:
        return False
    return earlier.strength is EvidenceStrength.STRONG or strength is EvidenceStrength.WEAK


def _refused(reason: Reason) -> Decision:
    return Decision(Outcome.REFUSED, reason)
