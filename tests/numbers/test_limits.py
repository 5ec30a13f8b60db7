"""Limits: counts in the database that no restart resets and no crowd of browsers gets past."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from django.db import connection

from numbers import codes, limits
from numbers.limits import LimitReached, Whose
from numbers.models import BusinessNumber, Operator, VerificationAttempt
from providers.models import Business
from sandbox import Ending, Sandbox
from tests.numbers import stage
from tests.numbers.flows import (
    IN_FULL,
    VERIFY,
    code_of,
    now,
    reached,
    register,
    request,
    submit,
    wrong_code_of,
)

pytestmark = pytest.mark.django_db

GUESSES = 10_000 if IN_FULL else 1_000
CLICKS = 1_000
THREADS = 16


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    """A number at the Cloud API that is neither verified nor registered."""
    return stage.cloud_number(acme, sandbox)


def made(number: BusinessNumber, action: str, started_at: datetime, **fields: str) -> VerificationAttempt:
    """An attempt that was made some time ago."""
    fields = {"outcome": "DONE", "actor": "alice"} | fields
    return VerificationAttempt.objects.create(business_number=number, action=action, started_at=started_at, **fields)


def limit_of(journey: Callable[[], object]) -> LimitReached:
    with pytest.raises(LimitReached) as caught:
        journey()
    return caught.value


def test_of_thousands_of_guesses_at_most_five_reach_the_provider(number: BusinessNumber, sandbox: Sandbox) -> None:
    asked_at = now()
    request(number, at=asked_at)
    right = code_of(sandbox, number)
    refused = 0
    for guess in range(GUESSES):
        code = f"{guess:06d}"
        if code == right:
            continue
        try:
            # Another operator every time, so that it is the code's own limit that holds.
            submit(number, code, actor=f"guesser-{guess % 400}", at=asked_at + timedelta(milliseconds=guess))
        except LimitReached:
            refused += 1

    assert reached(sandbox, *VERIFY) == 5
    assert refused >= GUESSES - 6
    assert sandbox.number(number.phone_number_id).code_verification_status != "VERIFIED"


def test_of_a_thousand_clicks_on_resend_at_most_three_reach_the_provider(
    number: BusinessNumber, sandbox: Sandbox
) -> None:
    begin = now()
    for click in range(CLICKS):
        try:
            request(number, actor=f"clicker-{click}", at=begin + timedelta(milliseconds=100 * click))
        except LimitReached:
            continue

    assert reached(sandbox, "/request_code") == 3


def crowd(work: Callable[[int], None]) -> None:
    """Do the work from 16 threads at once."""
    gate = threading.Barrier(THREADS)

    def one(index: int) -> None:
        try:
            gate.wait(10)
            work(index)
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(index,)) for index in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("postgresql")
def test_sixteen_browsers_at_once_get_no_further(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)

    def click(index: int) -> None:
        for turn in range(20):
            try:
                request(number, actor=f"clicker-{index}-{turn}")
            except codes.Refused:
                continue

    crowd(click)
    assert reached(sandbox, "/request_code") <= 3
    code = code_of(sandbox, number)

    def guess(index: int) -> None:
        for turn in range(40):
            candidate = f"{index * 40 + turn:06d}"
            try:
                submit(number, candidate if candidate != code else "999999", actor=f"guesser-{index}-{turn}")
            except codes.Refused:
                continue

    crowd(guess)
    assert reached(sandbox, *VERIFY) <= 5


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("postgresql")
def test_one_operator_in_sixteen_browsers_with_as_many_numbers_gets_the_thirtieth_code_once(
    acme: Business, sandbox: Sandbox
) -> None:
    numbers = [stage.cloud_number(acme, sandbox, e164=f"+120255511{index:02d}") for index in range(THREADS)]
    other = stage.cloud_number(acme, sandbox, e164="+12025551200")
    Operator.objects.create(actor="alice")  # making the row would be a lock by itself
    for _click in range(29):
        made(other, "REQUEST_CODE", now())

    def click(index: int) -> None:
        with suppress(codes.Refused):
            request(numbers[index])

    crowd(click)
    assert reached(sandbox, "/request_code") == 1


def test_three_codes_in_ten_minutes_and_it_says_when_it_frees(number: BusinessNumber) -> None:
    begin = now()
    for minute in range(3):
        made(number, "REQUEST_CODE", begin + timedelta(minutes=minute))

    limit = limit_of(lambda: request(number, at=begin + timedelta(minutes=3)))

    assert limit.whose is Whose.OURS and "our limit" in limit.message
    assert limit.free_at == begin + timedelta(minutes=10)
    left = limits.allowance(number=number, actor="alice", now=begin + timedelta(minutes=3))
    assert (left.resend_at, left.requests_left) == (begin + timedelta(minutes=10), 0)
    assert request(number, at=begin + timedelta(minutes=10, seconds=1)).outcome == "DONE"


def test_ten_codes_in_three_days(number: BusinessNumber) -> None:
    begin = now() - timedelta(hours=60)
    for hour in range(10):
        made(number, "REQUEST_CODE", begin + timedelta(hours=5 * hour))

    limit = limit_of(lambda: request(number))

    assert limit.free_at == begin + timedelta(hours=72)
    assert "72 hours" in limit.message


def test_five_tries_a_code_and_a_new_code_has_its_own(number: BusinessNumber, sandbox: Sandbox) -> None:
    request(number)
    for left in (4, 3, 2, 1, 0):
        submit(number, wrong_code_of(sandbox, number))
        assert limits.allowance(number=number, actor="alice", now=now()).tries_left == left

    limit = limit_of(lambda: submit(number, code_of(sandbox, number)))
    assert limit.whose is Whose.OURS and "Request a new code" in limit.message
    assert reached(sandbox, *VERIFY) == 5

    request(number)
    assert limits.allowance(number=number, actor="alice", now=now()).tries_left == 5
    assert submit(number, code_of(sandbox, number)).outcome == "DONE"


def test_at_kaleyra_tries_are_counted_by_the_last_ten_minutes(acme: Business, sandbox: Sandbox) -> None:
    number = stage.kaleyra_number(acme, sandbox)
    begin = now()
    for try_no in range(5):
        submit(number, wrong_code_of(sandbox, number), at=begin + timedelta(minutes=try_no))

    limit = limit_of(lambda: submit(number, "123456", at=begin + timedelta(minutes=5)))

    assert limit.free_at == begin + timedelta(minutes=10)
    submit(number, wrong_code_of(sandbox, number), at=begin + timedelta(minutes=10, seconds=1))
    assert reached(sandbox, *VERIFY) == 6


def test_a_declared_code_has_tries_of_its_own_and_declarations_count_as_requests(
    acme: Business, sandbox: Sandbox
) -> None:
    number = stage.kaleyra_number(acme, sandbox)
    for declared in range(3):
        for _try in range(5):
            submit(number, wrong_code_of(sandbox, number), actor=f"guesser-{declared}")
        limit_of(lambda: submit(number, "123456", actor="other"))
        codes.declare_code_sent(number=number, actor="alice", now=now())

    limit_of(lambda: codes.declare_code_sent(number=number, actor="alice", now=now()))
    sandbox.kaleyra_sends_code(number.e164)
    assert submit(number, code_of(sandbox, number)).outcome == "DONE"


def test_try_again_later_is_one_of_the_five_tries(acme: Business, sandbox: Sandbox) -> None:
    number = stage.kaleyra_number(acme, sandbox)
    number.e164 = f"+919765400{Ending.TRY_AGAIN_ONCE}"
    number.phone_number_id = sandbox.kaleyra_sends_code(number.e164)
    number.save()

    submit(number, code_of(sandbox, number))

    assert limits.allowance(number=number, actor="alice", now=now()).tries_left == 4


def test_what_never_left_costs_nothing(number: BusinessNumber) -> None:
    for _click in range(5):
        made(number, "REQUEST_CODE", now(), outcome="NOT_SENT")
        made(number, "SUBMIT_CODE", now(), outcome="NOT_SENT")
        made(number, "REGISTER", now(), outcome="NOT_SENT")

    left = limits.allowance(number=number, actor="alice", now=now())
    assert (left.requests_left, left.tries_left, left.registrations_left, left.resend_at) == (3, 5, 9, None)


def test_what_never_left_costs_the_operator_nothing(acme: Business, number: BusinessNumber, sandbox: Sandbox) -> None:
    other = stage.cloud_number(acme, sandbox, e164="+12025551200")
    for _click in range(30):
        made(other, "REQUEST_CODE", now(), outcome="NOT_SENT")

    assert request(number).outcome == "DONE"


@pytest.mark.parametrize("outcome", ["SENDING", "DONE", "REFUSED", "UNKNOWN"])
def test_whatever_may_have_left_counts(number: BusinessNumber, outcome: str) -> None:
    for _click in range(3):
        made(number, "REQUEST_CODE", now() - timedelta(minutes=2), outcome=outcome)

    limit_of(lambda: request(number))


def test_thirty_codes_an_hour_by_one_operator_over_all_numbers(
    acme: Business, number: BusinessNumber, sandbox: Sandbox
) -> None:
    begin = now() - timedelta(minutes=50)
    for index in range(10):
        other = stage.cloud_number(acme, sandbox, e164=f"+120255512{index:02d}")
        for _click in range(3):
            made(other, "REQUEST_CODE", begin)

    limit = limit_of(lambda: request(number))

    assert "one operator" in limit.message and limit.free_at == begin + timedelta(hours=1)
    assert request(number, actor="bob").outcome == "DONE"


def test_thirty_submissions_an_hour_by_one_operator(acme: Business, number: BusinessNumber, sandbox: Sandbox) -> None:
    other = stage.cloud_number(acme, sandbox, e164="+12025551200")
    for _try in range(30):
        made(other, "SUBMIT_CODE", now() - timedelta(minutes=30))
    request(number)

    limit_of(lambda: submit(number, code_of(sandbox, number)))

    assert submit(number, code_of(sandbox, number), actor="bob").outcome == "DONE"


def test_registrations_stop_before_the_tenth(number: BusinessNumber, sandbox: Sandbox) -> None:
    begin = now() - timedelta(hours=71)
    for _time in range(9):
        made(number, "REGISTER", begin)

    limit = limit_of(lambda: register(number, "482913"))

    assert "72 hours" in limit.message and limit.free_at == begin + timedelta(hours=72)
    assert reached(sandbox, "/register") == 0
    assert limits.allowance(number=number, actor="alice", now=now()).registrations_left == 0


def test_a_wait_that_the_provider_asks_for_is_said_to_be_its_own(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox, e164=f"+1202555{1}{Ending.CODE_REQUESTS_THROTTLED}")
    asked_at = now()
    first = request(number, at=asked_at)
    assert (first.outcome, first.provider_code) == ("REFUSED", "80007")
    assert first.wait_until is not None and first.wait_until > asked_at

    limit = limit_of(lambda: request(number, at=asked_at + timedelta(seconds=5)))

    assert limit.whose is Whose.PROVIDER and "its limit" in limit.message
    assert limit.free_at == first.wait_until
    assert request(number, at=first.wait_until).outcome == "DONE"


def test_a_time_to_come_is_written_with_its_date_where_it_is_not_today() -> None:
    today = datetime.fromisoformat("2026-05-03T10:00:00+00:00")

    assert limits.in_words(today + timedelta(hours=1), today) == "11:00 UTC"
    assert limits.in_words(today + timedelta(days=3), today) == "6 May 2026, 10:00 UTC"
