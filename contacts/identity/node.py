"""A contacts node's way back to trust: read the identity, a person confirms what they saw, acknowledge exactly that.

A hash that is not the latest any more is refused, by the node or by reading once more just before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from contacts.gate import Operation, Outcome, Policy, decide
from contacts.identity import notes
from contacts.identity.cases import CaseRefused, lock_open
from contacts.identity.keys import observe
from contacts.identity.settling import close
from contacts.identity.trust import record
from contacts.messaging.facts import load
from contacts.models import IdentityKey, IdentityTrust, TrustCase
from providers.errors import AnswerLost, NotSent
from providers.interfaces import SEND_WITHIN, IdentityNode, NodeIdentity
from providers.onprem_identity import StaleIdentity
from providers.registry import identity_node

_MARGIN = timedelta(seconds=10)


def read_identity(*, case: TrustCase, actor: str, now: datetime) -> NodeIdentity:
    """Read the person's identity at the node, and keep what it says.

    :raises CaseRefused: when the case is closed or not a node's, or the gate refuses to ask about this person.
    :raises ProviderError: one of its subclasses, when nothing could be read.
    """
    return _read(case, _node(case), now)


def acknowledge(*, case: TrustCase, hash: str, channel: str, evidence: str, actor: str, now: datetime) -> None:  # noqa: A002
    """Close a node's case as "same person": acknowledge exactly the hash that a person saw, and trust it.

    Where the answer is lost, the node is read: what it calls acknowledged was.

    :raises CaseRefused: when the case is closed or not a node's, or the gate refuses to ask about this person.
    :raises StaleIdentity: when the node knows a later identity than the one confirmed; nothing has changed then.
    :raises ProviderError: one of its subclasses, when the node did not acknowledge it.
    """
    channel, evidence = notes.checked(channel, evidence)
    node = _node(case)
    if not constant_time_compare(_read(case, node, now).hash, hash):
        raise StaleIdentity(_("The identity has changed again since you saw it. Nothing was confirmed."))
    try:
        with _asking(case, node, now):
            node.acknowledge_identity(_wa_id(case), hash, subject=_subject(case))
    except AnswerLost:
        seen = _read(case, node, now)
        if seen.hash != hash or not seen.acknowledged:
            raise
    with transaction.atomic():
        trust, locked = lock_open(case)
        close(locked, trust, TrustCase.Outcome.SAME_PERSON, channel=channel, evidence=evidence, actor=actor, now=now)
        trust.state, trust.hash = IdentityTrust.State.TRUSTED, hash
        trust.basis, trust.since = IdentityTrust.Basis.VERIFIED, now
        trust.save(update_fields=["state", "hash", "basis", "since"])
        record("trust_case.closed", trust, actor=actor, now=now, case=locked, outcome=TrustCase.Outcome.SAME_PERSON)
        record("identity.trusted", trust, actor=actor, now=now, basis=trust.basis, case_id=locked.pk)
    case.refresh_from_db()


def _read(case: TrustCase, node: IdentityNode, now: datetime) -> NodeIdentity:
    with _asking(case, node, now):
        seen = node.read_identity(_wa_id(case), subject=_subject(case))
    observe(
        contact=case.contact,
        account=case.account,
        business_number=None,
        hash=seen.hash,
        source=IdentityKey.Source.NODE,
        reference=seen.changed_at.isoformat() if seen.changed_at else "",
        observed_at=now,
        now=now,
    )
    return seen


def _node(case: TrustCase) -> IdentityNode:
    if case.business_number is not None:
        raise CaseRefused(_("Meta's Cloud API keeps no identity to read: settle the case with a message."))
    if TrustCase.objects.filter(pk=case.pk, closed_at__isnull=False).exists():
        raise CaseRefused(_("Somebody has closed this case already."))
    return identity_node(case.account)


@contextmanager
def _asking(case: TrustCase, node: IdentityNode, now: datetime) -> Iterator[None]:
    """Ask the gate under lock and mark the call, so that a withdrawal that comes now waits for it."""
    with transaction.atomic():
        facts = load(
            contact=case.addressee,
            account=case.account,
            business_number=None,
            business=case.business,
            now=now,
            lock=True,
        ).facts
        policy = Policy(operation=Operation.IDENTITY, account_paused=bool(case.account.stopped_because()))
        decision = decide(facts, policy, now)
        if decision.outcome is not Outcome.ALLOWED:
            raise CaseRefused(
                _("The node may not be asked about this person now: %(reason)s.")
                % {"reason": decision.reason.label if decision.reason else ""}
            )
        marked_at = datetime.now(UTC)
        until = marked_at + timedelta(seconds=node.deadline) + _MARGIN
        TrustCase.objects.filter(pk=case.pk).update(calling_until=until)
    try:
        _refuse_if_late(marked_at)
        yield
    finally:
        # Not the mark of somebody who asks at the same time.
        TrustCase.objects.filter(pk=case.pk, calling_until=until).update(calling_until=None)


def _refuse_if_late(marked_at: datetime) -> None:
    if datetime.now(UTC) >= marked_at + SEND_WITHIN:
        # Stopped between mark and call: a withdrawal may have come and waited out the mark. Nothing is sent.
        raise NotSent("The process was stopped before the call; nothing left.")


def _wa_id(case: TrustCase) -> str:
    return case.addressee.wa_id or case.addressee.e164.lstrip("+")


def _subject(case: TrustCase) -> str:
    return f"TrustCase:{case.pk}"
