"""Businesses and provider accounts in the console. Saving goes through the journeys; secrets are never shown."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.crypto import salted_hmac
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from audit import reach
from audit.admin import ConsoleAdmin
from audit.display import Tone, badge
from audit.models import ProviderCall
from audit.pages import actor_of, ask_for_fresh_sign_in, clock, show
from providers import accounts, businesses, error_list, limits, views
from providers.forms import BusinessForm, credential_fields, make_account_form, option_fields, option_names
from providers.models import Business, BusinessName, ProviderAccount
from providers.reach import may_change
from providers.registry import NEEDS, can_check, warning
from providers.secret import Secret

if TYPE_CHECKING:
    _NamesBase = admin.StackedInline[BusinessName, Business]
else:
    _NamesBase = admin.StackedInline

_RECENT_CALLS = 5


class BusinessNameInline(_NamesBase):
    """The names that a business goes or went by; a name ends by its date and is not removed."""

    model = BusinessName
    extra = 1
    can_delete = False


@admin.register(Business)
class BusinessAdmin(ConsoleAdmin):
    """Whom people opt in to."""

    form = BusinessForm
    inlines = (BusinessNameInline,)
    list_display = ("name", "covers")
    search_fields = ("name", "names__name")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Leave new businesses to those who reach every business: nobody widens their own reach."""
        return super().has_add_permission(request) and not reach.is_restricted(request.user)

    def ledger_entries(self, row: Business) -> Q:
        """Give also whatever was done for the business."""
        return super().ledger_entries(row) | Q(business_id=row.pk)

    @admin.display(description=gettext_lazy("an opt-in without purposes covers"))
    def covers(self, business: Business) -> str:
        return ", ".join(str(purpose.label) for purpose in business.covered_purposes())

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the names, then write the event of the whole change in the same transaction."""
        super().save_related(request, form, formsets, change)
        named = [name for formset in formsets for name in (*formset.new_objects, *formset.changed_objects)]
        if not change or form.changed_data or named:
            businesses.record_change(
                business=form.instance,
                created=not change,
                changed_fields=[*form.changed_data, *(["names"] if named else [])],
                actor=actor_of(request),
                now=clock(),
            )


@admin.register(ProviderAccount)
class ProviderAccountAdmin(ConsoleAdmin):
    """Accounts at providers: where numbers go, how much may be asked, who receives them."""

    change_form_template = "providers/account.html"
    change_list_template = "providers/account_list.html"
    list_display = ("name", "state", "provider", "recipient", "budget")
    list_filter = ("kind", "business")
    list_select_related = ("business",)
    search_fields = ("name",)

    def pages(self) -> list[URLPattern]:
        """Add the account's buttons."""
        return [
            self.page("errors/", error_list.page, "errors"),
            self.page("<int:pk>/pause/", views.pause, "pause"),
            self.page("<int:pk>/resume/", views.resume, "resume"),
            self.page("<int:pk>/confirm/", views.confirm, "confirm"),
            self.page("<int:pk>/credentials/", views.credentials, "credentials"),
            self.page("<int:pk>/test/", views.test, "test"),
            self.page("<int:pk>/webhook/", views.webhook_token, "webhook"),
        ]

    @admin.display(description=gettext_lazy("state"))
    def state(self, account: ProviderAccount) -> SafeString:
        stopped = account.stopped_because()
        if not account.may_receive:
            return badge(Tone.WARN, _("Off: recipient not confirmed"), title=stopped)
        return badge(Tone.WARN, _("Paused"), title=stopped) if stopped else badge(Tone.GOOD, _("Ready"))

    @admin.display(description=gettext_lazy("provider"))
    def provider(self, account: ProviderAccount) -> SafeString:
        return format_html('{}<span class="under">{}</span>', account.get_kind_display(), account.business or "–")

    @admin.display(description=gettext_lazy("numbers go to"))
    def recipient(self, account: ProviderAccount) -> str:
        return recipient_of(account)

    @admin.display(description=gettext_lazy("budget a day"))
    def budget(self, account: ProviderAccount) -> str:
        if not can_check(account.kind):
            return "–"
        return _("unlimited") if account.check_budget is None else str(account.check_budget)

    @admin.display(description=gettext_lazy("options"))
    def options_shown(self, account: ProviderAccount) -> SafeString:
        stored = account.options if isinstance(account.options, dict) else {}
        rows = [(name, stored[name]) for name in sorted(stored)]
        return format_html_join("", "<div>{}: {}</div>", rows) or format_html_join("", "{}", [("–",)])

    def get_fieldsets(self, request: HttpRequest, obj: ProviderAccount | None = None) -> Any:
        """Group the fields; options and credentials are those of the account's kind."""
        kind = _kind_of(request, obj)
        may_edit = self.has_change_permission(request, obj) if obj else True
        options = list(option_fields(kind)) if may_edit else ["options_shown"]
        limits_of_checks = ("rate_limit", "check_budget") if can_check(kind) else ("rate_limit",)
        sections: list[Any] = [(None, {"fields": ("name", "business", "base_url")})]
        if obj is None:
            words = _("Encrypted, and never shown again.")
            sections.append((_("Credentials"), {"fields": tuple(credential_fields(kind)), "description": words}))
        if options:
            sections.append((_("Options"), {"fields": tuple(options)}))
        sections.append((_("Limits"), {"fields": limits_of_checks}))
        recipient = ("recipient_legal_name", "recipient_country", "recipient_agreement", "recipient_official")
        words = _("Whoever receives the numbers answers for them. An unofficial recipient is off until confirmed.")
        sections.append((_("Recipient of the numbers"), {"fields": recipient, "description": words}))
        return sections

    def get_readonly_fields(self, request: HttpRequest, obj: ProviderAccount | None = None) -> tuple[str, ...]:
        """Keep an account with its business."""
        return ("options_shown", "business") if obj is not None and obj.business_id else ("options_shown",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Give the form of this kind of account."""
        form = make_account_form(_kind_of(request, obj), is_new=obj is None)
        made = super().get_form(request, obj, change, form=form, **kwargs)
        if "business" in made.base_fields and reach.is_restricted(request.user):
            # Without a business it would be out of their own reach.
            made.base_fields["business"].required = True
        return made

    def has_change_permission(self, request: HttpRequest, obj: ProviderAccount | None = None) -> bool:
        """Refuse where another business is served too that this person does not reach."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or may_change(obj, reach.businesses(request.user)))

    @method_decorator(sensitive_post_parameters())
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the kind first: it decides what else is asked."""
        if _kind_of(request, None) not in NEEDS and self.has_add_permission(request):
            kinds = [{"kind": kind, "can_check": can_check(kind)} for kind in ProviderAccount.Kind if kind in NEEDS]
            title = _("Which provider is it?")
            return show(request, "providers/choose_kind.html", title=title, model=ProviderAccount, kinds=kinds)
        kind = ProviderAccount.Kind(_kind_of(request, None)) if _kind_of(request, None) else None
        extra = {"show_save_and_add_another": False, "show_save_and_continue": False, "kind": kind}
        return super().add_view(request, form_url, {**extra, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show how the account stands above its settings."""
        account = self.get_object(request, object_id)
        shown = standing(account, reach.businesses(request.user)) if account else {}
        extra = {"show_save_and_add_another": False, **shown, **(extra_context or {})}
        # Another base URL takes the credentials to another host.
        asked = ask_for_fresh_sign_in(request) if request.method == "POST" else None
        return asked or super().change_view(request, object_id, form_url, extra)

    def save_model(self, request: HttpRequest, obj: ProviderAccount, form: Any, change: bool) -> None:
        """Save through the journey, with the names of what changed."""
        changed = [
            f"options.{name.removeprefix('option_')}" if name.startswith("option_") else name
            for name in form.changed_data
        ]
        accounts.save(account=obj, changed_fields=changed, actor=actor_of(request), now=clock())

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Lead to the new account's page, where the connection is tested next."""
        messages.success(request, _("%(account)s is saved. Test its connection next.") % {"account": obj})
        return redirect(views.account_url(obj))


def recipient_of(account: ProviderAccount) -> str:
    """Say who receives the numbers that are asked about through the account."""
    return ", ".join(filter(None, (account.recipient_legal_name, account.recipient_country))) or _("nobody named yet")


def standing(account: ProviderAccount, reached: reach.Businesses) -> dict[str, Any]:
    """Give what the account's page shows above its settings to somebody who reaches these businesses."""
    now = clock()
    left = limits.budget_left(account, now=now)
    meter = limits.meter_of(account)
    postponed_until = meter.postponed_until if meter else None
    calls: QuerySet[ProviderCall] = reach.narrowed(ProviderCall.objects.filter(account_id=account.pk), reached)
    return {
        "account": account,
        "is_theirs_alone": may_change(account, reached),
        "stopped_because": account.stopped_because(),
        "warning": warning(account, today=now.date()),
        "recipient": recipient_of(account),
        "credentials": [
            {"name": credential_fields(account.kind)[f"credential_{name}"].label, **seen(account.credentials.get(name))}
            for name in [key.removeprefix("credential_") for key in credential_fields(account.kind)]
        ],
        "budget_left": left,
        "budget_used": None if left is None else (account.check_budget or 0) - left,
        "frees_at": limits.next_free_at(account, now) if left is not None and left != account.check_budget else None,
        "postponed_until": postponed_until if postponed_until and postponed_until > now else None,
        "marked_weak_at": meter.marked_weak_at if meter else None,
        "webhook": seen(account.webhook_token.get("token")) if account.kind == ProviderAccount.Kind.ONPREM else None,
        "can_check": can_check(account.kind),
        "recent_calls": calls[:_RECENT_CALLS],
        "has_options": bool(option_names(account.kind)),
    }


def seen(secret: Secret | None) -> dict[str, Any]:
    """Give by what a person knows a secret again: its last four characters and a keyed fingerprint."""
    if not secret:
        return {"is_set": False, "last_four": "", "fingerprint": ""}
    mark = salted_hmac("providers.fingerprint", secret.reveal(), algorithm="sha256").hexdigest()[:8]
    return {"is_set": True, "last_four": secret.last_four(), "fingerprint": mark}


def _kind_of(request: HttpRequest, account: ProviderAccount | None) -> str:
    return account.kind if account is not None else request.GET.get("kind", "")
