"""Who is trusted: one row for a person and one of our numbers, which every send, status and case locks first.

Two forms of one number are one person on WhatsApp, so all of them share a row: that of the contact known first. Locks
are taken in one order everywhere: consent rows, this row, messages, the ledger's head.
"""

from datetime import datetime

from django.db.models import QuerySet

from audit import ledger
from contacts.erasure.vanishing import PersonVanished
from contacts.models import Contact, IdentityTrust, TrustCase
from numbers.models import BusinessNumber
from providers.models import Business, ProviderAccount


def standing(
    *, contact: Contact, account: ProviderAccount, business_number: BusinessNumber | None
) -> IdentityTrust | None:
    """Give the person's trust with one of our numbers as it stands, unlocked; None where nothing is known yet."""
    return _rows(contact, account, business_number).first()


def lock_trust(*, contact: Contact, account: ProviderAccount, business_number: BusinessNumber | None) -> IdentityTrust:
    """Lock the person's trust with one of our numbers until the transaction ends, and make the row where it is missing.

    Take it after consent rows and before messages.

    :raises PersonVanished: when the person was erased while this waited.
    """
    if not _rows(contact, account, business_number).exists():
        first = Contact.objects.filter(person_key=contact.person_key).order_by("pk").first() or contact
        IdentityTrust.objects.get_or_create(contact=first, account=account, business_number=business_number)
    locked = _rows(contact, account, business_number).select_for_update(of=("self",)).first()
    if locked is None:
        raise PersonVanished
    return locked


def business_of(account: ProviderAccount, business_number: BusinessNumber | None) -> Business:
    """Give the business in whose name one of our numbers speaks.

    :raises ValueError: when the account serves several and no number tells which.
    """
    if business_number is not None:
        return business_number.business_account.business
    if account.business is None:
        raise ValueError("The account serves no business of its own, and no number was named.")
    return account.business


def cases_of(trust: IdentityTrust) -> QuerySet[TrustCase]:
    """Give the person's cases with one of our numbers, latest first."""
    return TrustCase.objects.filter(
        contact_id=trust.contact_id, account_id=trust.account_id, business_number_id=trust.business_number_id
    ).order_by("-pk")


def record(
    action: str,
    trust: IdentityTrust,
    *,
    actor: str,
    now: datetime,
    case: TrustCase | None = None,
    **details: object,
) -> None:
    """Append an event about the person's trust, or about a case of it, to the ledger as its operation's last act."""
    ledger.record(
        action=action,
        actor=actor,
        now=now,
        business_id=business_of(trust.account, trust.business_number).pk,
        subject=f"TrustCase:{case.pk}" if case else f"IdentityTrust:{trust.pk}",
        pseudonym=trust.contact.pseudonym,
        details=details,
    )


def _rows(
    contact: Contact, account: ProviderAccount, business_number: BusinessNumber | None
) -> QuerySet[IdentityTrust]:
    # The oldest row for good: a form of the number that is met later never takes its place.
    return (
        IdentityTrust.objects.filter(
            contact__person_key=contact.person_key, account=account, business_number=business_number
        )
        .select_related("contact", "account__business", "business_number__business_account__business")
        .order_by("pk")
    )
