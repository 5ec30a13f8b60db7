"""The forms of an identity case: what a person found out, and how. None of them can trust anybody by itself."""

from datetime import UTC, date, datetime, time
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from contacts.forms.messages import TemplateForm

_NO_SECRETS = _("Never write identity numbers, passwords or card numbers here: say what was compared, not its value.")


def _no_secrets(example: Any) -> Any:
    return format_lazy("{} {}", example, _NO_SECRETS)


def _channel() -> forms.CharField:
    return forms.CharField(
        label=_("Through which channel"),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("Phone call to the number in our own records, visit in the branch, letter, e-mail … Not WhatsApp."),
    )


def _prose(label: Any, help_text: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 3, "class": "prose"}),
        help_text=help_text,
    )


class SamePersonForm(TemplateForm):
    """It is the same person: through which channel, and what showed it."""

    channel = _channel()
    evidence = _prose(
        _("What showed that it is the same person"),
        _no_secrets(_("Such as: called back on the landline, named the last order and the delivery address.")),
    )
    field_order = ("channel", "evidence")


class OtherPersonForm(forms.Form):
    """Somebody else has the number now."""

    channel = _channel()
    evidence = _prose(
        _("What showed that it is somebody else"),
        _no_secrets(_("Such as: a stranger answered and has had the number since March.")),
    )
    sure = forms.BooleanField(
        label=_("I know that this withdraws everything this person agreed to, for every business")
    )


class NotReachedForm(forms.Form):
    """The person could not be reached."""

    channel = _channel()
    note = _prose(_("What you tried"), _no_secrets(_("Such as: called twice, no answer.")))
    remind_on = forms.DateField(
        label=_("Bring it back to mind on"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Empty: tomorrow. Until somebody verifies the person, nothing is sent to them."),
    )

    def remind_at(self) -> datetime | None:
        """Give the beginning of the day that was named."""
        day: date | None = self.cleaned_data["remind_on"]
        return datetime.combine(day, time(), tzinfo=UTC) if day else None


class AcknowledgeForm(forms.Form):
    """A person confirms exactly the hash that stands on the page, after verifying who has it."""

    hash = forms.CharField(max_length=200, widget=forms.HiddenInput)
    channel = _channel()
    evidence = _prose(
        _("What showed that it is the same person"),
        _no_secrets(_("Such as: called back, read the identity to each other from the security code screen.")),
    )
    sure = forms.BooleanField(label=_("I confirm exactly the identity shown above"))


class AssignForm(forms.Form):
    """Who takes care of a case."""

    assignee = forms.ChoiceField(label=_("Taken care of by"), required=False)

    def __init__(self, *args: Any, people: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.initial.get("assignee")
        names = people if not chosen or chosen in people else [*people, chosen]
        choices: list[tuple[str, object]] = [("", _("Nobody yet")), *((name, name) for name in names)]
        self.fields["assignee"].choices = choices  # type: ignore[attr-defined]
