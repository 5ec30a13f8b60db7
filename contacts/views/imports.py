"""Importing opt-ins: upload, preview with counts, confirm a sentence, progress, the file of bad lines."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit.display import Tone
from audit.pages import actor_of, clock, may, sent, show
from contacts.consent import uploads
from contacts.consent.columns import UnusableHeader
from contacts.forms.imports import ConfirmImportForm, DeclareForm, UploadForm
from contacts.models import OptInImport
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
    form = UploadForm(*sent(request))
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
                actor=actor_of(request),
                now=clock(),
            )
        except uploads.UploadRefused as refusal:
            form.add_error("file", str(refusal))
        else:
            return redirect(_url(kept))
    return show(
        request,
        "contacts/import_new.html",
        title=_("Import opt-ins"),
        model=OptInImport,
        form=form,
        step=1,
        submit=_("Preview"),
    )


@never_cache
@require_safe
@may("contacts.view_optinimport")
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the preview of a file that nobody has confirmed, or how far its import is."""
    entry = _entry(pk)
    if not entry.statement and entry.state == OptInImport.State.WAITING:
        return _preview(request, entry)
    return show(
        request,
        "contacts/import_page.html",
        title=entry.file_name,
        model=OptInImport,
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
    entry = _entry(pk)
    form = DeclareForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
        return redirect(_url(entry))
    try:
        uploads.declare(
            upload=entry,
            reading=Reading(form.cleaned_data["reading"]),
            region=form.cleaned_data["region"],
            name_shown=form.cleaned_data["name_shown"],
        )
    except uploads.UploadRefused as refusal:
        messages.error(request, str(refusal))
    return redirect(_url(entry))


@require_POST
@may("contacts.add_optinimport")
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue the import under the sentence that the person ticked."""
    entry = _entry(pk)
    form = ConfirmImportForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Tick the sentence: it is kept with the import, under your name."))
        return redirect(_url(entry))
    try:
        uploads.confirm(upload=entry, statement=form.cleaned_data["statement"], actor=actor_of(request), now=clock())
    except uploads.UploadRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The import is queued."))
    return redirect(_url(entry))


@require_POST
@may("contacts.add_optinimport")
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue an import that an error stopped."""
    entry = _entry(pk)
    try:
        uploads.queue_again(upload=entry, actor=actor_of(request), now=clock())
    except uploads.UploadRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The import is queued again. It goes on where it stopped."))
    return redirect(_url(entry))


@never_cache
@require_safe
@may("contacts.view_optinimport")
def live(request: HttpRequest, pk: int) -> JsonResponse:
    """Give the counts for the script that follows an import."""
    return JsonResponse(read_live(_entry(pk)))


@require_safe
@may("contacts.view_optinimport", "contacts.view_optinevidence")
def errors(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the file of lines that were not taken."""
    entry = get_object_or_404(OptInImport, pk=pk)
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
    return {
        **figures,
        "line": entry.committed_line,
        "state": entry.state,
        "state_words": entry.get_state_display(),
        "follow": entry.state in (OptInImport.State.WAITING, OptInImport.State.RUNNING),
    }


def _preview(request: HttpRequest, entry: OptInImport) -> HttpResponse:
    kept = get_object_or_404(OptInImport.objects.select_related("business"), pk=entry.pk)
    rehearsed, problem = None, ""
    try:
        rehearsed = uploads.try_out(kept)
    except (UnusableHeader, uploads.UploadRefused) as refusal:
        problem = str(refusal)
    declared = {"reading": entry.numbers_read_as, "region": entry.region, "name_shown": entry.business_name_shown}
    return show(
        request,
        "contacts/import_preview.html",
        title=_("Preview of the import"),
        model=OptInImport,
        step=2,
        entry=entry,
        rehearsed=rehearsed,
        problem=problem,
        examples=[
            (example.line, example.text, example.readings[Reading.DIGITS], example.readings[Reading.NATIONAL])
            for example in rehearsed.without_plus.examples
        ]
        if rehearsed
        else [],
        declare_form=DeclareForm(initial=declared),
        sentence=uploads.sentence(entry),
        reading_words=_reading_words(entry),
        may_confirm=request.user.has_perm("contacts.add_optinimport"),
    )


def _reading_words(entry: OptInImport) -> str:
    match entry.numbers_read_as:
        case Reading.DIGITS:
            return _("full international digits")
        case Reading.NATIONAL:
            return _("national numbers of %(region)s") % {"region": entry.region}
        case _:
            return _("refused")


def _entry(pk: int) -> OptInImport:
    # The file and the bad lines are encrypted: they are read only where they are needed.
    return get_object_or_404(OptInImport.objects.select_related("business").defer("content", "errors"), pk=pk)


def _url(entry: OptInImport) -> str:
    return reverse("admin:contacts_optinimport_change", args=[entry.pk])
