"""Too many wrong passwords: what django-axes counts by, and what the page then says.

A failure counts for the name that was typed and the address that it came from, whether or not somebody has that name:
the answer tells nobody which names exist, and nobody can lock out a whole office or everybody behind our proxy.
"""

import ipaddress
from datetime import UTC, datetime
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from audit import ledger

#: A household or an office has at least so much of IPv6 to itself: counting single addresses would count nothing.
_IPV6_SITE = 64


class ThrottlingBackend(AxesStandaloneBackend):  # type: ignore[misc]
    """Refuses a name that is locked before its password is looked at."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> None:
        """Refuse a locked name; code that authenticates without a request has no address to count by."""
        if request is not None:
            super().authenticate(request, username=username, password=password, **kwargs)


def client_address(request: HttpRequest) -> str | None:
    """Give where a request comes from: of X-Forwarded-For only what our own proxy wrote, and only with SECURE_PROXY."""
    written = request.META.get("REMOTE_ADDR", "")
    if settings.SECURE_PROXY:
        # Our proxy adds the address that it saw at the end; everything before is the sender's own word.
        written = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() or written
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return None
    if address.version == 6:
        return str(ipaddress.ip_network((address, _IPV6_SITE), strict=False).network_address)
    return str(address)


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: Any) -> HttpResponse:
    """Answer a locked name: 429, and until when."""
    until = _locked_until(request, (credentials or {}).get("username"))
    context = {**admin.site.each_context(request), "title": "", "until": until, "has_permission": False}
    return render(request, "sign_in/locked_out.html", context, status=429)


def record_lock(sender: Any, request: HttpRequest, username: str | None, **kwargs: Any) -> None:
    """Write into the ledger that a name was locked (receiver of axes' user_locked_out), once each time.

    Only a name that exists is recorded, as an id: whatever else was typed may be somebody's password.
    """
    user = User.objects.filter(username=username or "").first()
    # Tries while a name is locked are not counted and carry no count.
    if user is None or request.axes_failures_since_start is None:  # type: ignore[attr-defined]
        return
    with transaction.atomic():
        ledger.record(
            action="sign_in.locked", actor="sign-in", now=datetime.now(UTC), subject=f"User:{user.pk}", details={}
        )


def _locked_until(request: HttpRequest, username: str | None) -> datetime:
    attempts = AccessAttempt.objects.filter(username=username, ip_address=client_address(request))
    last: datetime | None = attempts.aggregate(last=Max("attempt_time"))["last"]
    return (last or datetime.now(UTC)) + settings.AXES_COOLOFF_TIME
