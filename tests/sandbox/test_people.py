"""What people do, and what the business is told of it at the Cloud API."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sandbox import Sandbox, Sender
from sandbox.seeds import BUSINESS_APP_NUMBER_ID, CONNECTED_NUMBER_ID, NEW_NUMBER_ID, WABA
from tests.sandbox.client import ask_meta, set_identity_check
from tests.sandbox.receiver import App

PABLO = "+16505551234"

#: The incoming message of document 004.
DOCUMENTED = """
{
  "object": "whatsapp_business_account",
  "entry": [
    {
      "id": "102290129340398",
      "changes": [
        {
          "value": {
            "messaging_product": "whatsapp",
            "metadata": {
              "display_phone_number": "15550051310",
              "phone_number_id": "106540352242922"
            },
            "contacts": [
              {
                "profile": {
                  "name": "Pablo Morales"
                },
                "wa_id": "16505551234",
                "identity_key_hash": "DF2lS5v2W6x="
              }
            ],
            "messages": [
              {
                "from": "16505551234",
                "id": "wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUMyNTA4M0VGN0Q4RjdDNDVCMAA=",
                "timestamp": "1686591695",
                "text": {
                  "body": "Your latest statement is attached. See... "
                },
                "type": "text"
              }
            ]
          },
          "field": "messages"
        }
      ]
    }
  ]
}
"""


def take_message(app: App) -> Any:
    """Wait for a webhook with one message, and give it."""
    [message] = app.take_value()["messages"]
    return message


def test_an_incoming_message_is_the_document_s_word_for_word(told: Sandbox, app: App) -> None:
    set_identity_check(told, NEW_NUMBER_ID, on=True)
    wamid = told.people.write(PABLO, text="Your latest statement is attached. See... ", to=NEW_NUMBER_ID)
    came = app.take().body.decode()
    timestamp = json.loads(came)["entry"][0]["changes"][0]["value"]["messages"][0]["timestamp"]
    assert timestamp.isdigit()
    expected = DOCUMENTED.replace("1686591695", timestamp)
    expected = expected.replace("wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUMyNTA4M0VGN0Q4RjdDNDVCMAA=", wamid)
    # The same keys in the same order.
    assert came == json.dumps(json.loads(expected))


def test_without_the_check_an_incoming_message_has_no_hash(told: Sandbox, app: App) -> None:
    told.people.write(PABLO)
    assert app.take_value()["contacts"] == [{"profile": {"name": "Pablo Morales"}, "wa_id": "16505551234"}]


@pytest.mark.parametrize(
    ("sender", "has_number", "has_bsuid"),
    [
        (Sender.NUMBER, "16505551234", False),
        (Sender.BOTH, "16505551234", True),
        (Sender.BSUID, None, True),
        (Sender.BSUID_AS_NUMBER, "bsuid", True),
    ],
)
def test_a_person_is_named_by_number_bsuid_or_both(
    told: Sandbox, app: App, sender: Sender, has_number: str | None, has_bsuid: bool
) -> None:
    told.people.write(PABLO, sender=sender)
    value = app.take_value()
    bsuid = told.people.bsuid(PABLO)
    number = bsuid if has_number == "bsuid" else has_number
    assert (value["contacts"][0].get("wa_id"), value["messages"][0].get("from")) == (number, number)
    wanted = bsuid if has_bsuid else None
    assert (value["contacts"][0].get("user_id"), value["messages"][0].get("from_user_id")) == (wanted, wanted)


def test_a_person_may_write_with_a_bsuid_only(told: Sandbox, app: App) -> None:
    told.people.write(PABLO, text="STOP", bsuid_only=True)
    body = app.take().body.decode()
    assert "16505551234" not in body
    assert re.fullmatch(r"US\.\d{20}", told.people.bsuid(PABLO))
    assert told.people.bsuid(PABLO) in body


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("button", {"type": "button", "button": {"payload": "stop-1", "text": "Stop promotions"}}),
        (
            "button_reply",
            {
                "type": "interactive",
                "interactive": {"type": "button_reply", "button_reply": {"id": "stop-1", "title": "Stop promotions"}},
            },
        ),
        (
            "list_reply",
            {
                "type": "interactive",
                "interactive": {"type": "list_reply", "list_reply": {"id": "stop-1", "title": "Stop promotions"}},
            },
        ),
    ],
)
def test_a_button_and_a_reply_answer_the_message_that_had_them(
    told: Sandbox, app: App, kind: str, expected: dict[str, Any]
) -> None:
    greeting = {"name": "hello_world", "language": {"code": "en_US"}}
    body = {"messaging_product": "whatsapp", "to": PABLO, "type": "template", "template": greeting}
    answer = ask_meta(told, "POST", f"{BUSINESS_APP_NUMBER_ID}/messages", body)
    app.take_statuses(3)
    wamid = told.people.press(PABLO, text="Stop promotions", payload="stop-1", kind=kind)
    message = take_message(app)
    context = {"from": "442079460958", "id": answer.json["messages"][0]["id"]}
    assert message == {
        "from": "16505551234",
        "id": wamid,
        "timestamp": message["timestamp"],
        **expected,
        "context": context,
    }


def test_a_change_of_identity_is_told_only_when_asked(told: Sandbox, app: App) -> None:
    told.people.write(PABLO)
    app.take()
    told.people.change_identity(PABLO)
    assert told.webhooks.wait_idle()
    assert app.is_quiet()
    changed = told.people.change_identity(PABLO, tell=True)
    value = app.take_value()
    assert "contacts" not in value
    [message] = value["messages"]
    assert (message["from"], message["type"]) == ("16505551234", "system")
    assert message["system"] == {
        "body": message["system"]["body"],
        "identity": changed,
        "wa_id": "16505551234",
        "type": "customer_identity_changed",
        "customer": "16505551234",
    }


def test_every_number_that_a_person_spoke_with_is_told(told: Sandbox, app: App) -> None:
    for number_id in (CONNECTED_NUMBER_ID, BUSINESS_APP_NUMBER_ID):
        told.people.write(PABLO, to=number_id)
        app.take()
    told.people.change_identity(PABLO, tell=True)
    told_to = {app.take_value()["metadata"]["phone_number_id"] for _ in range(2)}
    assert told_to == {CONNECTED_NUMBER_ID, BUSINESS_APP_NUMBER_ID}
    told.people.change_identity(PABLO, tell=True, to=NEW_NUMBER_ID)
    assert app.take_value()["metadata"]["phone_number_id"] == NEW_NUMBER_ID


def test_a_person_goes_on_under_another_number_as_somebody_new(told: Sandbox, app: App) -> None:
    told.people.write(PABLO)
    app.take()
    before, bsuid = told.people.hash(PABLO), told.people.bsuid(PABLO)
    changed = told.people.change_number(PABLO, "+12025550143")
    message = take_message(app)
    assert message["system"] == {
        "body": "User Pablo Morales changed from 16505551234 to 12025550143",
        "wa_id": "12025550143",
        "type": "user_changed_number",
    }
    assert message["from"] == "16505551234"
    assert changed == told.people.hash("+12025550143") != before
    assert told.people.bsuid("+12025550143") == bsuid
    body = {"messaging_product": "whatsapp", "to": PABLO, "type": "text", "text": {"body": "Hello"}}
    ask_meta(told, "POST", f"{CONNECTED_NUMBER_ID}/messages", body)
    assert app.take_status()["errors"][0]["code"] == 131026


@pytest.mark.parametrize(("value", "verb"), [("stop", "stop_marketing"), ("resume", "resume_marketing")])
def test_marketing_is_stopped_and_resumed_as_a_preference(told: Sandbox, app: App, value: str, verb: str) -> None:
    getattr(told.people, verb)(PABLO)
    change = app.take().json["entry"][0]["changes"][0]
    assert change["field"] == "user_preferences"
    [preference] = change["value"]["user_preferences"]
    assert isinstance(preference.pop("timestamp"), int)
    assert preference == {
        "wa_id": "16505551234",
        "detail": f"User requested to {value} marketing messages",
        "category": "marketing_messages",
        "value": value,
    }


def test_hashes_are_the_same_in_every_run_and_differ_after_each_change() -> None:
    first, second = Sandbox().people, Sandbox().people
    hashes = {PABLO: "DF2lS5v2W6x=", "+12025550143": first.hash("+12025550143")}
    assert re.fullmatch(r"[A-Za-z0-9+/]{11}=", hashes["+12025550143"])
    assert {number: second.hash(number) for number in hashes} == hashes
    changes = [first.change_identity(PABLO) for _ in range(20)]
    assert len({*changes, hashes[PABLO]}) == 21
    assert changes == [second.change_identity(PABLO) for _ in range(20)]


def test_a_person_is_the_same_however_the_number_is_written(sandbox: Sandbox) -> None:
    assert sandbox.people.hash("16505551234") == sandbox.people.hash("+1 (650) 555-1234") == "DF2lS5v2W6x="


def test_nobody_writes_to_a_number_that_is_not_there(sandbox: Sandbox) -> None:
    with pytest.raises(LookupError):
        sandbox.people.write(PABLO, to="1")


def test_the_window_may_be_opened_without_a_webhook(told: Sandbox, app: App) -> None:
    told.people.open_window(PABLO)
    assert told.webhooks.wait_idle()
    assert app.is_quiet()


def test_many_people_at_once_each_get_their_own_statuses(told: Sandbox, app: App) -> None:
    people = [f"+120255512{place:02}" for place in range(20)]

    def speak(e164: str) -> str:
        told.people.write(e164)
        body = {"messaging_product": "whatsapp", "to": e164, "type": "text", "text": {"body": "Hello"}}
        return str(ask_meta(told, "POST", f"{CONNECTED_NUMBER_ID}/messages", body).json["messages"][0]["id"])

    with ThreadPoolExecutor(8) as pool:
        wamids = list(pool.map(speak, people))
    values = [app.take_value() for _ in range(80)]
    statuses = [(one["id"], one["status"]) for value in values for one in value.get("statuses", [])]
    assert sorted(statuses) == sorted((wamid, name) for wamid in wamids for name in ("sent", "delivered", "read"))
    assert sum("messages" in value for value in values) == 20


def test_a_waba_that_the_app_is_not_subscribed_to_is_not_told_of(told: Sandbox, app: App) -> None:
    ask_meta(told, "DELETE", f"{WABA}/subscribed_apps")
    told.people.write(PABLO)
    assert told.webhooks.wait_idle()
    assert (app.is_quiet(), told.webhooks.dropped) == (True, 1)
    ask_meta(told, "POST", f"{WABA}/subscribed_apps")
    told.people.write(PABLO)
    app.take()
    ask_meta(told, "DELETE", f"{WABA}/subscribed_apps")
    told.subscribe(WABA)
    told.people.write(PABLO)
    app.take()
