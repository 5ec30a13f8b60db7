"""Businesses, and the accounts through which they reach providers."""

import uuid
from datetime import date
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from providers import addresses, errors, http
from providers.encryption import CredentialsField, EncryptedBinaryField
from providers.interfaces import EvidenceStrength

if TYPE_CHECKING:
    from datetime import datetime


class Purpose(models.TextChoices):
    """What a person may agree to be contacted for."""

    SERVICE = "service", _("Service")
    UTILITY = "utility", _("Utility")
    AUTHENTICATION = "authentication", _("Authentication")
    MARKETING = "marketing", _("Marketing")


def read_purposes(text: str) -> tuple[Purpose, ...]:
    """Read purposes separated by commas, semicolons or spaces, in the order of the enumeration.

    :raises ValueError: naming the word that is no purpose and those that are.
    """
    words = {word.lower() for word in text.replace(";", " ").replace(",", " ").replace("|", " ").split()}
    unknown = sorted(words - set(Purpose.values))
    if unknown:
        raise ValueError(
            str(_("“%(word)s” is not a purpose. Purposes are: %(known)s."))
            % {"word": unknown[0], "known": ", ".join(Purpose.values)}
        )
    return tuple(purpose for purpose in Purpose if purpose in words)


def write_purposes(purposes: "set[str] | frozenset[str] | tuple[str, ...] | list[str]") -> str:
    """Write purposes as they are stored: comma-separated in the order of the enumeration."""
    return ",".join(purpose.value for purpose in Purpose if purpose.value in purposes)


