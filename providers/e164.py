"""Reading phone numbers as E.164 without ever guessing (provider documents: On-Premises and Cloud API number formats).

A number without a leading + means whatever calling code its reader puts in front, so it is refused, unless a person has
declared how the file or field is to be read.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from django.utils.translation import gettext as _

from providers import numbering_plan

# What people paste around numbers without meaning anything by it: no-break spaces, direction marks, soft hyphens.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_PUNCTUATION = re.compile(r"[\s().\-/\u2010-\u2015\u2212]")
_SPREADSHEET = re.compile(r"[+-]?\d+([.,]\d+)?[eE][+-]?\d+")
_DECIMAL = re.compile(r"[+-]?\d+\.0+")
_PLAIN_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_LONGEST_INPUT = 64


class Reading(StrEnum):
    """How a person declared that numbers without a leading + are to be read."""

    E164 = "e164"
    DIGITS = "digits"
    NATIONAL = "national"


@dataclass(frozen=True, slots=True)
class Number:
    """One phone number: E.164 with its +, and the region code of its numbering plan."""

    e164: str
    region: str


class NumberRefused(ValueError):
    """The text is not a number that can be used as it stands; the message names text, rule and next step."""

    def __init__(self, message: str, *, meant: str | None = None, repair: str = "") -> None:
        super().__init__(message)
        self.message = message
        #: What mends this text and all that are refused by the same rule.
        self.repair = repair or message
        #: What was probably meant, for a person to confirm.
        self.meant = meant


def read_number(text: str, *, reading: Reading = Reading.E164, region: str | None = None) -> Number:
    """Read one phone number as a person wrote it.

    `reading` and `region` are a person's declaration about numbers without +; a leading + always wins.

    :raises NumberRefused: when the text is not a number, or only a guess would make it one.
    """
    if _PLAIN_E164.fullmatch(text):
        return _judge(text, text)
    shown = text if len(text) <= _LONGEST_INPUT else text[:_LONGEST_INPUT] + "…"
    digits = _digits(text, shown)
    if digits.startswith("+"):
        return _judge(digits, shown, drops_zero="(0)" in text)
    if reading is Reading.DIGITS:
        if digits.startswith("0"):
            raise NumberRefused(
                _("“%(text)s” starts with 0, so it is not full international digits. Write it with + and country code.")
                % {"text": shown},
                meant=probably_meant(digits),
                repair=_("The number starts with 0. Write it with + and country code."),
            )
        return _judge("+" + digits, shown)
    if reading is Reading.NATIONAL:
        return _read_national(digits, shown, region)
    raise _without_plus(digits, shown)


def has_plus(text: str) -> bool:
    """Tell whether a number was written with a leading +, whatever stands around it."""
    clean = _PUNCTUATION.sub("", _INVISIBLE.sub("", text))
    return clean.lstrip("'’").startswith("+")


def what_whatsapp_would_read(text: str, *, calling_code: int) -> str:
    """Give what a sender with `calling_code` would reach if `text` were sent as typed (documents 001 and 004)."""
    digits = _PUNCTUATION.sub("", text)
    return digits if digits.startswith("+") else f"+{calling_code}{digits}"


def probably_meant(digits: str) -> str | None:
    """Give the E.164 number that `digits` would be with its + (or for its 00), where that is a real number."""
    candidate = "+" + (digits[2:] if digits.startswith("00") else digits)
    try:
        return read_number(candidate).e164 if _PLAIN_E164.fullmatch(candidate) else None
    except NumberRefused:
        return None


def variants(e164: str) -> frozenset[str]:
    """Give every form under which the same person may be known, this one included.

    Mexico has +52 and +521, Argentina +54 and +549, Brazil numbers with and without the ninth digit.
    """
    key = person_key(e164)
    if key.startswith("+52") and len(key) == 13:
        return frozenset({key, "+521" + key[3:]})
    if key.startswith("+54") and len(key) == 13:
        return frozenset({key, "+549" + key[3:]})
    if key.startswith("+55") and len(key) == 13 and key[5] in "6789":
        return frozenset({key, key[:5] + "9" + key[5:]})
    return frozenset({key})


def person_key(e164: str) -> str:
    """Give the one form that all variants of a person's number share."""
    if e164.startswith("+521") and len(e164) == 14:
        return "+52" + e164[4:]
    if e164.startswith("+549") and len(e164) == 14:
        return "+54" + e164[4:]
    if e164.startswith("+55") and len(e164) == 14 and e164[5] == "9" and e164[6] in "6789":
        return e164[:5] + e164[6:]
    return e164


