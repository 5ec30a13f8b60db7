"""Before secrets change, are shown or exported: a proof within ten minutes that it is still the same person.

The proof is the second factor, or the password of somebody who has none.
"""

from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from waadmin.sign_in import sessions


def ask_again(request: HttpRequest) -> HttpResponse | None:
    """Lead to the page that asks for the proof, and back to this one; None while the last proof is fresh."""
    if sessions.is_fresh(request.session, datetime.now(UTC)):
        return None
    if request.method not in ("GET", "HEAD"):
        messages.warning(request, _("Nothing was done yet: too much time had passed. Please send it again."))
    return redirect(f"{reverse('admin:confirm_sign_in')}?{urlencode({'next': way_back(request)})}")


def way_back(request: HttpRequest) -> str:
    """Give where to lead afterwards: the page that was asked for, or the one that a form stood on."""
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    form_page = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(form_page, {request.get_host()}, require_https=request.is_secure()):
        parts = urlsplit(form_page)
        return urlunsplit(("", "", parts.path, parts.query, ""))
    return reverse("admin:index")
