"""Identity: every hash ever seen, what is trusted, and the cases in which a person finds out who is there."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts.models.people import Contact
from numbers.models import BusinessNumber
from providers.encryption import EncryptedBinaryField
from providers.models import Business, ProviderAccount


class IdentityKey(models.Model):
    """One identity key hash that was observed: by what, and when. The newest one is not the trusted one."""

    class Source(models.TextChoices):
        INBOUND = "INBOUND", _("Message from the person")
        STATUS = "STATUS", _("Status of our message")
        NODE = "NODE", _("Read from the node")
        SYSTEM = "SYSTEM", _("System message")

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="identity_keys")
    account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT)
    #: None for an On-Premises node, whose account is one number.
    business_number = models.ForeignKey(BusinessNumber, on_delete=models.PROTECT, null=True)
    hash = models.CharField(_("WhatsApp identity"), max_length=200)
    source = models.CharField(_("seen in"), max_length=8, choices=Source.choices)
    #: The wamid, or what else names the event.
    reference = models.CharField(_("reference"), max_length=200, blank=True)
    #: The event's own time.
    observed_at = models.DateTimeField(_("observed at"))
    recorded_at = models.DateTimeField(_("recorded at"))

    class Meta:
        verbose_name = _("WhatsApp identity")
        verbose_name_plural = _("WhatsApp identities")
        ordering = ["-observed_at", "-pk"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "account", "source", "reference", "hash"], name="contacts_identitykey_once"
            )
        ]
        indexes = [
            models.Index(fields=["contact", "account", "-observed_at"], name="contacts_identitykey_latest"),
            # What the list is filtered and searched by, in the order of the list.
            models.Index(fields=["observed_at", "id"], name="contacts_identitykey_observed"),
            models.Index(fields=["source", "observed_at", "id"], name="contacts_identitykey_source"),
            models.Index(fields=["account", "observed_at", "id"], name="contacts_identitykey_account"),
            models.Index(fields=["hash"], name="contacts_identitykey_hash"),
            models.Index(fields=["reference"], name="contacts_identitykey_reference"),
        ]

    def __str__(self) -> str:
        return f"{self.hash[:6]}…"


class IdentityTrust(models.Model):
    """Whether we know who is behind a contact, for one of our numbers: the row that sends and webhooks lock."""

    class State(models.TextChoices):
        UNKNOWN = "UNKNOWN", _("No identity seen yet")
        TRUSTED = "TRUSTED", _("Trusted")
        #: Sends are refused, whatever consent says.
        MISMATCHED = "MISMATCHED", _("Changed: verify first")
        #: A person vouched; the one resend without a hash is to bring the new one.
        AWAITING_HASH = "AWAITING_HASH", _("Verified: waiting for the new identity")

    class Basis(models.TextChoices):
        FIRST_SEEN = "FIRST_SEEN", _("First seen")
        VERIFIED = "VERIFIED", _("Verified by a person")

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="trusts")
    account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT)
    business_number = models.ForeignKey(BusinessNumber, on_delete=models.PROTECT, null=True)
    state = models.CharField(_("state"), max_length=14, choices=State.choices, default=State.UNKNOWN)
    #: While the state is not TRUSTED: the one that was trusted before, which tells an old report from news.
    hash = models.CharField(_("trusted identity"), max_length=200, blank=True)
    basis = models.CharField(_("basis"), max_length=10, choices=Basis.choices, blank=True)
    since = models.DateTimeField(_("since"), null=True)
    #: There was a case once: trust on first use is over for good.
    had_case = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("trust")
        verbose_name_plural = _("trust")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "business_number"],
                condition=Q(business_number__isnull=False),
                name="contacts_identitytrust_number",
            ),
            models.UniqueConstraint(
                fields=["contact", "account"],
                condition=Q(business_number__isnull=True),
                name="contacts_identitytrust_account",
            ),
            models.CheckConstraint(
                condition=~Q(state="TRUSTED") | (~Q(hash="") & ~Q(basis="")), name="contacts_identitytrust_has_a_hash"
            ),
        ]

    def __str__(self) -> str:
        return str(self.get_state_display())

    @property
    def hash_to_send(self) -> str:
        """The hash that goes with an ordinary message: the trusted one, and nothing while there is none."""
        return self.hash if self.state == self.State.TRUSTED else ""


class TrustCase(models.Model):
    """One identity change to verify: opened by an event, closed by a person with channel, evidence and outcome."""

    class Reason(models.TextChoices):
        MISMATCH = "MISMATCH", _("A message was held back: the identity does not match (137000)")
        INBOUND = "INBOUND", _("A message came with another identity")
        SYSTEM = "SYSTEM", _("WhatsApp says that the identity changed")
        NUMBER_CHANGED = "NUMBER_CHANGED", _("WhatsApp says that the person changed their number")
        NODE = "NODE", _("The node wants a new identity acknowledged")
        REQUESTED = "REQUESTED", _("A person asked to verify again")

    class Outcome(models.TextChoices):
        SAME_PERSON = "SAME_PERSON", _("Same person")
        OTHER_PERSON = "OTHER_PERSON", _("Someone else's number now")
        NOT_REACHED = "NOT_REACHED", _("Could not be reached")

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="cases")
    business = models.ForeignKey(Business, on_delete=models.PROTECT)
    account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT)
    business_number = models.ForeignKey(BusinessNumber, on_delete=models.PROTECT, null=True)
    reason = models.CharField(_("why"), max_length=16, choices=Reason.choices)
    #: What names the event that opened it.
    reference = models.CharField(max_length=200, blank=True)
    #: The message that was held back and may go again.
    message = models.ForeignKey("contacts.Message", on_delete=models.PROTECT, null=True, related_name="held_by")
    #: The hash that the event brought, where it brought one; On-Premises acknowledges exactly what a person saw.
    hash_seen = models.CharField(max_length=200, blank=True)
    opened_at = models.DateTimeField(_("opened at"))
    assignee = models.CharField(_("assignee"), max_length=150, blank=True)
    remind_at = models.DateTimeField(_("remind at"), null=True)
    reminders = models.PositiveSmallIntegerField(_("reminders"), default=0)
    #: A case that could not be settled stays open, and each try to reach the person counts.
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    tried_at = models.DateTimeField(_("last tried at"), null=True)
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome.choices, blank=True)
    channel = models.CharField(_("verified through"), max_length=60, blank=True)
    #: JSON: what each try and the settling rest on (contacts.identity.notes).
    evidence = EncryptedBinaryField(null=True, editable=False)
    closed_at = models.DateTimeField(_("closed at"), null=True)
    closed_by = models.CharField(_("closed by"), max_length=150, blank=True)
    #: Until then the resend's status should have brought the new hash; empty where none is awaited.
    hash_expected_until = models.DateTimeField(null=True)
    #: While a node is asked about the person: what a withdrawal waits for.
    calling_until = models.DateTimeField(null=True)
    #: That time has passed without a status: a person may resend once more.
    no_hash_since = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("identity change to verify")
        verbose_name_plural = _("identity changes to verify")
        ordering = ["opened_at", "pk"]
        default_permissions = ("view",)
        permissions = [("settle_trustcase", "Can settle an identity change after verifying the person")]
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "account", "business_number"],
                condition=Q(closed_at__isnull=True, business_number__isnull=False),
                name="contacts_trustcase_one_open",
            ),
            models.UniqueConstraint(
                fields=["contact", "account"],
                condition=Q(closed_at__isnull=True, business_number__isnull=True),
                name="contacts_trustcase_one_open_on_a_node",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | (~Q(outcome="") & ~Q(closed_by="")),
                name="contacts_trustcase_closed_by_a_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} {self.opened_at:%Y-%m-%d}"

    @property
    def addressee(self) -> Contact:
        """Under which form of their number the person is written to."""
        return self.message.contact if self.message else self.contact
