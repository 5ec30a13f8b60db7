"""The quick yes is phonenumbers' own yes, for every region and kind of number."""

import random

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata

from providers import numbering_plan

CALLING_CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


def slow_region_of(e164: str) -> tuple[str, str] | None:
    """What phonenumbers makes of the number and its region, if it is valid."""
    try:
        parsed = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return written, phonenumbers.region_code_for_number(parsed) or ""


def examples(calling_code: int) -> list[str]:
    """Examples of every kind of number under a calling code, and neighbours of them."""
    chance = random.Random(calling_code)
    found = []
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[calling_code]:
        metadata = PhoneMetadata.metadata_for_region_or_calling_code(calling_code, code)
        for kind in numbering_plan._TYPES:
            example = getattr(getattr(metadata, kind), "example_number", None)
            if not example:
                continue
            found += [example, example[:-1], example + "0", "0" + example, "1" + example, "9" + example]
            for _ in range(20):
                digits = list(example)
                for _ in range(chance.randint(1, 4)):
                    digits[chance.randrange(len(digits))] = chance.choice("0123456789")
                found.append("".join(digits))
    return [f"+{calling_code}{national}" for national in found]


@pytest.mark.parametrize("calling_code", CALLING_CODES)
def test_a_quick_yes_is_a_valid_number_as_written_of_that_region(calling_code: int) -> None:
    yes = 0
    for e164 in examples(calling_code):
        region = numbering_plan.region_of(e164)
        if region is not None:
            assert slow_region_of(e164) == (e164, region)
            yes += 1
    assert yes > 0


@given(calling_code=st.sampled_from(CALLING_CODES), national=st.text("0123456789", max_size=14))
def test_a_quick_yes_never_depends_on_luck(calling_code: int, national: str) -> None:
    region = numbering_plan.region_of(f"+{calling_code}{national}")
    if region is not None:
        assert slow_region_of(f"+{calling_code}{national}") == (f"+{calling_code}{national}", region)


@pytest.mark.parametrize("text", ["+", "+0", "+999123456", "+1", "+12"])
def test_what_starts_no_number_is_left_to_phonenumbers(text: str) -> None:
    assert numbering_plan.region_of(text) is None


def test_a_number_that_phonenumbers_would_rewrite_is_left_to_it() -> None:
    # Belarus: 810 at the front is the way to dial abroad, and what remains is no number.
    assert numbering_plan.region_of("+3758101234567") is None
    assert slow_region_of("+3758101234567") is None
