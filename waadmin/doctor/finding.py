"""What a check of the doctor found: how it stands, what was seen, and how to mend it in one sentence."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How one thing stands."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    outcome: Outcome
    seen: str
    mend: str = ""


def ok(check: str, seen: str) -> Finding:
    """Say that all is well."""
    return Finding(check, Outcome.OK, seen)


def warn(check: str, seen: str, mend: str) -> Finding:
    """Say what will or may go wrong."""
    return Finding(check, Outcome.WARN, seen, mend)


def bad(check: str, seen: str, mend: str) -> Finding:
    """Say what is wrong."""
    return Finding(check, Outcome.BAD, seen, mend)


def not_checked(check: str, seen: str, mend: str = "") -> Finding:
    """Say why nothing is known."""
    return Finding(check, Outcome.NOT_CHECKED, seen, mend)


def age(seconds: float) -> str:
    """Write how long something took or waits, in its largest unit."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