class Business(models.Model):
    """Whom a person opts in to."""

    name = models.CharField(_("name"), max_length=120, unique=True)
    #: Comma-separated; WhatsApp's default for an opt-in that names no purpose is everything but marketing.
    opt_in_covers = models.CharField(
        _("an opt-in without purposes covers"), max_length=80, default="service,utility,authentication"
    )
    #: For how long the proof of a restricted person is kept when nobody says otherwise.
    keep_proof_years = models.PositiveSmallIntegerField(
        _("years for which proof is kept"),
        default=5,
        db_default=5,
        validators=[MinValueValidator(1), MaxValueValidator(30)],
    )

    class Meta:
        verbose_name = _("business")
        verbose_name_plural = _("businesses")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Keep the purposes readable."""
        try:
            self.opt_in_covers = write_purposes(read_purposes(self.opt_in_covers))
        except ValueError as error:
            raise ValidationError({"opt_in_covers": str(error)}) from None

    def covered_purposes(self) -> tuple[Purpose, ...]:
        """Give the purposes that an opt-in without purposes covers."""
        return read_purposes(self.opt_in_covers)

    def was_called(self, name: str, on: date) -> bool:
        """Tell whether the business went by `name` on that date; its present name always counts."""
        if name.casefold() == self.name.casefold():
            return True
        return any(known.covers(name, on) for known in self.names.all())


class BusinessName(models.Model):
    """A name that a business goes or went by: a brand, or the name before a rebrand."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="names", verbose_name=_("business"))
    name = models.CharField(_("name shown"), max_length=120)
    from_date = models.DateField(_("from"), null=True, blank=True)
    until_date = models.DateField(_("until"), null=True, blank=True)

    class Meta:
        verbose_name = _("name shown to people")
        verbose_name_plural = _("names shown to people")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["business", "name"], name="providers_businessname_once"),
            models.CheckConstraint(
                condition=Q(from_date__isnull=True)
                | Q(until_date__isnull=True)
                | Q(until_date__gte=models.F("from_date")),
                name="providers_businessname_dates_in_order",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def covers(self, name: str, on: date) -> bool:
        """Tell whether this is `name` and was in use on that date."""
        return (
            name.casefold() == self.name.casefold()
            and (self.from_date is None or self.from_date <= on)
            and (self.until_date is None or on <= self.until_date)
        )


class ProviderAccount(models.Model):
    """One account at one provider: where it is, how it signs in, how much it may be used, who receives the data."""

    class Kind(models.TextChoices):
        COMMBOX = "commbox", "CommBox"
        ONPREM = "onprem", _("On-Premises contacts node")
        ACCUAUTH = "accuauth", "AccuAuth"
        CLOUD_API = "cloud_api", "Meta Cloud API"
        KALEYRA = "kaleyra", "Kaleyra"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    business = models.ForeignKey(
        Business,
        on_delete=models.PROTECT,
        related_name="provider_accounts",
        null=True,
        blank=True,
        verbose_name=_("business"),
        help_text=_("A checker serves one business; Cloud API and Kaleyra accounts may serve several."),
    )
    name = models.CharField(
        _("name"),
        max_length=60,
        unique=True,
        validators=[RegexValidator(r"\A[a-z0-9][a-z0-9_-]*\Z", _("Use small letters, digits, - and _."))],
        help_text=_("As commands name it: small letters, digits, - and _."),
    )
    kind = models.CharField(_("provider"), max_length=20, choices=Kind.choices)
    base_url = models.CharField(_("base URL"), max_length=200, help_text=_("https, a public host, no version."))
    credentials = CredentialsField(_("credentials"), default=dict, editable=False)
    options = models.JSONField(_("options"), default=dict, blank=True)
    rate_limit = models.FloatField(
        _("requests per second"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0.001)],
        help_text=_("Shared by all processes. Empty: unlimited."),
    )
    check_budget = models.PositiveIntegerField(
        _("numbers asked per rolling 24 hours"),
        null=True,
        blank=True,
        help_text=_("Polls count too. Empty: unlimited, and the provider may ban you before we stop."),
    )
    recipient_legal_name = models.CharField(_("recipient of the numbers"), max_length=200, blank=True)
    recipient_country = models.CharField(
        _("recipient's country"), max_length=2, blank=True, validators=[RegexValidator(r"\A[A-Z]{2}\Z")]
    )
    recipient_agreement = models.CharField(_("agreement"), max_length=200, blank=True)
    recipient_official = models.BooleanField(
        _("official WhatsApp partner"), default=False, help_text=_("An unofficial recipient is off until confirmed.")
    )
    recipient_confirmed_at = models.DateTimeField(_("recipient confirmed at"), null=True, blank=True, editable=False)
    recipient_confirmed_by = models.CharField(_("recipient confirmed by"), max_length=150, blank=True, editable=False)
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True, editable=False)
    paused_reason = models.CharField(_("paused because"), max_length=300, blank=True, editable=False)
    webhook_token = CredentialsField(_("webhook token"), default=dict, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("provider account")
        verbose_name_plural = _("provider accounts")
        ordering = ["name"]
        default_permissions = ("add", "change", "view")
        permissions = [
            ("pause_provideraccount", "Can pause and resume a provider account"),
            ("confirm_provideraccount", "Can confirm an unofficial recipient"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(business__isnull=False) | ~Q(kind__in=["commbox", "onprem", "accuauth"]),
                name="providers_checker_serves_one_business",
                violation_error_message=_("A checker serves one business: choose it."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a base URL that the way out would refuse."""
        try:
            addresses.check_base_url(self.base_url)
        except errors.NotConfigured as error:
            raise ValidationError({"base_url": error.message}) from None

    @property
    def may_receive(self) -> bool:
        """Tell whether personal data may go there: an official recipient, or one that a person confirmed."""
        return self.recipient_official or self.recipient_confirmed_at is not None

    def stopped_because(self) -> str:
        """Say why nothing may be asked through this account now, or nothing where all is well."""
        if not self.may_receive:
            return str(_("The recipient is not an official WhatsApp partner and nobody has confirmed it yet."))
        if self.paused_at is not None:
            return self.paused_reason or str(_("Paused."))
        return ""

    def route(self) -> http.Account:
        """Give what the way out needs to know."""
        return http.Account(
            id=self.pk,
            name=self.name,
            kind=self.kind,
            base_url=self.base_url,
            ca_file=self.options.get("ca_file") or None,
        )


class AccountMeter(models.Model):
    """An account's running state, in a row of its own so that every call can lock it without touching settings."""

    account = models.OneToOneField(ProviderAccount, on_delete=models.CASCADE, related_name="meter", primary_key=True)
    next_call_at = models.DateTimeField(null=True)
    postponed_until = models.DateTimeField(null=True)
    #: `valid` answers in a row, without one `invalid`: an account that says yes to everyone proves nothing.
    valid_in_a_row = models.PositiveIntegerField(default=0)
    marked_weak_at = models.DateTimeField(null=True)
    #: A session token of the `login` scheme, so that not every call signs in.
    session_token = CredentialsField(default=dict)
    session_expires_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.account_id)


class BudgetUse(models.Model):
    """How many numbers an account asked about in one minute; a rolling day is at most 1,441 of these rows."""

    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="budget_use")
    minute_at = models.DateTimeField()
    asked = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["account", "minute_at"], name="providers_budgetuse_minute")]

    def __str__(self) -> str:
        return f"{self.minute_at:%H:%M} {self.asked}"


class Key(models.Model):
    """A key that waadmin made for itself, such as the one that signs the ledger; encrypted like every secret."""

    name = models.CharField(max_length=40, unique=True)
    secret = EncryptedBinaryField(editable=False)
    made_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


def strength_of(
    account: ProviderAccount, default: EvidenceStrength, marked_weak_at: "datetime | None"
) -> EvidenceStrength:
    """Give how much the account's `valid` proves: an option first, then weak if it said yes to everyone."""
    chosen = account.options.get("evidence_strength")
    if chosen:
        return EvidenceStrength(chosen.upper())
    return EvidenceStrength.WEAK if marked_weak_at else default
