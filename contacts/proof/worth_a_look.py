"""Opt-ins worth a look: what an authority or a lawyer would doubt first. Nothing here is wrong by itself.

Each kind is read page by page, latest first, and counted up to a bound only, so that the report answers at once however
many opt-ins there are. Checks are looked through for so long and no longer; what must read all evidence to be known is
remembered for some minutes.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.core.cache import cache
from django.db import connection, models, transaction
from django.db.models import DurationField, ExpressionWrapper, F, Max, Min, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.reach import Businesses, narrowed
from contacts.models import ContactCheck, OptIn, OptInEvidence

#: The very same words on so many opt-ins describe a form and not what a person did.
MANY = 20
#: Recorded so long after it was given, a consent rests on somebody's memory or on another system.
LATE = timedelta(days=30)
#: Recorded so shortly before the number was checked, a consent may have been written for the check.
SHORTLY = timedelta(hours=1)
#: Counted no further.
MOST_COUNTED = 1_000
A_PAGE = 50
#: Seconds for which checks are looked through, and how many at a time.
LONGEST_LOOK = 0.5
_LOOK_AT = 20_000
_REMEMBERED = 600


class Kind(models.TextChoices):
    """What makes an opt-in worth a look."""

    SAME_EVIDENCE = "same-evidence", gettext_lazy("Same evidence on many")
    AFTER_THE_FACT = "after-the-fact", gettext_lazy("Recorded long after")
    BEFORE_A_CHECK = "before-a-check", gettext_lazy("Recorded just before a check")
    PROOF_INCOMPLETE = "proof-incomplete", gettext_lazy("Proof incomplete")


@dataclass(frozen=True, slots=True)
class Finding:
    """One opt-in, and why it is worth a look."""

    opt_in: OptIn
    why: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some findings, latest first, and the cursor of the next page; None where everything was looked through."""

    findings: Sequence[Finding]
    cursor: int | None


@dataclass(frozen=True, slots=True)
class Figure:
    """How many of a kind there are, as far as was counted."""

    kind: Kind
    count: int
    is_all: bool

    @property
    def words(self) -> str:
        """Say the figure; where not all was counted it is “1000 or more”."""
        return str(self.count) if self.is_all else _("%(count)d or more") % {"count": self.count}


def find(kind: Kind, *, among: Businesses = None, before: int | None = None) -> Page:
    """Give a page of findings among these businesses, latest first; `before` is the cursor of the page before."""
    if kind is Kind.SAME_EVIDENCE:
        return _same_evidence(among, before)
    if kind is Kind.BEFORE_A_CHECK:
        checks, cursor = _before_a_check(among, before, at_most=A_PAGE)
        return Page([Finding(check.opt_in, _minutes(check)) for check in checks if check.opt_in is not None], cursor)
    rows = _KINDS[kind](among)
    rows = (rows.filter(pk__lt=before) if before else rows).order_by("-pk").select_related("business", "consent_text")
    found = list(rows.defer("consent_text__picture")[:A_PAGE])
    kept = _not_erased([row.pk for row in found])
    findings = [Finding(row, _WHY[kind](row)) for row in found if row.pk in kept]
    return Page(findings, found[-1].pk if len(found) == A_PAGE else None)


def figures(*, among: Businesses = None) -> Sequence[Figure]:
    """Count each kind as far as the bounds allow; groups of the same evidence are counted as groups."""
    found = {kind: _figure(kind, rows(among)) for kind, rows in _KINDS.items()}
    checks, cursor = _before_a_check(among, None, at_most=MOST_COUNTED)
    found[Kind.BEFORE_A_CHECK] = Figure(Kind.BEFORE_A_CHECK, len(checks), cursor is None)
    groups = len(_groups_of(among))
    found[Kind.SAME_EVIDENCE] = Figure(Kind.SAME_EVIDENCE, groups, groups < MOST_COUNTED)
    return [found[kind] for kind in Kind]


def _granted(among: Businesses) -> QuerySet[OptIn]:
    return narrowed(OptIn.objects.filter(state=OptIn.State.GRANTED), among)


def _incomplete(among: Businesses) -> QuerySet[OptIn]:
    return _granted(among).filter(consent_text=None)


def _after_the_fact(among: Businesses) -> QuerySet[OptIn]:
    late_by = ExpressionWrapper(F("recorded_at") - F("given_at"), output_field=DurationField())
    return _granted(among).alias(late_by=late_by).filter(late_by__gt=LATE)


