"""The Cloud API's webhooks: signed, delivered again until they are taken, and as late, twice or out of order as told.

One thread delivers. It never calls anything but a loopback address, and nothing it tells holds the app secret.
"""

import hashlib
import heapq
import hmac
import json
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import perf_counter, time

from sandbox.callbacks import check_callback_url
from sandbox.deliveries import Delivery, Event, is_confirmed, post

#: A delivery that was not answered with 200 is made again after this, then after twice as long, and so on.
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
#: How long events wait for others to share their body.
BATCH_SECONDS = 0.1
#: How far apart events that are shuffled may come.
SHUFFLE_SECONDS = 0.5
#: Bodies that can be delivered again.
KEPT = 2000


class Webhooks:
    """What is told to the app; every public name may be used from any thread, and set while it runs.

    `late` are seconds that each event waits, `times` how often each body is delivered, `batch` how many events share a
    body, `shuffled` whether they come in any order, `give_up_after` the seconds after which nothing is tried again.
    """

    def __init__(self, *, is_subscribed: Callable[[str], bool]) -> None:
        self.late, self.times, self.batch, self.shuffled, self.give_up_after = 0.0, 1, 1, False, 60.0
        self.dropped = 0
        self._is_subscribed = is_subscribed
        self._url: str | None = None
        self._app_secret = b""
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Event | Delivery]] = []
        self._held: list[Event] | None = None
        self._kept: dict[int, Delivery] = {}
        self._order = self._bodies = self._taken = 0
        self._busy = self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str | None:
        """Where webhooks go; None drops them."""
        return self._url

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """The latest deliveries, oldest first, each as its latest attempt left it."""
        with self._changed:
            return tuple(self._kept.values())

    @property
    def held(self) -> int | None:
        """How many events are held back; None while none are."""
        with self._changed:
            return None if self._held is None else len(self._held)

    def connect(self, url: str, app_secret: str, *, verify_token: str = "") -> None:
        """Tell the app from now on, signed with its secret; with a `verify_token` only after the handshake.

        :raises ValueError: when the URL leads away from this machine, the secret is empty, or the handshake fails.
        """
        checked = check_callback_url(url)
        if not app_secret:
            raise ValueError("Webhooks are signed: an app secret is needed.")
        if verify_token and not is_confirmed(checked, verify_token):
            raise ValueError("The callback URL or verify token couldn't be validated.")
        with self._changed:
            self._url, self._app_secret = checked, app_secret.encode()

    def disconnect(self) -> None:
        """Drop what would be told."""
        with self._changed:
            self._url, self._app_secret = None, b""

    def sign(self, body: bytes) -> str:
        """Give the value of X-Hub-Signature-256 for a body."""
        return f"sha256={hmac.new(self._app_secret, body, hashlib.sha256).hexdigest()}"

    def tell(self, waba_id: str, field: str, value: object, *, after: float = 0.0) -> None:
        """Tell an event of any field in `after` seconds; dropped where the app is not subscribed to the WABA."""
        event = Event(waba_id, field, value)
        subscribed = self._is_subscribed(waba_id)
        with self._changed:
            if self._url is None or not subscribed:
                self.dropped += 1
            elif self._held is not None:
                self._held.append(event)
            else:
                apart = secrets.SystemRandom().uniform(0, SHUFFLE_SECONDS) if self.shuffled else 0.0
                self._push(event, after=after + self.late + apart)

    def hold(self) -> None:
        """Keep events back from now on."""
        with self._changed:
            if self._held is None:
                self._held = []

    def release(self, order: str | Sequence[int] = "sent", *, batch: int = 1, times: int = 1) -> int:
        """Let go of what was held back, and give how many events that was.

        They go in the order in which they were told, `reversed`, `shuffled`, or in the places given; `batch` of them
        share a body, and each body is delivered `times` times.
        """
        with self._changed:
            events, self._held = self._held or [], None
            if order == "shuffled":
                secrets.SystemRandom().shuffle(events)
            elif order == "reversed":
                events.reverse()
            elif not isinstance(order, str):
                events = [events[place] for place in order]
            for start in range(0, len(events), batch):
                delivery = self._body_of(events[start : start + batch])
                for _ in range(times):
                    self._push(self._keep(delivery), after=0.0)
        return len(events)

    def deliver_twice(self) -> None:
        """Deliver every body twice from now on."""
        self.times = 2

    def redeliver(self) -> int:
        """Deliver every body that is kept once more, as it was, and give how many those are."""
        with self._changed:
            again = [replace(one, at=time(), attempts=0, status=None, begun=perf_counter()) for one in self.deliveries]
            for one in again:
                self._push(self._keep(one), after=0.0)
        return len(again)

    def post(self, body: bytes | object, *, signature: str | None = None) -> int:
        """Post a body at once, with the right signature or with another one, and give the status, 0 for none."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = self._url
        if url is None:
            raise ValueError("No webhook URL is set.")
        return post(url, content, signature=self.sign(content) if signature is None else signature) or 0

    def wait_delivered(self, count: int = 1, *, timeout: float = 5.0) -> bool:
        """Wait until `count` deliveries in all, or since `clear`, were answered with 200; False if not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._taken >= count, timeout)

    def wait_idle(self, *, timeout: float = 5.0) -> bool:
        """Wait until nothing is left to deliver but what is held back; False if not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._due and not self._busy, timeout)

    def clear(self) -> None:
        """Forget the deliveries so far; what is still under way goes on."""
        with self._changed:
            self._kept.clear()
            self._taken = self.dropped = 0

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def stop(self, *, timeout: float) -> None:
        """Deliver nothing more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                delivery = self._next()
                if delivery is None:
                    return
                self._busy, url, signature = True, self._url, self.sign(delivery.body)
            status = post(url, delivery.body, signature=signature) if url else None
            with self._changed:
                self._answered(replace(delivery, attempts=delivery.attempts + 1, status=status))

    def _next(self) -> Delivery | None:
        while not self._stopped:
            wait = self._wait()
            if wait is None or wait > 0:
                self._changed.wait(wait)
                continue
            item = heapq.heappop(self._due)[2]
            if isinstance(item, Delivery):
                return item
            events = [item]
            while len(events) < self.batch and (another := self._another_due()):
                events.append(another)
            first, *others = (self._keep(self._body_of(events)) for _ in range(max(self.times, 1)))
            for other in others:
                self._push(other, after=0.0)
            return first
        return None

    def _another_due(self) -> Event | None:
        if not self._due or self._due[0][0] > perf_counter():
            return None
        item = self._due[0][2]
        if not isinstance(item, Event):
            return None
        heapq.heappop(self._due)
        return item

    def _wait(self) -> float | None:
        if not self._due:
            return None
        now = perf_counter()
        first = self._due[0]
        due = sum(at <= now and isinstance(item, Event) for at, _, item in self._due) if self.batch > 1 else 0
        gathering = isinstance(first[2], Event) and self.batch > 1 and due < self.batch
        return first[0] + (BATCH_SECONDS if gathering else 0.0) - now

    def _answered(self, delivery: Delivery) -> None:
        if delivery.number in self._kept:
            self._kept[delivery.number] = delivery
        if delivery.status == 200:
            self._taken += 1
        elif self._url and perf_counter() - delivery.begun < self.give_up_after:
            self._push(delivery, after=min(FIRST_PAUSE * 2 ** (delivery.attempts - 1), LONGEST_PAUSE))
        self._changed.notify_all()

    def _push(self, item: Event | Delivery, *, after: float) -> None:
        self._order += 1
        heapq.heappush(self._due, (perf_counter() + after, self._order, item))
        self._changed.notify_all()

    def _body_of(self, events: Sequence[Event]) -> Delivery:
        payload = {"object": "whatsapp_business_account", "entry": [event.entry() for event in events]}
        return Delivery(0, time(), tuple(event.kind for event in events), json.dumps(payload).encode())

    def _keep(self, delivery: Delivery) -> Delivery:
        self._bodies += 1
        numbered = replace(delivery, number=self._bodies)
        self._kept[numbered.number] = numbered
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return numbered
