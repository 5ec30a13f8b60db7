"""The gate in the schema: whoever writes a check row, Django or raw SQL, needs an opt-in that matches it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from audit import triggers
from contacts import opt_ins
from contacts.models import CheckBatch, Consent, Contact, ContactCheck, OptIn
from providers.models import Business, ProviderAccount
from tests import factories
from tests.factories import opted_in, withdrawn

pytestmark = pytest.mark.django_db

NUMBER, ANOTHER = "+16315551002", "+16315551003"
ASKED = [status for status in ContactCheck.Status.values if status != "REFUSED"]


@dataclass
class World:
    """One person who agreed, and everything beside it that must not pass for it."""

    acme: Business
    ajax: Business
    account: ProviderAccount
    ajax_account: ProviderAccount
    second_account: ProviderAccount
    batch: CheckBatch
    contact: Contact
    opt_in: OptIn
    now: datetime

    def run_of(self, account: ProviderAccount, purpose: str = "") -> CheckBatch:
        return CheckBatch.objects.create(
            account=account,
            business=account.business,
            purpose=purpose,
            source="COMMAND",
            requested_by="tests",
            created_at=self.now,
        )

    def row(self, **changes: Any) -> ContactCheck:
        values: dict[str, Any] = {
            "batch": self.batch,
            "position": 1,
            "account": self.account,
            "business": self.acme,
            "contact": self.contact,
            "opt_in": self.opt_in,
            "input": NUMBER,
            "asked": NUMBER,
            "status": "WAITING",
        }
        return ContactCheck(**(values | changes))

    def event_of(self, state: str) -> OptIn:
        """An event of this very person and business that is no grant."""
        return OptIn.objects.create(
            pseudonym=self.contact.pseudonym,
            business=self.acme,
            state=state,
            purposes="service,utility,authentication,marketing",
            business_name_shown="Acme",
            source="web form",
            given_at=self.now,
            recorded_at=self.now,
            recorded_by="tests",
            evidence_digest="0" * 64,
        )


@pytest.fixture
def world(acme: Business, now: datetime) -> World:
    ajax = factories.business("Ajax")
    account = factories.account(acme, "onprem", base_url="https://contacts.example.com")
    ajax_account = factories.account(ajax, "onprem", base_url="https://contacts.example.com")
    second = factories.account(acme, "commbox", base_url="https://api.commbox.io")
    recorded = opted_in(NUMBER, acme, purposes=["service"])
    batch = CheckBatch.objects.create(
        account=account, business=acme, source="COMMAND", requested_by="tests", created_at=now
    )
    return World(acme, ajax, account, ajax_account, second, batch, recorded.consent.contact, recorded.opt_in, now)


# --- Four ways to write a row -----------------------------------------------------------------------------------------


def stored_values(row: ContactCheck) -> dict[str, Any]:
    return {
        field.column: field.get_db_prep_save(field.pre_save(row, add=True), connection)
        for field in row._meta.concrete_fields
        if field.column != "id"
    }


def execute(statement: str, values: list[Any]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def insert_by_sql(row: ContactCheck, verb: str = "INSERT") -> None:
    values = stored_values(row)
    marks = ", ".join(["%s"] * len(values))
    execute(f"{verb} INTO contacts_contactcheck ({', '.join(values)}) VALUES ({marks})", list(values.values()))


def insert_by_django(row: ContactCheck) -> None:
    with transaction.atomic():
        row.save(force_insert=True)


def insert_in_bulk(row: ContactCheck) -> None:
    with transaction.atomic():
        ContactCheck.objects.bulk_create([row])


INSERTS: dict[str, Callable[[ContactCheck], None]] = {
    "sql": insert_by_sql,
    "django": insert_by_django,
    "bulk": insert_in_bulk,
}


def update_by_sql(row: ContactCheck, columns: list[str]) -> None:
    values = stored_values(row)
    changes = ", ".join(f"{column} = %s" for column in columns)
    execute(f"UPDATE contacts_contactcheck SET {changes}", [values[column] for column in columns])


def update_by_django(row: ContactCheck, columns: list[str]) -> None:
    fields = {field.column: field.name for field in ContactCheck._meta.concrete_fields}
    with transaction.atomic():
        ContactCheck.objects.update(**{fields[column]: getattr(row, fields[column]) for column in columns})


UPDATES: dict[str, Callable[[ContactCheck, list[str]], None]] = {"sql": update_by_sql, "django": update_by_django}

# --- What must not pass -----------------------------------------------------------------------------------------------


def another_persons(world: World) -> dict[str, Any]:
    return {"opt_in": opted_in(ANOTHER, world.acme).opt_in}


def another_businesss(world: World) -> dict[str, Any]:
    return {"opt_in": opted_in(NUMBER, world.ajax).opt_in}


def a_withdrawal(world: World) -> dict[str, Any]:
    return {"opt_in": withdrawn(NUMBER, world.acme, now=world.now).opt_in}


def a_purpose_that_was_not_agreed(world: World) -> dict[str, Any]:
    return {"batch": world.run_of(world.account, "marketing")}


def a_purpose_whose_name_holds_the_agreed_one(world: World) -> dict[str, Any]:
    return {"batch": world.run_of(world.account, "vice")}


def an_account_of_another_business(world: World) -> dict[str, Any]:
    return {"account": world.ajax_account, "batch": world.run_of(world.ajax_account)}


def a_row_of_another_business(world: World) -> dict[str, Any]:
    return {"business": world.ajax}


def everything_of_another_business_but_the_opt_in(world: World) -> dict[str, Any]:
    return {"business": world.ajax, "account": world.ajax_account, "batch": world.run_of(world.ajax_account)}


def a_run_of_another_account(world: World) -> dict[str, Any]:
    return {"batch": world.run_of(world.second_account)}


def sending_after_a_withdrawal(world: World) -> dict[str, Any]:
    withdrawn(NUMBER, world.acme, now=world.now)
    return {"status": "SENDING"}


def sending_for_a_purpose_that_was_withdrawn(world: World) -> dict[str, Any]:
    both = opted_in(NUMBER, world.acme, purposes=["service", "marketing"])
    withdrawn(NUMBER, world.acme, now=world.now, purposes=["marketing"])
    return {"status": "SENDING", "opt_in": both.opt_in, "batch": world.run_of(world.account, "marketing")}


def sending_without_a_consent_row(world: World) -> dict[str, Any]:
    Consent.objects.all().delete()
    return {"status": "SENDING"}


def sending_with_the_consent_of_another_business(world: World) -> dict[str, Any]:
    opted_in(NUMBER, world.ajax)
    withdrawn(NUMBER, world.acme, now=world.now)
    return {"status": "SENDING"}


BAD: dict[str, Callable[[World], dict[str, Any]]] = {
    "no opt-in": lambda world: {"opt_in": None},
    "another person's opt-in": another_persons,
    "the same person's opt-in to another business": another_businesss,
    "a withdrawal's id": a_withdrawal,
    "a held grant's id": lambda world: {"opt_in": world.event_of("HELD")},
    "a dismissed grant's id": lambda world: {"opt_in": world.event_of("DISMISSED")},
    "another person under our opt-in": lambda world: {"contact": opted_in(ANOTHER, world.acme).consent.contact},
    "no person": lambda world: {"contact": None},
    "a purpose that was not agreed": a_purpose_that_was_not_agreed,
    "a purpose whose name is part of the agreed one": a_purpose_whose_name_holds_the_agreed_one,
    "an account of another business": an_account_of_another_business,
    "another business": a_row_of_another_business,
    "another business with its account": everything_of_another_business_but_the_opt_in,
    "a run of another account": a_run_of_another_account,
    "a refused row with an opt-in": lambda world: {"status": "REFUSED", "reason": "WITHDRAWN"},
    "a refused row without a reason": lambda world: {"status": "REFUSED", "opt_in": None, "reason": ""},
    "sending after a withdrawal": sending_after_a_withdrawal,
    "sending for a withdrawn purpose": sending_for_a_purpose_that_was_withdrawn,
    "sending without a consent row": sending_without_a_consent_row,
    "sending with the consent of another business": sending_with_the_consent_of_another_business,
}


@pytest.mark.parametrize("way", INSERTS)
@pytest.mark.parametrize("case", BAD)
def test_no_such_row_can_be_inserted(world: World, case: str, way: str) -> None:
    row = world.row(**BAD[case](world))
    with pytest.raises(IntegrityError, match="contacts_contactcheck"):
        INSERTS[way](row)
    assert not ContactCheck.objects.exists()


@pytest.mark.parametrize("way", UPDATES)
@pytest.mark.parametrize("case", BAD)
def test_no_row_can_become_one(world: World, case: str, way: str) -> None:
    insert_by_django(world.row())
    before = ContactCheck.objects.values().get()
    changes = BAD[case](world)
    columns = [ContactCheck._meta.get_field(name).column for name in changes]  # type: ignore[union-attr]
    with pytest.raises(IntegrityError, match="contacts_contactcheck"):
        UPDATES[way](world.row(**changes), columns)
    assert ContactCheck.objects.values().get() == before


@pytest.mark.parametrize("status", ASKED)
@pytest.mark.parametrize("way", INSERTS)
def test_whatever_was_asked_needs_an_opt_in(world: World, status: str, way: str) -> None:
    with pytest.raises(IntegrityError):
        INSERTS[way](world.row(status=status, opt_in=None))
    with pytest.raises(IntegrityError):
        INSERTS[way](world.row(status=status, **another_persons(world)))
    INSERTS[way](world.row(status=status))
    assert ContactCheck.objects.get().status == status


@pytest.mark.parametrize("status", ASKED)
@pytest.mark.parametrize("way", UPDATES)
def test_a_refused_row_never_turns_into_one_that_was_asked(world: World, status: str, way: str) -> None:
    insert_by_django(world.row(status="REFUSED", reason="NO_OPT_IN", opt_in=None))
    with pytest.raises(IntegrityError):
        UPDATES[way](world.row(status=status, opt_in=None), ["status"])
    with pytest.raises(IntegrityError):
        UPDATES[way](world.row(status=status, **another_persons(world)), ["status", "opt_in_id"])


# --- What must pass ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", INSERTS)
def test_a_consented_row_and_a_refused_row_are_stored(world: World, way: str) -> None:
    purposeful = world.run_of(world.account, "service")
    INSERTS[way](world.row(status="SENDING"))
    INSERTS[way](world.row(status="SENDING", batch=purposeful))
    INSERTS[way](world.row(position=2, status="REFUSED", reason="NO_OPT_IN", opt_in=None))
    INSERTS[way](world.row(position=3, status="REFUSED", reason="NOT_E164", opt_in=None, contact=None))
    assert ContactCheck.objects.count() == 4


def test_a_row_whose_person_opted_out_is_refused_or_keeps_its_answer_but_never_leaves(world: World) -> None:
    insert_by_django(world.row())
    insert_by_django(world.row(position=2, status="SENDING"))
    withdrawn(NUMBER, world.acme, now=world.now)
    ContactCheck.objects.filter(position=2).update(status="VALID")  # asked before the withdrawal
    with pytest.raises(IntegrityError, match="consent does not stand"), transaction.atomic():
        ContactCheck.objects.filter(position=1).update(status="SENDING")
    ContactCheck.objects.filter(position=1).update(status="REFUSED", reason="WITHDRAWN", opt_in=None)


def test_a_withdrawal_of_one_purpose_leaves_checks_for_the_others(world: World) -> None:
    both = opted_in(NUMBER, world.acme, purposes=["service", "marketing"]).opt_in
    withdrawn(NUMBER, world.acme, now=world.now, purposes=["marketing"])
    insert_by_sql(world.row(status="SENDING", opt_in=both, batch=world.run_of(world.account, "service")))
    insert_by_sql(world.row(status="SENDING", opt_in=both))


# --- Ways around it ---------------------------------------------------------------------------------------------------


def test_a_replacing_insert_does_not_slip_past(world: World) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("INSERT OR REPLACE is SQLite's")
    insert_by_django(world.row())
    with pytest.raises(IntegrityError, match="no matching granted opt-in"):
        insert_by_sql(world.row(**another_persons(world)), "INSERT OR REPLACE")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE OR REPLACE contacts_contactcheck SET opt_in_id = NULL")
    assert ContactCheck.objects.get().opt_in == world.opt_in


def test_replica_mode_does_not_slip_past(world: World) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("replica mode is PostgreSQL's")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    with pytest.raises(IntegrityError, match="no matching granted opt-in"):
        insert_by_sql(world.row(**another_persons(world)))
    with pytest.raises(IntegrityError, match="consent does not stand"):
        insert_by_sql(world.row(**sending_after_a_withdrawal(world)))


@pytest.fixture
def without_triggers(world: World) -> Iterator[None]:
    connection.check_constraints()  # deferred ones are pending, and PostgreSQL then drops no trigger
    triggers.lift()
    yield
    connection.check_constraints()
    triggers.install()


@pytest.mark.parametrize("way", INSERTS)
@pytest.mark.parametrize(
    "changes",
    [
        {"opt_in": None},
        {"contact": None},
        {"status": "REFUSED", "reason": "NO_OPT_IN"},
        {"status": "REFUSED", "reason": "", "opt_in": None},
    ],
)
def test_the_table_itself_refuses_the_plainest_cases_even_where_the_triggers_were_lost(
    world: World, without_triggers: None, changes: dict[str, Any], way: str
) -> None:
    with pytest.raises(IntegrityError, match="contacts_contactcheck_refused_or_opted_in"):
        INSERTS[way](world.row(**changes))


def test_a_lost_trigger_is_noticed(world: World, without_triggers: None) -> None:
    insert_by_django(world.row(**another_persons(world)))
    ContactCheck.objects.all().delete()
    names = {
        "sqlite": ["contacts_contactcheck_gate_insert", "contacts_contactcheck_gate_update"],
        "postgresql": ["contacts_contactcheck_gate"],
    }
    assert set(names[connection.vendor]) <= set(triggers.missing())


def test_an_event_that_names_no_business_or_purpose_is_not_stored(world: World) -> None:
    for change in ({"purposes": ""}, {"source": ""}, {"recorded_by": ""}, {"business_name_shown": ""}):
        event = world.event_of("HELD")
        event.pk = None
        event.state = "GRANTED"
        for name, value in change.items():
            setattr(event, name, value)
        with pytest.raises(IntegrityError, match="contacts_optin_"), transaction.atomic():
            event.save(force_insert=True)


def test_a_withdrawal_shows_no_business_name(world: World) -> None:
    recorded = opt_ins.withdraw(
        number=factories.read_number(NUMBER),
        business=world.acme,
        actor="tests",
        now=world.now + timedelta(days=1),
        source="webhook",
        reason="wrote STOP",
    )
    assert recorded.opt_in.business_name_shown == ""
