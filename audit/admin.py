"""The ledger and the call log in the console, and the shape of every admin page: nothing is deleted by hand."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, URLResolver, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import existing, history, views
from audit.counting import CappedPaginator
from audit.display import Tone, badge, copyable, error_code, when
from audit.export import jobs
from audit.export import views as export_pages
from audit.list_filters import ValuesFilter
from audit.lists import LargeList
from audit.models import AuditEvent, Export, ProviderCall
from audit.reached_admin import ReachedAdmin


class ConsoleAdmin(ReachedAdmin):
    """What all our admin pages share: no deletion, fifty rows a page, no second count of the whole table."""

    list_per_page = 50
    show_full_result_count = False
    #: Whether the table may grow to millions of rows; `audit.lists` then draws the list.
    is_large = False
    #: What a list counts, where the plural of the model is no word for several of them.
    counted_as: Any = None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: evidence is never deleted by hand, and whatever it names must stay."""
        return False

    def pages(self) -> list[URLPattern]:
        """Give the further pages of this model; see `page`."""
        return []

    def page(self, route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
        """Give one further page, for signed-in staff only, reversed as admin:<app>_<model>_<name>."""
        meta = self.model._meta
        return path(route, self.admin_site.admin_view(view), name=f"{meta.app_label}_{meta.model_name}_{name}")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Use our list for large tables."""
        return LargeList if self.is_large else super().get_changelist(request, **kwargs)

    def get_paginator(self, request: HttpRequest, queryset: Any, *args: Any, **kwargs: Any) -> Any:
        """Count the choices of an autocomplete no further than anybody would read."""
        return (CappedPaginator if self.is_large else self.paginator)(queryset, *args, **kwargs)

    def bring_along(self, rows: list[Any]) -> None:
        """Read what a page of a large list shows beside its rows, all of it at once; nothing unless a model says so."""

    def action_checkbox(self, obj: Any) -> SafeString:
        """Draw Django's checkbox without a form widget, whose templates take a sixth of a list's time."""
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="{}">',
            ACTION_CHECKBOX_NAME,
            obj.pk,
            gettext("Select this object for an action - {}").format(obj),
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Head the list with what it lists, not with “Select … to change”."""
        title = capfirst(self.model._meta.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def ledger_entries(self, row: Any) -> Q:
        """Give the condition of the ledger entries that make up the history of a row."""
        return history.of(f"{self.model._meta.object_name}:{row.pk}")

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show what the ledger says of a row."""
        return history.page(request, self, object_id)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Write no second log: what was done stands in the ledger."""
        return None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Write no second log: what was done stands in the ledger."""
        return None

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        """Head the page of a row with the row itself."""
        if context.get("original") is not None:
            context.update(title=str(context["original"]), subtitle=None)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLResolver | URLPattern]:  # type: ignore[override]
        """Put our pages before Django's, whose last one takes any address."""
        return [*self.pages(), *super().get_urls()]


class ReadOnlyAdmin(ConsoleAdmin):
    """Rows that people read: they come from operations and are never typed in."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: rows come from operations."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: rows are what happened."""
        return False


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """The ledger: who did what, when."""

    change_list_template = "audit/event_list.html"
    counted_as = _("ledger entries")
    list_display = ("sequence", "time", "action", "actor", "subject", "rows_count")
    list_display_links = ("sequence", "action")
    is_large = True
    date_hierarchy = "recorded_at"
    list_filter = (("action", ValuesFilter),)
    search_fields = ("subject__exact", "actor__exact", "action__startswith")
    search_help_text = _("A subject such as CheckBatch:12, a person's name, or the beginning of an action")
    sortable_by = ("sequence",)
    fields = (
        "sequence",
        "time",
        "action",
        "actor",
        "subject",
        "business_id",
        "pseudonym",
        "readable_details",
        "rows_count",
        "merkle_root",
        "chain_hash",
        "earlier_hash",
    )
    readonly_fields = fields

    def pages(self) -> list[URLPattern]:
        """Add verifying, signing, and what is taken away."""
        return [
            self.page("verify/", views.verify, "verify"),
            self.page("sign/", views.sign, "sign"),
            self.page("heads/<int:pk>/", views.signed_head, "head"),
            self.page("public-key/", views.public_key, "public_key"),
        ]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Find by subject, by who did it, or by how the action begins; each of these has an index."""
        term = search_term.strip()
        if not term:
            return queryset, False
        actions = [action for action in existing.values(self.model, "action") if action.startswith(term)]
        return queryset.filter(Q(subject=term) | Q(actor=term) | Q(action__in=actions)), False

    def ledger_entries(self, row: AuditEvent) -> Q:
        """Give everything about the same subject: an entry itself never changes."""
        return history.of(row.subject) if row.subject else Q(pk=row.pk)

    @admin.display(description=_("recorded at"))
    def time(self, event: AuditEvent) -> SafeString:
        return when(event.recorded_at)

    @admin.display(description=_("details"))
    def readable_details(self, event: AuditEvent) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(event.details, indent=2, ensure_ascii=False))

    @admin.display(description=_("Merkle root of the rows"))
    def merkle_root(self, event: AuditEvent) -> object:
        return copyable(event.rows_root) if event.rows_root else None

    @admin.display(description=_("hash"))
    def chain_hash(self, event: AuditEvent) -> SafeString:
        return copyable(event.hash)

    @admin.display(description=_("previous hash"))
    def earlier_hash(self, event: AuditEvent) -> SafeString:
        return copyable(event.previous_hash)


_OUTCOME_TONES = {
    ProviderCall.Outcome.STARTED: Tone.BUSY,
    ProviderCall.Outcome.ANSWERED: Tone.GOOD,
    ProviderCall.Outcome.NOT_SENT: Tone.WARN,
    ProviderCall.Outcome.LOST: Tone.BAD,
}


@admin.register(ProviderCall)
class ProviderCallAdmin(ReadOnlyAdmin):
    """Every call that left, masked."""

    list_display = ("time", "account_name", "operation", "numbers_count", "outcome_badge", "status", "took", "subject")
    is_large = True
    date_hierarchy = "started_at"
    list_filter = (("account_name", ValuesFilter), ("operation", ValuesFilter), "outcome")
    search_fields = ("subject__exact", "account_name__exact")
    search_help_text = _("A subject such as CheckBatch:12, or an account's name")
    sortable_by = ("time",)
    fields = (
        "time",
        "account_name",
        "kind",
        "operation",
        "subject",
        "method",
        "url",
        "numbers_count",
        "outcome_badge",
        "status",
        "took",
        "error",
    )
    readonly_fields = fields

    def ledger_entries(self, row: ProviderCall) -> Q:
        """Give what is about the same subject."""
        return history.of(row.subject)

    @admin.display(description=_("started at"), ordering="started_at")
    def time(self, call: ProviderCall) -> SafeString:
        return when(call.started_at)

    @admin.display(description=_("outcome"))
    def outcome_badge(self, call: ProviderCall) -> SafeString:
        tone = _OUTCOME_TONES.get(ProviderCall.Outcome(call.outcome), Tone.QUIET)
        if call.outcome == ProviderCall.Outcome.ANSWERED and (call.http_status or 0) >= 400:
            # Answered is not accepted: no green for an error status.
            tone = Tone.WARN
        return badge(tone, call.get_outcome_display())

    @admin.display(description="HTTP")
    def status(self, call: ProviderCall) -> object:
        if call.http_status is None or call.http_status < 300:
            return call.http_status
        return error_code(call.kind, f"HTTP {call.http_status}")

    @admin.display(description=_("took"))
    def took(self, call: ProviderCall) -> object:
        return None if call.milliseconds is None else f"{call.milliseconds} ms"


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    """The exports that a person asked for; nobody sees another's."""

    list_display = ("asked_at", "shown_state", "format", "shown_range", "rows", "kept")
    list_display_links = ("asked_at",)
    list_filter = ("state", "format")
    sortable_by = ()

    def pages(self) -> list[URLPattern]:
        """Add what follows an export, and its file."""
        return [
            self.page("<uuid:pk>/live/", export_pages.live, "live"),
            self.page("<uuid:pk>/download/", export_pages.download, "download"),
        ]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let those look who may export."""
        return request.user.has_perm(jobs.PERMISSION)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let those ask for one who may export."""
        return request.user.has_perm(jobs.PERMISSION)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Export]:
        """Give a person's own."""
        return jobs.own(request.user) if isinstance(request.user, User) else Export.objects.none()

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask what is to be exported."""
        return export_pages.new(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show how far it is, and the way to its file."""
        try:
            return export_pages.page(request, UUID(object_id))
        except ValueError:
            raise Http404 from None

    @admin.display(description=_("asked at"))
    def asked_at(self, export: Export) -> SafeString:
        return when(export.requested_at)

    @admin.display(description=_("state"))
    def shown_state(self, export: Export) -> SafeString:
        return badge(export_pages.STATE_TONES[Export.State(export.state)], export.get_state_display())

    @admin.display(description=_("range"))
    def shown_range(self, export: Export) -> SafeString:
        since = f"{export.since:%Y-%m-%d}" if export.since else _("the beginning")
        return format_html("{} – {}", since, f"{export.last_day:%Y-%m-%d}")

    @admin.display(description=_("kept until"))
    def kept(self, export: Export) -> SafeString:
        return when(export.kept_until if export.state == Export.State.READY else None)
