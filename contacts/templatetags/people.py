"""People's numbers in templates, masked for who sees them so."""

from django import template
from django.utils.safestring import SafeString

from audit import display
from contacts import masking

register = template.Library()


@register.filter
def number_shown(e164: str) -> str:
    """Write a person's number."""
    return masking.number(e164)


@register.filter
def digits_shown(written: str | None) -> str:
    """Write what was typed as a number, or a provider's wa_id."""
    return masking.text(written or "")


@register.simple_tag
def copyable_number(written: str) -> SafeString | str:
    """Show a number to copy where it is shown in full."""
    return display.copyable(written) if masking.is_in_full() else masking.text(written)


@register.simple_tag
def numbers_in_full() -> bool:
    """Tell whether numbers are shown in full."""
    return masking.is_in_full()
