"""The console's pages of the ledger: verifying it, signing its head, taking a signed head and the public key away."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit import heads, proof
from audit.forms import EarlierHeadForm
from audit.models import AuditEvent, SignedHead
from audit.pages import actor_of, clock, may, sent, show
from audit.reach import needs_every_business

_SHOWN = 20


@never_cache
@require_http_methods(["GET", "POST"])
@may("audit.view_auditevent")
@needs_every_business
def verify(request: HttpRequest) -> HttpResponse:
    """Verify the ledger when asked to, and say in words what that proved."""
    form = EarlierHeadForm(*sent(request))
    asked = request.method == "POST" and form.is_valid()
    return show(
        request,
        "audit/verify.html",
        title=_("Verify the ledger"),
        model=AuditEvent,
        form=form,
        proved=proof.prove(against=form.cleaned_data["head"]) if asked else None,
        head=heads.head(),
        signed_heads=SignedHead.objects.all()[:_SHOWN],
        fingerprint=heads.signer().fingerprint(),
    )


@require_POST
@may("audit.sign_head")
@needs_every_business
def sign(request: HttpRequest) -> HttpResponse:
    """Sign the head as it is now."""
    signed = heads.sign_head(actor=actor_of(request), now=clock())
    messages.success(
        request, _("Head %d is signed. Download it and keep it where nobody of us can change it.") % signed.sequence
    )
    return redirect(reverse("admin:audit_auditevent_verify"))


@require_GET
@may("audit.view_auditevent")
@needs_every_business
def signed_head(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a signed head as a file to be kept."""
    signed = get_object_or_404(SignedHead, pk=pk)
    name = f"ledger-head-{signed.sequence}-{signed.signed_at:%Y-%m-%d}.json"
    return _file(heads.head_json(signed), "application/json", name)


@require_GET
@may("audit.view_auditevent")
def public_key(request: HttpRequest) -> HttpResponse:
    """Give the public key as a file for auditors."""
    return _file(heads.signer().public_pem(), "application/x-pem-file", "ledger-public-key.pem")


def _file(content: str, kind: str, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
