"""Identities, trust and the changes to verify in the console. Nobody is trusted from a list, and never in bulk."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import reach
from audit.display import Tone, ago, badge, when
from audit.list_filters import PresenceFilter
from audit.pages import clock
from contacts import identity_words, masking
from contacts.admin.hiding import PeopleAdmin
from contacts.admin.people import pk_in
from contacts.models import Contact, IdentityKey, IdentityTrust, TrustCase
from contacts.views import cases, settling


def person_link(contact: Contact | None) -> SafeString | str:
    """Link to a person by their number."""
    if contact is None:
        return "–"
    page = reverse("admin:contacts_contact_change", args=[contact.pk])
    return format_html('<a class="number" href="{}">{}</a>', page, masking.number(contact.e164))


class StateFilter(admin.SimpleListFilter):
    """Open cases first: what is settled is history."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Name the states."""
        return [
            ("awaiting", _("Waiting for the new identity")),
            ("late", _("No new identity came")),
            ("settled", _("Settled")),
            ("all", _("All")),
        ]

    def choices(self, changelist: Any) -> Any:
        """Let “to verify” be what the list shows by itself."""
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": gettext("To verify"),
        }
        yield from list(super().choices(changelist))[1:]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Leave the cases of one state."""
        match self.value():
            case "awaiting":
                return queryset.filter(hash_expected_until__isnull=False, no_hash_since=None)
            case "late":
                return queryset.filter(no_hash_since__isnull=False)
            case "settled":
                return queryset.filter(closed_at__isnull=False)
            case "all":
                return queryset
        return queryset.filter(closed_at=None)


class AgeFilter(admin.SimpleListFilter):
    """How long a case has been open."""

    title = _("age")
    parameter_name = "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Name the ages."""
        return [("day", _("Less than a day")), ("days", _("1 to 3 days")), ("old", _("More than 3 days"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Leave the cases of one age."""
        now = clock()
        match self.value():
            case "day":
                return queryset.filter(opened_at__gt=now - timedelta(days=1))
            case "days":
                return queryset.filter(opened_at__lte=now - timedelta(days=1), opened_at__gt=now - timedelta(days=3))
            case "old":
                return queryset.filter(opened_at__lte=now - timedelta(days=3))
        return queryset


class AssigneeFilter(admin.SimpleListFilter):
    """Whose case it is."""

    title = _("assignee")
    parameter_name = "assignee"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Name oneself, nobody, and whoever else has a case."""
        me = request.user.get_username()
        cases = reach.within(TrustCase.objects.exclude(assignee__in=["", me]), request.user)
        others = cases.values_list("assignee", flat=True)
        return [
            ("me", _("Me")),
            ("nobody", _("Nobody yet")),
            *((name, name) for name in sorted(set(others.order_by())) if name not in ("me", "nobody")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Leave the cases of one of us."""
        value = self.value()
        if value is None:
            return queryset
        return queryset.filter(assignee={"me": request.user.get_username(), "nobody": ""}.get(value, value))


@admin.register(TrustCase)
class TrustCaseAdmin(PeopleAdmin):
    """Identity changes to verify, the oldest first: each on a page of its own."""

    list_display = ("who", "state", "opened", "waits", "taken_by")
    list_filter = (
        StateFilter,
        AgeFilter,
        ("message", PresenceFilter),
        AssigneeFilter,
        "reason",
        "business",
    )
    list_select_related = ("contact", "business", "account", "business_number", "message")
    search_fields = ("contact__e164__exact",)
    search_help_text = _("A number with its +")
    sortable_by = ()
    ordering = ("opened_at", "pk")

    def pages(self) -> list[URLPattern]:
        """Add the buttons of a case."""
        return [
            self.page("<int:pk>/live/", cases.live, "live"),
            self.page("<int:pk>/same-person/", settling.same_person, "same_person"),
            self.page("<int:pk>/other-person/", settling.other_person, "other_person"),
            self.page("<int:pk>/not-reached/", settling.not_reached, "not_reached"),
            self.page("<int:pk>/resend/", settling.resend_again, "resend"),
            self.page("<int:pk>/assign/", settling.assign, "assign"),
            self.page("<int:pk>/read-node/", settling.read_node, "read_node"),
            self.page("<int:pk>/acknowledge/", settling.acknowledge, "acknowledge"),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TrustCase]:
        """Leave what people wrote where it is."""
        found: QuerySet[TrustCase] = super().get_queryset(request)
        return found.defer("evidence", "message__body")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the case's page."""
        return cases.page(request, pk_in(object_id))

    @admin.display(description=_("person"))
    def who(self, case: TrustCase) -> SafeString:
        sender = identity_words.sender_name(case.account, case.business_number)
        number = masking.number(case.contact.e164)
        return format_html('<span class="number">{}</span><span class="under">{}</span>', number, sender)

    @admin.display(description=_("state"))
    def state(self, case: TrustCase) -> SafeString:
        badge_of_case = identity_words.case_badge(case)
        return format_html('{}<span class="under">{}</span>', badge_of_case, identity_words.short(case))

    @admin.display(description=_("opened"))
    def opened(self, case: TrustCase) -> SafeString:
        return ago(case.opened_at, clock())

    @admin.display(description=_("waiting message"))
    def waits(self, case: TrustCase) -> SafeString | str:
        if case.message is None:
            return "–"
        return badge(Tone.WARN if case.closed_at is None else Tone.QUIET, case.message.get_kind_display())

    @admin.display(description=_("taken care of by"))
    def taken_by(self, case: TrustCase) -> SafeString | str:
        if case.closed_at is not None:
            return format_html('{}<span class="under">{}</span>', case.closed_by, when(case.closed_at))
        who = case.assignee or gettext("Nobody yet")
        if case.remind_at is None:
            return who
        return format_html('{}<span class="under">{} {}</span>', who, gettext("again on"), when(case.remind_at))


@admin.register(IdentityTrust)
class IdentityTrustAdmin(PeopleAdmin):
    """Who is trusted, with each of our numbers, since when and why."""

    list_display = ("shown_state", "who", "trusted_hash", "since_when", "number")
    list_filter = ("state", "basis", "account")
    list_select_related = ("contact", "account", "business_number")
    search_fields = ("contact__e164__exact", "hash__exact")
    search_help_text = _("A number with its +, or a whole identity")
    sortable_by = ()
    ordering = ("-since", "-pk")
    fields = ("who", "shown_state", "trusted_hash", "basis", "since_when", "number", "had_case")
    readonly_fields = fields

    def ledger_entries(self, row: IdentityTrust) -> Q:
        """Give what happened with the person's identities."""
        return _of_identity(row.contact)

    @admin.display(description=_("person"))
    def who(self, trust: IdentityTrust) -> SafeString | str:
        return person_link(trust.contact)

    @admin.display(description=_("state"))
    def shown_state(self, trust: IdentityTrust) -> SafeString:
        return identity_words.trust_badge(trust)

    @admin.display(description=_("trusted identity"))
    def trusted_hash(self, trust: IdentityTrust) -> SafeString | str:
        return identity_words.hash_groups(trust.hash_to_send) if trust.hash_to_send else "–"

    @admin.display(description=_("since"))
    def since_when(self, trust: IdentityTrust) -> SafeString:
        return when(trust.since)

    @admin.display(description=_("our number"))
    def number(self, trust: IdentityTrust) -> str:
        return identity_words.sender_name(trust.account, trust.business_number)


@admin.register(IdentityKey)
class IdentityKeyAdmin(PeopleAdmin):
    """Every identity that was ever seen: the newest is not the trusted one."""

    list_display = ("shown_hash", "who", "seen_in", "observed", "number")
    is_large = True
    date_hierarchy = "observed_at"
    list_filter = ("source", "account")
    list_select_related = ("contact", "account", "business_number")
    search_fields = ("contact__e164__exact", "hash__exact", "reference__exact")
    search_help_text = _("A number with its +, a whole identity, or a wamid")
    sortable_by = ()
    fields = ("who", "shown_hash", "seen_in", "reference", "observed", "recorded", "number")
    readonly_fields = fields

    def ledger_entries(self, row: IdentityKey) -> Q:
        """Give what happened with the person's identities."""
        return _of_identity(row.contact)

    @admin.display(description=_("person"))
    def who(self, key: IdentityKey) -> SafeString | str:
        return person_link(key.contact)

    @admin.display(description=_("WhatsApp identity"))
    def shown_hash(self, key: IdentityKey) -> SafeString:
        return identity_words.hash_groups(key.hash)

    @admin.display(description=_("seen in"))
    def seen_in(self, key: IdentityKey) -> str:
        return key.get_source_display()

    @admin.display(description=_("observed at"))
    def observed(self, key: IdentityKey) -> SafeString:
        return when(key.observed_at)

    @admin.display(description=_("recorded at"))
    def recorded(self, key: IdentityKey) -> SafeString:
        return when(key.recorded_at)

    @admin.display(description=_("our number"))
    def number(self, key: IdentityKey) -> str:
        return identity_words.sender_name(key.account, key.business_number)


def _of_identity(contact: Contact) -> Q:
    about = Q(subject__startswith="IdentityTrust:") | Q(subject__startswith="TrustCase:")
    return Q(pseudonym=contact.pseudonym) & about
