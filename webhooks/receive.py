"""Receiving: an authenticated body is committed whole, and only then answered with 200.

Threads of one process write together: whoever holds the pen writes for all who came meanwhile, in one statement that
commits by itself, and each of them returns only after that commit. The row is the queue of record. The same statement
tells whether somebody reads already; only where nobody does is the worker woken, and the sweep of every minute finds
what a lost wake-up left behind.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import Error, InterfaceError, OperationalError, connection

from audit import prepared
from providers.encryption import encrypt
from webhooks import draining
from webhooks.models import DrainLease, WebhookRequest

logger = logging.getLogger(__name__)

#: Seconds between two wake-ups by one process; a drain looks around for longer than that before it ends.
WAKE_EVERY = 0.2

_COLUMNS = "kind, account_id, body, digest, received_at, deliveries, due_at, attempts, error"
_ROW = "(%s, %s, %s, %s, %s, %s, %s, 0, '')"
# A question of its own would cost every delivery a round trip.
_IS_READ = f"EXISTS (SELECT 1 FROM {DrainLease._meta.db_table} WHERE slot = 0 AND until > %s)"
_MORE = f"deliveries = {WebhookRequest._meta.db_table}.deliveries + excluded.deliveries"
# A node's answer about numbers has neither id nor time, so equal bytes may be news: they are processed again.
_NEWS = f"{_MORE}, processed_at = NULL, error = '', due_at = excluded.due_at, attempts = 0"


class NotStored(RuntimeError):
    """Whoever wrote for this thread could not commit."""


class _Entry:
    """One body on its way into the table."""

    __slots__ = ("account_id", "body", "deliveries", "digest", "error", "is_read", "kind", "now", "written")

    def __init__(self, kind: str, account_id: int | None, body: bytes, now: datetime) -> None:
        self.kind, self.account_id, self.now = kind, account_id, now
        self.digest = digest_of(account_id, body)
        self.body = encrypt(body)
        self.deliveries = 1
        self.written = False
        #: Somebody reads already, and finds this one without being woken.
        self.is_read = False
        self.error: BaseException | None = None


_queueing = threading.Lock()
_writing = threading.Lock()
_queue: list[_Entry] = []
_woken_at = float("-inf")


def digest_of(account_id: int | None, body: bytes) -> str:
    """Give what the same bytes from the same sender are known by."""
    return hashlib.sha256(f"{account_id}:".encode() + body).hexdigest()


def store(*, kind: str, account_id: int | None, body: bytes, now: datetime) -> str:
    """Commit the raw bytes, wake the worker, and give the digest by which the row is known.

    :raises NotStored: when the thread that wrote for this one failed; its own failure it raises as it is.
    """
    entry = _Entry(kind, account_id, body, now)
    with _queueing:
        _queue.append(entry)
    with _writing:
        if not entry.written:
            _write_all()
    if entry.error is not None:
        raise NotStored(type(entry.error).__name__)
    if not entry.is_read:
        _wake(now)
    return entry.digest


def _write_all() -> None:
    """Write everything that is queued; whatever happens, each entry knows afterwards how it ended."""
    with _queueing:
        entries = _queue[:]
        _queue.clear()
    try:
        for kind in sorted({entry.kind for entry in entries}):
            _write_or_reconnect(
                [entry for entry in entries if entry.kind == kind], _NEWS if kind == "onprem" else _MORE
            )
    except BaseException as error:
        for entry in entries:
            entry.error = error
        raise
    finally:
        for entry in entries:
            entry.written = True


def _write_or_reconnect(entries: Sequence[_Entry], on_conflict: str) -> None:
    """Write, and once more on a new connection where the kept one was dead: the statement may run twice."""
    # Asking first whether the connection lives would cost every delivery a round trip.
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        _write(entries, on_conflict)
    except (InterfaceError, OperationalError):
        if connection.in_atomic_block or connection.is_usable():
            raise
        connection.close()
        _write(entries, on_conflict)


def _write(entries: Sequence[_Entry], on_conflict: str) -> None:
    """Write the rows in one statement, which commits by itself; in order, so that two processes never deadlock."""
    rows: dict[str, _Entry] = {}
    for entry in sorted(entries, key=lambda entry: entry.digest):
        if entry.digest in rows:
            # One statement may touch a row once.
            rows[entry.digest].deliveries += 1
        else:
            rows[entry.digest] = entry
    values: list[Any] = []
    for entry in rows.values():
        moment = connection.ops.adapt_datetimefield_value(entry.now)
        values += [entry.kind, entry.account_id, entry.body, entry.digest, moment, entry.deliveries, moment]
    statement = (
        f"INSERT INTO {WebhookRequest._meta.db_table} ({_COLUMNS}) VALUES {', '.join([_ROW] * len(rows))} "
        f"ON CONFLICT (kind, digest) DO UPDATE SET {on_conflict} RETURNING {_IS_READ}"
    )
    values.append(connection.ops.adapt_datetimefield_value(entries[0].now))
    is_read = bool(prepared.fetch(connection, statement, values)[0][0])
    for entry in entries:
        entry.is_read = is_read


def _wake(now: datetime) -> None:
    global _woken_at
    moment = time.monotonic()
    with _queueing:
        if moment - _woken_at < WAKE_EVERY:
            return
        _woken_at = moment
    try:
        draining.wake(now=now)
    except Error as error:
        # The body is committed: the sweep finds it, and the sender must not deliver it again for this.
        logger.warning("The worker could not be woken: %s", type(error).__name__)
