"""Exports in the console: ask for one, follow it, download it. Everybody sees their own only."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from audit import reach
from audit.display import Tone
from audit.export import datasets, jobs
from audit.export.forms import ExportForm, end_of, first_moment
from audit.export.making import FORMAT_WORDS, Format
from audit.models import Export
from audit.pages import clock, may, needs_fresh_sign_in, sent, show

STATE_TONES = {
    Export.State.WAITING: Tone.BUSY,
    Export.State.RUNNING: Tone.BUSY,
    Export.State.READY: Tone.GOOD,
    Export.State.FAILED: Tone.BAD,
    Export.State.REMOVED: Tone.QUIET,
}


@never_cache
@require_http_methods(["GET", "POST"])
@may(jobs.PERMISSION)
@needs_fresh_sign_in
def new(request: HttpRequest) -> HttpResponse:
    """Take what is to be exported."""
    now = clock()
    reached = reach.businesses(request.user)
    form = ExportForm(*sent(request), initial={"until": now.date()}, reached=reached)
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        try:
            export = jobs.request(
                user=_user(request),
                file_format=Format(cleaned["format"]),
                names=cleaned["datasets"],
                since=first_moment(cleaned["since"]) if cleaned["since"] else None,
                until=end_of(cleaned["until"]),
                filters=dict(form.chosen_filters()),
                now=now,
            )
        except jobs.ExportRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect(_url(export))
    return show(
        request,
        "audit/export_new.html",
        title=_("New export"),
        model=Export,
        form=form,
        of_every_business=reached is None,
        submit=_("Export"),
    )


@never_cache
@require_safe
@may(jobs.PERMISSION)
def page(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show how far an export is, and the way to its file."""
    export = _own(request, pk)
    titles = {dataset.name: dataset.title for dataset in datasets.all_datasets()}
    filter_titles = {one.name: one.title for one in datasets.all_filters()}
    return show(
        request,
        "audit/export_page.html",
        title=_("Export of %(at)s") % {"at": export},
        model=Export,
        row=export,
        export=export,
        live=read_live(export),
        state_tone=STATE_TONES[Export.State(export.state)],
        format_words=FORMAT_WORDS[Format(export.format)],
        titles=[titles.get(name, name) for name in export.datasets],
        narrowed=[(filter_titles.get(name, name), known) for name, (_id, known) in export.filters.items()],
        size=filesizeformat(export.size),
        is_there=export.state == Export.State.READY and bool(export.kept_until and export.kept_until > clock()),
        days=jobs.KEPT.days,
    )


@never_cache
@require_safe
@may(jobs.PERMISSION)
def live(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Give the figures for the script that follows an export."""
    return JsonResponse(read_live(_own(request, pk)))


@never_cache
@require_GET
@may(jobs.PERMISSION)
def download(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Give the file, to whoever asked for it and still may have it."""
    return _download(request, pk)


def read_live(export: Export) -> dict[str, Any]:
    """Give all figures of an export that change while it is made."""
    return {
        "rows": export.rows,
        "state": export.state,
        "state_words": export.get_state_display(),
        "follow": export.state in (Export.State.WAITING, Export.State.RUNNING),
    }


@needs_fresh_sign_in
def _download(request: HttpRequest, pk: UUID) -> HttpResponse:
    export = _own(request, pk)
    try:
        content = jobs.download(export=export, user=_user(request), now=clock())
    except jobs.ExportRefused as refusal:
        messages.error(request, str(refusal))
        return redirect(_url(export))
    response = StreamingHttpResponse(content, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{jobs.folder_name(export)}.zip"'
    response["Content-Length"] = str(export.size)
    return response  # type: ignore[return-value]


def _own(request: HttpRequest, pk: UUID) -> Export:
    # Another person's export is as little there as one that never was.
    return get_object_or_404(jobs.own(_user(request)), pk=pk)


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def _url(export: Export) -> str:
    return reverse("admin:audit_export_change", args=[export.pk])
