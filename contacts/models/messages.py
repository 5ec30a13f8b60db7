"""Messages to and from people, what their statuses said, and where a person was reached."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts.models.people import Contact
from numbers.models import BusinessNumber
from providers.encryption import EncryptedBinaryField
from providers.models import Business, ProviderAccount, Purpose


class Message(models.Model):
    """One message: what was sent with which hash and on which basis, or what a person wrote; its text is purged."""

    class Direction(models.TextChoices):
        OUT = "OUT", _("Sent")
        IN = "IN", _("Received")

    class Kind(models.TextChoices):
        TEXT = "TEXT", _("Text")
        TEMPLATE = "TEMPLATE", _("Template")
        OTHER = "OTHER", _("Other")

    class State(models.TextChoices):
        """How our own call ended; what became of the message afterwards is in its statuses."""

        SENDING = "SENDING", _("Being sent")
        ACCEPTED = "ACCEPTED", _("Accepted by the provider")
        FAILED = "FAILED", _("Not accepted")
        UNKNOWN = "UNKNOWN", _("No answer")
        NOT_SENT = "NOT_SENT", _("Not sent")
        RECEIVED = "RECEIVED", _("Received")

    class Basis(models.TextChoices):
        """What allowed it."""

        OPT_IN = "OPT_IN", _("Opt-in")
        REPLY_WINDOW = "REPLY_WINDOW", _("Open reply window")
        NONE = "NONE", "–"

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="messages")
    business = models.ForeignKey(Business, on_delete=models.PROTECT)
    account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT)
    #: None for an On-Premises node, whose account is one number.
    business_number = models.ForeignKey(BusinessNumber, on_delete=models.PROTECT, null=True, related_name="messages")
    direction = models.CharField(_("direction"), max_length=3, choices=Direction.choices)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    purpose = models.CharField(_("purpose"), max_length=20, choices=Purpose.choices, blank=True)
    #: JSON of text, or of template name, language and parameters.
    body = EncryptedBinaryField(null=True, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State.choices)
    basis = models.CharField(_("basis"), max_length=14, choices=Basis.choices, default=Basis.NONE)
    opt_in_id = models.BigIntegerField(null=True)
    #: The hash that went with it; empty for one that was sent without.
    hash_sent = models.CharField(_("identity hash sent"), max_length=200, blank=True)
    #: The one resend that a person ordered after re-trust: only its status may set the trusted hash.
    resend_of_case = models.ForeignKey(
        "contacts.TrustCase", on_delete=models.PROTECT, null=True, related_name="resends"
    )
    #: Meta's id of the message; empty until it is known, and for ever where the answer was lost.
    wamid = models.CharField("wamid", max_length=200, blank=True)
    provider_code = models.CharField(_("provider's code"), max_length=40, blank=True)
    provider_words = models.CharField(_("provider's words"), max_length=200, blank=True)
    trace_id = models.CharField(_("trace id"), max_length=100, blank=True)
    actor = models.CharField(_("by"), max_length=150, blank=True)
    #: One press of a button: the same press again, however it comes, is the same message.
    press = models.UUIDField(null=True, editable=False)
    #: When it was sent or, for a received one, when the provider says it was written.
    at = models.DateTimeField(_("at"))
    lease_until = models.DateTimeField(null=True)
    # From its statuses, whatever their order: the earliest time of each.
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    purged_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-at", "-pk"]
        default_permissions = ("view",)
        permissions = [("send_message", "Can send a message to a person")]
        constraints = [
            models.UniqueConstraint(fields=["wamid"], condition=~Q(wamid=""), name="contacts_message_wamid"),
            models.UniqueConstraint(fields=["contact", "press"], name="contacts_message_once"),
            models.CheckConstraint(
                condition=Q(direction="IN") | Q(state__in=["FAILED", "NOT_SENT"]) | ~Q(basis="NONE"),
                name="contacts_message_has_a_basis",
            ),
        ]
        indexes = [
            models.Index(fields=["contact", "-at"], name="contacts_message_contact"),
            models.Index(fields=["at"], name="contacts_message_kept", condition=Q(purged_at__isnull=True)),
            models.Index(fields=["lease_until"], name="contacts_message_in_flight", condition=Q(state="SENDING")),
            # What the list is filtered by, in the order of the list.
            models.Index(fields=["at", "id"], name="contacts_message_at"),
            models.Index(fields=["direction", "at", "id"], name="contacts_message_direction"),
            models.Index(fields=["state", "at", "id"], name="contacts_message_state"),
            models.Index(fields=["kind", "at", "id"], name="contacts_message_kind"),
            models.Index(fields=["purpose", "at", "id"], name="contacts_message_purpose"),
            models.Index(fields=["business", "at", "id"], name="contacts_message_business"),
            models.Index(fields=["account", "at", "id"], name="contacts_message_account"),
        ]

    def __str__(self) -> str:
        return f"{self.get_direction_display()} {self.at:%Y-%m-%d %H:%M}"


class MessageStatus(models.Model):
    """One status of a wamid, kept whether or not we know the message yet: statuses come in any order, and early.

    The time is the earliest that was told. Whose number it was is not repeated here: the message knows.
    """

    #: Through which it came: no other account speaks for the message.
    account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT)
    wamid = models.CharField("wamid", max_length=200)
    status = models.CharField(_("status"), max_length=20)
    at = models.DateTimeField(_("at"))
    identity_hash = models.CharField(_("identity hash"), max_length=200, blank=True)
    error_code = models.CharField(_("error"), max_length=20, blank=True)
    error_words = models.CharField(_("provider's words"), max_length=300, blank=True)
    received_at = models.DateTimeField(_("received at"))

    class Meta:
        verbose_name = _("message status")
        verbose_name_plural = _("message statuses")
        ordering = ["at", "pk"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["account", "wamid", "status"], name="contacts_messagestatus_once")
        ]
        indexes = [
            models.Index(fields=["received_at"], name="contacts_messagestatus_kept"),
            # What the list is filtered and searched by, in the order of the list.
            models.Index(fields=["status", "received_at", "id"], name="contacts_messagestatus_status"),
            models.Index(fields=["account", "received_at", "id"], name="contacts_messagestatus_account"),
            models.Index(fields=["wamid"], name="contacts_messagestatus_wamid"),
            models.Index(fields=["error_code"], name="contacts_messagestatus_error", condition=~Q(error_code="")),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.at:%Y-%m-%d %H:%M}"


class Reach(models.Model):
    """What deliveries taught about one person and one of our numbers."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="reach")
    account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT)
    business_number = models.ForeignKey(BusinessNumber, on_delete=models.PROTECT, null=True)
    #: The latest inbound message, delivery or reading.
    reached_at = models.DateTimeField(_("reached at"), null=True)
    unreachable_since = models.DateTimeField(_("not reachable since"), null=True)
    #: The latest message of theirs: it opens the reply window for 24 hours.
    wrote_at = models.DateTimeField(_("wrote at"), null=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "business_number"],
                condition=Q(business_number__isnull=False),
                name="contacts_reach_number",
            ),
            models.UniqueConstraint(
                fields=["contact", "account"], condition=Q(business_number__isnull=True), name="contacts_reach_account"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} {self.reached_at}"


