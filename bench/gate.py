"""The gate: what one decision and a thousand decisions under lock cost, in round trips, and whether size matters.

The anchor is a round trip as Django makes one: a cursor opened, `SELECT 1` executed, fetched, the cursor closed, on the
same connection and in turn with what it is compared to. A decision reads the person's consent and asks `gate.decide`.
"""

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from statistics import median

from django.db import connection, transaction

from bench import Figure
from contacts.checking.facts import consents
from contacts.gate import Facts, Outcome, Policy, decide
from providers.models import Business

_AT_ONCE = 1_000


def run(*, smoke: bool) -> Iterator[Figure]:
    """Measure on a small and a five times larger table."""
    small, large = (2_000, 4_000) if smoke else (1_000_000, 5_000_000)
    business = Business.objects.create(name="Bench gate")
    times = 200 if smoke else 3_000
    first = _fill(business, 0, small)
    decision, batch, one_small = _measure(business, first, small, times)
    yield Figure("gate", "one decision / SELECT 1", decision, "<= 1.2", small)
    yield Figure("gate", "per number of a locked batch of 1,000 / SELECT 1", batch, "<= 0.10", small)
    _fill(business, small, large)
    *_, one_large = _measure(business, first, large, times)
    yield Figure("gate", f"one decision at {large:,} events / at {small:,}", one_large / one_small, "<= 1.1", large)


def _measure(business: Business, first: int, people: int, times: int) -> tuple[float, float, float]:
    """Give one decision and one of a batch in round trips, and one decision in seconds: each the median of three."""
    decisions, batches, seconds = [], [], []
    picked = random.Random(7).choices(range(first, first + people), k=times)
    _decide_one(business, first)
    for _repetition in range(3):
        trip = _per_call(_round_trip, times)
        one = _each(lambda pk: _decide_one(business, pk), picked)
        some = _per_call(lambda: _decide_many(business, first, people), 3 if times < 1_000 else 20) / _AT_ONCE
        decisions.append(one / trip)
        batches.append(some / trip)
        seconds.append(one)
    return median(decisions), median(batches), median(seconds)


def _round_trip() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchall()


def _decide_one(business: Business, contact_id: int) -> None:
    grants, withdrawals = consents([contact_id], business, lock=False)[contact_id]
    decision = decide(Facts(e164="+", grants=grants, withdrawals=withdrawals), Policy(), datetime.now(UTC))
    assert decision.outcome is Outcome.ALLOWED


def _decide_many(business: Business, first: int, people: int) -> None:
    start = first + random.randrange(people - _AT_ONCE)
    now = datetime.now(UTC)
    policy = Policy()
    with transaction.atomic():
        found = consents(list(range(start, start + _AT_ONCE)), business, lock=True)
        for grants, withdrawals in found.values():
            decide(Facts(e164="+", grants=grants, withdrawals=withdrawals), policy, now)


def _per_call(work: Callable[[], object], times: int) -> float:
    begin = time.perf_counter()
    for _time in range(times):
        work()
    return (time.perf_counter() - begin) / times


def _each(work: Callable[[int], object], keys: list[int]) -> float:
    begin = time.perf_counter()
    for key in keys:
        work(key)
    return (time.perf_counter() - begin) / len(keys)


def _fill(business: Business, have: int, want: int) -> int:
    """Add people who have opted in, up to `want`, as an import leaves them: row by row in the order of their ids.

    Give the id of the first one. What is still to be written to disk is written before anything is measured.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH people AS (
                INSERT INTO contacts_contact (e164, region, person_key, pseudonym, created_at)
                SELECT form, 'GB', form, gen_random_uuid(), now()
                FROM generate_series(%(have)s + 1, %(want)s) n, LATERAL (SELECT '+999' || lpad(n::text, 10, '0') form) f
                RETURNING id, pseudonym
            ), events AS (
                INSERT INTO contacts_optin (pseudonym, business_id, state, purposes, business_name_shown, source,
                    given_at, recorded_at, recorded_by, evidence_digest, external_id)
                SELECT pseudonym, %(business)s, 'GRANTED', 'service,utility,authentication', 'Bench', 'bench',
                    now(), now(), 'bench', repeat('0', 64), '' FROM people
                RETURNING id, pseudonym
            )
            INSERT INTO contacts_consent (contact_id, business_id, status, grants, withdrawals, updated_at)
            SELECT people.id, %(business)s, 'GRANTED', format(
                '[[%%s, "2026-01-05T09:30:00+00:00", null, "service", "utility", "authentication"]]', events.id
            ), '{}', now() FROM people JOIN events USING (pseudonym) ORDER BY people.id
            """,
            {"have": have, "want": want, "business": business.pk},
        )
        cursor.execute("VACUUM ANALYZE contacts_contact, contacts_consent")
        cursor.execute("CHECKPOINT")
        cursor.execute("SELECT min(contact_id) FROM contacts_consent WHERE business_id = %s", [business.pk])
        return int(cursor.fetchone()[0])
