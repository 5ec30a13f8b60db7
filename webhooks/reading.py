"""Reading a stored body: pure, and tolerant of whatever stands in it. Every entry, change, message and status counts.

Follows the webhook samples of the Cloud API document and, for an On-Premises node, the contacts document. What an event
says is its key, so that the same event in another body, at another place, is known; batches, order and repetition
therefore do not matter.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contacts.incoming import Address, ContactAnswers, Event, UnknownEvent
from numbers.incoming import NumberUpdate
from providers.interfaces import ContactStatus
from providers.onprem import read_contacts
from webhooks import people
from webhooks.json_body import (
    Unreadable,
    fingerprint,
    identifier,
    items,
    mapping,
    moment,
    read_object,
    strangers,
    text,
)
from webhooks.models import WebhookEvent, WebhookRequest

__all__ = ["SELF_TEST", "Found", "Unreadable", "read"]

Kind = WebhookEvent.Kind
#: What the console's own test posts, to prove the way through signature, storing and reading.
SELF_TEST = "waadmin_self_test"

#: News about a number or its WABA. Fields that are in neither table are stored, counted and left alone.
NUMBER_FIELDS = frozenset(
    {
        "phone_number_quality_update",
        "phone_number_name_update",
        "account_update",
        "account_review_update",
        "account_alerts",
        "account_settings_update",
        "business_capability_update",
        "security",
    }
)
_FINAL = {ContactStatus.VALID, ContactStatus.INVALID, ContactStatus.FAILED}
_LONGEST_FIELD = 60
#: No delivery of a provider comes near it; the rest of such a body is said to be there and left alone.
MOST_EVENTS = 100_000


@dataclass(frozen=True, slots=True)
class Found:
    """One event of a body: what it is, which field it came in, and the key by which it is known again."""

    kind: str
    field: str
    key: str
    event: Event


def read(*, kind: str, account_id: int | None, digest: str, body: bytes, received_at: datetime) -> tuple[Found, ...]:
    """Read everything that a stored body says, in its order, each event once.

    :raises Unreadable: when the body as a whole cannot be read.
    """
    document = read_object(body)
    scope = kind if kind == WebhookRequest.Kind.META else f"{kind}:{account_id}"
    said = _of_meta(document, received_at) if kind == WebhookRequest.Kind.META else _of_node(document, received_at)
    found: dict[str, Found] = {}
    for place, (event_kind, field, identity, event) in enumerate(said):
        if place >= MOST_EVENTS:
            event_kind, field, identity = Kind.UNKNOWN, "", None
            event = UnknownEvent("", f"More than {MOST_EVENTS} events in one body: the rest was not read.")
        # Without anything that tells it from another one, an event is this very one of this very body.
        key = fingerprint(scope, event_kind, identity if identity is not None else (digest, place))
        found.setdefault(key, Found(event_kind, field[:_LONGEST_FIELD], key, event))
        if place >= MOST_EVENTS:
            break
    return tuple(found.values())


def _of_meta(document: Mapping[str, Any], received_at: datetime) -> Iterator[people.Said]:
    if SELF_TEST in document:
        yield _unknown(SELF_TEST, "The console's own test.")
        return
    if "entry" not in document:
        yield _unknown("", "There is no `entry`.")
    yield from _odd(document.get("entry"), "entry")
    for entry in items(document.get("entry")):
        yield from _odd(entry.get("changes"), "changes")
        for change in items(entry.get("changes")):
            field = text(change.get("field"), limit=_LONGEST_FIELD)
            yield from _change(field, mapping(change.get("value")), entry, received_at)


def _change(
    field: str, value: Mapping[str, Any], entry: Mapping[str, Any], received_at: datetime
) -> Iterator[people.Said]:
    metadata = mapping(value.get("metadata"))
    to = Address(
        waba_id=identifier(entry.get("id")),
        phone_number_id=identifier(metadata.get("phone_number_id")),
        display_phone_number=text(metadata.get("display_phone_number"), limit=40),
    )
    if field in NUMBER_FIELDS:
        yield _number_update(field, value, entry, to, received_at)
        return
    known = [name for name in people.READERS if name in value]
    for name in known:
        yield from _odd(value.get(name), name)
        yield from people.READERS[name](field, value, to, received_at)
    for error in items(value.get("errors")):
        yield _unknown(field, f"Error {text(error.get('code'), limit=20)}: {text(error.get('title'), limit=150)}")
    if not known and "errors" not in value:
        yield _unknown(field, "Nothing in it that we read.")


def _number_update(
    field: str, value: Mapping[str, Any], entry: Mapping[str, Any], to: Address, received_at: datetime
) -> people.Said:
    plain = {name: said for name, one in value.items() if (said := text(one, limit=300))}
    event = NumberUpdate(
        waba_id=to.waba_id,
        phone_number_id=to.phone_number_id or identifier(value.get("phone_number_id")),
        display_phone_number=text(value.get("display_phone_number") or value.get("phone_number"), limit=40),
        field=field,
        event=text(value.get("event") or value.get("decision"), limit=100),
        at=moment(entry.get("time"), received_at),
        values=tuple(sorted((text(name, limit=60), said) for name, said in plain.items()))[:50],
    )
    # The same news may come again another day: without its time one could not tell them apart.
    time = text(entry.get("time"), limit=40)
    return Kind.NUMBER, field, (to.waba_id, field, time, event.values) if time else None, event


def _of_node(document: Mapping[str, Any], received_at: datetime) -> Iterator[people.Said]:
    results = tuple(one for one in read_contacts(document.get("contacts")) if one.status in _FINAL)
    if results:
        # No identity: equal bytes may be news about a later check.
        yield Kind.CONTACTS, "contacts", None, ContactAnswers(results)
    known = [name for name in people.READERS if name in document]
    for name in known:
        yield from _odd(document.get(name), name)
        yield from people.READERS[name](name, document, Address(), received_at)
    for error in items(document.get("errors")):
        yield _unknown("errors", f"Error {text(error.get('code'), limit=20)}: {text(error.get('title'), limit=150)}")
    if not known and not results and "errors" not in document:
        yield _unknown("", "Nothing in it that we read.")


def _odd(value: object, name: str) -> Iterator[people.Said]:
    if count := strangers(value):
        yield _unknown(name, f"{count} in `{name}` that should be objects and are not.")


def _unknown(field: str, why: str) -> people.Said:
    return Kind.UNKNOWN, field, None, UnknownEvent(field, why)
