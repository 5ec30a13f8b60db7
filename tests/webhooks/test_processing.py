"""Processing: each event by itself, once, in any order; what cannot be done yet waits, what fails is kept."""

import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.test import Client

from audit import ledger
from audit.models import AuditEvent
from numbers.models import BusinessNumber
from providers.models import Business
from tests.webhooks import deliveries
from tests.webhooks.deliveries import body_of, deliver, drain, effects, journeys, message, name_of, record, status
from webhooks import dispatch, draining, processing, replaying, tasks
from webhooks.models import WebhookEvent, WebhookRequest

pytestmark = pytest.mark.django_db


def failing_for(*names: str, error: Exception | None = None) -> Callable[..., str]:
    """A journey that writes, and then fails for these events."""

    def journey(**given: Any) -> str:
        subject = record(**given)
        if name_of(given["event"]) in names:
            raise error or ValueError("of a person: 16505551234")
        return subject

    return journey


def stored() -> WebhookRequest:
    return WebhookRequest.objects.latest("pk")


def due_again() -> None:
    WebhookRequest.objects.update(due_at=datetime.now(UTC))


def test_an_event_has_its_effect_with_account_and_number(client: Client, number: BusinessNumber) -> None:
    given: list[dict[str, Any]] = []

    def journey(**what: Any) -> str:
        given.append(what)
        return "Contact:5"

    deliver(client, deliveries.sample("webhook_message"))
    with journeys(journey):
        assert drain() == 1
    assert (given[0]["account"], given[0]["business_number"]) == (number.account, number)
    event = WebhookEvent.objects.get()
    assert (event.kind, event.outcome, event.subject, event.error) == ("message", "DONE", "Contact:5", "")
    assert stored().processed_at is not None


def test_one_failing_event_costs_the_others_nothing_and_leaves_nothing(client: Client, number: BusinessNumber) -> None:
    deliver(client, body_of(*(status(f"wamid.{place}") for place in range(3))))
    with journeys(failing_for("wamid.1 delivered")):
        drain()
    assert effects() == {"wamid.0 delivered": 1, "wamid.2 delivered": 1}
    failed = WebhookEvent.objects.get(outcome="FAILED")
    assert failed.error.startswith("ValueError at tests/webhooks/test_processing.py:")
    assert "16505551234" not in failed.error
    assert (stored().error, stored().processed_at) == ("1 of 3 events failed.", None)


def test_a_failed_event_is_done_when_it_is_processed_again_and_the_others_not_twice(
    client: Client, number: BusinessNumber
) -> None:
    deliver(client, body_of(*(status(f"wamid.{place}") for place in range(3))))
    with journeys(failing_for("wamid.1 delivered")):
        drain()
    with journeys():
        drain()
        assert effects()["wamid.1 delivered"] == 0
        assert replaying.process_again(request_id=stored().pk, actor="ana", now=datetime.now(UTC))
    assert effects() == {f"wamid.{place} delivered": 1 for place in range(3)}
    assert (stored().error, WebhookEvent.objects.filter(outcome="DONE").count()) == ("", 3)
    assert AuditEvent.objects.get(action="webhook.processed_again").actor == "ana"


def test_the_request_that_first_brought_a_failed_event_is_settled_by_its_redelivery(
    client: Client, number: BusinessNumber
) -> None:
    deliver(client, body_of(status("wamid.1")))
    with journeys(failing_for("wamid.1 delivered")):
        drain()
    deliver(client, body_of(status("wamid.1"), status("wamid.2")))
    second = stored()
    with journeys():
        replaying.process_again(request_id=second.pk, actor="ana", now=datetime.now(UTC))
    assert not WebhookRequest.objects.failed().exists()


def test_the_same_event_in_other_bodies_has_one_effect(client: Client, number: BusinessNumber) -> None:
    for body in (
        body_of(status("wamid.1")),
        body_of(status("wamid.1"), status("wamid.2")),
        body_of(status("wamid.2"), status("wamid.1"), status("wamid.2")),
    ):
        deliver(client, body)
    with journeys():
        assert drain() == 3
    assert effects() == {"wamid.1 delivered": 1, "wamid.2 delivered": 1}
    assert not WebhookRequest.objects.open().exists()


def test_any_order_with_repeats_has_the_same_effects(client: Client, number: BusinessNumber) -> None:
    bodies = [body_of(status("wamid.1", what)) for what in ("sent", "delivered", "read", "failed", "deleted")]
    orders = list(itertools.permutations(range(5)))
    assert len(orders) == 120
    for order in orders:
        with transaction.atomic():
            for place in (*order, order[0], order[2]):
                deliver(client, bodies[place])
                with journeys():
                    drain()
            assert sorted(effects().values()) == [1] * 5
            assert set(WebhookEvent.objects.values_list("outcome", flat=True)) == {"DONE"}
            transaction.set_rollback(True)


