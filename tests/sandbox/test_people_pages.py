"""The telephones of people and the page of webhooks: forms without a script."""

import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest

from sandbox import Sandbox
from sandbox.seeds import CONNECTED_NUMBER_ID, ON_PREMISES, SECOND_WABA_NUMBER_ID
from tests.sandbox.client import Answer, ask_meta, call
from tests.sandbox.receiver import App

PEOPLE = "/_sandbox/phone/people"
PABLO = "+16505551234"
PABLOS = f"{PEOPLE}/16505551234"
WEBHOOKS = "/_sandbox/phone/webhooks"


def page(sandbox: Sandbox, path: str = PABLOS) -> str:
    """Read a page."""
    answer = call(sandbox, "GET", path)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return answer.body.decode()


def submit(sandbox: Sandbox, path: str = PABLOS, **fields: str) -> Answer:
    """Send a form."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return call(sandbox, "POST", path, headers=headers, body=urlencode(fields).encode())


def test_anybody_s_telephone_is_taken_in_hand_by_number(told: Sandbox) -> None:
    assert "Nobody has spoken yet." in page(told, PEOPLE)
    answer = submit(told, PEOPLE, number=" +1 650 555 1234 ")
    assert (answer.status, answer.headers["location"]) == (303, PABLOS)
    assert "Pablo Morales, +16505551234" in page(told)
    assert f'<a href="{PABLOS}">{PABLO}</a>' in page(told, PEOPLE)


@pytest.mark.parametrize("number", ["", "12", "16505551234", "<b>"])
def test_what_is_no_number_is_refused_in_words(told: Sandbox, number: str) -> None:
    answer = submit(told, PEOPLE, number=number)
    assert answer.status == 400
    assert b"Write the number with +" in answer.body


def test_received_messages_are_shown_and_a_button_answers_them(told: Sandbox, app: App) -> None:
    told.people.open_window(PABLO)
    text = {"messaging_product": "whatsapp", "to": PABLO, "type": "text", "text": {"body": "<b>Your statement</b>"}}
    ask_meta(told, "POST", f"{CONNECTED_NUMBER_ID}/messages", text | {"recipient_identity_key_hash": "DF2lS5v2W6x="})
    body = {"type": "body", "parameters": [{"type": "text", "text": value} for value in ("May", "25OFF", "25%")]}
    header = {"type": "header", "parameters": [{"type": "text", "text": "Sale"}]}
    offer = {"name": "spring_offer", "language": {"code": "en_US"}, "components": [header, body]}
    answer = ask_meta(told, "POST", f"{CONNECTED_NUMBER_ID}/messages", text | {"type": "template", "template": offer})
    shown = page(told)
    assert "&lt;b&gt;Your statement&lt;/b&gt;" in shown
    assert "with an identity hash" in shown
    assert "use code 25OFF to get 25% off" in shown
    assert "template spring_offer" in shown
    app.take_statuses(6)
    wamid = re.search('name="context" value="([^"]+)"', shown)
    assert wamid is not None
    assert wamid[1] == answer.json["messages"][0]["id"]
    submit(told, do="press", to=CONNECTED_NUMBER_ID, context=wamid[1], text="Stop promotions")
    [message] = app.take_value()["messages"]
    assert (message["button"]["text"], message["context"]["id"]) == ("Stop promotions", wamid[1])


def test_a_page_that_waits_for_the_numbers_keeps_nobody_from_the_people(told: Sandbox) -> None:
    told.people.write(PABLO)
    with ThreadPoolExecutor(2) as pool:
        with told._directory.lock:
            reading = pool.submit(page, told)
            with pytest.raises(TimeoutError):
                reading.result(timeout=0.2)
            # Who sends holds the numbers and wants the people next.
            pool.submit(told.people.messages).result(timeout=2)
        assert "Pablo" in reading.result(timeout=5)


def test_what_failed_did_not_reach_the_telephone(told: Sandbox) -> None:
    text = {"messaging_product": "whatsapp", "to": PABLO, "type": "text", "text": {"body": "canary"}}
    ask_meta(told, "POST", f"{CONNECTED_NUMBER_ID}/messages", text)
    assert "canary" not in page(told)


@pytest.mark.parametrize(("fields", "bsuid_only"), [({}, False), ({"bsuid": "on"}, True)])
def test_a_person_writes(told: Sandbox, app: App, fields: dict[str, str], bsuid_only: bool) -> None:
    assert submit(told, do="write", to=SECOND_WABA_NUMBER_ID, text="Yes please", **fields).status == 303
    value = app.take_value()
    assert value["metadata"]["phone_number_id"] == SECOND_WABA_NUMBER_ID
    assert value["messages"][0]["text"] == {"body": "Yes please"}
    assert ("from" not in value["messages"][0]) is bsuid_only
    assert "Yes please" in page(told)


def test_stop_is_one_press(told: Sandbox, app: App) -> None:
    assert '<button name="do" value="stop">Say STOP</button>' in page(told)
    submit(told, do="stop", to=CONNECTED_NUMBER_ID, text="")
    assert app.take_value()["messages"][0]["text"] == {"body": "STOP"}
    submit(told, do="stop", to=CONNECTED_NUMBER_ID, bsuid="on")
    assert "from" not in app.take_value()["messages"][0]


def test_a_person_writes_to_the_node_too(told: Sandbox, app: App) -> None:
    told.callback_url = app.url
    submit(told, do="write", to=ON_PREMISES, text="Yes")
    assert app.take().json["messages"][0]["text"] == {"body": "Yes"}


def test_identity_and_number_change(told: Sandbox, app: App) -> None:
    told.people.write(PABLO)
    app.take()
    submit(told, do="identity")
    changed = told.people.hash(PABLO)
    assert changed != "DF2lS5v2W6x="
    submit(told, do="identity", tell="on")
    assert app.take_value()["messages"][0]["system"]["identity"] == told.people.hash(PABLO) != changed
    answer = submit(told, do="number", new="+1 202 555 0143")
    assert answer.headers["location"] == f"{PEOPLE}/12025550143"
    assert app.take_value()["messages"][0]["system"]["wa_id"] == "12025550143"


def test_marketing_is_stopped_and_taken_again(told: Sandbox, app: App) -> None:
    for value in ("stop", "resume"):
        submit(told, do=f"{value}_marketing", to=CONNECTED_NUMBER_ID)
        assert app.take_value()["user_preferences"][0]["value"] == value


def test_a_telephone_is_switched_off_and_on(told: Sandbox, app: App) -> None:
    told.people.open_window(PABLO)
    submit(told, do="offline")
    assert "switched off" in page(told)
    text = {"messaging_product": "whatsapp", "to": PABLO, "type": "text", "text": {"body": "Hello"}}
    ask_meta(told, "POST", f"{CONNECTED_NUMBER_ID}/messages", text)
    assert app.take_statuses(1) == ["sent"]
    submit(told, do="online")
    assert app.take_statuses(2) == ["delivered", "read"]
    submit(told, do="vanish")
    assert "not on WhatsApp" in page(told)
    ask_meta(told, "POST", f"{CONNECTED_NUMBER_ID}/messages", text)
    assert app.take_status()["errors"][0]["code"] == 131026


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"do": "write", "text": "  "},
        {"do": "press"},
        {"do": "number", "new": "12"},
        {"do": "stop_marketing", "to": ON_PREMISES},
        {"do": "resume_marketing", "to": ON_PREMISES},
        {"do": "write", "text": "Hi", "to": "1"},
        {"do": "press", "text": "Hi", "to": "<b>"},
        {"do": "stop", "to": "1"},
    ],
)
def test_a_form_that_is_not_filled_in_does_nothing(told: Sandbox, app: App, fields: dict[str, str]) -> None:
    answer = submit(told, **fields)
    assert answer.status == 400
    assert b"Nothing was done" in answer.body
    assert told.webhooks.wait_idle()
    assert app.is_quiet()


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", PEOPLE), ("GET", f"{PEOPLE}/0"), ("GET", f"{PEOPLE}/<b>"), ("POST", f"{PEOPLE}/x"), ("PUT", WEBHOOKS)],
)
def test_there_are_no_other_pages(told: Sandbox, method: str, path: str) -> None:
    assert call(told, method, path).status == 404


@pytest.mark.parametrize("path", [PEOPLE, PABLOS, WEBHOOKS])
def test_the_pages_have_no_script_and_what_is_typed_is_not_swept_away(told: Sandbox, path: str) -> None:
    answer = call(told, "GET", path)
    shown = answer.body.decode()
    assert "<script" not in shown
    assert "http-equiv" not in shown
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert 'name="viewport" content="width=device-width,initial-scale=1"' in shown
    assert len(told.journal) == 0
    for other in {PEOPLE, WEBHOOKS, "/_sandbox/", "/_sandbox/phone/"} - {path}:
        assert f'href="{other}"' in shown


def test_the_conditions_of_webhooks_are_set(told: Sandbox) -> None:
    assert submit(told, WEBHOOKS, do="conditions", late="0.5", times="2", batch="3", shuffled="on").status == 303
    hooks = told.webhooks
    assert (hooks.late, hooks.times, hooks.batch, hooks.shuffled) == (0.5, 2, 3, True)
    assert 'name="late" inputmode="decimal" size="6" value="0.5"' in page(told, WEBHOOKS)
    submit(told, WEBHOOKS, do="conditions")
    assert (hooks.late, hooks.times, hooks.batch, hooks.shuffled) == (0.0, 1, 1, False)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"do": "conditions", "late": "soon"},
        {"do": "conditions", "late": "nan"},
        {"do": "conditions", "late": "3601"},
        {"do": "conditions", "times": "-1"},
        {"do": "conditions", "batch": "1001"},
        {"do": "release", "order": "backwards"},
    ],
)
def test_conditions_that_are_none_are_refused(told: Sandbox, fields: dict[str, str]) -> None:
    assert submit(told, WEBHOOKS, **fields).status == 400
    assert (told.webhooks.late, told.webhooks.times, told.webhooks.batch) == (0.0, 1, 1)


def test_events_are_held_back_let_go_and_told_once_more(told: Sandbox, app: App) -> None:
    submit(told, WEBHOOKS, do="hold")
    for text in ("one", "two"):
        told.people.write(PABLO, text=text)
    assert "2 events are held back" in page(told, WEBHOOKS)
    submit(told, WEBHOOKS, do="release", order="reversed", batch="2", times="1")
    body = app.take()
    assert [value["messages"][0]["text"]["body"] for value in body.values] == ["two", "one"]
    assert told.webhooks.wait_idle()
    shown = page(told, WEBHOOKS)
    assert "messages text, messages text" in shown
    assert "one" not in re.sub("<[^>]+>", "", shown).split()
    submit(told, WEBHOOKS, do="redeliver")
    assert app.take().body == body.body


def test_what_was_dropped_is_counted_for_people_to_see(sandbox: Sandbox) -> None:
    sandbox.people.write(PABLO)
    assert "1 events were dropped" in page(sandbox, WEBHOOKS)
    assert "no webhook URL is set" in page(sandbox, WEBHOOKS)
