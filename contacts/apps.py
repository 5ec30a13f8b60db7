"""The contacts app: registers the triggers that hold the gate in the schema."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContactsConfig(AppConfig):
    """Wires people, consent and checks."""

    name = "contacts"
    verbose_name = _("Contacts")

    def ready(self) -> None:
        """Register triggers before any migrate runs, how the ledger's roots are compared, and whose rows are whose."""
        from contacts import leaves, triggers, visibility

        triggers.register_all()
        leaves.register_all()
        visibility.register_all()
