"""Which column of a file holds what: by the names that people give to columns, or as a person says.

A mapping is kept as places and not as names: what stands in a file's first line is somebody else's text.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from django.utils.translation import gettext as _


class Column(StrEnum):
    """What a file of consent events may say; the value is the name that the documentation uses."""

    PHONE = "phone"
    GIVEN_AT = "given_at"
    SOURCE = "source"
    EVIDENCE = "evidence"
    STATE = "state"
    BUSINESS_NAME_SHOWN = "business_name_shown"
    PURPOSES = "purposes"
    CONSENT_TEXT = "consent_text"
    WORDING = "wording"
    WORDING_VERSION = "wording_version"
    LANGUAGE = "language"
    REGION = "region"
    EXPIRES_AT = "expires_at"
    EXTERNAL_ID = "external_id"


REQUIRED = (Column.PHONE, Column.GIVEN_AT, Column.SOURCE, Column.EVIDENCE)

#: The columns that an errors file puts before those of the imported file.
ERROR_COLUMNS = ("line", "column", "value", "reason")

#: More columns than this are no list that a person can go through.
MOST_COLUMNS = 200
_NAMES_SHOWN = 20
_LONGEST_NAME = 60

_SYNONYMS: Mapping[Column, str] = {
    Column.PHONE: """number, phone number, mobile, mobile number, mobile phone, cell, cell phone, telephone, tel,
        msisdn, e164, whatsapp, whatsapp number, wa number, contact number, telefono, numero, numero de telefono, movil,
        numero movil, celular, numero de whatsapp, telefon, telefonnummer, handy, handynummer, mobil, mobilnummer,
        nummer, rufnummer, whatsapp nummer""",
    Column.GIVEN_AT: """date, time, timestamp, given, given on, consent date, consent time, consented at, opt in date,
        opt in at, opted in at, event at, fecha, fecha de consentimiento, fecha consentimiento, fecha y hora,
        otorgado el, datum, zeitpunkt, einwilligung am, einwilligungsdatum, erteilt am""",
    Column.SOURCE: """channel, origin, consent source, opt in source, fuente, origen, canal, quelle, herkunft, kanal""",
    Column.EVIDENCE: "proof, consent evidence, opt in evidence, evidencia, prueba, nachweis, beleg, beweis",
    Column.STATE: """status, consent, consent state, consent status, opt in, opt in status, event, estado, estatus,
        consentimiento, zustand, einwilligung""",
    Column.BUSINESS_NAME_SHOWN: """name shown, business name, business, brand, brand shown, company, nombre mostrado,
        nombre de la empresa, empresa, marca, angezeigter name, firmenname, firma, marke""",
    Column.PURPOSES: "purpose, consent purposes, proposito, propositos, finalidad, finalidades, zweck, zwecke",
    Column.CONSENT_TEXT: """text name, consent text name, wording name, nombre del texto, texto de consentimiento,
        textname, einwilligungstext""",
    Column.WORDING: "exact wording, text shown, text, texto, texto mostrado, wortlaut, angezeigter text",
    Column.WORDING_VERSION: """version, text version, consent text version, version del texto, textversion, fassung""",
    Column.LANGUAGE: "lang, locale, text language, idioma, lengua, sprache",
    Column.REGION: "country, country code, region code, pais, codigo de pais, land, laendercode, ländercode",
    Column.EXPIRES_AT: """expires, expiry, expiry date, expires on, valid until, vence, caduca, valido hasta,
        laeuft ab, läuft ab, gueltig bis, gültig bis""",
    Column.EXTERNAL_ID: """id, external reference, reference, ref, customer id, id externo, referencia, externe id,
        referenz, kundennummer""",
}


class UnusableHeader(ValueError):
    """The first line does not say enough about the columns; the message says what to write."""


def plain(name: str) -> str:
    """Reduce a column's name to what matters: no case, accents, spaces, underscores or signs."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(char for char in decomposed if char.isalnum())


_KNOWN: Mapping[str, Column] = {
    plain(name): column for column in Column for name in (column.value, *_SYNONYMS[column].split(","))
}


def known_in(header: Sequence[str]) -> int:
    """Count the columns of `header` whose names are understood."""
    return sum(plain(name) in _KNOWN for name in header)


def suggested(header: Sequence[str]) -> list[Column | None]:
    """Say what each column is by its name, and None where the name is not understood."""
    return [_KNOWN.get(plain(name)) for name in header]


def map_columns(header: Sequence[str], named: Mapping[str, str] | None = None) -> dict[Column, int]:
    """Say where each column is: as `named` (our name -> the file's) says, otherwise by the names that we understand.

    :raises UnusableHeader: when a required column is missing, a named one is not there, or two mean the same.
    """
    pairs = [(_ours(ours), _place_of(theirs, header)) for ours, theirs in (named or {}).items()]
    said, taken = {column for column, _place in pairs}, {place for _column, place in pairs}
    pairs += [
        (column, place)
        for place, column in enumerate(suggested(header))
        if column is not None and column not in said and place not in taken
    ]
    return _placed(pairs, header)


