"""The forms of a message: free text, or an approved template with the values that its body asks for."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contacts.messaging.content import LONGEST_PARAMETER, LONGEST_TEXT
from providers.interfaces import TemplateFacts, TemplateMessage, TextMessage
from providers.models import Purpose


class TemplateForm(forms.Form):
    """Asks for the values of a template, each in a field of its own."""

    def __init__(self, *args: Any, template: TemplateFacts | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.facts = template
        for place in range(1, (template.parameters if template else 0) + 1):
            self.fields[f"value_{place}"] = forms.CharField(
                label=_("Value for %(mark)s") % {"mark": f"{{{{{place}}}}}"}, max_length=LONGEST_PARAMETER
            )

    def template(self) -> TemplateMessage | None:
        """Give the template with its values, where one is to be sent."""
        if self.facts is None:
            return None
        values = tuple(self.cleaned_data[f"value_{place}"] for place in range(1, self.facts.parameters + 1))
        return TemplateMessage(self.facts.name, self.facts.language, values)


class SendForm(TemplateForm):
    """A message before it is sent: for what, and what. `press` is one press of the button."""

    purpose = forms.ChoiceField(label=_("Purpose"))
    text = forms.CharField(
        label=_("Text"), max_length=LONGEST_TEXT, widget=forms.Textarea(attrs={"rows": 4, "class": "prose"})
    )
    press = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, purposes: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.facts is not None:
            del self.fields["text"]
        labels = {str(value): label for value, label in Purpose.choices}
        self.fields["purpose"].choices = [(name, labels[name]) for name in purposes]  # type: ignore[attr-defined]

    def content(self) -> TextMessage | TemplateMessage:
        """Give what is to be sent."""
        return self.template() or TextMessage(self.cleaned_data["text"])
