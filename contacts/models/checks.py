"""Check runs and their rows. A row is refused, or it carries the opt-in that allows it: the database sees to it."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts import masking
from contacts.gate import Reason
from contacts.models.consent import OptIn, PlainJSONField
from contacts.models.people import Contact
from providers.interfaces import EvidenceStrength
from providers.models import Business, ProviderAccount, Purpose


class CheckBatch(models.Model):
    """One check run: whose numbers, through which account, for what, asked by whom."""

    class State(models.TextChoices):
        RUNNING = "RUNNING", _("Running")
        PAUSED = "PAUSED", _("Paused")
        CANCELLED = "CANCELLED", _("Cancelled")
        FINISHED = "FINISHED", _("Finished")

    class Source(models.TextChoices):
        PASTE = "PASTE", _("Pasted numbers")
        FILE = "FILE", _("File")
        SELECTION = "SELECTION", _("Selected contacts")
        FILTER = "FILTER", _("Filter: people who agreed")
        COMMAND = "COMMAND", _("Command")
        RETRY = "RETRY", _("Retry of another run")

    account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, verbose_name=_("account"))
    business = models.ForeignKey(Business, on_delete=models.PROTECT, verbose_name=_("business"))
    purpose = models.CharField(_("purpose"), max_length=20, choices=Purpose.choices, blank=True)
    source = models.CharField(_("source"), max_length=10, choices=Source.choices)
    numbers_read_as = models.CharField(_("numbers without + are read as"), max_length=10, default="e164")
    region = models.CharField(_("region"), max_length=3, blank=True)
    forced = models.BooleanField(_("check again anyway"), default=False)
    force_reason = models.CharField(_("reason"), max_length=200, blank=True)
    requested_by = models.CharField(_("asked by"), max_length=150)
    created_at = models.DateTimeField(_("created at"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.RUNNING)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    retry_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("retry of"))
    #: What the people were chosen by (`contacts.checking.choosing.Filter.written`); empty where they were not.
    chosen_by = PlainJSONField(default=dict, editable=False)
    #: Names the preview that was confirmed: pressed twice, it makes one run.
    preview = models.UUIDField(null=True, unique=True, editable=False)

    class Meta:
        verbose_name = _("check run")
        verbose_name_plural = _("check runs")
        ordering = ["-id"]
        default_permissions = ("add", "change", "view")
        constraints = [
            models.CheckConstraint(
                condition=Q(forced=False) | ~Q(force_reason=""), name="contacts_checkbatch_force_needs_a_reason"
            )
        ]
        indexes = [
            models.Index(
                fields=["account"], name="contacts_checkbatch_open", condition=Q(state__in=["RUNNING", "PAUSED"])
            ),
            models.Index(fields=["created_at", "id"], name="contacts_checkbatch_created"),
            models.Index(fields=["state", "id"], name="contacts_checkbatch_state"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"


class ContactCheckQuerySet(models.QuerySet["ContactCheck"]):
    """Reads of check rows."""

    def open(self) -> "ContactCheckQuerySet":
        """Rows that have no final answer yet."""
        return self.filter(status__in=ContactCheck.OPEN)

    def due(self, now: datetime) -> "ContactCheckQuerySet":
        """Rows that may be asked now: waiting ones, and those whose provider is to be asked again."""
        return self.filter(status__in=["WAITING", "PROCESSING"], next_attempt_at__lte=now)

    def in_flight(self, now: datetime) -> "ContactCheckQuerySet":
        """Rows whose call may be on its way at this moment."""
        return self.filter(status="SENDING", lease_until__gt=now)


class ContactCheck(models.Model):
    """One number of a check run."""

    class Status(models.TextChoices):
        WAITING = "WAITING", _("Waiting")
        SENDING = "SENDING", _("Being asked")
        PROCESSING = "PROCESSING", _("Being checked")
        VALID = "VALID", _("On WhatsApp")
        INVALID = "INVALID", _("Not on WhatsApp")
        FAILED = "FAILED", _("Could not be checked")
        UNKNOWN = "UNKNOWN", _("No answer (counted)")
        REFUSED = "REFUSED", _("Not sent")
        CANCELLED = "CANCELLED", _("Cancelled")
        DUPLICATE = "DUPLICATE", _("Same number as another line")

    OPEN = ("WAITING", "SENDING", "PROCESSING")

    batch = models.ForeignKey(CheckBatch, on_delete=models.CASCADE, related_name="checks", db_index=False)
    position = models.PositiveIntegerField(_("line"))
    account = models.ForeignKey(ProviderAccount, on_delete=models.PROTECT, db_index=False, verbose_name=_("account"))
    business = models.ForeignKey(Business, on_delete=models.PROTECT, db_index=False, verbose_name=_("business"))
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, null=True, related_name="checks", db_index=False)
    opt_in = models.ForeignKey(OptIn, on_delete=models.PROTECT, null=True, db_index=False, verbose_name=_("opt-in"))
    input = models.CharField(_("as written"), max_length=80)
    e164 = models.CharField(_("number"), max_length=16, blank=True)
    #: Exactly what the provider is asked: answers are joined on it.
    asked = models.CharField(max_length=20, blank=True)
    status = models.CharField(_("result"), max_length=10, choices=Status.choices, default=Status.WAITING)
    reason = models.CharField(_("reason"), max_length=30, choices=Reason.choices, blank=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    wa_id = models.CharField("wa_id", max_length=64, null=True)
    strength = models.CharField(
        _("how sure"), max_length=6, blank=True, choices=[(item.value, item.value.title()) for item in EvidenceStrength]
    )
    checked_at = models.DateTimeField(_("checked at"), null=True)
    #: The earlier answer that this row repeats, where the account was not asked again.
    cached_from = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, db_index=False, related_name="+")
    #: The row of the same run that asks for this number.
    duplicate_of = models.ForeignKey("self", on_delete=models.CASCADE, null=True, db_index=False, related_name="+")
    attempts = models.PositiveSmallIntegerField(default=0)
    asks = models.PositiveSmallIntegerField(default=0)
    #: No array larger than this may carry the row: halved each time an array with it fails as a whole.
    array_limit = models.PositiveIntegerField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    first_asked_at = models.DateTimeField(null=True)
    #: Names one claim: an answer is recorded only by the claim that still holds the row.
    claim = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)

    objects = ContactCheckQuerySet.as_manager()

    class Meta:
        verbose_name = _("check")
        verbose_name_plural = _("checks")
        ordering = ["-id"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["batch", "position"], name="contacts_contactcheck_line"),
            models.CheckConstraint(
                condition=Q(status="REFUSED", opt_in__isnull=True) & ~Q(reason="")
                | ~Q(status="REFUSED") & Q(opt_in__isnull=False, contact__isnull=False),
                name="contacts_contactcheck_refused_or_opted_in",
            ),
        ]
        indexes = [
            models.Index(
                fields=["batch", "next_attempt_at"],
                name="contacts_contactcheck_due",
                condition=Q(status__in=["WAITING", "PROCESSING"]),
            ),
            models.Index(
                fields=["account", "asked"],
                name="contacts_contactcheck_asked",
                condition=Q(status__in=["SENDING", "PROCESSING"]),
            ),
            models.Index(fields=["lease_until"], name="contacts_contactcheck_lease", condition=Q(status="SENDING")),
            models.Index(fields=["batch", "status"], name="contacts_contactcheck_counts"),
            models.Index(fields=["contact", "account"], name="contacts_contactcheck_person"),
            # What is counted by the day, and who was asked about lately.
            models.Index(
                fields=["first_asked_at", "status", "strength", "business"],
                name="contacts_contactcheck_day",
                condition=Q(first_asked_at__isnull=False),
            ),
            # What the list is filtered and searched by, in the order of the list.
            models.Index(fields=["status", "id"], name="contacts_contactcheck_status"),
            models.Index(fields=["account", "id"], name="contacts_contactcheck_account"),
            models.Index(
                fields=["checked_at", "id"],
                name="contacts_contactcheck_answered",
                condition=Q(checked_at__isnull=False),
            ),
            models.Index(fields=["wa_id"], name="contacts_contactcheck_wa_id", condition=Q(wa_id__isnull=False)),
            # Few rows name another one; without these each row that goes would be looked for in all of them.
            models.Index(
                fields=["cached_from"],
                name="contacts_contactcheck_cached",
                condition=Q(cached_from__isnull=False),
            ),
            models.Index(
                fields=["duplicate_of"],
                name="contacts_contactcheck_repeat",
                condition=Q(duplicate_of__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{masking.text(self.input)}: {self.get_status_display()}"
