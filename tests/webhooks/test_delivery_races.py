"""One event delivered by many at the same instant, while it is being processed: one effect.

WEBHOOK_RACES sets how many events (default 40; the full count is 500).
"""

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client

from providers.models import Business
from tests.webhooks import deliveries
from tests.webhooks.deliveries import body_of, deliver, drain, effects, journeys, status
from webhooks import draining
from webhooks.models import WebhookEvent, WebhookRequest

pytestmark = [pytest.mark.postgresql, pytest.mark.usefixtures("postgresql")]
RACES, AT_ONCE = int(os.environ.get("WEBHOOK_RACES", "40")), 16


def in_threads(count: int, work: Callable[[int], None]) -> list[Exception]:
    """Do the work in so many threads at once, and give what went wrong."""
    errors: list[Exception] = []

    def run(place: int) -> None:
        try:
            work(place)
        except Exception as error:  # noqa: BLE001
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    return errors


def test_sixteen_concurrent_deliveries_of_one_event_have_one_effect(acme: Business) -> None:
    deliveries.our_number(acme)
    barrier, over = threading.Barrier(AT_ONCE), threading.Event()
    answers: list[int] = []

    def send(place: int) -> None:
        client = Client()
        for turn in range(RACES):
            one = status(f"wamid.{turn}")
            # The same bytes, the same event twice in a body, and the same event beside one of the sender's own.
            body = (
                body_of(one),
                body_of(one, one),
                body_of(status(f"wamid.{turn}.{place}"), one),
                body_of(one, status(f"wamid.{turn}.{place}")),
            )[place % 4]
            barrier.wait(60)
            answers.append(deliver(client, body))

    def read(place: int) -> None:
        while not over.is_set():
            draining.drain(slot=place, until=datetime.now(UTC) + timedelta(seconds=5), linger=0.1)

    with journeys():
        readers = threading.Thread(target=lambda: in_threads(2, read))
        readers.start()
        errors = in_threads(AT_ONCE, send)
        over.set()
        readers.join(60)
        WebhookRequest.objects.open().update(due_at=datetime.now(UTC))
        drain()
    assert errors == []
    assert answers == [200] * (RACES * AT_ONCE)
    counted = effects()
    assert {counted[f"wamid.{turn} delivered"] for turn in range(RACES)} == {1}
    assert set(counted.values()) == {1} and len(counted) == RACES * (1 + AT_ONCE // 2)
    assert not WebhookRequest.objects.filter(processed_at=None).exists()
    assert sum(WebhookRequest.objects.values_list("deliveries", flat=True)) == RACES * AT_ONCE


def test_many_workers_on_one_event_have_one_effect(acme: Business) -> None:
    from webhooks import processing

    deliveries.our_number(acme)
    client = Client()
    for turn in range(4):
        deliver(client, body_of(status("wamid.1"), *(status(f"wamid.{turn}.{place}") for place in range(3))))
    pks = list(WebhookRequest.objects.values_list("pk", flat=True))
    barrier = threading.Barrier(AT_ONCE)

    def work(place: int) -> None:
        barrier.wait(60)
        processing.process(request_id=pks[place % 4], now=datetime.now(UTC))

    with journeys():
        assert in_threads(AT_ONCE, work) == []
    assert set(effects().values()) == {1} and len(effects()) == 13
    assert set(WebhookEvent.objects.values_list("outcome", flat=True)) == {"DONE"}
