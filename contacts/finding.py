"""Finding a person by any way of writing their number, and a few other things by their ids, from every page.

What somebody may not see is not found. Whose numbers are masked is found by the whole number only: a few guesses at a
part would otherwise find out the rest.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from contacts import masking
from contacts.models import Alias, CheckBatch, Contact, Message, TrustCase
from contacts.models.people import LastDigits
from numbers.models import BusinessAccount, BusinessNumber
from numbers.words import international, national
from providers.e164 import Number, NumberRefused, Reading, has_plus, person_key, read_number

#: Gives those rows of a model that whoever searches may see.
Rows = Callable[[type[Model]], QuerySet[Any]]

#: How many are listed; more say that more digits are needed.
MOST_SHOWN = 20
#: Fewer digits than this would find half the world.
SHORTEST_ENDING = 4
_LONGEST = 200
_MOST_REGIONS = 200
_NOT_A_DIGIT = re.compile(r"\D", re.ASCII)
_RUN_OR_CASE = re.compile(r"#\s*([0-9]{1,18})|([0-9]{1,3})", re.ASCII)
_ID_IN_DIGITS = re.compile(r"[0-9]{5,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found: what it is, its name, and its page."""

    kind: str
    words: str
    href: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A number that the text is or could be: as it is written, and as people read it."""

    e164: str
    words: str
    was_searched: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, how the text was read, and which numbers it could mean."""

    text: str
    hits: tuple[Hit, ...]
    has_more: bool
    read_as: str
    candidates: tuple[Candidate, ...]

    @property
    def only(self) -> Hit | None:
        """The one thing that was found; None for several, and for nothing."""
        return self.hits[0] if len(self.hits) == 1 and not self.has_more else None


def people(among: QuerySet[Contact], text: str, *, in_full: bool) -> QuerySet[Contact]:
    """Narrow people to those whose number is written so: in full, nationally, as a wa_id, or by its last digits.

    Without `in_full` only a whole number finds anybody.
    """
    digits = _NOT_A_DIGIT.sub("", text)
    if len(digits) < SHORTEST_ENDING:
        return among.none()
    whole = digits.removeprefix("00")
    # The same person under another form of the number: +52 and +521.
    is_whole = Q(e164=f"+{whole}") | Q(wa_id=whole) | Q(person_key=person_key(f"+{whole}"))
    if not in_full:
        return among.filter(is_whole)
    if text.strip().startswith("+"):
        return among.filter(is_whole | _begins(digits))
    # A national number often begins with a nought that its international form leaves out.
    without_noughts = whole.lstrip("0")
    ending = without_noughts if len(without_noughts) >= SHORTEST_ENDING else digits
    # The last four are what the index knows; of those few rows the rest is looked at.
    ends = Q(last_digits=ending[-SHORTEST_ENDING:], e164__endswith=ending)
    found = is_whole | _begins(whole) | ends | Q(wa_id=digits)
    return among.alias(last_digits=LastDigits("e164")).filter(found)


def _begins(digits: str) -> Q:
    """Give the condition of the numbers that begin so, as a range that the plain index answers in any collation."""
    from_there = Q(e164__gte=f"+{digits}")
    stem = digits.rstrip("9")
    # +4917 ends before +4918, +4999 before +5, and nothing comes behind +999.
    return from_there & Q(e164__lt=f"+{stem[:-1]}{int(stem[-1]) + 1}") if stem else from_there


def find(text: str, *, rows: Rows, in_full: bool) -> Found:
    """Find what a text names: people first, then our numbers, WABAs, messages, check runs and identity changes."""
    text = " ".join(text.split())[:_LONGEST]
    named = list(_by_id(text, rows))
    matching = people(rows(Contact), text, in_full=in_full) if _is_number(text) else Contact.objects.none()
    found = list(matching.order_by("pk")[: MOST_SHOWN + 1])
    exact = [contact for contact in found if contact.e164 == f"+{_NOT_A_DIGIT.sub('', text).removeprefix('00')}"]
    shown = exact if len(exact) == 1 else found
    hits = (*(_person(contact) for contact in shown[:MOST_SHOWN]), *named)
    return Found(
        text=text,
        hits=hits,
        has_more=len(shown) > MOST_SHOWN,
        read_as=_read_as(text, in_full=in_full),
        candidates=tuple(_candidates(text, rows)),
    )


