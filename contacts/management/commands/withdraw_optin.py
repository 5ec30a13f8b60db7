"""withdraw_optin: record that one person opted out, and wait until nothing for them is on its way."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from audit.command import ReportingCommand, actor, invalid
from contacts import opt_ins
from contacts.management.commands import business_named
from providers.e164 import NumberRefused, read_number
from providers.models import Purpose


class Command(ReportingCommand):
    """Records one withdrawal through the journey that the forms use."""

    help = (
        "Record that one person opted out, under every form of their number. Ends when no call for them is on its way."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("number", metavar="NUMBER", help="as +491701234567")
        parser.add_argument("--business", required=True, metavar="B", help="whom the person opted out from")
        parser.add_argument("--source", required=True, metavar="S", help="where the person said no: phone call, …")
        parser.add_argument("--reason", required=True, metavar="TEXT", help="what shows that the person said no")
        parser.add_argument(
            "--purpose",
            action="append",
            default=[],
            choices=Purpose.values,
            help="may stand several times; without it all purposes",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Record the withdrawal, wait, and print it."""
        business = business_named(options["business"])
        try:
            recorded = opt_ins.withdraw(
                number=read_number(options["number"]),
                business=business,
                actor=actor(),
                now=datetime.now(UTC),
                source=options["source"],
                reason=options["reason"],
                purposes=options["purpose"],
            )
        except (NumberRefused, opt_ins.OptInRefused) as error:
            raise invalid(str(error)) from None
        calls = opt_ins.wait_for_calls([recorded.consent.contact_id], business=business)
        if calls:
            self.say(f"Waited for {calls} call(s) that were on their way.")
        self.say("Recorded: nothing for this person starts or is on its way.")
        opt_in = recorded.opt_in
        self.row(
            {
                "e164": recorded.consent.contact.e164,
                "business": business.name,
                "opt_in": opt_in.pk,
                "state": opt_in.state.lower(),
                "purposes": opt_in.purposes,
                "withdrawn_at": opt_in.given_at,
                "created": recorded.created,
                "calls_waited_for": calls,
            }
        )
