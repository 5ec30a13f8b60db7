"""The worker: keeps one cluster working, replaces it when it cannot, and stops all of it when told to.

Tasks are delivered at least once and rows are claimed in our own tables, so replacing a cluster too often costs time
and nothing else; not replacing a dead one would leave work undone for ever.
"""

import logging
import os
import signal
import socket
import time
from datetime import UTC, datetime, timedelta
from types import FrameType

from django.conf import settings
from django.db import DatabaseError, connections
from django_q.models import OrmQ

from waadmin.cluster import Cluster, give_back
from waadmin.models import WorkerHeartbeat

logger = logging.getLogger(__name__)

_LOOK_EVERY = 0.5
_BEAT_EVERY = 10.0
#: The sentinel reports twice a second, but may wait for a locked SQLite file (20 s) when it looks at schedules.
_SILENT_SECONDS = 45.0
#: Fetched tasks that no idle worker takes up, or rows that nobody fetches.
_STALLED_SECONDS = 15.0
_ROW_WAITS = timedelta(seconds=20)
#: A cluster that ends sooner is broken from the start: wait longer each time.
_SHORT_LIFE = 10.0
_LONGEST_PAUSE = 30.0
#: How long a busy cluster may take to leave; a task works for at most 60 s and one call more.
LEAVE_SECONDS = 100.0
_FORGET_AFTER = timedelta(days=1)


class Watchdog:
    """Watches over one cluster until SIGTERM or SIGINT; a second signal ends everything at once."""

    def __init__(self) -> None:
        self._signals = 0
        self._name = f"{socket.gethostname()}:{os.getpid()}"[:100]
        self._started_at = datetime.now(UTC)
        self._replaced = 0
        self._short_lives = 0
        self._next_beat = 0.0
        self._rows_wait_since: float | None = None
        #: Clusters that are replaced and still finish what they are working on, with the time by which they must end.
        self._leaving: list[tuple[Cluster, float]] = []

    def run(self) -> None:
        """Watch until told to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note_signal)
        cluster = self._start()
        while not self._signals:
            time.sleep(_LOOK_EVERY)
            now = time.monotonic()
            cluster.listen(now=now)
            self._beat(cluster, now)
            self._end_leaving(now)
            if reason := self.failure(cluster, now):
                cluster = self._replace(cluster, reason, now)
        self._stop(cluster)

    def failure(self, cluster: Cluster, now: float) -> str:
        """Say why the cluster can no longer work, or nothing where it can."""
        if not cluster.alive:
            return "it ended"
        if cluster.lost:
            return "one of its processes was killed"
        if now - cluster.heard_at > _SILENT_SECONDS:
            return f"it has been silent for {_SILENT_SECONDS:.0f} s"
        if cluster.busy or now - cluster.progress_at < _STALLED_SECONDS:
            return ""
        if cluster.queued:
            return f"none of its workers takes up the {cluster.queued} tasks it fetched"
        if self._rows_wait_since is not None and now - self._rows_wait_since > _STALLED_SECONDS:
            return "it fetches no tasks"
        return ""

    def _start(self) -> Cluster:
        try:
            if count := give_back():
                logger.info("%d tasks that were fetched and not finished are queued again", count)
        except DatabaseError as error:
            logger.error("the queue cannot be read (%s); the cluster starts all the same and waits for it", error)
            connections.close_all()
        self._rows_wait_since = None
        return Cluster(now=time.monotonic())

    def _replace(self, cluster: Cluster, reason: str, now: float) -> Cluster:
        logger.error("the cluster is replaced: %s", reason)
        self._replaced += 1
        if cluster.alive and cluster.lost and cluster.busy:
            cluster.leave()
            self._leaving.append((cluster, now + LEAVE_SECONDS))
        else:
            cluster.kill()
        self._short_lives = self._short_lives + 1 if now - cluster.started_at < _SHORT_LIFE else 0
        if self._short_lives > 1:
            self._pause(min(2.0**self._short_lives, _LONGEST_PAUSE))
        return self._start()

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._signals and time.monotonic() < until:
            time.sleep(_LOOK_EVERY)

    def _end_leaving(self, now: float) -> None:
        for entry in list(self._leaving):
            cluster, deadline = entry
            if not cluster.alive or now > deadline:
                cluster.kill()
                self._leaving.remove(entry)

    def _beat(self, cluster: Cluster, now: float) -> None:
        if now < self._next_beat:
            return
        self._next_beat = now + _BEAT_EVERY
        at = datetime.now(UTC)
        try:
            if now - cluster.heard_at < _BEAT_EVERY:
                WorkerHeartbeat.objects.update_or_create(
                    name=self._name,
                    defaults={
                        "started_at": self._started_at,
                        "beat_at": at,
                        "busy": cluster.busy,
                        "replaced": self._replaced,
                    },
                )
            waiting = OrmQ.objects.filter(key=settings.Q_CLUSTER["name"], lock__lt=at - _ROW_WAITS).exists()
        except DatabaseError:
            # A cluster cannot fetch tasks either while the database does not answer; that is no reason to replace it.
            logger.warning("the heartbeat cannot be written: the database does not answer")
            connections.close_all()
            waiting = False
        if not waiting:
            self._rows_wait_since = None
        elif self._rows_wait_since is None:
            self._rows_wait_since = now

    def _stop(self, cluster: Cluster) -> None:
        logger.info("stopping; a second signal ends what is still at work")
        deadline = time.monotonic() + LEAVE_SECONDS
        clusters = [cluster, *(leaving for leaving, _deadline in self._leaving)]
        for each in clusters:
            each.leave()
        while any(each.alive for each in clusters) and self._signals < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        for each in clusters:
            each.kill()
        try:
            WorkerHeartbeat.objects.filter(name=self._name).delete()
            WorkerHeartbeat.objects.filter(beat_at__lt=datetime.now(UTC) - _FORGET_AFTER).delete()
        except DatabaseError:
            logger.warning("the heartbeat cannot be removed: the database does not answer")
        logger.info("stopped")

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
