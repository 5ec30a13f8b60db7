"""Messages to people at the Cloud API: what is taken, what is refused, and what the statuses say afterwards."""

import re
import time
from typing import Any

import pytest

from sandbox import MessageEnding, Sandbox
from sandbox.seeds import BANNED_NUMBER_ID, BUSINESS_APP_NUMBER_ID, CONNECTED_NUMBER_ID, NEW_NUMBER_ID, WABA
from tests.sandbox.client import Answer, ask_meta, is_lost, later, meta_error, set_identity_check
from tests.sandbox.receiver import App

PABLO = "+16505551234"
PABLOS_HASH = "DF2lS5v2W6x="


def message(to: str = PABLO, **changed: Any) -> dict[str, Any]:
    """A text, as document 004 writes it."""
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "text",
        "text": {"preview_url": False, "body": "Your latest statement is attached. See... "},
    } | changed


def template(to: str = PABLO, name: str = "statement_ready", *values: str) -> dict[str, Any]:
    """A template with parameters in its body."""
    parameters = [{"type": "text", "text": value} for value in values]
    components = [{"type": "body", "parameters": parameters}] if values else []
    wanted = {"name": name, "language": {"code": "en_US"}, "components": components}
    return message(to, type="template", template=wanted)


def send(sandbox: Sandbox, body: Any, *, number_id: str = CONNECTED_NUMBER_ID, **options: Any) -> Answer:
    """Send a message."""
    return ask_meta(sandbox, "POST", f"{number_id}/messages", body, **options)


def person(ending: str) -> str:
    """Give a person's number with this ending."""
    return f"+12025551{ending}"


def open_window(sandbox: Sandbox, e164: str = PABLO) -> str:
    """Have the person written a moment ago."""
    sandbox.people.open_window(e164)
    return e164


def test_a_text_is_taken_then_sent_delivered_and_read(told: Sandbox, app: App) -> None:
    open_window(told)
    answer = send(told, message())
    assert answer.status == 200
    wamid = answer.json["messages"][0]["id"]
    assert answer.json == {
        "messaging_product": "whatsapp",
        "contacts": [{"input": PABLO, "wa_id": "16505551234"}],
        "messages": [{"id": wamid}],
    }
    assert re.fullmatch(r"wamid\.[A-Za-z0-9_-]{40,}", wamid)
    statuses = [app.take_status() for _ in range(3)]
    assert [one["status"] for one in statuses] == ["sent", "delivered", "read"]
    assert {one["id"] for one in statuses} == {wamid}


def test_a_status_has_the_shape_of_the_document(told: Sandbox, app: App) -> None:
    set_identity_check(told, CONNECTED_NUMBER_ID, on=True)
    open_window(told)
    send(told, message())
    app.take()
    hook = app.take()
    [entry] = hook.json["entry"]
    [status] = entry["changes"][0]["value"].pop("statuses")
    assert hook.json | {"entry": []} == {"object": "whatsapp_business_account", "entry": []}
    assert entry == {
        "id": WABA,
        "changes": [
            {
                "value": {
                    "messaging_product": "whatsapp",
                    "metadata": {"display_phone_number": "15550147788", "phone_number_id": CONNECTED_NUMBER_ID},
                },
                "field": "messages",
            }
        ],
    }
    assert list(status) == [
        "id",
        "status",
        "timestamp",
        "recipient_id",
        "recipient_identity_key_hash",
        "conversation",
        "pricing",
    ]
    assert (status["status"], status["recipient_id"]) == ("delivered", "16505551234")
    assert status["recipient_identity_key_hash"] == PABLOS_HASH
    assert status["conversation"]["origin"] == {"type": "service"}
    assert status["pricing"] == {"billable": True, "pricing_model": "CBP", "category": "service"}
    assert abs(int(status["timestamp"]) - time.time()) < 5


@pytest.mark.parametrize(
    ("check", "sent_hash", "ending", "expected"),
    [
        (True, None, "001", True),
        (False, None, "001", False),
        (True, "right", "001", False),
        (True, None, MessageEnding.NO_HASH, False),
    ],
)
def test_a_hash_comes_only_with_the_check_on_and_when_none_was_sent(
    told: Sandbox, app: App, check: bool, sent_hash: str | None, ending: str, expected: bool
) -> None:
    set_identity_check(told, CONNECTED_NUMBER_ID, on=check)
    to = open_window(told, person(ending))
    given = {"recipient_identity_key_hash": told.people.hash(to)} if sent_hash else {}
    send(told, message(to, **given))
    statuses = [app.take_status() for _ in range(3)]
    assert "recipient_identity_key_hash" not in statuses[0]
    assert ["recipient_identity_key_hash" in one for one in statuses[1:]] == [expected, expected]


