"""A check run before it leaves: source, preview, confirm. Nothing is written and nothing sent until it is confirmed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from audit.pages import actor_of, clock, may, show
from contacts import checks, masking, words
from contacts.checks import Judged, Line, Preview
from contacts.forms.runs import MOST_NUMBERS, RunForm
from contacts.gate import Outcome, Reason
from contacts.models import CheckBatch
from providers.e164 import Reading
from providers.errors import NotConfigured
from providers.interfaces import EvidenceStrength
from providers.models import ProviderAccount
from providers.registry import can_check

_EXAMPLES = 8
_LINES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class RefusedGroup:
    """All numbers that one rule refuses: how many, some of them, and what mends it."""

    words: str
    count: int
    examples: Sequence[str]
    fix: str
    href: str
    action: str


@never_cache
@require_http_methods(["GET", "POST"])
@may("contacts.add_checkbatch")
def new(request: HttpRequest) -> HttpResponse:
    """Ask for the numbers; a valid form leads on to the preview."""
    if request.method == "POST":
        form = RunForm(request.POST, request.FILES)
        if "edit" in request.POST:
            return _source_page(request, RunForm(initial=request.POST.dict()))
        if form.is_valid():
            return _preview_page(request, form)
        return _source_page(request, form)
    account = request.GET.get("account") or _only_account()
    return _source_page(request, RunForm(initial={"account": account}))


@never_cache
@require_POST
@may("contacts.add_checkbatch")
def confirm(request: HttpRequest) -> HttpResponse:
    """Make the run that the preview showed."""
    form = RunForm(request.POST)
    if not form.is_valid():
        return _source_page(request, form)
    cleaned = form.cleaned_data
    try:
        batch = checks.create(
            account=cleaned["account"],
            lines=_read(form),
            purpose=cleaned["purpose"],
            source=cleaned["source"],
            actor=actor_of(request),
            now=clock(),
            force_reason=form.force_words(),
            reading=Reading(cleaned["reading"]),
            region=cleaned["region"],
        )
    except checks.CheckRefused as refusal:
        form.add_error(None, str(refusal))
    except NotConfigured as error:
        form.add_error("account", error.message)
    else:
        return redirect(reverse("admin:contacts_checkbatch_change", args=[batch.pk]))
    return _source_page(request, form)


def from_selection(request: HttpRequest, numbers: Sequence[str]) -> HttpResponse:
    """Begin a run with the numbers of selected contacts."""
    initial = {
        "account": _only_account(),
        "numbers": "\n".join(numbers[:MOST_NUMBERS]),
        "source": CheckBatch.Source.SELECTION,
    }
    return _source_page(request, RunForm(initial=initial))


def _read(form: RunForm) -> Sequence[Line]:
    cleaned = form.cleaned_data
    return checks.read_lines(cleaned["texts"], reading=Reading(cleaned["reading"]), region=cleaned["region"] or None)


def _only_account() -> int | None:
    """Give the account where there is no choice."""
    checkers = [kind for kind in ProviderAccount.Kind.values if can_check(kind)]
    found = list(ProviderAccount.objects.filter(kind__in=checkers).values_list("pk", flat=True)[:2])
    return found[0] if len(found) == 1 else None


def _source_page(request: HttpRequest, form: RunForm) -> HttpResponse:
    return show(
        request,
        "contacts/run_new.html",
        title=_("New check run"),
        model=CheckBatch,
        form=form,
        form_action=reverse("admin:contacts_checkbatch_add"),
        step=1,
        has_accounts=ProviderAccount.objects.exists(),
        can_check=form.fields["account"].queryset.exists(),  # type: ignore[attr-defined]
    )


def _preview_page(request: HttpRequest, form: RunForm) -> HttpResponse:
    cleaned = form.cleaned_data
    account: ProviderAccount = cleaned["account"]
    try:
        preview = checks.preview(
            account=account,
            lines=_read(form),
            purpose=cleaned["purpose"],
            force=bool(form.force_words()),
            now=clock(),
        )
    except NotConfigured as error:
        form.add_error("account", error.message)
        return _source_page(request, form)
    except checks.CheckRefused as refusal:
        form.add_error(None, str(refusal))
        return _source_page(request, form)
    return show(
        request,
        "contacts/run_preview.html",
        title=_("Preview of the check run"),
        model=CheckBatch,
        step=2,
        account=account,
        purpose=words.purposes(cleaned["purpose"]),
        preview=preview,
        total=len(preview.rows),
        headline=headline(preview, account),
        cached=preview.outcomes.get(Outcome.CACHED, 0),
        waiting=preview.outcomes.get(Outcome.WAITING, 0),
        refused=preview.outcomes.get(Outcome.REFUSED, 0),
        groups=_refused_groups(preview, account),
        unreadable=[row.line for row in preview.rows if row.line.number is None][:_LINES_SHOWN],
        unreadable_count=preview.refusals.get(Reason.NOT_E164, 0),
        variants=preview.variants[:_LINES_SHOWN],
        reached=[(masking.number(number), at) for number, at in list(preview.reached.items())[:_LINES_SHOWN]],
        reached_count=len(preview.reached),
        reached_more=len(preview.reached) - _LINES_SHOWN,
        is_weak=preview.strength is EvidenceStrength.WEAK,
        form=form,
        numbers="\n".join(cleaned["texts"]),
        force_reason=form.force_words(),
    )


def headline(preview: Preview, account: ProviderAccount) -> str:
    """Say in one sentence what the run would do."""
    parts = [_("%(count)d to check") % {"count": preview.to_ask}]
    counted: tuple[tuple[Outcome, str], ...] = (
        (Outcome.WAITING, _("%(count)d wait")),
        (Outcome.REFUSED, _("%(count)d not sent")),
        (Outcome.CACHED, _("%(count)d fresh")),
    )
    parts += [text % {"count": preview.outcomes[outcome]} for outcome, text in counted if preview.outcomes.get(outcome)]
    if preview.duplicates:
        parts.append(_("%(count)d repeated") % {"count": preview.duplicates})
    sentence = _("%(total)d: %(parts)s; nothing sent yet") % {"total": len(preview.rows), "parts": ", ".join(parts)}
    if preview.budget_after is not None:
        sentence += _("; budget %(left)d of %(budget)d after") % {
            "left": preview.budget_after,
            "budget": account.check_budget or 0,
        }
    return sentence + "."


def _refused_groups(preview: Preview, account: ProviderAccount) -> list[RefusedGroup]:
    business = account.business.name if account.business else ""
    by_reason: dict[Reason, list[Judged]] = {}
    for row in preview.rows:
        if row.decision.outcome is Outcome.REFUSED and row.duplicate_of is None and row.decision.reason:
            by_reason.setdefault(row.decision.reason, []).append(row)
    return [
        RefusedGroup(
            words=words.refusal(reason, business),
            count=len(rows),
            examples=[_shown(row.line) for row in rows[:_EXAMPLES]],
            **_fix(reason, rows[0], account),
        )
        for reason, rows in sorted(by_reason.items(), key=lambda item: -len(item[1]))
    ]


def _shown(line: Line) -> str:
    return masking.number(line.number.e164) if line.number else line.input[:80]


def _fix(reason: Reason, row: Judged, account: ProviderAccount) -> dict[str, Any]:
    number = row.line.number.e164 if row.line.number else ""
    record = reverse("admin:contacts_optin_add") + f"?business={account.business_id}&number=%2B{number[1:]}"
    import_page = reverse("admin:contacts_optinimport_add")
    match reason:
        case Reason.NOT_E164:
            return {"fix": _("Correct them, or say how numbers without + are to be read."), "href": "", "action": ""}
        case Reason.WITHDRAWN:
            fix = _("Only an opt-in that the person gives after opting out changes this.")
            return {"fix": fix, "href": record, "action": _("Record a new opt-in")}
        case Reason.REGION_NOT_SERVED:
            return {"fix": _("Choose another account for these numbers."), "href": "", "action": ""}
        case _ if row.line.number is not None and row.contact is None:
            return {"fix": _("Bring the records in first."), "href": import_page, "action": _("Import opt-ins")}
        case _:
            return {"fix": _("Record what the person agreed to."), "href": record, "action": _("Record opt-in")}
