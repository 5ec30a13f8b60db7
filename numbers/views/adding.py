"""The first two steps: where the number is now, and adding it to its WABA."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from audit import reach
from audit.pages import actor_of, clock, may, sent, show
from numbers import advice, beginning, registration
from numbers.forms import BeginForm, NameForm, OriginForm, RecordForm
from numbers.models import BusinessAccount, BusinessNumber
from numbers.onboarding import StepKey
from numbers.views import number_page
from numbers.views.telling import carry, find, to_page
from providers.registry import hosts_numbers


@require_http_methods(["GET", "POST"])
@may("numbers.add_businessnumber")
def start(request: HttpRequest) -> HttpResponse:
    """Ask for the number and where it is; the WABA comes first, because it decides what else is asked."""
    accounts = reach.within(BusinessAccount.objects.select_related("account", "business"), request.user)
    asked = request.GET.get("business_account", "")
    chosen = accounts.filter(pk=int(asked)) if asked.isascii() and asked.isdigit() else accounts[:2]
    if len(chosen) != 1:
        return _choose_account(request, list(accounts))
    return _begin(request, chosen[0]) if hosts_numbers(chosen[0].account.kind) else _record(request, chosen[0])


@require_POST
@may("numbers.change_businessnumber")
def origin(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep where a person says that the number is."""
    number = find(request, pk)
    form = OriginForm(request.POST)
    if not form.is_valid():
        return number_page.draw(request, number, step=StepKey.ORIGIN, origin_form=form)
    chosen = form.cleaned_data["origin"]
    carry(
        request,
        number.account.kind,
        lambda: registration.choose_origin(number=number, origin=chosen, actor=actor_of(request), now=clock()),
    )
    return to_page(number)


@require_POST
@may("numbers.add_businessnumber")
def add_at_provider(request: HttpRequest, pk: int) -> HttpResponse:
    """Have Meta add the number to its WABA."""
    number = find(request, pk)
    form = NameForm(request.POST)
    if not form.is_valid():
        return number_page.draw(request, number, step=StepKey.ADD, name_form=form)
    added = carry(
        request,
        number.account.kind,
        lambda: registration.add_number(
            business_account=number.business_account,
            e164=number.e164,
            verified_name=form.cleaned_data["verified_name"],
            migrate=number.origin == BusinessNumber.Origin.OTHER_PROVIDER,
            actor=actor_of(request),
            now=clock(),
        ),
        done=lambda _number: _("The number is in the WABA."),
    )
    return to_page(number, "" if added else StepKey.ADD)


def _choose_account(request: HttpRequest, accounts: list[BusinessAccount]) -> HttpResponse:
    return show(
        request,
        "numbers/choose_account.html",
        title=_("To which WABA does the number belong?"),
        model=BusinessNumber,
        accounts=accounts,
    )


def _begin(request: HttpRequest, account: BusinessAccount) -> HttpResponse:
    form = BeginForm(sent(request)[0])
    if form.is_valid():
        number = carry(
            request,
            account.account.kind,
            lambda: beginning.begin(
                business_account=account, actor=actor_of(request), now=clock(), **form.cleaned_data
            ),
        )
        if number is not None:
            return to_page(number)
    return show(
        request,
        "numbers/add.html",
        title=_("Add a number"),
        model=BusinessNumber,
        account=account,
        form=form,
        cases=number_page.cases(BusinessNumber.Origin.choices, advice.ORIGIN),
        back=reverse("admin:numbers_businessaccount_change", args=[account.pk]),
    )


def _record(request: HttpRequest, account: BusinessAccount) -> HttpResponse:
    form = RecordForm(sent(request)[0])
    if form.is_valid():
        number = carry(
            request,
            account.account.kind,
            lambda: registration.record_number(
                business_account=account, actor=actor_of(request), now=clock(), **form.cleaned_data
            ),
        )
        if number is not None:
            return to_page(number)
    return show(
        request,
        "console/form_page.html",
        title=_("Add a number"),
        model=BusinessNumber,
        form=form,
        intro=_(
            "Kaleyra adds the number to %(account)s in its own console and sends a code to it at once. Then enter the "
            "number here, and the code on its page."
        )
        % {"account": account},
        submit=_("Go on"),
        back=reverse("admin:numbers_businessaccount_change", args=[account.pk]),
    )
