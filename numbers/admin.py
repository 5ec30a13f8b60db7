"""WABAs, business numbers and verification attempts in the console. Every button leads to one journey."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit import history, reach
from audit.admin import ConsoleAdmin, ReadOnlyAdmin
from audit.display import copyable, error_code, when
from audit.pages import actor_of, clock
from numbers import beginning, identity_check, limits, onboarding, words
from numbers.forms import BusinessAccountForm
from numbers.models import BusinessAccount, BusinessNumber, VerificationAttempt
from numbers.views import accounts, adding, codes, identity, leaving, number_page, registering
from providers.registry import hosts_numbers


@admin.register(BusinessAccount)
class BusinessAccountAdmin(ConsoleAdmin):
    """WABAs: how Meta judges them, and their numbers."""

    form = BusinessAccountForm
    change_form_template = "numbers/business_account.html"
    list_display = ("shown_name", "review", "verification", "shown_limit", "webhooks", "numbers_in_it")
    list_filter = ("business", "account")
    list_select_related = ("business", "account")
    search_fields = ("waba_id__exact", "name")
    search_help_text = gettext_lazy("A WABA id, or a part of its name")
    sortable_by = ()

    def pages(self) -> list[URLPattern]:
        """Add the WABA's buttons."""
        return [
            self.page("<int:pk>/sync/", accounts.sync_now, "sync"),
            self.page("<int:pk>/subscribe/", accounts.subscribe, "subscribe"),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[BusinessAccount]:
        """Bring along how many numbers there are."""
        found: QuerySet[BusinessAccount] = super().get_queryset(request).annotate(numbers_count=Count("numbers"))
        return found

    def get_readonly_fields(self, request: HttpRequest, obj: BusinessAccount | None = None) -> tuple[str, ...]:
        """Keep a WABA what it is: its id and its account do not change."""
        return ("waba_id", "business", "account") if obj is not None else ()

    def get_fields(self, request: HttpRequest, obj: BusinessAccount | None = None) -> tuple[str, ...]:
        """Ask for the name alone once the WABA is there; the rest stands above it."""
        return ("name",) if obj is not None else ("waba_id", "business", "account", "name")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show how the WABA stands, and its numbers, above what may be changed."""
        account = self.get_object(request, object_id)
        extra = {
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
            **(accounts.standing(account, clock()) if account else {}),
        }
        return super().change_view(request, object_id, form_url, {**extra, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: BusinessAccount, form: Any, change: bool) -> None:
        """Save through the journey, with the names of what changed."""
        beginning.keep_business_account(
            business_account=obj, changed_fields=form.changed_data, actor=actor_of(request), now=clock()
        )

    @admin.display(description="WABA")
    def shown_name(self, waba: BusinessAccount) -> SafeString:
        return format_html('{}<span class="under">{} · {}</span>', waba, waba.waba_id, waba.account)

    @admin.display(description=gettext_lazy("review"))
    def review(self, waba: BusinessAccount) -> SafeString:
        shown = words.said(words.REVIEW, waba.account_review_status)
        return format_html("{} {}", words.cell_label(_("Review")), shown)

    @admin.display(description=gettext_lazy("business verification"))
    def verification(self, waba: BusinessAccount) -> SafeString:
        shown = words.said(words.BUSINESS_VERIFICATION, waba.business_verification_status)
        return format_html("{} {}", words.cell_label(_("Verification")), shown)

    @admin.display(description=gettext_lazy("messaging limit"))
    def shown_limit(self, waba: BusinessAccount) -> str:
        return words.messaging_limit(waba.messaging_limit)

    @admin.display(description=gettext_lazy("webhooks"))
    def webhooks(self, waba: BusinessAccount) -> SafeString:
        return words.subscribed_badge(waba)

    @admin.display(description=gettext_lazy("numbers"))
    def numbers_in_it(self, waba: Any) -> SafeString:
        page = reverse("admin:numbers_businessnumber_changelist") + f"?business_account__id__exact={waba.pk}"
        return format_html('{} <a href="{}">{}</a>', words.cell_label(_("Numbers")), page, waba.numbers_count)


class ConnectionFilter(admin.SimpleListFilter):
    """The statuses that there are, in words; a number of which nothing was read has none."""

    title = gettext_lazy("connection")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Give each status that a number has."""
        rows = reach.within(BusinessNumber.objects.exclude(status=""), request.user)
        found = rows.order_by("status").values_list("status", flat=True)
        return [(status, words.CONNECTION.get(status, (None, status))[1]) for status in found.distinct()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the numbers of the chosen status."""
        return queryset.filter(status=self.value()) if self.value() else queryset


@admin.register(BusinessNumber)
class BusinessNumberAdmin(ConsoleAdmin):
    """Our numbers, one row each: what the provider says of them, and the one thing to do next."""

    list_display = (
        "shown_number",
        "waba",
        "badges",
        "traffic",
        "identity",
        "next_action",
    )
    list_filter = ("business_account", ConnectionFilter, "waiting_on")
    list_select_related = ("business_account__account", "business_account__business")
    search_fields = ("e164__contains", "phone_number_id__exact", "verified_name", "business_account__waba_id__exact")
    search_help_text = gettext_lazy("A part of the number, its id, its display name, or a WABA id")
    list_display_links = None
    sortable_by = ()
    actions = ("turn_identity_check_on", "turn_identity_check_off")

    def pages(self) -> list[URLPattern]:
        """Add the steps of onboarding, one address a button."""
        return [
            self.page("<int:pk>/origin/", adding.origin, "origin"),
            self.page("<int:pk>/add/", adding.add_at_provider, "add_at_provider"),
            self.page("<int:pk>/read/", number_page.refresh, "refresh"),
            self.page("<int:pk>/wait/", number_page.wait, "wait"),
            self.page("<int:pk>/request-code/", codes.request_code, "request_code"),
            self.page("<int:pk>/code-sent/", codes.code_sent, "code_sent"),
            self.page("<int:pk>/submit-code/", codes.submit_code, "submit_code"),
            self.page("<int:pk>/settle/", codes.settle, "settle"),
            self.page("<int:pk>/settle-by-person/", codes.settle_by_person, "settle_by_person"),
            self.page("<int:pk>/pin-answer/", registering.pin_answer, "pin_answer"),
            self.page("<int:pk>/register/", registering.register, "register"),
            self.page("<int:pk>/new-pin/", registering.new_pin, "new_pin"),
            self.page("<int:pk>/reveal-pin/", registering.reveal_pin, "reveal_pin"),
            self.page("<int:pk>/identity-check/", identity.toggle, "identity_check"),
            self.page("<int:pk>/identity-check/read/", identity.read_back, "identity_read"),
            self.page("<int:pk>/hand-over/", leaving.hand_over, "hand_over"),
            self.page("<int:pk>/hand-over/deregister/", leaving.deregister, "deregister"),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[BusinessNumber]:
        """Bring along the code that each waits for, which says what is to be done next."""
        found: QuerySet[BusinessNumber] = super().get_queryset(request)
        return limits.with_current_codes(found, clock())

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Begin with where the number is."""
        return adding.start(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the stepper."""
        return number_page.page(request, int(object_id) if object_id.isascii() and object_id.isdigit() else 0)

    def has_toggle_permission(self, request: HttpRequest) -> bool:
        """Tell whether the person may turn the identity check on and off."""
        return request.user.has_perm("numbers.toggle_identity_check_businessnumber")

    @admin.action(description=gettext_lazy("Turn the identity check on"), permissions=["toggle"])
    def turn_identity_check_on(self, request: HttpRequest, queryset: QuerySet[BusinessNumber]) -> None:
        """Turn the check on for the selected numbers."""
        identity.toggle_many(request, queryset, on=True)

    @admin.action(description=gettext_lazy("Turn the identity check off"), permissions=["toggle"])
    def turn_identity_check_off(self, request: HttpRequest, queryset: QuerySet[BusinessNumber]) -> None:
        """Turn the check off for the selected numbers."""
        identity.toggle_many(request, queryset, on=False)

    @admin.display(description=gettext_lazy("number"), ordering="e164")
    def shown_number(self, number: BusinessNumber) -> SafeString:
        written, region = words.national(number.e164)
        page = reverse("admin:numbers_businessnumber_change", args=[number.pk])
        name = number.verified_name or number.e164
        return format_html(
            '<a href="{}"><strong>{}</strong></a><span class="under number">{}{}</span>{}',
            page,
            name,
            written,
            f" · {region}" if region else "",
            copyable(number.phone_number_id) if number.phone_number_id else "",
        )

    @admin.display(description="WABA")
    def waba(self, number: BusinessNumber) -> SafeString:
        account = number.business_account
        page = reverse("admin:numbers_businessaccount_change", args=[account.pk])
        return format_html('<a href="{}">{}</a>', page, account)

    @admin.display(description=gettext_lazy("verified? connected?"))
    def badges(self, number: BusinessNumber) -> SafeString:
        return format_html(
            '<span class="badges">{}{}</span>', words.verified_badge(number), words.connected_badge(number)
        )

    @admin.display(description=gettext_lazy("quality, throughput"))
    def traffic(self, number: BusinessNumber) -> SafeString:
        if not hosts_numbers(number.account.kind):
            return format_html('<span class="quiet">{}</span>', _("Kept at Kaleyra"))
        quality = words.said(words.QUALITY, number.quality_rating)
        return format_html(
            '<span class="badges">{}{}{}{}</span>',
            words.cell_label(_("Quality")),
            quality,
            words.cell_label(_("Throughput")),
            words.throughput(number, clock()),
        )

    @admin.display(description=gettext_lazy("identity check"))
    def identity(self, number: BusinessNumber) -> SafeString:
        if not hosts_numbers(number.account.kind):
            return format_html('<span class="quiet">{}</span>', "–")
        drift = identity_check.drift(number)
        badge = words.identity_badge(number, drift)
        label = words.cell_label(_("Identity check"))
        return format_html('{} {}<span class="under">{}</span>', label, badge, drift)

    @admin.display(description=gettext_lazy("next"))
    def next_action(self, number: BusinessNumber) -> SafeString:
        return words.next_button(number, onboarding.current_step(number, now=clock()))


@admin.register(VerificationAttempt)
class VerificationAttemptAdmin(ReadOnlyAdmin):
    """Every code requested or submitted and every registration. No code and no PIN is in any of them."""

    list_display = ("shown_number", "action", "how", "shown_outcome", "shown_code", "actor", "began")
    list_display_links = ("action",)
    is_large = True
    date_hierarchy = "started_at"
    list_filter = ("action", "outcome")
    list_select_related = ("business_number__business_account__account",)
    search_fields = ("business_number__e164__contains", "provider_code__exact", "trace_id__exact", "actor__exact")
    search_help_text = gettext_lazy("A part of the number, a provider's code, a trace id, or a person's name")
    sortable_by = ()
    fields = (
        "shown_number",
        "action",
        "how",
        "shown_outcome",
        "explained",
        "shown_code",
        "provider_words",
        "shown_trace",
        "actor",
        "began",
        "settled",
        "waits",
    )
    readonly_fields = fields

    def ledger_entries(self, row: VerificationAttempt) -> Q:
        """Give what is said of this attempt among the entries of its number."""
        return history.of(row.business_number.subject) & Q(details__attempt=row.pk)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find by a part of our number, or exactly by a code, a trace id or who did it."""
        term = search_term.strip()
        if not term:
            return queryset, False
        ours = list(BusinessNumber.objects.filter(e164__contains=term).values_list("pk", flat=True))
        exactly = Q(provider_code=term) | Q(trace_id=term) | Q(actor=term)
        return queryset.filter(Q(business_number__in=ours) | exactly), False

    @admin.display(description=gettext_lazy("number"))
    def shown_number(self, attempt: VerificationAttempt) -> SafeString:
        page = reverse("admin:numbers_businessnumber_change", args=[attempt.business_number_id])
        written = words.international(attempt.business_number.e164)
        return format_html('<a class="number" href="{}">{}</a>', page, written)

    @admin.display(description=gettext_lazy("how"))
    def how(self, attempt: VerificationAttempt) -> str:
        return ", ".join(filter(None, (attempt.method, attempt.language))) or "–"

    @admin.display(description=gettext_lazy("outcome"))
    def shown_outcome(self, attempt: VerificationAttempt) -> SafeString:
        return words.outcome_badge(attempt)

    @admin.display(description=gettext_lazy("provider's code"))
    def shown_code(self, attempt: VerificationAttempt) -> SafeString | str:
        if not attempt.provider_code:
            return "–"
        return error_code(attempt.business_number.account.kind, attempt.provider_code)

    @admin.display(description=gettext_lazy("what it means"))
    def explained(self, attempt: VerificationAttempt) -> str:
        explanation = words.explained(attempt)
        return f"{explanation.happened} {explanation.why} {explanation.next_step}" if explanation else "–"

    @admin.display(description=gettext_lazy("trace id"))
    def shown_trace(self, attempt: VerificationAttempt) -> SafeString | str:
        return copyable(attempt.trace_id) if attempt.trace_id else "–"

    @admin.display(description=gettext_lazy("started"))
    def began(self, attempt: VerificationAttempt) -> SafeString:
        return when(attempt.started_at)

    @admin.display(description=gettext_lazy("settled"))
    def settled(self, attempt: VerificationAttempt) -> SafeString:
        return when(attempt.settled_at)

    @admin.display(description=gettext_lazy("provider asks to wait until"))
    def waits(self, attempt: VerificationAttempt) -> SafeString:
        return when(attempt.wait_until)
