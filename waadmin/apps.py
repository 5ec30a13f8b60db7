"""The project's own app: wiring that needs the app registry."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class WaadminConfig(AppConfig):
    """Wires roles, schedules and system checks."""

    name = "waadmin"
    verbose_name = _("waadmin")


class WaadminAdminConfig(AdminConfig):
    """Puts our own site in the place of Django's, so that apps register on `admin.site`."""

    default_site = "waadmin.site.WaadminSite"
