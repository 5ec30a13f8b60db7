"""The front door under `serve`, and the reading behind it.

Ingest: signed deliveries against a view that does nothing and a view that makes one row through the ORM, all behind the
same middleware of the same server, in turns. Throughput is measured with connections that send as fast as they are
answered; the latency at a pace well below it, counted from the time at which a delivery was due. Reading: delivery
reports and messages, drained by processes as the cluster's are, while others keep arriving.
"""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from django.db import connection
from django.db.models import Min

from bench import Figure, _load
from contacts.models import Contact, Message, Reach
from numbers.models import BusinessAccount, BusinessNumber
from providers.models import Business, ProviderAccount
from providers.secret import Secret
from waadmin import BASE_DIR
from webhooks import draining, signature
from webhooks.models import DrainLease, WebhookRequest

_NOTHING, _CREATE, _OURS = "/bench/nothing/", "/bench/create/", "/webhooks/meta/"
_CONNECTIONS = 16
#: As in tests/settings.py, with which the bench runs.
_SECRET = Secret("tests-only-app-secret")
_NUMBER_ID, _WABA_ID, _DISPLAY = "106540352242922", "102290129340398", "15550051310"
_READERS = 2
_PEOPLE = 1_000


def run(*, smoke: bool) -> Iterator[Figure]:
    """Measure ingest, then reading."""
    yield from (
        _ingest(rounds=2, count=100, pace=50, seconds=1)
        if smoke
        else _ingest(rounds=9, count=3_000, pace=150, seconds=8)
    )
    yield from _reading(*((100, 50, 1.0) if smoke else (6_000, 500, 12.0)))


def _ingest(*, rounds: int, count: int, pace: int, seconds: int) -> Iterator[Figure]:
    numbers = iter(range(10**9))
    with _served() as port:
        for path in (_NOTHING, _CREATE, _OURS):
            _load.closed(port, _requests(path, 200, numbers), _CONNECTIONS)
        to_nothing, to_create, slower = [], [], []
        for _round in range(rounds):
            rates = {
                path: _checked(_load.closed(port, _requests(path, count, numbers), _CONNECTIONS)).rate
                for path in (_NOTHING, _OURS, _CREATE)
            }
            to_nothing.append(rates[_OURS] / rates[_NOTHING])
            to_create.append(rates[_OURS] / rates[_CREATE])
        for _round in range(rounds):
            late = {
                path: _checked(
                    _load.paced(port, _requests(path, pace * seconds, numbers), _CONNECTIONS, pace)
                ).percentile(0.99)
                for path in (_NOTHING, _OURS)
            }
            slower.append(late[_OURS] / late[_NOTHING])
    yield Figure("webhooks", "durable signed ingest / a view that does nothing", median(to_nothing), ">= 0.25", count)
    yield Figure("webhooks", "durable signed ingest / one ORM create a request", median(to_create), ">= 1.40", count)
    yield Figure("webhooks", f"p99 at {pace} a second / the idle view's", median(slower), "<= 1.50", pace * seconds)


def _checked(load: _load.Load) -> _load.Load:
    if set(load.statuses) != {200}:
        raise RuntimeError(f"the server answered {load.statuses}")
    return load


