"""The gate of messages in the schema: whoever writes the row, Django or raw SQL, needs what allows the message."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from audit import triggers
from contacts.models import Contact, IdentityTrust, Message, OptIn
from numbers.models import BusinessNumber
from providers.models import Business, ProviderAccount
from tests import factories
from tests.contacts.senders import HASH, agreed, our_number, stranger, trusts, wrote
from tests.factories import opted_in, withdrawn

pytestmark = pytest.mark.django_db

NUMBER, ANOTHER = "+16315551002", "+16315551003"
LEFT = ["SENDING", "ACCEPTED", "FAILED", "UNKNOWN", "NOT_SENT"]


@dataclass
class World:
    """A person who agreed to service messages, our number, and everything that must not pass for them."""

    acme: Business
    ajax: Business
    number: BusinessNumber
    foreign_number: BusinessNumber
    node: ProviderAccount
    contact: Contact
    opt_in: OptIn
    now: datetime

    def row(self, **changes: Any) -> Message:
        values: dict[str, Any] = {
            "contact": self.contact,
            "business": self.acme,
            "account": self.number.account,
            "business_number": self.number,
            "direction": "OUT",
            "kind": "TEXT",
            "purpose": "service",
            "body": b"{}",
            "state": "SENDING",
            "basis": "OPT_IN",
            "opt_in_id": self.opt_in.pk,
            "at": self.now,
            "lease_until": self.now + timedelta(seconds=45),
        }
        return Message(**(values | changes))


@pytest.fixture
def world(acme: Business, now: datetime) -> World:
    ajax = factories.business("Ajax")
    number = our_number(acme, "https://graph.facebook.com")
    foreign = our_number(ajax, "https://graph.facebook.com", phone_number_id="107", e164="+15550149999")
    node = factories.account(acme, "onprem", base_url="https://contacts.example.com")
    recorded = opted_in(NUMBER, acme, purposes=["service"])
    return World(acme, ajax, number, foreign, node, recorded.consent.contact, recorded.opt_in, now)


def stored_values(row: Message) -> dict[str, Any]:
    return {
        field.column: field.get_db_prep_save(field.pre_save(row, add=True), connection)
        for field in row._meta.concrete_fields
        if field.column != "id"
    }


def insert_by_sql(row: Message, verb: str = "INSERT") -> None:
    values = stored_values(row)
    marks = ", ".join(["%s"] * len(values))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{verb} INTO contacts_message ({', '.join(values)}) VALUES ({marks})", list(values.values()))


def insert_by_django(row: Message) -> None:
    with transaction.atomic():
        row.save(force_insert=True)


def insert_then_update(row: Message) -> None:
    """Bring a row in as a received one, then turn it into this one by raw SQL."""
    with transaction.atomic():
        kept = Message.objects.create(
            contact=row.contact, business=row.business, account=row.account, direction="IN", kind="TEXT",
            state="RECEIVED", at=row.at,
        )  # fmt: skip
        values = stored_values(row)
        changes = ", ".join(f"{column} = %s" for column in values)
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE contacts_message SET {changes} WHERE id = %s", [*values.values(), kept.pk])


WAYS: dict[str, Callable[[Message], None]] = {
    "sql": insert_by_sql,
    "django": insert_by_django,
    "update": insert_then_update,
}


def in_window(world: World, ago: timedelta = timedelta(hours=1)) -> dict[str, Any]:
    """A reply to a person of whom no consent is on record, and who wrote a while ago."""
    contact = stranger(ANOTHER, world.now)
    wrote(contact, world.number, world.now - ago)
    return {"contact": contact, "basis": "REPLY_WINDOW", "opt_in_id": None}


def opted_out(world: World) -> dict[str, Any]:
    withdrawn(NUMBER, world.acme, now=world.now)
    return {}


def opted_out_since(world: World) -> dict[str, Any]:
    changes = in_window(world)
    withdrawn(ANOTHER, world.acme, now=world.now - timedelta(minutes=30))
    return changes


def opted_out_at_that_instant(world: World) -> dict[str, Any]:
    changes = in_window(world)
    withdrawn(ANOTHER, world.acme, now=world.now - timedelta(hours=1))
    return changes


def suspended(world: World, state: str, **changes: Any) -> dict[str, Any]:
    trusts(world.contact, world.number, state=state, basis="", since=world.now)
    return changes


def suspended_by_another_form(world: World) -> dict[str, Any]:
    old, new = agreed("+5215512345678", world.acme), opted_in("+525512345678", world.acme, purposes=["service"])
    trusts(old, world.number, state="MISMATCHED", basis="")
    return {"contact": new.consent.contact, "opt_in_id": new.opt_in.pk}


def another_hash(world: World) -> dict[str, Any]:
    trusts(world.contact, world.number, HASH)
    return {"hash_sent": "ZZZZZZZZZZZ="}


def written_to_another_number(world: World) -> dict[str, Any]:
    contact = stranger(ANOTHER, world.now)
    wrote(contact, our_number(world.acme, "", phone_number_id="108", e164="+15550148888"), world.now)
    return {"contact": contact, "basis": "REPLY_WINDOW", "opt_in_id": None}


#: What must not be stored, whatever the state, and what must not leave.
NEVER: dict[str, Callable[[World], dict[str, Any]]] = {
    "no basis": lambda world: {"basis": "NONE", "opt_in_id": None},
    "no opt-in": lambda world: {"opt_in_id": None},
    "an opt-in that does not exist": lambda world: {"opt_in_id": 0},
    "another person's opt-in": lambda world: {"opt_in_id": opted_in(ANOTHER, world.acme).opt_in.pk},
    "an opt-in to another business": lambda world: {"opt_in_id": opted_in(NUMBER, world.ajax).opt_in.pk},
    "an opt-in for another purpose": lambda world: {"purpose": "marketing"},
    "no purpose": lambda world: {"purpose": ""},
    "a withdrawal for an opt-in": lambda world: {"opt_in_id": withdrawn(NUMBER, world.acme, now=world.now).opt_in.pk},
    "a number of another business": lambda world: {"business_number": world.foreign_number},
    "a number of another account": lambda world: {"account": world.node},
    "another business's node": lambda world: {
        "account": factories.account(world.ajax, "onprem", base_url="https://contacts.example.com"),
        "business_number": None,
    },
    "a reply to nobody who wrote": lambda world: {"basis": "REPLY_WINDOW", "opt_in_id": None},
    "a reply that is not service": lambda world: in_window(world) | {"purpose": "marketing"},
    "a reply from another number": written_to_another_number,
}
NOT_NOW: dict[str, Callable[[World], dict[str, Any]]] = {
    "after a withdrawal": opted_out,
    "when the window has closed": lambda world: in_window(world, timedelta(hours=24)),
    "before the person wrote": lambda world: in_window(world, timedelta(hours=-1)),
    "when they opted out since": opted_out_since,
    "when they opted out with that message": opted_out_at_that_instant,
    "while the identity is in doubt": lambda world: suspended(world, "MISMATCHED"),
    "while the new identity is awaited": lambda world: suspended(world, "AWAITING_HASH"),
    "while another form's identity is in doubt": suspended_by_another_form,
    "with a hash where none is trusted": lambda world: {"hash_sent": HASH},
    "with another hash than the trusted one": another_hash,
}


@pytest.mark.parametrize("state", LEFT)
@pytest.mark.parametrize("case", NEVER)
def test_no_message_of_ours_is_stored_with(world: World, case: str, state: str) -> None:
    row = world.row(state=state, **NEVER[case](world))
    for way in WAYS.values():
        with pytest.raises(IntegrityError, match="contacts_message"):
            way(row)
    assert not Message.objects.exists()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", NOT_NOW)
def test_no_message_leaves(world: World, case: str, way: str) -> None:
    row = world.row(**NOT_NOW[case](world))
    with pytest.raises(IntegrityError, match=r"consent does not stand|identity is not trusted"):
        WAYS[way](row)
    assert not Message.objects.exists()


@pytest.mark.parametrize("way", WAYS)
def test_what_may_be_sent_is_stored(world: World, way: str) -> None:
    trusts(world.contact, world.number, HASH)
    WAYS[way](world.row(hash_sent=HASH))
    WAYS[way](world.row())
    WAYS[way](world.row(**in_window(world, timedelta(hours=23, minutes=59))))
    WAYS[way](world.row(account=world.node, business_number=None))
    assert Message.objects.filter(state="SENDING").count() == 4


def test_what_was_sent_is_written_to_its_end_whatever_came_since(world: World) -> None:
    insert_by_sql(world.row())
    insert_by_sql(world.row(**in_window(world)))
    withdrawn(NUMBER, world.acme, now=world.now)
    withdrawn(ANOTHER, world.acme, now=world.now)
    IdentityTrust.objects.create(
        contact=world.contact, account=world.number.account, business_number=world.number, state="MISMATCHED"
    )
    assert Message.objects.update(state="ACCEPTED") == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.update(state="SENDING")


def test_what_a_person_wrote_needs_nothing(world: World) -> None:
    insert_by_sql(world.row(direction="IN", state="RECEIVED", basis="NONE", opt_in_id=None, purpose=""))
    assert Message.objects.get().direction == "IN"


def test_a_replacing_insert_does_not_slip_past(world: World) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("INSERT OR REPLACE is SQLite's")
    insert_by_django(world.row())
    with pytest.raises(IntegrityError, match="no opt-in or message"):
        insert_by_sql(world.row(opt_in_id=None), "INSERT OR REPLACE")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE OR REPLACE contacts_message SET opt_in_id = NULL")


def test_replica_mode_does_not_slip_past(world: World) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("replica mode is PostgreSQL's")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    with pytest.raises(IntegrityError, match="no opt-in or message"):
        insert_by_sql(world.row(opt_in_id=None))


@pytest.fixture
def without_triggers(world: World) -> Iterator[None]:
    connection.check_constraints()
    triggers.lift()
    yield
    connection.check_constraints()
    triggers.install()


def test_the_table_itself_refuses_a_message_without_a_basis(world: World, without_triggers: None) -> None:
    with pytest.raises(IntegrityError, match="contacts_message_has_a_basis"):
        insert_by_sql(world.row(basis="NONE"))


def test_a_lost_trigger_is_noticed(world: World, without_triggers: None) -> None:
    names = {
        "sqlite": {"contacts_message_gate_insert", "contacts_message_gate_update"},
        "postgresql": {"contacts_message_gate"},
    }
    assert names[connection.vendor] <= set(triggers.missing())
