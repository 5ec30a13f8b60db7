"""A quick yes for numbers that phonenumbers calls valid: its own patterns, compiled once for each calling code.

It answers only where nothing of the number would be rewritten, and never says no: what it does not recognise goes to
phonenumbers itself. tests/providers/test_numbering_plan.py holds the two against each other over every region.
"""

import re
from dataclasses import dataclass
from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberDesc

_TYPES = (
    "mobile",
    "fixed_line",
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)


@dataclass(frozen=True, slots=True)
class _Region:
    code: str
    leading_digits: re.Pattern[str] | None
    valid: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What may follow one calling code."""

    national_prefix: re.Pattern[str] | None
    regions: tuple[_Region, ...]


def region_of(e164: str) -> str | None:
    """Give the region of a valid number in E.164 with its +, or nothing where phonenumbers has to be asked."""
    for length in (2, 3, 4):
        plan = _plan(e164[1:length])
        if plan is not None:
            return _region_of(e164[length:], plan)
    return None


def _region_of(national: str, plan: _Plan) -> str | None:
    if plan.national_prefix is not None:
        prefix = plan.national_prefix.match(national)
        if prefix is not None and prefix.end() > 0:
            return None  # phonenumbers may take the prefix away
    for region in plan.regions:
        if region.leading_digits is not None:
            if region.leading_digits.match(national):
                return region.code if region.valid.match(national) else None
        elif region.valid.match(national):
            return region.code
    return None


@cache
def _plan(digits: str) -> _Plan | None:
    if not digits.isdigit() or int(digits) not in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        return None
    calling_code = int(digits)
    codes = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[calling_code]
    prefix = _metadata(codes[0], calling_code).national_prefix_for_parsing
    return _Plan(
        re.compile(prefix) if prefix else None,
        tuple(_region(code, calling_code, alone=len(codes) == 1) for code in codes),
    )


def _region(code: str, calling_code: int, *, alone: bool) -> _Region:
    metadata = _metadata(code, calling_code)
    leading_digits = None if alone else metadata.leading_digits
    kinds = "|".join(_whole(getattr(metadata, name)) for name in _TYPES)
    return _Region(
        code,
        re.compile(leading_digits) if leading_digits else None,
        re.compile(f"(?={_whole(metadata.general_desc)})(?:{kinds})"),
    )


def _metadata(code: str, calling_code: int) -> PhoneMetadata:
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(calling_code, code)
    if metadata is None:
        raise LookupError(f"phonenumbers knows nothing about {code}")
    return metadata


def _whole(desc: PhoneNumberDesc | None) -> str:
    """Write the pattern of one kind of number, with its lengths, for the whole of the text."""
    if desc is None or not desc.national_number_pattern:
        return "(?!)"  # matches nothing: a kind without a pattern has no numbers
    whole = rf"(?:{desc.national_number_pattern})\Z"
    if not desc.possible_length:
        return whole
    lengths = "|".join(f"[0-9]{{{length}}}" for length in desc.possible_length if length > 0)
    return rf"(?=(?:{lengths})\Z){whole}" if lengths else "(?!)"
