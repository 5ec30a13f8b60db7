"""Reading numbers: what is understood, what is refused, and that nothing is ever guessed."""

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.e164 import (
    NumberRefused,
    Reading,
    has_plus,
    person_key,
    probably_meant,
    read_number,
    variants,
    what_whatsapp_would_read,
)

E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
INDIA = 91

# Both tables of the documents assume a sender in India: text, what WhatsApp reads, and what the person probably meant
# (None where the text is right as it stands, or where nobody can know).
ONPREM_TABLE = [
    ("+1-631-555-1002", "+16315551002", None),
    ("6315551002", "+916315551002", None),
    ("1-631-555-1002", "+9116315551002", "+16315551002"),
    ("+1 (516) 283-7151", "+15162837151", None),
    ("+54 9 11 5612-1008", "+5491156121008", None),
]
CLOUD_API_TABLE = [
    ("+16315551234", "+16315551234", None),
    ("+1 (631) 555-1234", "+16315551234", None),
    ("(631) 555-1234", "+916315551234", None),
    ("1 (631) 555-1234", "+9116315551234", "+16315551234"),
]


def refused(text: str, reading: Reading = Reading.E164, region: str | None = None) -> NumberRefused:
    with pytest.raises(NumberRefused) as caught:
        read_number(text, reading=reading, region=region)
    assert str(caught.value) == caught.value.message
    return caught.value


@pytest.mark.parametrize(("text", "reads", "meant"), ONPREM_TABLE + CLOUD_API_TABLE)
def test_every_row_of_the_documents_is_read_as_an_indian_sender_would_reach_it(
    text: str, reads: str, meant: str | None
) -> None:
    assert what_whatsapp_would_read(text, calling_code=INDIA) == reads


@pytest.mark.parametrize(
    ("text", "reads"), [(text, reads) for text, reads, _ in ONPREM_TABLE + CLOUD_API_TABLE if text.startswith("+")]
)
def test_a_row_with_a_plus_is_taken_as_the_document_takes_it(text: str, reads: str) -> None:
    assert read_number(text).e164 == reads


@pytest.mark.parametrize(
    ("text", "meant"), [(text, meant) for text, _, meant in ONPREM_TABLE + CLOUD_API_TABLE if not text.startswith("+")]
)
def test_a_row_without_a_plus_is_refused_with_what_would_be_read_and_was_probably_meant(
    text: str, meant: str | None
) -> None:
    error = refused(text)
    digits = re.sub(r"\D", "", text)
    assert error.meant == meant
    assert f"“{text}” has no leading +" in error.message
    assert f"+(sender's calling code){digits}" in error.message
    assert "declare how numbers without + are to be read" in error.message
    assert ("Probably meant: " + (meant or "") in error.message) is (meant is not None)


def test_the_documents_own_trap_is_not_read_as_the_indian_number_that_it_would_become() -> None:
    # The numbering plan calls +916315551002 valid: a default region would have accepted it.
    assert read_number("6315551002", reading=Reading.NATIONAL, region="IN").e164 == "+916315551002"
    assert refused("6315551002").meant is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("'", "is empty"),
        ("\u200e\ufeff", "is empty"),
        ("+1 631 CALL NOW", "holds letters"),
        ("+1 631 555 1002 ext. 5", "holds letters"),
        ("NULL", "holds letters"),
        ("電話 +16315551002", "holds letters"),
        ("+١٦٣١٥٥٥١٠٠٢", "digits of another alphabet"),
        ("+16315551٠02", "digits of another alphabet"),
        ("+\uff11\uff16\uff13\uff11\uff15\uff15\uff15\uff11\uff10\uff10\uff12", "digits of another alphabet"),
        ("\uff0b16315551002", "holds signs"),
        ("+१६३१५५५१००२", "digits of another alphabet"),
        ("+1631555100²", "digits of another alphabet"),
        ("+16315551002, +16315551003", "holds signs"),
        ("+16315551002;", "holds signs"),
        ("1+6315551002", "holds signs"),
        ("++16315551002", "holds signs"),
        ("+", "holds signs"),
        ("()", "holds signs"),
        ("#REF!", "holds letters"),
        ("+16315551002\x00", "holds signs"),
        ("4.9E+12", "shortened by a spreadsheet"),
        ("4,9e+12", "shortened by a spreadsheet"),
        ("+4.9E+12", "shortened by a spreadsheet"),
        ("49E11", "shortened by a spreadsheet"),
        (" 4.91523E+12 ", "shortened by a spreadsheet"),
        ("4930123456.0", "decimal number by a spreadsheet"),
        ("+4930123456.00", "decimal number by a spreadsheet"),
        ("12345678901234567890", "has 20 digits"),
        ("+12345678901234567890", "has 20 digits"),
        ("+1234567890123456", "has 16 digits"),
        ("+163155588", "is not a number of its country"),
        ("+6315551002", "is not a number of its country"),
        ("+999 123 456 789", "starts with no country's calling code"),
        ("+0016315551002", "starts with no country's calling code"),
        ("+016315551002", "starts with no country's calling code"),
        ("+1", "starts with no country's calling code"),
        ("+431110", "has 7 to 15 digits"),
    ],
)
def test_what_is_no_usable_number_is_refused_with_its_rule(text: str, words: str) -> None:
    assert words in refused(text).message


