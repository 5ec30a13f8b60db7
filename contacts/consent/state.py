"""How consent events make the current state. Pure: the same events in any order give the same state."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from contacts.gate import Grant
from providers.models import Purpose

if TYPE_CHECKING:
    from contacts.models import OptIn

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
    recorded_at: datetime | None = None

    @property
    def said_at(self) -> datetime:
        """When it was said; a grant dated in the future when it was recorded, or no withdrawal could end it."""
        if self.state == GRANTED and self.recorded_at is not None:
            return min(self.given_at, self.recorded_at)
        return self.given_at


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
    for event in sorted(events, key=lambda event: (event.said_at, event.state == WITHDRAWN, event.id)):
        for purpose in event.purposes:
            if event.state == GRANTED:
                grants[purpose] = Grant(event.id, event.given_at, event.expires_at)
            elif event.state == WITHDRAWN:
                grants.pop(purpose, None)
                withdrawals[purpose] = event.given_at
    return State(grants, withdrawals)


def fold_events(rows: Iterable["OptIn"], kept: Mapping[str, datetime] = MappingProxyType({})) -> State:
    """Fold one person's events as they stand in the database, with the withdrawals that are kept of their number."""
    events = [
        Event(row.pk, row.state, tuple(row.purposes.split(",")), row.given_at, row.expires_at, row.recorded_at)
        for row in rows
    ]
    return fold([*events, *withdrawn(kept)])


def withdrawn(kept: Mapping[str, datetime]) -> list[Event]:
    """Give withdrawals that no event tells any more as events: those of a person whose events were erased."""
    return [Event(0, WITHDRAWN, (purpose,), at) for purpose, at in kept.items()]


def suspended(state: State, at: datetime) -> State:
    """Let nothing stand from `at` on, whatever was agreed to: the person's data may only be kept."""
    return State({}, {**dict.fromkeys(Purpose.values, at), **state.withdrawals})


def dump_grants(grants: Mapping[str, Grant]) -> list[list[Any]]:
    """Write grants as `Consent.grants` stores them; purposes of one grant stand together."""
    stored: dict[Grant, list[Any]] = {}
    for purpose, grant in grants.items():
        if grant not in stored:
            until = write_time(grant.expires_at) if grant.expires_at else None
            stored[grant] = [grant.opt_in_id, write_time(grant.given_at), until]
        stored[grant].append(purpose)
    return list(stored.values())


def load_grants(stored: Iterable[Sequence[Any]]) -> dict[str, Grant]:
    """Read `Consent.grants`."""
    grants: dict[str, Grant] = {}
    for opt_in_id, given_at, expires_at, *purposes in stored:
        until = datetime.fromisoformat(expires_at) if expires_at else None
        grant = Grant(opt_in_id, datetime.fromisoformat(given_at), until)
        for purpose in purposes:
            grants[purpose] = grant
    return grants


def dump_withdrawals(withdrawals: Mapping[str, datetime]) -> dict[str, str]:
    """Write withdrawals as `Consent.withdrawals` stores them."""
    return {purpose: write_time(at) for purpose, at in withdrawals.items()}


def load_withdrawals(stored: Mapping[str, str]) -> dict[str, datetime]:
    """Read `Consent.withdrawals`."""
    return {purpose: datetime.fromisoformat(at) for purpose, at in stored.items()}


def write_time(at: datetime) -> str:
    """Write a time in UTC as ISO 8601 text."""
    return at.astimezone(UTC).isoformat()
