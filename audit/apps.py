"""The audit app: installs every registered trigger after each migrate."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


def install_triggers(using: str, **kwargs: Any) -> None:
    """Make every registered trigger anew: Django drops a table's triggers when it remakes the table on SQLite."""
    from audit import triggers

    triggers.install(using)


class AuditConfig(AppConfig):
    """Wires the ledger, the call log and the triggers."""

    name = "audit"
    verbose_name = _("Audit")

    def ready(self) -> None:
        """Protect the ledger and install triggers after migrate."""
        from audit import triggers

        triggers.register_append_only("audit_auditevent", unique=("sequence",))
        post_migrate.connect(install_triggers, sender=self, dispatch_uid="audit.install_triggers")
