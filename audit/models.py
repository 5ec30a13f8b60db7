"""What happened: the hash-chained ledger and the log of outbound calls. Plain ids only, no foreign keys outwards."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class LedgerHead(models.Model):
    """The end of the chain: the one row that is locked while an event is appended."""

    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.sequence} {self.hash[:12]}"


class AuditEvent(models.Model):
    """One link of the ledger. Holds pseudonyms and digests, never personal data, and is never changed."""

    sequence = models.PositiveBigIntegerField(_("number"), unique=True)
    recorded_at = models.DateTimeField(_("recorded at"), db_index=True)
    action = models.CharField(_("action"), max_length=64, db_index=True)
    actor = models.CharField(_("by"), max_length=150)
    business_id = models.BigIntegerField(_("business"), null=True)
    subject = models.CharField(_("subject"), max_length=100, blank=True, db_index=True)
    pseudonym = models.UUIDField(_("person (pseudonym)"), null=True, db_index=True)
    details = models.JSONField(_("details"), default=dict)
    rows_count = models.PositiveIntegerField(_("rows"), null=True)
    rows_root = models.CharField(_("Merkle root of the rows"), max_length=64, blank=True)
    previous_hash = models.CharField(_("previous hash"), max_length=64)
    hash = models.CharField(_("hash"), max_length=64)

    class Meta:
        ordering = ["-sequence"]
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"


class ProviderCall(models.Model):
    """One outbound call, written before it leaves and completed when it ends. No credential, no person's number."""

    class Outcome(models.TextChoices):
        STARTED = "STARTED", _("Under way, or the process was lost")
        ANSWERED = "ANSWERED", _("Answered")
        NOT_SENT = "NOT_SENT", _("Never left")
        LOST = "LOST", _("Sent, answer lost")

    account_id = models.BigIntegerField(_("account"), null=True)
    account_name = models.CharField(_("account"), max_length=60)
    kind = models.CharField(_("provider"), max_length=20)
    operation = models.CharField(_("operation"), max_length=40)
    subject = models.CharField(_("for"), max_length=100, blank=True, db_index=True)
    method = models.CharField(_("method"), max_length=8)
    url = models.CharField(_("masked address"), max_length=300)
    numbers_count = models.PositiveIntegerField(_("numbers asked"), default=0)
    started_at = models.DateTimeField(_("started at"), db_index=True)
    milliseconds = models.PositiveIntegerField(_("milliseconds"), null=True)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, default=Outcome.STARTED)
    error = models.CharField(_("error"), max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("provider call")
        verbose_name_plural = _("provider calls")
        default_permissions = ("view",)
        indexes = [models.Index(fields=["account_id", "-id"], name="audit_call_account")]

    def __str__(self) -> str:
        return f"{self.kind} {self.operation} {self.outcome}"
