"""Pages of our own inside the admin: the frame they share, who acts, and when. No page holds logic."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.text import capfirst

_P = ParamSpec("_P")
_Response = TypeVar("_Response", bound=HttpResponseBase)
_View = Callable[Concatenate[HttpRequest, _P], _Response]


def may(*permissions: str) -> Callable[[_View[_P, _Response]], _View[_P, _Response]]:
    """Let a view run only for people who have all these permissions; others read that their role lacks it."""

    def decorate(view: _View[_P, _Response]) -> _View[_P, _Response]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> _Response:
            if not request.user.has_perms(permissions):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return decorate


#: Asks a person to prove that it is them, where they have not done so lately; waadmin fills it, and until then
#: everybody passes.
_AskAgain = Callable[[HttpRequest], HttpResponse | None]
_ask_again: list[_AskAgain] = []


def register_fresh_sign_in(ask_again: _AskAgain) -> None:
    """Take what answers a request whose sender should first prove again that it is them, and None otherwise."""
    _ask_again[:] = [ask_again]


def ask_for_fresh_sign_in(request: HttpRequest) -> HttpResponse | None:
    """Give the answer that asks for a proof first, or None where the last one is fresh enough."""
    return next((asked for ask_again in _ask_again if (asked := ask_again(request)) is not None), None)


def needs_fresh_sign_in(
    view: Callable[Concatenate[HttpRequest, _P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, _P], HttpResponse]:
    """Let a view run only soon after its person proved that it is them: before secrets change, are shown or exported.

    Stands inside `may`: whoever lacks the permission is not asked for a code first.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponse:
        return ask_for_fresh_sign_in(request) or view(request, *args, **kwargs)

    return guarded


def show(
    request: HttpRequest,
    template: str,
    *,
    title: object,
    model: type[Model],
    of: Model | None = None,
    row: Model | None = None,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """Render a page in the console's frame; the breadcrumbs lead over the model's list and the object `of`.

    `row` is what the page itself is about: its history is one press away.
    """
    frame = {
        **admin.site.each_context(request),
        "title": title,
        "opts": model._meta,
        "list_title": capfirst(model._meta.verbose_name_plural),
        "of": of,
        "history_of": row,
        "is_popup": False,
    }
    return render(request, template, {**frame, **context}, status=status)


def sent(request: HttpRequest) -> tuple[Any, Any]:
    """Give what a form is bound to: fields and files of a POST, however few, and nothing otherwise."""
    return (request.POST, request.FILES) if request.method == "POST" else (None, None)


def actor_of(request: HttpRequest) -> str:
    """Give who acts, as the ledger records it."""
    return request.user.get_username()


def clock() -> datetime:
    """Give the time that a page hands to the journey behind it."""
    return datetime.now(UTC)
