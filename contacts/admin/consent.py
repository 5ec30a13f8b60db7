"""Opt-in records, wordings and imports. Records and wordings are added and never changed."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import history
from audit.admin import ConsoleAdmin
from audit.display import copyable, when
from audit.list_filters import PresenceFilter
from audit.pages import actor_of, clock
from contacts import masking, words
from contacts.admin.hiding import PeopleAdmin
from contacts.consent import texts
from contacts.forms.consent import ConsentTextForm
from contacts.models import ConsentText, Contact, OptIn
from contacts.views import consent, proof


@admin.register(OptIn)
class OptInAdmin(PeopleAdmin):
    """Every consent event, newest first."""

    change_list_template = "contacts/optin_list.html"
    list_display = ("event_and_proof", "who", "business_and_purposes", "where_and_when")
    is_large = True
    date_hierarchy = "recorded_at"
    list_filter = ("state", "business", ("consent_text", PresenceFilter))
    list_select_related = ("business",)
    search_fields = ("pseudonym",)
    search_help_text = _("A number with its +, or a pseudonym from the ledger")
    sortable_by = ()
    fields = (
        "event",
        "who",
        "business",
        "covers",
        "business_name_shown",
        "consent_text",
        "source",
        "given",
        "recorded",
        "recorded_by",
        "expires",
        "external_id",
        "opt_in_import",
        "evidence_shown",
        "digest",
    )
    readonly_fields = fields

    def pages(self) -> list[URLPattern]:
        """Add opting out, held records and evidence."""
        return [
            self.page("opt-out/", consent.withdraw, "withdraw"),
            self.page("held/", consent.held, "held"),
            self.page("worth-a-look/", proof.worth_a_look, "worth_a_look"),
            self.page("<int:pk>/decide/", consent.decide, "decide"),
            self.page("<int:pk>/evidence/", consent.evidence, "evidence"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let those record who may."""
        return request.user.has_perm("contacts.add_optin")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Record through the journey, on its own page."""
        return consent.record(request)

    def ledger_entries(self, row: OptIn) -> Q:
        """Give also the import that a line of a file came with."""
        return history.of(f"OptIn:{row.pk}", f"OptInImport:{row.opt_in_import_id}" if row.opt_in_import_id else "")

    def bring_along(self, rows: list[Any]) -> None:
        """Read the people whom the events are about."""
        people = consent.contacts_of(rows)
        for event in rows:
            event.person = people.get(event.pseudonym)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find the events of one person."""
        term = search_term.strip()
        if not term:
            return queryset, False
        with suppress(ValueError):
            return queryset.filter(pseudonym=UUID(term)), False
        digits = "".join(char for char in term if char.isascii() and char.isdigit())
        people = Contact.objects.filter(e164="+" + digits)
        return queryset.filter(pseudonym__in=people.values("pseudonym")), False

    @admin.display(description=_("event"))
    def event(self, event: OptIn) -> SafeString:
        return words.event_badge(event)

    @admin.display(description=_("event"))
    def event_and_proof(self, event: OptIn) -> SafeString:
        return format_html('<span class="badges">{} {}</span>', words.event_badge(event), words.proof_badge(event))

    @admin.display(description=_("business"))
    def business_and_purposes(self, event: OptIn) -> SafeString:
        return format_html('{}<span class="under">{}</span>', event.business, words.purposes(event.purposes))

    @admin.display(description=_("source"))
    def where_and_when(self, event: OptIn) -> SafeString:
        by = gettext("recorded by %(who)s") % {"who": event.recorded_by}
        html = '{}<span class="under">{}</span><span class="under">{}</span>'
        return format_html(html, event.source, when(event.given_at), by)

    @admin.display(description=_("person"))
    def who(self, event: Any) -> SafeString:
        is_known = hasattr(event, "person")
        person = event.person if is_known else Contact.objects.filter(pseudonym=event.pseudonym).first()
        if person is None:
            return format_html('<span class="quiet">{}</span>', _("erased"))
        page = reverse("admin:contacts_contact_change", args=[person.pk])
        return format_html('<a class="number" href="{}">{}</a>', page, masking.number(person.e164))

    @admin.display(description=_("purposes"))
    def covers(self, event: OptIn) -> str:
        return words.purposes(event.purposes)

    @admin.display(description=_("given at"))
    def given(self, event: OptIn) -> SafeString:
        return when(event.given_at)

    @admin.display(description=_("recorded at"))
    def recorded(self, event: OptIn) -> SafeString:
        return when(event.recorded_at)

    @admin.display(description=_("expires at"))
    def expires(self, event: OptIn) -> SafeString:
        return when(event.expires_at)

    @admin.display(description=_("salted digest of the evidence"))
    def digest(self, event: OptIn) -> SafeString:
        return copyable(event.evidence_digest)

    @admin.display(description=_("evidence"))
    def evidence_shown(self, event: OptIn) -> object:
        kept = getattr(event, "evidence", None)
        if kept is None:
            return _("Erased; its salted digest is kept.")
        link = reverse("admin:contacts_optin_evidence", args=[event.pk])
        file = format_html('<p><a href="{}">{}</a></p>', link, kept.file_name) if kept.file_name else ""
        return format_html('<blockquote class="wording">{}</blockquote>{}', kept.text or "–", file)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave the evidence out for those who may not see it."""
        if request.user.has_perm("contacts.view_optinevidence"):
            return self.fields
        return tuple(name for name in self.fields if name != "evidence_shown")


@admin.register(ConsentText)
class ConsentTextAdmin(ConsoleAdmin):
    """The library of wordings."""

    form = ConsentTextForm
    list_display = ("name", "version", "language", "business", "covers", "added")
    list_display_links = ("name", "version")
    list_filter = ("business", "language")
    list_select_related = ("business",)
    search_fields = ("name", "text")
    sortable_by = ("name",)

    def pages(self) -> list[URLPattern]:
        """Add the picture."""
        return [self.page("<int:pk>/picture/", consent.picture, "picture")]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a changed wording is a new version."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConsentText]:
        """Leave pictures where they are."""
        return super().get_queryset(request).defer("picture")

    def get_fields(self, request: HttpRequest, obj: ConsentText | None = None) -> tuple[str, ...]:
        """Ask for a picture while adding; link to it afterwards."""
        asked = ("business", "name", "version", "language", "text", "business_name_shown")
        if obj is None:
            return (*asked, "purposes", "picture_file")
        return (*asked[:4], "wording", asked[5], "covers", "picture_link", "added", "created_by")

    def get_readonly_fields(self, request: HttpRequest, obj: ConsentText | None = None) -> tuple[str, ...]:
        """Show what is kept."""
        return () if obj is None else ("wording", "covers", "picture_link", "added", "created_by")

    def save_model(self, request: HttpRequest, obj: ConsentText, form: Any, change: bool) -> None:
        """Add through the journey."""
        texts.add(text=obj, actor=actor_of(request), now=clock())

    @admin.display(description=_("exact wording"))
    def wording(self, text: ConsentText) -> SafeString:
        return format_html('<blockquote class="wording">{}</blockquote>', text.text)

    @admin.display(description=_("purposes"))
    def covers(self, text: ConsentText) -> str:
        return words.purposes(text.purposes)

    @admin.display(description=_("added at"))
    def added(self, text: ConsentText) -> SafeString:
        return when(text.created_at)

    @admin.display(description=_("picture or PDF"))
    def picture_link(self, text: ConsentText) -> SafeString | str:
        if not text.picture_type:
            return "–"
        link = reverse("admin:contacts_consenttext_picture", args=[text.pk])
        return format_html('<a href="{}">{} ({})</a>', link, _("Download"), text.picture_type)
