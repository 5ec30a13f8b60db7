"""Writing the chunks of an import: each one transaction, which also notes how far it got and makes a ledger entry."""

import hashlib
import time
from collections.abc import Iterator
from datetime import datetime

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from audit import ledger
from audit.merkle import MerkleTree
from contacts.consent import staging
from contacts.consent.chunk import Chunk
from contacts.consent.lanes import Lanes
from contacts.consent.settling import Settled, Trust, make_contacts, settle
from contacts.models import OptInImport

_TRIES = 5


class ImportRefused(ValueError):
    """The import cannot go on as asked; the message says why and what to do."""


class Committer:
    """Commits the chunks of one import in order, and in the end that it is finished."""

    def __init__(self, opt_in_import: OptInImport, *, now: datetime) -> None:
        self._import_id = opt_in_import.pk
        self._business_id = opt_in_import.business_id
        self._actor = opt_in_import.imported_by
        self._now = now
        self._begun_at = opt_in_import.started_at
        #: Where the import stands, as its row must still say when the next chunk is committed.
        self._stands = _standing(opt_in_import)
        #: People who opted out while a call for them was on its way.
        self.in_flight: set[int] = set()

    def commit(self, lanes: Lanes, chunk: Chunk, *, refused: int, line: int) -> None:
        """Have the chunk written, and with it the lines that were refused on the way to `line`."""
        if not (len(chunk) or chunk.repeated or refused):
            return
        opt_in_ids = staging.reserve("contacts_optin", len(chunk))
        contact_ids = staging.reserve("contacts_contact", chunk.people)
        packed = chunk.packed(opt_in_ids, contact_ids)
        ids = (opt_in_ids[0], opt_in_ids[-1]) if opt_in_ids else (0, 0)
        people, lines, repeated = chunk.people, chunk.lines, chunk.repeated

        def prepare() -> Trust:
            staging.refill(packed)
            return make_contacts(leads=people, begun_at=self._begun_at, now=self._now)

        lanes.do(
            prepare,
            lambda trust: self._write(ids, lines=lines, repeated=repeated, refused=refused, line=line, trust=trust),
        )

    def finish(self, *, now: datetime) -> OptInImport:
        """Note that the whole file is in."""
        with transaction.atomic():
            row = self._locked()
            row.state, row.finished_at = OptInImport.State.FINISHED, now
            row.save(update_fields=["state", "finished_at"])
            ledger.record(
                action="opt_in_import.finished",
                actor=row.imported_by,
                now=now,
                business_id=row.business_id,
                subject=f"OptInImport:{row.pk}",
                details={
                    "file_digest": row.file_digest,
                    "numbers_read_as": row.numbers_read_as,
                    "region": row.region,
                    "business_name_shown": row.business_name_shown,
                    "time_zone": row.time_zone,
                    "columns": row.columns,
                    "header_digest": row.header_digest,
                    "statement_digest": hashlib.sha256(row.statement.encode()).hexdigest(),
                    "granted": row.granted_count,
                    "withdrawn": row.withdrawn_count,
                    "unchanged": row.unchanged_count,
                    "held": row.held_count,
                    "refused": row.refused_count,
                },
            )
        return row

    def _write(self, ids: tuple[int, int], *, lines: int, repeated: int, refused: int, line: int, trust: Trust) -> None:
        """Commit the staged chunk; what a race or a deadlock spoilt, or too much trust, is tried again."""
        for attempt in range(1, _TRIES + 1):
            try:
                with transaction.atomic():
                    self._locked()
                    settled = settle(
                        lines=lines,
                        business_id=self._business_id,
                        import_id=self._import_id,
                        actor=self._actor,
                        begun_at=self._begun_at,
                        now=self._now,
                        trust=trust,
                    )
                    stands = self._advance(settled, ids, repeated=repeated, refused=refused, line=line)
            except IntegrityError:
                if attempt == _TRIES:
                    raise
                trust = Trust.NO_STATE_NO_EVENTS if trust is Trust.ALL_NEW else Trust.NOTHING
            except OperationalError:
                if attempt == _TRIES:
                    raise
                time.sleep(0.05 * attempt)
            else:
                self._stands = stands
                self.in_flight |= settled.in_flight
                return

    def _locked(self) -> OptInImport:
        """Lock the import's own row before anything else, so that two processes that carry it on take turns.

        :raises ImportRefused: in the second of them, which finds that it is not where it thought.
        """
        row = OptInImport.objects.select_for_update().defer("content", "errors").get(pk=self._import_id)
        if _standing(row) != self._stands:
            raise ImportRefused(_("Another process is carrying this import on."))
        return row

    def _advance(
        self, settled: Settled, ids: tuple[int, int], *, repeated: int, refused: int, line: int
    ) -> tuple[int, ...]:
        """Note how far the import got, and make the chunk one link of the ledger."""
        rows = OptInImport.objects.filter(pk=self._import_id)
        rows.update(
            committed_line=max(line, self._stands[0]),
            granted_count=F("granted_count") + settled.granted,
            withdrawn_count=F("withdrawn_count") + settled.withdrawn,
            unchanged_count=F("unchanged_count") + settled.unchanged + repeated,
            held_count=F("held_count") + settled.held,
            refused_count=F("refused_count") + refused,
        )
        stands = _standing(rows.defer("content", "errors").get())
        if settled.created:
            ledger.record(
                action="opt_ins.imported",
                actor=self._actor,
                now=self._now,
                business_id=self._business_id,
                subject=f"OptInImport:{self._import_id}",
                details={
                    "first_opt_in": ids[0],
                    "last_opt_in": ids[1],
                    "granted": settled.granted,
                    "withdrawn": settled.withdrawn,
                    "held": settled.held,
                    "unchanged": settled.unchanged + repeated,
                },
                rows=MerkleTree(leaves(import_id=self._import_id, first=ids[0], last=ids[1])),
            )
        return stands


def leaves(*, import_id: int, first: int, last: int) -> Iterator[bytes]:
    """Give the canonical bytes of an import's events between two opt-in ids: the leaves of one ledger entry's root.

    They are `ledger.canonical_bytes` put together by the database, because an import makes millions; a test holds the
    two against each other.
    """
    pseudonym, given_at = (
        ("pseudonym::text", """to_char(given_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')""")
        if connection.vendor == "postgresql"
        else (_SQLITE_PSEUDONYM, _SQLITE_GIVEN_AT)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT '{{"evidence_digest":"' || evidence_digest || '","given_at":"' || {given_at} || 'Z","opt_in":' || id
                || ',"pseudonym":"' || {pseudonym} || '","purposes":"' || purposes || '","state":"' || state || '"}}'
            FROM contacts_optin WHERE id BETWEEN %s AND %s AND opt_in_import_id = %s ORDER BY id
            """,
            [first, last, import_id],
        )
        while some := cursor.fetchmany(1_000):
            for (leaf,) in some:
                yield leaf.encode()


_SQLITE_PSEUDONYM = " || '-' || ".join(
    f"substr(pseudonym, {start}, {length})" for start, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
)
_SQLITE_GIVEN_AT = (
    "substr(given_at, 1, 10) || 'T' || substr(given_at, 12, 8) || '.' || substr(substr(given_at, 21) || '000000', 1, 6)"
)


def _standing(row: OptInImport) -> tuple[int, ...]:
    return row.committed_line, row.withdrawn_count, row.unchanged_count, row.granted_count, row.held_count
