"""add_number: add a number to a WABA."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from audit.command import actor
from numbers import registration
from numbers.limits import Refused
from numbers.management.commands import NumberCommand, business_account_with
from providers.errors import ProviderError


class Command(NumberCommand):
    """Adds a number through the journey that the stepper uses."""

    help = "Add a number to a WABA at the Cloud API. Request a code for it then, and register it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("number", metavar="NUMBER", help="as +491701234567")
        parser.add_argument("--waba", required=True, metavar="WABA_ID", help="where it is to be added")
        parser.add_argument("--name", default="", metavar="N", help="the display name; needed unless it moves here")
        parser.add_argument("--migrate", action="store_true", help="the number moves here from another provider")
        parser.add_argument("--provider", metavar="NAME", help="the account, where several have this WABA")

    def handle(self, *args: Any, **options: Any) -> None:
        """Add the number and print its id."""
        business_account = business_account_with(options["waba"], options["provider"])
        try:
            added = registration.add_number(
                business_account=business_account,
                e164=registration.read_our_number(options["number"]),
                verified_name=options["name"],
                migrate=options["migrate"],
                actor=actor(),
                now=datetime.now(UTC),
            )
        except Refused as refusal:
            self.refused(refusal)
        except ProviderError as error:
            self.failed(error, business_account.account)
        else:
            self.row(
                {
                    "phone_number_id": added.phone_number_id,
                    "e164": added.e164,
                    "waba_id": business_account.waba_id,
                    "outcome": "done",
                    "status": added.status,
                    "name_status": added.name_status,
                }
            )
