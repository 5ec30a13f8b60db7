"""What arrived: the raw bytes of every authenticated webhook, what it said event by event, and who is working on it."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from providers.encryption import EncryptedBinaryField

#: Bodies hold what people wrote: retention removes them after so long.
KEEP_BODIES = timedelta(days=30)


class WebhookRequestQuerySet(models.QuerySet["WebhookRequest"]):
    """Reads of the stored requests."""

    def open(self) -> Self:
        """Give those that are still to be processed, now or later."""
        return self.filter(processed_at=None, error="")

    def due(self, now: datetime) -> Self:
        """Give the open ones that nobody is working on and that wait for nothing."""
        return self.open().filter(due_at__lte=now)

    def failed(self) -> Self:
        """Give those that were not read, or in which an event failed."""
        return self.exclude(error="")


class WebhookRequest(models.Model):
    """One authenticated request, kept whole (encrypted) until retention removes its body.

    The row is the queue of record: what is open is processed, whatever becomes of any task.
    """

    class Kind(models.TextChoices):
        META = "meta", _("Meta Cloud API")
        ONPREM = "onprem", _("On-Premises node")

    kind = models.CharField(_("provider"), max_length=20, choices=Kind.choices)
    account_id = models.BigIntegerField(_("account"), null=True)
    body = EncryptedBinaryField(null=True, editable=False)
    digest = models.CharField(_("SHA-256"), max_length=64)
    received_at = models.DateTimeField(_("received at"))
    deliveries = models.PositiveIntegerField(_("deliveries"), default=1)
    #: Open and not due: somebody is working on it until then, or it waits until then to be tried again.
    due_at = models.DateTimeField(_("due at"))
    #: Begun and not ended: a body that kills its worker is not given to the next one for ever.
    attempts = models.PositiveSmallIntegerField(default=0)
    processed_at = models.DateTimeField(_("processed at"), null=True)
    error = models.CharField(_("error"), max_length=300, blank=True)

    objects = WebhookRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook request")
        verbose_name_plural = _("webhook requests")
        ordering = ["-id"]
        default_permissions = ("view",)
        permissions = [("process_webhookrequest", "Can process webhooks again and test their signature")]
        constraints = [models.UniqueConstraint(fields=["kind", "digest"], name="webhooks_webhookrequest_once")]
        indexes = [
            models.Index(
                fields=["due_at", "id"], name="webhooks_request_due", condition=Q(processed_at=None, error="")
            ),
            models.Index(fields=["received_at"], name="webhooks_request_kept", condition=Q(body__isnull=False)),
            # What the list is filtered by, in the order of the list.
            models.Index(fields=["received_at", "id"], name="webhooks_request_received"),
            models.Index(fields=["kind", "id"], name="webhooks_request_kind"),
            models.Index(fields=["received_at"], name="webhooks_request_failed", condition=~Q(error="")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.received_at:%Y-%m-%d %H:%M}"


class WebhookEvent(models.Model):
    """One thing that a request said, known by what it says: it has its effect once, however often it is delivered."""

    class Kind(models.TextChoices):
        MESSAGE = "message", _("Message")
        STATUS = "status", _("Delivery report")
        SYSTEM = "system", _("Change of a person")
        PREFERENCE = "preference", _("Preference")
        NUMBER = "number", _("News about a number")
        CONTACTS = "contacts", _("Answer about numbers")
        UNKNOWN = "unknown", _("Unknown")

    class Outcome(models.TextChoices):
        WAITING = "WAITING", _("Waiting")
        DONE = "DONE", _("Done")
        IGNORED = "IGNORED", _("Ignored")
        FAILED = "FAILED", _("Failed")

    #: The request that brought it first.
    request = models.ForeignKey(WebhookRequest, on_delete=models.CASCADE, related_name="events")
    position = models.PositiveIntegerField(_("position"))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    field = models.CharField(_("field"), max_length=60)
    #: SHA-256 of what it says, so that the same event in another body is known.
    key = models.CharField(max_length=64, unique=True)
    outcome = models.CharField(_("outcome"), max_length=8, choices=Outcome.choices, default=Outcome.WAITING)
    error = models.CharField(_("why"), max_length=300, blank=True)
    #: What it concerned, such as Contact:5.
    subject = models.CharField(_("concerns"), max_length=80, blank=True)
    processed_at = models.DateTimeField(_("processed at"), null=True)

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        ordering = ["request_id", "position"]
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["field", "-request"], name="webhooks_event_field"),
            models.Index(fields=["kind", "request"], name="webhooks_event_kind"),
            models.Index(fields=["subject"], name="webhooks_event_subject", condition=~Q(subject="")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.field}"


class DrainLease(models.Model):
    """Who reads stored webhooks now: a slot whose lease runs has a task under way or queued, and needs no other."""

    slot = models.PositiveSmallIntegerField(primary_key=True)
    until = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.slot} {self.until:%H:%M:%S}"
