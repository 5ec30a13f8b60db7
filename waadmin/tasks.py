"""Background work of the project itself."""

from datetime import UTC, datetime

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session


def purge() -> None:
    """Remove sessions that are over and wrong passwords that no longer count: both say who was where."""
    now = datetime.now(UTC)
    Session.objects.filter(expire_date__lt=now).delete()
    AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME).delete()
