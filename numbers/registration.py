"""A number's life here: its PIN, registering it, its webhooks, handing it over. `numbers.adding` brings it here.

A PIN is kept, encrypted, once the provider has taken it. Where its answer was lost, it is kept as unconfirmed: it may
be the number's only PIN, and nobody could read it anywhere else.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from audit import ledger
from numbers import attempts, limits, sync
from numbers.adding import add_number as add_number
from numbers.adding import choose_origin as choose_origin
from numbers.adding import read_our_number as read_our_number
from numbers.adding import record_number as record_number
from numbers.adding import set_waiting as set_waiting
from numbers.limits import LimitReached as LimitReached
from numbers.limits import Refused as Refused
from numbers.models import BusinessAccount, BusinessNumber, VerificationAttempt
from numbers.pins import PinUnreadable as PinUnreadable
from numbers.pins import new_pin as new_pin
from numbers.pins import read_pin as read_pin
from providers import catalogue
from providers.errors import AnswerLost
from providers.interfaces import NumberHost
from providers.secret import Secret

Action, Outcome = VerificationAttempt.Action, VerificationAttempt.Outcome
PinKnown = BusinessNumber.PinKnown


def answer_pin(*, number: BusinessNumber, pin_known: str, actor: str, now: datetime) -> BusinessNumber:
    """Write down what a person says about the number's PIN; that there is none frees the limit of wrong PINs.

    :raises Refused: when it is none of the choices.
    """
    if pin_known not in PinKnown.values:
        raise Refused(_("Choose whether the number has a PIN."))
    fields: dict[str, object] = {"pin_known": pin_known}
    if pin_known == PinKnown.NONE:
        fields["wrong_pins"] = 0
    return attempts.change(number, "pin.answered", actor, now, fields)


@sensitive_variables()
def register(*, number: BusinessNumber, pin: Secret, actor: str, now: datetime) -> VerificationAttempt:
    """Make the number work here, and give the attempt with what came of it.

    The PIN is the number's own, or becomes it. It is counted as a wrong one before the call and taken back when the
    answer shows that it was not, so that lost answers and dying processes cannot add up to a guess too many.

    :raises Refused: when it was refused here and nothing left; LimitReached where a limit holds.
    """
    host = attempts.host_of(number.account)
    watch = attempts.Stopwatch(now)
    with transaction.atomic(durable=True):
        locked = attempts.lock(number)
        attempts.refuse_coexistence(locked)
        attempts.refuse_unknown_id(locked)
        attempts.refuse_in_flight(locked, now)
        if locked.pin_known == PinKnown.FORGOTTEN:
            raise Refused(
                _(
                    "Nobody knows this number's PIN, and any other is a wrong guess. Have two-step verification turned "
                    "off in WhatsApp Manager, by the link in its e-mail: no API does it. Then say that it has no PIN."
                )
            )
        limits.check_registration(number=locked, now=now)
        locked.wrong_pins += 1
        locked.save(update_fields=["wrong_pins"])
        attempt = attempts.begin(locked, Action.REGISTER, actor=actor, now=now)

    @sensitive_variables()
    def on_end(kept: BusinessNumber, ended: VerificationAttempt, at: datetime) -> None:
        _after_registration(kept, ended, pin, at)

    kept = attempts.carry(
        attempt,
        lambda: host.register(locked.phone_number_id, pin, subject=locked.subject),
        watch=watch,
        on_end=on_end,
    )
    sync.refresh_unless_lost(kept, watch)
    return kept


@sensitive_variables()
def set_pin(*, number: BusinessNumber, pin: Secret, actor: str, now: datetime) -> BusinessNumber:
    """Replace the PIN of a number that is registered here, and keep the new one.

    :raises Refused: when it was refused here and nothing left.
    :raises ProviderError: one of its subclasses; after AnswerLost the PIN is kept as unconfirmed.
    """
    host, locked = _host_for_a_change(number)
    try:
        host.set_pin(locked.phone_number_id, pin, subject=locked.subject)
    except AnswerLost:
        _keep_pin(number, {**locked.pin, "unconfirmed": pin}, "pin.unconfirmed", actor, now)
        raise
    return _keep_pin(number, {"pin": pin}, "pin.set", actor, now)


def reveal_pin(*, number: BusinessNumber, reason: str, actor: str, now: datetime) -> Secret:
    """Give the number's PIN to a person who says why; the ledger keeps that. An unconfirmed one is the last resort.

    :raises Refused: when there is no reason, or no PIN is kept.
    """
    if not reason.strip():
        raise Refused(_("Say why the PIN has to be seen; the ledger keeps it."))
    with transaction.atomic():
        locked = attempts.lock(number)
        pin = locked.stored_pin or locked.unconfirmed_pin
        if not pin:
            raise Refused(_("No PIN of this number is kept here."))
        confirmed = locked.stored_pin is not None
        attempts.record("pin.revealed", locked, actor, now, reason=reason.strip()[:300], confirmed=confirmed)
    return pin


def deregister(*, number: BusinessNumber, confirmation: str, actor: str, now: datetime) -> BusinessNumber:
    """Stop the number here: it sends and receives nothing any more. This is the end of it and not a repair.

    `confirmation` is the number itself, as the person typed it to show that this one is meant.

    :raises Refused: when it was refused here and nothing left.
    :raises ProviderError: one of its subclasses, when the provider refused or did not answer.
    """
    _check_confirmation(number, confirmation)
    host, locked = _host_for_a_change(number)
    watch = attempts.Stopwatch(now)
    host.deregister(locked.phone_number_id, subject=locked.subject)
    fields = {"deregistered_at": watch.now(), "status": "DISCONNECTED"}
    attempts.change(number, "number.deregistered", actor, watch.now(), fields, details={})
    sync.refresh_after(number, watch, actor)
    number.refresh_from_db()
    return number


@sensitive_variables()
def hand_over(*, number: BusinessNumber, confirmation: str, actor: str, now: datetime) -> Secret:
    """Give the number away: a new PIN for whoever takes it, then the end of it here. Gives the PIN, which is kept too.

    Where the second step fails the PIN is set and the number goes on working; deregister it then.

    :raises Refused: when it was refused here.
    :raises ProviderError: one of its subclasses, when the provider refused or did not answer.
    """
    pin = new_pin()
    _check_confirmation(number, confirmation)
    set_pin(number=number, pin=pin, actor=actor, now=now)
    deregister(number=number, confirmation=confirmation, actor=actor, now=now)
    return pin


def subscribe_webhooks(*, business_account: BusinessAccount, actor: str, now: datetime) -> BusinessAccount:
    """Have the WABA's webhooks sent to our app; without it none arrives.

    :raises Refused: when it was refused here and nothing left.
    :raises ProviderError: one of its subclasses, when the provider refused or did not answer.
    """
    subject = f"BusinessAccount:{business_account.pk}"
    attempts.host_of(business_account.account).subscribe_app(business_account.waba_id, subject=subject)
    with transaction.atomic():
        BusinessAccount.objects.filter(pk=business_account.pk).update(subscribed_at=now)
        ledger.record(
            action="waba.subscribed", actor=actor, now=now, business_id=business_account.business_id, subject=subject
        )
    business_account.subscribed_at = now
    return business_account


def _check_confirmation(number: BusinessNumber, confirmation: str) -> None:
    if "".join(char for char in confirmation if char.isascii() and char.isdigit()) != number.e164.lstrip("+"):
        raise Refused(_("Type the number itself to show that you mean this one. Nothing was stopped."))


def _host_for_a_change(number: BusinessNumber) -> tuple[NumberHost, BusinessNumber]:
    host = attempts.host_of(number.account)
    number.refresh_from_db()
    attempts.refuse_coexistence(number)
    attempts.refuse_unknown_id(number)
    return host, number


@sensitive_variables()
def _after_registration(number: BusinessNumber, attempt: VerificationAttempt, pin: Secret, now: datetime) -> None:
    if attempt.outcome == Outcome.DONE:
        attempts.registered(number, attempt, pin, now)
    elif attempt.outcome == Outcome.UNKNOWN:
        number.pin = {**number.pin, "unconfirmed": pin}
    elif not _is_wrong_pin(attempt, number):
        number.wrong_pins = max(0, number.wrong_pins - 1)


def _is_wrong_pin(attempt: VerificationAttempt, number: BusinessNumber) -> bool:
    meaning = catalogue.explain(number.account.kind, attempt.provider_code).meaning
    return attempt.outcome == Outcome.REFUSED and meaning is catalogue.Meaning.WRONG_PIN


@sensitive_variables()
def _keep_pin(
    number: BusinessNumber, pins: dict[str, Secret], action: str, actor: str, now: datetime
) -> BusinessNumber:
    fields: dict[str, object] = {"pin": pins}
    if "unconfirmed" not in pins:
        fields |= {"pin_known": PinKnown.KNOWN, "wrong_pins": 0}
    return attempts.change(number, action, actor, now, fields, details={})
