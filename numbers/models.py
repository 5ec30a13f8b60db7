"""Our side: WABAs, the phone numbers in them, and every attempt to verify or register one."""

import re

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from providers.encryption import CredentialsField
from providers.interfaces import NumberAddress
from providers.models import Business, ProviderAccount
from providers.secret import Secret

#: Meta's ids are digits; anything else in a path could lead a call elsewhere.
META_ID = RegexValidator(r"\A[0-9]{1,32}\Z", _("This is not an id of Meta's: it consists of digits only."))
#: The shape only: Meta's test numbers are +1 555 and belong to no numbering plan.
E164_SHAPE = RegexValidator(r"\A\+[1-9][0-9]{6,14}\Z", _("Write the number with + and its country calling code."))

#: How Meta says that a number works here, if at a slower pace.
CONNECTED = frozenset({"CONNECTED", "FLAGGED", "RESTRICTED", "RATE_LIMITED"})


def has_e164_shape(text: str) -> bool:
    """Tell whether this could be a phone number with its + and country calling code."""
    return re.fullmatch(r"\+[1-9][0-9]{6,14}", text, re.ASCII) is not None


class BusinessAccount(models.Model):
    """A WhatsApp Business Account (WABA) and what the provider last said of it."""

    waba_id = models.CharField(_("WABA id"), max_length=32, validators=[META_ID])
    business = models.ForeignKey(Business, on_delete=models.PROTECT, related_name="business_accounts")
    account = models.ForeignKey(
        ProviderAccount,
        verbose_name=_("provider account"),
        on_delete=models.PROTECT,
        related_name="business_accounts",
        limit_choices_to={"kind__in": ["cloud_api", "kaleyra"]},
    )
    name = models.CharField(_("name"), max_length=200, blank=True)
    account_review_status = models.CharField(_("review"), max_length=60, blank=True, editable=False)
    business_verification_status = models.CharField(
        _("business verification"), max_length=60, blank=True, editable=False
    )
    messaging_limit = models.CharField(_("messaging limit"), max_length=60, blank=True, editable=False)
    synced_at = models.DateTimeField(_("read from the provider at"), null=True, blank=True, editable=False)
    #: Without the subscription no webhook arrives.
    subscribed_at = models.DateTimeField(_("webhooks subscribed at"), null=True, blank=True, editable=False)
    #: When the worker reads the WABA next; empty until it was read for the first time.
    refresh_due_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("WhatsApp Business Account")
        verbose_name_plural = _("WhatsApp Business Accounts")
        ordering = ["waba_id"]
        default_permissions = ("add", "change", "view")
        permissions = [("sync_businessaccount", "Can read a WABA and its numbers from the provider")]
        constraints = [models.UniqueConstraint(fields=["waba_id", "account"], name="numbers_businessaccount_once")]

    def __str__(self) -> str:
        return self.name or self.waba_id


