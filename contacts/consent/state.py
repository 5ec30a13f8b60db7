"""How consent events make the current state. Pure: the same events in any order give the same state."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from contacts.gate import Grant

GRANTED = "GRANTED"
WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True, slots=True)
class Event:
    """One grant or withdrawal of one person, as far as the state needs it."""

    id: int
    state: str
    purposes: tuple[str, ...]
    given_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What stands: the grant in force for each purpose, and the latest withdrawal of each."""

    grants: Mapping[str, Grant]
    withdrawals: Mapping[str, datetime]

    @property
    def status(self) -> str:
        """GRANTED while any purpose is granted, expired or not; WITHDRAWN otherwise."""
        return GRANTED if self.grants else WITHDRAWN


def fold(events: Iterable[Event]) -> State:
    """Let the latest event of each purpose win; at the same instant the withdrawal wins."""
    grants: dict[str, Grant] = {}
    withdrawals: dict[str, datetime] = {}
    for event in sorted(events, key=lambda event: (event.given_at, event.state == WITHDRAWN, event.id)):
        for purpose in event.purposes:
            if event.state == GRANTED:
                grants[purpose] = Grant(event.id, event.given_at, event.expires_at)
            elif event.state == WITHDRAWN:
                grants.pop(purpose, None)
                withdrawals[purpose] = event.given_at
    return State(grants, withdrawals)


def dump_grants(grants: Mapping[str, Grant]) -> dict[str, list[int | str | None]]:
    """Write grants as `Consent.grants` stores them."""
    return {
        purpose: [
            grant.opt_in_id,
            write_time(grant.given_at),
            write_time(grant.expires_at) if grant.expires_at else None,
        ]
        for purpose, grant in grants.items()
    }


def load_grants(stored: Mapping[str, list[int | str | None]]) -> dict[str, Grant]:
    """Read `Consent.grants`."""
    return {
        purpose: Grant(
            int(opt_in_id or 0),
            datetime.fromisoformat(str(given_at)),
            datetime.fromisoformat(str(expires_at)) if expires_at else None,
        )
        for purpose, (opt_in_id, given_at, expires_at) in stored.items()
    }


def dump_withdrawals(withdrawals: Mapping[str, datetime]) -> dict[str, str]:
    """Write withdrawals as `Consent.withdrawals` stores them."""
    return {purpose: write_time(at) for purpose, at in withdrawals.items()}


def load_withdrawals(stored: Mapping[str, str]) -> dict[str, datetime]:
    """Read `Consent.withdrawals`."""
    return {purpose: datetime.fromisoformat(at) for purpose, at in stored.items()}


def write_time(at: datetime) -> str:
    """Write a time in UTC as ISO 8601 text."""
    return at.astimezone(UTC).isoformat()