def test_a_hash_that_differs_fails_with_137000_in_the_document_s_short_form(told: Sandbox, app: App) -> None:
    open_window(told)
    answer = send(told, message(recipient_identity_key_hash="Rc/eg9RQ0JA="))
    assert answer.status == 200
    status = app.take_status()
    assert list(status) == ["id", "status", "timestamp", "recipient_id", "errors"]
    assert (status["id"], status["status"]) == (answer.json["messages"][0]["id"], "failed")
    assert status["errors"] == [
        {
            "code": 137000,
            "title": "Confirm the correct Recipient Identity Key Hash or send without any identity key hash",
        }
    ]
    assert told.webhooks.wait_idle()
    assert app.is_quiet()


def test_the_hash_that_was_right_differs_once_the_identity_changed(told: Sandbox, app: App) -> None:
    open_window(told)
    before = told.people.hash(PABLO)
    assert before == PABLOS_HASH
    send(told, message(recipient_identity_key_hash=before))
    assert app.take_statuses(3) == ["sent", "delivered", "read"]
    after = told.people.change_identity(PABLO)
    assert after == told.people.hash(PABLO) != before
    assert told.webhooks.wait_idle()
    assert app.is_quiet()
    send(told, message(recipient_identity_key_hash=before))
    assert app.take_status()["errors"][0]["code"] == 137000
    send(told, message(recipient_identity_key_hash=after))
    assert app.take_statuses(3) == ["sent", "delivered", "read"]


def test_the_full_form_has_words_and_a_link(told: Sandbox, app: App) -> None:
    to = open_window(told, person(MessageEnding.MISMATCH_IN_FULL))
    send(told, message(to, recipient_identity_key_hash="Rc/eg9RQ0JA="))
    [error] = app.take_status()["errors"]
    assert set(error) == {"code", "title", "message", "error_data", "href"}
    assert (error["code"], error["message"]) == (137000, error["title"])
    assert set(error["error_data"]) == {"details"}


def test_what_would_fail_later_may_be_refused_at_once(told: Sandbox, app: App) -> None:
    to = person(MessageEnding.REFUSED_AT_ONCE)
    assert meta_error(send(told, message(to))) == (400, 131047)
    open_window(told, to)
    assert meta_error(send(told, message(to, recipient_identity_key_hash="x"))) == (400, 137000)
    told.people.vanish(to)
    assert meta_error(send(told, message(to))) == (400, 131026)
    assert told.webhooks.wait_idle()
    assert app.is_quiet()
    assert told.people.messages(to) == ()


def test_text_fails_outside_the_24_hours_and_a_template_does_not(told: Sandbox, app: App) -> None:
    send(told, message())
    assert app.take_status()["errors"] == [{"code": 131047, "title": "Re-engagement message"}]
    told.people.write(PABLO)
    app.take()
    send(told, message())
    assert app.take_statuses(3)[-1] == "read"
    send(told, message(), number_id=BUSINESS_APP_NUMBER_ID)
    assert app.take_status()["errors"][0]["code"] == 131047
    with later(hours=24, seconds=1):
        send(told, message())
        assert app.take_status()["errors"][0]["code"] == 131047
        send(told, template(PABLO, "statement_ready", "Pablo", "May"))
        assert app.take_statuses(3)[-1] == "read"


def test_a_template_is_taken_as_such_and_read_by_the_person(told: Sandbox, app: App) -> None:
    answer = send(told, template(PABLO, "statement_ready", "Pablo", "May"))
    assert answer.json["messages"][0]["message_status"] == "accepted"
    assert app.take_status()["pricing"]["category"] == "utility"
    [sent] = told.people.messages(PABLO)
    assert (sent.kind, sent.template, sent.phone_number_id) == ("template", "statement_ready", CONNECTED_NUMBER_ID)
    assert sent.text == "Hi Pablo, your statement for May is ready. Reply here if you have a question."


