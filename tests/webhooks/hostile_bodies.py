"""A hundred kinds of malformed and hostile bodies, each by its name."""

import json
from typing import Any

from tests.webhooks.deliveries import NUMBER_ID, body_of, message, status

_ODD: dict[str, Any] = {
    "null": None,
    "true": True,
    "a number": 7,
    "a fraction": 1.5,
    "a negative": -1,
    "a text": "x",
    "an empty text": "",
    "an empty array": [],
    "an empty object": {},
    "an array of nulls": [None, None],
    "an array of arrays": [[[]]],
    "an array of texts": ["a", "b"],
    "an object of objects": {"a": {"b": {}}},
}


def _nested(depth: int, opening: str, closing: str) -> bytes:
    return (opening * depth + "1" + closing * depth).encode()


def _at(path: str, value: Any) -> bytes:
    """A body in which the value stands at one place."""
    body: Any = json.loads(body_of(message() | status()))
    here, names = body, path.split(".")
    for name in names[:-1]:
        here = here[int(name)] if name.isdigit() else here[name]
    here[int(names[-1]) if names[-1].isdigit() else names[-1]] = value
    return json.dumps(body).encode()


def _values() -> dict[str, bytes]:
    value = "entry.0.changes.0.value"
    places = {
        "entry": "entry",
        "an entry": "entry.0",
        "changes": "entry.0.changes",
        "value": value,
        "metadata": f"{value}.metadata",
        "messages": f"{value}.messages",
        "a message": f"{value}.messages.0",
        "statuses": f"{value}.statuses",
        "contacts": f"{value}.contacts",
    }
    return {f"{what} as {name}": _at(path, odd) for name, path in places.items() for what, odd in _ODD.items()}


def _bytes() -> dict[str, bytes]:
    good = body_of(message())
    return {
        "nothing": b"",
        "a space": b" ",
        "a NUL": b"\0",
        "words": b"nonsense",
        "a page": b"<html><script>alert(1)</script></html>",
        "a form": b"object=whatsapp&entry=1",
        "bytes that are no UTF-8": b"\xff\xfe\xfa" * 50,
        "UTF-16": good.decode().encode("utf-16"),
        "a byte order mark": b"\xef\xbb\xbf" + good,
        "a body cut short": good[:-20],
        "two bodies": good + good,
        "a comment": good[:-1] + b"/* */}",
        "a trailing comma": good[:-1] + b",}",
        "single quotes": good.replace(b'"', b"'"),
        "NaN": b"NaN",
        "Infinity in it": b'{"entry": [{"changes": [{"field": "messages", "value": {"statuses": -Infinity}}]}]}',
        "NaN as a time": good.replace(b'"1686591695"', b"NaN"),
        "5,000 digits": good.replace(b'"1686591695"', b"9" * 5_000),
        "a million digits": good.replace(b'"1686591695"', b"9" * 1_000_000),
        "a fraction of 100,000 digits": good.replace(b'"1686591695"', b"1." + b"9" * 100_000),
        "an exponent beyond all": good.replace(b'"1686591695"', b"1e999999"),
        "arrays 1,000 deep": _nested(1_000, "[", "]"),
        "arrays 100,000 deep": _nested(100_000, "[", "]"),
        "objects 100,000 deep": _nested(100_000, '{"a":', "}"),
        "arrays a million deep": b"[" * 1_000_000,
        "an entry 900 deep": b'{"entry": ' + _nested(900, "[", "]") + b"}",
        "a value 5,000 deep": b'{"entry": [{"changes": [{"value": ' + _nested(5_000, '{"messages":', "}") + b"}]}]}",
        "an escaped NUL": good.replace(b"Hello", b"a\\u0000b"),
        "half a character": good.replace(b"Hello", b"\\ud800"),
        "half a character in an id": good.replace(b"wamid.IN1", b"wamid.\\udfff\\u0000"),
        "half a character as a key": b'{"\\ud800": 1, "entry": []}',
        "the same key twice": b'{"entry": [], "entry": [{"changes": []}]}',
        "a megabyte in a name": good.replace(b"Pablo Morales", b"x" * 1_000_000),
        "a megabyte as an id": good.replace(b"wamid.IN1", b"w" * 1_000_000),
        "a megabyte as a field": body_of(message(), field="f" * 1_000_000),
        "10,000 empty entries": b'{"entry": [' + b",".join([b"{}"] * 10_000) + b"]}",
        "100,000 numbers for messages": b'{"entry": [{"changes": [{"value": {"messages": ['
        + b",".join([b"1"] * 100_000)
        + b"]}}]}]}",
        "10,000 keys": json.dumps({str(place): place for place in range(10_000)}).encode(),
        "signs that turn writing round": good.replace(b"Hello", "\u202e\u2066x\u200b".encode()),
        "SQL": good.replace(b"Hello", b"'); DROP TABLE webhooks_webhookrequest; --"),
        "markup": good.replace(b"Pablo Morales", b"<img src=x onerror=alert(1)>"),
    }


def _events() -> dict[str, bytes]:
    return {
        "a foreign phone_number_id": body_of(message()).replace(NUMBER_ID.encode(), b"999"),
        "an endless phone_number_id": body_of(message()).replace(NUMBER_ID.encode(), b"9" * 100_000),
        "a message from nobody": body_of(message(**{"from": None}) | {"contacts": []}),
        "a message from a group": body_of(message(**{"from": "120363041234567890@g.us"})),
        "a message from a telephone exchange": body_of(message(**{"from": "+1 (650) 555-1234"})),
        "a message of no type": body_of(message(type=None, text=None)),
        "a message without an id": body_of(message(id=None)),
        "a status without an id": body_of(status(id=None)),
        "a status of no message": body_of(status(id="")),
        "a status nobody knows": body_of(status(what="teleported")),
        "a status that is a number": body_of(status(status=7)),
        "errors that are a text": body_of(status(errors="137000")),
        "errors of errors": body_of(status(errors=[{"code": {"code": 1}, "title": [], "error_data": "x"}])),
        "a hash that is an object": body_of(status(recipient_identity_key_hash={"a": 1})),
        "a hash of a megabyte": body_of(status(recipient_identity_key_hash="h" * 1_000_000)),
        "a field nobody knows": body_of(message(), field="telepathy"),
        "a field that is an array": body_of(message(), field=["messages"]),  # type: ignore[arg-type]
        "unknown members everywhere": body_of(message(new="x", other={}) | {"more": 1}, extra=[1]),
        "an On-Premises body": b'{"contacts": [{"input": "+447400123202", "status": "valid"}]}',
        "another object": body_of(message()).replace(b"whatsapp_business_account", b"page"),
        "a system message of nothing": body_of(message(type="system", system=None)),
        "a system message of a text": body_of(message(type="system", system="changed")),
        "a number change to nowhere": body_of(message(type="system", system={"type": "user_changed_number"})),
        "a preference of nobody": body_of({"user_preferences": [{}]}, field="user_preferences"),
        "news about nothing": body_of({}, field="account_update"),
        "news with a nest in it": body_of({"event": {"a": []}, "x": [1]}, field="account_update", time={}),
    }


BODIES = _bytes() | _events() | _values()
assert len(BODIES) >= 100
