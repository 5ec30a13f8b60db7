"""Consent: the wordings, the append-only events with their evidence, and the state that follows from them."""

import json
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts.models.people import Contact
from providers.encryption import EncryptedBinaryField
from providers.models import Business


class PlainJSONField(models.JSONField):
    """JSON kept as text on both databases: rows are read whole, by the thousand and under lock."""

    def get_internal_type(self) -> str:
        return "TextField"

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return value if hasattr(value, "as_sql") else json.dumps(value)


class ConsentText(models.Model):
    """One version of a wording that people agreed to, exactly as they saw it. A version is never changed."""

    business = models.ForeignKey(Business, on_delete=models.PROTECT, verbose_name=_("business"))
    name = models.CharField(_("name"), max_length=80)
    version = models.CharField(_("version"), max_length=20)
    language = models.CharField(_("language"), max_length=10)
    text = models.TextField(_("exact wording"))
    business_name_shown = models.CharField(_("business name shown"), max_length=120)
    purposes = models.CharField(_("purposes"), max_length=80)
    picture = models.BinaryField(_("picture or PDF"), null=True, blank=True, editable=True)
    picture_type = models.CharField(max_length=60, blank=True, editable=False)
    created_at = models.DateTimeField(_("added at"))
    created_by = models.CharField(_("added by"), max_length=150)

    class Meta:
        verbose_name = _("consent text")
        verbose_name_plural = _("consent texts")
        ordering = ["business", "name", "-id"]
        default_permissions = ("add", "view")
        constraints = [
            models.UniqueConstraint(
                fields=["business", "name", "version", "language"], name="contacts_consenttext_version"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.language})"


class OptInImport(models.Model):
    """One file of consent events: who imported it, what they declared about it, how far it got."""

    class State(models.TextChoices):
        WAITING = "WAITING", _("Waiting")
        RUNNING = "RUNNING", _("Being imported")
        FINISHED = "FINISHED", _("Finished")
        FAILED = "FAILED", _("Stopped by an error")

    business = models.ForeignKey(Business, on_delete=models.PROTECT, verbose_name=_("business"))
    file_name = models.CharField(_("file"), max_length=255)
    file_digest = models.CharField(_("SHA-256 of the file"), max_length=64)
    numbers_read_as = models.CharField(_("numbers without + are read as"), max_length=10)
    region = models.CharField(_("region"), max_length=3, blank=True)
    business_name_shown = models.CharField(_("business name shown"), max_length=120, blank=True)
    #: The zone of times that say none; where it is empty, such lines are refused.
    time_zone = models.CharField(_("time zone"), max_length=60, blank=True)
    #: Which column is what (`contacts.consent.columns.write_places`), and the SHA-256 of the header that it is for.
    columns = models.CharField(max_length=400, blank=True)
    header_digest = models.CharField(max_length=64, blank=True)
    #: How many lines the file has, where somebody has counted them.
    line_count = models.PositiveIntegerField(_("lines"), null=True)
    #: The sentence that the importing person confirmed, word for word.
    statement = models.TextField(_("confirmed statement"))
    imported_by = models.CharField(_("imported by"), max_length=150)
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    #: The last line whose events are committed: where a resumed import goes on.
    committed_line = models.PositiveIntegerField(default=0)
    granted_count = models.PositiveIntegerField(_("opt-ins"), default=0)
    withdrawn_count = models.PositiveIntegerField(_("withdrawals"), default=0)
    unchanged_count = models.PositiveIntegerField(_("already recorded"), default=0)
    held_count = models.PositiveIntegerField(_("held for a decision"), default=0)
    refused_count = models.PositiveIntegerField(_("lines with errors"), default=0)
    #: The uploaded file and the file of bad lines hold personal data: encrypted, and removed by `purge_after`.
    content = EncryptedBinaryField(null=True, editable=False)
    errors = EncryptedBinaryField(null=True, editable=False)
    purge_after = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("opt-in import")
        verbose_name_plural = _("opt-in imports")
        ordering = ["-id"]
        default_permissions = ("add", "view")
        indexes = [models.Index(fields=["started_at"], name="contacts_optinimport_started")]

    def __str__(self) -> str:
        return self.file_name


