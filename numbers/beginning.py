"""The beginning of an onboarding: a WABA and its numbers are written down before any provider is asked."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from audit import ledger
from numbers import attempts
from numbers.limits import Refused
from numbers.models import E164_SHAPE, BusinessAccount, BusinessNumber, has_e164_shape


def keep_business_account(
    *, business_account: BusinessAccount, changed_fields: Sequence[str], actor: str, now: datetime
) -> None:
    """Save a new or changed WABA."""
    action = "waba.added" if business_account.pk is None else "waba.changed"
    with transaction.atomic():
        business_account.save()
        ledger.record(
            action=action,
            actor=actor,
            now=now,
            business_id=business_account.business_id,
            subject=f"BusinessAccount:{business_account.pk}",
            details={
                "waba_id": business_account.waba_id,
                "account": business_account.account_id,
                "fields": sorted(changed_fields),
            },
        )


def begin(
    *, business_account: BusinessAccount, e164: str, origin: str, verified_name: str, actor: str, now: datetime
) -> BusinessNumber:
    """Write a number down that is to come into the WABA; one that was begun already goes on from where it stands.

    :raises Refused: when it cannot be a number, the origin is none of the choices, or the WABA holds the number.
    """
    if not has_e164_shape(e164):
        raise Refused(str(E164_SHAPE.message))
    if origin not in BusinessNumber.Origin.values:
        raise Refused(_("Choose where the number is now."))
    with transaction.atomic():
        number, _is_new = BusinessNumber.objects.get_or_create(business_account=business_account, e164=e164)
        number = attempts.lock(number)
        if number.phone_number_id:
            raise Refused(_("This number is in the WABA already. Go on with its own page."))
        number.origin = origin
        number.verified_name = verified_name.strip()[:200] or number.verified_name
        number.save(update_fields=["origin", "verified_name"])
        attempts.record("number.begun", number, actor, now, origin=origin)
    return number
