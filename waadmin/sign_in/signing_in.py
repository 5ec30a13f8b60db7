"""The first step, name and password: why a session ended, and the mark that signing in leaves."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from audit.pages import clock
from waadmin.sign_in import second_factor
from waadmin.sign_in.sessions import Ending


def why_ended(request: HttpRequest) -> str:
    """Say why somebody who was signed in stands before the door again; nothing where nobody was."""
    words: dict[str, str] = {
        Ending.IDLE: _("You were signed out because nothing was done for a while."),
        Ending.TOO_LONG: _("You were signed out because the working day of this session is over."),
        Ending.SIGNED_OUT: _("An administrator ended this session. Sign in again."),
        Ending.ACCOUNT_ENDED: _("This account has ended. Ask an administrator whether it is to go on."),
    }
    return words.get(request.GET.get("ended", ""), "")


def record(request: HttpRequest) -> None:
    """Write into the ledger that somebody signed in, unless a second step is still to come."""
    user: Any = request.user
    if request.method != "POST" or not user.is_authenticated or not user.is_staff:
        return
    if second_factor.of(user) is None and not second_factor.is_required(user):
        second_factor.record_sign_in(user=user, by="none", now=clock())
