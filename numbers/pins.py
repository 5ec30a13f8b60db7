"""PINs of two-step verification: reading one that a person typed, making one that nobody guesses first."""

import secrets
from itertools import groupby, pairwise

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from numbers.codes import CodeUnreadable, six_digits
from providers.secret import Secret

_LONGEST_RUN = 3


class PinUnreadable(CodeUnreadable):
    """What was typed is no PIN: the message names the rule, and never what was typed."""


@sensitive_variables()
def read_pin(text: str) -> Secret:
    """Read a PIN as a person typed it: six digits.

    :raises PinUnreadable: naming the rule that it breaks.
    """
    try:
        return Secret(six_digits(text, what=_("PIN")))
    except CodeUnreadable as unreadable:
        message = unreadable.message
    raise PinUnreadable(message)


@sensitive_variables()
def new_pin() -> Secret:
    """Make a PIN of six random digits that is none of those that people try first."""
    while True:
        digits = f"{secrets.randbelow(1_000_000):06d}"
        if not _is_weak(digits):
            return Secret(digits)


@sensitive_variables()
def _is_weak(digits: str) -> bool:
    runs = [len(list(run)) for _digit, run in groupby(digits)]
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(digits)}
    return max(runs) > _LONGEST_RUN or len(steps) == 1 or digits[:3] == digits[3:] or len(set(digits)) < _LONGEST_RUN
