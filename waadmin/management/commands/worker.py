"""`worker`: run background work until told to stop."""

from typing import Any

from django.core.management.base import BaseCommand

from waadmin import logs
from waadmin.watchdog import Watchdog


class Command(BaseCommand):
    """Starts a django-q2 cluster and the watchdog that keeps it working."""

    help = "Run background work under a watchdog. SIGTERM or Ctrl-C stops all of it; a second one at once."

    def handle(self, *args: Any, **options: Any) -> None:
        """Watch until told to stop."""
        logs.log_what_nobody_catches()
        Watchdog().run()