def test_a_journey_that_is_not_there_yet_is_waited_for(client: Client, number: BusinessNumber) -> None:
    deliver(client, body_of(status("wamid.1")))
    for path in ("contacts.no_such_module.journey", "contacts.opt_ins.no_such_journey"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(dispatch.JOURNEYS, "status", path)
            due_again()
            drain()
        event = WebhookEvent.objects.get()
        assert (event.outcome, event.error, event.processed_at) == ("WAITING", "not handled yet", None)
        assert stored().processed_at is None and stored().error == ""
    with journeys():
        assert drain() == 0
        due_again()
        assert drain() == 1
    assert effects() == {"wamid.1 delivered": 1}


def test_a_journey_whose_own_import_is_broken_has_failed(
    client: Client, number: BusinessNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> None:
        raise ModuleNotFoundError("No module named 'ghost'", name="ghost")

    deliver(client, body_of(message("wamid.1")))
    monkeypatch.setattr(dispatch.importlib, "import_module", broken)
    drain()
    assert WebhookEvent.objects.get().outcome == "FAILED"


def test_a_number_that_is_not_ours_is_waited_for(client: Client, acme: Business) -> None:
    deliver(client, body_of(status("wamid.1")))
    with journeys():
        drain()
        event = WebhookEvent.objects.get()
        assert event.outcome == "WAITING" and "106540352242922 is none of our numbers" in event.error
        deliveries.our_number(acme)
        due_again()
        drain()
    assert effects() == {"wamid.1 delivered": 1}


def test_waiting_grows_longer_but_never_longer_than_an_hour(client: Client) -> None:
    deliver(client, body_of(status("wamid.1")))
    received = stored().received_at
    for age, wait in ((0, 60), (10, 150), (600, 3600), (10_000, 3600)):
        now = received + timedelta(minutes=age)
        processing.process(request_id=stored().pk, now=now)
        assert stored().due_at == now + timedelta(seconds=wait)


def test_news_about_a_waba_needs_no_number(client: Client, number: BusinessNumber) -> None:
    given: list[object] = []

    def journey(**what: Any) -> str:
        given.append((what["account"], what["business_number"]))
        return ""

    deliver(client, body_of({"event": "VERIFIED_ACCOUNT", "metadata": None}, field="account_update", time=1686591695))
    deliver(client, body_of({"display_phone_number": "+1 555-005-1310", "metadata": None}, field="security", time=1))
    with journeys(journey):
        drain()
    assert given == [(number.account, None), (number.account, number)]


def test_of_two_accounts_with_the_same_number_the_named_waba_decides(
    client: Client, number: BusinessNumber, acme: Business
) -> None:
    from numbers.models import BusinessAccount
    from tests import factories

    account = factories.account(acme, "cloud_api", base_url="https://graph.facebook.com", name="other")
    other = BusinessAccount.objects.create(business=acme, account=account, waba_id="777")
    theirs = BusinessNumber.objects.create(
        business_account=other, phone_number_id=deliveries.NUMBER_ID, e164="+15550051310"
    )
    given: list[object] = []

    def journey(**what: Any) -> str:
        given.append(what["business_number"])
        return ""

    deliver(client, body_of(status("wamid.1")).replace(deliveries.WABA_ID.encode(), b"777"))
    deliver(client, body_of(status("wamid.2")))
    with journeys(journey):
        drain()
    assert given == [theirs, number]


def test_what_the_database_did_not_let_us_do_is_tried_again_soon(client: Client, number: BusinessNumber) -> None:
    deliver(client, body_of(status("wamid.1"), status("wamid.2")))
    with journeys(failing_for("wamid.1 delivered", error=OperationalError("deadlock detected"))):
        drain()
    assert effects() == {"wamid.2 delivered": 1}
    assert stored().processed_at is None and stored().due_at < datetime.now(UTC) + timedelta(seconds=10)
    with journeys():
        due_again()
        drain()
    assert effects() == {"wamid.1 delivered": 1, "wamid.2 delivered": 1}


def test_a_long_body_is_left_when_the_time_is_over_and_taken_up_again(client: Client, number: BusinessNumber) -> None:
    deliver(client, body_of(*(status(f"wamid.{place}") for place in range(3))))
    pk = stored().pk
    with journeys():
        now = datetime.now(UTC)
        assert not processing.process(request_id=pk, now=now, until=now)
        assert effects() == {}
        assert stored().due_at <= now + timedelta(seconds=5)
        assert processing.process(request_id=pk, now=now, until=now + timedelta(minutes=1))
    assert len(effects()) == 3


def test_bytes_that_come_again_while_they_are_read_are_read_again(
    client: Client, number: BusinessNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = body_of(status("wamid.1"))
    deliver(client, body)

    def journey(**given: Any) -> str:
        deliver(client, body)
        return record(**given)

    with journeys(journey):
        drain()
    assert stored().deliveries == 2 and effects() == {"wamid.1 delivered": 1}
    assert stored().processed_at is not None


def test_a_body_that_ends_its_worker_is_set_aside_and_its_neighbours_are_read(
    client: Client, number: BusinessNumber
) -> None:
    deliver(client, body_of(status("wamid.DEADLY")))
    deliver(client, body_of(status("wamid.GOOD")))
    deadly = WebhookRequest.objects.earliest("pk")

    def journey(**given: Any) -> str:
        if "DEADLY" in name_of(given["event"]):
            raise SystemExit
        return record(**given)

    with journeys(journey):
        for _try in range(8):
            due_again()
            try:
                drain()
            except SystemExit:
                continue
    deadly.refresh_from_db()
    assert "begun 5 times" in deadly.error
    assert effects() == {"wamid.GOOD delivered": 1}


def test_a_body_that_retention_removed_is_said_to_be_gone(client: Client) -> None:
    deliver(client, body_of(status("wamid.1")))
    WebhookRequest.objects.update(received_at=datetime.now(UTC) - timedelta(days=31))
    tasks.sweep()
    assert stored().body is None
    drain()
    assert stored().error == "Not read: its body was removed when its time was over."


def test_a_body_whose_key_is_lost_stops_nobody_and_is_read_when_the_key_is_back(
    client: Client, number: BusinessNumber, settings: Any
) -> None:
    from cryptography.fernet import Fernet

    deliver(client, body_of(status("wamid.1")))
    keys = settings.FIELD_ENCRYPTION_KEYS
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    deliver(client, body_of({"errors": [{"code": 1}]}))
    drain()
    lost = WebhookRequest.objects.defer("body").earliest("pk")
    assert "cannot be decrypted" in lost.error
    assert WebhookEvent.objects.get().outcome == "IGNORED"
    settings.FIELD_ENCRYPTION_KEYS = keys
    with journeys():
        assert replaying.process_again(request_id=lost.pk, actor="ana", now=datetime.now(UTC))


def test_the_sweep_wakes_a_worker_for_what_a_lost_task_left_behind(client: Client) -> None:
    from django_q.models import OrmQ

    deliver(client, body_of(status("wamid.1")))
    OrmQ.objects.all().delete()
    assert tasks.sweep() is False
    draining.DrainLease.objects.update(until=datetime.now(UTC))
    assert tasks.sweep() is True
    assert OrmQ.objects.count() == 1


def test_a_drain_that_is_cut_off_queues_its_successor(client: Client, number: BusinessNumber) -> None:
    from django_q.models import OrmQ

    deliver(client, body_of(status("wamid.1")))
    OrmQ.objects.all().delete()
    now = datetime.now(UTC)
    assert draining.drain(slot=0, until=now) == 0
    assert OrmQ.objects.count() == 1


def test_a_drain_that_ends_lets_the_next_delivery_queue_another(client: Client, number: BusinessNumber) -> None:
    deliver(client, body_of(status("wamid.1")))
    with journeys():
        drain()
    assert draining.wake(now=datetime.now(UTC)) is True
    assert draining.wake(now=datetime.now(UTC)) is False


def test_a_drain_looks_around_for_longer_than_wake_ups_are_apart() -> None:
    from webhooks import receive

    assert draining.LINGER >= 2 * receive.WAKE_EVERY


def test_a_delivery_wakes_nobody_where_somebody_reads_already(client: Client, number: BusinessNumber) -> None:
    from django_q.models import OrmQ

    lease = draining.DrainLease.objects.create(slot=0, until=datetime.now(UTC) + timedelta(minutes=1))
    deliver(client, body_of(status("wamid.1")))
    assert OrmQ.objects.count() == 0
    lease.until = datetime.now(UTC)
    lease.save()
    deliver(client, body_of(status("wamid.2")))
    assert OrmQ.objects.count() == 1


def test_a_body_that_is_committed_while_a_drain_gives_up_its_lease_is_read_by_it(
    client: Client, number: BusinessNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = time.monotonic()

    def commit_meanwhile(_seconds: float) -> None:
        lease = draining.DrainLease.objects.get()
        if lease.until <= datetime.now(UTC) and not WebhookRequest.objects.exists():
            # The statement that stored it saw the lease run: nobody is woken for it.
            monkeypatch.setattr("webhooks.receive._wake", lambda now: None)
            deliver(client, body_of(status("wamid.1")))

    monkeypatch.setattr(time, "sleep", commit_meanwhile)
    with journeys():
        assert draining.drain(slot=0, until=datetime.now(UTC) + timedelta(minutes=1), linger=0.02) == 1
    assert time.monotonic() - begun < 30


def test_much_that_waits_calls_for_the_second_slot(
    client: Client, number: BusinessNumber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "_AT_ONCE", 2)
    monkeypatch.setattr(draining, "_MUCH", 1)
    for place in range(5):
        deliver(client, body_of(status(f"wamid.{place}")))
    with journeys():
        drain()
    assert set(draining.DrainLease.objects.values_list("slot", flat=True)) == {0, 1}


def test_nothing_but_one_transaction_holds_an_event(client: Client, number: BusinessNumber) -> None:
    """Two events in one transaction would hold the ledger's head while they lock further rows."""
    blocks: list[int] = []

    def journey(**given: Any) -> str:
        from django.db import connection

        blocks.append(len(connection.savepoint_ids))
        ledger.record(action="test.effect", actor="tests", now=given["now"], subject=name_of(given["event"]))
        return ""

    deliver(client, body_of(message("wamid.1"), message("wamid.2")))
    with journeys(journey):
        drain()
    assert blocks[0] == blocks[1]
