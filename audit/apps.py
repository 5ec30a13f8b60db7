"""The audit app: lifts every registered trigger for a migrate that changes something, and installs them after each."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _


def install_triggers(using: str, **kwargs: Any) -> None:
    """Make every registered trigger anew: Django drops a table's triggers when it remakes the table on SQLite."""
    from audit import triggers

    triggers.install(using)


def lift_triggers(using: str, plan: Sequence[Any] = (), **kwargs: Any) -> None:
    """Drop them before tables are remade: SQLite renames no table while another's trigger reads it.

    A migrate that fails half-way leaves them dropped; the check at start then refuses to go on.
    """
    from audit import triggers

    if plan and connections[using].vendor == "sqlite":
        triggers.lift(using)


class AuditConfig(AppConfig):
    """Wires the ledger, the call log and the triggers."""

    name = "audit"
    verbose_name = _("Audit")

    def ready(self) -> None:
        """Protect the ledger and install triggers after migrate."""
        from audit import triggers

        triggers.register_append_only("audit_auditevent", unique=("sequence",))
        triggers.register_append_only("audit_signedhead")
        pre_migrate.connect(lift_triggers, sender=self, dispatch_uid="audit.lift_triggers")
        post_migrate.connect(install_triggers, sender=self, dispatch_uid="audit.install_triggers")