@pytest.mark.parametrize("to", [person("404"), PABLO])
def test_who_is_not_on_whatsapp_cannot_be_reached(told: Sandbox, app: App, to: str) -> None:
    open_window(told, to)
    if to == PABLO:
        told.people.vanish(PABLO)
    send(told, message(to))
    assert app.take_status()["errors"] == [{"code": 131026, "title": "Message undeliverable"}]


def test_marketing_that_a_person_stopped_is_not_delivered_and_the_rest_is(told: Sandbox, app: App) -> None:
    offer = template(PABLO, "spring_offer", "the end of May", "25OFF", "25%")
    offer["template"]["components"].append({"type": "header", "parameters": [{"type": "text", "text": "Sale"}]})
    told.people.stop_marketing(PABLO)
    app.take()
    send(told, offer)
    assert app.take_status()["errors"][0]["code"] == 131050
    send(told, template(PABLO, "statement_ready", "Pablo", "May"))
    assert app.take_statuses(3)[-1] == "read"
    told.people.resume_marketing(PABLO)
    app.take()
    send(told, offer)
    assert app.take_statuses(3)[-1] == "read"


@pytest.mark.parametrize(
    ("ending", "code"), [(MessageEnding.MARKETING_STOPPED, 131050), (MessageEnding.NOT_ENGAGED, 131049)]
)
def test_some_people_get_no_marketing_at_all(told: Sandbox, app: App, ending: str, code: int) -> None:
    offer = template(person(ending), "spring_offer", "the end of May", "25OFF", "25%")
    offer["template"]["components"].append({"type": "header", "parameters": [{"type": "text", "text": "Sale"}]})
    send(told, offer)
    assert app.take_status()["errors"][0]["code"] == code
    send(told, template(person(ending), "statement_ready", "Pablo", "May"))
    assert app.take_statuses(3)[-1] == "read"


def test_a_pair_limit_is_refused_at_once_the_first_time(told: Sandbox) -> None:
    to = open_window(told, person(MessageEnding.PAIR_LIMIT))
    assert meta_error(send(told, message(to))) == (400, 131056)
    assert send(told, message(to)).status == 200


def test_a_failure_may_have_a_code_that_few_know(told: Sandbox, app: App) -> None:
    send(told, message(open_window(told, person(MessageEnding.UNKNOWN_FAILURE))))
    assert app.take_status()["errors"][0]["code"] == 130472


def test_an_answer_may_be_lost_although_the_message_goes_on(told: Sandbox, app: App) -> None:
    to = open_window(told, person(MessageEnding.TAKEN_ANSWER_LOST))
    assert is_lost(told, lambda: send(told, message(to)))
    assert app.take_statuses(3) == ["sent", "delivered", "read"]
    assert send(told, message(to)).status == 200
    assert len(told.people.messages(to)) == 2


def test_statuses_may_come_before_the_answer(told: Sandbox, app: App) -> None:
    to = open_window(told, person(MessageEnding.STATUS_FIRST))
    told.conditions.pace = 0.05
    wamid = send(told, message(to)).json["messages"][0]["id"]
    # All of them have been taken already: nothing is waited for.
    assert [app.hooks.get_nowait().values[0]["statuses"][0]["id"] for _ in range(3)] == [wamid] * 3


@pytest.mark.parametrize(
    ("ending", "names"),
    [
        (MessageEnding.READ_ONLY, ["sent", "read"]),
        (MessageEnding.NEVER_READ, ["sent", "delivered"]),
        (MessageEnding.OUT_OF_ORDER, ["read", "delivered", "sent"]),
    ],
)
def test_statuses_may_be_missing_or_out_of_order(told: Sandbox, app: App, ending: str, names: list[str]) -> None:
    send(told, message(open_window(told, person(ending))))
    assert app.take_statuses(len(names)) == names
    assert told.webhooks.wait_idle()
    assert app.is_quiet()


def test_the_pace_lies_between_a_message_s_statuses(told: Sandbox, app: App) -> None:
    told.conditions.pace = 0.15
    send(told, message(open_window(told)))
    started = time.monotonic()
    app.take_statuses(3)
    assert time.monotonic() - started >= 0.3


