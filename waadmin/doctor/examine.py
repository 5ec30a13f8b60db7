"""All checks one after the other, each on its own: one that fails or hangs says so, and the others go on.

The database is opened for reading only, except for the checks that go out: a call to a provider leaves its row in the
call log, as every call does.
"""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from types import FrameType

from django.db import Error as DatabaseError
from django.db import connection

from waadmin.doctor import of_database, of_ledger, of_machine, of_providers, of_secrets, of_settings, of_work
from waadmin.doctor.finding import Finding, Outcome, bad, not_checked

_SECONDS = 15.0
_SECONDS_TO_CONNECT = 5
#: A probe of an account has limits of its own for each step; this is for all of an account's.
_SECONDS_OUTSIDE = 120.0
_DATABASE = "database"


class TookTooLong(Exception):
    """A check did not end in time."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its name, what looks, and what that needs."""

    name: str
    look: Callable[[datetime], Iterable[Finding]]
    needs_database: bool = True
    seconds: float = _SECONDS


#: The database comes first: what needs it is not tried where it does not answer.
CHECKS: tuple[Check, ...] = (
    Check(_DATABASE, of_database.answers, needs_database=False),
    Check("settings", of_settings.system_checks, needs_database=False),
    Check("webhook settings", of_settings.webhooks, needs_database=False),
    Check("secrets", of_secrets.newest_key, needs_database=False),
    Check("stored secrets", of_secrets.stored),
    Check("own keys", of_secrets.own_keys),
    Check("migrations", of_database.migrations),
    Check("restore", of_database.restore),
    Check("database settings", of_database.values),
    Check("triggers", of_database.trigger_bodies),
    Check("worker", of_work.worker),
    Check("queue", of_work.queue),
    Check("schedules", of_work.schedules),
    Check("webhooks", of_work.webhooks),
    Check("check runs", of_work.check_runs),
    Check("clock", of_machine.clock),
    Check("disk space", of_machine.disk_space, needs_database=False),
    Check("journal of erasures", of_machine.journal, needs_database=False),
    Check("static files", of_machine.static_files, needs_database=False),
    Check("ledger", of_ledger.head),
    Check("backup", of_ledger.backup),
    Check("provider accounts", of_providers.accounts),
)
#: Only where the doctor is told to go out.
OUTSIDE: tuple[Check, ...] = (Check("providers", of_providers.reach, seconds=_SECONDS_OUTSIDE),)


def examine(*, now: datetime, outside: bool = False) -> Iterator[Finding]:
    """Give what each check found, in order; with `outside` also whether providers are reached."""
    answers = True
    with _read_only():
        for check in CHECKS:
            for found in _look(check, now, answers=answers):
                answers = answers and not (found.check == _DATABASE and found.outcome is Outcome.BAD)
                yield found
    if not outside:
        yield not_checked("providers", "Nothing was sent anywhere.", "Run `doctor --providers` to try the way to each.")
    for check in OUTSIDE if outside else ():
        yield from _look(check, now, answers=answers)


def _look(check: Check, now: datetime, *, answers: bool) -> list[Finding]:
    if check.needs_database and not answers:
        return [not_checked(check.name, "The database does not answer.")]
    return isolated(check, now)


def isolated(check: Check, now: datetime) -> list[Finding]:
    """Run one check to its end, whatever becomes of it."""
    found: list[Finding] = []
    try:
        with _at_most(check.seconds):
            found.extend(check.look(now))
    except TookTooLong:
        # Whatever was under way on it is not over.
        with suppress(Exception):
            connection.close()
        mend = "Find out what it waits for: the database, the disk or the network."
        found.append(bad(check.name, f"It did not end within {check.seconds:g} seconds.", mend))
    except DatabaseError as error:
        mend = "Run `migrate` where tables are missing; otherwise look into the database's log."
        found.append(bad(check.name, f"The database refused: {of_database.words_of(error)}", mend))
    except Exception as error:  # noqa: BLE001  its text may hold anything, a secret too
        mend = "Tell whoever looks after this program: a check itself must not fail."
        found.append(bad(check.name, f"The check failed ({type(error).__name__}).", mend))
    return found


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _read_only() -> Iterator[None]:
    """Have the database refuse whatever would change it."""
    if connection.vendor == "sqlite":
        statements = ("PRAGMA query_only = ON", "PRAGMA query_only = OFF")
    else:
        connection.settings_dict.setdefault("OPTIONS", {}).setdefault("connect_timeout", _SECONDS_TO_CONNECT)
        statements = ("SET default_transaction_read_only = on", "SET default_transaction_read_only = off")
    _say(statements[0])
    try:
        yield
    finally:
        _say(statements[1])


def _say(statement: str) -> None:
    # A database that does not answer is what the first check finds.
    if of_database.is_there():
        with suppress(Exception), _at_most(_SECONDS), connection.cursor() as cursor:
            cursor.execute(statement)