class BusinessNumber(models.Model):
    """A business phone number: what the provider last said of it, and how far we have come with it.

    Where it stands is derived from these facts (`numbers.onboarding`); what is kept here only warns and never blocks.
    """

    class Origin(models.TextChoices):
        """Where the number was before it came here, as a person said."""

        NEW = "NEW", _("New: not used on WhatsApp so far")
        WHATSAPP_APP = "WHATSAPP_APP", _("On the WhatsApp or WhatsApp Business app")
        OTHER_PROVIDER = "OTHER_PROVIDER", _("With another provider")
        HERE = "HERE", _("Already in this WhatsApp Business Account")
        UNSURE = "UNSURE", _("Not sure")

    class PinKnown(models.TextChoices):
        """What a person says about the number's two-step verification PIN."""

        KNOWN = "KNOWN", _("Yes, and we know it")
        FORGOTTEN = "FORGOTTEN", _("Yes, but nobody knows it")
        NONE = "NONE", _("No, there is none")
        UNSURE = "UNSURE", _("Not sure")

    class Waiting(models.TextChoices):
        """On whom the next step waits, where a person wrote it down."""

        CLIENT = "CLIENT", _("The client")
        META = "META", _("Meta")
        US = "US", _("Us")

    business_account = models.ForeignKey(
        BusinessAccount, verbose_name=_("WABA"), on_delete=models.PROTECT, related_name="numbers"
    )
    #: Empty until the provider has given it: a number that is still to be added.
    phone_number_id = models.CharField(
        _("phone number id"), max_length=32, blank=True, validators=[META_ID], db_index=True
    )
    e164 = models.CharField(_("phone number"), max_length=16, validators=[E164_SHAPE])
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    # What a person said.
    origin = models.CharField(_("where is it now?"), max_length=20, choices=Origin.choices, blank=True)
    pin_known = models.CharField(_("is there a PIN?"), max_length=12, choices=PinKnown.choices, blank=True)
    waiting_on = models.CharField(_("waiting for"), max_length=8, choices=Waiting.choices, blank=True)
    waiting_note = models.CharField(_("note"), max_length=300, blank=True)
    waiting_since = models.DateTimeField(_("waiting since"), null=True, blank=True, editable=False)

    # What the provider last said; value sets differ between its pages, so they are kept as given.
    verified_name = models.CharField(_("display name"), max_length=200, blank=True)
    name_status = models.CharField(_("display name status"), max_length=60, blank=True, editable=False)
    new_name_status = models.CharField(_("new display name status"), max_length=60, blank=True, editable=False)
    code_verification_status = models.CharField(_("code verification"), max_length=60, blank=True, editable=False)
    status = models.CharField(_("connection"), max_length=60, blank=True, editable=False)
    quality_rating = models.CharField(_("quality"), max_length=60, blank=True, editable=False)
    messaging_limit_tier = models.CharField(_("messaging limit"), max_length=60, blank=True, editable=False)
    platform_type = models.CharField(_("platform"), max_length=60, blank=True, editable=False)
    throughput_level = models.CharField(_("throughput"), max_length=60, blank=True, editable=False)
    health_status = models.CharField(_("health"), max_length=60, blank=True, editable=False)
    is_pin_enabled = models.BooleanField(_("two-step verification"), null=True, blank=True, editable=False)
    #: A coexistence number, also on the Business app: it is never registered, deregistered or sent a code.
    is_on_business_app = models.BooleanField(_("also on the Business app"), default=False, editable=False)
    synced_at = models.DateTimeField(_("read from the provider at"), null=True, blank=True, editable=False)

    # How far we have come.
    verified_at = models.DateTimeField(_("verified at"), null=True, blank=True, editable=False)
    registered_at = models.DateTimeField(_("registered at"), null=True, blank=True, editable=False)
    deregistered_at = models.DateTimeField(_("deregistered at"), null=True, blank=True, editable=False)
    #: An approved display name takes effect only when the number is registered again by then.
    register_again_by = models.DateTimeField(_("register again by"), null=True, blank=True, editable=False)
    pin = CredentialsField(_("PIN"), default=dict, editable=False)
    #: Wrong PINs in a row: a few of them lock registration at Meta, so we stop before.
    wrong_pins = models.PositiveSmallIntegerField(_("wrong PINs"), default=0, editable=False)

    # The identity change check: what we want, what the provider confirmed, what it reads back, whether hashes arrive.
    identity_desired = models.BooleanField(_("identity check wanted"), null=True, blank=True, editable=False)
    identity_desired_at = models.DateTimeField(null=True, blank=True, editable=False)
    identity_acknowledged = models.BooleanField(_("identity check confirmed"), null=True, blank=True, editable=False)
    identity_acknowledged_at = models.DateTimeField(null=True, blank=True, editable=False)
    identity_read = models.BooleanField(_("identity check read back"), null=True, blank=True, editable=False)
    identity_read_at = models.DateTimeField(null=True, blank=True, editable=False)
    identity_observed_at = models.DateTimeField(_("identity hashes seen at"), null=True, blank=True, editable=False)
    #: Why what we want is not what the provider confirmed: its own code and words.
    identity_problem = models.CharField(_("identity check: problem"), max_length=200, blank=True, editable=False)
    identity_problem_code = models.CharField(max_length=40, blank=True, editable=False)
    #: When the worker carries what we want to the provider again; empty where it is settled.
    identity_retry_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: Whoever holds the lease speaks to the provider about the identity check; nobody else does until it ends.
    identity_lease = models.UUIDField(null=True, blank=True, editable=False)
    identity_lease_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("business number")
        verbose_name_plural = _("business numbers")
        ordering = ["e164"]
        default_permissions = ("add", "change", "view")
        permissions = [
            ("verify_businessnumber", "Can request and submit verification codes"),
            ("register_businessnumber", "Can register, deregister and set the PIN of a number"),
            ("reveal_pin_businessnumber", "Can see a number's PIN again, with a reason"),
            ("toggle_identity_check_businessnumber", "Can turn the identity change check on and off"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["business_account", "e164"], name="numbers_businessnumber_once"),
            models.UniqueConstraint(
                fields=["business_account", "phone_number_id"],
                condition=~Q(phone_number_id=""),
                name="numbers_businessnumber_id_once",
            ),
        ]

    def __str__(self) -> str:
        return self.e164

    @property
    def account(self) -> ProviderAccount:
        """The provider account through which the number is reached."""
        return self.business_account.account

    @property
    def stored_pin(self) -> Secret | None:
        """The number's PIN, where we know it."""
        pin: Secret | None = self.pin.get("pin")
        return pin

    @property
    def unconfirmed_pin(self) -> Secret | None:
        """A PIN that was sent and whose answer was lost: it may be the number's."""
        pin: Secret | None = self.pin.get("unconfirmed")
        return pin

    @property
    def is_coexistence(self) -> bool:
        """Tell whether the number also lives on the Business app, which a code or registration here would cut off."""
        return self.is_on_business_app or self.status.upper() == "LINKED"

    @property
    def is_verified(self) -> bool:
        """Tell whether a code has proved the number ours; a number that works was proved, however long ago."""
        return self.verified_at is not None or self.code_verification_status.upper() == "VERIFIED" or self.is_registered

    @property
    def is_registered(self) -> bool:
        """Tell whether the number works here, as the provider last said or as we last did."""
        if self.status:
            return self.status.upper() in CONNECTED
        if self.registered_at is None:
            return False
        return self.deregistered_at is None or self.deregistered_at < self.registered_at

    @property
    def subject(self) -> str:
        """How the ledger and the log of calls name the number."""
        return f"BusinessNumber:{self.pk}"

    def address(self) -> NumberAddress:
        """Give what a provider wants to be told of the number."""
        return NumberAddress(self.phone_number_id, self.business_account.waba_id, self.e164)


