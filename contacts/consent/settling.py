"""What becomes of a chunk of staged events: one set of SQL statements for both databases.

People who have no state for the business yet and occur once in the chunk get theirs as it was prepared; everybody
else's is locked and derived from all their events. Locks are taken in the order of `contacts.opt_ins`: contacts by
number, new states by number, known states by id; the ledger comes last.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from contacts.consent import staged_people, staging, state
from contacts.erasure.suppression import kept_for
from contacts.models import ContactCheck, OptIn
from providers.models import Purpose

_OVERLAP = " OR ".join(
    f"(',' || import_staging.purposes || ',' LIKE '%%,{purpose},%%' AND c.withdrawals LIKE '%%\"{purpose}\"%%')"
    for purpose in Purpose.values
)
_INSERT_CONTACTS = """
    INSERT INTO contacts_contact (id, e164, region, person_key, pseudonym, created_at)
    SELECT contact_id, e164, region, person_key, pseudonym, %s FROM import_staging WHERE leads ORDER BY e164
    ON CONFLICT (e164) DO NOTHING
"""
# Scalar subqueries and no joins: the planner can only look each one up, however big the table is.
FIND_CONTACTS = """
    UPDATE import_staging SET
        contact_id = (SELECT c.id FROM contacts_contact c WHERE c.e164 = import_staging.e164),
        pseudonym = (SELECT c.pseudonym FROM contacts_contact c WHERE c.e164 = import_staging.e164)
    WHERE (SELECT c.id FROM contacts_contact c WHERE c.e164 = import_staging.e164) <> contact_id
"""
FIND_CONSENTS = """
    UPDATE import_staging SET consent_id = (
        SELECT c.id FROM contacts_consent c WHERE c.contact_id = import_staging.contact_id AND c.business_id = %s
    )
"""
# Not ON CONFLICT, which costs half as much again: a race is told by its IntegrityError.
_INSERT_CONSENTS = """
    INSERT INTO contacts_consent (contact_id, business_id, status, grants, withdrawals, updated_at)
    SELECT contact_id, %s, status, grants, withdrawals, %s FROM import_staging
    WHERE leads AND consent_id IS NULL ORDER BY e164
"""
_LOCK_CONSENTS = """
    SELECT count(*) FROM (
        SELECT id FROM contacts_consent WHERE id IN (SELECT consent_id FROM import_staging) ORDER BY id FOR UPDATE
    ) AS locked
"""
DELETE_RECORDED = """
    DELETE FROM import_staging WHERE (consent_id IS NOT NULL OR %s) AND (
        SELECT e.opt_in_id FROM contacts_optinevidence e WHERE e.fingerprint = import_staging.fingerprint
    ) IS NOT NULL
"""
#: A grant that any withdrawal of its purposes meets; times are all that the JSON holds beside the purposes.
HOLD_BACK = f"""
    UPDATE import_staging SET state = 'HELD' WHERE state = 'GRANTED' AND consent_id IS NOT NULL AND (
        SELECT c.id FROM contacts_consent c WHERE c.id = import_staging.consent_id AND ({_OVERLAP})
    ) IS NOT NULL
"""
_INSERT_OPT_INS = """
    INSERT INTO contacts_optin (
        id, pseudonym, business_id, state, purposes, business_name_shown, consent_text_id, source, given_at,
        recorded_at, recorded_by, expires_at, evidence_digest, external_id, opt_in_import_id
    )
    SELECT opt_in_id, pseudonym, %s, state, purposes, business_name_shown, consent_text_id, source, given_at,
        %s, %s, expires_at, evidence_digest, external_id, %s
    FROM import_staging
"""
_INSERT_EVIDENCE = """
    INSERT INTO contacts_optinevidence (opt_in_id, text, file_name, salt, fingerprint)
    SELECT opt_in_id, evidence, '', salt, fingerprint FROM import_staging
"""
_SHARED = "state <> 'HELD' AND (consent_id IS NOT NULL OR NOT alone)"
_PEOPLE_OF_SHARED_STATES = f"SELECT DISTINCT contact_id, pseudonym, e164 FROM import_staging WHERE {_SHARED}"
_UPDATE_CONSENT = """
    UPDATE contacts_consent SET status = %s, grants = %s, withdrawals = %s, updated_at = %s
    WHERE contact_id = %s AND business_id = %s
"""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the lines of one chunk."""

    granted: int
    withdrawn: int
    held: int
    unchanged: int
    #: Events that are now on record; a withdrawal makes one for each form of its number.
    created: int
    #: People who opted out while a call for them was on its way.
    in_flight: frozenset[int]


class Trust(Enum):
    """How much of what was prepared a chunk takes on trust; an IntegrityError says that it was too much."""

    #: Nobody in the chunk has a state yet.
    ALL_NEW = 1
    #: Who has no state has no events either.
    NO_STATE_NO_EVENTS = 2
    NOTHING = 3


