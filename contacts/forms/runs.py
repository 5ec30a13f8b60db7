"""The form of a check run before it is one."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit import reach
from contacts.checks import Filter, split_numbers
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


_PREVIEW_HOLDS = timedelta(hours=24)

_SOURCES = [
    (CheckBatch.Source.PASTE, _("Numbers that I paste or type")),
    (CheckBatch.Source.FILE, _("Numbers in a file")),
    (CheckBatch.Source.FILTER, _("Everybody who agreed, by a filter")),
]
_SELECTED = (CheckBatch.Source.SELECTION, _("The people whom I selected"))
_TYPED = f"source={CheckBatch.Source.PASTE}|{CheckBatch.Source.SELECTION}"
_FILTER = f"source={CheckBatch.Source.FILTER}"
_NUMBERS = f"{_TYPED}|{CheckBatch.Source.FILE}"


class RunForm(forms.Form):
    """A check run before it is one: whose numbers, through which account, for what."""

    account = _AccountField(ProviderAccount.objects.none(), label=_("Account"))
    purpose = forms.ChoiceField(
        label=_("Purpose"),
        required=False,
        choices=[("", _("Any purpose the person agreed to")), *Purpose.choices],
        help_text=_("With a purpose, only people who agreed to it are checked."),
    )
    source = forms.ChoiceField(label=_("Whose numbers"), required=False, initial=CheckBatch.Source.PASTE)
    numbers = forms.CharField(
        label=_("Numbers"),
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 8, "data-count-in": "numbers-count", "spellcheck": "false", "data-shown-when": _TYPED}
        ),
        help_text=_("One a line, or between commas. Write them with + and country code: +51 987 654 321."),
    )
    file = forms.FileField(
        label=_("File with one number a line"),
        required=False,
        widget=forms.ClearableFileInput(
            attrs={
                "accept": ".txt,.csv,text/plain,text/csv",
                "data-shown-when": f"source={CheckBatch.Source.FILE}",
            }
        ),
        help_text=_("The rows of an earlier run, downloaded and mended, may be given back as they are."),
    )
    unchecked_days = forms.IntegerField(
        label=_("Without an answer for so many days"),
        required=False,
        min_value=0,
        max_value=3_650,
        initial=30,
        widget=forms.NumberInput(attrs={"data-shown-when": _FILTER}),
        help_text=_("Who was never checked is always among them; 0 takes everybody."),
    )
    chosen_region = forms.CharField(
        label=_("Only numbers of this region"),
        required=False,
        max_length=2,
        widget=forms.TextInput(attrs={"data-shown-when": _FILTER, "autocomplete": "off"}),
        help_text=_("Two letters: PE, MX, DE. Empty: every region."),
    )
    opted_in_since = forms.DateField(
        label=_("Only who opted in since"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date", "data-shown-when": _FILTER}, format="%Y-%m-%d"),
        help_text=_("From the beginning of that day, in your time zone."),
    )
    previewed_at = forms.DateTimeField(required=False, widget=forms.HiddenInput)
    chosen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    preview = forms.UUIDField(required=False, widget=forms.HiddenInput)
    reading = forms.ChoiceField(
        label=_("Numbers without +"),
        choices=READINGS,
        initial=Reading.E164,
        widget=forms.Select(attrs={"data-shown-when": _NUMBERS}),
    )
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

    def __init__(self, *args: Any, reached: reach.Businesses, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = checkers(reached).select_related("business")
        self.fields["account"].queryset = found  # type: ignore[attr-defined]
        if self.initial.get("source") == CheckBatch.Source.FILE and self.initial.get("numbers"):
            # A browser does not give a file a second time: what it held is in the box now.
            self.initial["source"] = CheckBatch.Source.PASTE
        asked = self.data.get("source") if self.is_bound else self.initial.get("source")
        selected = [_SELECTED] if asked == CheckBatch.Source.SELECTION else []
        self.fields["source"].choices = [*selected, *_SOURCES]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Take the numbers from the file where there is one, and ask for what belongs together."""
        cleaned = super().clean() or self.cleaned_data
        cleaned["texts"] = []
        if cleaned.get("file"):
            cleaned["source"] = CheckBatch.Source.FILE
        cleaned["source"] = cleaned.get("source") or CheckBatch.Source.PASTE
        if cleaned["source"] == CheckBatch.Source.FILTER:
            self._clean_filter(cleaned)
        else:
            self._clean_numbers(cleaned)
        if cleaned.get("force") and not cleaned.get("force_reason", "").strip():
            self.add_error("force_reason", _("Say why fresh answers are asked for again: each costs a check."))
        cleaned["region"] = str(cleaned.get("region", "")).upper()
        if cleaned.get("reading") == Reading.NATIONAL and not cleaned["region"]:
            self.add_error("region", _("National numbers need their region."))
        return cleaned

    def _clean_filter(self, cleaned: dict[str, Any]) -> None:
        """Ask for what nobody may guess; how numbers are to be read does not matter, none is written."""
        cleaned["reading"], cleaned["region"] = Reading.E164, ""
        cleaned["chosen_region"] = str(cleaned.get("chosen_region") or "").upper()
        if cleaned.get("unchecked_days") is None and "unchecked_days" not in self.errors:
            self.add_error("unchecked_days", _("Say for how many days nobody has had an answer; 0 takes everybody."))

    def _clean_numbers(self, cleaned: dict[str, Any]) -> None:
        """Take the numbers from the file where there is one."""
        upload = cleaned.get("file")
        text = _text_of(upload.read()) if upload else cleaned.get("numbers", "")
        cleaned["texts"] = texts = split_numbers(text)
        if not texts and "file" not in self.errors:
            field = "file" if cleaned["source"] == CheckBatch.Source.FILE else "numbers"
            self.add_error(field, _("There is no number to check."))
        if len(texts) > MOST_NUMBERS:
            self.add_error(
                "numbers",
                _("%(count)d numbers are more than a browser should carry (%(most)d). Use the command check_contacts.")
                % {"count": len(texts), "most": MOST_NUMBERS},
            )

    def wanted(self) -> Filter | None:
        """Give the filter by which people are to be chosen, or None where numbers are written."""
        cleaned = self.cleaned_data
        if cleaned["source"] != CheckBatch.Source.FILTER:
            return None
        since = cleaned["opted_in_since"]
        return Filter(
            purpose=cleaned["purpose"],
            unchecked_days=cleaned["unchecked_days"],
            region=cleaned["chosen_region"],
            opted_in_since=datetime.combine(since, time.min, tzinfo=timezone.get_current_timezone()) if since else None,
        )

    def chosen_as_of(self, now: datetime) -> datetime:
        """Give the moment by which people are chosen: that of the preview, unless it is no recent one."""
        at: datetime | None = self.cleaned_data["previewed_at"]
        return at if at is not None and now - _PREVIEW_HOLDS <= at <= now else now

    def force_words(self) -> str:
        """Give the reason where fresh answers are to be asked for again, or nothing."""
        return str(self.cleaned_data["force_reason"]) if self.cleaned_data["force"] else ""


def checkers(reached: reach.Businesses) -> QuerySet[ProviderAccount]:
    """Give the accounts of these businesses that look numbers up."""
    kinds = [kind for kind in ProviderAccount.Kind.values if can_check(kind)]
    return reach.narrowed(ProviderAccount.objects.filter(kind__in=kinds), reached)


def _text_of(content: bytes) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")
