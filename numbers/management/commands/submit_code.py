"""submit_code: prove with a one-time code that a number is ours."""

from datetime import UTC, datetime
from typing import Any

from django.views.decorators.debug import sensitive_variables

from audit.command import actor, invalid
from numbers import codes, limits
from numbers.limits import Refused
from numbers.management.commands import NumberCommand, secret_line
from providers.secret import Secret


class Command(NumberCommand):
    """Submits a code through the journey that the stepper uses."""

    help = (
        "Submit a one-time code, which is read from standard input. It is sent once and kept nowhere. For Kaleyra no "
        "earlier request_code is needed."
    )

    @sensitive_variables()
    def handle(self, *args: Any, **options: Any) -> None:
        """Submit the code and print what came of it."""
        number = self.number(options)
        try:
            code: Secret = codes.read_code(secret_line("Code"))
        except codes.CodeUnreadable as unreadable:
            raise invalid(unreadable.message) from None
        now = datetime.now(UTC)
        try:
            attempt = codes.submit_code(number=number, code=code, actor=actor(), now=now)
        except Refused as refusal:
            self.refused(refusal)
            return
        left = limits.allowance(number=number, actor=actor(), now=datetime.now(UTC))
        self.report(
            attempt, already_verified=attempt.provider_words == codes.ALREADY_VERIFIED, tries_left=left.tries_left
        )
