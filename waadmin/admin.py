"""Users and groups: Django's own pages in our frame. Nobody is deleted, because the ledger names who acted."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminDateWidget
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from audit.admin import ConsoleAdmin
from audit.display import Tone, badge
from audit.pages import actor_of, ask_for_fresh_sign_in, clock, may, needs_fresh_sign_in, show
from waadmin import accounts
from waadmin.sign_in import second_factor

if TYPE_CHECKING:
    _UserAdmin = UserAdmin[User]
    _UserForm = UserChangeForm[User]
else:
    _UserAdmin, _UserForm = UserAdmin, UserChangeForm

admin.site.unregister([User, Group])


class UserForm(_UserForm):
    """Django's form and the last day of the account."""

    ends_on = forms.DateField(
        label=gettext_lazy("Account ends on"),
        required=False,
        widget=AdminDateWidget(),
        help_text=gettext_lazy("The last day on which it works (UTC). Required for auditors; empty for no end."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["ends_on"].initial = accounts.ends_on(self.instance)

    def clean(self) -> dict[str, Any]:
        """Ask for a last day where the person is to be an auditor."""
        cleaned = super().clean() or self.cleaned_data
        groups: QuerySet[Group] | None = cleaned.get("groups")
        is_auditor = groups is not None and any(group.name == accounts.ENDING_ROLE for group in groups)
        if is_auditor and not cleaned.get("ends_on") and "ends_on" not in self.errors:
            self.add_error("ends_on", _("An auditor's account ends on a date: enter one."))
        return cleaned


@admin.register(User)
class ConsoleUserAdmin(ConsoleAdmin, _UserAdmin):
    """People who sign in; one who leaves is made inactive."""

    form = UserForm
    list_display = ("username", "first_name", "last_name", "is_active", "is_staff", "second_factor", "ends_on")
    list_select_related = ("access",)
    change_form_template = "sign_in/user.html"

    def pages(self) -> list[URLPattern]:
        """Add what helps somebody who lost their device."""
        return [self.page("<int:pk>/reset-second-factor/", reset_second_factor, "reset_second_factor")]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Put the last day beside whether the account is active."""
        sections = super().get_fieldsets(request, obj)
        if obj is None:
            return sections
        return [
            (
                title,
                {**options, "fields": ("ends_on", *options["fields"])} if "is_active" in options["fields"] else options,
            )
            for title, options in sections
        ]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save groups, then the last day that the form says."""
        super().save_related(request, form, formsets, change)
        if change:
            accounts.set_end(
                user=form.instance, last_day=form.cleaned_data.get("ends_on"), actor=actor_of(request), now=clock()
            )

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Ask for a fresh sign-in before an account is made or changed: it could be made anybody's."""
        asked = ask_for_fresh_sign_in(request) if request.method == "POST" else None
        return asked or super().changeform_view(request, *args, **kwargs)

    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask for a fresh sign-in before somebody gets another password."""
        return ask_for_fresh_sign_in(request) or super().user_change_password(request, *args, **kwargs)

    @admin.display(description=gettext_lazy("second factor"))
    def second_factor(self, user: User) -> SafeString:
        if second_factor.of(user) is not None:
            return badge(Tone.GOOD, _("App set up"))
        return badge(Tone.WARN, _("Not yet")) if second_factor.is_required(user) else badge(Tone.QUIET, _("No app"))

    @admin.display(description=gettext_lazy("ends on"), ordering="access__ends_on")
    def ends_on(self, user: User) -> SafeString | str:
        last_day = accounts.ends_on(user)
        if last_day is None:
            return "–"
        is_over = clock().date() > last_day
        return format_html("{} {}", last_day, badge(Tone.BAD, _("Ended")) if is_over else "")


@require_http_methods(["GET", "POST"])
@may("auth.change_user")
@needs_fresh_sign_in
def reset_second_factor(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a lost device away, by somebody who may change users."""
    user = get_object_or_404(User, pk=pk)
    page = reverse("admin:auth_user_change", args=[user.pk])
    if request.method == "POST":
        second_factor.reset(user=user, actor=actor_of(request), now=clock())
        messages.success(
            request, _("The second factor of %(user)s is reset and every session is over.") % {"user": user}
        )
        return redirect(page)
    return show(
        request,
        "console/form_page.html",
        title=_("Reset second factor"),
        model=User,
        of=user,
        form=forms.Form(),
        intro=_(
            "Only after you spoke to this person, and not over an account of theirs that may be somebody else's now: "
            "the password alone then lets them set up a new app. All their sessions end."
        ),
        submit=_("Reset"),
        submit_class="danger",
        back=page,
    )


@admin.register(Group)
class ConsoleGroupAdmin(ConsoleAdmin, GroupAdmin):
    """Roles; the four of waadmin/roles.py are set back after each migrate."""
