"""`serve`: the production web server."""

import logging
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from granian import Granian
from granian.constants import Interfaces

from waadmin import logs, static_files

logger = logging.getLogger(__name__)

#: Threads of one process; each that asks the database keeps a connection of its own. Most of a webhook's time is
#: waiting for the disk, and threads that wait together are written together (webhooks/receive.py).
_THREADS = 16
#: Seconds that a request may take to end after SIGTERM; provider calls of a form end sooner.
_KILL_TIMEOUT = 80


class Command(BaseCommand):
    """Serves the console over HTTP behind a proxy that ends TLS."""

    help = "Run the web server (granian). Collects static files if they are missing or stale; never migrates."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to listen and how many processes to run."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default 8000)")
        parser.add_argument("--workers", type=int, default=2, help=f"processes of {_THREADS} threads (default 2)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until SIGTERM or SIGINT."""
        if not 1 <= options["port"] <= 65535:
            raise CommandError("--port is a number from 1 to 65535.", returncode=2)
        if options["workers"] < 1:
            raise CommandError("--workers is 1 or more.", returncode=2)
        if static_files.are_stale():
            try:
                call_command("collectstatic", interactive=False, verbosity=0)
            except OSError as error:
                raise CommandError(
                    f"Static files cannot be collected: {error.strerror}. Run collectstatic as a user who may write "
                    f"to {settings.STATIC_ROOT}."
                ) from None
        logs.log_what_nobody_catches()
        # The checks looked at the database; a connection that two processes share mixes their answers up.
        connections.close_all()
        logger.info("waadmin on http://%s:%s/", options["host"], options["port"])
        Granian(
            "waadmin.wsgi:application",
            address=options["host"],
            port=options["port"],
            workers=options["workers"],
            interface=Interfaces.WSGI,
            blocking_threads=_THREADS,
            websockets=False,
            # The access log would hold people's numbers, which stand in the console's search addresses.
            log_access=False,
            log_dictconfig=logs.configuration_of_server(settings.LOGGING),
            respawn_failed_workers=True,
            workers_kill_timeout=_KILL_TIMEOUT,
        ).serve()
