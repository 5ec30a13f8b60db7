"""One django-q2 cluster as a child process: started, listened to, asked to leave, killed.

A worker that is killed while it waits takes the lock of the shared queue with it. The sentinel then starts another,
which waits for that lock for ever: alive, and never working. So the sentinel reports a process that a signal ended, and
tells every half second how many workers are busy and how many tasks wait in its memory; waadmin/watchdog.py judges.
"""

import multiprocessing
import os
import select
import signal
import threading
import time
import uuid
from contextlib import suppress
from multiprocessing.process import BaseProcess
from queue import Empty
from typing import Any

from django.db import DatabaseError, connections
from django.utils import timezone
from django_q.cluster import Sentinel
from django_q.models import OrmQ

_LOST = "lost"
_KILL_SECONDS = 10.0
_SAVE_SECONDS = 2.0


class Cluster:
    """A running cluster, as its watchdog sees it."""

    def __init__(self, *, now: float) -> None:
        control_read, self._control = os.pipe()
        self._reports, reports_write = os.pipe()
        os.set_blocking(self._reports, False)
        self.started_at = self.heard_at = self.progress_at = now
        self.busy = self.queued = 0
        self.lost = False
        # A connection that two processes share mixes their answers up.
        connections.close_all()
        # Forked and not spawned: django-q2 forks its own workers from this process, and everything is loaded already.
        self.process: BaseProcess = multiprocessing.get_context("fork").Process(
            target=_run, args=(control_read, reports_write, (self._control, self._reports))
        )
        self.process.start()
        os.close(control_read)
        os.close(reports_write)

    def listen(self, *, now: float) -> None:
        """Take in what the sentinel has reported since the last time."""
        text = b""
        with suppress(BlockingIOError):
            while part := os.read(self._reports, 65536):
                text += part
        for line in text.decode().splitlines():
            self.heard_at = now
            if line == _LOST:
                self.lost = True
                continue
            busy, queued = (int(word) for word in line.split())
            if busy or (busy, queued) != (self.busy, self.queued):
                self.progress_at = now
            self.busy, self.queued = busy, queued

    @property
    def alive(self) -> bool:
        """Tell whether the sentinel runs."""
        return self.process.is_alive()

    def leave(self) -> None:
        """Ask the cluster to finish what it is working on, give back what it has only fetched, and end."""
        if self._control >= 0:
            os.close(self._control)
            self._control = -1

    def kill(self) -> None:
        """End every process of the cluster now."""
        self.leave()
        pid = self.process.pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        self.process.kill()
        self.process.join(_KILL_SECONDS)
        if self._reports >= 0:
            os.close(self._reports)
            self._reports = -1


def give_back() -> int:
    """Let tasks that a cluster fetched and did not finish be fetched again at once, and give how many there were.

    Those of another host that still works on them run twice, which every task must bear (docs/decisions.md).
    """
    now = timezone.now()
    return int(OrmQ.objects.filter(lock__gt=now).update(lock=now))


class _Leash:
    """Stands where the sentinel expects its stop event: each wait is a sign of life, and a closed pipe means stop."""

    def __init__(self, control: int, reports: int) -> None:
        self._control, self._reports = control, reports
        self._pulled = False
        self.sentinel: Any = None
        os.set_blocking(reports, False)

    def is_set(self) -> bool:
        return self._pulled

    def wait(self, timeout: float) -> bool:
        self.report(f"{busy_workers(self.sentinel)} {self.sentinel.task_queue.qsize()}")
        until = time.monotonic() + timeout
        while not self._pulled and (left := until - time.monotonic()) > 0:
            # Readable means closed: the watchdog wants us to leave, or is gone itself.
            self._pulled = bool(select.select([self._control], [], [], left)[0])
        return self._pulled

    def report(self, line: str) -> None:
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._reports, f"{line}\n".encode())


class _ReportingSentinel(Sentinel):  # type: ignore[misc]
    """django-q2's sentinel, which also says when a signal ended one of its processes."""

    lost = False

    def reincarnate(self, process: Any) -> None:
        if (process.exitcode or 0) < 0:
            self.lost = True
            self.stop_event.report(_LOST)
        super().reincarnate(process)

    def stop(self) -> None:
        """Stop as django-q2 does, but give back what is fetched and not begun: it would work all of it off first."""
        self.event_out.set()
        if self.lost:
            self._let_the_busy_finish()
            return
        unbegun = []
        while self.pusher.is_alive() or not self.task_queue.empty():
            try:
                unbegun.append(self.task_queue.get(block=False)["ack_id"])
            except Empty:
                time.sleep(0.05)
        with suppress(DatabaseError):
            OrmQ.objects.filter(pk__in=unbegun).update(lock=timezone.now())
        connections.close_all()
        super().stop()

    def _let_the_busy_finish(self) -> None:
        while busy_workers(self):
            time.sleep(0.1)
        until = time.monotonic() + _SAVE_SECONDS
        while not self.result_queue.empty() and time.monotonic() < until:
            time.sleep(0.1)


def busy_workers(sentinel: Any) -> int:
    """Count the workers that work on a task; their timers' locks are not taken, as their holders may be gone."""
    return sum(worker.timer.get_obj().value > 0 for worker in sentinel.pool)


def _run(control: int, reports: int, not_ours: tuple[int, ...]) -> None:
    os.setsid()  # a group of its own, so that all of it can be killed, and Ctrl-C reaches the watchdog only
    for descriptor in not_ours:
        os.close(descriptor)
    leash = _Leash(control, reports)
    sentinel = _ReportingSentinel(leash, threading.Event(), uuid.uuid4(), start=False)
    leash.sentinel = sentinel
    sentinel.start()
