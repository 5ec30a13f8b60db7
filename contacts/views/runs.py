"""A check run before it leaves: source, preview, confirm. Nothing is written and nothing sent until it is confirmed."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from audit import reach
from audit.pages import actor_of, clock, may, show
from contacts import checks, masking, run_words, words
from contacts.checks import Chosen, Judged, Line, Preview
from contacts.forms.runs import MOST_NUMBERS, RunForm, checkers
from contacts.gate import Outcome, Reason
from contacts.models import CheckBatch, Contact
from providers.e164 import Reading
from providers.errors import NotConfigured
from providers.interfaces import EvidenceStrength
from providers.models import ProviderAccount

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
        form = RunForm(request.POST, request.FILES, reached=reach.businesses(request.user))
        if "edit" in request.POST:
            return _source_page(request, RunForm(initial=request.POST.dict(), reached=reach.businesses(request.user)))
        if form.is_valid():
            return _preview_page(request, form)
        return _source_page(request, form)
    account = request.GET.get("account") or _only_account(request)
    return _source_page(request, RunForm(initial={"account": account}, reached=reach.businesses(request.user)))


@never_cache
@require_POST
@may("contacts.add_checkbatch")
def confirm(request: HttpRequest) -> HttpResponse:
    """Make the run that the preview showed."""
    form = RunForm(request.POST, reached=reach.businesses(request.user))
    if not form.is_valid():
        return _source_page(request, form)
    cleaned = form.cleaned_data
    if made := checks.made_of(cleaned["preview"], account=cleaned["account"]):
        return redirect(_url(made))
    chosen = _choose(form, at=form.chosen_as_of(clock()))
    if chosen is not None and chosen.digest != cleaned["chosen"]:
        messages.warning(
            request, _("Other people meet the filter now than when you looked. This is the preview as it is now.")
        )
        return _preview_page(request, form)
    lines = _read(form, chosen)
    try:
        batch = checks.create(
            account=cleaned["account"],
            lines=lines,
            purpose=cleaned["purpose"],
            source=cleaned["source"],
            actor=actor_of(request),
            now=clock(),
            force_reason=form.force_words(),
            reading=Reading(cleaned["reading"]),
            region=cleaned["region"],
            chosen_by=form.wanted(),
            preview_id=cleaned["preview"],
        )
    except checks.CheckRefused as refusal:
        form.add_error(None, str(refusal))
    except NotConfigured as error:
        form.add_error("account", error.message)
    else:
        return redirect(_url(batch))
    return _source_page(request, form)


def from_selection(request: HttpRequest, numbers: Sequence[str]) -> HttpResponse:
    """Begin a run with the numbers of selected contacts."""
    initial = {
        "account": _only_account(request),
        "numbers": "\n".join(numbers[:MOST_NUMBERS]),
        "source": CheckBatch.Source.SELECTION,
    }
    return _source_page(request, RunForm(initial=initial, reached=reach.businesses(request.user)))


def _url(batch: CheckBatch) -> str:
    return reverse("admin:contacts_checkbatch_change", args=[batch.pk])


def _choose(form: RunForm, *, at: datetime) -> Chosen | None:
    """Give the people whom the form's filter means at a moment, or None where numbers are written."""
    wanted, business = form.wanted(), form.cleaned_data["account"].business
    if wanted is None or business is None:
        return None
    return checks.choose(business=business, wanted=wanted, at=at, most=MOST_NUMBERS)


def _read(form: RunForm, chosen: Chosen | None) -> Sequence[Line]:
    cleaned = form.cleaned_data
    texts = chosen.numbers if chosen else cleaned["texts"]
    return checks.read_lines(texts, reading=Reading(cleaned["reading"]), region=cleaned["region"] or None)


