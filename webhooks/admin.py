"""Stored webhooks in the console: the list with its filters, and the page of each."""

import re
from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from audit.admin import ReadOnlyAdmin
from audit.display import when
from audit.pages import actor_of, clock
from contacts.admin.people import pk_in
from webhooks import replaying, views, words
from webhooks.models import WebhookEvent, WebhookRequest

_SHA_256 = re.compile(r"[0-9a-f]{64}", re.ASCII | re.IGNORECASE)


class StateFilter(admin.SimpleListFilter):
    """How a request stands."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, Any]]:
        """Name the states."""
        return (("processed", _("Processed")), ("due", _("Due")), ("waiting", _("Waiting")), ("failed", _("Failed")))

    def queryset(self, request: HttpRequest, queryset: QuerySet[WebhookRequest]) -> QuerySet[WebhookRequest]:
        """Keep the requests of one state."""
        opened = {"processed_at": None, "error": ""}
        match self.value():
            case "processed":
                return queryset.filter(processed_at__isnull=False, error="")
            case "due":
                return queryset.filter(**opened, due_at__lte=clock())
            case "waiting":
                return queryset.filter(**opened, due_at__gt=clock())
            case "failed":
                return queryset.exclude(error="")
        return queryset


class EventFilter(admin.SimpleListFilter):
    """What a request was the first to say."""

    title = _("what it says")
    parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, Any]]:
        """Name the kinds of events."""
        return WebhookEvent.Kind.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[WebhookRequest]) -> QuerySet[WebhookRequest]:
        """Keep the requests that brought such an event first."""
        if self.value() not in WebhookEvent.Kind.values:
            return queryset
        return queryset.filter(pk__in=WebhookEvent.objects.filter(kind=self.value()).values("request_id"))


@admin.register(WebhookRequest)
class WebhookRequestAdmin(ReadOnlyAdmin):
    """Every authenticated delivery, newest first."""

    change_list_template = "webhooks/request_list.html"
    list_display = ("number", "state", "events_in_it", "received", "times", "error")
    is_large = True
    date_hierarchy = "received_at"
    list_filter = (StateFilter, EventFilter, "kind")
    search_fields = ("digest__exact", "events__subject__exact")
    search_help_text = _("A SHA-256, or what it concerned, such as Contact:5")
    sortable_by = ()
    actions = ("process_again",)

    def pages(self) -> list[URLPattern]:
        """Add settings, self-test and processing again."""
        return [
            self.page("settings/", views.settings, "settings"),
            self.page("self-test/", views.test, "test"),
            self.page("<int:pk>/again/", views.again, "again"),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the request's own page."""
        return views.page(request, pk_in(object_id))

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookRequest]:
        """Leave the bodies where they are."""
        requests: QuerySet[WebhookRequest] = super().get_queryset(request)
        return requests.defer("body")

    def bring_along(self, rows: list[Any]) -> None:
        """Count the events of each."""
        counted = WebhookEvent.objects.filter(request__in=[row.pk for row in rows]).order_by().values("request")
        counts = dict(counted.annotate(count=Count("pk")).values_list("request", "count"))
        for row in rows:
            row.event_count = counts.get(row.pk, 0)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find by the SHA-256 of the body, or by what an event concerned."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if _SHA_256.fullmatch(term):
            # With the kinds, because the index begins with them.
            return queryset.filter(kind__in=WebhookRequest.Kind.values, digest=term.lower()), False
        concerned = WebhookEvent.objects.filter(~Q(subject=""), subject=term)
        return queryset.filter(pk__in=concerned.values("request_id")), False

    def has_process_permission(self, request: HttpRequest) -> bool:
        """Tell who may process webhooks again."""
        return request.user.has_perm("webhooks.process_webhookrequest")

    @admin.action(description=_("Process again"), permissions=["process"])
    def process_again(self, request: HttpRequest, queryset: QuerySet[WebhookRequest]) -> None:
        count = replaying.queue_again(
            request_ids=queryset.values_list("pk", flat=True), actor=actor_of(request), now=clock()
        )
        words_for = ngettext("%d webhook is processed again.", "%d webhooks are processed again.", count) % count
        self.message_user(request, words_for, messages.SUCCESS if count else messages.WARNING)

    @admin.display(description=_("request"), ordering="id")
    def number(self, stored: WebhookRequest) -> SafeString:
        return format_html('#{}<span class="under">{}</span>', stored.pk, stored.get_kind_display())

    @admin.display(description=_("state"))
    def state(self, stored: WebhookRequest) -> SafeString:
        return words.state_badge(stored, clock())

    @admin.display(description=_("new events"))
    def events_in_it(self, stored: Any) -> int:
        return int(stored.event_count)

    @admin.display(description=_("received"))
    def received(self, stored: WebhookRequest) -> SafeString:
        return when(stored.received_at)

    @admin.display(description=_("deliveries"))
    def times(self, stored: WebhookRequest) -> int:
        return stored.deliveries
