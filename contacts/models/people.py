"""One person's number."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts import masking


class LastDigits(models.Func):
    """The last four digits of a number, in words that each database finds its index by: without a parameter."""

    function = "RIGHT"
    template = "%(function)s(%(expressions)s, 4)"
    arity = 1
    output_field = models.CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        """Say the same to SQLite."""
        return super().as_sql(compiler, connection, function="SUBSTR", template="%(function)s(%(expressions)s, -4)")


class Contact(models.Model):
    """One person's number, and the random pseudonym under which the ledger knows it."""

    # A constraint and not unique=True: that would add a second, LIKE index, which imports pay for.
    e164 = models.CharField(_("number"), max_length=16)
    region = models.CharField(_("region"), max_length=3, blank=True)
    #: The form that all variants of this person's number share (providers.e164.person_key).
    person_key = models.CharField(max_length=16)
    pseudonym = models.UUIDField(_("pseudonym"), default=uuid.uuid4, editable=False)
    wa_id = models.CharField("wa_id", max_length=64, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("first seen"))
    #: Both or none: from then on nothing is done with the person's data but keeping them, until they are erased.
    restricted_at = models.DateTimeField(_("restricted at"), null=True, editable=False)
    restricted_until = models.DateTimeField(_("restricted until"), null=True, editable=False)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering = ["-id"]
        default_permissions = ("view",)
        permissions = [
            ("erase_contact", "Can erase a person or restrict what is kept of them"),
            ("view_restricted_contact", "Can view people whose data are restricted"),
            ("view_full_number", "Can see people's numbers in full"),
            ("reveal_number", "Can see one person's number in full, with a reason"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["e164"], name="contacts_contact_e164"),
            models.UniqueConstraint(fields=["pseudonym"], name="contacts_contact_pseudonym"),
            models.CheckConstraint(condition=Q(e164__startswith="+"), name="contacts_contact_e164_has_plus"),
            models.CheckConstraint(
                condition=Q(restricted_at__isnull=True, restricted_until__isnull=True)
                | Q(restricted_at__isnull=False, restricted_until__isnull=False),
                name="contacts_contact_restricted_until_when",
            ),
        ]
        indexes = [
            models.Index(fields=["person_key"], name="contacts_contact_person"),
            # What the list goes by: its dates, and the last digits of a number.
            models.Index(fields=["created_at", "id"], name="contacts_contact_seen"),
            models.Index(LastDigits("e164"), name="contacts_contact_ending"),
            models.Index(fields=["wa_id"], name="contacts_contact_wa_id", condition=Q(wa_id__isnull=False)),
            models.Index(
                fields=["restricted_until"],
                name="contacts_contact_restricted",
                condition=Q(restricted_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return masking.text(self.e164)
