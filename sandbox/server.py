"""The sandbox as a whole: every provider, the phone and the controls behind one loopback port."""

import threading
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from sandbox.accuauth import AccuAuth
from sandbox.callbacks import Callbacks
from sandbox.channels import NodeChannel, Statuses
from sandbox.commbox import CommBox
from sandbox.control import ALIASES, PREFIX, Conditions, Control
from sandbox.exchange import HANG_UP, Provider, Reply, Request
from sandbox.journal import Journal
from sandbox.kaleyra import Kaleyra
from sandbox.magic import Memory
from sandbox.messages import Messages
from sandbox.meta import CloudAPI
from sandbox.onprem import OnPremises
from sandbox.people import Channels, People
from sandbox.people_pages import PeoplePages
from sandbox.persons import Persons
from sandbox.phone import Phone
from sandbox.phone_page import PhonePages
from sandbox.seeds import CLOUD_API, WABA, fill
from sandbox.wabas import BusinessAccount, BusinessNumber, Directory
from sandbox.webhook_pages import WebhookPages
from sandbox.webhooks import Webhooks
from sandbox.wire import HOST, Server


class Sandbox:
    """The providers on one loopback port, for as long as the `with` block or from `start` to `stop`.

    `journal` holds what arrived, `phone` the codes that were sent; `people` write and change identity, `webhooks` are
    what the app is told. `conditions.slow`, `.latency` and `.pace` and `callback_url` may be set while it runs. With a
    `webhook_url` the app begins subscribed to every WABA.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        callback_url: str | None = None,
        webhook_url: str | None = None,
        app_secret: str = "",
        slow: float = 0.2,
        latency: float = 0.0,
        pace: float = 0.0,
    ) -> None:
        self._port = port
        self._stopping = threading.Event()
        self._callbacks = Callbacks(callback_url, stopping=self._stopping)
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        memory = Memory()
        self.journal = Journal()
        self.conditions = Conditions(slow=slow, latency=latency, pace=pace)
        self.phone = Phone()
        self._directory = Directory(self.phone)
        fill(self._directory)
        self.webhooks = Webhooks(is_subscribed=self._directory.is_subscribed)
        if webhook_url is not None:
            self.webhooks.connect(webhook_url, app_secret)
            for waba_id in self._directory.accounts:
                self.subscribe(waba_id)
        persons = Persons()
        statuses = Statuses(persons, pace=lambda: self.conditions.pace)
        channels = Channels(self._directory, webhooks=self.webhooks, node=NodeChannel(self._callbacks))
        self.people = People(persons, channels=channels, statuses=statuses)
        self._phone_pages = PhonePages(phone=self.phone, directory=self._directory)
        self._control = Control(
            journal=self.journal,
            conditions=self.conditions,
            callbacks=self._callbacks,
            webhooks=self.webhooks,
            phone_pages=self._phone_pages,
            people_pages=PeoplePages(self.people, persons, channels=channels),
            webhook_pages=WebhookPages(self.webhooks),
        )
        messages = Messages(memory, persons, statuses=statuses, webhooks=self.webhooks)
        self._providers: tuple[Provider, ...] = (
            CommBox(memory),
            OnPremises(memory, self._callbacks, persons=persons, statuses=statuses),
            AccuAuth(memory),
            Kaleyra(memory, self._directory),
            # Last: its prefix begins every version's path.
            CloudAPI(memory, self._directory, messages=messages),
        )

    @property
    def url(self) -> str:
        """The base URL that provider accounts are given."""
        return f"http://{HOST}:{self._port}"

    @property
    def callback_url(self) -> str | None:
        """Where callbacks go; None drops them."""
        return self._callbacks.url

    @callback_url.setter
    def callback_url(self, url: str | None) -> None:
        self._callbacks.set_url(url)

    @property
    def numbers(self) -> tuple[BusinessNumber, ...]:
        """Every business number as its provider sees it now; copies, which nothing changes."""
        with self._directory.lock:
            return tuple(replace(number) for number in self._directory.numbers())

    def number(self, phone_number_id: str) -> BusinessNumber:
        """Give one business number as its provider sees it now.

        :raises LookupError: when no provider has it.
        """
        for number in self.numbers:
            if number.phone_number_id == phone_number_id:
                return number
        raise LookupError(phone_number_id)

    def number_of(self, e164: str) -> BusinessNumber | None:
        """Give the business number with these digits; where two WABAs have it, the one that came last."""
        with self._directory.lock:
            number = self._directory.number_of(e164)
            return replace(number) if number else None

    def business_account(self, waba_id: str) -> BusinessAccount:
        """Give a WABA as its provider sees it now.

        :raises LookupError: when no provider has it.
        """
        with self._directory.lock:
            return replace(self._directory.accounts[waba_id])

    def subscribe(self, waba_id: str) -> None:
        """Have the app told of a WABA's events, as POST {waba}/subscribed_apps does."""
        with self._directory.lock:
            self._directory.accounts[waba_id].subscribed = True

    def add_number(self, e164: str, *, waba_id: str = WABA, **facts: Any) -> str:
        """Put a Cloud API number there without a call, with any fields of `BusinessNumber`, and give its id."""
        with self._directory.lock:
            number = self._directory.add(e164, waba_id=waba_id, provider=CLOUD_API)
            self._directory.place(replace(number, **facts))
            return number.phone_number_id

    def kaleyra_sends_code(self, e164: str, *, method: str = "SMS") -> str:
        """Have Kaleyra send a fresh code to a number, which it adds when it is new, and give the number's id."""
        return self._phone_pages.send_from_kaleyra(e164, method=method)

    def start(self) -> None:
        """Bind the port and serve from a thread of its own.

        :raises OSError: when the port is taken.
        """
        self._server = Server((HOST, self._port), self._answer)
        self._port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.webhooks.start()

    def stop(self) -> None:
        """Close the port and every connection; requests still being answered are cut off."""
        self._stopping.set()
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.close_connections(timeout=2.0)
        self.webhooks.stop(timeout=1.0)
        self._callbacks.join(timeout=1.0)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _answer(self, request: Request) -> Reply:
        if request.path.startswith(PREFIX) or request.path in ALIASES:
            return self._control.answer(request)
        provider = next((one for one in self._providers if request.path.startswith(one.prefix)), None)
        entry = self.journal.received(
            # Whatever arrives is written down, also where no provider lives.
            provider=provider.name if provider else "none",
            method=request.method,
            path=request.path,
            numbers=provider.numbers(request) if provider else (),
            header_names=tuple(request.headers),
        )
        reply = provider.answer(request) if provider else Reply.json(404, {"error": "No provider lives at this path."})
        if reply.first:
            reply.first()
        wait = self.conditions.latency + (self.conditions.slow if reply.slow else 0.0)
        if wait and self._stopping.wait(wait):
            reply = HANG_UP
        # Before the bytes leave, so that whoever has the answer also finds it in the journal.
        self.journal.answered(entry, None if reply.hang_up else reply.status)
        return reply
