"""The forms of onboarding. A code or a PIN goes in, is read once, and is never drawn again."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf.locale import LANG_INFO
from django.utils.translation import gettext as _translated
from django.utils.translation import gettext_lazy as _

from numbers.adding import read_our_number
from numbers.languages import LOCALES
from numbers.limits import Refused
from numbers.models import BusinessAccount, BusinessNumber
from providers.interfaces import CodeMethod

if TYPE_CHECKING:
    _AccountBase = forms.ModelForm[BusinessAccount]
else:
    _AccountBase = forms.ModelForm


def _languages() -> list[tuple[str, str]]:
    """Give every language by its own name and by its name in the reader's language."""
    named = []
    for locale, own_name in LOCALES.items():
        known = LANG_INFO.get(locale.partition("_")[0], {}).get("name", "")
        name = _translated(known) if known and known not in own_name else ""
        named.append((locale, f"{own_name} ({name}) · {locale}" if name else f"{own_name} · {locale}"))
    return named


class SixDigits(forms.TextInput):
    """One input that the stylesheet draws as six cells; whatever was typed is never rendered."""

    def __init__(self, *, autocomplete: str, **attrs: str) -> None:
        super().__init__(
            attrs={
                "inputmode": "numeric",
                "autocomplete": autocomplete,
                "autocapitalize": "off",
                "spellcheck": "false",
                "data-digits": "6",
                **attrs,
            }
        )

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Leave out what was typed."""
        return super().get_context(name, None, attrs)


class CodeForm(forms.Form):
    """A one-time code; the journey reads it, so that no rule of a form could echo it."""

    code = forms.CharField(
        label=_("The six digits"), widget=SixDigits(autocomplete="one-time-code", **{"aria-describedby": "code-help"})
    )


class BusinessAccountForm(_AccountBase):
    """A WABA as a person enters it; everything else is read from the provider."""

    class Meta:
        model = BusinessAccount
        fields = ("waba_id", "business", "account", "name")
        help_texts = {
            "waba_id": _("WhatsApp Manager shows it under the account's name: digits only."),
            "name": _("May stay empty: it is read from Meta."),
        }

    def clean(self) -> dict[str, Any]:
        """Keep the WABA with the business that its account serves, where it serves one only."""
        cleaned = super().clean() or self.cleaned_data
        account, business = cleaned.get("account"), cleaned.get("business")
        if account is not None and account.business is not None and business not in (None, account.business):
            text = _("The account %(account)s serves %(business)s only.")
            self.add_error("business", text % {"account": account, "business": account.business})
        return cleaned


class _NumberForm(forms.Form):
    e164 = forms.CharField(
        label=_("Phone number"),
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off", "placeholder": "+51 987 654 321"}),
        help_text=_("With + and country code."),
    )

    def clean_e164(self) -> str:
        """Read the number as a person wrote it."""
        try:
            return read_our_number(self.cleaned_data["e164"])
        except Refused as refusal:
            raise forms.ValidationError(refusal.message) from None


class BeginForm(_NumberForm):
    """A number that is to come into a WABA."""

    verified_name = forms.CharField(
        label=_("Display name"),
        required=False,
        max_length=200,
        help_text=_(
            "What customers will see. Meta reviews it. A number that moves from another provider keeps its own."
        ),
    )
    origin = forms.ChoiceField(label=_("Where is this number now?"), choices=BusinessNumber.Origin.choices)


class RecordForm(_NumberForm):
    """A number that the provider has already, with the id that it gave it."""

    phone_number_id = forms.CharField(
        label=_("Phone number id"),
        max_length=32,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text=_("Kaleyra shows it beside the number: digits only. It is not the phone number."),
    )


class OriginForm(forms.Form):
    """Where a number is now."""

    origin = forms.ChoiceField(label=_("Where is this number now?"), choices=BusinessNumber.Origin.choices)


class NameForm(forms.Form):
    """The display name with which a number is added."""

    verified_name = forms.CharField(
        label=_("Display name"),
        required=False,
        max_length=200,
        help_text=_("What customers will see. Meta reviews it."),
    )


class RequestCodeForm(forms.Form):
    """How a code is to come; before a call, that somebody is ready."""

    method = forms.ChoiceField(
        label=_("How should the code come?"),
        choices=[(CodeMethod.SMS.value, _("SMS")), (CodeMethod.VOICE.value, _("Call"))],
        widget=forms.RadioSelect,
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=_languages,
        help_text=_("The language of whoever reads the SMS or answers the call."),
    )
    ready = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def language_words(self) -> str:
        """Give the chosen language by its name."""
        return dict(_languages())[self.cleaned_data["language"]]


class PinAnswerForm(forms.Form):
    """What a person says about the number's PIN."""

    pin_known = forms.ChoiceField(label=_("Is there a PIN?"), choices=BusinessNumber.PinKnown.choices)


class PinForm(forms.Form):
    """Which PIN: one that is kept, one that is typed, or a new one."""

    KEPT, UNCONFIRMED, TYPED, MADE = "kept", "unconfirmed", "typed", "made"
    WHICH = {
        KEPT: _("The PIN that waadmin keeps"),
        UNCONFIRMED: _("The PIN that was sent last and never answered"),
        TYPED: _("One that I type"),
        MADE: _("Six random digits that waadmin makes and keeps"),
    }

    which = forms.ChoiceField(label=_("Which PIN?"), widget=forms.RadioSelect)
    pin = forms.CharField(
        label=_("PIN"),
        strip=False,
        required=False,
        widget=SixDigits(autocomplete="off", **{"data-shown-when": f"which={TYPED}"}),
        help_text=_("Six digits. It is kept encrypted once Meta has taken it."),
    )

    def __init__(self, *args: Any, offered: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["which"].choices = [(which, self.WHICH[which]) for which in offered]  # type: ignore[attr-defined]
        self.fields["which"].initial = offered[0]


class RevealForm(forms.Form):
    """Why a PIN has to be seen again."""

    reason = forms.CharField(
        label=_("Why has it to be seen?"),
        max_length=300,
        help_text=_("The ledger keeps your name and this reason, never the PIN."),
    )


class ConfirmationForm(forms.Form):
    """The number itself, typed by somebody who means this one."""

    confirmation = forms.CharField(
        label=_("Type the number to confirm"), max_length=40, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class WaitingForm(forms.Form):
    """On whom the next step waits."""

    on = forms.ChoiceField(
        label=_("Waiting for"),
        required=False,
        choices=[("", _("Nobody: it may go on")), *BusinessNumber.Waiting.choices],
    )
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2, "class": "prose"}),
        help_text=_("What they were asked, and by when they answer. Never write a code or a PIN here."),
    )
