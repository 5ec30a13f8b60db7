"""The second factor: setting an authenticator app up, its codes, recovery codes, and a lost device.

A code lives in one call and is written nowhere. The secret of a device is encrypted; of a recovery code only a salted
digest is kept.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib.auth.models import AbstractUser, User
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from audit import ledger
from providers.secret import Secret
from waadmin import accounts
from waadmin.models import Authenticator, RecoveryCode, StaffAccess

#: In SECOND_FACTOR_ROLES it stands for people who may do everything.
SUPERUSERS = "Superusers"
RECOVERY_CODES = 10
_SECRET_BYTES = 20
#: Eighty bits: a digest of it cannot be tried out, however fast it is made.
_RECOVERY_BYTES = 10
_CONFIRMED = "authenticators_brought_along"
_SEPARATORS = str.maketrans("", "", " -\u2010\u2011\u2012\u2013\u2014\t")


class CodeRefused(ValueError):
    """The code was not taken; the message says why and what to do."""


def is_required(user: AbstractUser) -> bool:
    """Tell whether one of the person's roles must have a second factor."""
    roles = settings.SECOND_FACTOR_ROLES
    if not roles:
        return False
    return (SUPERUSERS in roles and user.is_superuser) or accounts.has_role(user, roles)


def brought_along(users: QuerySet[User]) -> QuerySet[User]:
    """Bring along what a list would otherwise ask for each of these people."""
    confirmed = Authenticator.objects.filter(confirmed=True).defer("secret")
    return users.prefetch_related(Prefetch("authenticator_set", confirmed, to_attr=_CONFIRMED))


def of(user: AbstractUser) -> Authenticator | None:
    """Give the person's authenticator, once it is confirmed."""
    brought: list[Authenticator] | None = getattr(user, _CONFIRMED, None)
    if brought is not None:
        return next(iter(brought), None)
    found: Authenticator | None = Authenticator.objects.filter(user_id=user.pk, confirmed=True).first()
    return found


def begun(user: AbstractUser) -> Authenticator | None:
    """Give the authenticator that the person has begun to set up."""
    found: Authenticator | None = Authenticator.objects.filter(user_id=user.pk, confirmed=False).first()
    return found


def begin(*, user: User) -> Authenticator:
    """Make a secret for the person to scan; it counts for nothing until a code of it was entered."""
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)  # two at once would make two
        Authenticator.objects.filter(user=user, confirmed=False).delete()
        made: Authenticator = Authenticator.objects.create(
            user=user, name="app", confirmed=False, secret=secrets.token_bytes(_SECRET_BYTES)
        )
    return made


@sensitive_variables()
def address_of(authenticator: Authenticator) -> Secret:
    """Give what the QR code says: an otpauth address, with the secret in it."""
    label = quote(f"{settings.OTP_TOTP_ISSUER}:{authenticator.user.get_username()}")
    asked = {"secret": typed_secret(authenticator).reveal(), "issuer": settings.OTP_TOTP_ISSUER}
    return Secret(f"otpauth://totp/{label}?{urlencode(asked)}")


@sensitive_variables()
def typed_secret(authenticator: Authenticator) -> Secret:
    """Give the secret as it is typed into an app that cannot scan."""
    return Secret(base64.b32encode(bytes(authenticator.secret)).decode().rstrip("="))


@sensitive_variables()
def confirm(*, user: User, code: Secret, now: datetime) -> Sequence[Secret]:
    """Put the begun authenticator in the place of any earlier one, and give new recovery codes to be shown once.

    :raises CodeRefused: when the code is not one of the begun authenticator's.
    """
    with transaction.atomic():
        authenticator = Authenticator.objects.select_for_update().filter(user=user, confirmed=False).first()
        if authenticator is None:
            raise CodeRefused(_("Begin again: no app is being set up."))
        refusal = _refusal(authenticator, code)
        if not refusal:
            Authenticator.objects.filter(user=user, confirmed=True).delete()
            Authenticator.objects.filter(pk=authenticator.pk).update(confirmed=True)
            codes = _make_recovery_codes(user)
            _record("second_factor.set_up", user, user.get_username(), now)
    if refusal:
        # Raised outside the transaction, which has counted the wrong code.
        raise CodeRefused(refusal)
    return codes


@sensitive_variables()
def verify(*, user: User, code: Secret) -> Authenticator:
    """Take a code of the person's authenticator, once.

    :raises CodeRefused: when it is none, was used before, or came too soon after a wrong one.
    """
    with transaction.atomic():
        authenticator = _locked(user)
        refusal = _refusal(authenticator, code)
    if refusal:
        raise CodeRefused(refusal)
    return authenticator


