"""Which column of a file holds what: the names that people give to columns, in English, Spanish and German."""

import unicodedata
from collections.abc import Mapping, Sequence
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


def map_columns(header: Sequence[str], named: Mapping[str, str] | None = None) -> dict[Column, int]:
    """Say where each column is: as `named` (our name -> the file's) says, otherwise by the names that we understand.

    :raises UnusableHeader: when a required column is missing, a named one is not there, or two mean the same.
    """
    places: dict[Column, int] = {}
    for ours, theirs in (named or {}).items():
        if ours not in Column.__members__.values():
            raise UnusableHeader(
                _("“%(name)s” is no column of ours. Columns are: %(known)s.")
                % {"name": ours, "known": ", ".join(Column)}
            )
        position = next((at for at, name in enumerate(header) if plain(name) == plain(theirs)), None)
        if position is None:
            raise UnusableHeader(
                _("The file has no column “%(name)s”. It has: %(found)s.")
                % {"name": theirs, "found": ", ".join(header)}
            )
        places[Column(ours)] = position
    taken = set(places.values())
    for position, name in enumerate(header):
        column = None if position in taken else _KNOWN.get(plain(name))
        if column is None or (named and column in named):
            continue
        if column in places:
            raise UnusableHeader(
                _("“%(first)s” and “%(second)s” both mean %(column)s. Rename or remove one of them.")
                % {"first": header[places[column]], "second": name, "column": column.value}
            )
        places[column] = position
    return places


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
                "The first line names no column %(missing)s. It has: %(found)s. Add the column; the business name "
                "shown may also be declared for the whole file."
            )
            % {"missing": ", ".join(missing), "found": ", ".join(header) or "—"}
        )
