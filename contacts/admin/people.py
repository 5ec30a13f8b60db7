"""The list of contacts: found by any way of writing a number, with consent and the last check at a glance."""

import re
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from audit.display import ago
from audit.pages import clock, may
from contacts import masking, words
from contacts.admin.hiding import PeopleAdmin
from contacts.forms.runs import MOST_NUMBERS
from contacts.models import Consent, Contact, ContactCheck
from contacts.views import erasing, people, proof, revealing, runs, sending, settling
from contacts.visibility import visible

_NOT_A_DIGIT = re.compile(r"\D", re.ASCII)
#: Fewer digits than this would find half the world.
_SHORTEST_ENDING = 4


class ContactList(ChangeList):
    """A page of contacts with the last check of each, in one query for the page."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page, then the checks that its rows name."""
        super().get_results(request)
        contacts = list(self.result_list)
        checks = (
            ContactCheck.objects.filter(pk__in=[pk for row in contacts if (pk := row.last_check_id)])
            .select_related("account", "business")
            .in_bulk()
        )
        for row in contacts:
            row.last_check = checks.get(row.last_check_id)
        self.result_list = contacts


@admin.register(Contact)
class ContactAdmin(PeopleAdmin):
    """People: their numbers, what they agreed to, what was asked about them."""

    list_display = ("number", "region", "consent", "last_checked")
    list_filter = ("consents__status", "consents__business")
    search_fields = ("e164",)
    search_help_text = _("A number in any writing, or its last digits (at least four)")
    sortable_by = ()
    actions = ("check_selected",)

    def pages(self) -> list[URLPattern]:
        """Add what may be done about one person."""
        return [
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

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Use the list that brings the checks along."""
        return ContactList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        """Bring along consent, and which check is the last."""
        last = ContactCheck.objects.filter(contact=OuterRef("pk"), checked_at__isnull=False).order_by("-checked_at")
        consents = Prefetch("consents", queryset=Consent.objects.select_related("business"))
        people: QuerySet[Contact] = super().get_queryset(request)
        return people.prefetch_related(consents).annotate(last_check_id=Subquery(last.values("pk")[:1]))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a number however it is written: full, national, as a wa_id, or by its last digits."""
        if not search_term.strip():
            return queryset, False
        digits = _NOT_A_DIGIT.sub("", search_term)
        if len(digits) < _SHORTEST_ENDING:
            return queryset.none(), False
        if not masking.sees_in_full(request.user):
            # A part of a number would find out the rest, digit by digit.
            whole = digits.removeprefix("00")
            return queryset.filter(Q(e164=f"+{whole}") | Q(wa_id=whole)), False
        if search_term.strip().startswith("+"):
            return queryset.filter(e164__startswith="+" + digits), False
        # A national number often begins with a nought that its international form leaves out.
        ending = digits.removeprefix("00").lstrip("0") or digits
        found = Q(e164__startswith="+" + digits.removeprefix("00")) | Q(e164__endswith=ending) | Q(wa_id=digits)
        return queryset.filter(found), False

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


@require_POST
@may("contacts.add_checkbatch")
def check_one(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin a check run with one person."""
    contact = get_object_or_404(visible(Contact.objects.all(), request.user), pk=pk)
    return runs.from_selection(request, [contact.e164])


def pk_in(object_id: str) -> int:
    return int(object_id) if object_id.isascii() and object_id.isdigit() and len(object_id) < 19 else 0
