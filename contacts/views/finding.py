"""The search box of every page. What is typed is posted: a number stands in no address, log or browser history."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from audit.pages import may, show
from contacts import finding, masking
from contacts.models import Contact


@sensitive_post_parameters()
@sensitive_variables()
@require_http_methods(["GET", "HEAD", "POST"])
@may("contacts.view_contact")
def find(request: HttpRequest) -> HttpResponse:
    """Go straight to the one thing that was found, or show what was found and how the text was read."""
    found = None
    if request.method == "POST":
        found = finding.find(
            request.POST.get("q", ""),
            rows=lambda model: _shown(request, model),
            in_full=masking.sees_in_full(request.user),
        )
        if found.only is not None:
            return redirect(found.only.href)
    title = _("Find") if found is None or found.hits else _("Nothing found")
    return show(request, "contacts/found.html", title=title, model=Contact, found=found)


def _shown(request: HttpRequest, model: type[Model]) -> QuerySet[Any]:
    """Give the rows that the lists of the console show this person."""
    pages = admin.site._registry[model]
    return pages.get_queryset(request) if pages.has_view_permission(request) else model._default_manager.none()
