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

from audit import reach
from audit.admin import ConsoleAdmin
from audit.display import Tone, badge
from audit.pages import actor_of, ask_for_fresh_sign_in, clock, may, needs_fresh_sign_in, show
from providers.models import Business
from waadmin import accounts, roles
from waadmin.accounts import Assignment
from waadmin.sign_in import second_factor

if TYPE_CHECKING:
    _UserAdmin = UserAdmin[User]
    _UserForm = UserChangeForm[User]
else:
    _UserAdmin, _UserForm = UserAdmin, UserChangeForm

admin.site.unregister([User, Group])


#: What may be said of the businesses that a person reaches, as the form and as the account knows it.
_ROLE, _EVERY, _SOME = "role", "every", "some"
_REACH = {_ROLE: None, _EVERY: True, _SOME: False}


class UserForm(_UserForm):
    """Django's form, the last day of the account, and the businesses that it reaches."""

    ends_on = forms.DateField(
        label=gettext_lazy("Account ends on"),
        required=False,
        widget=AdminDateWidget(),
        help_text=gettext_lazy("The last day on which it works (UTC). Required for auditors; empty for no end."),
    )
    reach = forms.ChoiceField(
        label=gettext_lazy("Reaches"),
        choices=[
            (_ROLE, gettext_lazy("As the role says: support staff the businesses ticked below, others every business")),
            (_SOME, gettext_lazy("Only the businesses ticked below")),
            (_EVERY, gettext_lazy("Every business, also one that is added later")),
        ],
        required=False,
        widget=forms.RadioSelect,
        help_text=gettext_lazy("It counts from the person's next page on. A superuser reaches every business."),
    )
    businesses = forms.ModelMultipleChoiceField(
        Business.objects.all(),
        label=gettext_lazy("Businesses"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "Ticking some restricts anybody to them. Where none is ticked, support staff see nobody."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            said = accounts.assignment(self.instance)
            self.fields["ends_on"].initial = accounts.ends_on(self.instance)
            self.fields["reach"].initial = next(
                name for name, every_business in _REACH.items() if every_business is said.every_business
            )
            self.fields["businesses"].initial = [one.pk for one in said.businesses or self._only_business(said)]

    def clean(self) -> dict[str, Any]:
        """Ask for a last day where the person is to be an auditor."""
        cleaned = super().clean() or self.cleaned_data
        if self._is_to_be((accounts.ENDING_ROLE,)) and not cleaned.get("ends_on") and "ends_on" not in self.errors:
            self.add_error("ends_on", _("An auditor's account ends on a date: enter one."))
        return cleaned

    def assigned(self) -> Assignment:
        """Give what the form says of the businesses: ticking some restricts, whatever the role says."""
        every_business, ticked = _REACH[self.cleaned_data["reach"] or _ROLE], tuple(self.cleaned_data["businesses"])
        # The only business is ticked for support staff; where nobody touched it, it restricts nobody else.
        meant = "businesses" in self.changed_data or self._is_to_be(roles.ASSIGNED_ROLES)
        if every_business is None and ticked and meant:
            every_business = False
        return Assignment(every_business, ticked if every_business is False else ())

    def _only_business(self, said: Assignment) -> list[Business]:
        """Give the business where there is no choice and nobody has said anything yet."""
        found = list(Business.objects.all()[:2]) if said.every_business is None else []
        return found if len(found) == 1 else []

    def _is_to_be(self, names: tuple[str, ...]) -> bool:
        groups: QuerySet[Group] | None = self.cleaned_data.get("groups")
        return groups is not None and any(group.name in names for group in groups)


#: What an account says beside Django's own fields.
_OF_ACCESS = ("ends_on", "reach", "businesses")


@admin.register(User)
class ConsoleUserAdmin(ConsoleAdmin, _UserAdmin):
    """People who sign in; one who leaves is made inactive."""

    form = UserForm
    list_display = (
        "username",
        "first_name",
        "last_name",
        "is_active",
        "is_staff",
        "second_factor",
        "ends_on",
        "reaches",
    )
    change_form_template = "sign_in/user.html"
    readonly_fields = ("last_login", "date_joined")
    filter_horizontal = ()
    #: What somebody may do is said by roles alone.
    exclude = ("user_permissions",)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the roles as boxes to tick: they are few."""
        if db_field.name == "groups":
            kwargs["widget"] = forms.CheckboxSelectMultiple()
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def pages(self) -> list[URLPattern]:
        """Add what helps somebody who lost their device."""
        return [self.page("<int:pk>/reset-second-factor/", reset_second_factor, "reset_second_factor")]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Bring along what the columns say of each person."""
        listed = super().get_changelist_instance(request)
        listed.result_list = second_factor.brought_along(accounts.brought_along(listed.result_list))
        return listed

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Put the last day and the businesses beside whether the account is active."""
        sections = super().get_fieldsets(request, obj)
        if obj is None:
            return sections
        return [
            (
                title,
                {**options, "fields": (*_OF_ACCESS, *(one for one in options["fields"] if one not in self.exclude))}
                if "is_active" in options["fields"]
                else options,
            )
            for title, options in sections
        ]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save groups, then the last day and the businesses that the form says."""
        super().save_related(request, form, formsets, change)
        if change:
            who: dict[str, Any] = {"user": form.instance, "actor": actor_of(request), "now": clock()}
            accounts.set_end(last_day=form.cleaned_data.get("ends_on"), **who)
            said = form.assigned()
            accounts.assign(every_business=said.every_business, businesses=said.businesses, **who)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Ask for a fresh sign-in before an account is made or changed: it could be made anybody's."""
        asked = ask_for_fresh_sign_in(request) if request.method == "POST" else None
        return asked or super().changeform_view(request, *args, **kwargs)

    def log_addition(self, request: HttpRequest, obj: User, message: Any) -> Any:
        """Write who added it into the ledger."""
        _record_saved(request, obj, message, created=True)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        """Write who changed what into the ledger."""
        _record_saved(request, obj, message, created=False)

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

    @admin.display(description=gettext_lazy("reaches"))
    def reaches(self, user: User) -> SafeString | str:
        names = accounts.names_reached(user)
        if names is None:
            return _("every business")
        return ", ".join(names) or badge(Tone.WARN, _("No business yet"))


@require_http_methods(["GET", "POST"])
@may("auth.change_user")
@needs_fresh_sign_in
def reset_second_factor(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a lost device away, by somebody who may change users."""
    user = get_object_or_404(reach.within(User.objects.all(), request.user), pk=pk)
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

    def log_addition(self, request: HttpRequest, obj: Group, message: Any) -> Any:
        """Write who added it into the ledger."""
        _record_saved(request, obj, message, created=True)

    def log_change(self, request: HttpRequest, obj: Group, message: Any) -> Any:
        """Write who changed what into the ledger."""
        _record_saved(request, obj, message, created=False)


def _record_saved(request: HttpRequest, row: User | Group, message: Any, *, created: bool) -> None:
    """Record what Django's forms saved; their message lists what was added and changed, with its fields."""
    parts = [part for one in message if isinstance(one, dict) for part in one.values()]
    fields = {name for part in parts for name in part.get("fields", ())}
    accounts.record_saved(row=row, created=created, fields=fields, actor=actor_of(request), now=clock())
