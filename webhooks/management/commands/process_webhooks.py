"""process_webhooks: read stored webhooks in this process."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from audit.command import Exit, ReportingCommand, actor
from webhooks import processing, replaying
from webhooks.models import WebhookRequest


class Command(ReportingCommand):
    """Processes what is stored and was not read, and prints one row a request."""

    help = "Process stored webhooks that were not read yet; with --failed those that failed as well."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--failed", action="store_true", help="also give failed requests and events another try")

    def handle(self, *args: Any, **options: Any) -> None:
        """Process each, oldest first."""
        wanted = WebhookRequest.objects.open()
        if options["failed"]:
            wanted = wanted | WebhookRequest.objects.failed()
        pks = list(wanted.order_by("pk").values_list("pk", "error"))
        for pk, error in pks:
            now = datetime.now(UTC)
            if error:
                replaying.process_again(request_id=pk, actor=actor(), now=now)
            else:
                processing.process(request_id=pk, now=now, again=options["failed"])
            self._report(pk)
        self.say(f"{len(pks)} webhook(s) processed.")

    def _report(self, pk: int) -> None:
        stored = WebhookRequest.objects.defer("body").get(pk=pk)
        outcomes = list(stored.events.values_list("outcome", flat=True))
        state = "failed" if stored.error else "processed" if stored.processed_at else "waiting"
        if state != "processed":
            self.note(Exit.INCOMPLETE)
        self.row(
            {
                "request": stored.pk,
                "provider": stored.kind,
                "received_at": stored.received_at,
                "state": state,
                "done": outcomes.count("DONE"),
                "ignored": outcomes.count("IGNORED"),
                "waiting": outcomes.count("WAITING"),
                "failed": outcomes.count("FAILED"),
                "error": stored.error or None,
            }
        )
