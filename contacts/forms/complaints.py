"""The form of a complaint: how it came and what the person said."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from providers.models import Business


class ComplaintForm(forms.Form):
    """What the person complains about, and from whom they want nothing more."""

    source = forms.CharField(
        label=_("How the complaint came"), max_length=60, help_text=_("E-mail, letter, phone call, authority …")
    )
    reason = forms.CharField(
        label=_("What the person said"), widget=forms.Textarea(attrs={"rows": 3, "class": "prose"})
    )
    businesses = forms.ModelMultipleChoiceField(
        Business.objects.none(), label=_("Opt out of"), widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, businesses: Sequence[Business], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["businesses"]
        field.queryset = Business.objects.filter(pk__in=[one.pk for one in businesses])  # type: ignore[attr-defined]
        # All of them: a complaint about one message is rarely about one brand.
        field.initial = [one.pk for one in businesses]
