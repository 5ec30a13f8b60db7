"""How a code best reaches a number, by its type of line: preselected and explained, never forbidden.

Meta's advice: no SMS to fixed, freephone, premium-rate, VoIP and universal-access lines; neither way to shared-cost and
personal numbers.
"""

from dataclasses import dataclass

import phonenumbers
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.interfaces import CodeMethod

_Type = phonenumbers.PhoneNumberType
_NO_SMS = {
    _Type.FIXED_LINE: gettext_lazy("a fixed line"),
    _Type.TOLL_FREE: gettext_lazy("a freephone line"),
    _Type.PREMIUM_RATE: gettext_lazy("a premium-rate line"),
    _Type.VOIP: gettext_lazy("an internet telephone line"),
    _Type.UAN: gettext_lazy("a universal-access line"),
}
_NEITHER = {
    _Type.SHARED_COST: gettext_lazy("a shared-cost line"),
    _Type.PERSONAL_NUMBER: gettext_lazy("a personal number, which is passed on to another line"),
    _Type.PAGER: gettext_lazy("a pager"),
    _Type.VOICEMAIL: gettext_lazy("a voicemail line"),
}


@dataclass(frozen=True, slots=True)
class MethodAdvice:
    """The way that is preselected, why, and what a person must know before a call."""

    method: CodeMethod
    why: str
    voice_note: str


def advise(e164: str) -> MethodAdvice:
    """Say how the code for this number is best sent, and why."""
    line = _line_of(e164)
    if line in _NO_SMS:
        method = CodeMethod.VOICE
        why = _("This is %(line)s: an SMS rarely arrives there, so a call is preselected.") % {"line": _NO_SMS[line]}
    elif line in _NEITHER:
        method = CodeMethod.VOICE
        why = _(
            "This is %(line)s: Meta advises against both ways there. A call is the likelier one; another number may be "
            "the better choice."
        ) % {"line": _NEITHER[line]}
    elif line == _Type.MOBILE:
        method, why = CodeMethod.SMS, _("This is a mobile line: an SMS is the quickest way.")
    elif line == _Type.FIXED_LINE_OR_MOBILE:
        method = CodeMethod.SMS
        why = _("This may be a mobile or a fixed line: try an SMS, and a call where none arrives.")
    else:
        method = CodeMethod.SMS
        why = _("The type of this line is not known: try an SMS, and a call where none arrives.")
    return MethodAdvice(method, why, _voice_note())


def _line_of(e164: str) -> int:
    try:
        found: int = phonenumbers.number_type(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return int(_Type.UNKNOWN)
    return found


def _voice_note() -> str:
    return _(
        "Meta calls at once, from abroad, and cannot dial an extension or pass a menu. Have somebody beside the phone "
        "who answers it and writes six digits down, and let a switchboard put foreign calls straight through."
    )