def test_a_phone_that_is_off_gets_its_messages_when_it_is_on_again(told: Sandbox, app: App) -> None:
    set_identity_check(told, CONNECTED_NUMBER_ID, on=True)
    open_window(told)
    told.people.go_offline(PABLO)
    send(told, message())
    assert app.take_statuses(1) == ["sent"]
    assert told.webhooks.wait_idle()
    assert app.is_quiet()
    changed = told.people.change_identity(PABLO)
    told.people.come_online(PABLO)
    delivered = app.take_status()
    assert (delivered["status"], delivered["recipient_identity_key_hash"]) == ("delivered", changed)
    assert app.take_statuses(1) == ["read"]
    told.people.come_online(PABLO)
    assert told.webhooks.wait_idle()
    assert app.is_quiet()


@pytest.mark.parametrize(
    ("asked", "wa_id"),
    [
        ("+1 (650) 555-1234", "16505551234"),
        ("(650) 555-1234", "16505551234"),
        ("1 (650) 555-1234", "116505551234"),
        ("+44 20 7946 0000", "442079460000"),
    ],
)
def test_without_a_plus_the_business_s_calling_code_comes_in_front(told: Sandbox, asked: str, wa_id: str) -> None:
    assert send(told, message(asked)).json["contacts"] == [{"input": asked, "wa_id": wa_id}]
    assert told.journal.entries("cloud_api")[-1].numbers == (asked,)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"messaging_product": "sms"}, 100),
        ({"to": ""}, 100),
        ({"to": 16505551234}, 100),
        ({"to": "+12"}, 131009),
        ({"to": "nobody"}, 131009),
        ({"recipient_type": "group"}, 131009),
        ({"recipient_identity_key_hash": 5}, 131009),
        ({"text": {}}, 131008),
        ({"text": "Hello"}, 131008),
        ({"text": {"body": "x" * 4097}}, 131009),
        ({"type": "image"}, 131051),
        ({"type": "template"}, 131008),
        ({"type": "template", "template": {"name": "hello_world", "language": "en_US"}}, 131008),
        ({"type": "template", "template": {"name": "hello_world", "language": {"code": "de"}}}, 132001),
    ],
)
def test_a_message_that_is_not_as_documented_is_refused(told: Sandbox, changed: dict[str, Any], code: int) -> None:
    assert meta_error(send(told, message(**changed)))[1] == code
    assert told.people.messages() == ()


@pytest.mark.parametrize(("number_id", "code"), [(NEW_NUMBER_ID, 133010), (BANNED_NUMBER_ID, 368)])
def test_a_number_that_is_not_connected_sends_nothing(told: Sandbox, number_id: str, code: int) -> None:
    assert meta_error(send(told, message(), number_id=number_id))[1] == code


@pytest.mark.parametrize(
    ("ending", "error"),
    [
        ("400", (400, 131009)),
        ("401", (401, 190)),
        ("403", (403, 10)),
        ("429", (400, 130429)),
        ("500", (500, 131000)),
        ("503", (503, 131016)),
    ],
)
def test_a_person_s_number_can_fail_the_whole_call(told: Sandbox, ending: str, error: tuple[int, int]) -> None:
    answer = send(told, message(person(ending)))
    assert meta_error(answer) == error
    assert ("retry-after" in answer.headers) is (ending == "429")
    assert told.people.messages() == ()


def test_the_messages_that_were_taken_are_kept_with_the_hash_that_went_along(told: Sandbox) -> None:
    open_window(told)
    send(told, message())
    wamid = send(told, message(recipient_identity_key_hash="Rc/eg9RQ0JA=")).json["messages"][0]["id"]
    first, second = told.people.messages()
    assert (first.identity_hash, first.failed, first.to) == ("", 0, PABLO)
    assert (second.identity_hash, second.failed, second.wamid) == ("Rc/eg9RQ0JA=", 137000, wamid)
    assert told.people.messages("+12025550199") == ()


def test_the_journal_holds_no_text_and_no_hash(told: Sandbox) -> None:
    open_window(told)
    send(told, message(text={"body": "canary-text"}, recipient_identity_key_hash="canary-hash"))
    told.people.write(PABLO, text="canary-reply")
    assert told.webhooks.wait_idle()
    assert len(told.webhooks.deliveries) == 2
    shown = repr(told.journal.entries()) + repr(told.people.messages()) + repr(told.webhooks.deliveries)
    assert "canary" not in shown
    assert PABLOS_HASH not in shown
