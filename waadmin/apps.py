"""The project's own app: wiring that needs the app registry."""

from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class WaadminConfig(AppConfig):
    """Wires roles, schedules and system checks."""

    name = "waadmin"
    verbose_name = _("waadmin")

    def ready(self) -> None:
        """Register system checks; make roles and schedules after migrate."""
        from waadmin import checks, roles, schedules

        checks.register_all()
        last = list(apps.get_app_configs())[-1]
        post_migrate.connect(roles.make_roles, sender=last, dispatch_uid="waadmin.make_roles")
        post_migrate.connect(
            schedules.make_schedules, sender=apps.get_app_config("django_q"), dispatch_uid="waadmin.make_schedules"
        )


class WaadminAdminConfig(AdminConfig):
    """Puts our own site in the place of Django's, so that apps register on `admin.site`."""

    default_site = "waadmin.site.WaadminSite"

    def ready(self) -> None:
        """Discover every admin, then take django-q2's away: whoever may add a schedule there runs any function."""
        super().ready()
        from django.contrib import admin
        from django_q.models import Failure, OrmQ, Schedule, Success

        admin.site.unregister([Schedule, Success, Failure, OrmQ])
