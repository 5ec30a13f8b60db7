"""No code of a second factor, no recovery code, secret or password is left in database, log, session or report."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import DatabaseError
from django.test import Client
from django.utils.log import AdminEmailHandler

from tests.numbers.leaks import Lines, everything_logged, found_in, whole_database
from tests.sign_in import people
from tests.sign_in.people import AGAIN, BEGIN, CODE, CODES, CONFIRM
from waadmin.models import Authenticator, RecoveryCode
from waadmin.sign_in import second_factor

pytestmark = pytest.mark.django_db
WRONG = "correct horse canary staple"


@pytest.fixture
def log() -> Iterator[Lines]:
    """Everything that is logged."""
    with everything_logged() as lines:
        yield lines


def test_nothing_that_lets_somebody_in_is_left_anywhere(
    settings: Any, log: Lines, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    settings.ADMINS = [("Admin", "admin@example.com")]
    settings.SECOND_FACTOR_ROLES = ["Business admins"]
    logging.getLogger("django.request").addHandler(reports := AdminEmailHandler(include_html=True))
    user = people.person()
    client = Client(raise_request_exception=False)
    given: list[str] = [people.PASSWORD, WRONG]
    with time_machine.travel(datetime(2026, 5, 3, 10, 0, tzinfo=UTC), tick=False) as clock:
        people.password(client, secret=WRONG)
        people.password(client)
        client.post(BEGIN)
        begun = Authenticator.objects.get()
        given += [bytes(begun.secret).hex(), second_factor.typed_secret(begun).reveal()]
        given.append(people.code_of(begun))
        said = client.post(CONFIRM, {"code": given[-1]}).content.decode()
        for minutes in range(1, 4):
            clock.move_to(datetime(2026, 5, 3, 10, 0, tzinfo=UTC) + timedelta(minutes=20 * minutes))
            given.append(people.wrong_code_for(user))
            client.post(CODE, {"code": given[-1]})
            client.post(AGAIN, {"code": given[-1]})
            clock.shift(timedelta(seconds=30))
            given.append(people.code_for(user))
            client.post(AGAIN, {"code": given[-1]})
        codes = [code.reveal() for code in second_factor.renew_recovery_codes(user=user, now=datetime.now(UTC))]
        client.post(f"{AGAIN}?recovery=1", {"code": codes[0]})
        client.post(f"{AGAIN}?recovery=1", {"code": "wxyz-" + codes[1]})
        clock.shift(timedelta(minutes=1))
        given += [*codes, *(code.replace("-", "") for code in codes)]

        def fails(*args: Any, **kwargs: Any) -> Any:
            raise DatabaseError("the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(Authenticator, "save", fails)
            given.append(people.code_for(user))
            assert client.post(AGAIN, {"code": given[-1]}).status_code == 500
            given.append(people.wrong_code_for(user))
            assert client.post(AGAIN, {"code": given[-1]}).status_code == 500
        with monkeypatch.context() as patched:
            patched.setattr(RecoveryCode.objects, "filter", fails)
            assert client.post(f"{AGAIN}?recovery=1", {"code": codes[2]}).status_code == 500
            assert client.post(CODES).status_code == 500
    logging.getLogger("django.request").removeHandler(reports)

    printed = capfd.readouterr()
    assert len(mail.outbox) >= 4 and len(log.lines) > 300 and "recovery-codes" in said
    places = whole_database() | {
        "the log": "\n".join(log.lines).encode(),
        "what was printed": (printed.out + printed.err).encode(),
        **{f"mail {index}": str(message.message()).encode() for index, message in enumerate(mail.outbox)},
        **{f"mail's page {index}": str(message.alternatives).encode() for index, message in enumerate(mail.outbox)},
    }
    assert found_in(places, given) == {}
