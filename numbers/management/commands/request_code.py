"""request_code: have a one-time code sent to a number."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from audit.command import actor
from numbers import codes
from numbers.languages import default_language
from numbers.limits import Refused
from numbers.line_types import advise
from numbers.management.commands import NumberCommand
from providers.interfaces import CodeMethod


class Command(NumberCommand):
    """Requests a code through the journey that the stepper uses."""

    help = "Have a one-time code sent to a number of ours, by SMS or call. Submit it with submit_code."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--method", choices=[method.value for method in CodeMethod], help="by default, by the line")
        parser.add_argument("--language", metavar="L", help="as en_US; by default the language of the number's region")

    def handle(self, *args: Any, **options: Any) -> None:
        """Request the code and print what came of it."""
        number = self.number(options)
        advice = advise(number.e164)
        if not options["method"]:
            self.say(advice.why)
        method = CodeMethod(options["method"] or advice.method)
        if method is CodeMethod.VOICE:
            self.say(advice.voice_note)
        try:
            attempt = codes.request_code(
                number=number,
                method=method,
                language=options["language"] or default_language(number.e164),
                actor=actor(),
                now=datetime.now(UTC),
            )
        except Refused as refusal:
            self.refused(refusal)
            return
        self.report(attempt, method=attempt.method, language=attempt.language)
