"""An import beside everything else that writes consent: whoever comes second sees what the first one did."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection

from contacts.consent import committing, importing
from contacts.consent.importing import Imported
from contacts.consent.settling import Settled, Trust, settle
from contacts.consent.state import load_grants
from contacts.models import Consent, Contact, OptIn, OptInImport
from providers.models import Business
from tests import factories
from tests.contacts.csv_files import HEADER, NOW, Heard, counts, csv_of, imported, line, statuses

NUMBERS = tuple(f"+4474000001{n:02d}" for n in range(6))


def in_thread(work: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db
def test_somebody_who_is_recorded_while_a_chunk_is_written_is_met_by_the_next_try(
    acme: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Trust] = []

    def raced(**kwargs: Any) -> Settled:
        tries.append(kwargs["trust"])
        if len(tries) < 3:
            raise IntegrityError
        factories.withdrawn(NUMBERS[0], acme, now=NOW)
        return settle(**kwargs)

    monkeypatch.setattr(committing, "settle", raced)
    result, _bad = imported(csv_of(*map(line, NUMBERS)), acme)
    assert tries == [Trust.ALL_NEW, Trust.NO_STATE_NO_EVENTS, Trust.NOTHING]
    assert counts(result) == (5, 0, 0, 1, 0)
    assert statuses() == {number: "WITHDRAWN" if number == NUMBERS[0] else "GRANTED" for number in NUMBERS}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("postgresql")
def test_sixteen_who_begin_one_file_at_once_begin_one_import(acme: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_run", lambda row, *_rest: Imported(opt_in_import=row))
    gate, begun = threading.Barrier(16), []

    def begin() -> None:
        gate.wait(20)
        begun.append(imported(csv_of(*map(line, NUMBERS)), acme)[0].opt_in_import)

    threads = [in_thread(begin) for _who in range(16)]
    for thread in threads:
        thread.join(30)
    assert len(begun) == 16
    assert OptInImport.objects.count() == 1


@pytest.mark.django_db
def test_a_state_that_is_made_after_the_contacts_is_met_by_the_next_try(
    acme: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_contacts = committing.make_contacts

    def overtaken(**kwargs: Any) -> Trust:
        trust = make_contacts(**kwargs)
        factories.withdrawn(NUMBERS[0], acme, now=NOW)
        return trust

    monkeypatch.setattr(committing, "make_contacts", overtaken)
    result, _bad = imported(csv_of(*map(line, NUMBERS)), acme)
    assert counts(result) == (5, 0, 0, 1, 0)


@pytest.mark.django_db
def test_a_contact_that_goes_after_it_was_made_is_made_again(acme: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    make_contacts = committing.make_contacts
    factories.opted_in(NUMBERS[0], factories.business("Umbrella"))

    def overtaken(**kwargs: Any) -> Trust:
        trust = make_contacts(**kwargs)
        Contact.objects.filter(e164=NUMBERS[1]).delete()
        return trust

    def settled(**kwargs: Any) -> Settled:
        done = settle(**kwargs)
        connection.check_constraints()  # as the end of a transaction that is not a test's would
        return done

    monkeypatch.setattr(committing, "make_contacts", overtaken)
    monkeypatch.setattr(committing, "settle", settled)
    result, _bad = imported(csv_of(*map(line, NUMBERS)), acme)
    assert counts(result) == (6, 0, 0, 0, 0)
    assert set(statuses()) == set(NUMBERS)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("postgresql")
@pytest.mark.parametrize("known", [False, True])
def test_opting_out_beside_a_running_import_wins(acme: Business, monkeypatch: pytest.MonkeyPatch, known: bool) -> None:
    if known:
        factories.opted_in(NUMBERS[3], acme)
    held_back, go_on = threading.Event(), threading.Event()

    def slow(business_id: int) -> frozenset[int]:
        held_back.set()
        assert go_on.wait(10)
        return frozenset()

    # Between the look at what people withdrew and the writing of their grants.
    monkeypatch.setattr("contacts.consent.settling._in_flight", slow)
    importing = in_thread(lambda: imported(csv_of(*map(line, NUMBERS)), acme))
    assert held_back.wait(10)
    withdrawing = in_thread(lambda: factories.withdrawn(NUMBERS[3], acme, now=NOW + timedelta(minutes=1)))
    withdrawing.join(0.5)
    assert withdrawing.is_alive(), "the withdrawal waits for the chunk that holds its contact"
    go_on.set()
    importing.join(10)
    withdrawing.join(10)
    assert statuses() == {number: "WITHDRAWN" if number == NUMBERS[3] else "GRANTED" for number in NUMBERS}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("postgresql")
@pytest.mark.parametrize("times", range(3))
def test_two_files_of_the_same_people_in_opposite_order_never_block_each_other(acme: Business, times: int) -> None:
    one = csv_of(*(line(number, given_at="2026-01-01") for number in NUMBERS * 50))
    two = csv_of(*(line(number, given_at="2026-02-01") for number in reversed(NUMBERS * 50)))
    threads = [in_thread(lambda content=content: imported(content, acme)) for content in (one, two)]  # type: ignore[misc]
    for thread in threads:
        thread.join(20)
    assert OptIn.objects.count() == 12
    for consent in Consent.objects.all():
        assert load_grants(consent.grants)["service"].given_at.month == 2


@pytest.mark.django_db(transaction=True)
def test_chunks_that_are_written_beside_the_reader_come_to_the_same(
    acme: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contacts.consent.chunk.MOST_ROWS", 4)
    heard = Heard()
    content = csv_of(
        *(line(number, state) for state in ("withdrawn", "granted") for number in NUMBERS), header=f"{HEADER},state"
    )
    result, _bad = imported(content, acme, listener=heard)
    assert counts(result) == (0, 6, 0, 6, 0)
    assert OptIn.objects.count() == 12


@pytest.mark.django_db(transaction=True)
def test_an_error_beside_the_reader_stops_the_import(acme: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contacts.consent.chunk.MOST_ROWS", 2)
    monkeypatch.setattr(committing, "settle", lambda **_kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        imported(csv_of(*map(line, NUMBERS)), acme)
    assert not OptIn.objects.exists()