def _digits(text: str, shown: str) -> str:
    clean = _INVISIBLE.sub("", text).strip()
    if clean[:1] in ("'", "’"):
        clean = clean[1:]  # a spreadsheet's mark for "this is text"
    if not clean:
        raise NumberRefused(_("The number is empty."))
    if _SPREADSHEET.fullmatch(clean):
        raise NumberRefused(
            _("“%(text)s” was shortened by a spreadsheet and its digits are gone. Export the column as text.")
            % {"text": shown},
            repair=_("A spreadsheet has shortened the number and its digits are gone. Export the column as text."),
        )
    if _DECIMAL.fullmatch(clean):
        raise NumberRefused(
            _("“%(text)s” was turned into a decimal number by a spreadsheet. Export the column as text.")
            % {"text": shown},
            repair=_("A spreadsheet has turned the number into a decimal number. Export the column as text."),
        )
    digits = _PUNCTUATION.sub("", clean)
    body = digits.removeprefix("+")
    if not (body.isascii() and body.isdigit()):
        if any(char.isdigit() and not char.isascii() for char in body):
            rule = _("holds digits of another alphabet; write them as 0-9")
        elif any(unicodedata.category(char).startswith("L") for char in body):
            rule = _("holds letters")
        else:
            rule = _("holds signs that no phone number has")
        raise NumberRefused(
            _("“%(text)s” %(rule)s.") % {"text": shown, "rule": rule},
            repair=_("The number %(rule)s.") % {"rule": rule},
        )
    if len(body) > 15 + 2 * body.startswith("00"):
        raise NumberRefused(
            _("“%(text)s” has %(count)d digits; no phone number has more than 15.")
            % {"text": shown, "count": len(body)},
            repair=_("The number has more than 15 digits. Write one number in each cell, with + and country code."),
        )
    return digits


def _read_national(digits: str, shown: str, region: str | None) -> Number:
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise NumberRefused(
            _("“%(region)s” is not a region. Use two letters such as PE, MX or DE.") % {"region": region or ""}
        )
    try:
        parsed = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or not phonenumbers.is_valid_number(parsed):
        raise NumberRefused(
            _("“%(text)s” is not a number of %(region)s.") % {"text": shown, "region": region},
            meant=probably_meant(digits),
            repair=_("The number is none of %(region)s. Write it with + and country code.") % {"region": region},
        )
    return _made(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164), parsed, shown)


def _without_plus(digits: str, shown: str) -> NumberRefused:
    meant = probably_meant(digits)
    words = _("“%(text)s” has no leading +. WhatsApp would read it as +(sender's calling code)%(digits)s.") % {
        "text": shown,
        "digits": digits,
    }
    if meant:
        words += " " + _("Probably meant: %(meant)s.") % {"meant": meant}
    repair = _("Write it with + and country code, or declare how numbers without + are to be read.")
    return NumberRefused(
        f"{words} {repair}", meant=meant, repair=_("The number has no leading +. %(repair)s") % {"repair": repair}
    )


def _judge(e164: str, shown: str, *, drops_zero: bool = False) -> Number:
    if _PLAIN_E164.fullmatch(e164) and (known := numbering_plan.region_of(e164)) is not None:
        return Number(e164, known)
    try:
        parsed = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        raise NumberRefused(
            _("“%(text)s” starts with no country's calling code.") % {"text": shown},
            repair=_("The number starts with no country's calling code. Look at its first digits."),
        ) from None
    if phonenumbers.is_valid_number(parsed):
        read = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
        # "+44 (0)20" says itself that the 0 is not dialled; any other digit that would have to go is a guess.
        if read != e164 and not drops_zero:
            raise NumberRefused(
                _("“%(text)s” holds digits that are dialled only inside its country. Probably meant: %(meant)s.")
                % {"text": shown, "meant": read},
                meant=read,
                repair=_("The number holds digits that are dialled only inside its country. Leave them out."),
            )
        return _made(read, parsed, shown)
    # Older forms of a person's number are invalid to the numbering plan and may still be a wa_id.
    for variant in variants(e164) - {e164}:
        other = phonenumbers.parse(variant)
        if phonenumbers.is_valid_number(other):
            return _made(e164, other, shown)
    raise NumberRefused(
        _("“%(text)s” is not a number of its country: its length or first digits do not exist there.")
        % {"text": shown},
        repair=_("The number does not exist in its country: digits are missing, wrong or too many. Ask for it again."),
    )


def _made(e164: str, parsed: phonenumbers.PhoneNumber, shown: str) -> Number:
    if not _PLAIN_E164.fullmatch(e164):
        raise NumberRefused(
            _("“%(text)s” would be %(e164)s: an international number has 7 to 15 digits.")
            % {"text": shown, "e164": e164},
            repair=_("The number has fewer than 7 or more than 15 digits. Write it in full."),
        )
    return Number(e164=e164, region=phonenumbers.region_code_for_number(parsed) or "")
