"""A chunk of events on its way from a file to the staging table: repeated ones dropped, ids and states worked out."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from contacts.consent import staging
from contacts.consent.evidence import digest_of, fingerprint_of, new_salts
from contacts.consent.rows import Event
from contacts.consent.state import GRANTED
from providers.e164 import person_key, variants

#: A chunk is one transaction. More rows are hardly faster and cost memory: three chunks are alive at a time.
MOST_ROWS = 10_000
#: Where rows are long, this bound comes first.
MOST_CHARACTERS = 4_000_000
_ROW_CHARACTERS = 200


class Chunk:
    """Collects events until it is full; says how they are written once ids are reserved."""

    def __init__(self, business_id: int) -> None:
        self._business_id = business_id
        #: Event, its time as text, its fingerprint, and whether it stands for its line.
        self._rows: list[tuple[Event, str, str, bool]] = []
        self._fingerprints: set[str] = set()
        self._people: Counter[str] = Counter()
        self._characters = 0
        #: Lines that the rows stand for, and lines that repeat one of them.
        self.lines = self.repeated = 0

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def people(self) -> int:
        """How many numbers the chunk is about."""
        return len(self._people)

    @property
    def full(self) -> bool:
        """Tell whether the chunk is to be written before anything else is read."""
        return len(self._rows) >= MOST_ROWS or self._characters >= MOST_CHARACTERS

    def add(self, event: Event) -> None:
        """Take one event; a withdrawal is one for every form of its number."""
        if event.state == GRANTED:
            self._add(event, counted=True)
            return
        for form in sorted(variants(event.e164)):
            self._add(event._replace(e164=form), counted=form == event.e164)

    def _add(self, event: Event, *, counted: bool) -> None:
        given_at = event.given_at.isoformat()
        mark = fingerprint_of(
            (
                event.e164,
                self._business_id,
                # A held grant keeps the fingerprint of the grant it would have been: the same line is the same event.
                event.state,
                event.purposes,
                event.source,
                given_at,
                event.evidence,
                event.business_name_shown,
                event.consent_text_id,
                event.expires_at,
                event.external_id,
            )
        )
        if mark in self._fingerprints:
            self.repeated += counted
            return
        self._fingerprints.add(mark)
        self.lines += counted
        self._people[event.e164] += 1
        self._rows.append((event, given_at, mark, counted))
        self._characters += _ROW_CHARACTERS + len(event.evidence)

    def packed(self, opt_in_ids: Sequence[int], contact_ids: Sequence[int]) -> staging.Packed:
        """Write the rows for the staging table, by number; the first of a person comes with the person's new id."""
        return staging.pack(self._staged(opt_in_ids, contact_ids))

    def _staged(self, opt_in_ids: Sequence[int], contact_ids: Sequence[int]) -> Iterator[tuple[staging.Value, ...]]:
        write = staging.writing()
        null, text, time = write.null, write.text, write.time
        salts, pseudonyms = new_salts(len(self._rows)), _pseudonyms(self.people)
        people: dict[str, tuple[int, str]] = {}
        # The order of locks, and of indexes: the statements that read the staging table go through it as it lies.
        self._rows.sort(key=lambda row: row[0].e164)
        for (event, given_at, mark, counted), opt_in_id in zip(self._rows, opt_in_ids, strict=True):
            e164 = event.e164
            leads = e164 not in people
            if leads:
                people[e164] = contact_ids[len(people)], next(pseudonyms)
            contact_id, pseudonym = people[e164]
            alone = self._people[e164] == 1
            expires_at = event.expires_at.isoformat() if event.expires_at else None
            salt = next(salts)
            yield (
                opt_in_id,
                contact_id,
                pseudonym,
                e164,
                event.region,
                person_key(e164),
                event.state,
                event.purposes,
                text(event.business_name_shown),
                null if event.consent_text_id is None else event.consent_text_id,
                text(event.source),
                time(given_at),
                null if expires_at is None else time(expires_at),
                text(event.evidence),
                digest_of(event.evidence, salt),
                write.blob(salt),
                mark,
                text(event.external_id),
                *(_state_alone(event, opt_in_id, given_at, expires_at) if alone else ("WITHDRAWN", "[]", "{}")),
                write.yes if leads else write.no,
                write.yes if alone else write.no,
                write.yes if counted else write.no,
            )


def _pseudonyms(count: int) -> Iterator[str]:
    """Give so many random UUIDs (version 4) as hex, all drawn at once: uuid4 costs as much as the rest of a row."""
    drawn = os.urandom(count * 16).hex()
    for start in range(0, len(drawn), 32):
        yield f"{drawn[start : start + 12]}4{drawn[start + 13 : start + 16]}8{drawn[start + 17 : start + 32]}"


def _state_alone(event: Event, opt_in_id: int, given_at: str, expires_at: str | None) -> tuple[str, str, str]:
    """Give status, grants and withdrawals of a person of whom this is the only event, as `Consent` stores them."""
    if event.state != GRANTED:
        return "WITHDRAWN", "[]", _for_each(event.purposes) % {"each": f'"{given_at}"'}
    until = f'"{expires_at}"' if expires_at else "null"
    return "GRANTED", f'[[{opt_in_id}, "{given_at}", {until}, {_listed(event.purposes)}]]', "{}"


@cache
def _listed(purposes: str) -> str:
    """Write purposes as the items of a JSON list."""
    return ", ".join(f'"{purpose}"' for purpose in purposes.split(","))


@cache
def _for_each(purposes: str) -> str:
    """Write the JSON object that has the same value for each purpose, with a place for the value."""
    return "{" + ", ".join(f'"{purpose}": %(each)s' for purpose in purposes.split(",")) + "}"
