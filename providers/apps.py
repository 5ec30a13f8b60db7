"""The providers app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProvidersConfig(AppConfig):
    """Wires businesses and provider accounts."""

    name = "providers"
    verbose_name = _("Settings")
