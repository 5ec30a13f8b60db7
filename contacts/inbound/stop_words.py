"""Stop words: what a whole message must say to end consent, and what only asks a person to look. Pure.

A message counts where all of it is a stop word: "Stop, he is not coming" says something else. Case, accents,
punctuation, emoji, invisible signs and the forms of Unicode do not matter. A start word never grants anything.
"""

import unicodedata
from enum import StrEnum
from functools import lru_cache

from django.conf import settings

from contacts.inbound import vocabulary

_LONGEST_WORD = 60
# Letters that no decomposition of Unicode takes apart, and that keyboards of the same language replace.
_LETTERS = str.maketrans({"ł": "l", "ı": "i", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ـ": "", "ى": "ي", "ة": "ه"})
_APOSTROPHES = frozenset("'’‘`´ʼ")


class Said(StrEnum):
    """What a message means for consent."""

    STOP = "STOP"
    STOP_MARKETING = "STOP_MARKETING"
    #: It reads like a wish to be left alone: for a person to decide.
    MAYBE_STOP = "MAYBE_STOP"
    #: A start word: for a person to decide, and never a grant.
    START = "START"
    NOTHING = "NOTHING"


def read(text: str, payload: str = "") -> Said:
    """Say what a text, or the label of a button with its payload, means for consent."""
    said, behind = fold(text), fold(payload)
    # A payload is the business's own word: "cancel" there may be about an appointment.
    if said in _words(tuple(settings.STOP_WORDS)) or behind in _payloads():
        return Said.STOP
    if said in _marketing() or behind in _marketing():
        return Said.STOP_MARKETING
    if said in _start():
        return Said.START
    return Said.MAYBE_STOP if asks_to_be_left_alone(said) else Said.NOTHING


def asks_to_be_left_alone(folded: str) -> bool:
    """Tell whether somewhere in a folded text stands a phrase such as "take me off your list"."""
    spaced = f" {folded} "
    return any(f" {phrase} " in spaced for phrase in _phrases())


def fold(text: str) -> str:
    """Give a text without what a thumb gets wrong: case, accents, punctuation, doubled or spelled-out words."""
    plain = unicodedata.normalize("NFKC", text[:2_000]).casefold().translate(_LETTERS)
    letters = []
    for char in unicodedata.normalize("NFKD", plain):
        kind = unicodedata.category(char)
        if char in _APOSTROPHES or kind in ("Mn", "Me", "Cf"):
            continue
        letters.append(char if kind[0] in "LN" or kind == "Mc" else " ")
    words = unicodedata.normalize("NFC", "".join(letters)).translate(_LETTERS).split()
    if len(words) > 2 and all(len(word) == 1 for word in words):
        return "".join(words)
    if len(words) > 1 and len(set(words)) == 1:
        words = words[:1]
    return " ".join(words)


@lru_cache(maxsize=4)
def _words(configured: tuple[str, ...]) -> frozenset[str]:
    """Give the stop words: ours, those that the setting adds, without those that it takes away with a minus."""
    added = {fold(word) for word in configured if not word.strip().startswith("-")}
    removed = {fold(word) for word in configured if word.strip().startswith("-")}
    ours = {fold(word) for words in vocabulary.STOP.values() for word in words}
    return frozenset(word for word in (ours | added) - removed if word and len(word) <= _LONGEST_WORD)


@lru_cache(maxsize=1)
def _payloads() -> frozenset[str]:
    return frozenset(map(fold, vocabulary.STOP_PAYLOADS))


@lru_cache(maxsize=1)
def _marketing() -> frozenset[str]:
    return frozenset(map(fold, vocabulary.STOP_MARKETING))


@lru_cache(maxsize=1)
def _start() -> frozenset[str]:
    return frozenset(map(fold, vocabulary.START))


@lru_cache(maxsize=1)
def _phrases() -> tuple[str, ...]:
    return tuple(map(fold, vocabulary.LEAVE_ME_ALONE))
