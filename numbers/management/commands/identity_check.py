"""identity_check: turn the identity change check of a number on or off, and read it back."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from audit.command import Exit, actor
from numbers import identity_check
from numbers.limits import Refused
from numbers.management.commands import NumberCommand

_ENDS = {
    identity_check.Outcome.UNDER_WAY: "Another process carries it to the provider at this moment, or the worker will.",
    identity_check.Outcome.UNKNOWN: "No answer came, and reading told nothing. The worker tries again.",
    identity_check.Outcome.REFUSED: "The provider did not do it.",
}


class Command(NumberCommand):
    """Toggles the check through the journey that the number's page uses."""

    help = "Turn the identity change check of a number on or off, then read it back from the provider."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("wanted", choices=["on", "off"], help="what is wanted")

    def handle(self, *args: Any, **options: Any) -> None:
        """Toggle, and print what is wanted, confirmed and read back."""
        number = self.number(options)
        try:
            state = identity_check.toggle(
                number=number, on=options["wanted"] == "on", actor=actor(), now=datetime.now(UTC)
            )
        except Refused as refusal:
            self.refused(refusal)
            return
        self.row(
            {
                "phone_number_id": number.phone_number_id,
                "e164": number.e164,
                "outcome": state.outcome.lower(),
                "wanted": state.desired,
                "confirmed": state.acknowledged,
                "read_back": state.read,
                "code": state.code,
                "said": state.words,
                "trace_id": state.trace_id,
            }
        )
        if state.outcome is identity_check.Outcome.SETTLED:
            return
        self.note(Exit.INCOMPLETE)
        self.say(_ENDS[state.outcome])
        if state.outcome is identity_check.Outcome.REFUSED:
            self.explain(number.account.kind, state.code, state.words, state.trace_id)
