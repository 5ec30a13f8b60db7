"""The form of the ledger's page: an earlier head to compare with."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from audit import verify

_LARGEST = 64 * 1024


class EarlierHeadForm(forms.Form):
    """An earlier head: the file that was kept, or its number and hash; neither is needed."""

    file = forms.FileField(
        label=_("Earlier head"),
        required=False,
        help_text=_("The head.json that you kept from an earlier export or signature."),
    )
    text = forms.CharField(
        label=_("or its number and hash"),
        required=False,
        max_length=100,
        help_text=_("Written as 812:5f0c… with all 64 digits of the hash."),
    )

    def clean(self) -> dict[str, Any]:
        """Read the head, from the file before the text."""
        values: dict[str, Any] = super().clean() or {}
        file, text = values.get("file"), values.get("text")
        name = "file" if file else "text"
        try:
            written = file.read(_LARGEST).decode() if file else text
            values["head"] = verify.parse_head(written) if written else None
        except ValueError:
            raise ValidationError({name: _("This is no head of a ledger.")}) from None
        return values
