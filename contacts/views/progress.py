"""A check run under way and afterwards: live counts, pause, resume, cancel, retry, its rows, and its file."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from audit import reach
from audit.display import Tone
from audit.pages import actor_of, clock, may, show
from contacts import checks, masking, pace, run_words, words
from contacts.checking import download as rows_file
from contacts.models import CheckBatch, ContactCheck
from contacts.visibility import PERMISSION, visible
from providers.interfaces import EvidenceStrength

_ROWS_A_PAGE = 100
STATE_TONES = {
    CheckBatch.State.RUNNING: Tone.BUSY,
    CheckBatch.State.PAUSED: Tone.WARN,
    CheckBatch.State.CANCELLED: Tone.QUIET,
    CheckBatch.State.FINISHED: Tone.GOOD,
}
#: The figures of a run, in the order of the page: key, words, tone, and the statuses that are counted.
_FIGURES: tuple[tuple[str, Callable[[], str], str, tuple[str, ...]], ...] = (
    ("valid", lambda: _("On WhatsApp"), "good", ("VALID",)),
    ("weak", lambda: _("Say yes (this provider says yes to everyone)"), "quiet", ()),
    ("invalid", lambda: _("Not on WhatsApp"), "bad", ("INVALID",)),
    ("open", lambda: _("Waiting or being checked"), "busy", ContactCheck.OPEN),
    ("refused", lambda: _("Not sent"), "quiet", ("REFUSED",)),
    ("failed", lambda: _("Could not be checked"), "warn", ("FAILED",)),
    ("unknown", lambda: _("No answer (counted)"), "warn", ("UNKNOWN",)),
    ("duplicate", lambda: _("Repeated lines"), "quiet", ("DUPLICATE",)),
    ("cancelled", lambda: _("Cancelled"), "quiet", ("CANCELLED",)),
)
#: Shown also when they are nought.
_ALWAYS = ("valid", "invalid", "open", "refused")


@never_cache
@require_safe
@may("contacts.view_checkbatch", "contacts.view_contactcheck")
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show where the run stands, and its rows."""
    batch = _batch(request, pk)
    live = read_live(batch)
    status = request.GET.get("status", "")
    tabs = [{"status": "", "words": _("All"), "count": live["total"]}]
    tabs += [
        {"status": choice.value, "words": _tab_words(choice, live), "count": live["counts"][choice.value]}
        for choice in ContactCheck.Status
        if live["counts"].get(choice.value)
    ]
    rows = visible(ContactCheck.objects.filter(batch=batch), request.user).order_by("position")
    if status in ContactCheck.Status.values:
        rows = rows.filter(status=status)
    paginator = Paginator(rows.select_related("contact", "duplicate_of", "cached_from__batch"), _ROWS_A_PAGE)
    rows_page = paginator.get_page(request.GET.get("page"))
    figures = [
        {"key": key, "words": say(), "tone": tone, "count": live[key], "optional": key not in _ALWAYS}
        for key, say, tone, _statuses in _FIGURES
    ]
    business = batch.business.name
    state = CheckBatch.State(batch.state)
    is_open = state in (CheckBatch.State.RUNNING, CheckBatch.State.PAUSED)
    return show(
        request,
        "contacts/run_page.html",
        title=_("Check run #%(run)d") % {"run": batch.pk},
        model=CheckBatch,
        row=batch,
        batch=batch,
        live=live,
        figures=figures,
        state_tone=STATE_TONES[state],
        tabs=tabs,
        chosen=status,
        rows=[(row, words.result_badge(row.duplicate_of or row, business), _answer(row)) for row in rows_page],
        rows_page=rows_page,
        purpose=words.purposes(batch.purpose),
        chosen_by=run_words.chosen_by(batch.chosen_by) if batch.chosen_by else "",
        stopped_because=batch.account.stopped_because() if is_open else "",
        can_change=request.user.has_perm("contacts.change_checkbatch"),
        can_retry=not is_open
        and bool(live["failed"] or live["unknown"])
        and request.user.has_perm("contacts.add_checkbatch"),
        is_open=is_open,
        retries=CheckBatch.objects.filter(retry_of=batch),
    )


