"""Where an import stands: its counts, how fast it goes, how long the rest will take."""

from dataclasses import dataclass
from datetime import datetime

from contacts import pace
from contacts.models import OptInImport


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an import is; a total of nought says that nobody has counted its lines."""

    done: int
    total: int
    per_second: float
    seconds_left: int | None


def standing(entry: OptInImport, *, now: datetime) -> Standing:
    """Say how far the import is."""
    done = sum(
        (entry.granted_count, entry.withdrawn_count, entry.unchanged_count, entry.held_count, entry.refused_count)
    )
    rate = pace.per_second(done, since=entry.started_at, until=entry.finished_at or now)
    total = entry.line_count or 0
    return Standing(done, total, rate, pace.seconds_left(total - done, rate))
