"""`reset_second_factor`: somebody lost the device and the recovery codes."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from audit.command import ReportingCommand, actor, invalid
from audit.pages import clock
from waadmin.sign_in import second_factor


class Command(ReportingCommand):
    """Takes a person's authenticator and recovery codes away and ends their sessions."""

    help = "Take a lost second factor away and end the person's sessions; the password stays."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the user name."""
        parser.add_argument("username", help="whose second factor is lost")

    def handle(self, *args: Any, **options: Any) -> None:
        """Reset, and tell whether there was one."""
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise invalid(f"Nobody is called {options['username']!r} here.")
        had_one = second_factor.reset(user=user, actor=actor(), now=clock())
        self.row({"username": user.get_username(), "had_second_factor": had_one})
        self.say("Make sure that you spoke to the person: at the next sign-in the password alone sets up a new app.")
