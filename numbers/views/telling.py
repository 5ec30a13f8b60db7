"""How the outcome of a button is told: one journey is called, and what it says stands at the head of the next page."""

from collections.abc import Callable
from typing import TypeVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from audit import reach
from numbers.codes import CodeUnreadable
from numbers.limits import Refused
from numbers.models import BusinessNumber
from providers.catalogue import explain
from providers.errors import AnswerLost, NotConfigured, NotSent, ProviderError

_Result = TypeVar("_Result")


def find(request: HttpRequest, pk: int) -> BusinessNumber:
    """Give the number of a page, of a business that this person reaches, with its WABA and provider account."""
    rows = BusinessNumber.objects.select_related("business_account__account", "business_account__business")
    return get_object_or_404(reach.within(rows, request.user), pk=pk)


def page_of(number: BusinessNumber, step: str = "") -> str:
    """Give the address of the number's page, opened at a step."""
    page = reverse("admin:numbers_businessnumber_change", args=[number.pk])
    return f"{page}?step={step}#step-{step}" if step else page


def to_page(number: BusinessNumber, step: str = "") -> HttpResponse:
    """Lead to the number's page."""
    return redirect(page_of(number, step))


def carry(
    request: HttpRequest, kind: str, journey: Callable[[], _Result], *, done: Callable[[_Result], object] | None = None
) -> _Result | None:
    """Call the journey; say what it has done, or why it has not, and give its result where there is one."""
    try:
        result = journey()
    except (Refused, CodeUnreadable) as refusal:
        messages.error(request, refusal.message)
        return None
    except ProviderError as error:
        messages.error(request, said_by_provider(kind, error))
        return None
    words = done(result) if done else ""
    if words:
        messages.success(request, str(words))
    return result


def said_by_provider(kind: str, error: ProviderError) -> SafeString | str:
    """Put a provider's refusal into words, or the lack of an answer."""
    if isinstance(error, AnswerLost):
        return _(
            "No answer came back, so nobody knows what happened. Nothing is sent again by itself: read again first."
        )
    if isinstance(error, NotSent | NotConfigured):
        return f"{error.message} {error.next_step}"
    context = {
        "explanation": explain(kind, error.code, http_status=error.http_status),
        "words": error.said or error.message,
        "trace_id": error.trace_id,
        "quiet": True,
    }
    return render_to_string("numbers/provider_error.html", context)
