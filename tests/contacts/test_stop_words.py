"""Stop words: what as a whole message ends consent, forgiving whatever a thumb gets wrong, and what does not."""

from typing import Any

import pytest

from contacts.inbound import vocabulary
from contacts.inbound.stop_words import Said, fold, read

ALL = [(language, word) for language, words in vocabulary.STOP.items() for word in words]


def test_the_languages_are_the_ones_that_we_meet() -> None:
    assert set(vocabulary.STOP) == {"en", "de", "fr", "it", "nl", "pl", "tr", "es", "pt", "hi", "ar", "id"}
    named = {"STOP", "STOPALL", "QUIT", "END", "CANCEL", "REVOKE", "OPT OUT", "UNSUBSCRIBE"}
    assert named <= set(vocabulary.STOP["en"])


@pytest.mark.parametrize(("language", "word"), ALL)
def test_each_word_stops_as_it_is_written_and_in_small_letters(language: str, word: str) -> None:
    assert read(word) is Said.STOP
    assert read(word.lower()) is Said.STOP
    assert read(f"  {word}! ") is Said.STOP


@pytest.mark.parametrize(
    "text",
    [
        "stop", "Stop.", "STOP!!!", "«stop»", "s t o p", "S.T.O.P.", "Stop stop STOP", "stop 🛑", "🙏 STOP 🙏",
        "ＳＴＯＰ", "st\u200bop", "\u202estop", "stóp", "opt-out", "Opt out.", "*STOP*", "_stop_", "stop\n",
        "arret", "Arrêt", "desabonner", "kundigen", "KÜNDIGEN", "Abmelden", "aufhören", "beeindigen",
        "przestan", "rezygnuje", "iptal", "İPTAL", "IPTAL", "ıptal", "vazgec", "no mas", "No más.", "बंद करें।",
        "إلغاء", "الغاء", "إِلغاء", "توقّف", "اوقف", "berhenti", "STOP ALL", "stopall", "unsubscribe ",
        "\u00a0stop\u00a0",
    ],
)  # fmt: skip
def test_what_a_thumb_gets_wrong_does_not_matter(text: str) -> None:
    assert read(text) is Said.STOP


@pytest.mark.parametrize(
    "text",
    [
        "Stop, he is not coming", "stop by at seven", "the bus stop", "Cancel my order, please",
        "I will not quit", "when does it end?", "end of June", "non stop", "I never stop", "stopover",
        "weekend", "", " ", "👍", "!", "no", "ok", "Ich halte das Abmelden für richtig", "alto riesgo",
        "STOP" + " a" * 200, "y" * 100_000, "baja velocidad",
    ],
)  # fmt: skip
def test_a_stop_word_in_a_sentence_says_something_else(text: str) -> None:
    assert read(text) is Said.NOTHING


@pytest.mark.parametrize(
    "text",
    [
        "please take me off your list", "Please stop", "stop please!", "STOP SENDING ME THIS",
        "Remove me from this list", "I want to unsubscribe", "pls unsubscribe me from this",
        "don't message me again", "dont message me", "Don’t text me", "Wrong number, sorry", "leave me alone!!",
        "Bitte keine Nachrichten mehr", "Melden Sie mich ab", "Schreiben Sie mir nicht mehr",
        "Ne m'écrivez plus", "por favor no me escriban más", "quiero darme de baja", "Não quero mais receber",
        "non scrivetemi più", "geen berichten meer aub", "proszę przestać", "beni listeden çıkarın",
        "tolong berhenti", "jangan kirim lagi", "मुझे मैसेज मत करो", "لا تراسلني مرة أخرى",
    ],
)  # fmt: skip
def test_what_sounds_like_a_wish_to_be_left_alone_is_for_a_person(text: str) -> None:
    assert read(text) is Said.MAYBE_STOP


@pytest.mark.parametrize("word", vocabulary.START)
def test_a_start_word_only_ever_suggests(word: str) -> None:
    assert read(word) is Said.START
    assert read(word.lower()) is Said.START


@pytest.mark.parametrize("label", vocabulary.STOP_MARKETING)
def test_the_label_of_an_opt_out_button_names_marketing(label: str) -> None:
    assert read(label) is Said.STOP_MARKETING


def test_no_word_stands_in_two_lists() -> None:
    stop = {fold(word) for _language, word in ALL}
    assert not stop & set(map(fold, vocabulary.START))
    assert not stop & set(map(fold, vocabulary.STOP_MARKETING))


@pytest.mark.parametrize(
    ("label", "payload", "said"),
    [
        ("I have had enough", "STOP", Said.STOP),
        ("Keine Lust", "opt_out", Said.STOP),
        ("Leave", "unsubscribe", Said.STOP),
        ("Not on Tuesday", "CANCEL", Said.NOTHING),
        ("Later", "end", Said.NOTHING),
        ("Begin", "START", Said.NOTHING),
        ("Fewer", "Stop promotions", Said.STOP_MARKETING),
    ],
)
def test_a_payload_counts_only_where_it_can_mean_nothing_else(label: str, payload: str, said: Said) -> None:
    assert read(label, payload) is said


def test_the_setting_adds_words_and_takes_some_away(settings: Any) -> None:
    assert (read("pare ya"), read("cancel")) == (Said.NOTHING, Said.STOP)
    settings.STOP_WORDS = ["Pare ya!", "-CANCEL", ""]
    assert (read("PARE YÁ"), read("Cancel"), read("stop"), read("")) == (
        Said.STOP,
        Said.NOTHING,
        Said.STOP,
        Said.NOTHING,
    )