@never_cache
@require_safe
@may("contacts.view_checkbatch")
def live(request: HttpRequest, pk: int) -> JsonResponse:
    """Give the counts for the script that follows a run."""
    return JsonResponse(read_live(_batch(request, pk)))


@require_POST
@may("contacts.change_checkbatch")
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Pause the run."""
    return _change(request, pk, checks.pause, _("The run is paused. What was already asked is still recorded."))


@require_POST
@may("contacts.change_checkbatch")
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Resume the run."""
    return _change(request, pk, checks.resume, _("The run goes on."))


@require_POST
@may("contacts.change_checkbatch")
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel the run."""
    return _change(request, pk, checks.cancel, _("The run is cancelled. Answers that came before stay."))


@require_POST
@may("contacts.add_checkbatch")
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a new run of what failed."""
    batch = _batch(request, pk)
    try:
        again = checks.retry_failed(batch=batch, actor=actor_of(request), now=clock())
    except checks.CheckRefused as refusal:
        messages.error(request, str(refusal))
        return redirect(_url(batch))
    messages.success(request, _("This new run asks again about the numbers of run #%(run)d.") % {"run": batch.pk})
    return redirect(_url(again))


@require_safe
@may("contacts.view_checkbatch", "contacts.view_contactcheck", masking.IN_FULL)
def download(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Give the rows as a CSV file, all of them or those with one result."""
    batch = _batch(request, pk)
    status = request.GET.get("status", "")
    status = status if status in ContactCheck.Status.values else ""
    response = StreamingHttpResponse(
        rows_file.write(
            batch=batch,
            status=status,
            with_restricted=request.user.has_perm(PERMISSION),
            actor=actor_of(request),
            now=clock(),
        ),
        content_type="text/csv; charset=utf-8",
    )
    name = f"check-run-{batch.pk}{'-' + status.lower() if status else ''}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def read_live(batch: CheckBatch) -> dict[str, Any]:
    """Give all figures of a run that change while it runs, in words where people read them."""
    progress = checks.progress(batch=batch, now=clock())
    counts = dict(progress.counts)
    weak = 0
    if counts.get("VALID"):
        weak = ContactCheck.objects.filter(batch=batch, status="VALID", strength=EvidenceStrength.WEAK).count()
    figures = {key: sum(counts.get(status, 0) for status in statuses) for key, _say, _tone, statuses in _FIGURES}
    figures["valid"], figures["weak"] = figures["valid"] - weak, weak
    is_running = batch.state == CheckBatch.State.RUNNING
    return {
        **figures,
        "counts": counts,
        "state": batch.state,
        "state_words": batch.get_state_display(),
        "total": progress.total,
        "done": progress.done,
        "rate": pace.rate_words(progress.per_second),
        "eta": pace.left_words(progress.seconds_left if is_running else None),
        "follow": is_running,
    }


def _tab_words(status: ContactCheck.Status, live: dict[str, Any]) -> str:
    """Name a tab; a tab that holds weak answers does not say that they are on WhatsApp."""
    if status is ContactCheck.Status.VALID and live["weak"]:
        return _("Answered yes")
    return str(status.label)


def _answer(row: ContactCheck) -> ContactCheck:
    """Give the row whose answer counts: a repeated line shows that of the line it repeats."""
    return row.duplicate_of or row


def _batch(request: HttpRequest, pk: int) -> CheckBatch:
    rows = CheckBatch.objects.select_related("account", "business", "retry_of")
    return get_object_or_404(reach.within(rows, request.user), pk=pk)


def _url(batch: CheckBatch) -> str:
    return reverse("admin:contacts_checkbatch_change", args=[batch.pk])


def _change(request: HttpRequest, pk: int, journey: Callable[..., None], done: str) -> HttpResponse:
    batch = _batch(request, pk)
    try:
        journey(batch=batch, actor=actor_of(request), now=clock())
    except checks.CheckRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
    return redirect(_url(batch))
