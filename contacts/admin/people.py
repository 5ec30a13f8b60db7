"""The list of contacts: found by any way of writing a number, with consent and the last check at a glance."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from audit import reach
from audit.display import ago, when
from audit.pages import clock, may
from contacts import finding, masking, words
from contacts.admin.hiding import PeopleAdmin
from contacts.forms.runs import MOST_NUMBERS
from contacts.models import Consent, Contact, ContactCheck
from contacts.views import erasing, people, proof, revealing, runs, sending, settling
from contacts.views.finding import find
from contacts.visibility import visible
from providers.models import Business


class _ConsentFilter(admin.SimpleListFilter):
    """People by a consent that whoever looks reaches: that of another business is not asked about either."""

    #: What the value in the address is held against.
    field = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the people with such a consent."""
        if not self.value():
            return queryset
        consents = Consent.objects.filter(contact=OuterRef("pk"), **{self.field: self.value()})
        return queryset.filter(Exists(reach.within(consents, request.user)))


class StatusFilter(_ConsentFilter):
    """Who opted in, and who opted out."""

    title = _("status")
    parameter_name = "consent"
    field = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Name what a consent may be."""
        return list(Consent.Status.choices)


class BusinessFilter(_ConsentFilter):
    """Who has a consent with a business."""

    title = _("business")
    parameter_name = "business"
    field = "business"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Name the businesses in reach."""
        return [(str(business.pk), business.name) for business in reach.within(Business.objects.all(), request.user)]

    def value(self) -> str | None:
        """Give the chosen business; what is no business of the list chooses none."""
        asked = super().value()
        return asked if asked in {name for name, _words in self.lookup_choices} else None


@admin.register(Contact)
class ContactAdmin(PeopleAdmin):
    """People: their numbers, what they agreed to, what was asked about them."""

    is_large = True
    date_hierarchy = "created_at"
    list_display = ("number", "region", "consent", "last_checked", "first_seen")
    list_filter = (StatusFilter, BusinessFilter)
    search_fields = ("e164",)
    search_help_text = _("A number in any writing, or its last digits (at least four)")
    actions = ("check_selected",)

    def pages(self) -> list[URLPattern]:
        """Add what may be done about one person."""
        return [
            self.page("find/", find, "find"),
            self.page("<int:pk>/check/", check_one, "check"),
            self.page("<int:pk>/number/", revealing.reveal, "reveal"),
            self.page("<int:pk>/send/", sending.send, "send"),
            self.page("<int:pk>/verify/", settling.ask_to_verify, "verify"),
            self.page("<int:pk>/erase/", erasing.page, "erase"),
            self.page("<int:pk>/lift/", erasing.lift, "lift"),
            self.page("<int:pk>/evidence-pack/", proof.evidence_pack, "evidence_pack"),
            self.page("<int:pk>/evidence-pack.json", proof.evidence_pack_file, "evidence_pack_file"),
            self.page("<int:pk>/complaint/", proof.complaint, "complaint"),
        ]

    def get_sortable_by(self, request: HttpRequest) -> tuple[str, ...]:
        """Sort by number for who sees numbers in full: between two known ones, the order would tell a masked one."""
        return ("number", "first_seen") if masking.sees_in_full(request.user) else ("first_seen",)

    def bring_along(self, rows: list[Any]) -> None:
        """Read the last check of each."""
        checks = (
            ContactCheck.objects.filter(pk__in=[pk for row in rows if (pk := row.last_check_id)])
            .select_related("account", "business")
            .in_bulk()
        )
        for row in rows:
            row.last_check = checks.get(row.last_check_id)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        """Bring along consent, and which check is the last."""
        checks = reach.within(ContactCheck.objects.all(), request.user)
        last = checks.filter(contact=OuterRef("pk"), checked_at__isnull=False).order_by("-checked_at")
        theirs = reach.within(Consent.objects.select_related("business"), request.user)
        consents = Prefetch("consents", queryset=theirs)
        people: QuerySet[Contact] = super().get_queryset(request)
        return people.prefetch_related(consents).annotate(last_check_id=Subquery(last.values("pk")[:1]))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a number however it is written: full, national, as a wa_id, or by its last digits."""
        if not search_term.strip():
            return queryset, False
        return finding.people(queryset, search_term, in_full=masking.sees_in_full(request.user)), False

    def ledger_entries(self, row: Contact) -> Q:
        """Give also what happened under the person's pseudonym: consent, messages, identity."""
        return super().ledger_entries(row) | Q(pseudonym=row.pseudonym)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the person's page."""
        return people.page(request, pk_in(object_id))

    def has_check_permission(self, request: HttpRequest) -> bool:
        """Tell whether the person may begin a check run."""
        return request.user.has_perm("contacts.add_checkbatch")

    @admin.action(description=_("Check on WhatsApp"), permissions=["check"])
    def check_selected(self, request: HttpRequest, queryset: QuerySet[Contact]) -> HttpResponseBase:
        """Begin a check run with the selected people; the preview comes first."""
        numbers = queryset.filter(restricted_at=None).values_list("e164", flat=True)
        return runs.from_selection(request, list(numbers[: MOST_NUMBERS + 1]))

    @admin.display(description=_("number"), ordering="e164")
    def number(self, contact: Contact) -> SafeString:
        return format_html('<span class="number">{}</span>', masking.number(contact.e164))

    @admin.display(description=_("consent"))
    def consent(self, contact: Contact) -> SafeString | str:
        now = clock()
        badges = [(words.consent_badge(consent, now),) for consent in contact.consents.all()]
        return format_html('<span class="badges">{}</span>', format_html_join("", "{}", badges)) if badges else "–"

    @admin.display(description=_("last check"))
    def last_checked(self, contact: Any) -> SafeString | str:
        check = contact.last_check
        if check is None:
            return "–"
        badge = words.result_badge(check, check.business.name)
        return format_html(
            '<span class="badges">{} <span class="quiet nowrap">{} · {}</span></span>',
            badge,
            ago(check.checked_at, clock()),
            check.account.name,
        )

    @admin.display(description=_("first seen"), ordering="created_at")
    def first_seen(self, contact: Contact) -> SafeString:
        return when(contact.created_at)


@require_POST
@may("contacts.add_checkbatch")
def check_one(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin a check run with one person."""
    contact = get_object_or_404(visible(Contact.objects.all(), request.user), pk=pk)
    return runs.from_selection(request, [contact.e164])


def pk_in(object_id: str) -> int:
    return int(object_id) if object_id.isascii() and object_id.isdigit() and len(object_id) < 19 else 0
