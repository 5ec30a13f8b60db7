"""Every request of somebody who is signed in: does the session last, does the account, is the second factor there?"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from waadmin.models import StaffAccess
from waadmin.sign_in import second_factor, sessions
from waadmin.sign_in.freshness import way_back

_ALWAYS = frozenset({"admin:logout", "admin:jsi18n"})
#: What somebody may see who has given the password only, by what is wanted next.
_ENTER_CODE = _ALWAYS | {"admin:second_factor"}
_SET_UP = _ALWAYS | {
    "admin:second_factor_set_up",
    "admin:second_factor_begin",
    "admin:second_factor_confirm",
    "admin:confirm_sign_in",
}


class SignInMiddleware:
    """Ends sessions whose time is over, and keeps those without their second factor from every page but its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Hand the request on; what is to be decided needs the view."""
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Answer in the place of the view where the session is over or lacks its second factor."""
        # Webhooks carry no cookie: they must not depend on sessions.
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.user.is_authenticated:
            return None
        now = datetime.now(UTC)
        access = StaffAccess.objects.filter(user_id=request.user.pk).first()
        ending = sessions.ending(request.session, access, now)
        if ending is not None:
            return _ended(request, ending)
        if request.headers.get("Accept") != "application/json":
            # The script that follows a run's progress asks in its person's absence too.
            sessions.note_use(request.session, now)
        return _to_second_factor(request)


def _ended(request: HttpRequest, ending: sessions.Ending) -> HttpResponse | None:
    name = request.resolver_match.view_name if request.resolver_match else ""
    logout(request)
    if name in ("admin:login", "admin:logout"):
        return None
    return redirect_to_login(way_back(request), f"{reverse('admin:login')}?ended={ending}")


def _to_second_factor(request: HttpRequest) -> HttpResponse | None:
    user: Any = request.user
    if user.is_verified():
        return None
    name = request.resolver_match.view_name if request.resolver_match else ""
    if second_factor.of(user) is not None:
        page, may = "admin:second_factor", _ENTER_CODE
    elif second_factor.is_required(user):
        page, may = "admin:second_factor_set_up", _SET_UP
    else:
        return None
    if name in may:
        return None
    return redirect(f"{reverse(page)}?{urlencode({'next': way_back(request)})}")
