"""check_contacts: look numbers up on WhatsApp, those with an opt-in only."""

import sys
import time
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from audit.command import Exit, ReportingCommand, actor, invalid
from contacts import checks
from contacts.checking.run import run_batch
from contacts.models import CheckBatch, ContactCheck
from providers.e164 import Reading
from providers.errors import NotConfigured
from providers.models import ProviderAccount, Purpose

_PAUSE_SECONDS = 0.2


class Command(ReportingCommand):
    """Runs a check run in this process and prints one row a number."""

    help = (
        "Look numbers up on WhatsApp through one account. Only numbers with a recorded opt-in leave; the others are "
        "refused with the reason. Prints one row a number; what is still open after --wait is carried on by the worker."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("numbers", nargs="*", metavar="NUMBER", help="as +491701234567")
        parser.add_argument("--provider", required=True, metavar="NAME", help="name of the provider account")
        parser.add_argument("--purpose", choices=Purpose.values, default="", help="the purpose that must be agreed to")
        parser.add_argument("--force", action="store_true", help="ask again although answers are fresh; needs --reason")
        parser.add_argument("--reason", default="", help="why fresh answers are not good enough")
        parser.add_argument("--file", metavar="F", help="a file with one number a line; - reads standard input")
        parser.add_argument(
            "--numbers",
            dest="reading",
            choices=[item.value for item in Reading],
            default="e164",
            help="how numbers without + are to be read (default: they are refused)",
        )
        parser.add_argument("--region", default="", metavar="XX", help="the region of --numbers national")
        parser.add_argument("--wait", type=float, default=120, metavar="SECONDS", help="default 120")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the run, work on it until it ends or the wait is over, and print its rows."""
        if options["force"] and not options["reason"].strip():
            raise invalid("--force needs --reason: say why a fresh answer is not good enough.")
        account = ProviderAccount.objects.select_related("business").filter(name=options["provider"]).first()
        if account is None:
            known = ", ".join(ProviderAccount.objects.values_list("name", flat=True)) or "none yet"
            raise invalid(f"There is no provider account “{options['provider']}”. Accounts: {known}.")
        texts = [*options["numbers"], *_numbers_in(options["file"])]
        if not texts:
            raise invalid("No number given: name numbers, or a file with --file.")
        try:
            batch = checks.create(
                account=account,
                lines=checks.read_lines(texts, reading=Reading(options["reading"]), region=options["region"] or None),
                purpose=options["purpose"],
                source=CheckBatch.Source.COMMAND,
                actor=actor(),
                now=datetime.now(UTC),
                force_reason=options["reason"] if options["force"] else "",
                reading=Reading(options["reading"]),
                region=options["region"],
            )
        except (checks.CheckRefused, NotConfigured) as error:
            raise invalid(str(error)) from None
        self._work(batch, timedelta(seconds=options["wait"]))
        self._report(batch)

    def _work(self, batch: CheckBatch, wait: timedelta) -> None:
        until = datetime.now(UTC) + wait
        while datetime.now(UTC) < until:
            run_batch(batch_id=batch.pk, until=until)
            batch = CheckBatch.objects.select_related("account").get(pk=batch.pk)
            if batch.state != CheckBatch.State.RUNNING:
                return
            if stopped := batch.account.stopped_because():
                self.say(f"The account {batch.account.name} is stopped: {stopped}")
                return
            time.sleep(_PAUSE_SECONDS)

    def _report(self, batch: CheckBatch) -> None:
        rows = ContactCheck.objects.filter(batch=batch).select_related("duplicate_of").order_by("position")
        for row in rows.iterator(chunk_size=2_000):
            answer = row.duplicate_of or row
            self.row(
                {
                    "input": row.input,
                    "e164": row.e164 or None,
                    "status": _status(answer),
                    "wa_id": answer.wa_id,
                    "reason": answer.reason.lower() or None,
                    "cached": answer.cached_from_id is not None,
                    "checked_at": answer.checked_at,
                }
            )
            if answer.detail and answer.status not in ("VALID", "INVALID"):
                self.say(f"{row.input}: {answer.detail}")
            if answer.status == ContactCheck.Status.REFUSED:
                self.note(Exit.REFUSED)
            elif answer.status not in ("VALID", "INVALID"):
                self.note(Exit.INCOMPLETE)


def _status(row: ContactCheck) -> str:
    """Give the row's status in the words of the command: what has not been asked yet is waiting."""
    match row.status:
        case ContactCheck.Status.SENDING:
            return "processing"
        case ContactCheck.Status.CANCELLED:
            return "failed"
        case _:
            return str(row.status).lower()


def _numbers_in(file: str | None) -> list[str]:
    if file is None:
        return []
    if file == "-":
        return checks.split_numbers(sys.stdin.read())
    try:
        return checks.split_numbers(Path(file).read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise invalid(f"{file} cannot be read: {error}.") from None