class VerificationAttempt(models.Model):
    """One request for a code, one submitted code, or one registration: who, when, how it ended. Never the code.

    The row is committed before the call leaves, so that limits hold across processes and crashes; the answer is written
    after it. Every limit is a count of these rows.
    """

    class Action(models.TextChoices):
        """What was tried."""

        REQUEST_CODE = "REQUEST_CODE", _("Code requested")
        #: A person says that the provider sent a code by another way; Kaleyra sends it when the number is added there.
        CODE_ELSEWHERE = "CODE_ELSEWHERE", _("Code sent by the provider")
        SUBMIT_CODE = "SUBMIT_CODE", _("Code submitted")
        REGISTER = "REGISTER", _("Registration")

    class Outcome(models.TextChoices):
        """How it ended."""

        SENDING = "SENDING", _("Under way")
        DONE = "DONE", _("Done")
        REFUSED = "REFUSED", _("Refused")
        UNKNOWN = "UNKNOWN", _("No answer")
        NOT_SENT = "NOT_SENT", _("Not sent")

    business_number = models.ForeignKey(BusinessNumber, on_delete=models.PROTECT, related_name="attempts")
    action = models.CharField(_("action"), max_length=16, choices=Action.choices)
    #: The request whose code a submission carries; empty for a code that was sent elsewhere and not declared.
    code_request = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="submissions"
    )
    method = models.CharField(_("method"), max_length=8, blank=True)
    language = models.CharField(_("language"), max_length=16, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, default=Outcome.SENDING)
    provider_code = models.CharField(_("provider's code"), max_length=40, blank=True)
    provider_words = models.CharField(_("provider's words"), max_length=200, blank=True)
    trace_id = models.CharField(_("trace id"), max_length=100, blank=True)
    actor = models.CharField(_("by"), max_length=150)
    started_at = models.DateTimeField(_("started at"))
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    #: The provider asked to be left alone until then.
    wait_until = models.DateTimeField(_("provider asks to wait until"), null=True, blank=True)

    class Meta:
        verbose_name = _("verification attempt")
        verbose_name_plural = _("verification attempts")
        ordering = ["-started_at", "-pk"]
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["business_number", "action", "started_at"], name="numbers_attempt_number"),
            models.Index(fields=["actor", "action", "started_at"], name="numbers_attempt_actor"),
            # What the list is filtered and searched by, in the order of the list.
            models.Index(fields=["started_at", "id"], name="numbers_attempt_started"),
            models.Index(fields=["action", "started_at", "id"], name="numbers_attempt_action"),
            models.Index(fields=["outcome", "started_at", "id"], name="numbers_attempt_outcome"),
            models.Index(fields=["provider_code"], name="numbers_attempt_code", condition=~Q(provider_code="")),
            models.Index(fields=["trace_id"], name="numbers_attempt_trace", condition=~Q(trace_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.started_at:%Y-%m-%d %H:%M}"


class Operator(models.Model):
    """One person or command that requests or submits codes: the row that is locked while theirs are counted."""

    actor = models.CharField(max_length=150, unique=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.actor
