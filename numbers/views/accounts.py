"""The page of a WABA: how Meta judges it, its numbers, and the buttons that read it and subscribe its webhooks."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from audit import reach
from audit.pages import actor_of, clock, may
from numbers import onboarding, registration, sync, words
from numbers.models import BusinessAccount
from numbers.onboarding import StepKey
from numbers.views.telling import carry, find, page_of
from providers.registry import hosts_numbers


@require_POST
@may("numbers.sync_businessaccount")
def sync_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Read the WABA and its numbers from Meta."""
    account = _find(request, pk)
    carry(
        request,
        account.account.kind,
        lambda: sync.sync_business_account(business_account=account, actor=actor_of(request), now=clock()),
        done=_synced,
    )
    return _back(request, account, StepKey.ADD)


@require_POST
@may("numbers.sync_businessaccount")
def subscribe(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the WABA's webhooks sent here."""
    account = _find(request, pk)
    carry(
        request,
        account.account.kind,
        lambda: registration.subscribe_webhooks(business_account=account, actor=actor_of(request), now=clock()),
        done=lambda _nothing: _("The webhooks are subscribed, for all numbers of this WABA."),
    )
    return _back(request, account, "")


def standing(account: BusinessAccount, now: datetime) -> dict[str, Any]:
    """Give what the WABA's page shows above its settings."""
    return {
        "waba": account,
        "is_hosted": hosts_numbers(account.account.kind),
        "review": words.said(words.REVIEW, account.account_review_status),
        "verification": words.said(words.BUSINESS_VERIFICATION, account.business_verification_status),
        "limit": words.messaging_limit(account.messaging_limit),
        "subscribed": words.subscribed_badge(account),
        "numbers": [
            {
                "number": number,
                "written": words.international(number.e164),
                "verified": words.verified_badge(number),
                "connected": words.connected_badge(number),
                "next": words.next_button(number, onboarding.current_step(number, now=now)),
            }
            for number in account.numbers.select_related("business_account__account")
        ],
    }


def _find(request: HttpRequest, pk: int) -> BusinessAccount:
    rows = BusinessAccount.objects.select_related("account", "business")
    return get_object_or_404(reach.within(rows, request.user), pk=pk)


def _back(request: HttpRequest, account: BusinessAccount, step: str) -> HttpResponse:
    asked_from = request.POST.get("number", "")
    if asked_from.isascii() and asked_from.isdigit():
        return redirect(page_of(find(request, int(asked_from)), step))
    return redirect(reverse("admin:numbers_businessaccount_change", args=[account.pk]))


def _synced(result: sync.Synced) -> str:
    counted = _("Read from Meta: %(created)d new, %(updated)d changed, %(unchanged)d as before.") % {
        "created": result.created,
        "updated": result.updated,
        "unchanged": result.unchanged,
    }
    if not result.left_out:
        return counted
    words_of_it = _("Left out, because no phone number could be read: %(ids)s.") % {"ids": ", ".join(result.left_out)}
    return f"{counted} {words_of_it}"
