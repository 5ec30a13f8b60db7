"""The forms of consent: opted in, opted out, a wording."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit import reach
from audit.local_time import LocalTimeField, LocalTimeRefused, at, read_zone
from contacts.consent import files
from contacts.consent.evidence import Evidence
from contacts.models import ConsentText, Contact
from providers.e164 import Number, NumberRefused, Reading, read_number
from providers.models import Business, Purpose, write_purposes


class _PersonForm(forms.Form):
    number = forms.CharField(label=_("Number"), max_length=80, help_text=_("With + and country code: +51 987 654 321."))
    region = forms.CharField(
        label=_("Region, only for a number written without +"),
        required=False,
        max_length=2,
        help_text=_("Two letters: PE, MX, DE. Empty: a number without + is refused."),
    )
    business = forms.ModelChoiceField(Business.objects.none(), label=_("Business"))

    def __init__(self, *args: Any, reached: reach.Businesses, person: Contact | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        businesses: Any = self.fields["business"]
        businesses.queryset = reach.narrowed(Business.objects.all(), reached)
        self.person = person
        if person is not None:
            # Somebody who sees a masked number cannot type it.
            del self.fields["number"], self.fields["region"]

    def clean(self) -> dict[str, Any]:
        """Read the number as its writer declared it."""
        cleaned = super().clean() or self.cleaned_data
        if self.person is not None:
            try:
                cleaned["e164"] = read_number(self.person.e164)
            except NumberRefused as refused:
                self.add_error(None, refused.message)
            return cleaned
        region = str(cleaned.get("region", "")).upper()
        if "number" in cleaned:
            try:
                reading = Reading.NATIONAL if region else Reading.E164
                cleaned["e164"] = read_number(cleaned["number"], reading=reading, region=region or None)
            except NumberRefused as refused:
                self.add_error("number", refused.message)
        return cleaned

    def read(self) -> Number:
        """Give the number."""
        number: Number = self.cleaned_data["e164"]
        return number


class WithdrawForm(_PersonForm):
    """A person said no."""

    source = forms.CharField(
        label=_("Where the person said no"), max_length=60, help_text=_("Phone call, e-mail, reply STOP, letter …")
    )
    reason = forms.CharField(
        label=_("What the person said"), widget=forms.Textarea(attrs={"rows": 3, "class": "prose"})
    )
    purposes = forms.MultipleChoiceField(
        label=_("Only for"),
        required=False,
        choices=Purpose.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Nothing ticked: for everything."),
    )


class RecordForm(_PersonForm):
    """A person said yes: every part of the proof is typed or chosen, none is assumed."""

    business_name_shown = forms.CharField(
        label=_("Business name the person saw"), max_length=120, help_text=_("As it stood on the form or was spoken.")
    )
    source = forms.CharField(
        label=_("Where the person agreed"), max_length=60, help_text=_("Web form, paper, phone call, shop …")
    )
    given_at = LocalTimeField(
        label=_("When the person agreed"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    time_zone = forms.CharField(
        label=_("Time zone of the times on this page"),
        initial=timezone.get_current_timezone_name,
        help_text=_("UTC, America/Lima, Europe/Berlin …"),
    )
    evidence = forms.CharField(
        label=_("Evidence"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "prose"}),
        help_text=_("What shows that the person agreed: the words spoken, a log line, a form's reference."),
    )
    evidence_file = forms.FileField(
        label=_("Evidence as a file"), required=False, help_text=_("PDF, PNG or JPEG, at most 2 MB.")
    )
    consent_text = forms.ModelChoiceField(
        ConsentText.objects.none(),
        label=_("Wording the person saw"),
        required=False,
        help_text=_("Without a wording the record stays marked “proof incomplete”."),
    )
    purposes = forms.MultipleChoiceField(
        label=_("Purposes named to the person"),
        required=False,
        choices=Purpose.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Nothing ticked: what the business says an opt-in covers."),
    )
    expires_at = LocalTimeField(
        label=_("Expires"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    external_id = forms.CharField(label=_("Id in the system it comes from"), required=False, max_length=100)

    def __init__(self, *args: Any, reached: reach.Businesses, **kwargs: Any) -> None:
        super().__init__(*args, reached=reached, **kwargs)
        texts: Any = self.fields["consent_text"]
        texts.queryset = reach.narrowed(ConsentText.objects.select_related("business").defer("picture"), reached)
        # The script puts the browser's own zone there while nobody has typed or chosen one.
        self.fields["time_zone"].widget.attrs["data-time-zone"] = "" if self.is_bound else "preset"

    def clean_time_zone(self) -> ZoneInfo:
        """Read the zone's name."""
        try:
            return read_zone(self.cleaned_data["time_zone"])
        except LocalTimeRefused as refusal:
            raise forms.ValidationError(str(refusal)) from None

    def clean(self) -> dict[str, Any]:
        """Read the times as they were meant in the zone that was named."""
        cleaned = super().clean()
        zone = cleaned.get("time_zone")
        for name in ("given_at", "expires_at"):
            if zone is None or cleaned.get(name) is None:
                continue
            try:
                cleaned[name] = at(cleaned[name], zone)
            except LocalTimeRefused as refusal:
                self.add_error(name, str(refusal))
        return cleaned

    def clean_evidence_file(self) -> Any:
        """Keep only what is known by its first bytes."""
        upload = self.cleaned_data["evidence_file"]
        return _checked(upload) if upload else None

    def agreed_at(self) -> datetime:
        """Give when the person agreed."""
        value: datetime = self.cleaned_data["given_at"]
        return value

    def ends_at(self) -> datetime | None:
        """Give when the consent ends, where it does."""
        value: datetime | None = self.cleaned_data["expires_at"]
        return value

    def proof(self) -> Evidence:
        """Give the evidence."""
        upload = self.cleaned_data["evidence_file"]
        return Evidence(
            text=self.cleaned_data["evidence"],
            file=upload[1] if upload else None,
            file_name=upload[0] if upload else "",
        )


class ConsentTextForm(forms.ModelForm):  # type: ignore[type-arg]
    """A wording, exactly as people saw it."""

    purposes = forms.MultipleChoiceField(
        label=_("Purposes"), choices=Purpose.choices, widget=forms.CheckboxSelectMultiple
    )
    picture_file = forms.FileField(
        label=_("Picture or PDF of it"), required=False, help_text=_("PDF, PNG or JPEG, at most 2 MB.")
    )

    class Meta:
        model = ConsentText
        fields = ("business", "name", "version", "language", "text", "business_name_shown", "purposes")

    def clean_purposes(self) -> str:
        """Write the ticked purposes as they are stored."""
        return write_purposes(self.cleaned_data["purposes"])

    def clean_picture_file(self) -> Any:
        """Put the picture on the wording, with the type that its bytes show."""
        upload = self.cleaned_data["picture_file"]
        if upload:
            _name, self.instance.picture, self.instance.picture_type = _checked(upload)
        return upload


def _checked(upload: Any) -> tuple[str, bytes, str]:
    content = upload.read(files.LARGEST + 1)
    try:
        content_type, _extension = files.kind_of(content)
    except files.FileRefused as refused:
        raise forms.ValidationError(str(refused)) from None
    return upload.name[:255], content, content_type
