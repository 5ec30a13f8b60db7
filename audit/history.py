"""The history of one row: what the ledger says of it, newest first. Nothing is counted: a ledger grows long."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from audit import event_words, reach
from audit.models import AuditEvent
from audit.pages import show

if TYPE_CHECKING:
    from audit.admin import ConsoleAdmin

A_PAGE = 50
#: What people without the ledger see of it is when, what and by whom.
SEES_DETAILS = "audit.view_auditevent"


@dataclass(frozen=True, slots=True)
class Line:
    """One entry as people read it; `pk` and `details` only for those who may see the ledger."""

    at: datetime
    words: str
    by: str
    pk: int | None = None
    sequence: int | None = None
    details: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """A page of lines; `older` is what the next page is asked by, and None at the beginning."""

    lines: tuple[Line, ...]
    older: int | None


def of(*subjects: str) -> Q:
    """Give the condition of the entries about these subjects, such as `CheckBatch:12`."""
    return Q(subject__in=[subject for subject in subjects if subject])


def read(entries: Q, *, businesses: reach.Businesses, with_details: bool, before: int | None = None) -> History:
    """Read a page of entries: one query, however many; those of other businesses than these are left out."""
    rows = AuditEvent.objects.filter(entries).order_by("-sequence")
    if businesses is not None:
        # An entry about a person that names no business may come from anybody's work with them.
        rows = rows.filter(Q(business_id__in=businesses) | Q(business_id=None, pseudonym=None))
    if before is not None:
        rows = rows.filter(sequence__lt=before)
    found = list(rows[: A_PAGE + 1])
    older = found[A_PAGE - 1].sequence if len(found) > A_PAGE else None
    return History(tuple(_lines(found[:A_PAGE], with_details=with_details)), older)


@require_safe
def page(request: HttpRequest, pages: "ConsoleAdmin", object_id: str) -> HttpResponse:
    """Show the history of a row, to whoever may see the row on its own pages."""
    if not pages.has_view_or_change_permission(request):
        raise PermissionDenied
    row = pages.get_object(request, unquote(object_id))
    if row is None:
        raise Http404
    if not pages.has_view_or_change_permission(request, row):
        raise PermissionDenied
    return _show(request, row, pages.ledger_entries(row))


def _show(request: HttpRequest, row: Model, entries: Q) -> HttpResponse:
    before = request.GET.get("before", "")
    sees_details = request.user.has_perm(SEES_DETAILS)
    history = read(
        entries,
        businesses=reach.businesses(request.user),
        with_details=sees_details,
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
    )
    return show(
        request,
        "audit/history.html",
        title=_("History of %(what)s") % {"what": row},
        model=type(row),
        of=row,
        history=history,
        sees_details=sees_details,
        is_continued=bool(before),
    )


def _lines(events: list[AuditEvent], *, with_details: bool) -> Iterator[Line]:
    for event in events:
        words, by = event_words.said(event.action), event.actor
        if not with_details:
            yield Line(event.recorded_at, words, by)
            continue
        yield Line(event.recorded_at, words, by, event.pk, event.sequence, _written(event.details))


def _written(details: dict[str, Any]) -> str:
    return json.dumps(details, indent=2, ensure_ascii=False) if details else ""
