"""The forms of signing in. What is typed as a code or a password is never drawn again."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.local_time import LocalTimeRefused, read_zone, zone_names
from audit.pages import clock
from waadmin.models import StaffAccess

_LONGEST_NAME = 150


class SignInForm(AdminAuthenticationForm):
    """User name and password; an account that ended is refused, once its password was right."""

    def __init__(self, request: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        # Django puts the longest name into the page only, and a longer one does not fit where failures are counted.
        self.fields["username"].validators.append(MaxLengthValidator(_LONGEST_NAME))

    def confirm_login_allowed(self, user: Any) -> None:
        """Refuse whoever is not on the staff, and whose last day is over."""
        super().confirm_login_allowed(user)
        access = StaffAccess.objects.filter(user_id=user.pk).first()
        if access is not None and access.ends_on is not None and access.has_ended(clock()):
            words = _("This account ended on %(date)s. Ask an administrator whether it is to go on.")
            raise ValidationError(words % {"date": date_format(access.ends_on, "DATE_FORMAT")}, code="ended")


class RecoveryCodeForm(forms.Form):
    """One of the codes that were shown when the app was set up."""

    code = forms.CharField(
        label=gettext_lazy("Recovery code"),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false", "placeholder": "abcd-…"}
        ),
        help_text=gettext_lazy("Each is good once. Dashes and spaces do not matter."),
    )


class PasswordForm(forms.Form):
    """The password of the person who is signed in."""

    password = forms.CharField(
        label=gettext_lazy("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class PreferencesForm(forms.Form):
    """How a person reads the console; nothing chosen is as the browser says."""

    language = forms.ChoiceField(label=gettext_lazy("Language"), required=False)
    time_zone = forms.CharField(
        label=gettext_lazy("Time zone"),
        required=False,
        widget=forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "Type a part of a city's name and choose from the list: America/Lima. Empty: as the browser says. "
            "Exports stay in UTC."
        ),
    )
    has_shortcut = forms.BooleanField(
        label=gettext_lazy("The key / leads to the search box"),
        required=False,
        help_text=gettext_lazy("Switch it off if a screen reader or steering by voice needs the key."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language: Any = self.fields["language"]
        language.choices = [("", gettext_lazy("As the browser says")), *settings.LANGUAGES]

    def zone_names(self) -> tuple[str, ...]:
        """Give what the list beside the field offers."""
        return zone_names()

    def clean_time_zone(self) -> str:
        """Keep a zone by its own name."""
        typed = self.cleaned_data["time_zone"]
        if not typed:
            return ""
        try:
            return read_zone(typed).key
        except LocalTimeRefused as refusal:
            raise ValidationError(str(refusal)) from None
