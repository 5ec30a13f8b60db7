"""Limits at their edges: to the microsecond, with one attempt more or less, and in the words that say so."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from numbers import limits
from numbers.limits import LimitReached, Refused, Whose
from numbers.models import BusinessAccount, BusinessNumber, VerificationAttempt
from providers.models import Business
from tests import factories

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOBODY_YET = limits.Allowance(None, 3, 5, None, 9, 2, None, None)


@pytest.fixture
def number(acme: Business) -> BusinessNumber:
    account = factories.account(acme, "cloud_api", base_url="https://graph.example")
    waba = BusinessAccount.objects.create(waba_id="1", business=acme, account=account, name="Acme")
    return BusinessNumber.objects.create(business_account=waba, e164="+12025551100", phone_number_id="1")


@pytest.fixture
def other(number: BusinessNumber) -> BusinessNumber:
    waba = number.business_account
    return BusinessNumber.objects.create(business_account=waba, e164="+12025551200", phone_number_id="2")


def made(number: BusinessNumber, action: str, ago: timedelta, times: int = 1, **fields: object) -> VerificationAttempt:
    fields = {"outcome": "DONE", "actor": "alice"} | fields
    for _time in range(times):
        attempt = VerificationAttempt.objects.create(
            business_number=number, action=action, started_at=NOW - ago, **fields
        )
    return attempt


def left(number: BusinessNumber, actor: str = "alice") -> limits.Allowance:
    return limits.allowance(number=number, actor=actor, now=NOW)


def request(number: BusinessNumber, actor: str = "alice") -> None:
    limits.check_request(number=number, actor=actor, now=NOW)


def submit(number: BusinessNumber, code: VerificationAttempt | None, actor: str = "alice") -> None:
    limits.check_submission(number=number, code=code, actor=actor, now=NOW)


def register(number: BusinessNumber) -> None:
    limits.check_registration(number=number, now=NOW)


def limit_of(journey: Callable[[], object]) -> LimitReached:
    with pytest.raises(LimitReached) as caught:
        journey()
    assert str(caught.value) == caught.value.message
    return caught.value


def test_the_limits_are_these() -> None:
    assert (limits.CODE_LIFETIME, limits.REQUEST_WINDOW, limits.REQUESTS_IN_WINDOW) == (10 * MINUTE, 10 * MINUTE, 3)
    assert (limits.LONG_WINDOW, limits.REQUESTS_IN_LONG_WINDOW, limits.TRIES_PER_CODE) == (72 * HOUR, 10, 5)
    assert (limits.OPERATOR_WINDOW, limits.CODES_PER_OPERATOR) == (HOUR, 30)
    assert (limits.REGISTRATIONS_IN_LONG_WINDOW, limits.WRONG_PINS_IN_A_ROW) == (9, 2)
    assert [str(whose) for whose in Whose] == ["ours", "provider"]


def test_a_number_of_which_nothing_was_asked_has_everything_left(number: BusinessNumber) -> None:
    assert left(number) == NOBODY_YET
    with pytest.raises(FrozenInstanceError):
        NOBODY_YET.requests_left = 4  # type: ignore[misc]
    assert not hasattr(NOBODY_YET, "__dict__")
    for allowed in (lambda: request(number), lambda: submit(number, None), lambda: register(number)):
        allowed()


@pytest.mark.parametrize("action", ["REQUEST_CODE", "CODE_ELSEWHERE"])
def test_a_code_is_good_until_just_before_ten_minutes(number: BusinessNumber, action: str) -> None:
    gone = made(number, action, 10 * MINUTE)
    assert (left(number).code_request, left(number).code_expires_at) == (None, None)
    good = made(number, action, 10 * MINUTE - TICK)
    assert (left(number).code_request, left(number).code_expires_at) == (good, NOW + TICK)
    assert limits.current_code(number, NOW - TICK) in (gone, good)


def test_the_newest_code_that_may_have_been_sent_is_expected(number: BusinessNumber, other: BusinessNumber) -> None:
    newest = made(number, "REQUEST_CODE", MINUTE)
    made(number, "REQUEST_CODE", 2 * MINUTE)
    same_moment = made(number, "CODE_ELSEWHERE", MINUTE)
    for outcome in ("NOT_SENT", "REFUSED"):
        made(number, "REQUEST_CODE", TICK, outcome=outcome)
    made(number, "SUBMIT_CODE", TICK)
    made(other, "REQUEST_CODE", TICK)

    assert limits.current_code(number, NOW) == same_moment
    assert newest.pk < same_moment.pk


def test_a_list_brings_the_expected_codes_along(
    number: BusinessNumber, other: BusinessNumber, django_assert_num_queries: Callable[[int], object]
) -> None:
    expected = made(number, "REQUEST_CODE", MINUTE)
    made(number, "REQUEST_CODE", 2 * MINUTE)
    numbers = list(limits.with_current_codes(BusinessNumber.objects.order_by("pk"), NOW))
    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        assert [limits.current_code(one, NOW) for one in numbers] == [expected, None]


@pytest.mark.parametrize(("window", "most"), [(10 * MINUTE, 3), (72 * HOUR, 10)])
def test_codes_are_counted_over_the_whole_window_and_no_longer(
    number: BusinessNumber, other: BusinessNumber, window: timedelta, most: int
) -> None:
    made(number, "REQUEST_CODE", window, most)
    made(other, "REQUEST_CODE", 11 * MINUTE, most)
    made(number, "SUBMIT_CODE", 11 * MINUTE, most)
    made(number, "CODE_ELSEWHERE", window - TICK, most - 1)
    request(number)
    # Recorded last, and not the latest: the earliest of the last so many says when it frees.
    made(number, "REQUEST_CODE", window - 2 * TICK)

    limit = limit_of(lambda: request(number))

    assert (limit.free_at, limit.whose) == (NOW + TICK, Whose.OURS)
    assert limit.message.startswith(f"{most} codes in ")
    assert limit.message.endswith(f"It frees at {limits.in_words(NOW + TICK, NOW)}.")
    assert (left(number).resend_at, left(number).requests_left) == (NOW + TICK, 0)


@pytest.mark.parametrize(("window", "most"), [(10 * MINUTE, 3), (72 * HOUR, 10)])
def test_of_more_codes_than_allowed_the_last_ones_say_when_it_frees(
    number: BusinessNumber, window: timedelta, most: int
) -> None:
    made(number, "CODE_ELSEWHERE", window - 5 * TICK, most)
    made(number, "CODE_ELSEWHERE", window - TICK, 2)
    assert limit_of(lambda: request(number)).free_at == NOW + 5 * TICK
    assert left(number, "bob").resend_at == NOW + 5 * TICK


def test_the_narrower_window_says_how_many_codes_are_left(number: BusinessNumber) -> None:
    made(number, "REQUEST_CODE", HOUR, 8)
    assert left(number).requests_left == 2
    made(number, "REQUEST_CODE", MINUTE)
    assert left(number).requests_left == 1
    made(number, "REQUEST_CODE", HOUR, 5, outcome="NOT_SENT")
    assert left(number).requests_left == 1


def test_two_codes_lately_leave_one(number: BusinessNumber) -> None:
    made(number, "REQUEST_CODE", MINUTE, 2)
    assert (left(number).requests_left, left(number).resend_at) == (1, None)


def test_tries_belong_to_their_code_and_its_ten_minutes(number: BusinessNumber, other: BusinessNumber) -> None:
    code = made(number, "REQUEST_CODE", 5 * MINUTE)
    made(number, "SUBMIT_CODE", MINUTE, 4, code_request=code)
    made(number, "SUBMIT_CODE", MINUTE, 3)
    made(number, "SUBMIT_CODE", MINUTE, 3, code_request=code, outcome="NOT_SENT")
    made(number, "SUBMIT_CODE", 10 * MINUTE, 3, code_request=code)
    made(other, "SUBMIT_CODE", MINUTE, 3, code_request=code)
    assert (left(number).tries_left, left(number).tries_free_at) == (1, None)
    submit(number, code)

    made(number, "SUBMIT_CODE", 10 * MINUTE - TICK, code_request=code)

    limit = limit_of(lambda: submit(number, code))
    assert (limit.free_at, limit.whose) == (NOW + 5 * MINUTE, Whose.OURS)
    assert limit.message == "5 tries for one code: our limit, so that nobody guesses it. Request a new code."
    assert (left(number).tries_left, left(number).tries_free_at) == (0, NOW + 5 * MINUTE)


@pytest.mark.parametrize("is_known", [True, False])
def test_where_we_cannot_send_a_code_it_says_when_the_tries_free(number: BusinessNumber, is_known: bool) -> None:
    code = made(number, "CODE_ELSEWHERE", 9 * MINUTE) if is_known else None
    expired = made(number, "REQUEST_CODE", HOUR)
    made(number, "SUBMIT_CODE", MINUTE, 3, code_request=code or expired)
    made(number, "SUBMIT_CODE", 4 * MINUTE, 3, code_request=code)
    free_at = NOW + MINUTE if is_known else NOW + 6 * MINUTE

    limit = limit_of(lambda: submit(number, code))

    assert (limit.free_at, limit.whose) == (free_at, Whose.OURS)
    assert limit.message == (
        "5 tries for one code: our limit, so that nobody guesses it. Have a new code sent. "
        f"It frees at {limits.in_words(free_at, NOW)}."
    )
    assert (left(number).tries_left, left(number).tries_free_at) == (0, free_at)


@pytest.mark.parametrize("actions", [("REQUEST_CODE", "CODE_ELSEWHERE"), ("SUBMIT_CODE", "SUBMIT_CODE")])
def test_an_operator_is_counted_over_all_numbers_for_an_hour(
    number: BusinessNumber, other: BusinessNumber, actions: tuple[str, str]
) -> None:
    def act() -> None:
        submit(number, None) if "SUBMIT_CODE" in actions else request(number)

    made(other, actions[0], HOUR, 30)
    made(other, actions[0], MINUTE, 30, actor="bob")
    made(other, actions[0], MINUTE, 30, outcome="NOT_SENT")
    made(other, "REGISTER", MINUTE, 30)
    made(other, actions[1], MINUTE, 29)
    act()
    assert left(number).requests_left == 3
    made(other, actions[0], HOUR - TICK)
    assert limit_of(act).free_at == NOW + TICK
    assert left(number).requests_left == (3 if "SUBMIT_CODE" in actions else 0)
    made(other, actions[0], 2 * MINUTE, 3)

    limit = limit_of(act)

    assert (limit.free_at, limit.whose) == (NOW + HOUR - 2 * MINUTE, Whose.OURS)
    assert limit.message.startswith("30 codes in an hour by one operator: our limit. It frees at ")


def test_nine_registrations_in_three_days_and_it_says_when_it_frees(
    number: BusinessNumber, other: BusinessNumber
) -> None:
    made(number, "REGISTER", 72 * HOUR, 9)
    made(number, "REQUEST_CODE", 10 * HOUR, 9)
    made(other, "REGISTER", HOUR, 9)
    made(number, "REGISTER", HOUR, 8)
    register(number)
    assert left(number).registrations_left == 1
    made(number, "REGISTER", 72 * HOUR - TICK)
    assert limit_of(lambda: register(number)).free_at == NOW + TICK
    made(number, "REGISTER", HOUR, 2)

    limit = limit_of(lambda: register(number))

    # Of eleven that count, the ninth from the end has to go first.
    assert (limit.free_at, limit.whose) == (NOW + 71 * HOUR, Whose.OURS)
    assert limit.message.startswith("9 registrations in 72 hours: our limit.")
    assert left(number).registrations_left == 0


def test_two_wrong_pins_are_the_last(number: BusinessNumber) -> None:
    for wrong, pins_left in ((0, 2), (1, 1)):
        number.wrong_pins = wrong
        register(number)
        assert left(number).wrong_pins_left == pins_left
    for wrong in (2, 3):
        number.wrong_pins = wrong
        limit = limit_of(lambda: register(number))
        assert (limit.whose, limit.free_at) == (Whose.OURS, None)
        assert limit.message.startswith("2 PINs in a row were wrong")
        assert left(number).wrong_pins_left == 0


@pytest.mark.parametrize("action", ["REQUEST_CODE", "SUBMIT_CODE", "REGISTER"])
def test_the_longest_wait_that_the_provider_asked_for_holds(
    number: BusinessNumber, other: BusinessNumber, action: str
) -> None:
    journeys = {"REQUEST_CODE": request, "SUBMIT_CODE": lambda one: submit(one, None), "REGISTER": register}
    made(number, action, 80 * HOUR, wait_until=NOW)
    for another, act in journeys.items():
        if another != action:
            made(number, another, 80 * HOUR, wait_until=NOW)
            act(number)
    journeys[action](number)
    for wait in (MINUTE, HOUR, 2 * MINUTE):
        made(number, action, 80 * HOUR, wait_until=NOW + wait)

    limit = limit_of(lambda: journeys[action](number))

    assert (limit.whose, limit.free_at) == (Whose.PROVIDER, NOW + HOUR)
    assert limit.message == "The provider asked us to wait: its limit. It frees at 11:00 UTC."
    for another, act in journeys.items():
        if another != action:
            act(number)
        act(other)


def test_a_refusal_is_its_message() -> None:
    assert (str(Refused("Not now.")), Refused("Not now.").message) == ("Not now.", "Not now.")


def test_a_time_to_come_is_written_in_the_readers_zone_and_day() -> None:
    late = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
    with timezone.override("America/Lima"):
        assert limits.in_words(late + HOUR, late) == "23:00 -05"
        assert limits.in_words(late + 2 * HOUR, late) == "4 May 2026, 00:00 -05"
    assert limits.in_words(late + HOUR, late) == "04:00 UTC"
