"""Adopting: the only two ways in which a hash comes to be trusted by itself, and never from an inbound message.

The status of the one resend that a person ordered after verifying somebody; and trust on first use.
"""

from datetime import datetime

from django.db import transaction

from contacts.identity import cases
from contacts.identity.cases import ACTOR
from contacts.identity.keys import contradiction
from contacts.identity.trust import cases_of, lock_trust, record
from contacts.models import IdentityTrust, Message, TrustCase
from providers.models import ProviderAccount

State, Basis = IdentityTrust.State, IdentityTrust.Basis


def adopt_from_status(*, message: Message, hash: str, at: datetime, now: datetime) -> bool:  # noqa: A002
    """Trust the hash of a delivered or read status where the rules allow it, and tell whether it is trusted now.

    Call it for no other status. It allows nothing for a message that carried a hash itself.
    """
    if not hash or message.direction != Message.Direction.OUT or message.hash_sent:
        return False
    with transaction.atomic():
        trust = lock_trust(contact=message.contact, account=message.account, business_number=message.business_number)
        if message.resend_of_case_id is not None:
            return _adopt_verified(trust, message, hash, at, now)
        return _adopt_first_seen(trust, hash, at, now)


def trusts_on_first_use(account: ProviderAccount) -> bool:
    """Tell whether the account lets the first hash seen be trusted; without the option it does."""
    chosen = account.options.get("trust_on_first_use", True)
    return chosen is True or str(chosen).strip().lower() in ("", "true", "yes", "on", "1")


def _adopt_verified(trust: IdentityTrust, message: Message, seen: str, at: datetime, now: datetime) -> bool:
    case = cases_of(trust).first()
    if (
        case is None
        or case.pk != message.resend_of_case_id
        or case.outcome != TrustCase.Outcome.SAME_PERSON
        or case.closed_at is None
    ):
        return False
    if trust.state == State.TRUSTED:
        return _earlier(trust, seen, at, now)
    if trust.state != State.AWAITING_HASH:
        return False
    case.hash_expected_until, case.no_hash_since = None, None
    case.save(update_fields=["hash_expected_until", "no_hash_since"])
    _trust(trust, seen, Basis.VERIFIED, at)
    record("identity.trusted", trust, actor=ACTOR, now=now, basis=Basis.VERIFIED, case_id=case.pk, message=message.pk)
    contradiction(trust, now)
    return True


def _adopt_first_seen(trust: IdentityTrust, seen: str, at: datetime, now: datetime) -> bool:
    if trust.state == State.TRUSTED and trust.basis == Basis.FIRST_SEEN:
        return _earlier(trust, seen, at, now)
    # Whoever was trusted or had a case once is never trusted again without a person.
    if trust.state != State.UNKNOWN or trust.hash or trust.had_case or not trusts_on_first_use(trust.account):
        return False
    _trust(trust, seen, Basis.FIRST_SEEN, at)
    record("identity.trusted", trust, actor=ACTOR, now=now, basis=Basis.FIRST_SEEN)
    contradiction(trust, now)
    return True


def _earlier(trust: IdentityTrust, seen: str, at: datetime, now: datetime) -> bool:
    """Take in a further status of what brought the trust: statuses come in any order."""
    if trust.since is None or at >= trust.since:
        return seen == trust.hash
    if seen == trust.hash:
        trust.since = at
        trust.save(update_fields=["since"])
        contradiction(trust, now)
        return True
    # Two hashes for messages sent without one: the identity changed between them, whichever came here first.
    cases.open_case(trust, reason=TrustCase.Reason.INBOUND, reference="", hash_seen=seen, now=now)
    return False


def _trust(trust: IdentityTrust, seen: str, basis: str, at: datetime) -> None:
    trust.state, trust.hash, trust.basis, trust.since = State.TRUSTED, seen, basis, at
    trust.save(update_fields=["state", "hash", "basis", "since"])
