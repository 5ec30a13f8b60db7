"""The forms of an import: the file, what is declared about it, the sentence."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contacts.forms.runs import READINGS
from providers.e164 import Reading
from providers.models import Business


class DeclareForm(forms.Form):
    """What a person declares about a file under their name."""

    name_shown = forms.CharField(
        label=_("Business name that everybody in the file saw"),
        required=False,
        max_length=120,
        help_text=_("Leave it empty where the file has a column business_name_shown."),
    )
    reading = forms.ChoiceField(label=_("Numbers without +"), choices=READINGS, initial=Reading.E164)
    region = forms.CharField(
        label=_("Region of the national numbers"),
        required=False,
        max_length=2,
        widget=forms.TextInput(attrs={"data-shown-when": "reading=national", "autocomplete": "off"}),
        help_text=_("Two letters: PE, MX, DE. A column region in the file wins."),
    )

    def clean(self) -> dict[str, Any]:
        """Ask for the region where numbers are national."""
        cleaned = super().clean() or self.cleaned_data
        cleaned["region"] = str(cleaned.get("region", "")).upper()
        if cleaned.get("reading") == Reading.NATIONAL and not cleaned["region"]:
            self.add_error("region", _("National numbers need their region."))
        return cleaned


class UploadForm(DeclareForm):
    """A file of consent events."""

    file = forms.FileField(
        label=_("CSV file"),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
        help_text=_(
            "Columns phone, given_at, source and evidence; also state, purposes, consent_text, expires_at and others."
        ),
    )
    business = forms.ModelChoiceField(Business.objects.all(), label=_("Business"))
    field_order = ("file", "business", "name_shown", "reading", "region")


class ConfirmImportForm(forms.Form):
    """The sentence, ticked."""

    sure = forms.BooleanField()
    statement = forms.CharField(max_length=2_000)
