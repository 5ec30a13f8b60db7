"""The documentation, for whoever is signed in."""

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from waadmin.help import documents


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """List every document with its parts."""
    found = [document for name in documents.names() if (document := documents.read(name)) is not None]
    return _show(request, "help/index.html", title=_("Help"), documents=found)


@require_safe
def page(request: HttpRequest, document: str) -> HttpResponse:
    """Show one document."""
    found = documents.read(document.strip("/"))
    if found is None:
        raise Http404
    return _show(request, "help/document.html", title=found.title, document=found)


def _show(request: HttpRequest, template: str, **context: object) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), "is_popup": False, **context})
