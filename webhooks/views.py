"""The console's pages of the front door: one request, processing it again, the settings, the self-test."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from audit import reach
from audit.pages import actor_of, clock, may, show
from audit.reach import needs_every_business
from providers.models import ProviderAccount
from webhooks import overview, replaying, self_test, words
from webhooks.models import WebhookRequest


@never_cache
@require_GET
@may("webhooks.view_webhookrequest")
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one request: raw, parsed, and each step of its processing."""
    stored = get_object_or_404(reach.within(WebhookRequest.objects.all(), request.user), pk=pk)
    return show(
        request,
        "webhooks/request.html",
        title=_("Webhook request #%d") % stored.pk,
        model=WebhookRequest,
        row=stored,
        stored=stored,
        state=words.state_badge(stored, clock()),
        account=ProviderAccount.objects.filter(pk=stored.account_id or 0).first(),
        told=overview.tell(stored),
    )


@require_POST
@may("webhooks.process_webhookrequest")
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Process one request again, now."""
    stored = get_object_or_404(reach.within(WebhookRequest.objects.all(), request.user), pk=pk)
    if replaying.process_again(request_id=stored.pk, actor=actor_of(request), now=clock()):
        messages.success(request, _("All of it was read. What had its effect before was not done twice."))
    else:
        messages.warning(request, _("Not all of it was read: the steps below say why."))
    return redirect(reverse("admin:webhooks_webhookrequest_change", args=[stored.pk]))


@never_cache
@require_GET
@may("webhooks.view_webhookrequest")
@needs_every_business
def settings(request: HttpRequest) -> HttpResponse:
    """Show what Meta must be told, and how webhooks stand."""
    return show(
        request,
        "webhooks/settings.html",
        title=_("Webhook settings"),
        model=WebhookRequest,
        address=request.build_absolute_uri(reverse("webhooks:meta")),
        **overview.settings(clock()),
    )


@require_POST
@may("webhooks.process_webhookrequest")
@needs_every_business
def test(request: HttpRequest) -> HttpResponse:
    """Test handshake, signatures and storing, and show each step."""
    steps = self_test.run(actor=actor_of(request), now=clock())
    return show(
        request,
        "webhooks/self_test.html",
        title=_("Signature self-test"),
        model=WebhookRequest,
        steps=steps,
        failed=next((step for step in steps if not step.ok), None),
    )
