"""From the cells of one line to one consent event, or to the cell that is wrong and what to write instead.

No field has a silent default: the line says it, or the person who imports declared it for the whole file.
"""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from contacts.consent import requirements
from contacts.consent.columns import Column, plain
from contacts.consent.csv_file import BadLine, Row
from contacts.consent.evidence import outlives_the_person
from contacts.consent.state import GRANTED, WITHDRAWN
from contacts.consent.times import EXAMPLE, read_time
from contacts.models import ConsentText, OptIn
from providers.e164 import NumberRefused, Reading, has_plus, read_number
from providers.models import Business, Purpose, read_purposes, write_purposes

_STATES: Mapping[str, str] = dict.fromkeys(
    map(plain, ("granted", "opted in", "opt in", "given", "otorgado", "concedido", "aceptado", "erteilt")), GRANTED
) | dict.fromkeys(
    map(plain, ("withdrawn", "opted out", "opt out", "revoked", "retirado", "revocado", "widerrufen")), WITHDRAWN
)
_LONGEST: Mapping[Column, int] = {
    Column.SOURCE: OptIn._meta.get_field("source").max_length or 0,
    Column.BUSINESS_NAME_SHOWN: OptIn._meta.get_field("business_name_shown").max_length or 0,
    Column.EXTERNAL_ID: OptIn._meta.get_field("external_id").max_length or 0,
}
_EVERY_PURPOSE = write_purposes(Purpose.values)
_SHOWN = 200


class Event(NamedTuple):
    """What one line of the file says: a grant or a withdrawal of one person."""

    line: int
    e164: str
    region: str
    state: str
    purposes: str
    business_name_shown: str
    consent_text_id: int | None
    source: str
    given_at: datetime
    expires_at: datetime | None
    evidence: str
    external_id: str


class _Places(NamedTuple):
    """Where each column is; a look-up by name for every cell would cost more than the rest."""

    phone: int
    given_at: int
    source: int
    evidence: int
    state: int
    business_name_shown: int
    purposes: int
    consent_text: int
    wording: int
    wording_version: int
    language: int
    region: int
    expires_at: int
    external_id: int


class BadCell(ValueError):
    """One cell of a line is missing or wrong; the message gives the reason and the next step."""

    def __init__(self, column: Column, value: str, reason: str, *, repair: str = "") -> None:
        super().__init__(reason)
        self.column, self.value, self.reason, self.repair = column, value, reason, repair


class RowReader:
    """Reads the lines of one file as it was declared."""

    def __init__(
        self,
        *,
        business: Business,
        places: Mapping[Column, int],
        reading: Reading,
        region: str | None,
        name_shown: str,
        time_zone: str = "",
    ) -> None:
        prefetch_related_objects([business], "names")
        self._business = business
        self._reading, self._region, self._name_shown = reading, region, name_shown.strip()
        self._zone = ZoneInfo(time_zone) if time_zone else None
        # -1 is the empty cell that `_read` puts behind every line: a column that the file does not have.
        self._at = _Places(**{column.value: places.get(column, -1) for column in Column})
        self._has_state = Column.STATE in places
        self._has_wording = Column.CONSENT_TEXT in places or Column.WORDING in places
        self._wordings = _Wordings(business)
        self._proven_names: set[tuple[str, date]] = set()
        #: Numbers refused only because they have no + and nobody declared how to read them.
        self.without_plus = 0

    def read(self, row: Row) -> Event | BadLine:
        """Read one line, or say what is wrong with it."""
        try:
            return self._read(row)
        except BadCell as bad:
            cells = tuple(row.cells)
            return BadLine(row.line, bad.column.value, bad.value[:_SHOWN], bad.reason, cells, bad.repair)

    def _read(self, row: Row) -> Event:
        cells, at = [*row.cells, ""], self._at
        state = self._state(cells[at.state]) if self._has_state else GRANTED
        phone = cells[at.phone]
        try:
            number = read_number(phone, reading=self._reading, region=cells[at.region].strip().upper() or self._region)
        except NumberRefused as refused:
            if self._reading is Reading.E164 and phone.strip() and not has_plus(phone):
                self.without_plus += 1
            raise BadCell(Column.PHONE, phone, refused.message, repair=refused.repair) from None
        given_at = _time(Column.GIVEN_AT, cells[at.given_at], self._zone)
        if given_at is None:
            raise BadCell(
                Column.GIVEN_AT,
                "",
                _("The time of consent is missing. Write it as %(example)s.") % {"example": EXAMPLE},
            )
        source = _short(Column.SOURCE, cells[at.source])
        external_id = _short(Column.EXTERNAL_ID, cells[at.external_id])
        if outlives_the_person(external_id, number.e164):
            external_id = ""  # an id that is the number says nothing more, and would stay when the person is erased
        if outlives_the_person(source, number.e164):
            source = self._without_number(source, state)
        evidence = cells[at.evidence].strip()
        try:
            purposes = _purposes(cells[at.purposes])
        except ValueError as error:
            raise BadCell(Column.PURPOSES, cells[at.purposes], str(error)) from None
        if state == WITHDRAWN:
            for column, text in ((Column.SOURCE, source), (Column.EVIDENCE, evidence)):
                if not text:
                    raise BadCell(
                        column, "", _("A withdrawal needs a source and evidence: where and how they said no.")
                    )
            return Event(
                row.line,
                number.e164,
                number.region,
                WITHDRAWN,
                purposes or _EVERY_PURPOSE,
                "",
                None,
                source,
                given_at,
                None,
                evidence,
                external_id,
            )
        name = _short(Column.BUSINESS_NAME_SHOWN, cells[at.business_name_shown]) or self._name_shown
        expires_at = _time(Column.EXPIRES_AT, cells[at.expires_at], self._zone)
        self._prove(source, evidence, name, given_at, expires_at)
        wording = self._wording(cells) if self._has_wording else None
        try:
            covered = requirements.covered_purposes(
                named=purposes, wording=self._wordings.purposes.get(wording or 0), business=self._business
            )
        except requirements.OptInRefused as refused:
            raise BadCell(Column.PURPOSES, cells[at.purposes], str(refused)) from None
        return Event(
            row.line,
            number.e164,
            number.region,
            GRANTED,
            covered,
            name,
            wording,
            source,
            given_at,
            expires_at,
            evidence,
            external_id,
        )

    def _wording(self, cells: list[str]) -> int | None:
        at = self._at
        return self._wordings.find(
            name=cells[at.consent_text].strip(),
            words=cells[at.wording].strip(),
            version=cells[at.wording_version].strip(),
            language=cells[at.language].strip(),
        )

    def _without_number(self, source: str, state: str) -> str:
        """Refuse a grant whose source would outlive the person; no withdrawal is lost for it."""
        if state == WITHDRAWN:
            return _("(number removed)")
        raise BadCell(
            Column.SOURCE, source, _("The source must not hold the person's number: it stays when they are erased.")
        )

    def _state(self, text: str) -> str:
        state = _STATES.get(text) or _STATES.get(plain(text))
        if state is None:
            raise BadCell(Column.STATE, text, _("The state is missing or unknown. Write granted or withdrawn."))
        return state

    def _prove(self, source: str, evidence: str, name: str, given_at: datetime, expires_at: datetime | None) -> None:
        """Ask `check_proof` once for each name and day, and always where something else looks wrong."""
        named = (name, given_at.date())
        if source and evidence and named in self._proven_names and (expires_at is None or expires_at > given_at):
            return
        try:
            requirements.check_proof(
                business=self._business,
                source=source,
                evidence=bool(evidence),
                business_name_shown=name,
                given_at=given_at,
                expires_at=expires_at,
                consent_text=None,
            )
        except requirements.OptInRefused as refused:
            if not source:
                raise BadCell(Column.SOURCE, "", str(refused)) from None
            if not evidence:
                raise BadCell(Column.EVIDENCE, "", str(refused)) from None
            if expires_at is not None and expires_at <= given_at:
                raise BadCell(Column.EXPIRES_AT, expires_at.isoformat(), str(refused)) from None
            raise BadCell(Column.BUSINESS_NAME_SHOWN, name, str(refused)) from None
        if len(self._proven_names) > _MOST_REMEMBERED:
            self._proven_names.clear()
        self._proven_names.add(named)


