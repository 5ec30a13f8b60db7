"""Many signed webhooks to one receiver, over connections that are kept: what `python -m sandbox.load` sends.

The people in them are the same in every run, the ids follow from a seed. It sends to a loopback address only.
"""

import hashlib
import hmac
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TextIO
from urllib.parse import SplitResult, urlsplit

from sandbox import payloads
from sandbox.callbacks import check_callback_url
from sandbox.payloads import Part
from sandbox.persons import Persons, Sent
from sandbox.seeds import CONNECTED_NUMBER_ID, WABA

#: How many people the events are about.
PEOPLE = 1000
#: So many requests are made before the clock starts, so that making them costs the receiver nothing.
MADE_BEFORE = 50_000
#: How long a connection waits for an answer, and before it is made again.
TIMEOUT_SECONDS = 30.0
PAUSE_SECONDS = 0.05

KINDS = ("statuses", "messages", "mixed")
_STATUSES = ("sent", "delivered", "read")


@dataclass(frozen=True)
class Order:
    """What to send: `rate` is in bodies a second, 0 for as fast as it goes."""

    url: str
    secret: bytes = field(repr=False)
    count: int = 1000
    rate: float = 0.0
    seconds: float = 60.0
    connections: int = 8
    batch: int = 1
    events: str = "mixed"
    #: For how long a body that was not acknowledged is sent again; 0 for never.
    redeliver: float = 0.0
    seed: str = ""


