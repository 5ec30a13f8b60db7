"""What the project itself keeps: which workers are alive, and how people on the staff sign in."""

from datetime import UTC, datetime

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables
from django_otp.models import Device, ThrottlingMixin, TimestampMixin
from django_otp.oath import TOTP

from providers.encryption import EncryptedBinaryField
from providers.models import Business


class WorkerHeartbeat(models.Model):
    """A worker's last sign of life, written by its watchdog while its cluster answers; gone when it stops in order."""

    #: Host name and process id of the watchdog.
    name = models.CharField(max_length=100, unique=True)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    busy = models.PositiveSmallIntegerField(default=0)
    #: How often the watchdog replaced the cluster.
    replaced = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class StaffAccess(models.Model):
    """How long a person on the staff may use the console, and for which businesses. No row: as their role says."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="access"
    )
    #: The last day on which the account works (UTC).
    ends_on = models.DateField(_("account ends on"), null=True)
    #: Sessions that began earlier are over.
    sessions_from = models.DateTimeField(null=True)
    #: False: only `businesses`, also where there is none among them. None: as the role says.
    reaches_every_business = models.BooleanField(_("reaches every business"), null=True)
    businesses = models.ManyToManyField(Business, verbose_name=_("businesses"), related_name="+")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.user)

    def has_ended(self, now: datetime) -> bool:
        """Tell whether the account's last day is over."""
        return self.ends_on is not None and now.astimezone(UTC).date() > self.ends_on


class StaffPreferences(models.Model):
    """How a person on the staff reads the console. No row, or nothing chosen: as their browser says."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="preferences"
    )
    #: One of LANGUAGES.
    language = models.CharField(_("language"), max_length=10, blank=True)
    #: A name of the IANA time zone database.
    time_zone = models.CharField(_("time zone"), max_length=60, blank=True)
    #: Whether the key / leads to the search box: single keys disturb who steers by voice or a screen reader.
    has_shortcut = models.BooleanField(_("the key / leads to the search box"), default=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.user)


class Authenticator(TimestampMixin, ThrottlingMixin, Device):  # type: ignore[misc]
    """A person's authenticator app: django-otp's device with its secret encrypted, each code taken once.

    django-otp's own TOTP device keeps the key in the open, and its static tokens too. One that is not confirmed yet
    stands beside the one that it is to replace.
    """

    STEP_SECONDS = 30
    DIGITS = 6
    #: Steps before and after the present one whose codes are taken: clocks differ, and people type slowly.
    TOLERANCE = 1
    #: Each wrong code doubles the wait; after this many it stays at eight and a half minutes.
    MOST_COUNTED = 10

    secret = EncryptedBinaryField()
    last_step = models.BigIntegerField(default=-1)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "confirmed"], name="waadmin_authenticator_each_once")]

    def get_throttle_factor(self) -> int:
        """Wait a second after the first wrong code."""
        return 1

    def throttle_increment(self, commit: bool = True) -> None:
        """Count a wrong code, up to where the wait no longer grows."""
        super().throttle_increment(commit=False)
        self.throttling_failure_count: int = min(self.throttling_failure_count, self.MOST_COUNTED)
        if commit:
            self.save()

    @sensitive_variables()
    def verify_token(self, token: str) -> bool:
        """Take the code of this moment or of a step beside it, once; a wrong one makes the next try wait."""
        if not self.verify_is_allowed()[0]:
            return False
        totp = TOTP(bytes(self.secret), self.STEP_SECONDS, digits=self.DIGITS)
        totp.time = timezone.now().timestamp()
        is_code = len(token) == self.DIGITS and token.isascii() and token.isdigit()
        if not is_code or not totp.verify(int(token), self.TOLERANCE, self.last_step + 1):
            self.throttle_increment()
            return False
        self.last_step = totp.t()
        self.throttle_reset(commit=False)
        self.set_last_used_timestamp(commit=False)
        self.save()
        return True


class RecoveryCode(models.Model):
    """One of the codes for a lost device: only its digest is kept, and it is good once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes")
    salt = models.CharField(max_length=32)
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user} {'used' if self.used_at else 'unused'}"
