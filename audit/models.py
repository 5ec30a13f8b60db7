"""What happened: the hash-chained ledger and the log of outbound calls. Plain ids only, no foreign keys outwards."""

import uuid
from datetime import UTC, date, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.sealed import SealedBinaryField


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
        indexes = [
            # What the list is filtered and searched by, in the order of the list.
            models.Index(fields=["action", "sequence"], name="audit_event_action"),
            models.Index(fields=["actor", "sequence"], name="audit_event_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"


class SignedHead(models.Model):
    """A signature over the end of the chain at one moment: what is kept outside, so that a cut or rewrite shows."""

    sequence = models.PositiveBigIntegerField(_("number"), db_index=True)
    hash = models.CharField(_("hash"), max_length=64)
    signed_at = models.DateTimeField(_("signed at"))
    signed_by = models.CharField(_("by"), max_length=150)
    #: SHA-256 of the bytes of the export's manifest.json, which names every file; empty for a head on its own.
    manifest_sha256 = models.CharField(_("SHA-256 of the manifest"), max_length=64, blank=True)
    #: Ed25519, base64.
    signature = models.CharField(_("signature"), max_length=88)
    key_fingerprint = models.CharField(_("key fingerprint"), max_length=64)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("signed head")
        verbose_name_plural = _("signed heads")
        default_permissions = ()
        permissions = [("sign_head", "Can sign the head of the ledger")]

    def __str__(self) -> str:
        return f"{self.sequence} {self.signed_at:%Y-%m-%d}"


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
        indexes = [
            models.Index(fields=["account_id", "-id"], name="audit_call_account"),
            # What the list is filtered and searched by, in the order of the list.
            models.Index(fields=["account_name", "id"], name="audit_call_account_name"),
            models.Index(fields=["operation", "id"], name="audit_call_operation"),
            models.Index(fields=["outcome", "id"], name="audit_call_outcome"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.operation} {self.outcome}"


class Export(models.Model):
    """One export that a person asked for: what of, how far it is, until when it is kept. Nobody can guess its id."""

    class State(models.TextChoices):
        WAITING = "WAITING", _("Waiting")
        RUNNING = "RUNNING", _("Being made")
        READY = "READY", _("Ready")
        FAILED = "FAILED", _("Not made")
        REMOVED = "REMOVED", _("Removed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    requested_by = models.CharField(_("asked by"), max_length=150)
    #: The person's id: a name can be given to somebody else later.
    user_id = models.BigIntegerField(db_index=True)
    requested_at = models.DateTimeField(_("asked at"))
    format = models.CharField(_("format"), max_length=5)
    datasets = models.JSONField(_("datasets"), default=list)
    #: From when, inclusive; empty for everything since the beginning. Until when, exclusive.
    since = models.DateTimeField(_("from"), null=True)
    until = models.DateTimeField(_("until"))
    #: Filter -> [id, name as it was then].
    filters = models.JSONField(_("narrowed to"), default=dict)
    #: The permissions that decided about rows; who has lost one may not download any more.
    permissions = models.JSONField(default=list)
    #: Made for somebody who reached every business, with the ledger, which concerns all of them.
    of_every_business = models.BooleanField(default=True, db_default=True)
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    rows = models.PositiveBigIntegerField(_("rows"), default=0)
    size = models.PositiveBigIntegerField(_("bytes"), default=0)
    manifest_sha256 = models.CharField(_("SHA-256 of the manifest"), max_length=64, blank=True)
    head_sequence = models.PositiveBigIntegerField(_("ledger up to"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    kept_until = models.DateTimeField(_("kept until"), null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    #: Names one claim: only the claim that still holds the export writes to it.
    claim = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ["-requested_at"]
        default_permissions = ()
        permissions = [("export_audit", "Can export what auditors need")]
        indexes = [
            models.Index(
                fields=["lease_until"], name="audit_export_open", condition=models.Q(state__in=["WAITING", "RUNNING"])
            ),
            models.Index(fields=["kept_until"], name="audit_export_kept", condition=models.Q(state="READY")),
        ]

    def __str__(self) -> str:
        return f"{self.requested_at:%Y-%m-%d %H:%M}"

    @property
    def last_day(self) -> date:
        """The last day that the range includes, in UTC."""
        return (self.until - timedelta(microseconds=1)).astimezone(UTC).date()


class ExportPart(models.Model):
    """A part of an export's ZIP file, encrypted: hosts share nothing but the database."""

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="parts", db_index=False)
    #: The claim that wrote it: a second run of the same export mixes nothing.
    claim = models.UUIDField()
    position = models.PositiveIntegerField()
    content = SealedBinaryField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["export", "claim", "position"], name="audit_exportpart_place")]

    def __str__(self) -> str:
        return f"{self.export_id} {self.position}"
