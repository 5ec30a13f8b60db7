"""What a run would do: every line asked of the gate, nothing written and nothing sent."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.utils.translation import gettext as _

from contacts.checking.facts import known_contacts, load, policy_for
from contacts.checking.lines import Line
from contacts.erasure.suppression import kept_for
from contacts.gate import NOTHING, Decision, Facts, Outcome, Policy, Reason, decide
from contacts.inbound.reach import reached_lately
from contacts.models import Contact
from providers.e164 import person_key
from providers.interfaces import EvidenceStrength
from providers.models import Business, ProviderAccount
from providers.registry import contact_checker


class CheckRefused(ValueError):
    """The run cannot be made or changed so; the message names the rule and the next step."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One line and what the gate says of it."""

    line: Line
    decision: Decision
    contact: Contact | None = None
    duplicate_of: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do, before anything is written or sent."""

    rows: Sequence[Judged]
    outcomes: Mapping[Outcome, int]
    refusals: Mapping[Reason, int]
    duplicates: int
    #: Pairs of lines that are two forms of one person's number: each would be asked about.
    variants: Sequence[tuple[Line, Line]]
    budget_left: int | None
    strength: EvidenceStrength
    stopped_because: str = ""
    #: Of the numbers that would be asked: who was reached so lately that no check is needed, and when.
    reached: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def to_ask(self) -> int:
        """How many numbers would be asked about now."""
        return self.outcomes.get(Outcome.ALLOWED, 0)

    @property
    def budget_after(self) -> int | None:
        """What is left of the budget when all of them have been asked."""
        return None if self.budget_left is None else max(0, self.budget_left - self.to_ask)


def preview(*, account: ProviderAccount, lines: Sequence[Line], purpose: str, force: bool, now: datetime) -> Preview:
    """Ask the gate about every line without writing or sending anything.

    :raises NotConfigured: when the account cannot look numbers up.
    """
    checker = contact_checker(account)
    policy = policy_for(account=account, checker=checker, purpose=purpose, force=force, now=now)
    rows = judge(account, lines, policy, now)
    judged = [row for row in rows if row.duplicate_of is None]
    return Preview(
        rows=rows,
        outcomes=Counter(row.decision.outcome for row in judged),
        refusals=Counter(
            row.decision.reason for row in judged if row.decision.outcome is Outcome.REFUSED and row.decision.reason
        ),
        duplicates=len(rows) - len(judged),
        variants=_variant_pairs(judged),
        budget_left=policy.budget_left,
        strength=policy.strength,
        stopped_because=account.stopped_because(),
        reached=_reached(account, judged, now),
    )


def served_business(account: ProviderAccount) -> Business:
    """Give the business whose opt-ins count for an account.

    :raises CheckRefused: when the account serves none.
    """
    if account.business is None:
        raise CheckRefused(_("The account serves no business, so no opt-in can match."))
    return account.business


def judge(account: ProviderAccount, lines: Sequence[Line], policy: Policy, now: datetime) -> list[Judged]:
    """Ask the gate about every line, in their order: what will be asked shrinks the budget that the next one meets.

    :raises CheckRefused: when the account serves no business.
    """
    business = served_business(account)
    contacts = known_contacts({line.number.e164 for line in lines if line.number})
    facts = load(contacts=list(contacts.values()), business=business, account=account, now=now, lock=False)
    strangers = [line.number.e164 for line in lines if line.number and line.number.e164 not in contacts]
    opted_out = kept_for(strangers, business_id=business.pk)
    seen: dict[str, int] = {}
    left = policy.budget_left
    rows = []
    for line in lines:
        if line.number is None:
            rows.append(Judged(line, decide(Facts(e164=None), policy, now)))
            continue
        e164 = line.number.e164
        contact = contacts.get(e164)
        known = (
            facts[contact.pk]
            if contact
            else Facts(e164=e164, region=line.number.region, withdrawals=opted_out.get(e164, NOTHING))
        )
        decision = decide(known, replace(policy, budget_left=left), now)
        if e164 in seen:
            rows.append(Judged(line, decision, contact, duplicate_of=seen[e164]))
            continue
        seen[e164] = line.position
        if left is not None and decision.outcome is Outcome.ALLOWED:
            left -= 1
        rows.append(Judged(line, decision, contact))
    return rows


def _reached(account: ProviderAccount, rows: Sequence[Judged], now: datetime) -> dict[str, datetime]:
    people = {
        row.contact.pk: row.contact.e164 for row in rows if row.contact and row.decision.outcome is Outcome.ALLOWED
    }
    if account.business is None or not people:
        return {}
    lately = reached_lately(contact_ids=people, business=account.business, now=now)
    return {people[pk]: at for pk, at in lately.items()}


def _variant_pairs(rows: Sequence[Judged]) -> list[tuple[Line, Line]]:
    pairs, first = [], dict[str, Line]()
    for row in rows:
        if row.line.number is None or row.decision.outcome is Outcome.REFUSED:
            continue
        key = person_key(row.line.number.e164)
        if key in first:
            pairs.append((first[key], row.line))
        first.setdefault(key, row.line)
    return pairs
