"""Writing chunks while the next ones are being prepared: in order, on connections of their own."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

from django.db import connection, connections

_LANES = 2
_T = TypeVar("_T")


class Lanes:
    """Does jobs in two steps: the first beside the job before it, the second when the job before it is done.

    On SQLite and inside a transaction everything is done by the caller: SQLite has one writer, and what a transaction
    that the caller has open wrote could not be seen from another connection.
    """

    def __init__(self) -> None:
        beside = connection.vendor == "postgresql" and not connection.in_atomic_block
        self._threads = [ThreadPoolExecutor(max_workers=1) for _ in range(_LANES)] if beside else []
        self._jobs: list[Future[None]] = []

    def __enter__(self) -> "Lanes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for job in self._jobs:
                job.result()
        finally:
            for thread in self._threads:
                thread.submit(connections.close_all).result()
                thread.shutdown()

    def do(self, prepare: Callable[[], _T], finish: Callable[[_T], None]) -> None:
        """Start a job as soon as a lane is free; an error of an earlier one is raised here, or at the end."""
        if not self._threads:
            finish(prepare())
            return
        if len(self._jobs) == _LANES:
            self._jobs.pop(0).result()
        before = self._jobs[-1] if self._jobs else None

        def job() -> None:
            nonlocal prepare
            prepared = prepare()
            del prepare  # and with it the memory that it prepares from
            if before is not None:
                before.result()
            finish(prepared)

        self._threads.append(self._threads.pop(0))
        self._jobs.append(self._threads[-1].submit(job))
