"""How a code best reaches a number, and in which language: preselected and explained, never forbidden."""

import pytest

from numbers.languages import DEFAULT, LOCALES, default_language, read_language
from numbers.limits import Refused
from numbers.line_types import advise


@pytest.mark.parametrize(
    ("e164", "method", "words"),
    [
        ("+447400123456", "SMS", "mobile line"),
        ("+12025551100", "SMS", "mobile or a fixed"),
        ("+442079460958", "VOICE", "fixed line"),
        ("+448001111111", "VOICE", "freephone"),
        ("+449012345678", "VOICE", "premium-rate"),
        ("+445612345678", "VOICE", "internet telephone"),
        ("+445512345678", "VOICE", "universal-access"),
        ("+491801234567", "VOICE", "advises against both"),
        ("+447012345678", "VOICE", "advises against both"),
        ("+15550051310", "SMS", "not known"),
        ("nothing", "SMS", "not known"),
    ],
)
def test_the_way_follows_the_type_of_the_line(e164: str, method: str, words: str) -> None:
    advice = advise(e164)

    assert advice.method == method and words in advice.why


def test_before_a_call_a_person_knows_what_comes() -> None:
    note = advise("+447400123456").voice_note

    assert all(words in note for words in ("at once", "from abroad", "extension"))


@pytest.mark.parametrize(
    ("e164", "locale"),
    [
        ("+51987654321", "es_MX"),
        ("+5491123456789", "es_AR"),
        ("+34612345678", "es_ES"),
        ("+5511912345678", "pt_BR"),
        ("+4915112345678", "de_DE"),
        ("+41791234567", "de_DE"),
        ("+447400123456", "en_GB"),
        ("+919876543210", "hi_IN"),
        ("+12025551100", "en_US"),
        ("+15550051310", DEFAULT),
        ("nothing", DEFAULT),
    ],
)
def test_the_language_is_that_of_whoever_answers(e164: str, locale: str) -> None:
    assert default_language(e164) == locale


def test_every_default_is_on_offer() -> None:
    from numbers.languages import _BY_REGION

    assert set(_BY_REGION.values()) <= set(LOCALES)
    assert DEFAULT == "en_US" and "en_US" in LOCALES


@pytest.mark.parametrize(
    ("text", "read"), [("en", "en"), ("en_US", "en_US"), ("PT-br", "pt_BR"), (" es ", "es"), ("fil", "fil")]
)
def test_a_locale_or_two_letters_are_accepted(text: str, read: str) -> None:
    assert read_language(text) == read


@pytest.mark.parametrize("text", ["", "e", "xx", "en_XX", "en_US\n\nX: y", "english", "en/US", "ｅｎ", "en_US&code=1"])
def test_a_language_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="language"):
        read_language(text)
