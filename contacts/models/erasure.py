"""What stays of people who were erased or restricted: keyed digests, dates, counts. No number and no name."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from contacts.models.consent import PlainJSONField
from providers.encryption import EncryptedBinaryField
from providers.models import Business


class Erasure(models.Model):
    """One act upon a person's data, as the journal outside the database has it too: erased, restricted, or lifted."""

    class Kind(models.TextChoices):
        ERASED = "ERASED", _("Erased")
        RESTRICTED = "RESTRICTED", _("Restricted")
        LIFTED = "LIFTED", _("Restriction lifted")

    class Reason(models.TextChoices):
        ASKED = "ASKED", _("The person asked for it")
        OBJECTED = "OBJECTED", _("The person objects, or disputes what is on record")
        MISTAKE = "MISTAKE", _("Recorded by mistake")
        NOT_NEEDED = "NOT_NEEDED", _("No longer needed")
        TIME_OVER = "TIME_OVER", _("The time of keeping is over")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("what was done"), max_length=10, choices=Kind.choices)
    #: Keyed digest of the form that all variants of the number share.
    key = models.CharField(_("keyed digest of the number"), max_length=64)
    reason = models.CharField(_("reason"), max_length=10, choices=Reason.choices)
    #: A ticket's number or the like; never the person's.
    reference = models.CharField(_("reference"), max_length=60, blank=True)
    at = models.DateTimeField(_("when"))
    until = models.DateTimeField(_("kept until"), null=True)
    by = models.CharField(_("by"), max_length=150)
    #: How many rows of each kind were removed.
    counts = models.JSONField(_("removed"), default=dict)
    #: What is still to be looked for in files and stored webhooks; gone when nothing is left to look for.
    traces = EncryptedBinaryField(null=True, editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        ordering = ["-at"]
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["at"], name="contacts_erasure_open", condition=models.Q(finished_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.at:%Y-%m-%d}"


class Suppression(models.Model):
    """That a number had opted out when it was erased: whoever comes back under it is still opted out."""

    key = models.CharField(max_length=64)
    business = models.ForeignKey(Business, on_delete=models.PROTECT, db_index=False)
    #: Purpose -> time of the withdrawal.
    withdrawals = PlainJSONField(default=dict)
    kept_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["key", "business"], name="contacts_suppression_once")]

    def __str__(self) -> str:
        return f"{self.key[:12]} {self.kept_at:%Y-%m-%d}"


class ErasedName(models.Model):
    """Until when everything that arrives about a number or user id is about the person who was erased."""

    key = models.CharField(max_length=64, unique=True)
    erased_at = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key[:12]} {self.erased_at:%Y-%m-%d}"
