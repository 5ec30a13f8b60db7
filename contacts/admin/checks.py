"""Check runs and their rows in the console."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit import history
from audit.admin import ReadOnlyAdmin
from audit.display import Tone, badge, errors_of, when
from contacts import masking, words
from contacts.admin.hiding import PeopleAdmin
from contacts.admin.people import pk_in
from contacts.models import CheckBatch, ContactCheck
from contacts.views import progress, runs
from contacts.visibility import sees


@admin.register(CheckBatch)
class CheckBatchAdmin(ReadOnlyAdmin):
    """Check runs: begun by the preview, followed on their own page."""

    list_display = ("name", "shown_state", "account", "business", "for_purpose", "source", "begun")
    is_large = True
    date_hierarchy = "created_at"
    list_filter = ("state", "account", "business")
    list_select_related = ("account", "business")
    sortable_by = ()

    def pages(self) -> list[URLPattern]:
        """Add the steps of a run."""
        return [
            self.page("confirm/", runs.confirm, "confirm"),
            self.page("<int:pk>/live/", progress.live, "live"),
            self.page("<int:pk>/pause/", progress.pause, "pause"),
            self.page("<int:pk>/resume/", progress.resume, "resume"),
            self.page("<int:pk>/cancel/", progress.cancel, "cancel"),
            self.page("<int:pk>/retry/", progress.retry, "retry"),
            self.page("<int:pk>/download/", progress.download, "download"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let those begin a run who may."""
        return request.user.has_perm("contacts.add_checkbatch")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Begin with the numbers."""
        return runs.new(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show where the run stands."""
        return progress.page(request, pk_in(object_id))

    @admin.display(description=_("run"), ordering="id")
    def name(self, batch: CheckBatch) -> str:
        return f"#{batch.pk}"

    @admin.display(description=_("state"))
    def shown_state(self, batch: CheckBatch) -> SafeString:
        return badge(progress.STATE_TONES.get(CheckBatch.State(batch.state), Tone.QUIET), batch.get_state_display())

    @admin.display(description=_("purpose"))
    def for_purpose(self, batch: CheckBatch) -> object:
        return words.purposes(batch.purpose) or _("any")

    @admin.display(description=_("asked by"))
    def begun(self, batch: CheckBatch) -> SafeString:
        return format_html('{}<span class="under">{}</span>', batch.requested_by, when(batch.created_at))


@admin.register(ContactCheck)
class ContactCheckAdmin(PeopleAdmin):
    """Single checks, newest first, over all runs."""

    list_display = ("as_written", "result", "through", "answered")
    is_large = True
    date_hierarchy = "checked_at"
    list_filter = ("status", "account")
    list_select_related = ("account", "business", "contact")
    search_fields = ("contact__e164__exact", "wa_id__exact")
    search_help_text = _("A number with its +, or a wa_id")
    sortable_by = ("through",)
    fields = (
        "as_written",
        "person",
        "result",
        "detail",
        "meanings",
        "shown_wa_id",
        "sure",
        "account",
        "business",
        "run",
        "opt_in",
        "asked_at",
        "asks",
        "attempts",
    )
    readonly_fields = fields

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        """Head the page with what the answer is worth, not with the bare status."""
        response = super().render_change_form(request, context, *args, **kwargs)
        check = context["original"]
        context["title"] = f"{masking.text(check.input)}: {words.result_words(check, check.business.name)}"
        return response

    def get_fields(self, request: HttpRequest, obj: ContactCheck | None = None) -> Any:
        """Leave the person out who is not theirs to see: a refused number is anybody's guess at one."""
        shown = obj is None or obj.contact is None or sees(request.user, obj.contact)
        return [name for name in self.fields if shown or name != "person"]

    def ledger_entries(self, row: ContactCheck) -> Q:
        """Give what happened with its run: a row has no entries of its own."""
        return history.of(f"CheckBatch:{row.batch_id}")

    @admin.display(description=_("what it means"))
    def meanings(self, check: ContactCheck) -> SafeString:
        return errors_of(check.account.kind, gettext("What this provider's codes mean"))

    @admin.display(description="wa_id")
    def shown_wa_id(self, check: ContactCheck) -> str:
        return masking.text(check.wa_id or "") or "–"

    @admin.display(description=_("as written"))
    def as_written(self, check: ContactCheck) -> SafeString:
        return format_html('<span class="number">{}</span>', masking.text(check.input))

    @admin.display(description=_("person"))
    def person(self, check: ContactCheck) -> SafeString | str:
        if check.contact is None:
            return "–"
        page = reverse("admin:contacts_contact_change", args=[check.contact_id])
        return format_html('<a class="number" href="{}">{}</a>', page, masking.number(check.contact.e164))

    @admin.display(description=_("result"))
    def result(self, check: ContactCheck) -> SafeString:
        return words.result_badge(check, check.business.name)

    @admin.display(description=_("run"))
    def run(self, check: ContactCheck) -> SafeString:
        page = reverse("admin:contacts_checkbatch_change", args=[check.batch_id])
        return format_html('<a href="{}">#{}</a>', page, check.batch_id)

    @admin.display(description=_("account"), ordering="id")
    def through(self, check: ContactCheck) -> SafeString:
        return format_html('{}<span class="under">{} {}</span>', check.account, _("run"), self.run(check))

    @admin.display(description=_("answered"))
    def answered(self, check: ContactCheck) -> SafeString:
        return format_html('{}<span class="under">{}</span>', when(check.checked_at), words.how_sure(check))

    @admin.display(description=_("asked at"))
    def asked_at(self, check: ContactCheck) -> SafeString:
        return when(check.checked_at)

    @admin.display(description=_("how sure"))
    def sure(self, check: ContactCheck) -> str:
        return words.how_sure(check)
