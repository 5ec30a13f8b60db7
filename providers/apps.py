"""The providers app: makes its own keys after migrate, and says whose accounts are whose."""

from typing import Any

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


def make_keys(using: str, **kwargs: Any) -> None:
    """Make the keys that waadmin keeps for itself, where they are missing."""
    from providers import keys

    if using == DEFAULT_DB_ALIAS:
        keys.make_missing()


class ProvidersConfig(AppConfig):
    """Wires businesses, provider accounts and keys."""

    name = "providers"
    verbose_name = _("Settings")

    def ready(self) -> None:
        """Make keys after migrate; say whose rows are whose."""
        from providers import reach

        reach.register_all()
        post_migrate.connect(make_keys, sender=self, dispatch_uid="providers.make_keys")
