"""The pages of signing in: the second step, setting an app up, recovery codes, proving again that it is you."""

from collections.abc import Sequence
from typing import Any

import django_otp
import segno
from django.contrib import admin, messages
from django.contrib.auth import authenticate
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language_from_request
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit.pages import actor_of, clock, needs_fresh_sign_in
from numbers.forms import CodeForm
from providers.secret import Secret
from waadmin import preferences
from waadmin.models import Authenticator, StaffAccess
from waadmin.sign_in import second_factor, sessions
from waadmin.sign_in.forms import PasswordForm, PreferencesForm, RecoveryCodeForm


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Show how the person signs in and reads the console: second factor, last day, language, time zone."""
    user: Any = request.user
    kept = preferences.of(user)
    form = PreferencesForm(initial={name: getattr(kept, name) for name in PreferencesForm.base_fields})
    return _draw_overview(request, form)


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep the person's language, time zone and shortcut."""
    user: Any = request.user
    form = PreferencesForm(request.POST)
    if not form.is_valid():
        return _draw_overview(request, form)
    preferences.choose(user=user, now=clock(), **form.cleaned_data)
    # The page that follows is the first one in the new language.
    with translation.override(form.cleaned_data["language"] or get_language_from_request(request)):
        messages.success(request, _("Your choice is kept."))
    return redirect("admin:sign_in")


def _draw_overview(request: HttpRequest, form: PreferencesForm) -> HttpResponse:
    user: Any = request.user
    return _show(
        request,
        "sign_in/overview.html",
        title=_("Your account"),
        form=form,
        authenticator=second_factor.of(user),
        is_required=second_factor.is_required(user),
        codes_left=second_factor.recovery_codes_left(user),
        access=StaffAccess.objects.filter(user_id=user.pk).first(),
    )


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def enter_code(request: HttpRequest) -> HttpResponse:
    """Ask for the second factor after the password."""
    user: Any = request.user
    if user.is_verified() or second_factor.of(user) is None:
        return redirect(_next(request))
    error = ""
    if request.method == "POST":
        try:
            authenticator = _taken(request)
        except second_factor.CodeRefused as refusal:
            error = str(refusal)
        else:
            _prove(request, authenticator)
            by = "recovery_code" if _is_recovery(request) else "app"
            second_factor.record_sign_in(user=user, by=by, now=clock())
            if by == "recovery_code":
                _tell_codes_left(request)
            return redirect(_next(request))
    return _ask_for_code(request, title=_("Second step"), error=error)


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def prove_again(request: HttpRequest) -> HttpResponse:
    """Ask for the second factor, or for the password of somebody who has none, before something dangerous."""
    user: Any = request.user
    error = ""
    has_app = second_factor.of(user) is not None
    if request.method == "POST":
        try:
            if has_app:
                _prove(request, _taken(request))
            else:
                _check_password(request)
                sessions.prove(request.session, clock())
            return redirect(_next(request))
        except second_factor.CodeRefused as refusal:
            error = str(refusal)
    title = _("Prove that it is you")
    if has_app:
        return _ask_for_code(request, title=title, error=error, proving=True)
    context = {"form": PasswordForm(), "error": error, "next": _next(request), "proving": True}
    return _show(request, "sign_in/password.html", title=title, status=400 if error else 200, **context)


@require_safe
def set_up(request: HttpRequest) -> HttpResponse:
    """Show what to scan once an app is being set up, and the way to begin before."""
    return _draw_set_up(request)


@require_POST
@needs_fresh_sign_in
def begin(request: HttpRequest) -> HttpResponse:
    """Make a new secret to scan; the app that was set up earlier stays until a code of the new one came."""
    user: Any = request.user
    second_factor.begin(user=user)
    return redirect("admin:second_factor_set_up")


@sensitive_post_parameters()
@sensitive_variables()
@require_POST
@needs_fresh_sign_in
def confirm(request: HttpRequest) -> HttpResponse:
    """Take the first code of the new app, and show the recovery codes this one time."""
    user: Any = request.user
    try:
        codes = second_factor.confirm(user=user, code=Secret(request.POST.get("code", "")), now=clock())
    except second_factor.CodeRefused as refusal:
        return _draw_set_up(request, error=str(refusal))
    authenticator = second_factor.of(user)
    if authenticator is not None:
        _prove(request, authenticator)
    return _show_codes(request, codes)


@require_POST
@needs_fresh_sign_in
def renew_codes(request: HttpRequest) -> HttpResponse:
    """Make new recovery codes and show them this one time: a redirect would have to keep them somewhere."""
    user: Any = request.user
    if second_factor.of(user) is None:
        return redirect("admin:sign_in")
    return _show_codes(request, second_factor.renew_recovery_codes(user=user, now=clock()))


@sensitive_variables()
def _taken(request: HttpRequest) -> Authenticator:
    user: Any = request.user
    code = Secret(request.POST.get("code", ""))
    if _is_recovery(request):
        return second_factor.spend_recovery_code(user=user, code=code, now=clock())
    return second_factor.verify(user=user, code=code)


@sensitive_variables()
def _check_password(request: HttpRequest) -> None:
    password = request.POST.get("password", "")
    if authenticate(request, username=actor_of(request), password=password) != request.user:
        raise second_factor.CodeRefused(_("This is not your password."))


def _prove(request: HttpRequest, authenticator: Authenticator) -> None:
    django_otp.login(request, authenticator)
    sessions.prove(request.session, clock())


def _is_recovery(request: HttpRequest) -> bool:
    return "recovery" in request.GET


def _ask_for_code(request: HttpRequest, *, title: str, error: str, proving: bool = False) -> HttpResponse:
    form = RecoveryCodeForm() if _is_recovery(request) else CodeForm()
    context = {"form": form, "error": error, "recovery": _is_recovery(request), "next": _next(request)}
    return _show(request, "sign_in/code.html", title=title, status=400 if error else 200, proving=proving, **context)


@sensitive_variables()
def _draw_set_up(request: HttpRequest, error: str = "") -> HttpResponse:
    user: Any = request.user
    begun = second_factor.begun(user)
    return _show(
        request,
        "sign_in/set_up.html",
        title=_("Set up an authenticator app"),
        status=400 if error else 200,
        begun=begun is not None,
        picture=_picture(begun) if begun else "",
        typed=second_factor.typed_secret(begun) if begun else "",
        form=CodeForm(),
        error=error,
        replaces=second_factor.of(user) is not None,
        is_required=second_factor.is_required(user),
    )


@sensitive_variables()
def _picture(authenticator: Authenticator) -> str:
    """Draw the QR code as the address of an image; dark on light, which is what scanners expect."""
    code = segno.make(second_factor.address_of(authenticator).reveal(), error="m")
    return code.svg_data_uri(border=4, dark="#000", light="#fff", omitsize=True)


def _show_codes(request: HttpRequest, codes: Sequence[Secret]) -> HttpResponse:
    return _show(request, "sign_in/recovery_codes.html", title=_("Recovery codes"), codes=codes)


def _tell_codes_left(request: HttpRequest) -> None:
    user: Any = request.user
    left = second_factor.recovery_codes_left(user)
    words = _("You used a recovery code; %(left)d are left. If the app is lost, set up a new one at “Your account”.")
    messages.warning(request, words % {"left": left})


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return reverse("admin:index")


def _show(request: HttpRequest, template: str, *, title: str, status: int = 200, **context: Any) -> HttpResponse:
    """Render a page that belongs to no model."""
    frame = {**admin.site.each_context(request), "title": title, "is_popup": False}
    return render(request, template, {**frame, **context}, status=status)
