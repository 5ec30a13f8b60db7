"""Bringing a number here: where it was, adding it to a WABA, on whom the next step waits."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from numbers import attempts, sync
from numbers.limits import Refused
from numbers.models import E164_SHAPE, META_ID, BusinessAccount, BusinessNumber, has_e164_shape
from providers.e164 import NumberRefused, read_number
from providers.meta_ids import is_meta_id

Origin, Waiting = BusinessNumber.Origin, BusinessNumber.Waiting


def choose_origin(*, number: BusinessNumber, origin: str, actor: str, now: datetime) -> BusinessNumber:
    """Write down where the number is, or was, as a person said.

    :raises Refused: when it is none of the choices.
    """
    if origin not in Origin.values:
        raise Refused(_("Choose where the number is now."))
    return attempts.change(number, "number.origin_chosen", actor, now, {"origin": origin})


def set_waiting(*, number: BusinessNumber, on: str, note: str, actor: str, now: datetime) -> BusinessNumber:
    """Write down on whom the next step waits, and why; nothing ends the wait.

    :raises Refused: when it is none of the choices.
    """
    if on and on not in Waiting.values:
        raise Refused(_("Choose on whom the next step waits."))
    fields: dict[str, object] = {
        "waiting_on": on,
        "waiting_note": note.strip()[:300] if on else "",
        "waiting_since": now if on else None,
    }
    return attempts.change(number, "number.waiting" if on else "number.waiting_ended", actor, now, fields)


def read_our_number(text: str) -> str:
    """Read a number of ours as a person wrote it; one of no numbering plan, as Meta's tests, needs its +.

    :raises Refused: saying what is wrong with it.
    """
    try:
        return read_number(text).e164
    except NumberRefused as refusal:
        plain = "".join(char for char in text if char not in " -().")
        if refusal.meant is None and has_e164_shape(plain):
            return plain
        message = refusal.message
    raise Refused(message)


def record_number(
    *, business_account: BusinessAccount, e164: str, phone_number_id: str, actor: str, now: datetime
) -> BusinessNumber:
    """Write down a number that the provider has already; no call is made.

    :raises Refused: when the number or its id cannot be one, or is here already.
    """
    if not is_meta_id(phone_number_id):
        raise Refused(str(META_ID.message))
    with transaction.atomic():
        number = _new_or_without_id(business_account, e164)
        number.phone_number_id = phone_number_id
        if business_account.numbers.filter(phone_number_id=phone_number_id).exclude(pk=number.pk).exists():
            raise Refused(_("This phone number id belongs to another number of the WABA."))
        number.save()
        attempts.record("number.added", number, actor, now, phone_number_id=phone_number_id, asked=False)
    return number


def add_number(
    *, business_account: BusinessAccount, e164: str, verified_name: str, migrate: bool, actor: str, now: datetime
) -> BusinessNumber:
    """Have the provider add a number to the WABA; `migrate` moves it here from another provider.

    The row is committed before the call. Where the answer is lost, reading the WABA finds the number and its id.

    :raises Refused: when it was refused here and nothing left.
    :raises ProviderError: one of its subclasses, when the provider refused or did not answer.
    """
    host = attempts.host_of(business_account.account)
    if not migrate and not verified_name.strip():
        raise Refused(_("The display name is missing: the name under which people see the business."))
    with transaction.atomic(durable=True):
        number = _new_or_without_id(business_account, e164)
        number.verified_name = verified_name.strip()[:200] or number.verified_name
        number.save()
    phone_number_id = host.add_number(
        business_account.waba_id,
        e164=e164,
        verified_name=verified_name.strip(),
        migrate=migrate,
        subject=number.subject,
    )
    watch = attempts.Stopwatch(now)
    with transaction.atomic():
        number = attempts.lock(number)
        number.phone_number_id = phone_number_id
        number.save()
        attempts.record(
            "number.added", number, actor, now, phone_number_id=phone_number_id, asked=True, migrate=migrate
        )
    sync.refresh_after(number, watch, actor)
    number.refresh_from_db()
    return number


def _new_or_without_id(business_account: BusinessAccount, e164: str) -> BusinessNumber:
    if not has_e164_shape(e164):
        raise Refused(str(E164_SHAPE.message))
    number = BusinessNumber.objects.select_for_update().filter(business_account=business_account, e164=e164).first()
    if number is not None and number.phone_number_id:
        raise Refused(_("This number is in the WABA already. Go on with its own page."))
    return number or BusinessNumber(business_account=business_account, e164=e164)