class Alias(models.Model):
    """A business-scoped user id (BSUID) under which a person writes where WhatsApp no longer gives their number."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="aliases")
    bsuid = models.CharField("BSUID", max_length=128)
    seen_at = models.DateTimeField(_("seen at"))

    class Meta:
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["bsuid", "contact"], name="contacts_alias_once")]

    def __str__(self) -> str:
        return self.bsuid


class Suggestion(models.Model):
    """Something a person wrote that may mean consent or its end, for one of us to read and decide."""

    class Kind(models.TextChoices):
        OPT_OUT = "OPT_OUT", _("Possible opt-out")
        OPT_IN = "OPT_IN", _("Possible opt-in")

    class Outcome(models.TextChoices):
        RECORDED = "RECORDED", _("Recorded")
        DISMISSED = "DISMISSED", _("Dismissed")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    #: None for a sender whom we only know by a BSUID.
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, null=True, related_name="suggestions")
    business = models.ForeignKey(Business, on_delete=models.PROTECT)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, null=True)
    bsuid = models.CharField("BSUID", max_length=128, blank=True)
    #: What was written, where no message row holds it: a sender whom we only know by a BSUID.
    words = EncryptedBinaryField(null=True, editable=False)
    #: What names the event: the wamid, or what stands in for one.
    reference = models.CharField(max_length=300, blank=True)
    opened_at = models.DateTimeField(_("opened at"))
    due_at = models.DateTimeField(_("due"))
    decided_at = models.DateTimeField(_("decided at"), null=True)
    decided_by = models.CharField(_("decided by"), max_length=150, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, blank=True)

    class Meta:
        verbose_name = _("suggestion")
        verbose_name_plural = _("suggestions")
        ordering = ["due_at", "pk"]
        default_permissions = ("view",)
        permissions = [("decide_suggestion", "Can decide about a possible opt-out or opt-in")]
        constraints = [
            models.UniqueConstraint(fields=["reference"], condition=~Q(reference=""), name="contacts_suggestion_once")
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())