@pytest.mark.parametrize("reading", [Reading.DIGITS, Reading.NATIONAL])
def test_no_declaration_brings_back_the_digits_that_a_spreadsheet_took(reading: Reading) -> None:
    for text in ("4.9E+12", "4930123456.0", "12345678901234567890", "٤٩٣٠١٢٣٤٥٦"):
        refused(text, reading, "DE")


def test_a_hundred_thousand_characters_are_refused_in_a_message_that_can_be_shown() -> None:
    for text in ("9" * 100_000, "+" + "9" * 100_000, "x" * 100_000, "4.9E+1" + "2" * 100_000, " " * 100_000 + "1"):
        assert len(refused(text).message) < 400


@pytest.mark.parametrize(
    "text",
    [
        "+1 631 555 1002",
        "+1\u00a0631\u202f555\u20091002",
        "\u202a+1 631 555 1002\u202c",
        "\u200e+16315551002\u200f",
        "\ufeff+16315551002",
        "'+16315551002",
        "’+16315551002",
        "+1 (631) 555-1002",
        "(+1) 631-555-1002",
        "+1.631.555.1002",
        "+1/631/5551002",
        "+1\u2011631\u2013555\u22121002",
        "+1 631\u00ad555\u200b1002",
        "\t+16315551002\r\n",
    ],
)
def test_marks_that_mean_nothing_are_dropped(text: str) -> None:
    number = read_number(text)
    assert (number.e164, number.region) == ("+16315551002", "US")


def test_a_zero_in_brackets_after_the_country_code_says_itself_that_it_is_not_dialled() -> None:
    assert read_number("+44 (0)20 7946 0958").e164 == "+442079460958"
    assert read_number("+39 (0)6 1234567").e164 == "+39061234567"  # Italy dials it


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("+44 020 7946 0958", "+442079460958"),
        ("+1 1 631 555 1002", "+16315551002"),
        ("+7 8 495 123 45 67", "+74951234567"),
        ("+54 11 15 5612 1008", "+5491156121008"),
    ],
)
def test_digits_that_would_have_to_go_are_named_and_not_dropped_in_silence(text: str, meant: str) -> None:
    error = refused(text)
    assert error.meant == meant
    assert f"Probably meant: {meant}" in error.message


def test_a_00_prefix_is_never_read_but_what_was_meant_is_offered() -> None:
    assert refused("0016315551002").meant == "+16315551002"
    assert refused("00 1 (631) 555-1002").meant == "+16315551002"
    assert refused("0016315551002", Reading.DIGITS).meant == "+16315551002"
    assert refused("00491234567890123").meant is None
    assert refused("006315551002").meant is None


@pytest.mark.parametrize(("text", "e164"), [("16315551002", "+16315551002"), ("1 (631) 555-1002", "+16315551002")])
def test_declared_as_full_international_digits_the_plus_is_put_in_front(text: str, e164: str) -> None:
    assert read_number(text, reading=Reading.DIGITS).e164 == e164


def test_declared_digits_are_still_judged() -> None:
    assert "is not a number of its country" in refused("6315551002", Reading.DIGITS).message
    assert "starts with 0" in refused("016315551002", Reading.DIGITS).message
    assert "dialled only inside" in refused("116315551002", Reading.DIGITS).message


