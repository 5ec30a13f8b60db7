"""Erasures in the console: who was erased or restricted is not in it, only when, why and by whom."""

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.admin import ReadOnlyAdmin
from audit.display import Tone, badge, copyable, when
from contacts.erasure.persons import NAMES
from contacts.models import Erasure


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """What was erased or restricted, newest first."""

    list_display = ("shown_kind", "state", "moment", "why", "by")
    list_filter = ("kind", "reason", "at")
    search_fields = ("reference__exact", "by__exact")
    search_help_text = gettext_lazy("A reference, or who did it")
    sortable_by = ()
    fields = ("shown_kind", "state", "moment", "kept_until", "why", "by", "removed", "finished", "digest")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("what was done"))
    def shown_kind(self, entry: Erasure) -> str:
        return entry.get_kind_display()

    @admin.display(description=gettext_lazy("state"))
    def state(self, entry: Erasure) -> SafeString | str:
        if entry.kind != Erasure.Kind.ERASED:
            return "–"
        if entry.finished_at:
            return badge(Tone.GOOD, _("Finished"))
        return badge(
            Tone.BUSY,
            _("Files and webhooks"),
            title=_("Files and stored webhooks that name the person are still being read."),
        )

    @admin.display(description=gettext_lazy("when"))
    def moment(self, entry: Erasure) -> SafeString:
        return when(entry.at)

    @admin.display(description=gettext_lazy("kept until"))
    def kept_until(self, entry: Erasure) -> SafeString:
        return when(entry.until)

    @admin.display(description=gettext_lazy("finished at"))
    def finished(self, entry: Erasure) -> SafeString:
        return when(entry.finished_at)

    @admin.display(description=gettext_lazy("reason"))
    def why(self, entry: Erasure) -> SafeString:
        return format_html('{}<span class="under">{}</span>', entry.get_reason_display(), entry.reference)

    @admin.display(description=gettext_lazy("removed"))
    def removed(self, entry: Erasure) -> SafeString | str:
        rows = ((NAMES.get(name, name), count) for name, count in entry.counts.items())
        return format_html_join("", "<div>{}: {}</div>", rows) or "–"

    @admin.display(description=gettext_lazy("keyed digest of the number"))
    def digest(self, entry: Erasure) -> SafeString:
        return copyable(entry.key)
