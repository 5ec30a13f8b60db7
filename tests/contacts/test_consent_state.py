"""How events make the current consent: order-free, by purpose, and a withdrawal wins a tie."""

import json
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from contacts.consent.state import (
    GRANTED,
    WITHDRAWN,
    Event,
    dump_grants,
    dump_withdrawals,
    fold,
    load_grants,
    load_withdrawals,
)
from contacts.gate import Grant

MAY = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def granted(
    number: int, at: datetime = MAY, *purposes: str, until: datetime | None = None, recorded: datetime | None = None
) -> Event:
    return Event(number, GRANTED, purposes or ("service",), at, until, recorded)


def withdrawn(number: int, at: datetime = MAY, *purposes: str) -> Event:
    return Event(number, WITHDRAWN, purposes or ("service",), at)


def test_no_events_allow_nothing() -> None:
    state = fold([])
    assert (state.grants, state.withdrawals, state.status) == ({}, {}, WITHDRAWN)


def test_a_grant_stands_with_its_opt_in_and_times() -> None:
    state = fold([granted(7, MAY, "service", "utility", until=MAY + DAY)])
    assert state.grants == {purpose: Grant(7, MAY, MAY + DAY) for purpose in ("service", "utility")}
    assert state.status == GRANTED


def test_the_latest_event_wins_in_whichever_order_they_come() -> None:
    events = [granted(1, MAY), withdrawn(2, MAY + DAY), granted(3, MAY + 2 * DAY)]
    for order in (events, events[::-1], [events[1], events[2], events[0]]):
        state = fold(order)
        assert state.grants == {"service": Grant(3, MAY + 2 * DAY, None)}
        assert state.withdrawals == {"service": MAY + DAY}


def test_a_grant_from_before_the_withdrawal_does_not_undo_it_however_late_it_is_recorded() -> None:
    assert fold([withdrawn(1, MAY), granted(2, MAY - DAY)]).status == WITHDRAWN
    assert fold([withdrawn(1, MAY), granted(2, MAY - DAY, recorded=MAY + DAY)]).status == WITHDRAWN


def test_at_the_same_instant_the_withdrawal_wins() -> None:
    for events in ([granted(1), withdrawn(2)], [withdrawn(1), granted(2)]):
        assert fold(events).grants == {}
    elsewhere = MAY.astimezone(timezone(timedelta(hours=2)))
    assert fold([withdrawn(1), granted(2, elsewhere)]).grants == {}


def test_at_the_same_instant_the_later_record_of_two_grants_is_named() -> None:
    assert fold([granted(2), granted(1)]).grants["service"].opt_in_id == 2


def test_each_purpose_has_a_state_of_its_own() -> None:
    state = fold([granted(1, MAY, "service", "marketing"), withdrawn(2, MAY + DAY, "marketing")])
    assert set(state.grants) == {"service"}
    assert set(state.withdrawals) == {"marketing"}
    assert state.status == GRANTED


def test_held_and_dismissed_events_change_nothing() -> None:
    for name in ("HELD", "DISMISSED"):
        assert fold([Event(2, name, ("service",), MAY + DAY)]).status == WITHDRAWN
        assert fold([granted(1), Event(2, name, ("service",), MAY + DAY)]).grants["service"].opt_in_id == 1


def test_a_withdrawal_ends_a_grant_that_was_recorded_with_a_date_in_the_future() -> None:
    mistyped = granted(1, MAY + 365 * DAY, recorded=MAY)
    assert fold([mistyped]).grants == {"service": Grant(1, MAY + 365 * DAY, None)}
    assert fold([mistyped, withdrawn(2, MAY + DAY)]).grants == {}
    assert fold([mistyped, withdrawn(2, MAY)]).grants == {}
    again = granted(3, MAY + 2 * DAY, recorded=MAY + 2 * DAY)
    assert fold([mistyped, withdrawn(2, MAY + DAY), again]).grants["service"].opt_in_id == 3


def test_a_withdrawal_recorded_late_counts_from_when_it_was_said() -> None:
    later = granted(1, MAY + DAY, recorded=MAY + DAY)
    assert fold([later, Event(2, WITHDRAWN, ("service",), MAY, None, MAY + 5 * DAY)]).grants["service"].opt_in_id == 1


EVENTS = st.lists(
    st.tuples(
        st.sampled_from([GRANTED, WITHDRAWN, "HELD", "DISMISSED"]),
        st.lists(st.sampled_from(["service", "utility", "marketing"]), min_size=1, unique=True).map(tuple),
        st.integers(0, 3).map(lambda day: MAY + day * DAY),
        st.none() | st.integers(0, 3).map(lambda day: MAY + day * DAY),
        st.none() | st.integers(0, 3).map(lambda day: MAY + day * DAY),
    ),
    max_size=8,
).map(lambda rows: [Event(number, *row) for number, row in enumerate(rows, 1)])


@given(EVENTS, st.randoms(use_true_random=False))
def test_the_order_of_reading_does_not_matter(events: list[Event], random: object) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(shuffled) == fold(events)


@given(EVENTS)
def test_a_withdrawal_of_everything_after_everything_leaves_nothing(events: list[Event]) -> None:
    last = withdrawn(99, MAY + 3 * DAY, "service", "utility", "marketing")
    state = fold([*events, last])
    assert state.grants == {}
    assert state.status == WITHDRAWN


@given(EVENTS)
def test_what_is_stored_is_read_back(events: list[Event]) -> None:
    state = fold(events)
    assert load_grants(json.loads(json.dumps(dump_grants(state.grants)))) == state.grants
    assert load_withdrawals(json.loads(json.dumps(dump_withdrawals(state.withdrawals)))) == state.withdrawals


def test_times_are_stored_in_utc() -> None:
    stored = dump_grants({"service": Grant(1, MAY.astimezone(timezone(timedelta(hours=2))), None)})
    assert json.loads(json.dumps(stored)) == [[1, "2026-05-03T10:00:00+00:00", None, "service"]]