def test_declared_as_national_numbers_the_region_decides() -> None:
    assert read_number("(631) 555-1002", reading=Reading.NATIONAL, region="US").e164 == "+16315551002"
    assert read_number("030 123456", reading=Reading.NATIONAL, region="DE").e164 == "+4930123456"
    assert read_number("912 345 678", reading=Reading.NATIONAL, region="PE").e164 == "+51912345678"
    assert read_number("06 1234567", reading=Reading.NATIONAL, region="IT").e164 == "+39061234567"


def test_a_national_number_of_another_region_is_refused() -> None:
    error = refused("16315551002", Reading.NATIONAL, "PE")
    assert "is not a number of PE" in error.message
    assert error.meant == "+16315551002"


@pytest.mark.parametrize("region", [None, "", "xx", "us", "USA", "001", "🇺🇸"])
def test_national_numbers_without_a_known_region_are_refused(region: str | None) -> None:
    assert "is not a region" in refused("6315551002", Reading.NATIONAL, region).message


def test_a_national_number_that_would_grow_beyond_the_limits_of_e164_is_refused() -> None:
    assert "7 to 15 digits" in refused("1110", Reading.NATIONAL, "AT").message


def test_a_plus_wins_over_every_declaration() -> None:
    for reading in Reading:
        number = read_number("+51 912 345 678", reading=reading, region="DE")
        assert (number.e164, number.region) == ("+51912345678", "PE")


def test_a_plus_is_seen_through_whatever_stands_around_it() -> None:
    assert all(has_plus(text) for text in ("+1", " +1", "'+1", "(+1) 631", "\u200e+1", "-+1"))
    assert not any(has_plus(text) for text in ("", "1", "1+1", "'1", "0016315551002"))


def test_a_number_without_a_country_has_the_region_of_the_world() -> None:
    assert read_number("+800 1234 5678").region == "001"


def test_what_was_probably_meant_is_offered_only_where_it_is_a_real_number() -> None:
    assert probably_meant("16315551002") == "+16315551002"
    assert probably_meant("0016315551002") == "+16315551002"
    assert probably_meant("6315551002") is None
    assert probably_meant("0123") is None
    assert probably_meant("") is None


@pytest.mark.parametrize(
    ("forms", "region"),
    [
        ({"+525512345678", "+5215512345678"}, "MX"),
        ({"+541156121008", "+5491156121008"}, "AR"),
        ({"+5511987654321", "+551187654321"}, "BR"),
    ],
)
def test_both_forms_of_a_persons_number_are_kept_as_written_and_belong_together(forms: set[str], region: str) -> None:
    assert all(variants(form) == forms for form in forms)
    assert len({person_key(form) for form in forms}) == 1
    for form in forms:
        number = read_number(form)
        assert (number.e164, number.region) == (form, region)


@pytest.mark.parametrize("e164", ["+551134567890", "+16315551002", "+5511923456789", "+5255123456789", "+54115612100"])
def test_other_numbers_have_one_form(e164: str) -> None:
    assert variants(e164) == {e164}
    assert person_key(e164) == e164


NUMBERS = st.from_regex(r"\+(52|521|54|549|55[1-9][1-9]9?|1|49|51)?[0-9]{4,13}", fullmatch=True)


@given(NUMBERS)
def test_all_variants_share_one_person_key_and_one_another(e164: str) -> None:
    forms = variants(e164)
    assert e164 in forms
    assert {person_key(form) for form in forms} == {person_key(e164)}
    assert person_key(person_key(e164)) == person_key(e164)
    assert all(variants(form) == forms for form in forms)


PHONE_LIKE = st.text(alphabet="0123456789+-() .'E,\u200e٠０x", max_size=24)
READINGS = st.sampled_from(list(Reading))
REGIONS = st.sampled_from([None, "US", "DE", "AT", "MX", "AR", "BR", "IN", "PE", "xx"])


@settings(max_examples=400)
@given(st.one_of(PHONE_LIKE, NUMBERS, st.text(max_size=40)), READINGS, REGIONS)
def test_reading_gives_an_e164_number_or_a_refusal_and_nothing_else(
    text: str, reading: Reading, region: str | None
) -> None:
    try:
        number = read_number(text, reading=reading, region=region)
    except NumberRefused as error:
        assert error.message
        assert error.meant is None or E164.fullmatch(error.meant)
        return
    assert E164.fullmatch(number.e164)
    assert read_number(number.e164) == number


@given(NUMBERS)
def test_a_number_with_a_plus_is_never_changed(text: str) -> None:
    with suppress(NumberRefused):
        assert read_number(text).e164 == text
