"""The people of staged events who are not like the others: erased since the file was begun, suppressed, restricted."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F

from contacts.consent import staging
from contacts.consent.state import dump_withdrawals
from contacts.erasure.names import Digests
from contacts.erasure.suppression import kept_for
from contacts.models import Consent, Contact, ErasedName, Suppression
from providers.models import Purpose

_AT_ONCE = 500
_HOLD = " OR ".join(
    f"(%s LIKE '%%,{purpose},%%' AND ',' || purposes || ',' LIKE '%%,{purpose},%%')" for purpose in Purpose.values
)


def leave_out_the_erased(begun_at: datetime) -> int:
    """Drop the staged rows of people who were erased since, with the bare contacts that this import made of them."""
    if not ErasedName.objects.filter(erased_at__gte=begun_at).exists():
        return 0
    digests = Digests()
    by_digest = {digests.of_number(key): key for (key,) in _read("SELECT DISTINCT person_key FROM import_staging")}
    erased = [
        by_digest[digest]
        for some in _pieces(list(by_digest))
        for digest in ErasedName.objects.filter(key__in=some, erased_at__gte=begun_at).values_list("key", flat=True)
    ]
    for some in _pieces(erased):
        marks = ", ".join(["%s"] * len(some))
        ids = [pk for (pk,) in _read(f"SELECT contact_id FROM import_staging WHERE person_key IN ({marks})", some)]
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM import_staging WHERE person_key IN ({marks})", some)
        bare = Contact.objects.filter(pk__in=ids, consents=None, messages=None, checks=None, trusts=None)
        Contact.objects.filter(pk__in=list(bare.values_list("pk", flat=True))).delete()
    return len(erased)


def begin_anew_with_the_vanished() -> None:
    """Give those whose contact is gone another id and pseudonym: nothing leads back to who was erased under the old."""
    gone = [
        e164
        for (e164,) in _read(
            "SELECT DISTINCT e164 FROM import_staging "
            "WHERE NOT EXISTS (SELECT 1 FROM contacts_contact c WHERE c.id = import_staging.contact_id)"
        )
    ]
    ids = staging.reserve("contacts_contact", len(gone))
    as_stored = str if connection.vendor == "postgresql" else (lambda made: made.hex)
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE import_staging SET contact_id = %s, pseudonym = %s WHERE e164 = %s",
            [(pk, as_stored(uuid.uuid4()), e164) for pk, e164 in zip(ids, gone, strict=True)],
        )


def greet_the_suppressed(business_id: int, now: datetime) -> bool:
    """Give the staged people who had opted out when they were erased that state, and tell whether there is any."""
    kept = _kept(business_id)
    for e164, withdrawals in sorted(kept.items()):
        contact = Contact.objects.filter(e164=e164).first()
        if contact is not None:
            Consent.objects.get_or_create(
                contact=contact,
                business_id=business_id,
                defaults={
                    "status": Consent.Status.WITHDRAWN,
                    "withdrawals": dump_withdrawals(withdrawals),
                    "updated_at": now,
                },
            )
    return bool(kept)


def hold_back_the_suppressed(business_id: int) -> None:
    """Hold back, in a rehearsal, the grants that meet a withdrawal which is kept of an erased number."""
    rows = []
    for e164, withdrawals in _kept(business_id).items():
        purposes = f",{','.join(withdrawals)},"
        rows.append((e164, *[purposes for _purpose in Purpose.values]))
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE import_staging SET state = 'HELD' WHERE e164 = %s AND state = 'GRANTED' AND ({_HOLD})", rows
            )


def restricted_among(contact_ids: Sequence[int]) -> dict[int, datetime]:
    """Give since when those of these people are restricted who are."""
    restricted = Contact.objects.filter(pk__in=contact_ids, restricted_at__isnull=False)
    return dict(restricted.annotate(since=F("restricted_at")).values_list("pk", "since"))


def _kept(business_id: int) -> dict[str, dict[str, datetime]]:
    if not Suppression.objects.filter(business_id=business_id).exists():
        return {}
    return kept_for((e164 for (e164,) in _read("SELECT DISTINCT e164 FROM import_staging")), business_id=business_id)


def _read(statement: str, values: Sequence[Any] = ()) -> Iterable[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values))
        return list(cursor.fetchall())


def _pieces(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