class OptIn(models.Model):
    """One consent event, never changed: a grant, a withdrawal, or a file's grant held back for a person to decide.

    It knows the person by pseudonym only; the evidence is a row of its own, so that it can be erased.
    """

    class State(models.TextChoices):
        GRANTED = "GRANTED", _("Opted in")
        WITHDRAWN = "WITHDRAWN", _("Opted out")
        HELD = "HELD", _("Held: this person had opted out")
        DISMISSED = "DISMISSED", _("Dismissed by a person")

    pseudonym = models.UUIDField(_("person (pseudonym)"))
    business = models.ForeignKey(Business, on_delete=models.PROTECT, db_index=False, verbose_name=_("business"))
    state = models.CharField(_("event"), max_length=10, choices=State.choices)
    purposes = models.CharField(_("purposes"), max_length=80)
    business_name_shown = models.CharField(_("business name shown"), max_length=120, blank=True)
    consent_text = models.ForeignKey(
        ConsentText, on_delete=models.PROTECT, null=True, blank=True, db_index=False, verbose_name=_("wording")
    )
    source = models.CharField(_("source"), max_length=60)
    given_at = models.DateTimeField(_("given at"))
    recorded_at = models.DateTimeField(_("recorded at"))
    recorded_by = models.CharField(_("recorded by"), max_length=150)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    evidence_digest = models.CharField(_("salted digest of the evidence"), max_length=64)
    external_id = models.CharField(_("id in the source system"), max_length=100, blank=True)
    opt_in_import = models.ForeignKey(
        OptInImport, on_delete=models.PROTECT, null=True, blank=True, db_index=False, verbose_name=_("import")
    )
    #: The held event that this one decides.
    decides = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="decision", verbose_name=_("decides")
    )

    class Meta:
        verbose_name = _("opt-in record")
        verbose_name_plural = _("opt-in records")
        ordering = ["-id"]
        default_permissions = ("add", "view")
        permissions = [("withdraw_optin", "Can record that a person opted out")]
        indexes = [
            models.Index(fields=["pseudonym", "business"], name="contacts_optin_person"),
            models.Index(fields=["opt_in_import"], name="contacts_optin_held", condition=Q(state="HELD")),
            # What is counted by the day; imports are not in it, since each of them counts its own. The last column is
            # always empty: SQLite would otherwise read every row to see that.
            models.Index(
                fields=["recorded_at", "state", "business", "opt_in_import"],
                name="contacts_optin_single",
                condition=Q(opt_in_import__isnull=True),
            ),
            # What the list is filtered by, in the order of the list.
            models.Index(fields=["recorded_at", "id"], name="contacts_optin_recorded"),
            models.Index(fields=["business", "id"], name="contacts_optin_business"),
            models.Index(fields=["state", "id"], name="contacts_optin_state"),
            models.Index(fields=["id"], name="contacts_optin_proof", condition=Q(consent_text__isnull=False)),
            models.Index(fields=["id"], name="contacts_optin_no_proof", condition=Q(consent_text__isnull=True)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(purposes="") & ~Q(source="") & ~Q(recorded_by=""), name="contacts_optin_complete"
            ),
            models.CheckConstraint(
                condition=Q(state="WITHDRAWN") | ~Q(business_name_shown=""), name="contacts_optin_names_the_business"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} {self.given_at:%Y-%m-%d}"

    @property
    def proof_complete(self) -> bool:
        """Tell whether the wording that the person saw is on record."""
        return self.consent_text_id is not None


class OptInEvidence(models.Model):
    """The evidence of one consent event and its salt: the part of a proof that can be erased."""

    opt_in = models.OneToOneField(OptIn, on_delete=models.PROTECT, related_name="evidence", primary_key=True)
    text = models.TextField(_("evidence"), blank=True)
    file = models.BinaryField(_("evidence file"), null=True, blank=True)
    file_name = models.CharField(_("file name"), max_length=255, blank=True)
    salt = models.BinaryField(max_length=16)
    #: Digest of the whole event: what makes a second import of the same file change nothing.
    fingerprint = models.UUIDField()

    class Meta:
        verbose_name = _("evidence")
        verbose_name_plural = _("evidence")
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["fingerprint"], name="contacts_optinevidence_fingerprint")]

    def __str__(self) -> str:
        return self.file_name or self.text[:40]


class Consent(models.Model):
    """What a contact allows a business now: derived from the events, one row, and the row that is locked."""

    class Status(models.TextChoices):
        GRANTED = "GRANTED", _("Opted in")
        WITHDRAWN = "WITHDRAWN", _("Opted out")

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, db_index=False, related_name="consents")
    business = models.ForeignKey(Business, on_delete=models.PROTECT, db_index=False, verbose_name=_("business"))
    status = models.CharField(_("status"), max_length=10, choices=Status.choices)
    #: One list a grant: opt-in id, given at, expires at or null, then its purposes; times as ISO 8601 text in UTC.
    grants = PlainJSONField(default=list)
    #: Purpose -> time of the latest withdrawal.
    withdrawals = PlainJSONField(default=dict)
    updated_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["contact", "business"], name="contacts_consent_one_row")]
        # What the list of people is filtered by, in its order.
        indexes = [
            models.Index(fields=["status", "contact"], name="contacts_consent_status"),
            models.Index(fields=["business", "contact"], name="contacts_consent_business"),
        ]

    def __str__(self) -> str:
        return self.get_status_display()
