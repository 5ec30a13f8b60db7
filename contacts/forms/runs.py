"""The form of a check run before it is one."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contacts.checks import split_numbers
from contacts.models import CheckBatch
from providers.e164 import Reading
from providers.models import ProviderAccount, Purpose
from providers.registry import can_check

#: A browser sends no more numbers than this in one form; a command takes any number of them.
MOST_NUMBERS = 50_000

READINGS = [
    (Reading.E164, _("Refuse numbers without +")),
    (Reading.DIGITS, _("Full international digits: 51987654321 is +51987654321")),
    (Reading.NATIONAL, _("National numbers of one region")),
]


class _AccountField(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} · {obj.get_kind_display()} · {obj.business}"


class RunForm(forms.Form):
    """A check run before it is one: whose numbers, through which account, for what."""

    account = _AccountField(ProviderAccount.objects.none(), label=_("Account"))
    purpose = forms.ChoiceField(
        label=_("Purpose"),
        required=False,
        choices=[("", _("Any purpose the person agreed to")), *Purpose.choices],
        help_text=_("With a purpose, only people who agreed to it are checked."),
    )
    numbers = forms.CharField(
        label=_("Numbers"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "data-count-in": "numbers-count", "spellcheck": "false"}),
        help_text=_("One a line, or between commas. Write them with + and country code: +51 987 654 321."),
    )
    file = forms.FileField(
        label=_("or a file with one number a line"),
        required=False,
        widget=forms.ClearableFileInput(attrs={"accept": ".txt,.csv,text/plain,text/csv"}),
    )
    reading = forms.ChoiceField(label=_("Numbers without +"), choices=READINGS, initial=Reading.E164)
    region = forms.CharField(
        label=_("Region of the national numbers"),
        required=False,
        max_length=2,
        widget=forms.TextInput(attrs={"data-shown-when": "reading=national", "autocomplete": "off"}),
        help_text=_("Two letters: PE, MX, DE."),
    )
    force = forms.BooleanField(label=_("Check again anyway, also who was checked in the last 7 days"), required=False)
    force_reason = forms.CharField(
        label=_("Why check again"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"data-shown-when": "force=on"}),
    )
    source = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        checkers = [kind for kind in ProviderAccount.Kind.values if can_check(kind)]
        found = ProviderAccount.objects.filter(kind__in=checkers).select_related("business")
        self.fields["account"].queryset = found  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Take the numbers from the file where there is one, and ask for what belongs together."""
        cleaned = super().clean() or self.cleaned_data
        upload = cleaned.get("file")
        text = _text_of(upload.read()) if upload else cleaned.get("numbers", "")
        cleaned["texts"] = texts = split_numbers(text)
        if upload:
            cleaned["source"] = CheckBatch.Source.FILE
        elif cleaned.get("source") not in CheckBatch.Source.values:
            cleaned["source"] = CheckBatch.Source.PASTE
        if not texts and "file" not in self.errors:
            self.add_error("numbers", _("There is no number to check."))
        if len(texts) > MOST_NUMBERS:
            self.add_error(
                "numbers",
                _("%(count)d numbers are more than a browser should carry (%(most)d). Use the command check_contacts.")
                % {"count": len(texts), "most": MOST_NUMBERS},
            )
        if cleaned.get("force") and not cleaned.get("force_reason", "").strip():
            self.add_error("force_reason", _("Say why fresh answers are asked for again: each costs a check."))
        cleaned["region"] = str(cleaned.get("region", "")).upper()
        if cleaned.get("reading") == Reading.NATIONAL and not cleaned["region"]:
            self.add_error("region", _("National numbers need their region."))
        return cleaned

    def force_words(self) -> str:
        """Give the reason where fresh answers are to be asked for again, or nothing."""
        return str(self.cleaned_data["force_reason"]) if self.cleaned_data["force"] else ""


def _text_of(content: bytes) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")
