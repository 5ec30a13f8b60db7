"""Reading a body: every entry, change, message and status; who wrote, what they said, what changed about them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contacts.incoming import (
    ContactAnswers,
    InboundMessage,
    PreferenceEvent,
    StatusEvent,
    SystemEvent,
    SystemKind,
    UnknownEvent,
)
from numbers.incoming import NumberUpdate
from tests.webhooks.deliveries import DISPLAY, PERSON, WABA_ID, body_of, message, status
from webhooks import reading

RECEIVED_AT = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)
BSUID = "US.13491208655302741918"


def read(body: bytes, *, kind: str = "meta", digest: str = "d", now: datetime = RECEIVED_AT) -> list[reading.Found]:
    account_id = 1 if kind == "onprem" else None
    return list(reading.read(kind=kind, account_id=account_id, digest=digest, body=body, received_at=now))


def only(body: bytes, **fields: Any) -> Any:
    found = read(body, **fields)
    assert len(found) == 1, found
    return found[0].event


def written(**fields: Any) -> InboundMessage:
    """A message that holds these, read."""
    event = only(body_of(message(**fields)))
    assert isinstance(event, InboundMessage)
    return event


def system(kind: str, row: dict[str, Any] | None = None, **details: Any) -> SystemEvent:
    value = {
        "messages": [
            {"from": PERSON, "id": "wamid.S", "timestamp": "1686591695", "type": "system"}
            | {"system": {"body": "User A changed", "type": kind, **details}}
            | (row or {})
        ]
    }
    event = only(body_of(value))
    assert isinstance(event, SystemEvent)
    return event


def test_every_entry_change_message_and_status_is_read() -> None:
    two = message("wamid.1")
    two["messages"].append(message("wamid.2")["messages"][0])
    both = two | status("wamid.3")
    both["statuses"].append(status("wamid.4")["statuses"][0])
    events = [one.event for one in read(body_of(both, message("wamid.5"), status("wamid.6")))]
    assert [getattr(event, "wamid", None) for event in events] == [f"wamid.{place}" for place in range(1, 7)]


def test_the_same_event_has_the_same_key_wherever_it_stands() -> None:
    alone, among = read(body_of(status("wamid.2"))), read(body_of(message("wamid.1"), status("wamid.2")), digest="e")
    assert alone[0].key == among[1].key != among[0].key


def test_another_time_hash_or_error_of_a_status_is_another_event() -> None:
    variants = [{}, {"timestamp": "1686591923"}, {"recipient_identity_key_hash": "h"}, {"errors": [{"code": 1}]}]
    keys = {read(body_of(status(**fields)))[0].key for fields in variants}  # type: ignore[arg-type]
    assert len(keys) == 4


def test_a_node_cannot_use_up_an_event_of_meta() -> None:
    row = message()["messages"]
    assert read(json.dumps({"messages": row}).encode(), kind="onprem")[0].key != read(body_of(message()))[0].key


def test_events_without_an_id_are_told_apart_by_their_body_and_place() -> None:
    body = body_of({"messages": [{"text": {"body": "a"}}, {"text": {"body": "a"}}]})
    assert len({one.key for one in read(body) + read(body, digest="e")}) == 4


@pytest.mark.parametrize(
    ("fields", "kind", "said", "payload"),
    [
        ({"text": {"body": "STOP"}}, "text", "STOP", ""),
        ({"type": "button", "text": None, "button": {"text": "Stop", "payload": "P"}}, "button", "Stop", "P"),
        (
            {"type": "interactive", "text": None, "interactive": {"button_reply": {"id": "b1", "title": "Yes"}}},
            "interactive",
            "Yes",
            "b1",
        ),
        (
            {"type": "interactive", "text": None, "interactive": {"list_reply": {"id": "r1", "title": "Row"}}},
            "interactive",
            "Row",
            "r1",
        ),
        ({"type": "image", "text": None, "image": {"caption": "Look"}}, "image", "Look", ""),
        ({"type": "unsupported", "text": None, "errors": [{"code": 131051}]}, "unsupported", "", ""),
        ({"type": None}, "text", "Hello", ""),
    ],
)
def test_what_was_said_is_read_whatever_its_kind(fields: dict[str, Any], kind: str, said: str, payload: str) -> None:
    event = written(**fields)
    assert (event.kind, event.text, event.payload) == (kind, said, payload)


def test_only_typed_or_chosen_words_are_a_persons_own() -> None:
    assert written().is_own_words
    assert not written(type="image", image={"caption": "STOP"}).is_own_words


def test_the_answered_message_is_known() -> None:
    assert written(context={"from": DISPLAY, "id": "wamid.OUT"}).reply_to == "wamid.OUT"


def test_a_sender_may_be_known_by_a_bsuid_only() -> None:
    for fields in ({"from": BSUID}, {"from": None, "from_user_id": BSUID}, {"from": None, "user_id": BSUID}):
        value = message(**fields)
        value["contacts"] = [{"profile": {"name": "Ana"}, "user_id": BSUID}]
        event = only(body_of(value))
        assert (event.sender, event.bsuid, event.profile_name) == ("", BSUID, "Ana")


def test_a_sender_may_be_known_by_both() -> None:
    value = message()
    value["contacts"][0]["user_id"] = BSUID
    event = only(body_of(value))
    assert (event.sender, event.bsuid) == (PERSON, BSUID)


def test_a_hash_is_never_taken_for_another_persons() -> None:
    value = {
        "contacts": [
            {"wa_id": "447400000001", "identity_key_hash": "one"},
            {"wa_id": "447400000002", "identity_key_hash": "two"},
        ],
        "messages": [
            {"from": sender, "id": f"wamid.{sender}", "timestamp": "1686591695", "text": {"body": "x"}}
            for sender in ("447400000002", "447400000001", "447400000003")
        ],
    }
    assert [one.event.identity_hash for one in read(body_of(value))] == ["two", "one", ""]  # type: ignore[union-attr]


def test_a_lone_contact_of_a_lone_message_is_its_sender_although_the_numbers_are_written_differently() -> None:
    value = message(**{"from": "5215512345678"})
    value["contacts"] = [{"wa_id": "525512345678", "identity_key_hash": "h"}]
    assert only(body_of(value)).identity_hash == "h"


@pytest.mark.parametrize("timestamp", ["1686591695", 1686591695, "1686591695000", 1686591695000, 1686591695.0])
def test_times_are_seconds_or_milliseconds_as_text_or_number(timestamp: object) -> None:
    assert written(timestamp=timestamp).at == datetime(2023, 6, 12, 17, 41, 35, tzinfo=UTC)


@pytest.mark.parametrize(
    "timestamp", [None, "", "soon", -5, 0, "0", True, [], {}, "1e9", 1e300, "9" * 400, "٣٣٣٣٣٣٣٣٣٣", "99999999999"]
)
def test_a_time_that_makes_no_sense_is_the_time_of_receipt(timestamp: object) -> None:
    assert written(timestamp=timestamp).at == RECEIVED_AT


def test_a_time_still_to_come_opens_no_window_for_long() -> None:
    ahead = RECEIVED_AT + timedelta(minutes=9)
    assert written(timestamp=int(ahead.timestamp())).at == ahead
    assert written(timestamp=int((RECEIVED_AT + timedelta(days=400)).timestamp())).at == RECEIVED_AT


@pytest.mark.parametrize("word", ["customer_identity_changed", "user_identity_changed"])
@pytest.mark.parametrize("place", ["system", "row", "plain"])
def test_an_identity_change_brings_its_hash_wherever_it_stands(word: str, place: str) -> None:
    identity = {"acknowledged": False, "created_timestamp": 1602532300000, "hash": "Sjvjlx8G6Z0="}
    event = {
        "system": lambda: system(word, identity=identity),
        "row": lambda: system(word, {"identity": identity}),
        "plain": lambda: system(word, identity="Sjvjlx8G6Z0="),
    }[place]()
    assert (event.kind, event.said, event.number) == (SystemKind.IDENTITY_CHANGED, word, PERSON)
    assert event.identity_hash == "Sjvjlx8G6Z0="


@pytest.mark.parametrize("word", ["user_changed_number", "customer_changed_number"])
@pytest.mark.parametrize("name", ["wa_id", "new_wa_id"])
def test_a_number_change_names_both_numbers(word: str, name: str) -> None:
    event = system(word, **{name: "16505550000"})
    assert (event.kind, event.number, event.new_number) == (SystemKind.NUMBER_CHANGED, PERSON, "16505550000")


def test_a_changed_user_id_names_both_ids() -> None:
    event = system("user_changed_user_id", {"from_user_id": "US.old"}, user_id="US.new")
    assert (event.kind, event.bsuid, event.new_bsuid) == (SystemKind.USER_ID_CHANGED, "US.old", "US.new")


def test_an_unknown_system_message_is_said_to_be_one() -> None:
    assert system("user_grew_wings").kind is SystemKind.OTHER


def test_a_user_id_update_is_a_change_of_the_person() -> None:
    row = {"wa_id": PERSON, "user_id": {"previous": "US.old", "current": "US.new"}, "timestamp": "1686591695"}
    event = only(body_of({"user_id_update": [row]}, field="user_id_update"))
    assert (event.kind, event.number, event.bsuid, event.new_bsuid) == (
        SystemKind.USER_ID_CHANGED,
        PERSON,
        "US.old",
        "US.new",
    )


def test_a_preference_says_who_wants_what() -> None:
    row = {
        "wa_id": PERSON,
        "detail": "User requested to stop marketing messages",
        "category": "marketing_messages",
        "value": "stop",
        "timestamp": 1731705721,
    }
    event = only(body_of({"contacts": [{"wa_id": PERSON}], "user_preferences": [row]}, field="user_preferences"))
    assert isinstance(event, PreferenceEvent)
    assert (event.number, event.category, event.value) == (PERSON, "marketing_messages", "stop")


def test_137000_comes_short_or_full() -> None:
    full = {"code": 137000, "title": "T", "message": "T", "error_data": {"details": "Why"}, "href": "https://x"}
    event = only(body_of(status(what="failed", errors=[full, {"code": "137000", "title": "T"}, 7])))
    assert isinstance(event, StatusEvent)
    assert [(error.code, error.details) for error in event.errors] == [("137000", "Why"), ("137000", "")]


def test_a_status_is_written_in_small_letters() -> None:
    assert only(body_of(status(what="Delivered "))).status == "delivered"


def test_news_about_a_number_keeps_its_plain_values() -> None:
    value = {"display_phone_number": DISPLAY, "event": "FLAGGED", "current_limit": "TIER_50", "x": {"deep": 1}}
    event = only(body_of(value, field="phone_number_quality_update", time=1686591695))
    assert isinstance(event, NumberUpdate)
    assert (event.waba_id, event.display_phone_number, event.event) == (WABA_ID, DISPLAY, "FLAGGED")
    assert ("current_limit", "TIER_50") in event.values
    assert event.at == datetime(2023, 6, 12, 17, 41, 35, tzinfo=UTC)


def test_the_same_news_on_another_day_is_news() -> None:
    keys = {read(body_of({"event": "FLAGGED"}, field="security", time=time))[0].key for time in (1, 2)}
    without = {read(body_of({"event": "FLAGGED"}, field="security"), digest=digest)[0].key for digest in "ab"}
    assert len(keys) == len(without) == 2


def test_unknown_fields_are_said_and_cost_the_others_nothing() -> None:
    body = json.loads(body_of(message()))
    body["entry"][0]["changes"].insert(0, {"field": "message_echoes", "value": {"message_echoes": []}})
    body["entry"][0]["changes"].append({"field": "flows", "value": None})
    kinds = [(one.kind, one.field) for one in read(json.dumps(body).encode())]
    assert kinds == [("unknown", "message_echoes"), ("message", "messages"), ("unknown", "flows")]


def test_errors_of_a_change_are_said() -> None:
    event = only(body_of({"errors": [{"code": 130429, "title": "Rate limit hit"}]}))
    assert event == UnknownEvent("messages", "Error 130429: Rate limit hit")


def test_a_node_answers_numbers_and_tells_of_messages_in_one_address() -> None:
    row = message()["messages"][0] | {"identity": {"acknowledged": True, "hash": "Sjvjlx8G6Z0="}}
    answers = only(
        b'{"contacts": [{"input": "+447400123202", "status": "valid", "wa_id": "447400123202"}]}', kind="onprem"
    )
    inbound = only(json.dumps({"contacts": [{"wa_id": PERSON}], "messages": [row]}).encode(), kind="onprem")
    report = only(json.dumps(status()).encode(), kind="onprem")
    assert isinstance(answers, ContactAnswers) and answers.results[0].asked == "+447400123202"
    assert isinstance(inbound, InboundMessage) and inbound.identity_hash == "Sjvjlx8G6Z0="
    assert isinstance(report, StatusEvent) and report.status == "delivered"


def test_texts_that_a_database_refuses_are_cleaned() -> None:
    body = body_of(message()).replace(b'"Hello"', b'"a\\u0000b\\ud800c\\udc00 \\ud83d\\ude00"')
    assert only(body).text == "a\ufffdb\ufffdc\ufffd \U0001f600"


def test_one_broken_character_costs_no_other_message() -> None:
    assert written(text={"body": "MARK"}).text == "MARK"
    body = body_of(message("wamid.1", text={"body": "MARK"}), message("wamid.2")).replace(b"MARK", b"\xff\xfe")
    assert [getattr(one.event, "wamid", "") for one in read(body)] == ["wamid.1", "wamid.2"]


def test_two_ids_that_are_too_long_never_become_one() -> None:
    events = [only(body_of(status("w" * 10_000 + end))) for end in "ab"]
    assert len({event.wamid for event in events}) == 2
    assert all(len(event.wamid) <= 190 for event in events)


def test_a_body_of_more_events_than_anybody_sends_ends_with_saying_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_EVENTS", 5)
    found = read(body_of(*(status(f"wamid.{place}") for place in range(9))))
    assert [one.kind for one in found] == ["status"] * 5 + ["unknown"]
