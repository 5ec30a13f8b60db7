"""The forms of erasing and restricting a person: nothing is chosen beforehand, what cannot be undone is typed out."""

from datetime import UTC, date, datetime, time
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contacts.consent.evidence import outlives_the_person
from contacts.models import Contact, Erasure

_TIME_OVER = Erasure.Reason.TIME_OVER
ERASE, RESTRICT = "erase", "restrict"


class _WhyForm(forms.Form):
    reason = forms.ChoiceField(
        label=_("Why"),
        choices=[("", "–"), *(choice for choice in Erasure.Reason.choices if choice[0] != _TIME_OVER)],
        help_text=_("It stays in the ledger."),
    )
    reference = forms.CharField(
        label=_("Reference"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("A ticket's number or the like. Never the person's name or number: it stays."),
    )

    def __init__(self, *args: Any, contact: Contact, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.contact = contact

    def clean_reference(self) -> str:
        """Refuse a reference that would name the person."""
        reference = str(self.cleaned_data["reference"]).strip()
        if outlives_the_person(reference, self.contact.e164):
            raise forms.ValidationError(_("The reference must not name the person: it stays when they are erased."))
        return reference


class EraseForm(_WhyForm):
    """What is to be done with a person's data."""

    choice = forms.ChoiceField(
        label=_("What is to be done"),
        choices=[
            (RESTRICT, _("Restrict, and keep the proof until a date: hidden, never checked or written to")),
            (ERASE, _("Erase now: everything listed above goes, for good")),
        ],
        widget=forms.RadioSelect,
    )
    until = forms.DateField(
        label=_("Keep the proof until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date", "data-shown-when": "choice=restrict"}, format="%Y-%m-%d"),
        help_text=_(
            "Afterwards the person is erased without anybody doing it. For how long is a setting of the business."
        ),
    )
    confirmation = forms.CharField(
        label=_("To erase, type the last four digits of the number"),
        required=False,
        max_length=4,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "inputmode": "numeric", "data-shown-when": "choice=erase"}
        ),
        help_text=_("It cannot be undone."),
    )
    field_order = ("choice", "until", "reason", "reference", "confirmation")

    def clean(self) -> dict[str, Any]:
        """Ask for what belongs to the choice."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("choice") == ERASE and cleaned.get("confirmation", "").strip() != self.contact.e164[-4:]:
            self.add_error("confirmation", _("These are not the last four digits of this person's number."))
        if cleaned.get("choice") == RESTRICT and not cleaned.get("until") and "until" not in self.errors:
            self.add_error("until", _("Name the date until which the proof is kept."))
        return cleaned

    def until_at(self) -> datetime:
        """Give the end of the day until which the proof is kept."""
        until: date = self.cleaned_data["until"]
        return datetime.combine(until, time.max, UTC)


class LiftForm(_WhyForm):
    """Why a restriction ends."""
