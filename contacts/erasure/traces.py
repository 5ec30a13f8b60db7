"""Traces: what to look for in texts and files that may name an erased person, in any writing of their number."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

import phonenumbers

from providers.e164 import variants

_DIGITS = re.compile(r"[0-9]{7,}")
#: Between the digits of one number: spaces, brackets, dots, slashes and dashes of any kind.
_BETWEEN = re.compile("(?<=[0-9])[\\s().\\-/\u00a0\u2007\u2010-\u2015\u202f\u2212]{1,3}(?=[0-9])")
_TOKEN = re.compile(r"[A-Za-z0-9+/=._-]{8,}")
_SHORTEST = 7


#: Of so many messages the wamids are looked for; a webhook about a message names the number as well.
MOST_TEXTS = 2_000


@dataclass(frozen=True, slots=True)
class Traces:
    """The digits of numbers in full and as they are dialled at home, and texts such as user ids and wamids."""

    numbers: frozenset[str] = frozenset()
    nationals: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, *, numbers: Iterable[str], texts: Iterable[str] = ()) -> "Traces":
        """Make the traces of numbers in E.164, in all their forms, and of texts."""
        forms = {form for number in numbers for form in variants(number) | {number}}
        nationals = {_national(form) for form in forms}
        return cls(
            frozenset(form[1:] for form in forms),
            frozenset(one for one in nationals if len(one) >= _SHORTEST),
            frozenset(text for text in texts if text),
        )

    @classmethod
    def load(cls, stored: bytes) -> "Traces":
        """Read what `dump` wrote."""
        return cls(*(frozenset(some) for some in json.loads(stored)))

    def dump(self) -> bytes:
        """Write them down, to be kept encrypted until nothing is left to look for."""
        return json.dumps([sorted(some) for some in (self.numbers, self.nationals, self.texts)]).encode()

    def __or__(self, other: "Traces") -> "Traces":
        return Traces(self.numbers | other.numbers, self.nationals | other.nationals, self.texts | other.texts)

    @property
    def everything(self) -> frozenset[str]:
        """Give all that is looked for."""
        return self.numbers | self.nationals | self.texts

    def in_message(self, body: bytes) -> frozenset[str]:
        """Give what a provider's JSON names of them: providers write numbers in full."""
        text = body.decode("utf-8", errors="replace").replace("\\/", "/")
        return self.numbers.intersection(_DIGITS.findall(text)) | self.texts.intersection(_TOKEN.findall(text))

    def in_writing(self, text: str) -> frozenset[str]:
        """Give what a text of people names of the numbers, in any writing: in full or as dialled at home."""
        digits = self.numbers | self.nationals
        lengths = sorted({len(one) for one in digits})
        return digits.intersection(
            run[start : start + length]
            for run in _DIGITS.findall(_BETWEEN.sub("", text))
            for length in lengths
            for start in range(len(run) - length + 1)
        )


def _national(number: str) -> str:
    try:
        return str(phonenumbers.parse(number).national_number)
    except phonenumbers.NumberParseException:
        return ""