class _Wordings:
    """The library of one business, searched by name or by the exact words; a file never adds to it."""

    def __init__(self, business: Business) -> None:
        texts = ConsentText.objects.filter(business=business).order_by("pk")
        self._texts = [
            (pk, name.casefold(), version.casefold(), language.casefold(), _words_digest(words))
            for pk, name, version, language, words in texts.values_list("pk", "name", "version", "language", "text")
        ]
        self.purposes = dict(texts.values_list("pk", "purposes"))
        self._found: dict[tuple[str, bytes, str, str], int] = {}

    def find(self, *, name: str, words: str, version: str, language: str) -> int | None:
        """Give the one wording that a line names, or none where it names none."""
        if not name and not words:
            return None
        wanted = (name.casefold(), _words_digest(words) if words else b"", version.casefold(), language.casefold())
        known = self._found.get(wanted)
        if known is not None:
            return known
        matching = [text for text in self._texts if not wanted[1] or text[4] == wanted[1]]
        if not matching:
            raise BadCell(
                Column.WORDING, words, _("This wording is not in the library. Add it to the consent texts first.")
            )
        named = ((1, wanted[0]), (2, wanted[2]), (3, wanted[3]))
        matching = [text for text in matching if all(text[at] == word for at, word in named if word)]
        column, value = (Column.CONSENT_TEXT, name) if name else (Column.WORDING, words)
        if not matching:
            raise BadCell(
                column, value, _("No consent text has this name, version, language and wording. Add it first.")
            )
        if len(matching) > 1:
            raise BadCell(column, value, _("Several wordings match. Give consent_text, wording_version and language."))
        self._found[wanted] = matching[0][0]
        return matching[0][0]


_MOST_REMEMBERED = 10_000


def _time(column: Column, text: str, zone: ZoneInfo | None) -> datetime | None:
    text = text.strip()
    if not text:
        return None
    try:
        return read_time(text, zone)
    except ValueError as error:
        reason = str(error)
    if zone is None:
        # The other way out is a declaration about the whole file: the repair names it, the line cannot.
        repair = f"{reason} " + _("Or declare the time zone of the whole file.") if _is_without_zone(text) else ""
        raise BadCell(column, text, reason, repair=repair)
    raise BadCell(column, text, reason)


def _is_without_zone(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return False


def _short(column: Column, text: str) -> str:
    text = text.strip()
    if len(text) > _LONGEST[column]:
        raise BadCell(
            column,
            text,
            _("The text has %(count)d characters; at most %(most)d fit. Shorten it.")
            % {"count": len(text), "most": _LONGEST[column]},
            repair=_("The text has more than %(most)d characters. Shorten it.") % {"most": _LONGEST[column]},
        )
    return text


@lru_cache(maxsize=1024)
def _purposes(text: str) -> str:
    return write_purposes(read_purposes(text))


def _words_digest(words: str) -> bytes:
    return hashlib.sha256("\n".join(words.strip().splitlines()).encode()).digest()
