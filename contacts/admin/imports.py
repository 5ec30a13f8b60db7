"""Imports of opt-in files in the console: each has a page that is first its preview, then its progress."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.admin import ReadOnlyAdmin
from audit.display import Tone, badge, when
from contacts.admin.people import pk_in
from contacts.models import OptInImport
from contacts.views import import_columns, imports


@admin.register(OptInImport)
class OptInImportAdmin(ReadOnlyAdmin):
    """Files of consent events: who imported them, what was declared, how far they got."""

    list_display = ("file_name", "shown_state", "business", "figures", "by_whom")
    list_filter = ("state", "business", "started_at")
    list_select_related = ("business",)
    search_fields = ("file_name", "file_digest__startswith")
    sortable_by = ()

    def pages(self) -> list[URLPattern]:
        """Add the steps of an import."""
        return [
            self.page("<int:pk>/columns/", import_columns.columns, "columns"),
            self.page("<int:pk>/declare/", imports.declare, "declare"),
            self.page("<int:pk>/confirm/", imports.confirm, "confirm"),
            self.page("<int:pk>/again/", imports.again, "again"),
            self.page("<int:pk>/live/", imports.live, "live"),
            self.page("<int:pk>/errors/", imports.errors, "errors"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let those import who may."""
        return request.user.has_perm("contacts.add_optinimport")

    def get_queryset(self, request: HttpRequest) -> QuerySet[OptInImport]:
        """Leave the files where they are."""
        entries: QuerySet[OptInImport] = super().get_queryset(request)
        return entries.defer("content", "errors")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Begin with the file."""
        return imports.upload(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the preview or the progress."""
        return imports.page(request, pk_in(object_id))

    @admin.display(description=_("state"))
    def shown_state(self, entry: OptInImport) -> SafeString:
        if not entry.statement:
            return badge(Tone.WARN, _("Not confirmed yet"))
        return badge(imports.STATE_TONES.get(OptInImport.State(entry.state), Tone.QUIET), entry.get_state_display())

    @admin.display(description=_("result"))
    def figures(self, entry: OptInImport) -> str:
        return gettext("%(granted)d in · %(withdrawn)d out · %(held)d held · %(refused)d with errors") % {
            "granted": entry.granted_count,
            "withdrawn": entry.withdrawn_count,
            "held": entry.held_count,
            "refused": entry.refused_count,
        }

    @admin.display(description=_("imported by"))
    def by_whom(self, entry: OptInImport) -> SafeString:
        return format_html('{}<span class="under">{}</span>', entry.imported_by, when(entry.started_at))