def _is_number(text: str) -> bool:
    return bool(text) and not text.startswith("#") and not any(char.isalpha() for char in text)


def _person(contact: Contact) -> Hit:
    return Hit(_("Person"), masking.number(contact.e164), reverse("admin:contacts_contact_change", args=[contact.pk]))


def _by_id(text: str, rows: Rows) -> Iterator[Hit]:
    if match := _RUN_OR_CASE.fullmatch(text):
        pk = int(match[1] or match[2])
        if rows(CheckBatch).filter(pk=pk).exists():
            yield Hit(_("Check run"), f"#{pk}", reverse("admin:contacts_checkbatch_change", args=[pk]))
        if rows(TrustCase).filter(pk=pk).exists():
            yield Hit(_("Identity change"), f"#{pk}", reverse("admin:contacts_trustcase_change", args=[pk]))
    elif _ID_IN_DIGITS.fullmatch(text) or has_plus(text):
        yield from _ours(_NOT_A_DIGIT.sub("", text), rows)
    elif text and not _is_number(text):
        yield from _by_letters(text, rows)


def _ours(digits: str, rows: Rows) -> Iterator[Hit]:
    for number in rows(BusinessNumber).filter(Q(phone_number_id=digits) | Q(e164=f"+{digits}")).order_by("pk")[:5]:
        page = reverse("admin:numbers_businessnumber_change", args=[number.pk])
        yield Hit(_("Our number"), international(number.e164), page)
    for waba in rows(BusinessAccount).filter(waba_id=digits).order_by("pk")[:5]:
        yield Hit("WABA", str(waba), reverse("admin:numbers_businessaccount_change", args=[waba.pk]))


def _by_letters(text: str, rows: Rows) -> Iterator[Hit]:
    for message in rows(Message).filter(wamid=text).order_by("pk")[:5]:
        page = reverse("admin:contacts_message_change", args=[message.pk])
        yield Hit(_("Message"), str(message.get_kind_display()), page)
    seen_as = Alias.objects.filter(bsuid=text).values("contact_id")
    for contact in rows(Contact).filter(Q(pk__in=seen_as) | Q(pseudonym=_uuid(text))).order_by("pk")[:5]:
        yield _person(contact)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _read_as(text: str, *, in_full: bool) -> str:
    digits = _NOT_A_DIGIT.sub("", text)
    if not text:
        return _("Nothing was typed.")
    if not _is_number(text):
        return _("Read as an id, because it is no number. An id is found as a whole.")
    if len(digits) < SHORTEST_ENDING:
        return _("Too short for a number: at least four digits are needed.")
    if has_plus(text):
        try:
            return _("Read as the number %(number)s.") % {"number": _words(read_number(text))}
        except NumberRefused as refusal:
            return f"{refusal.message} {_('Read as the beginning of a number.')}" if in_full else refusal.message
    if in_full:
        words = _("It has no +. Read as a whole number, as a wa_id, and as the last digits of a number: %(digits)s.")
    else:
        words = _("It has no +. Read as a whole number and as a wa_id: %(digits)s. Your role finds whole numbers only.")
    return words % {"digits": digits}


def _candidates(text: str, rows: Rows) -> Iterator[Candidate]:
    """Give the number that the text is, and those that a person may have meant by it; nothing is assumed."""
    if not _is_number(text) or len(_NOT_A_DIGIT.sub("", text)) < SHORTEST_ENDING:
        return
    seen = set()
    for number, was_searched in _readings(text, rows):
        if number.e164 not in seen:
            seen.add(number.e164)
            yield Candidate(number.e164, _words(number), was_searched)


def _readings(text: str, rows: Rows) -> Iterator[tuple[Number, bool]]:
    try:
        yield read_number(text), True
        return
    except NumberRefused as refusal:
        if refusal.meant:
            yield read_number(refusal.meant), False
    if has_plus(text):
        return
    for region in _our_regions(rows):
        try:
            yield read_number(text, reading=Reading.NATIONAL, region=region), False
        except NumberRefused:
            continue


def _our_regions(rows: Rows) -> list[str]:
    """Give the regions of our own numbers: a national number was most likely written in one of them."""
    ours = rows(BusinessNumber).order_by("pk").values_list("e164", flat=True)[:_MOST_REGIONS]
    return sorted({region for e164 in ours if (region := national(e164)[1])})


def _words(number: Number) -> str:
    return f"{international(number.e164)} ({number.region})" if number.region else international(number.e164)
