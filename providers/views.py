"""The pages of a provider account: pause, resume, confirm the recipient, replace credentials, test, webhook address."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from audit import reach
from audit.pages import actor_of, clock, may, needs_fresh_sign_in, sent, show
from providers import accounts
from providers.forms import ConfirmRecipientForm, CredentialsForm, PauseForm
from providers.models import ProviderAccount
from providers.reach import may_change
from providers.registry import can_check


def account_url(account: ProviderAccount) -> str:
    """Give the address of the account's page."""
    return reverse("admin:providers_provideraccount_change", args=[account.pk])


@require_http_methods(["GET", "POST"])
@may("providers.pause_provideraccount")
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Pause with a reason."""
    account = _find(request, pk)
    form = PauseForm(sent(request)[0], kind=account.kind)
    if request.method == "POST" and form.is_valid():
        if accounts.pause(account=account, reason=form.cleaned_data["reason"], actor=actor_of(request), now=clock()):
            messages.success(request, _("%(account)s is paused: nothing is asked through it.") % {"account": account})
        else:
            messages.info(request, _("%(account)s was paused already.") % {"account": account})
        return redirect(account_url(account))
    return show(
        request,
        "console/form_page.html",
        title=_("Pause"),
        model=ProviderAccount,
        of=account,
        form=form,
        intro=_("No number is asked about until somebody resumes the account. Check runs wait and lose nothing.")
        if can_check(account.kind)
        else _("Nothing is done with its numbers until somebody resumes the account."),
        submit=_("Pause the account"),
        back=account_url(account),
    )


@require_POST
@may("providers.pause_provideraccount")
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Resume."""
    account = _find(request, pk)
    if accounts.resume(account=account, actor=actor_of(request), now=clock()):
        messages.success(
            request, _("%(account)s may be used again. Runs that wait go on within a minute.") % {"account": account}
        )
    else:
        messages.info(request, _("%(account)s was not paused.") % {"account": account})
    return redirect(account_url(account))


@require_http_methods(["GET", "POST"])
@may("providers.confirm_provideraccount")
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Confirm an unofficial recipient."""
    account = _find(request, pk)
    form = ConfirmRecipientForm(sent(request)[0])
    if request.method == "POST" and form.is_valid():
        try:
            accounts.confirm_recipient(account=account, actor=actor_of(request), now=clock())
        except accounts.AccountRefused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("The recipient is confirmed; your name stands beside it."))
        return redirect(account_url(account))
    return show(
        request,
        "providers/confirm.html",
        title=_("Confirm the recipient"),
        model=ProviderAccount,
        of=account,
        form=form,
        account=account,
        submit=_("Confirm the recipient"),
        back=account_url(account),
    )


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
@may("providers.change_provideraccount")
@needs_fresh_sign_in
def credentials(request: HttpRequest, pk: int) -> HttpResponse:
    """Replace credentials: what is entered goes in and is never shown again."""
    account = _find(request, pk)
    form = CredentialsForm(sent(request)[0], kind=account.kind)
    if request.method == "POST" and form.is_valid():
        try:
            accounts.replace_credentials(
                account=account, credentials=form.secrets(), actor=actor_of(request), now=clock()
            )
        except accounts.AccountRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The credentials are replaced. Test the connection next."))
            return redirect(account_url(account))
    return show(
        request,
        "console/form_page.html",
        title=_("Replace credentials"),
        model=ProviderAccount,
        of=account,
        form=form,
        intro=_("What you enter is encrypted and never shown again. A field that stays empty keeps its credential."),
        submit=_("Replace"),
        back=account_url(account),
    )


@never_cache
@require_POST
@may("providers.change_provideraccount")
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Test the connection and list its steps; the answer is shown at once and kept nowhere but in the ledger."""
    account = _find(request, pk)
    steps = accounts.test_connection(account=account, actor=actor_of(request), now=clock())
    return show(
        request,
        "providers/test.html",
        title=_("Test connection"),
        model=ProviderAccount,
        of=account,
        account=account,
        steps=[(step, not step.tested) for step in steps],
        failed=next((step for step in steps if not step.ok), None),
    )


@never_cache
@require_POST
@may("providers.change_provideraccount")
@needs_fresh_sign_in
def webhook_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the webhook address anew and show it this one time: a redirect would have to keep the token somewhere."""
    account = _find(request, pk, kind=ProviderAccount.Kind.ONPREM)
    token = accounts.new_webhook_token(account=account, actor=actor_of(request), now=clock())
    path = f"/webhooks/onprem/{account.uuid}/{token.reveal()}/"
    return show(
        request,
        "providers/webhook.html",
        title=_("Webhook address"),
        model=ProviderAccount,
        of=account,
        account=account,
        address=request.build_absolute_uri(path),
    )


def _find(request: HttpRequest, pk: int, **fields: str) -> ProviderAccount:
    """Give the account of a page that does something with it; one that serves others too is theirs as well.

    :raises OutOfReach: for an account that serves a business which this person does not reach.
    """
    rows = reach.within(ProviderAccount.objects.all(), request.user)
    account = get_object_or_404(rows, pk=pk, **fields)
    if not may_change(account, reach.businesses(request.user)):
        raise reach.OutOfReach
    return account
