"""The pages for what is not there and for what a role may not see, with the menu where somebody is signed in."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that has no page."""
    return _answer(request, "404.html", status=404)


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what the role of this person does not allow, in the words of whoever refused it."""
    return _answer(request, "403.html", status=403, exception=str(exception))


def _answer(request: HttpRequest, template: str, *, status: int, **context: str) -> HttpResponse:
    # Whoever is refused before sign-in is known has no user, and is shown no menu.
    known = hasattr(request, "user") and admin.site.has_permission(request)
    return render(request, template, {**(admin.site.each_context(request) if known else {}), **context}, status=status)
