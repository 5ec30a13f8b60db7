"""`demo`: try everything on this machine, without a provider."""

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from waadmin import BASE_DIR
from waadmin.demo import Demo, DemoRefused


class Command(BaseCommand):
    """Starts sandbox, server and worker with believable data, and stops them together."""

    help = "Run waadmin with believable data against a sandbox of the providers. Ctrl-C stops it; the data stays."
    # It makes its own secrets, for its own processes.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the port and the folder."""
        parser.add_argument("--port", type=int, default=8000, help="port of the console (default 8000)")
        parser.add_argument("--folder", type=Path, default=BASE_DIR / ".demo", help="where it keeps its data (.demo)")
        parser.add_argument("--fill", metavar="SANDBOX_URL", help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the demo; with --fill be its child that fills the database."""
        if options["fill"]:
            from waadmin import demo_data

            given = json.load(sys.stdin)
            paths = demo_data.fill(
                sandbox_url=options["fill"],
                password=given["password"],
                now=datetime.fromisoformat(given["started_at"]),
                first=given["first"],
            )
            self.stdout.write(json.dumps(paths))
            return
        if not 1 <= options["port"] <= 65535:
            raise CommandError("--port is a number from 1 to 65535.", returncode=2)
        try:
            Demo(folder=options["folder"], port=options["port"], say=self._say).run()
        except DemoRefused as refusal:
            raise CommandError(str(refusal)) from None

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
