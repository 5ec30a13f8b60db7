"""register_number: make a verified number work here."""

from datetime import UTC, datetime
from typing import Any

from django.views.decorators.debug import sensitive_variables

from audit.command import actor, invalid
from numbers import registration
from numbers.limits import Refused
from numbers.management.commands import NumberCommand, secret_line


class Command(NumberCommand):
    """Registers a number through the journey that the stepper uses."""

    help = (
        "Register a number at the Cloud API. Its PIN of six digits is read from standard input: the one that it has, "
        "or the one that it is to have. A wrong one is counted by Meta."
    )

    @sensitive_variables()
    def handle(self, *args: Any, **options: Any) -> None:
        """Register the number and print what came of it."""
        number = self.number(options)
        try:
            pin = registration.read_pin(secret_line("PIN"))
        except registration.PinUnreadable as unreadable:
            raise invalid(unreadable.message) from None
        try:
            attempt = registration.register(number=number, pin=pin, actor=actor(), now=datetime.now(UTC))
        except Refused as refusal:
            self.refused(refusal)
            return
        self.report(attempt)
