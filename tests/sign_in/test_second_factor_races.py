"""Two browsers at once: a code, a recovery code and a set of recovery codes are good for one of them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from providers.secret import Secret
from tests.sign_in import people
from waadmin.models import Authenticator, RecoveryCode
from waadmin.sign_in import second_factor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql, pytest.mark.usefixtures("postgresql")]


def at_once(journey: Callable[[], Any], times: int = 6) -> int:
    """Run the journey in so many threads, and count how many it let through."""

    def tried() -> bool:
        try:
            journey()
        except second_factor.CodeRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(times) as threads:
        return sum(future.result() for future in [threads.submit(tried) for _time in range(times)])


def test_a_code_lets_one_of_six_in() -> None:
    user = people.person()
    people.with_app(user)
    code = people.code_for(user)

    assert at_once(lambda: second_factor.verify(user=user, code=Secret(code))) == 1


def test_a_recovery_code_lets_one_of_six_in() -> None:
    user = people.person()
    code = people.with_app(user)[0]

    assert at_once(lambda: second_factor.spend_recovery_code(user=user, code=Secret(code), now=datetime.now(UTC))) == 1


def test_six_who_begin_make_one_app_and_six_renewals_one_set_of_codes() -> None:
    user = people.person()
    people.with_app(user)

    assert at_once(lambda: second_factor.begin(user=user)) == 6
    assert at_once(lambda: second_factor.renew_recovery_codes(user=user, now=datetime.now(UTC))) == 6

    assert Authenticator.objects.filter(user=user, confirmed=False).count() == 1
    assert RecoveryCode.objects.filter(user=user).count() == 10
