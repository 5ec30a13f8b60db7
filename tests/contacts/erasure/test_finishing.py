"""What names an erased person beside their own rows: lines of check runs, uploaded files, imports under way."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from contacts import opt_ins
from contacts.consent import uploads
from contacts.consent.importing import carry_on
from contacts.erasure import finishing
from contacts.erasure.traces import Traces
from contacts.models import Consent, Contact, ContactCheck, Erasure, OptIn, OptInImport
from providers.e164 import Reading
from providers.models import Business
from sandbox import Sandbox
from tests import factories
from tests.contacts.csv_files import mapped
from tests.contacts.erasure.people import erase, rows_naming

ONE, OTHER = factories.number(101), factories.number(102)
HEADER = "phone,given_at,source,evidence\n"
TRACES = Traces.of(numbers=[ONE], texts=["US.13491208655302741918", "wamid.HBgL/x+y=="])


@pytest.mark.parametrize(
    "text",
    [
        ONE,
        ONE[1:],
        f"00{ONE[1:]}",
        "07400 000101",
        "+44 (0) 7400-000.101",
        "(07400) 000 101",
        f"x{ONE}y",
        f"{ONE} 2026",
    ],
)
def test_a_number_is_found_in_any_writing(text: str) -> None:
    assert TRACES.in_writing(f"a;{text};b\n")


@pytest.mark.parametrize("text", [OTHER, "7400000", "2026-05-03 10:00", "order 10401"])
def test_another_text_is_not_taken_for_the_number(text: str) -> None:
    assert not TRACES.in_writing(f"a;{text};b\n")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (f'{{"from":"{ONE[1:]}"}}', True),
        ('{"user_id":"US.13491208655302741918"}', True),
        ('{"id":"wamid.HBgL\\/x+y=="}', True),
        (f'{{"from":"{OTHER[1:]}"}}', False),
        (f'{{"from":"{ONE[1:]}9"}}', False),
    ],
)
def test_a_providers_message_names_a_person_in_full(body: str, named: bool) -> None:
    assert bool(TRACES.in_message(body.encode())) is named
    assert Traces.load(TRACES.dump()) == TRACES


def test_a_brazilian_is_found_under_both_forms() -> None:
    traces = Traces.of(numbers=["+5511987654321"])

    assert traces.in_writing("5511987654321") and traces.in_writing("+55 11 8765-4321")


def upload(acme: Business, *lines: str) -> OptInImport:
    return uploads.keep(
        content=(HEADER + "".join(f"{line},2026-01-05,web form,ticked\n" for line in lines)).encode(),
        file_name="leads.csv",
        business=acme,
        reading=Reading.E164,
        region="",
        name_shown="Acme",
        actor="tests",
        now=datetime.now(UTC),
    )


def confirm(row: OptInImport) -> None:
    mapped(row)
    uploads.confirm(
        upload=row,
        statement=uploads.sentence(row),
        shown=uploads.declared(row),
        actor="tests",
        now=datetime.now(UTC),
    )


def test_an_upload_that_names_the_person_goes_and_another_stays(acme: Business) -> None:
    contact = factories.opted_in(ONE, acme).consent.contact
    named, other = upload(acme, ONE, OTHER), upload(acme, OTHER)

    erase(contact, now=datetime.now(UTC))

    named.refresh_from_db()
    other.refresh_from_db()
    assert named.content is None and other.content is not None


def test_a_confirmed_import_is_let_go_on_without_the_person(acme: Business) -> None:
    contact = factories.opted_in(ONE, acme).consent.contact
    row = upload(acme, ONE, OTHER, "not a number")
    confirm(row)

    entry = erase(contact, now=datetime.now(UTC))
    assert entry.finished_at is None and entry.traces is not None

    uploads.run(import_id=row.pk, now=datetime.now(UTC))
    assert finishing.finish(now=datetime.now(UTC)) == 1

    row.refresh_from_db()
    assert (row.state, row.granted_count, row.refused_count) == ("FINISHED", 1, 1)
    assert list(Contact.objects.values_list("e164", flat=True)) == [OTHER]
    assert row.errors is not None
    assert rows_naming([ONE]) == set()


def test_a_file_that_is_named_after_the_person_loses_its_name(acme: Business) -> None:
    contact = factories.opted_in(ONE, acme).consent.contact
    row = upload(acme, OTHER)
    OptInImport.objects.update(file_name=f"{ONE[1:]}.csv")
    row.refresh_from_db()
    confirm(row)
    uploads.run(import_id=row.pk, now=datetime.now(UTC))

    erase(contact, now=datetime.now(UTC))

    row.refresh_from_db()
    assert row.file_name == "…" and "“…”" in row.statement
    assert rows_naming([ONE]) == set()


def test_bad_lines_that_name_the_person_go(acme: Business) -> None:
    contact = factories.opted_in(ONE, acme).consent.contact
    row = upload(acme, ONE[1:], OTHER)
    confirm(row)
    uploads.run(import_id=row.pk, now=datetime.now(UTC))

    erase(contact, now=datetime.now(UTC))

    row.refresh_from_db()
    assert row.errors is None and row.content is None


def test_an_import_whose_file_was_removed_keeps_no_bad_lines(acme: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    row = upload(acme, "not a number")
    confirm(row)

    def removed_meanwhile(**given: object) -> object:
        done = carry_on(**given)  # type: ignore[arg-type]
        OptInImport.objects.update(content=None)
        return done

    monkeypatch.setattr("contacts.consent.uploads.importing.carry_on", removed_meanwhile)
    uploads.run(import_id=row.pk, now=datetime.now(UTC))

    row.refresh_from_db()
    assert row.errors is None


def test_a_line_of_a_check_run_that_no_contact_stands_behind_goes(acme: Business, sandbox: Sandbox) -> None:
    account = factories.account(acme, "onprem", base_url=sandbox.url)
    contact = factories.opted_in(ONE, acme).consent.contact
    factories.check_run(account, "07400 000 101", ONE[1:], "4.9E+12", OTHER)

    erase(contact, now=datetime.now(UTC))

    assert set(ContactCheck.objects.values_list("input", flat=True)) == {"4.9E+12", OTHER}


def test_a_file_begun_after_the_erasure_is_an_import_like_any(acme: Business) -> None:
    erase(factories.opted_in(ONE, acme).consent.contact, now=datetime.now(UTC) - timedelta(minutes=1))
    row = upload(acme, ONE)
    confirm(row)

    uploads.run(import_id=row.pk, now=datetime.now(UTC))

    assert OptIn.objects.filter(state="HELD").count() == 1
    assert Consent.objects.get(contact__e164=ONE, business=acme).status == "WITHDRAWN"


def test_finishing_with_nothing_to_finish_writes_nothing(db: None) -> None:
    assert finishing.finish(now=datetime.now(UTC)) == 0
    assert not Erasure.objects.exists()


def test_a_person_who_comes_back_is_not_looked_for_again(acme: Business) -> None:
    erase(factories.opted_in(ONE, acme).consent.contact, now=datetime.now(UTC))
    factories.opted_in(ONE, acme, given_at=datetime.now(UTC))
    kept = upload(acme, ONE)

    finishing.finish(now=datetime.now(UTC))

    kept.refresh_from_db()
    assert kept.content is not None
    assert opt_ins.Contact.objects.filter(e164=ONE).exists()
    assert io.BytesIO(bytes(kept.content)).read().startswith(HEADER.encode())


def test_one_erasure_that_has_to_wait_holds_no_other_up(acme: Business) -> None:
    one, other = (factories.opted_in(number, acme).consent.contact for number in (ONE, OTHER))
    confirm(upload(acme, ONE))

    waiting = erase(one, now=datetime.now(UTC))
    finished = erase(other, now=datetime.now(UTC))

    waiting.refresh_from_db()
    assert (waiting.finished_at, finished.finished_at is not None) == (None, True)
