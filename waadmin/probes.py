"""What a supervisor asks: does the process answer, and could it work? Plain words for anybody, about nobody.

Probes come from machines that know neither our host name nor TLS nor sessions, and they must be answered while the
database is away. So they are answered before all of that is looked at, and the database is asked beside the request.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import resolve
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit import triggers
from providers import keys
from providers.encryption import WrongEncryptionKey

#: Answered before host names, sessions and the redirect to https are looked at.
PATHS = frozenset({"/livez", "/readyz", "/metrics"})
#: Seconds within which the database must have answered.
LIMIT = 2.0
#: Seconds for which what was found is given again: probes cannot load the database.
KEEP = 5.0


class ProbesMiddleware:
    """Answers the probes by their own views and hands everything else on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a probe, or hand the request on."""
        if request.path_info in PATHS:
            answer: HttpResponseBase = resolve(request.path_info).func(request)
            return answer
        return self._get_response(request)


@never_cache
@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """Say that the process answers."""
    return _words(["alive"], status=200)


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Say that the process could work, or name with 503 what keeps it from that, a word a line."""
    wrong = readiness.wrong()
    return _words(wrong or ["ready"], status=503 if wrong else 200)


class Readiness:
    """What keeps this process from working, as it was found a moment ago."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: list[str] = []
        self._found_at = float("-inf")
        self._asking: threading.Thread | None = None

    def wrong(self) -> list[str]:
        """Name what is wrong: database, migrations, keys, triggers; nothing where all is well."""
        with self._lock:
            if time.monotonic() - self._found_at < KEEP:
                return self._found
            if self._asking is None or not self._asking.is_alive():
                self._asking = threading.Thread(target=self._ask, daemon=True)
                self._asking.start()
            asking = self._asking
        # One that still hangs is not joined by another: it says by itself that the database does not answer.
        asking.join(LIMIT)
        return ["database"] if asking.is_alive() else self._found

    def forget(self) -> None:
        """Look anew at the next probe."""
        self._found_at = float("-inf")

    def _ask(self) -> None:
        try:
            found = list(_look())
        except (DatabaseError, ImproperlyConfigured, OSError):
            found = ["database"]
        finally:
            with suppress(DatabaseError):
                connections.close_all()
        self._found, self._found_at = found, time.monotonic()


readiness = Readiness()


def _look() -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if _last_migrations() - set(MigrationRecorder(connection).applied_migrations()):
        # The rest cannot be told before they are applied.
        yield "migrations"
        return
    try:
        keys.read_all()
    except WrongEncryptionKey:
        yield "keys"
    if triggers.missing(DEFAULT_DB_ALIAS):
        yield "triggers"


@cache
def _last_migrations() -> set[tuple[str, str]]:
    return set(MigrationLoader(None).graph.leaf_nodes())


def _words(words: list[str], *, status: int) -> HttpResponse:
    return HttpResponse("".join(f"{word}\n" for word in words), content_type="text/plain; charset=utf-8", status=status)
