"""Finishing an erasure: what names the person beside their own rows. Lines of check runs, files, stored webhooks.

An unread webhook and a confirmed import hold other people's words too: they are read first, in which nothing about the
erased person has any effect, and the erasure is finished when they are done. Other apps say what they keep.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from django.db import transaction
from django.db.models import F, Q

from audit import ledger
from contacts.erasure.traces import Traces
from contacts.models import ContactCheck, Erasure, OptInImport

_ACTOR = "waadmin"
_PEOPLE_AT_ONCE = 500
_AT_ONCE = 1_000
#: Stands for the name of a file that was named after somebody.
_REMOVED = "…"


@dataclass(frozen=True, slots=True)
class Looked:
    """What one place held: so much was removed, and these traces stand in what has to be dealt with first."""

    removed: int = 0
    waiting: frozenset[str] = frozenset()


#: Removes what names these people from one place.
Forgetter = Callable[[Traces, datetime], Looked]
_elsewhere: dict[str, Forgetter] = {}


def register(name: str, forget: Forgetter) -> None:
    """Add a place that another app keeps, by the name under which the ledger counts it."""
    _elsewhere[name] = forget


def finish(*, now: datetime) -> int:
    """Look everywhere for the people whose rows are gone, and give how many erasures are finished now.

    May run twice, late or never, and at the same time as itself.
    """
    entries = list(Erasure.objects.filter(finished_at=None, traces__isnull=False).order_by("at")[:_PEOPLE_AT_ONCE])
    if not entries:
        return 0
    traces = reduce(Traces.__or__, (Traces.load(bytes(entry.traces or b"[]")) for entry in entries))
    places: dict[str, Forgetter] = {"checks": _check_lines, "imports": _imports, **_elsewhere}
    looked = {name: forget(traces, now) for name, forget in places.items()}
    removed = Counter({name: found.removed for name, found in looked.items() if found.removed})
    waiting = frozenset[str]().union(*(found.waiting for found in looked.values()))
    ready = [entry for entry in entries if waiting.isdisjoint(Traces.load(bytes(entry.traces or b"[]")).everything)]
    return _close(ready, removed, now)


def mark(rows: Iterable[tuple[int, str]], traces: Traces) -> list[int]:
    """Give the keys of the texts that name one of the people."""
    return [pk for pk, text in rows if traces.in_writing(text)]


def _close(entries: Sequence[Erasure], removed: Counter[str], now: datetime) -> int:
    with transaction.atomic():
        pks = [entry.pk for entry in entries]
        finished = Erasure.objects.filter(pk__in=pks, finished_at=None).update(finished_at=now, traces=None)
        if finished or removed:
            ledger.record(
                action="person.erasure_finished" if finished else "person.traces_removed",
                actor=_ACTOR,
                now=now,
                subject=f"Erasure:{pks[0]}" if len(pks) == 1 else "",
                details={"erasures": [str(pk) for pk in pks], "removed": dict(removed)},
            )
    return finished


def _check_lines(traces: Traces, now: datetime) -> Looked:
    """Remove lines of check runs that no contact stands behind: refused ones, in whatever writing."""
    lines = ContactCheck.objects.filter(contact=None).order_by("pk")
    found, last = 0, 0
    while rows := list(lines.filter(pk__gt=last).values_list("pk", "input", "e164", "detail")[:_AT_ONCE]):
        last = rows[-1][0]
        named = mark(((pk, f"{text}\n{e164}\n{detail}") for pk, text, e164, detail in rows), traces)
        if named:
            with transaction.atomic():
                some = ContactCheck.objects.filter(pk__in=named)
                ContactCheck.objects.filter(duplicate_of__in=named).update(duplicate_of=None)
                found += len(named)
                some._raw_delete(some.db)
    return Looked(found)


def _imports(traces: Traces, now: datetime) -> Looked:
    """Remove kept files and files of bad lines that name somebody; a confirmed import is let go on to its end first."""
    removed, waiting = 0, set[str]()
    kept = OptInImport.objects.filter(Q(content__isnull=False) | Q(errors__isnull=False)).order_by("pk")
    for pk in list(kept.values_list("pk", flat=True)):
        row = OptInImport.objects.get(pk=pk)
        in_file = traces.in_writing(_text(row.content)) if row.content is not None else frozenset()
        in_errors = traces.in_writing(_text(row.errors)) if row.errors is not None else frozenset()
        under_way = row.statement and row.state in (OptInImport.State.WAITING, OptInImport.State.RUNNING)
        if in_file and under_way and (row.purge_after is None or row.purge_after > now):
            waiting |= in_file
        elif in_file or in_errors:
            removed += OptInImport.objects.filter(pk=pk, state=row.state, statement=row.statement).update(
                content=None if in_file else F("content"), errors=None
            )
    for pk, file_name, statement in OptInImport.objects.order_by("pk").values_list("pk", "file_name", "statement"):
        if traces.in_writing(file_name):
            said = statement.replace(file_name, _REMOVED)
            removed += OptInImport.objects.filter(pk=pk).update(file_name=_REMOVED, statement=said)
    return Looked(removed, frozenset(waiting))


def _text(content: bytes) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    return bytes(content).decode(encoding, errors="replace")
