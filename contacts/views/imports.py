"""Importing opt-ins: file, columns, preview with counts, a confirmed sentence, progress, the file of bad lines."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit import reach
from audit.display import Tone
from audit.pages import actor_of, clock, may, sent, show
from contacts import masking, pace
from contacts.consent import trying_out, uploads
from contacts.consent.columns import UnusableHeader
from contacts.consent.under_way import standing
from contacts.consent.without_plus import Heard
from contacts.forms.imports import ConfirmImportForm, DeclareForm, UploadForm
from contacts.models import OptInImport
from contacts.views.import_columns import columns_page, entry_of, url_of
from providers.e164 import Reading

STATE_TONES = {
    OptInImport.State.WAITING: Tone.BUSY,
    OptInImport.State.RUNNING: Tone.BUSY,
    OptInImport.State.FINISHED: Tone.GOOD,
    OptInImport.State.FAILED: Tone.BAD,
}


@require_http_methods(["GET", "POST"])
@may("contacts.add_optinimport")
def upload(request: HttpRequest) -> HttpResponse:
    """Take a file and what is declared about it."""
    form = UploadForm(*sent(request), reached=reach.businesses(request.user))
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        try:
            kept = uploads.keep(
                content=cleaned["file"].read(uploads.LARGEST + 1),
                file_name=cleaned["file"].name,
                business=cleaned["business"],
                reading=Reading(cleaned["reading"]),
                region=cleaned["region"],
                name_shown=cleaned["name_shown"],
                time_zone=cleaned["time_zone"],
                actor=actor_of(request),
                now=clock(),
            )
        except uploads.UploadRefused as refusal:
            form.add_error("file", str(refusal))
        else:
            return redirect(url_of(kept))
    return show(
        request,
        "contacts/import_new.html",
        title=_("Import opt-ins"),
        model=OptInImport,
        form=form,
        step=1,
        submit=_("Next: columns"),
    )


@never_cache
@require_safe
@may("contacts.view_optinimport")
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the step at which a file is that nobody has confirmed, or how far its import is."""
    entry = entry_of(request, pk)
    if not entry.statement and entry.state == OptInImport.State.WAITING:
        if not entry.columns and request.user.has_perm("contacts.add_optinimport"):
            return columns_page(request, entry)
        return _preview(request, entry)
    return show(
        request,
        "contacts/import_page.html",
        title=entry.file_name,
        model=OptInImport,
        row=entry,
        entry=entry,
        live=read_live(entry),
        state_tone=STATE_TONES[OptInImport.State(entry.state)],
        reading_words=_reading_words(entry),
        has_errors=OptInImport.objects.filter(pk=pk, errors__isnull=False).exists(),
    )


@require_POST
@may("contacts.add_optinimport")
def declare(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what is declared about an unconfirmed file, and show the preview again."""
    entry = entry_of(request, pk)
    form = DeclareForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
        return redirect(url_of(entry))
    try:
        uploads.declare(
            upload=entry,
            reading=Reading(form.cleaned_data["reading"]),
            region=form.cleaned_data["region"],
            name_shown=form.cleaned_data["name_shown"],
            time_zone=form.cleaned_data["time_zone"],
        )
    except uploads.UploadRefused as refusal:
        messages.error(request, str(refusal))
    return redirect(url_of(entry))


@require_POST
@may("contacts.add_optinimport")
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue the import under the sentence that the person ticked."""
    entry = entry_of(request, pk)
    form = ConfirmImportForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Tick the sentence: it is kept with the import, under your name."))
        return redirect(url_of(entry))
    try:
        uploads.confirm(
            upload=entry,
            statement=form.cleaned_data["statement"],
            shown=form.cleaned_data["shown"],
            actor=actor_of(request),
            now=clock(),
        )
    except uploads.UploadRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The import is queued."))
    return redirect(url_of(entry))


@require_POST
@may("contacts.add_optinimport")
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue an import that an error stopped."""
    entry = entry_of(request, pk)
    try:
        uploads.queue_again(upload=entry, actor=actor_of(request), now=clock())
    except uploads.UploadRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The import is queued again. It goes on where it stopped."))
    return redirect(url_of(entry))


@never_cache
@require_safe
@may("contacts.view_optinimport")
def live(request: HttpRequest, pk: int) -> JsonResponse:
    """Give the counts for the script that follows an import."""
    return JsonResponse(read_live(entry_of(request, pk)))


@require_safe
@may("contacts.view_optinimport", "contacts.view_optinevidence")
def errors(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the file of lines that were not taken."""
    entry = get_object_or_404(reach.within(OptInImport.objects.all(), request.user), pk=pk)
    if entry.errors is None:
        raise Http404
    headers = {
        "Content-Disposition": f'attachment; filename="import-{pk}-errors.csv"',
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(bytes(entry.errors), content_type="text/csv; charset=utf-8", headers=headers)


def read_live(entry: OptInImport) -> dict[str, Any]:
    """Give all figures of an import that change while it runs."""
    figures = {
        "granted": entry.granted_count,
        "withdrawn": entry.withdrawn_count,
        "unchanged": entry.unchanged_count,
        "held": entry.held_count,
        "refused": entry.refused_count,
    }
    follow = entry.state in (OptInImport.State.WAITING, OptInImport.State.RUNNING)
    stands = standing(entry, now=clock())
    return {
        **figures,
        "line": entry.committed_line,
        "done": stands.done,
        "total": stands.total,
        "rate": pace.rate_words(stands.per_second),
        "eta": pace.left_words(stands.seconds_left if follow else None),
        "state": entry.state,
        "state_words": entry.get_state_display(),
        "follow": follow,
    }


def _preview(request: HttpRequest, entry: OptInImport) -> HttpResponse:
    kept = get_object_or_404(OptInImport.objects.select_related("business"), pk=entry.pk)
    rehearsed, problem = None, ""
    try:
        rehearsed = trying_out.try_out(kept)
    except (UnusableHeader, uploads.UploadRefused) as refusal:
        problem = str(refusal)
    declared = {
        "reading": entry.numbers_read_as,
        "region": entry.region,
        "name_shown": entry.business_name_shown,
        "time_zone": entry.time_zone,
    }
    return show(
        request,
        "contacts/import_preview.html",
        title=_("Preview of the import"),
        model=OptInImport,
        step=3,
        entry=entry,
        rehearsed=rehearsed,
        problem=problem,
        examples=[
            (
                example.line,
                masking.text(example.text),
                _aloud(example.readings[Reading.DIGITS]),
                _aloud(example.readings[Reading.NATIONAL]),
            )
            for example in rehearsed.without_plus.examples
        ]
        if rehearsed
        else [],
        repairs=[(repair, [masking.cell(value) for value in repair.values]) for repair in rehearsed.repairs]
        if rehearsed
        else [],
        declare_form=DeclareForm(initial=declared),
        sentence=uploads.sentence(entry),
        shown=uploads.declared(entry),
        reading_words=_reading_words(entry),
        may_confirm=request.user.has_perm("contacts.add_optinimport"),
    )


def _aloud(heard: Heard) -> str:
    """Write a number as people read it aloud, with the region that it is of; nothing where it is none."""
    return f"{masking.number(heard.e164)} ({heard.region})" if heard.e164 else ""


def _reading_words(entry: OptInImport) -> str:
    match entry.numbers_read_as:
        case Reading.DIGITS:
            return _("full international digits")
        case Reading.NATIONAL:
            return _("national numbers of %(region)s") % {"region": entry.region}
        case _:
            return _("refused")
