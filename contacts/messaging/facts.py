"""What the gate needs to know before a message: consent, when the person last wrote, whether we know who is there."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from contacts import identity
from contacts.checking import facts as consent_facts
from contacts.erasure.vanishing import PersonVanished
from contacts.gate import REPLY_FOR, Facts, Operation, Policy, Trust
from contacts.models import Consent, Contact, IdentityTrust, Reach
from providers.models import Business, ProviderAccount

if TYPE_CHECKING:
    from numbers.models import BusinessNumber


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about a person and one of our numbers: the gate's facts, and the trust behind them."""

    facts: Facts
    trust: IdentityTrust | None


def load(
    *,
    contact: Contact,
    account: ProviderAccount,
    business_number: "BusinessNumber | None",
    business: Business,
    now: datetime,
    lock: bool,
) -> Known:
    """Collect the facts; with `lock` the person's consent and then their trust stay locked until the transaction ends.

    The hour of their last message counts for this very number of theirs only: nothing that allows widens across the
    forms of a number.

    :raises PersonVanished: with `lock`, when the person was erased meanwhile.
    """
    wrote_at = (
        Reach.objects.filter(contact=contact, account=account, business_number=business_number)
        .values_list("wrote_at", flat=True)
        .first()
    )
    if lock and wrote_at is not None and now - wrote_at < REPLY_FOR:
        # A reply may go to a person without any record of consent: the row that a withdrawal locks must be there.
        Consent.objects.get_or_create(
            contact=contact, business=business, defaults={"status": Consent.Status.WITHDRAWN, "updated_at": now}
        )
    known = consent_facts.load(contacts=[contact], business=business, account=account, now=now, lock=lock)[contact.pk]
    if lock:
        # Read anew: a reply needs no grant that a restriction would have taken out of the locked row.
        now_kept = Contact.objects.filter(pk=contact.pk).only("restricted_at").first()
        if now_kept is None:
            raise PersonVanished
        known = known._replace(restricted=now_kept.restricted_at is not None)
    find = identity.lock_trust if lock else identity.standing
    trust = find(contact=contact, account=account, business_number=business_number)
    state = Trust(trust.state) if trust is not None else Trust.UNKNOWN
    return Known(known._replace(wrote_at=wrote_at, trust=state), trust)


def policy_for(account: ProviderAccount, *, purpose: str, resend: bool) -> Policy:
    """Give what the gate is asked about a message through this account."""
    return Policy(
        purpose=purpose,
        account_paused=bool(account.stopped_because()),
        operation=Operation.MESSAGE,
        resend=resend,
    )
