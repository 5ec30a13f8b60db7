"""The gate: may this number be looked up for this business, now? Pure: facts, policy and time in, a decision out.

It is asked twice, at preview and again under the row lock just before a request leaves. It never reads the database,
the clock or a provider, and it never answers "allowed" without naming the opt-in that allows it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

from providers.interfaces import EvidenceStrength

CACHE_FOR = timedelta(days=7)
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
    }
)


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


@dataclass(frozen=True, slots=True)
class Policy:
    """What is asked of the gate: for which purpose (None: any), through an account in which state."""

    purpose: str | None = None
    regions: frozenset[str] | None = None
    strength: EvidenceStrength = EvidenceStrength.STRONG
    force: bool = False
    account_paused: bool = False
    budget_left: int | None = None


class Decision(NamedTuple):
    """The gate's answer; whatever is not refused carries the opt-in that allows it."""

    outcome: Outcome
    reason: Reason | None = None
    opt_in_id: int | None = None
    check_id: int | None = None


def decide(facts: Facts, policy: Policy, now: datetime) -> Decision:
    """Decide whether the number may be looked up now.

    Refusals come before waiting and waiting before the cache is left, so that a refusal never depends on a budget.
    """
    if facts.e164 is None:
        return _refused(Reason.NOT_E164)
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