@contextmanager
def _served() -> Iterator[int]:
    """Run `serve` on the bench's database, with the two views to measure against."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    # Nobody reads meanwhile: the lease says that somebody does.
    DrainLease.objects.update_or_create(slot=0, defaults={"until": datetime.now(UTC) + timedelta(hours=1)})
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "serve.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", str(port)],
                cwd=BASE_DIR,
                env=os.environ | {"DJANGO_SETTINGS_MODULE": "bench._serve_settings"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            ends = time.monotonic() + 60
            while b"Started worker-2" not in log.read_bytes():
                if process.poll() is not None or time.monotonic() > ends:
                    raise RuntimeError(f"serve did not start:\n{log.read_text()}")
                time.sleep(0.1)
            time.sleep(1)
            yield port
        finally:
            process.terminate()
            process.wait(30)
            WebhookRequest.objects.all().delete()
            DrainLease.objects.all().delete()


def _requests(path: str, count: int, numbers: Iterator[int]) -> list[bytes]:
    bodies = [_body(_status(next(numbers))) for _request in range(count)]
    return [_load.request_bytes(path, body, X_Hub_Signature_256=signature.sign(body, _SECRET)) for body in bodies]


def _body(value: dict[str, Any]) -> bytes:
    metadata = {"display_phone_number": _DISPLAY, "phone_number_id": _NUMBER_ID}
    change = {"value": {"messaging_product": "whatsapp", "metadata": metadata, **value}, "field": "messages"}
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": _WABA_ID, "changes": [change]}]}
    ).encode()


def _status(number: int) -> dict[str, Any]:
    conversation = {"id": "6c84493f3de086c7c68d5a39248f72c0", "origin": {"type": "service"}}
    return {
        "statuses": [
            {
                "id": f"wamid.{number:044d}",
                "status": ("sent", "delivered", "read")[number % 3],
                "timestamp": "1686591922",
                "recipient_id": f"44740{number % _PEOPLE:07d}",
                "conversation": conversation,
                "pricing": {"billable": True, "pricing_model": "CBP", "category": "service"},
            }
        ]
    }


def _message(number: int) -> dict[str, Any]:
    sender = f"44740{number % _PEOPLE:07d}"
    row = {"from": sender, "id": f"wamid.IN{number:042d}", "timestamp": "1686591695", "type": "text"}
    return {
        "contacts": [{"profile": {"name": "Ana"}, "wa_id": sender}],
        "messages": [row | {"text": {"body": "Where is my order?"}}],
    }


def _reading(count: int, pace: int, seconds: float) -> Iterator[Figure]:
    """Read a pile as fast as it goes; then read what keeps arriving, and watch how old the oldest unread one gets."""
    numbers = iter(range(10**6, 10**9))
    _our_messages(range(10**6, 10**6 + count + int(pace * seconds)))
    _store([_body(_event(next(numbers))) for _request in range(count)])
    with _readers(over := multiprocessing.get_context("fork").Event()):
        begin = time.perf_counter()
        _until_read(600)
        rate = count / (time.perf_counter() - begin)
        bodies = [_body(_event(next(numbers))) for _request in range(int(pace * seconds))]
        arriving = threading.Thread(target=_arrive, args=(bodies, pace))
        arriving.start()
        ages = []
        while arriving.is_alive():
            oldest = WebhookRequest.objects.open().aggregate(at=Min("received_at"))["at"]
            ages.append((datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0)
            time.sleep(0.2)
        arriving.join()
        _until_read(600)
        over.set()
    failed = WebhookRequest.objects.failed().count()
    if failed:
        raise RuntimeError(f"{failed} webhooks failed")
    yield Figure("webhooks", "events read a second", rate, f">= {pace}", count)
    oldest = max(ages)
    yield Figure("webhooks", f"oldest unread, in seconds, at {pace} a second", oldest, "<= 5", len(bodies))


def _event(number: int) -> dict[str, Any]:
    # Nine reports for each message: as where a business sends.
    return _message(number) if number % 10 == 0 else _status(number)


def _our_messages(numbers: Sequence[int]) -> None:
    """Make every second report one of a message of ours: the others are of whoever else sends from the number."""
    now, number = datetime.now(UTC), _our_number()
    people = Contact.objects.bulk_create(
        [
            Contact(e164=form, person_key=form, region="GB", created_at=now)
            for form in (f"+44740{person:07d}" for person in range(_PEOPLE))
        ]
    )
    shared: dict[str, Any] = {"account": number.account, "business_number": number}
    Reach.objects.bulk_create([Reach(contact=person, wrote_at=now, **shared) for person in people])
    ours = [place for place in numbers if place % 2 and place % 10]
    Message.objects.bulk_create(
        [
            Message(
                contact=people[place % _PEOPLE],
                business=number.business_account.business,
                direction=Message.Direction.OUT,
                kind=Message.Kind.TEXT,
                purpose="service",
                state=Message.State.ACCEPTED,
                basis=Message.Basis.REPLY_WINDOW,
                wamid=f"wamid.{place:044d}",
                at=now,
                **shared,
            )
            for place in ours
        ],
        batch_size=1_000,
    )


def _our_number() -> BusinessNumber:
    business = Business.objects.create(name="bench-webhooks")
    account = ProviderAccount.objects.create(
        business=business,
        name="bench-webhooks",
        kind="cloud_api",
        base_url="https://graph.facebook.com",
        credentials={"access_token": Secret("bench")},
        recipient_official=True,
    )
    waba = BusinessAccount.objects.create(business=business, account=account, waba_id=_WABA_ID)
    return BusinessNumber.objects.create(business_account=waba, phone_number_id=_NUMBER_ID, e164=f"+{_DISPLAY}")


def _store(bodies: Sequence[bytes]) -> None:
    from webhooks.receive import digest_of

    now = datetime.now(UTC)
    WebhookRequest.objects.bulk_create(
        [
            WebhookRequest(kind="meta", body=body, digest=digest_of(None, body), received_at=now, due_at=now)
            for body in bodies
        ],
        batch_size=500,
    )


def _arrive(bodies: Sequence[bytes], pace: int) -> None:
    """Store bodies at a pace, a few at a time."""
    try:
        begin, step = time.perf_counter(), max(1, pace // 20)
        for place in range(0, len(bodies), step):
            time.sleep(max(0.0, begin + place / pace - time.perf_counter()))
            _store(bodies[place : place + step])
    finally:
        connection.close()


@contextmanager
def _readers(over: Any) -> Iterator[None]:
    """Drain in processes of their own, as the cluster's workers do."""

    def read(slot: int) -> None:
        while not over.is_set():
            draining.drain(slot=slot, until=datetime.now(UTC) + timedelta(seconds=45), linger=0.5)

    connection.close()
    processes = [multiprocessing.get_context("fork").Process(target=read, args=(slot,)) for slot in range(_READERS)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        over.set()
        for process in processes:
            process.join(30)
            process.kill()


def _until_read(seconds: float) -> None:
    ends = time.monotonic() + seconds
    while WebhookRequest.objects.open().exists():
        if time.monotonic() > ends:
            raise RuntimeError("not everything was read in time")
        time.sleep(0.05)
