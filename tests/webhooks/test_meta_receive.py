"""Taking a signed delivery: committed whole and then 200, or refused; whatever keeps it from being stored is 503."""

import threading
from contextlib import nullcontext
from datetime import UTC, datetime
from io import BytesIO

import pytest
from cryptography.fernet import Fernet
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.test import Client, RequestFactory
from django_q.models import OrmQ

from tests.webhooks.deliveries import ADDRESS, body_of, deliver, sample, status
from webhooks import draining, receive
from webhooks.body import LARGEST_BODY, BodyTooLarge, read_body
from webhooks.models import DrainLease, WebhookRequest

MIB = 1024 * 1024


@pytest.mark.django_db
def test_the_raw_bytes_are_kept_encrypted(client: Client) -> None:
    body = sample("webhook_message")
    assert deliver(client, body) == 200
    request = WebhookRequest.objects.get()
    assert (request.kind, request.body, request.deliveries, request.processed_at) == ("meta", body, 1, None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM webhooks_webhookrequest")
        assert b"16505551234" not in bytes(cursor.fetchone()[0])


@pytest.mark.django_db
def test_the_same_bytes_again_are_one_row_and_two_deliveries(client: Client) -> None:
    assert [deliver(client, sample("webhook_message")) for _time in range(2)] == [200, 200]
    assert WebhookRequest.objects.get().deliveries == 2


@pytest.mark.django_db
@pytest.mark.parametrize(("size", "answer"), [(3 * MIB, 200), (4 * MIB, 200), (4 * MIB + 1, 413), (10 * MIB, 413)])
def test_four_mebibytes_are_taken_and_no_more(client: Client, size: int, answer: int) -> None:
    body = b'{"entry": [], "x": "' + b"x" * (size - 22) + b'"}'
    assert len(body) == size
    assert deliver(client, body) == answer
    assert WebhookRequest.objects.count() == (answer == 200)


@pytest.mark.parametrize(("size", "is_taken"), [(LARGEST_BODY, True), (LARGEST_BODY + 1, False)])
def test_a_body_that_announces_nothing_is_not_taken_beyond_four_mebibytes(size: int, is_taken: bool) -> None:
    request = RequestFactory().post(ADDRESS, content_type="application/json")
    request.META["CONTENT_LENGTH"] = ""
    request._stream = BytesIO(b"x" * size)  # type: ignore[assignment]  # a server that does not cut at the length
    with nullcontext() if is_taken else pytest.raises(BodyTooLarge):
        assert len(read_body(request)) == size


@pytest.mark.django_db
@pytest.mark.parametrize("announced", ["-1", "x", "", "99999999999999999999"])
def test_a_length_that_makes_no_sense_is_no_server_error(client: Client, announced: str) -> None:
    response = client.post(ADDRESS, b"{}", content_type="application/json", CONTENT_LENGTH=announced)
    assert response.status_code in (401, 413)


@pytest.mark.django_db
@pytest.mark.parametrize("error", [DatabaseError, OperationalError, InterfaceError, OSError, RuntimeError, MemoryError])
def test_whatever_keeps_it_from_being_stored_is_503(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fails(*args: object) -> None:
        raise error("of a person: 16505551234")

    monkeypatch.setattr(receive, "_write", fails)
    assert deliver(client, sample("webhook_message")) == 503


@pytest.mark.django_db
def test_a_missing_encryption_key_is_503_and_says_nothing_of_the_body(
    client: Client, settings: object, caplog: pytest.LogCaptureFixture
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []  # type: ignore[attr-defined]
    assert deliver(client, sample("webhook_message")) == 503
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]  # type: ignore[attr-defined]
    assert deliver(client, sample("webhook_message")) == 200
    assert "16505551234" not in caplog.text


@pytest.mark.django_db
def test_one_delivery_queues_one_drain_and_the_next_ones_none(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in range(5):
        monkeypatch.setattr(receive, "_woken_at", float("-inf"))
        assert deliver(client, body_of(status(f"wamid.{place}"))) == 200
    assert OrmQ.objects.count() == 1


@pytest.mark.django_db
def test_a_worker_that_cannot_be_woken_does_not_cost_the_delivery(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(**kwargs: object) -> bool:
        raise OperationalError("the queue is locked")

    monkeypatch.setattr(draining, "wake", fails)
    assert deliver(client, sample("webhook_message")) == 200
    assert WebhookRequest.objects.count() == 1


@pytest.mark.postgresql
def test_a_connection_that_died_is_replaced_and_the_delivery_stored(postgresql: None, client: Client) -> None:
    assert deliver(client, body_of(status("wamid.1"))) == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 2000)", [pid])
    other.close()
    assert deliver(client, body_of(status("wamid.2"))) == 200
    assert WebhookRequest.objects.count() == 2


class Held:
    """Holds the first writer until the others have queued up behind it, and counts the statements."""

    def __init__(self, write: object, others: int) -> None:
        self.write, self.others, self.sizes = write, others, list[int]()

    def __call__(self, entries: list[object], on_conflict: str) -> None:
        while not self.sizes and len(receive._queue) < self.others:
            pass
        self.sizes.append(len(entries))
        self.write(entries, on_conflict)  # type: ignore[operator]


def together(count: int) -> list[object]:
    """Store so many bodies from as many threads; give what each got."""
    results: list[object] = [None] * count

    def store(place: int) -> None:
        try:
            results[place] = receive.store(
                kind="meta", account_id=None, body=b"%d" % (place % 7), now=datetime.now(UTC)
            )
        except Exception as error:  # noqa: BLE001
            results[place] = type(error).__name__
        connection.close()

    threads = [threading.Thread(target=store, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


@pytest.mark.postgresql
def test_threads_that_wait_together_are_written_together(postgresql: None, monkeypatch: pytest.MonkeyPatch) -> None:
    DrainLease.objects.create(slot=0, until=datetime(2100, 1, 1, tzinfo=UTC))
    held = Held(receive._write, others=9)
    monkeypatch.setattr(receive, "_write", held)
    assert all(isinstance(digest, str) and len(digest) == 64 for digest in together(10))
    assert held.sizes == [1, 9]
    assert sum(WebhookRequest.objects.values_list("deliveries", flat=True)) == 10
    assert WebhookRequest.objects.count() == 7


@pytest.mark.django_db(transaction=True)
def test_when_the_writer_fails_everybody_for_whom_it_wrote_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(entries: object, on_conflict: str) -> None:
        raise DatabaseError("disk full")

    held = Held(fails, others=9)
    monkeypatch.setattr(receive, "_write", held)
    assert sorted(map(str, together(10))) == ["DatabaseError"] * 2 + ["NotStored"] * 8
    assert not WebhookRequest.objects.exists()
