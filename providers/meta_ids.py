"""Meta's ids (phone_number_id, waba_id), which Cloud API and Kaleyra alike put into a path."""

import re

from django.utils.translation import gettext as _

from providers.errors import Rejected

_META_ID = re.compile("[0-9]{1,32}")


def is_meta_id(text: str) -> bool:
    """Tell whether this can be one of Meta's ids."""
    return _META_ID.fullmatch(text) is not None


def checked(text: str, name: str) -> str:
    """Give the id back, fit to stand in a path.

    :raises Rejected: when it holds anything but digits, which could lead the call elsewhere; nothing was sent.
    """
    if not is_meta_id(text):
        error = Rejected(_("This is not a %(name)s: Meta's ids are digits only. Nothing was sent.") % {"name": name})
        error.next_step = _("Correct the id; WhatsApp Manager shows it.")
        raise error
    return text