def make_contacts(*, leads: int, begun_at: datetime, now: datetime) -> Trust:
    """Make the contacts of the staged rows that do not exist, `leads` of them at most, in a transaction of their own.

    A contact by itself allows nothing, so this may go ahead while the chunk before this one is being written.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        staged_people.leave_out_the_erased(begun_at)
        cursor.execute(_INSERT_CONTACTS, [staging.time_for_sql(now)])
        if cursor.rowcount == leads:
            return Trust.ALL_NEW
        cursor.execute(FIND_CONTACTS)
        return Trust.NO_STATE_NO_EVENTS


def settle(
    *, lines: int, business_id: int, import_id: int, actor: str, begun_at: datetime, now: datetime, trust: Trust
) -> Settled:
    """Make the staged rows, which stand for so many lines, consent events of the business, in the caller's transaction.

    Lines about people who were erased since the import was begun are left out.

    :raises IntegrityError: when less is to be trusted, or when somebody else recorded or erased one of these people in
        between.
    """
    at = staging.time_for_sql(now)
    postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        if postgresql:
            cursor.execute("SET LOCAL work_mem = '16MB'; SET LOCAL jit = off")
            # A hash join would read the whole of a big table for each chunk.
            cursor.execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
        staged_people.leave_out_the_erased(begun_at)
        if trust is Trust.NOTHING:
            staged_people.begin_anew_with_the_vanished()
            cursor.execute(
                "UPDATE import_staging SET alone = FALSE, status = 'WITHDRAWN', grants = '[]', withdrawals = '{}'"
            )
            cursor.execute(_INSERT_CONTACTS, [at])
            cursor.execute(FIND_CONTACTS)
        if staged_people.greet_the_suppressed(business_id, now) and trust is Trust.ALL_NEW:
            trust = Trust.NO_STATE_NO_EVENTS
        if trust is not Trust.ALL_NEW:
            cursor.execute(FIND_CONSENTS, [business_id])
        cursor.execute(_INSERT_CONSENTS, [business_id, at])
        if trust is not Trust.ALL_NEW:
            if postgresql:
                _lock_consents(cursor)
            cursor.execute(DELETE_RECORDED, [trust is Trust.NOTHING])
            cursor.execute(HOLD_BACK, [])
        in_flight = _in_flight(business_id)
        cursor.execute(_INSERT_OPT_INS, [business_id, at, actor, import_id])
        created = cursor.rowcount
        cursor.execute(_INSERT_EVIDENCE)
        changes = list(_derived(business_id, at))
        if changes:
            cursor.executemany(_UPDATE_CONSENT, changes)
        cursor.execute("SELECT state, count(*) FROM import_staging WHERE counted GROUP BY state")
        tally = {str(name): int(counted) for name, counted in cursor.fetchall()}
    return Settled(
        granted=tally.get("GRANTED", 0),
        withdrawn=tally.get("WITHDRAWN", 0),
        held=tally.get("HELD", 0),
        unchanged=lines - sum(tally.values()),
        created=created,
        in_flight=in_flight,
    )


def _lock_consents(cursor: Any) -> None:
    """Lock the states that exist; one that is gone by then was its person's who was erased meanwhile."""
    cursor.execute(_LOCK_CONSENTS)
    (locked,) = cursor.fetchone()
    cursor.execute("SELECT count(DISTINCT consent_id) FROM import_staging")
    if cursor.fetchone() != (locked,):
        raise IntegrityError("a person was erased while this chunk was being written")


def count(condition: str) -> int:
    """Count the staged rows that meet a condition."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM import_staging WHERE {condition}")
        return int(cursor.fetchone()[0])


def _in_flight(business_id: int) -> frozenset[int]:
    """Find the people whose withdrawal is staged while a call for them is on its way."""
    calls = ContactCheck.objects.in_flight(datetime.now(UTC)).filter(business_id=business_id)
    called = list(calls.order_by().values_list("contact_id", flat=True))
    if not called:
        return frozenset()
    marks = ", ".join(["%s"] * len(called))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT contact_id FROM import_staging WHERE state = 'WITHDRAWN' AND contact_id IN ({marks})", called
        )
        return frozenset(contact_id for (contact_id,) in cursor.fetchall())


def _derived(business_id: int, at: str | datetime) -> Iterator[tuple[str | int | datetime, ...]]:
    """Derive the states that the chunk shares with other events, all from the events themselves."""
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE_OF_SHARED_STATES)
        people = [(contact_id, UUID(str(pseudonym)), e164) for contact_id, pseudonym, e164 in cursor.fetchall()]
    for start in range(0, len(people), _AT_ONCE):
        some = people[start : start + _AT_ONCE]
        # A list and no join: whatever it thinks of the temporary table, the planner has only one way to look.
        kept = kept_for([e164 for _contact_id, _pseudonym, e164 in some], business_id=business_id)
        events = {pseudonym: state.withdrawn(kept.get(e164, {})) for _contact_id, pseudonym, e164 in some}
        opt_ins = OptIn.objects.filter(business_id=business_id, pseudonym__in=list(events)).order_by()
        for pseudonym, purposes, *values in opt_ins.values_list("pseudonym", "purposes", *_OF_AN_EVENT):
            pk, kind, given_at, expires_at, recorded_at = values
            events[pseudonym].append(
                state.Event(pk, kind, tuple(purposes.split(",")), given_at, expires_at, recorded_at)
            )
        restricted = staged_people.restricted_among([contact_id for contact_id, _pseudonym, _e164 in some])
        for contact_id, pseudonym, _e164 in some:
            folded = state.fold(events[pseudonym])
            if contact_id in restricted:
                folded = state.suspended(folded, restricted[contact_id])
            grants = json.dumps(state.dump_grants(folded.grants))
            withdrawals = json.dumps(state.dump_withdrawals(folded.withdrawals))
            yield folded.status, grants, withdrawals, at, contact_id, business_id


_AT_ONCE = 500
_OF_AN_EVENT = ("pk", "state", "given_at", "expires_at", "recorded_at")
