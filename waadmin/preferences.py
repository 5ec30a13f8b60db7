"""In which language and time zone a person reads the console, and whether the key / leads to the search box.

What they have not chosen is as their browser says: Django reads its language, the console's script its time zone.
"""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone, translation

from audit import ledger
from audit.local_time import LocalTimeRefused, read_zone
from waadmin.models import StaffPreferences


def of(user: User) -> StaffPreferences:
    """Give what a person has chosen; nothing at all where they never did."""
    return StaffPreferences.objects.filter(user_id=user.pk).first() or StaffPreferences(user=user)


def choose(*, user: User, language: str, time_zone: str, has_shortcut: bool, now: datetime) -> bool:
    """Keep what a person has chosen, and tell whether that is new; an empty choice is as the browser says."""
    chosen = {"language": language, "time_zone": time_zone, "has_shortcut": has_shortcut}
    with transaction.atomic():
        kept, _created = StaffPreferences.objects.select_for_update().get_or_create(user=user)
        changed = sorted(name for name, value in chosen.items() if getattr(kept, name) != value)
        if not changed:
            return False
        for name, value in chosen.items():
            setattr(kept, name, value)
        kept.save()
        ledger.record(
            action="preferences.changed",
            actor=user.get_username(),
            now=now,
            subject=f"User:{user.pk}",
            details={"fields": changed},
        )
    return True


class PreferencesMiddleware:
    """Shows each request's page in the language and time zone of its person, and puts both back afterwards."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Activate what the person chose; a webhook carries no cookie and must not depend on sessions."""
        chosen = _chosen(request)
        request.preferences = chosen  # type: ignore[attr-defined]
        if chosen is not None and chosen.language in dict(settings.LANGUAGES):
            # Whatever comes next begins with LocaleMiddleware, so this need not be undone.
            translation.activate(chosen.language)
            request.LANGUAGE_CODE = chosen.language
        with timezone.override(_zone(chosen)):
            return self._get_response(request)


def _chosen(request: HttpRequest) -> StaffPreferences | None:
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.user.is_authenticated:
        return None
    return StaffPreferences.objects.filter(user_id=request.user.pk).first()


def _zone(chosen: StaffPreferences | None) -> ZoneInfo | None:
    """Give the chosen zone; None, where none is or where this host no longer knows it, means the default."""
    if chosen is None or not chosen.time_zone:
        return None
    try:
        return read_zone(chosen.time_zone)
    except LocalTimeRefused:
        return None
