"""What makes a process die, stand still or go by a wrong clock: called in a process that only a test has started.

FAULT_POINT names a point of `tests.faults.points`. FAULT_SIGNAL=STOP lets the process stand still there instead of
dying, FAULT_MARK names the file in which the point says that it was passed. FAULT_CLOCK is by how many seconds the
process's clock goes ahead.
"""

import importlib
import itertools
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import time_machine

from tests.faults.points import POINTS, Point


def obey_the_environment() -> None:
    """Arm the point and set the clock that the environment names."""
    if name := os.environ.get("FAULT_POINT"):
        arm(POINTS[name])
    if seconds := float(os.environ.get("FAULT_CLOCK", "0")):
        set_clock(timedelta(seconds=seconds))


def arm(point: Point) -> None:
    """Let this process end, or stand still, at the point's n-th passage."""
    owner, name = _owner_of(point.place)
    real: Callable[..., Any] = getattr(owner, name)
    passages = itertools.count(1)

    @wraps(real)
    def passing(*args: Any, **kwargs: Any) -> Any:
        is_it = next(passages) == point.passage
        if is_it and point.when == "before":
            _end_at(point)
        result = real(*args, **kwargs)
        if is_it and point.when == "after":
            _end_at(point)
        return result

    setattr(owner, name, passing)


def set_clock(ahead: timedelta) -> None:
    """Let this process and its children live so much later, or earlier, from now on."""
    time_machine.travel(datetime.now(UTC) + ahead, tick=True).start()


def _owner_of(place: str) -> tuple[Any, str]:
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *classes, name = path.split(".")
    for one in classes:
        owner = getattr(owner, one)
    return owner, name


def _end_at(point: Point) -> None:
    mark = os.environ.get("FAULT_MARK")
    if mark:
        Path(mark).write_text(point.name)
    os.kill(os.getpid(), getattr(signal, f"SIG{os.environ.get('FAULT_SIGNAL', 'KILL')}"))
