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
        from audit import heads
        from providers import keys
        from waadmin import checks, roles, schedules

        heads.register_signer(sign=keys.sign, fingerprint=keys.fingerprint, public_pem=keys.public_key_pem)
        _wire_logs()
        _wire_sign_in()
        _wire_reach()
        _wire_exports()
        checks.register_all()
        last = list(apps.get_app_configs())[-1]
        post_migrate.connect(roles.make_roles, sender=last, dispatch_uid="waadmin.make_roles")
        post_migrate.connect(
            schedules.make_schedules, sender=apps.get_app_config("django_q"), dispatch_uid="waadmin.make_schedules"
        )


def _wire_logs() -> None:
    from django.conf import settings
    from django_q.signals import post_execute_in_worker, pre_execute

    from waadmin import logs, reporting

    logs.know_secrets(settings)
    pre_execute.connect(logs.note_task_begins, dispatch_uid="waadmin.task_begins")
    post_execute_in_worker.connect(logs.note_task_ends, dispatch_uid="waadmin.task_ends")
    reporting.begin(settings.SENTRY_DSN)


def _wire_exports() -> None:
    from audit import datasets as audit_datasets
    from audit import sealed
    from audit.export import datasets
    from contacts import datasets as contacts_datasets
    from numbers import datasets as numbers_datasets
    from providers import encryption

    sealed.register_cipher(encrypt=encryption.encrypt, decrypt=encryption.decrypt)
    datasets.register(*contacts_datasets.ALL, *numbers_datasets.ALL, *audit_datasets.ALL)
    datasets.register_filters(*numbers_datasets.FILTERS)


def _wire_reach() -> None:
    from django.contrib.auth.models import Group, User

    from audit import reach
    from waadmin import accounts

    reach.register_people(accounts.businesses_reached)
    # Whoever changed a user or a role could widen what they reach themselves.
    reach.register_of_every_business(User, Group)


def _wire_sign_in() -> None:
    from axes.signals import user_locked_out
    from django.contrib.auth.models import User
    from django.contrib.auth.signals import user_logged_in
    from django.db.models.signals import m2m_changed

    from audit import pages
    from waadmin import accounts
    from waadmin.sign_in import freshness, sessions, throttle

    pages.register_fresh_sign_in(freshness.ask_again)
    user_logged_in.connect(sessions.begin_with, dispatch_uid="waadmin.sessions")
    user_locked_out.connect(throttle.record_lock, dispatch_uid="waadmin.sign_in_locked")
    m2m_changed.connect(
        accounts.end_auditors, sender=User.groups.through, dispatch_uid="waadmin.accounts_of_auditors_end"
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
