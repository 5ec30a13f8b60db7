"""What a person chooses for an export."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from audit.export import datasets
from audit.export.making import FORMAT_WORDS, Format
from audit.reach import Businesses

#: The day after it must still be a date.
_LAST_DAY = date(9998, 12, 31)


class DateInput(forms.DateInput):
    """A date as browsers ask for it."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class ExportForm(forms.Form):
    """Range, format, what it is narrowed to, and datasets. Days are those of UTC; the last day counts in full."""

    since = forms.DateField(
        label=_("From"), required=False, widget=DateInput(), help_text=_("In UTC. Empty: from the beginning.")
    )
    until = forms.DateField(
        label=_("Until, this day included"),
        widget=DateInput(),
        help_text=_("In UTC. The state of consent is that at the end of this day, or now where it is not over."),
    )
    format = forms.ChoiceField(
        label=_("Format"), choices=list(FORMAT_WORDS.items()), initial=Format.CSV, widget=forms.RadioSelect
    )
    datasets = forms.MultipleChoiceField(label=_("Datasets"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, reached: Businesses, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = datasets.in_reach(reached)
        chosen: Any = self.fields["datasets"]
        chosen.choices = [(dataset.name, dataset.title) for dataset in known]
        chosen.initial = [dataset.name for dataset in known]
        self.filters = datasets.all_filters()
        for one in self.filters:
            must_choose = one.name == datasets.BUSINESS and reached is not None
            self.fields[one.name] = forms.TypedChoiceField(
                label=str(one.title),
                required=must_choose,
                coerce=int,
                empty_value=None,
                choices=[("", "–" if must_choose else _("All")), *one.choices(reached)],
            )
        self.order_fields(["since", "until", *(one.name for one in self.filters), "format", "datasets"])

    def clean_until(self) -> date:
        """Keep to days after which there is another."""
        until: date = self.cleaned_data["until"]
        if until > _LAST_DAY:
            raise forms.ValidationError(_("This date is too far away."))
        return until

    def clean(self) -> dict[str, Any]:
        """Refuse a range that ends before it begins."""
        cleaned = super().clean() or self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", _("The range ends before it begins."))
        return cleaned

    def chosen_filters(self) -> Mapping[str, int]:
        """Give what the export is narrowed to."""
        chosen = {one.name: self.cleaned_data.get(one.name) for one in self.filters}
        return {name: identity for name, identity in chosen.items() if identity is not None}


def first_moment(day: date) -> datetime:
    """Give when a day begins, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def end_of(day: date) -> datetime:
    """Give when a day is over, in UTC."""
    return first_moment(day) + timedelta(days=1)
