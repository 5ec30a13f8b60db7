"""Messages, their statuses, and what people wrote that wants a decision. Unknown values are shown as they are."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import history
from audit.display import Tone, badge, copyable, error_code, when
from audit.list_filters import ValuesFilter
from contacts import identity_words, message_words, messages, words
from contacts.admin.hiding import PeopleAdmin
from contacts.admin.identity import person_link
from contacts.admin.people import pk_in
from contacts.models import Message, MessageStatus, Suggestion
from contacts.timeline import statuses_of
from contacts.views import suggestions
from providers.interfaces import TemplateMessage, TextMessage


@admin.register(Message)
class MessageAdmin(PeopleAdmin):
    """Messages to and from people, newest first."""

    list_display = ("shown_fate", "who", "what", "moment", "number")
    is_large = True
    date_hierarchy = "at"
    list_filter = ("direction", "state", "kind", "purpose", "business", "account")
    list_select_related = ("contact", "business", "account", "business_number")
    search_fields = ("contact__e164__exact", "wamid__exact")
    search_help_text = _("A number with its +, or a wamid")
    sortable_by = ()
    fields = (
        "who",
        "shown_fate",
        "text",
        "problem",
        "statuses",
        "number",
        "business",
        "for_purpose",
        "shown_basis",
        "identity_sent",
        "resend",
        "shown_wamid",
        "shown_code",
        "provider_words",
        "trace_id",
        "actor",
        "moment",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """Leave texts where they are until one message is opened."""
        found: QuerySet[Message] = super().get_queryset(request)
        return found.defer("body")

    @admin.display(description=_("person"))
    def who(self, message: Message) -> SafeString | str:
        return person_link(message.contact)

    @admin.display(description=_("what became of it"))
    def shown_fate(self, message: Message) -> SafeString:
        return message_words.fate_badge(message)

    @admin.display(description=_("what"))
    def what(self, message: Message) -> SafeString:
        html = '{}<span class="under">{}</span>'
        return format_html(html, message.get_kind_display(), words.purposes(message.purpose))

    @admin.display(description=_("when"))
    def moment(self, message: Message) -> SafeString:
        return when(message.at)

    @admin.display(description=_("our number"))
    def number(self, message: Message) -> SafeString:
        name = identity_words.sender_name(message.account, message.business_number)
        return format_html('{}<span class="under">{}</span>', name, message.actor)

    @admin.display(description=_("text"))
    def text(self, message: Message) -> SafeString | str:
        content = messages.content_of(message)
        if isinstance(content, TextMessage):
            return format_html('<blockquote class="wording">{}</blockquote>', content.body)
        if isinstance(content, TemplateMessage):
            values = format_html_join("", "<li>{}</li>", ((value,) for value in content.parameters))
            return format_html("{} · {}<ol>{}</ol>", content.name, content.language, values)
        return gettext("Removed: texts are kept for 30 days.") if message.purged_at else "–"

    @admin.display(description=_("what to do"))
    def problem(self, message: Message) -> SafeString | str:
        found = messages.problem(message) if message.direction == Message.Direction.OUT else None
        if found is None:
            return "–"
        return format_html("<strong>{}</strong> {} {}", found.happened, found.why, found.next_step)

    @admin.display(description=_("statuses"))
    def statuses(self, message: Message) -> SafeString | str:
        told = statuses_of([message]).get((message.account_id, message.wamid), ())
        rows = ((message_words.status_badge(one), when(one.at), one.error_code, one.error_words) for one in told)
        return format_html_join("", "<div>{} {} {} {}</div>", rows) or "–"

    @admin.display(description=_("provider's code"))
    def shown_code(self, message: Message) -> SafeString | str:
        return error_code(message.account.kind, message.provider_code) if message.provider_code else "–"

    @admin.display(description=_("purpose"))
    def for_purpose(self, message: Message) -> str:
        return words.purposes(message.purpose) or "–"

    @admin.display(description=_("allowed by"))
    def shown_basis(self, message: Message) -> str:
        return message.get_basis_display()

    @admin.display(description=_("identity sent"))
    def identity_sent(self, message: Message) -> SafeString | str:
        return identity_words.hash_groups(message.hash_sent) if message.hash_sent else gettext("none")

    @admin.display(description=_("sent again for"))
    def resend(self, message: Message) -> SafeString | str:
        case = message.resend_of_case
        return "–" if case is None else case_link(case.pk)

    @admin.display(description="wamid")
    def shown_wamid(self, message: Message) -> SafeString | str:
        return copyable(message.wamid) if message.wamid else "–"


@admin.register(MessageStatus)
class MessageStatusAdmin(PeopleAdmin):
    """What providers told about messages, as they told it."""

    list_display = ("shown_status", "moment", "shown_error", "shown_hash", "shown_wamid")
    is_large = True
    date_hierarchy = "received_at"
    ordering = ("-received_at", "-pk")
    list_filter = (("status", ValuesFilter), "account")
    list_select_related = ("account",)
    search_fields = ("wamid__exact", "error_code__exact")
    search_help_text = _("A wamid, or an error's code")
    sortable_by = ()
    fields = ("shown_status", "moment", "received", "account", "shown_error", "shown_hash", "shown_wamid")
    readonly_fields = fields

    def ledger_entries(self, row: MessageStatus) -> Q:
        """Give what happened with the message that it tells of."""
        told_of = Message.objects.filter(account_id=row.account_id, wamid=row.wamid).values_list("pk", flat=True)
        return history.of(*(f"Message:{pk}" for pk in told_of))

    @admin.display(description=_("status"))
    def shown_status(self, status: MessageStatus) -> SafeString:
        return message_words.status_badge(status)

    @admin.display(description=_("when"))
    def moment(self, status: MessageStatus) -> SafeString:
        return when(status.at)

    @admin.display(description=_("received"))
    def received(self, status: MessageStatus) -> SafeString:
        return when(status.received_at)

    @admin.display(description=_("error"))
    def shown_error(self, status: MessageStatus) -> SafeString | str:
        if not status.error_code:
            return "–"
        code = error_code(status.account.kind, status.error_code)
        return format_html('{}<span class="under">{}</span>', code, status.error_words)

    @admin.display(description=_("identity"))
    def shown_hash(self, status: MessageStatus) -> SafeString | str:
        return identity_words.hash_groups(status.identity_hash) if status.identity_hash else "–"

    @admin.display(description="wamid")
    def shown_wamid(self, status: MessageStatus) -> SafeString:
        return copyable(status.wamid)


class DecisionFilter(admin.SimpleListFilter):
    """What waits first: what was decided is history."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Name the states."""
        return [("decided", _("Decided")), ("all", _("All"))]

    def choices(self, changelist: Any) -> Any:
        """Let “to decide” be what the list shows by itself."""
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": gettext("To decide"),
        }
        yield from list(super().choices(changelist))[1:]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Leave those of one state."""
        if self.value() == "all":
            return queryset
        return queryset.filter(decided_at__isnull=self.value() != "decided")


@admin.register(Suggestion)
class SuggestionAdmin(PeopleAdmin):
    """What people wrote that may mean consent or its end, the most urgent first."""

    list_display = ("shown_kind", "state", "due", "who", "business")
    list_filter = (DecisionFilter, "kind", "business")
    list_select_related = ("contact", "business")
    search_fields = ("contact__e164__exact",)
    search_help_text = _("A number with its +")
    sortable_by = ()
    ordering = ("due_at", "pk")

    def pages(self) -> list[URLPattern]:
        """Add the decision."""
        return [self.page("<int:pk>/decide/", suggestions.decide, "decide")]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Suggestion]:
        """Leave the words where they are."""
        found: QuerySet[Suggestion] = super().get_queryset(request)
        return found.defer("words")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show what was written."""
        return suggestions.page(request, pk_in(object_id))

    @admin.display(description=_("what it may be"))
    def shown_kind(self, suggestion: Suggestion) -> str:
        return suggestion.get_kind_display()

    @admin.display(description=_("state"))
    def state(self, suggestion: Suggestion) -> SafeString:
        return suggestions.due_badge(suggestion)

    @admin.display(description=_("due"))
    def due(self, suggestion: Suggestion) -> SafeString:
        return when(suggestion.due_at)

    @admin.display(description=_("person"))
    def who(self, suggestion: Suggestion) -> SafeString | str:
        if suggestion.contact is None:
            return badge(Tone.QUIET, gettext("By user id only"), title=suggestion.bsuid)
        return person_link(suggestion.contact)


def case_link(pk: int) -> SafeString:
    """Link to an identity case."""
    return format_html('<a href="{}">#{}</a>', reverse("admin:contacts_trustcase_change", args=[pk]), pk)