@sensitive_variables()
def spend_recovery_code(*, user: User, code: Secret, now: datetime) -> Authenticator:
    """Take one of the person's recovery codes, once; wrong ones count like wrong codes of the app.

    :raises CodeRefused: when it is none, was used before, or came too soon after a wrong one.
    """
    with transaction.atomic():
        authenticator = _locked(user)
        refusal = _wait(authenticator)
        if not refusal:
            spent = _unused(user, code)
            if spent is None:
                authenticator.throttle_increment()
                refusal = _("This is not one of your unused recovery codes.")
            else:
                RecoveryCode.objects.filter(pk=spent.pk).update(used_at=now)
                authenticator.throttle_reset()
                _record("recovery_code.used", user, user.get_username(), now, left=recovery_codes_left(user))
    if refusal:
        raise CodeRefused(refusal)
    return authenticator


def renew_recovery_codes(*, user: User, now: datetime) -> Sequence[Secret]:
    """Make new recovery codes, to be shown once; the earlier ones are good for nothing any more.

    :raises CodeRefused: when the person has no app.
    """
    with transaction.atomic():
        _locked(user)
        codes = _make_recovery_codes(user)
        _record("recovery_codes.renewed", user, user.get_username(), now)
    return codes


def recovery_codes_left(user: AbstractUser) -> int:
    """Count the person's unused recovery codes."""
    return RecoveryCode.objects.filter(user_id=user.pk, used_at=None).count()


def reset(*, user: User, actor: str, now: datetime) -> bool:
    """Take a lost device away, end every session of its person, and tell whether there was one.

    At the next sign-in the password alone leads to setting a new one up, where a role requires it.
    """
    with transaction.atomic():
        removed, _per_model = Authenticator.objects.filter(user=user).delete()
        RecoveryCode.objects.filter(user=user).delete()
        StaffAccess.objects.update_or_create(user=user, defaults={"sessions_from": now})
        _record("second_factor.reset", user, actor, now)
    return bool(removed)


def record_sign_in(*, user: User, by: str, now: datetime) -> None:
    """Write into the ledger that a person signed in; `by` says with which second factor."""
    with transaction.atomic():
        _record("sign_in.succeeded", user, user.get_username(), now, second_factor=by)


def _locked(user: User) -> Authenticator:
    found: Authenticator | None = Authenticator.objects.select_for_update().filter(user=user, confirmed=True).first()
    if found is None:
        raise CodeRefused(_("No app is set up for this account."))
    return found


@sensitive_variables()
def _refusal(authenticator: Authenticator, code: Secret) -> str:
    """Give the words of a refusal, or nothing when the code is taken."""
    waiting = _wait(authenticator)
    if waiting or authenticator.verify_token(code.reveal().translate(_SEPARATORS)):
        return waiting
    return _("This is not the code that your app shows now, or it was used already. Wait for the next one.")


def _wait(authenticator: Authenticator) -> str:
    is_allowed, why = authenticator.verify_is_allowed()
    if is_allowed:
        return ""
    until = date_format(why["locked_until"], "H:i:s")
    return _("Too many wrong codes. Try again after %(until)s UTC.") % {"until": until}


@sensitive_variables()
def _make_recovery_codes(user: User) -> Sequence[Secret]:
    RecoveryCode.objects.filter(user=user).delete()
    codes = []
    rows = []
    for _index in range(RECOVERY_CODES):
        letters = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
        salt = secrets.token_hex(16)
        rows.append(RecoveryCode(user=user, salt=salt, digest=_digest(salt, letters)))
        codes.append(Secret("-".join(letters[start : start + 4] for start in range(0, len(letters), 4))))
    RecoveryCode.objects.bulk_create(rows)
    return codes


@sensitive_variables()
def _unused(user: User, code: Secret) -> RecoveryCode | None:
    letters = code.reveal().translate(_SEPARATORS).lower()
    for row in RecoveryCode.objects.select_for_update().filter(user=user, used_at=None):
        if hmac.compare_digest(row.digest, _digest(row.salt, letters)):
            return row
    return None


@sensitive_variables()
def _digest(salt: str, letters: str) -> str:
    return hashlib.sha256(f"{salt}:{letters}".encode("utf-8", "replace")).hexdigest()


def _record(action: str, user: User, actor: str, now: datetime, **details: object) -> None:
    ledger.record(action=action, actor=actor, now=now, subject=f"User:{user.pk}", details=details)