def _before_a_check(among: Businesses, before: int | None, *, at_most: int) -> tuple[list[ContactCheck], int | None]:
    """Look through checks, latest first and for a while; give what was found and where to go on."""
    recorded_at = F("opt_in__recorded_at")
    soon = ContactCheck.objects.filter(first_asked_at__gte=recorded_at, first_asked_at__lt=recorded_at + SHORTLY)
    checks = narrowed(soon, among).select_related(*_ALONG_CHECK)
    bounds = ContactCheck.objects.aggregate(first=Min("pk"), last=Max("pk"))
    first, last = bounds["first"] or 0, bounds["last"] or 0
    top, found, began = min(before or last + 1, last + 1), list[ContactCheck](), time.monotonic()
    while top > first:
        some = checks.filter(pk__lt=top, pk__gte=top - _LOOK_AT).order_by("-pk")[: at_most - len(found)]
        found += some
        if len(found) >= at_most:
            return found, found[-1].pk
        top -= _LOOK_AT
        if time.monotonic() - began > LONGEST_LOOK:
            break
    return found, top if top > first else None


_KINDS: Mapping[Kind, Callable[[Businesses], QuerySet[OptIn]]] = {
    Kind.AFTER_THE_FACT: _after_the_fact,
    Kind.PROOF_INCOMPLETE: _incomplete,
}
_ALONG_CHECK = ("opt_in__business",)


def _days(row: OptIn) -> str:
    return _("recorded %(days)d days after it was given") % {"days": (row.recorded_at - row.given_at).days}


def _minutes(check: ContactCheck) -> str:
    asked, opt_in = check.first_asked_at, check.opt_in
    minutes = int((asked - opt_in.recorded_at).total_seconds() // 60) if asked and opt_in else 0
    return _("recorded %(minutes)d minutes before the number was checked (run #%(run)d)") % {
        "minutes": minutes,
        "run": check.batch_id,
    }


_WHY: Mapping[Kind, Callable[[OptIn], str]] = {
    Kind.AFTER_THE_FACT: _days,
    Kind.PROOF_INCOMPLETE: lambda row: _("the wording that the person saw is not on record"),
}


def _same_evidence(among: Businesses, before: int | None) -> Page:
    groups = _groups_of(among)
    start = before or 0
    some = groups[start : start + A_PAGE]
    rows = OptIn.objects.select_related("business", "consent_text").in_bulk([opt_in for _count, opt_in in some])
    words = _("the same words on %(count)d opt-ins, this one the first")
    found = [Finding(rows[opt_in], words % {"count": count}) for count, opt_in in some if opt_in in rows]
    return Page(found, start + A_PAGE if start + A_PAGE < len(groups) else None)


def _groups_of(among: Businesses) -> Sequence[tuple[int, int]]:
    """Give the groups whose first opt-in is a grant: how many of these businesses share the words, and it."""
    groups = _groups(among)
    firsts = _granted(among).filter(pk__in=[opt_in for _count, opt_in in groups])
    wanted = set(firsts.values_list("pk", flat=True))
    return [group for group in groups if group[1] in wanted]


def _groups(among: Businesses) -> Sequence[tuple[int, int]]:
    """Group evidence by its words, largest group first; remembered while nothing new was recorded."""
    latest = OptInEvidence.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    ids = "all" if among is None else "-".join(map(str, sorted(among)))
    key = f"worth-a-look:{latest // MOST_COUNTED}:{hashlib.sha256(ids.encode()).hexdigest()[:16]}"
    groups: Sequence[tuple[int, int]] | None = cache.get(key)
    if groups is None:
        groups = _read_groups(among)
        cache.set(key, groups, _REMEMBERED)
    return groups


def _read_groups(among: Businesses) -> Sequence[tuple[int, int]]:
    postgresql = connection.vendor == "postgresql"
    ids = ", ".join(str(int(one)) for one in sorted(among or (0,)))
    whose = "" if among is None else f" AND opt_in_id IN (SELECT id FROM contacts_optin WHERE business_id IN ({ids}))"
    # A digest of eight bytes: a million different texts would not fit where rows are grouped.
    words = "hashtextextended(text, 0)" if postgresql else "text"
    with transaction.atomic(), connection.cursor() as cursor:
        if postgresql:
            cursor.execute("SET LOCAL work_mem = '128MB'; SET LOCAL jit = off")
        cursor.execute(
            f"SELECT count(*), min(opt_in_id) FROM contacts_optinevidence WHERE text <> ''{whose} GROUP BY {words} "
            f"HAVING count(*) >= %s ORDER BY 1 DESC, 2 LIMIT %s",
            [MANY, MOST_COUNTED],
        )
        return [(int(count), int(opt_in)) for count, opt_in in cursor.fetchall()]


def _figure(kind: Kind, rows: QuerySet[OptIn]) -> Figure:
    """Count up to the bound; in no order, so that the reading stops there."""
    pks = list(rows.order_by().values_list("pk", flat=True)[:MOST_COUNTED])
    return Figure(kind, len(_not_erased(pks)), len(pks) < MOST_COUNTED)


def _not_erased(opt_ins: Sequence[int]) -> set[int]:
    """Leave those out whose person was erased: there is nothing to look at any more, and nobody to ask."""
    return set(OptInEvidence.objects.filter(pk__in=opt_ins).values_list("pk", flat=True))