class Load:
    """Sends what an order asks for, from as many threads as it has connections."""

    def __init__(self, order: Order, *, acknowledged: TextIO | None = None) -> None:
        self._order = order
        self._acknowledged = acknowledged
        self._lock = threading.Lock()
        self._next = 0
        self._answers: Counter[str] = Counter()
        self._latencies: list[float] = []
        self._sent = self._again = self._taken = 0
        self._began = 0.0
        self._bodies = Bodies(order)
        self._made: list[tuple[bytes, bytes]] = []

    def run(self) -> dict[str, object]:
        """Send, and tell what came of it."""
        self._made = [self._make(place) for place in range(min(self._order.count, MADE_BEFORE // self._order.batch))]
        self._began = time.perf_counter()
        threads = [threading.Thread(target=self._work) for _ in range(self._order.connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - self._began
        return {
            "sent": self._sent,
            "acknowledged": self._taken,
            "events": self._taken * self._order.batch,
            "sent_again": self._again,
            "answers": dict(sorted(self._answers.items())),
            "seconds": round(took, 3),
            "per_second": round(self._taken / took, 1) if took else 0.0,
            "latency_ms": percentiles(self._latencies),
        }

    def _work(self) -> None:
        connection = Connection(self._order.url)
        while (place := self._take_place()) is not None:
            start, body = self._made[place] if place < len(self._made) else self._make(place)
            self._send(connection, start + body, body)
        connection.close()

    def _make(self, place: int) -> tuple[bytes, bytes]:
        body = self._bodies.body(place)
        return head(self._order.url, body, signature=sign(self._order.secret, body)), body

    def _take_place(self) -> int | None:
        order = self._order
        with self._lock:
            place, self._next = self._next, self._next + 1
        due = self._began + place / order.rate if order.rate else self._began
        until = self._began + order.seconds
        if place >= order.count or max(due, time.perf_counter()) > until:
            return None
        time.sleep(max(0.0, due - time.perf_counter()))
        return place

    def _send(self, connection: "Connection", message: bytes, body: bytes) -> None:
        first = time.perf_counter()
        tries = 0
        while True:
            tries += 1
            began = time.perf_counter()
            status = connection.exchange(message)
            ended = time.perf_counter()
            again = status != 200 and ended - first < self._order.redeliver
            self._count(status, body, latency=ended - began, tries=tries)
            if not again:
                return
            time.sleep(PAUSE_SECONDS)

    def _count(self, status: int | None, body: bytes, *, latency: float, tries: int) -> None:
        with self._lock:
            self._sent += tries == 1
            self._again += tries > 1
            self._answers[str(status or "none")] += 1
            if status is not None:
                self._latencies.append(latency)
            if status == 200:
                self._taken += 1
                if self._acknowledged:
                    self._acknowledged.write(hashlib.sha256(body).hexdigest() + "\n")
                    self._acknowledged.flush()


class Bodies:
    """Bodies in the shapes of Meta's webhooks: each event is different, and a seed always gives the same ones."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._seed = order.seed
        self._began = time.time()
        persons = Persons()
        self._people = [persons.get(f"1202555{place:04}") for place in range(PEOPLE)]

    def body(self, place: int) -> bytes:
        """Give the body at a place in the order, with as many entries as belong into one."""
        first = place * self._order.batch
        entries = [self._entry(number) for number in range(first, first + self._order.batch)]
        return json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()

    def _entry(self, number: int) -> Part:
        person = self._people[number % PEOPLE]
        wamid = f"wamid.LOAD{hashlib.sha256(f'{self._seed} {number}'.encode()).hexdigest()}"
        kind = self._order.events if self._order.events != "mixed" else KINDS[number % 2]
        if kind == "statuses":
            sent = Sent(wamid=wamid, phone_number_id=CONNECTED_NUMBER_ID, to=person.e164, kind="text", at=self._began)
            part = payloads.status(
                sent, _STATUSES[number % 3], at=self._began, identity_hash=person.identity_hash if number % 3 else ""
            )
        else:
            content: Part = {"text": {"body": f"Message {number}"}, "type": "text"}
            part = payloads.inbound(person, wamid=wamid, content=content, hash_told=True, context=None)
        metadata = {"display_phone_number": "15550147788", "phone_number_id": CONNECTED_NUMBER_ID}
        value = {"messaging_product": "whatsapp", "metadata": metadata, **part}
        return {"id": WABA, "changes": [{"value": value, "field": "messages"}]}


class Connection:
    """One HTTP/1.1 connection that is kept, and made again when it was closed."""

    def __init__(self, url: str) -> None:
        self._parts: SplitResult = urlsplit(check_callback_url(url))
        self._socket: socket.socket | None = None

    def exchange(self, message: bytes) -> int | None:
        """Send a request and give the status of its answer; None when there was none."""
        try:
            if self._socket is None:
                address = (self._parts.hostname or "", self._parts.port or 80)
                self._socket = socket.create_connection(address, timeout=TIMEOUT_SECONDS)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(message)
            return self._answer(self._socket)
        except (OSError, ValueError):
            self.close()
            return None

    def close(self) -> None:
        """Close it."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
        self._socket = None

    def _answer(self, connection: socket.socket) -> int:
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more(connection)
        told = received[:end].lower()
        if b"transfer-encoding: chunked" in told:
            while not received.endswith(b"0\r\n\r\n"):
                received += self._more(connection)
        else:
            left = end + 4 + _length(told) - len(received)
            while left > 0:
                left -= len(self._more(connection))
        if b"\r\nconnection: close" in told:
            self.close()
        return int(told.split(None, 2)[1])

    @staticmethod
    def _more(connection: socket.socket) -> bytes:
        received = connection.recv(65_536)
        if not received:
            raise ConnectionError("closed")
        return received


def head(url: str, body: bytes, *, signature: str) -> bytes:
    """Give what stands before a body in its request."""
    parts = urlsplit(url)
    return (
        f"POST {parts.path or '/'}{'?' if parts.query else ''}{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        "Content-Type: application/json\r\nUser-Agent: facebookexternalua\r\n"
        f"X-Hub-Signature-256: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()


def sign(secret: bytes, body: bytes) -> str:
    """Give the value of X-Hub-Signature-256."""
    return f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Give the percentiles of latencies, in milliseconds; nothing where there are none."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    at = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "max": 1.0}
    last = len(ordered) - 1
    return {name: round(ordered[min(int(share * len(ordered)), last)] * 1000, 3) for name, share in at.items()}


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    if b" 204 " in head.split(b"\r\n")[0]:
        return 0
    raise ValueError("an answer without Content-Length")