def map_as_picked(header: Sequence[str], picks: Sequence[str]) -> dict[Column, int]:
    """Say where each column is from what a person picked for each in turn; nothing leaves a column out.

    :raises UnusableHeader: when two columns are picked for the same, or there is no such column.
    """
    return _placed([(_ours(pick), place) for place, pick in enumerate(picks) if pick], header)


def read_options(options: Iterable[str]) -> dict[str, str]:
    """Read mappings as a command takes them: OURS=THEIRS, each of ours once.

    :raises UnusableHeader: when one is written otherwise, or names the same column of ours again.
    """
    named: dict[str, str] = {}
    for option in options:
        ours, sign, theirs = option.partition("=")
        if not (sign and ours.strip() and theirs.strip()):
            raise UnusableHeader(_("“%(text)s” is no mapping. Write it as phone=Mobile number.") % {"text": option})
        known = named.setdefault(ours.strip(), theirs.strip())
        if known != theirs.strip():
            raise _twice(known, theirs.strip(), ours.strip())
    return named


def write_places(places: Mapping[Column, int]) -> str:
    """Write a mapping as an import keeps it."""
    return " ".join(f"{column}:{places[column]}" for column in Column if column in places)


def read_places(text: str) -> dict[Column, int]:
    """Read a mapping that an import keeps."""
    pairs = (pair.partition(":") for pair in text.split())
    return {Column(name): int(place) for name, _sign, place in pairs}


def header_digest(header: Sequence[str]) -> str:
    """Give the SHA-256 by which a header is known again; another order of the same names is another header."""
    return hashlib.sha256(json.dumps(list(header)).encode()).hexdigest()


def named_at(header: Sequence[str], place: int) -> str:
    """Give a column's name for people, or its place where it has none."""
    return header[place][:_LONGEST_NAME] or _("column %(place)d") % {"place": place + 1}


def require(places: Mapping[Column, int], header: Sequence[str], *, name_shown: str) -> None:
    """Refuse a file that lacks a whole column of the proof.

    :raises UnusableHeader: naming what is missing and what was found.
    """
    missing = [column.value for column in REQUIRED if column not in places]
    if Column.BUSINESS_NAME_SHOWN not in places and not name_shown.strip():
        missing.append(Column.BUSINESS_NAME_SHOWN.value)
    if missing:
        raise UnusableHeader(
            _(
                "No column is %(missing)s. The file has: %(found)s. Say which column it is, or add it to the file; the "
                "business name shown may also be declared for the whole file."
            )
            % {"missing": ", ".join(missing), "found": _listed(header)}
        )


def _ours(name: str) -> Column:
    if name not in Column.__members__.values():
        raise UnusableHeader(
            _("“%(name)s” is no column of ours. Columns are: %(known)s.") % {"name": name, "known": ", ".join(Column)}
        )
    return Column(name)


def _place_of(theirs: str, header: Sequence[str]) -> int:
    exact = [place for place, name in enumerate(header) if name == theirs]
    wanted = plain(theirs)
    found = exact or [place for place, name in enumerate(header) if wanted and plain(name) == wanted]
    if not found:
        raise UnusableHeader(
            _("The file has no column “%(name)s”. It has: %(found)s.") % {"name": theirs, "found": _listed(header)}
        )
    if len(found) > 1:
        raise UnusableHeader(
            _("The file has %(count)d columns “%(name)s”. Rename them, so that it is clear which one is meant.")
            % {"count": len(found), "name": theirs}
        )
    return found[0]


def _placed(pairs: Iterable[tuple[Column, int]], header: Sequence[str]) -> dict[Column, int]:
    places: dict[Column, int] = {}
    for column, place in pairs:
        if column in places:
            raise _twice(named_at(header, places[column]), named_at(header, place), column)
        other = next((known for known, taken in places.items() if taken == place), None)
        if other is not None:
            raise UnusableHeader(
                _("“%(name)s” cannot be both %(first)s and %(second)s. Choose one of them.")
                % {"name": named_at(header, place), "first": other.value, "second": column.value}
            )
        places[column] = place
    return places


def _twice(first: str, second: str, column: str) -> UnusableHeader:
    return UnusableHeader(
        _("“%(first)s” and “%(second)s” both mean %(column)s. Leave one of them out, or say which of them it is.")
        % {"first": first, "second": second, "column": column}
    )


def _listed(header: Sequence[str]) -> str:
    names = [named_at(header, place) for place in range(min(len(header), _NAMES_SHOWN))]
    return ", ".join([*names, "…"] if len(header) > _NAMES_SHOWN else names) or "—"
