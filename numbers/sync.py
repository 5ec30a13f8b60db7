"""Reading our side from the provider: a WABA with its numbers, page by page, or one number. Nothing is ever deleted.

Values are kept as they were given, also those that no page of the provider's knows; what it does not say stays.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django_q.tasks import async_task

from audit import ledger
from numbers import attempts
from numbers.limits import Refused
from numbers.models import BusinessAccount, BusinessNumber, VerificationAttempt, has_e164_shape
from providers.errors import ProviderError
from providers.interfaces import NumberFacts

#: How long after its approval a new display name waits for the number to be registered again.
REGISTER_AGAIN_WITHIN = timedelta(days=14)
#: Throughput and quality change without a word to us.
REFRESH_EVERY = timedelta(hours=24)
#: A person waits for a journey; reading the number afterwards is left to the worker where the provider is slow.
_PATIENCE = timedelta(seconds=5)

_AS_GIVEN = (
    "verified_name",
    "code_verification_status",
    "name_status",
    "status",
    "quality_rating",
    "messaging_limit_tier",
    "platform_type",
    "throughput_level",
    "health_status",
)
#: None where the provider does not say.
_TOLD = ("is_pin_enabled", "is_on_business_app")


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of a WABA's numbers; those left out have no phone number that we could read."""

    created: int
    updated: int
    unchanged: int
    left_out: tuple[str, ...] = ()


def sync_business_account(*, business_account: BusinessAccount, actor: str, now: datetime) -> Synced:
    """Read a WABA and all its numbers, and keep what the provider says of them.

    Everything is read first and written then, in one transaction: half a list is no list.

    :raises Refused: when its provider cannot be read, or not now.
    :raises ProviderError: one of its subclasses, when reading failed; nothing has changed then.
    """
    host = attempts.host_of(business_account.account)
    subject = f"BusinessAccount:{business_account.pk}"
    waba = host.read_business_account(business_account.waba_id, subject=subject)
    listed = list(host.list_numbers(business_account.waba_id, subject=subject))
    with transaction.atomic():
        kept = BusinessAccount.objects.select_for_update(of=("self",)).get(pk=business_account.pk)
        for name in ("name", "account_review_status", "business_verification_status", "messaging_limit"):
            setattr(kept, name, getattr(waba, name) or getattr(kept, name))
        kept.synced_at, kept.refresh_due_at = now, now + REFRESH_EVERY
        kept.save()
        synced = _keep_all(kept, listed, now)
        ledger.record(
            action="waba.synced",
            actor=actor,
            now=now,
            business_id=kept.business_id,
            subject=subject,
            details={
                "created": synced.created,
                "updated": synced.updated,
                "unchanged": synced.unchanged,
                "left_out": synced.left_out,
            },
        )
    business_account.refresh_from_db()
    return synced


def refresh_number(*, number: BusinessNumber, actor: str, now: datetime) -> BusinessNumber:
    """Read one number again, and give it as it stands then.

    :raises Refused: when its provider cannot be read, or does not know the number yet.
    :raises ProviderError: one of its subclasses, when reading failed; nothing has changed then.
    """
    attempts.refuse_unknown_id(number)
    facts = attempts.host_of(number.account).read_number(number.phone_number_id, subject=number.subject)
    with transaction.atomic():
        kept = attempts.lock(number)
        changed = apply(kept, facts, now)
        kept.save()
        if changed:
            attempts.record("number.read", kept, actor, now, changed=changed)
    number.refresh_from_db()
    return number


def refresh_unless_lost(attempt: VerificationAttempt, watch: attempts.Stopwatch) -> None:
    """Read the number again after an attempt that is done; what was lost is settled by the worker."""
    if attempt.outcome == VerificationAttempt.Outcome.DONE:
        refresh_after(attempt.business_number, watch, attempt.actor)


def refresh_after(number: BusinessNumber, watch: attempts.Stopwatch, actor: str) -> None:
    """Read the number again after a journey, where that is possible and quick; a failure changes nothing."""
    if not attempts.is_hosted(number.account):
        return
    if watch.passed() > _PATIENCE:
        async_task("numbers.tasks.refresh_number", number.pk)
        return
    try:
        refresh_number(number=number, actor=actor, now=watch.now())
    except (ProviderError, Refused):
        async_task("numbers.tasks.refresh_number", number.pk)


def apply(number: BusinessNumber, facts: NumberFacts, now: datetime) -> list[str]:
    """Write what the provider says into the locked number, and give the names of the fields that changed."""
    before = {name: getattr(number, name) for name in (*_AS_GIVEN, "new_name_status", *_TOLD, "verified_at")}
    for name in _AS_GIVEN:
        setattr(number, name, getattr(facts, name) or getattr(number, name))
    _note_name_change(number, facts.new_name_status, now)
    for name in _TOLD:
        told = getattr(facts, name)
        setattr(number, name, getattr(number, name) if told is None else told)
    if number.verified_at is None and facts.code_verification_status.upper() == "VERIFIED":
        number.verified_at = now
    number.synced_at = now
    return sorted(name for name, value in before.items() if getattr(number, name) != value)


def e164_of(display_phone_number: str) -> str:
    """Give the E.164 form of a number as Meta displays it, or nothing where its digits are none."""
    digits = "".join(char for char in display_phone_number if char.isascii() and char.isdigit())
    shape = f"+{digits}"
    return shape if has_e164_shape(shape) else ""


def _note_name_change(number: BusinessNumber, new_name_status: str, now: datetime) -> None:
    if not new_name_status:
        return
    approved = new_name_status.upper() == "APPROVED"
    if approved and number.new_name_status.upper() != "APPROVED":
        # Only the turn to "approved": after registering again, Meta goes on saying it for a while.
        number.register_again_by = now + REGISTER_AGAIN_WITHIN
    elif not approved:
        number.register_again_by = None
    number.new_name_status = new_name_status


def _keep_all(business_account: BusinessAccount, listed: list[NumberFacts], now: datetime) -> Synced:
    rows = BusinessNumber.objects.select_for_update(of=("self",)).filter(business_account=business_account)
    known = list(rows.order_by("pk"))
    by_id = {row.phone_number_id: row for row in known if row.phone_number_id}
    by_e164 = {row.e164: row for row in known}
    listed_ids = {facts.phone_number_id for facts in listed}
    created, updated, unchanged, left_out = 0, 0, 0, []
    for facts in listed:
        e164 = e164_of(facts.display_phone_number)
        number = by_id.get(facts.phone_number_id) or by_e164.get(e164)
        if number is None and not e164:
            left_out.append(facts.phone_number_id)
            continue
        is_new = number is None
        number = number or BusinessNumber(business_account=business_account, e164=e164)
        if number.phone_number_id not in ("", facts.phone_number_id) and number.phone_number_id in listed_ids:
            # Two entries of one list with the same number: the first one is kept, and neither is lost from sight.
            left_out.append(facts.phone_number_id)
            continue
        took_id = number.phone_number_id != facts.phone_number_id
        number.phone_number_id = facts.phone_number_id
        changed = apply(number, facts, now)
        number.save()
        by_id[number.phone_number_id] = by_e164[number.e164] = number
        if is_new:
            created += 1
        elif changed or took_id:
            updated += 1
        else:
            unchanged += 1
    return Synced(created, updated, unchanged, tuple(left_out))