def _only_account(request: HttpRequest) -> int | None:
    """Give the account where there is no choice."""
    found = list(checkers(reach.businesses(request.user)).values_list("pk", flat=True)[:2])
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
        has_accounts=reach.within(ProviderAccount.objects.all(), request.user).exists(),
        can_check=form.fields["account"].queryset.exists(),  # type: ignore[attr-defined]
    )


def _preview_page(request: HttpRequest, form: RunForm) -> HttpResponse:
    cleaned = form.cleaned_data
    account: ProviderAccount = cleaned["account"]
    now = clock()
    chosen = _choose(form, at=now)
    if chosen is not None and not chosen.numbers:
        form.add_error("unchecked_days", _("Nobody meets this filter: nobody agreed to it, or all were asked lately."))
        return _source_page(request, form)
    try:
        preview = checks.preview(
            account=account,
            lines=_read(form, chosen),
            purpose=cleaned["purpose"],
            force=bool(form.force_words()),
            now=now,
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
        headline=run_words.headline(preview, account.check_budget),
        cached=preview.outcomes.get(Outcome.CACHED, 0),
        waiting=preview.outcomes.get(Outcome.WAITING, 0),
        refused=preview.outcomes.get(Outcome.REFUSED, 0),
        groups=_refused_groups(preview, account, reach.businesses(request.user)),
        unreadable=[row.line for row in preview.rows if row.line.number is None][:_LINES_SHOWN],
        unreadable_count=preview.refusals.get(Reason.NOT_E164, 0),
        variants=[
            (_shown(first), first.position, _shown(second), second.position)
            for first, second in preview.variants[:_LINES_SHOWN]
        ],
        reached=[(masking.number(number), at) for number, at in list(preview.reached.items())[:_LINES_SHOWN]],
        reached_count=len(preview.reached),
        reached_more=len(preview.reached) - _LINES_SHOWN,
        is_weak=preview.strength is EvidenceStrength.WEAK,
        form=form,
        numbers="\n".join(cleaned["texts"]),
        chosen=chosen,
        previewed_at=now.isoformat(),
        chosen_by=run_words.chosen_by(wanted.written()) if (wanted := form.wanted()) else "",
        preview_id=uuid.uuid4(),
        force_reason=form.force_words(),
    )


def _refused_groups(preview: Preview, account: ProviderAccount, reached: reach.Businesses) -> list[RefusedGroup]:
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
            **_fix(reason, rows[0], account, reached),
        )
        for reason, rows in sorted(by_reason.items(), key=lambda item: -len(item[1]))
    ]


def _shown(line: Line) -> str:
    return masking.number(line.number.e164) if line.number else line.input[:80]


def _fix(reason: Reason, row: Judged, account: ProviderAccount, reached: reach.Businesses) -> dict[str, Any]:
    record = reverse("admin:contacts_optin_add") + f"?business={account.business_id}"
    if row.contact is not None:
        record += f"&person={row.contact.pk}"
    import_page = reverse("admin:contacts_optinimport_add")
    match reason:
        case Reason.NOT_E164:
            return {"fix": _("Correct them, or say how numbers without + are to be read."), "href": "", "action": ""}
        case Reason.WITHDRAWN:
            fix = _("Only an opt-in that the person gives after opting out changes this.")
            return {"fix": fix, "href": record, "action": _("Record a new opt-in")}
        case Reason.REGION_NOT_SERVED:
            return {"fix": _("Choose another account for these numbers."), "href": "", "action": ""}
        # Whom only another business knows is nobody to somebody who does not reach it.
        case _ if row.line.number is not None and (row.contact is None or not _knows(row.contact, reached)):
            return {"fix": _("Bring the records in first."), "href": import_page, "action": _("Import opt-ins")}
        case _:
            return {"fix": _("Record what the person agreed to."), "href": record, "action": _("Record opt-in")}


def _knows(contact: Contact, reached: reach.Businesses) -> bool:
    return reach.narrowed(Contact.objects.filter(pk=contact.pk), reached).exists()
