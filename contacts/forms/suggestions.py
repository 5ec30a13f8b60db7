"""Forms about what people wrote that may mean consent or its end."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contacts.inbound.suggestions import Proof
from contacts.models import Suggestion
from providers.e164 import Number, NumberRefused, Reading, read_number
from providers.models import Purpose


class DecideForm(forms.Form):
    """What a person adds to record what somebody wrote; dismissing needs nothing."""

    number = forms.CharField(
        label=_("Whose number it is"),
        max_length=80,
        help_text=_("WhatsApp gave a user id and no number. With + and country code: +51 987 654 321."),
    )
    business_name_shown = forms.CharField(
        label=_("Business name the person saw"),
        max_length=120,
        help_text=_("As it stood where the person found us: a poster, a page, the chat itself."),
    )
    purposes = forms.MultipleChoiceField(
        label=_("Purposes named to the person"),
        required=False,
        choices=Purpose.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Nothing ticked: what the business says an opt-in covers."),
    )

    def __init__(self, *args: Any, suggestion: Suggestion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if suggestion.contact_id is not None:
            del self.fields["number"]
        if suggestion.kind == Suggestion.Kind.OPT_OUT:
            del self.fields["business_name_shown"], self.fields["purposes"]

    def clean_number(self) -> Number:
        """Read the number without guessing."""
        try:
            return read_number(self.cleaned_data["number"], reading=Reading.E164)
        except NumberRefused as refused:
            raise forms.ValidationError(refused.message) from None

    def proof(self) -> Proof | None:
        """Give what proves an opt-in, where one is to be recorded."""
        if "business_name_shown" not in self.fields:
            return None
        return Proof(self.cleaned_data["business_name_shown"], tuple(self.cleaned_data["purposes"]))
