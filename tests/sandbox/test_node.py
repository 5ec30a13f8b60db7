"""The On-Premises node's messages and identities, and what it calls back."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import MessageEnding, Sandbox
from sandbox.seeds import ON_PREMISES
from tests.sandbox.client import Answer, call, later
from tests.sandbox.receiver import App

BEARER = {"Authorization": "Bearer sandbox-token"}
PERSON = "+16315551001"


@pytest.fixture
def node(app: App) -> Iterator[Sandbox]:
    """A node that calls the app back."""
    with Sandbox(callback_url=app.url) as running:
        yield running


def send(sandbox: Sandbox, to: str = PERSON, **changed: Any) -> Answer:
    """Send a text through the node."""
    body = {"to": to, "type": "text", "recipient_type": "individual", "text": {"body": "Hello"}} | changed
    return call(sandbox, "POST", "/v1/messages", headers=BEARER, body=body)


def identity(sandbox: Sandbox, e164: str = PERSON) -> Any:
    """Read a person's identity."""
    return call(sandbox, "GET", f"/v1/contacts/{e164[1:]}/identity", headers=BEARER).json["contacts"]


def acknowledge(sandbox: Sandbox, identity_hash: str, *, e164: str = PERSON) -> Answer:
    """Acknowledge a person's identity."""
    return call(sandbox, "PUT", f"/v1/contacts/{e164[1:]}/identity", headers=BEARER, body={"hash": identity_hash})


def statuses(app: App, count: int) -> list[str]:
    """Wait for callbacks with one status each, and give their names; threads bring them in any order."""
    return sorted(app.take().json["statuses"][0]["status"] for _ in range(count))


def failed_with(app: App) -> int:
    """Wait for a failed status and give its code."""
    [status] = app.take().json["statuses"]
    assert status["status"] == "failed"
    return int(status["errors"][0]["code"])


def person(ending: str) -> str:
    """Give a person's number with this ending."""
    return f"+16315551{ending}"


def test_a_message_is_taken_and_its_statuses_come_unsigned_to_the_node_s_path(node: Sandbox, app: App) -> None:
    node.people.open_window(PERSON, to=ON_PREMISES)
    answer = send(node)
    assert answer.status == 201
    [message] = answer.json["messages"]
    hook = app.take()
    assert hook.path == "/webhooks/meta/?a=1"
    assert "x-hub-signature-256" not in hook.headers
    assert set(hook.json) == {"statuses"}
    assert hook.json["statuses"][0]["id"] == message["id"]
    statuses(app, 2)
    [sent] = node.people.messages(PERSON)
    assert (sent.phone_number_id, sent.wamid, sent.failed) == (ON_PREMISES, message["id"], 0)


def test_an_inbound_message_has_contacts_and_no_envelope(node: Sandbox, app: App) -> None:
    wamid = node.people.write("+16505551234", text="Yes", to=ON_PREMISES)
    came = app.take().json
    assert came == {
        "contacts": [{"profile": {"name": "Pablo Morales"}, "wa_id": "16505551234"}],
        "messages": [
            {
                "from": "16505551234",
                "id": wamid,
                "timestamp": came["messages"][0]["timestamp"],
                "text": {"body": "Yes"},
                "type": "text",
            }
        ],
    }


def test_after_a_change_of_identity_messages_fail_until_exactly_the_new_hash_is_acknowledged(
    node: Sandbox, app: App
) -> None:
    before = identity(node)
    node.people.open_window(PERSON, to=ON_PREMISES)
    changed = node.people.change_identity(PERSON)
    send(node)
    assert failed_with(app) == 480
    assert acknowledge(node, before["hash"]).status == 409
    send(node)
    assert failed_with(app) == 480
    after = identity(node)
    assert (after["hash"], after["acknowledged"]) == (changed, False)
    assert abs(after["created_timestamp"] / 1000 - time.time()) < 5
    assert acknowledge(node, after["hash"]).json == {}
    assert identity(node) == {**after, "acknowledged": True}
    assert node.people.acknowledged(PERSON)
    send(node)
    assert statuses(app, 3) == ["delivered", "read", "sent"]
    node.people.change_identity(PERSON)
    assert not node.people.acknowledged(PERSON)
    assert acknowledge(node, after["hash"]).status == 409


