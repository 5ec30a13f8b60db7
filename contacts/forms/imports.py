"""The forms of an import: the file, what its columns are, what is declared about it, the sentence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit import reach
from audit.local_time import LocalTimeRefused, read_zone
from contacts.consent.columns import REQUIRED, Column
from contacts.consent.mapping import FileColumn
from contacts.forms.runs import READINGS
from providers.e164 import Reading
from providers.models import Business

_WORDS: Mapping[Column, Promise] = {
    Column.PHONE: _("the person's number"),
    Column.GIVEN_AT: _("when they agreed or said no"),
    Column.SOURCE: _("where: web form, paper, call …"),
    Column.EVIDENCE: _("what shows it"),
    Column.STATE: _("granted or withdrawn"),
    Column.BUSINESS_NAME_SHOWN: _("name that they saw"),
    Column.PURPOSES: _("what they agreed to"),
    Column.CONSENT_TEXT: _("name of a wording in the library"),
    Column.WORDING: _("the exact words"),
    Column.WORDING_VERSION: _("version of the wording"),
    Column.LANGUAGE: _("language of the wording"),
    Column.REGION: _("region of a national number"),
    Column.EXPIRES_AT: _("until when the consent stands"),
    Column.EXTERNAL_ID: _("the line's id in your system"),
}


def _choices() -> list[tuple[str, Any]]:
    def option(column: Column) -> tuple[str, str]:
        return column.value, f"{column.value} – {_WORDS[column]}"

    needed = [option(column) for column in REQUIRED]
    others = [option(column) for column in Column if column not in REQUIRED]
    return [("", str(_("Leave out"))), (str(_("Needed")), needed), (str(_("If the file has it")), others)]


def _name_shown() -> forms.CharField:
    return forms.CharField(
        label=_("Business name that everybody in the file saw"),
        required=False,
        max_length=120,
        help_text=_("Leave it empty where the file has a column business_name_shown."),
    )


class MappingForm(forms.Form):
    """What each column of a file is: one choice a column, in the file's order."""

    name_shown = _name_shown()

    def __init__(self, *args: Any, columns: Sequence[FileColumn], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._columns = columns
        for place, column in enumerate(columns):
            self.fields[f"column_{place}"] = forms.ChoiceField(
                label=column.name, choices=_choices, required=False, initial=column.column or ""
            )

    def rows(self) -> Iterator[tuple[FileColumn, forms.BoundField]]:
        """Give each column with its choice."""
        for place, column in enumerate(self._columns):
            yield column, self[f"column_{place}"]

    def picks(self) -> list[str]:
        """Give what was chosen for each column."""
        return [str(self.cleaned_data[f"column_{place}"]) for place in range(len(self._columns))]


class DeclareForm(forms.Form):
    """What a person declares about a file under their name."""

    name_shown = _name_shown()
    reading = forms.ChoiceField(label=_("Numbers without +"), choices=READINGS, initial=Reading.E164)
    region = forms.CharField(
        label=_("Region of the national numbers"),
        required=False,
        max_length=2,
        widget=forms.TextInput(attrs={"data-shown-when": "reading=national", "autocomplete": "off"}),
        help_text=_("Two letters: PE, MX, DE. A column region in the file wins."),
    )
    time_zone = forms.CharField(
        label=_("Time zone of times that say none"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_(
            "America/Lima, Europe/Berlin … Empty: a time without a zone is refused, and a date begins at midnight UTC."
        ),
    )

    def clean_time_zone(self) -> str:
        """Take a zone by its name, or none: there is no zone that is meant by itself."""
        name = str(self.cleaned_data["time_zone"]).strip()
        try:
            return read_zone(name).key if name else ""
        except LocalTimeRefused as refusal:
            raise forms.ValidationError(str(refusal)) from None

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
        help_text=_("At most 10 MB, with a first line that names the columns. Next you say which column is what."),
    )
    business = forms.ModelChoiceField(Business.objects.none(), label=_("Business"))
    field_order = ("file", "business", "name_shown", "reading", "region", "time_zone")

    def __init__(self, *args: Any, reached: reach.Businesses, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        businesses: Any = self.fields["business"]
        businesses.queryset = reach.narrowed(Business.objects.all(), reached)


class ConfirmImportForm(forms.Form):
    """The sentence, ticked, and what was declared when it was shown."""

    sure = forms.BooleanField()
    statement = forms.CharField(max_length=2_000)
    shown = forms.CharField(max_length=64, required=False)
