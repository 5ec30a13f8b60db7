"""The identity change check at Meta, lost answers, and many calls at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sandbox import Ending, Sandbox
from sandbox.channels import Statuses
from sandbox.exchange import Request
from sandbox.magic import Memory
from sandbox.messages import Messages
from sandbox.meta import CloudAPI
from sandbox.persons import Persons
from sandbox.phone import Phone
from sandbox.seeds import CONNECTED_NUMBER_ID, NEW_NUMBER_ID, WABA, fill
from sandbox.wabas import Directory
from sandbox.webhooks import Webhooks
from tests.sandbox.client import ask_meta, e164_of, is_lost, meta_error, read_identity_check, set_identity_check

SUCCESS = (200, {"success": True})


def placed(sandbox: Sandbox, ending: Ending, **facts: Any) -> tuple[str, str]:
    """Put a number with this ending there and give its id and its digits."""
    return sandbox.add_number(e164_of(ending), **facts), e164_of(ending)


def test_the_identity_check_is_turned_on_read_and_turned_off(sandbox: Sandbox) -> None:
    assert read_identity_check(sandbox, CONNECTED_NUMBER_ID) == {"enable_identity_key_check": False}
    answer = set_identity_check(sandbox, CONNECTED_NUMBER_ID, on=True)
    assert (answer.status, answer.json) == SUCCESS
    assert read_identity_check(sandbox, CONNECTED_NUMBER_ID) == {"enable_identity_key_check": True}
    set_identity_check(sandbox, CONNECTED_NUMBER_ID, on=False)
    assert sandbox.number(CONNECTED_NUMBER_ID).identity_check is False


def test_a_form_carries_the_settings_as_text(sandbox: Sandbox) -> None:
    body = b"user_identity_change=%7B%22enable_identity_key_check%22%3A%20true%7D"
    form = "application/x-www-form-urlencoded"
    assert ask_meta(sandbox, "POST", f"{CONNECTED_NUMBER_ID}/settings", body, content_type=form).status == 200
    assert sandbox.number(CONNECTED_NUMBER_ID).identity_check is True


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"user_identity_change": {"enabled": True}},
        {"user_identity_change": {"enable_identity_key_check": "true"}},
        {"user_identity_change": "{"},
        {"user_identity_change": {"enable_identity_key_check": True}, "storage_configuration": {}},
    ],
)
def test_settings_that_are_not_as_documented_change_nothing(sandbox: Sandbox, body: Any) -> None:
    assert meta_error(ask_meta(sandbox, "POST", f"{CONNECTED_NUMBER_ID}/settings", body)) == (400, 100)
    assert sandbox.number(CONNECTED_NUMBER_ID).identity_check is False


def test_every_second_change_of_settings_may_be_lost_and_every_fourth_undone(sandbox: Sandbox) -> None:
    number_id, _ = placed(sandbox, Ending.IDENTITY_CHECK_ANSWERS_LOST)
    seen = []
    for on in (True, False, True, False):
        lost = is_lost(sandbox, lambda on=on: set_identity_check(sandbox, number_id, on=on))
        seen.append((lost, sandbox.number(number_id).identity_check))
    assert seen == [(False, True), (True, False), (False, True), (True, True)]


def test_the_identity_check_may_drift_after_it_was_read(sandbox: Sandbox) -> None:
    number_id, _ = placed(sandbox, Ending.IDENTITY_CHECK_DRIFTS)
    set_identity_check(sandbox, number_id, on=True)
    reads = [read_identity_check(sandbox, number_id)["enable_identity_key_check"] for _ in range(3)]
    assert reads == [True, False, False]


def test_the_settings_may_not_tell_the_identity_check(sandbox: Sandbox) -> None:
    number_id, _ = placed(sandbox, Ending.IDENTITY_CHECK_UNTOLD)
    assert set_identity_check(sandbox, number_id, on=True).status == 200
    assert "user_identity_change" not in ask_meta(sandbox, "GET", f"{number_id}/settings").json
    assert sandbox.number(number_id).identity_check is True


def test_adding_a_number_may_be_done_and_not_answered(sandbox: Sandbox) -> None:
    national = f"2025551{Ending.ADDED_ANSWER_LOST}"
    body = {"cc": "1", "phone_number": national, "verified_name": "Acme"}
    assert is_lost(sandbox, lambda: ask_meta(sandbox, "POST", f"{WABA}/phone_numbers", body))
    assert sandbox.number_of(f"+1{national}") is not None


def test_thirty_two_threads_that_toggle_end_in_what_the_last_one_set(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(32) as pool:
        answers = list(
            pool.map(lambda place: set_identity_check(sandbox, CONNECTED_NUMBER_ID, on=place % 2 == 0), range(320))
        )
    assert {answer.status for answer in answers} == {200}
    assert len(sandbox.journal) == 320
    on = sandbox.number(CONNECTED_NUMBER_ID).identity_check
    assert read_identity_check(sandbox, CONNECTED_NUMBER_ID) == {"enable_identity_key_check": on}


def test_a_call_waits_while_another_one_holds_the_numbers() -> None:
    directory = Directory(Phone())
    fill(directory)
    memory, persons = Memory(), Persons()
    statuses = Statuses(persons, pace=lambda: 0.0)
    webhooks = Webhooks(is_subscribed=directory.is_subscribed)
    api = CloudAPI(memory, directory, messages=Messages(memory, persons, statuses=statuses, webhooks=webhooks))
    request = Request("GET", f"/v25.0/{NEW_NUMBER_ID}", {"authorization": "Bearer token"})
    with ThreadPoolExecutor(1) as pool:
        with directory.lock:
            answering = pool.submit(api.answer, request)
            with pytest.raises(TimeoutError):
                answering.result(timeout=0.1)
        assert answering.result(timeout=5).status == 200