def test_the_node_may_refuse_at_once_with_1028(node: Sandbox, app: App) -> None:
    to = person(MessageEnding.REFUSED_AT_ONCE)
    node.people.open_window(to, to=ON_PREMISES)
    assert send(node, to).status == 201
    statuses(app, 3)
    node.people.change_identity(to)
    answer = send(node, to)
    assert (answer.status, answer.json["errors"][0]["code"]) == (400, 1028)
    acknowledge(node, node.people.hash(to), e164=to)
    assert send(node, to).status == 201


def test_a_change_of_identity_is_called_back(node: Sandbox, app: App) -> None:
    changed = node.people.change_identity(PERSON, tell=True, to=ON_PREMISES)
    [message] = app.take().json["messages"]
    assert (message["from"], message["type"]) == ("16315551001", "system")
    assert message["system"]["type"] == "user_identity_changed"
    assert message["identity"] == identity(node)
    assert message["identity"]["hash"] == changed


def test_a_change_of_number_is_called_back(node: Sandbox, app: App) -> None:
    node.people.write(PERSON, to=ON_PREMISES)
    app.take()
    node.people.change_number(PERSON, "+16315551009")
    [message] = app.take().json["messages"]
    assert (message["system"]["type"], message["system"]["new_wa_id"]) == ("user_changed_number", "16315551009")
    assert call(node, "GET", "/v1/contacts/16315551001/identity", headers=BEARER).status == 404


@pytest.mark.parametrize(
    ("ending", "status", "body"),
    [
        ("001", 200, b"{}"),
        (MessageEnding.ACKNOWLEDGED_WITH_NULL, 200, b"null"),
        (MessageEnding.ACKNOWLEDGED_WITHOUT_BODY, 204, b""),
    ],
)
def test_an_acknowledgement_is_answered_in_three_ways(node: Sandbox, ending: str, status: int, body: bytes) -> None:
    to = person(ending)
    answer = acknowledge(node, node.people.hash(to), e164=to)
    assert (answer.status, answer.body) == (status, body)
    assert node.people.acknowledged(to)


def test_acknowledged_may_be_a_string(node: Sandbox) -> None:
    to = person(MessageEnding.ACKNOWLEDGED_IN_WORDS)
    assert identity(node, to)["acknowledged"] == "false"
    acknowledge(node, node.people.hash(to), e164=to)
    assert identity(node, to)["acknowledged"] == "true"


def test_text_outside_the_24_hours_fails_and_a_template_does_not(node: Sandbox, app: App) -> None:
    send(node)
    assert failed_with(app) == 470
    node.people.open_window(PERSON, to=ON_PREMISES)
    with later(hours=24, seconds=1):
        send(node)
        assert failed_with(app) == 470
    send(node, type="template", template={"name": "hello", "language": {"code": "en"}})
    statuses(app, 3)
    send(node, type="hsm", hsm={"element_name": "hello"})
    statuses(app, 3)
    assert [sent.template for sent in node.people.messages(PERSON)] == ["", "", "hello", "hello"]


def test_who_left_whatsapp_cannot_be_reached(node: Sandbox, app: App) -> None:
    node.people.open_window(PERSON, to=ON_PREMISES)
    node.people.vanish(PERSON)
    send(node)
    assert failed_with(app) == 131026


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"to": ""}, 1009),
        ({"to": 16315551001}, 1009),
        ({"to": "12"}, 1009),
        ({"type": "image"}, 1009),
        ({"text": "Hello"}, 1009),
        ({"text": {}}, 1008),
        ({"text": {"body": 5}}, 1008),
    ],
)
def test_a_message_that_is_not_as_documented_is_refused(node: Sandbox, changed: dict[str, Any], code: int) -> None:
    answer = send(node, **changed)
    assert (answer.status, answer.json["errors"][0]["code"]) == (400, code)
    assert node.people.messages() == ()


def test_the_node_s_calls_need_credentials_and_know_the_magic_numbers(node: Sandbox) -> None:
    body = {"to": PERSON, "type": "text", "text": {"body": "Hello"}}
    assert call(node, "POST", "/v1/messages", body=body).status == 401
    assert send(node, person("500")).status == 500
    answer = call(node, "POST", "/v1/messages", headers=BEARER, body=b"{")
    assert answer.json["errors"][0]["code"] == 1009


def test_the_journal_names_who_was_written_to_and_nothing_else(node: Sandbox) -> None:
    send(node, text={"body": "canary-text"})
    acknowledge(node, "canary-hash")
    assert node.journal.numbers("onprem") == (PERSON, PERSON[1:])
    assert "canary" not in json.dumps([entry.as_json() for entry in node.journal])
