"""The sandbox's own endpoints under /_sandbox/: read and clear the journal, set conditions, look at what left."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from sandbox import endings, magic, message_endings, people_pages, phone_page, webhook_pages
from sandbox.callbacks import Callbacks
from sandbox.exchange import Reply, Request
from sandbox.journal import Entry, Journal
from sandbox.pages import page, row, table
from sandbox.people_pages import PeoplePages
from sandbox.phone_page import PhonePages
from sandbox.webhook_pages import WebhookPages
from sandbox.webhooks import Webhooks

PREFIX = "/_sandbox/"
#: What people type and browsers ask for by themselves: led to the page, so that the journal stays clean.
#: The phone lives below it.
PHONE = "/_sandbox/phone"
ALIASES = ("/", "/_sandbox", "/favicon.ico")
LATEST = 50
LONGEST_LATENCY = 60.0


@dataclass(slots=True)
class Conditions:
    """How the network, the slow provider and messages behave; may be changed while the sandbox runs."""

    slow: float
    latency: float
    pace: float = 0.0


class Control:
    """Answers what does not belong to a provider and is not written in the journal."""

    def __init__(
        self,
        *,
        journal: Journal,
        conditions: Conditions,
        callbacks: Callbacks,
        webhooks: Webhooks,
        phone_pages: PhonePages,
        people_pages: PeoplePages,
        webhook_pages: WebhookPages,
    ) -> None:
        self._phone_pages = phone_pages
        self._people_pages = people_pages
        self._webhook_pages = webhook_pages
        self._webhooks = webhooks
        self._journal = journal
        self._conditions = conditions
        self._callbacks = callbacks

    def answer(self, request: Request) -> Reply:
        """Answer a control request."""
        if request.path in ALIASES:
            return Reply(302, b"", "text/html", headers=(("Location", PREFIX),))
        if request.path == webhook_pages.PAGE:
            return self._webhook_pages.answer(request)
        if request.path.startswith(people_pages.PAGE):
            return self._people_pages.answer(request)
        if request.path.startswith(PHONE):
            return self._phone_pages.answer(request)
        match request.method, request.path:
            case "GET", "/_sandbox/":
                return self._page()
            case "GET", "/_sandbox/journal":
                return Reply.json(200, {"entries": [entry.as_json() for entry in self._journal]})
            case "DELETE", "/_sandbox/journal":
                self._journal.clear()
                return Reply(204, b"")
            case "PUT", "/_sandbox/callback-url":
                return self._set_callback_url(request)
            case "PUT", "/_sandbox/webhook":
                return self._set_webhook(request)
            case "PUT", "/_sandbox/latency":
                return self._set_latency(request)
        return Reply.json(404, {"error": "The sandbox has no such control."})

    def _set_callback_url(self, request: Request) -> Reply:
        url = (request.json_object or {}).get("url", "")
        try:
            self._callbacks.set_url(None if url is None else str(url))
        except ValueError as error:
            return Reply.json(400, {"error": str(error)})
        return Reply.json(200, {"url": self._callbacks.url})

    def _set_webhook(self, request: Request) -> Reply:
        given = request.json_object or {}
        words = {name: value for name, value in given.items() if isinstance(value, str)}
        secret, token = words.get("app_secret", ""), words.get("verify_token", "")
        try:
            if "url" in given and given["url"] is None:
                self._webhooks.disconnect()
            else:
                self._webhooks.connect(words.get("url", ""), secret, verify_token=token)
        except ValueError as error:
            return Reply.json(400, {"error": str(error)})
        return Reply.json(200, {"url": self._webhooks.url})

    def _set_latency(self, request: Request) -> Reply:
        seconds = (request.json_object or {}).get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not is_latency(seconds):
            return Reply.json(400, {"error": f"`seconds` must be a number from 0 to {LONGEST_LATENCY:.0f}."})
        self._conditions.latency = float(seconds)
        return Reply.json(200, {"seconds": self._conditions.latency})

    def _page(self) -> Reply:
        entries = self._journal.entries()
        latest = "".join(_entry_row(entry) for entry in reversed(entries[-LATEST:]))
        numbers = "".join(row(one.ending, one.sentence) for one in magic.TABLE)
        business_numbers = "".join(row(digits, sentence) for digits, sentence in endings.TABLE)
        message_rows = "".join(row(digits, sentence) for digits, sentence in message_endings.TABLE)
        body = (
            f"<h1>Provider sandbox</h1><p>{len(entries)} requests arrived. Latency {self._conditions.latency:g} s, "
            f"slow numbers {self._conditions.slow:g} s. Callbacks: {escape(_where(self._callbacks.url))}, webhooks: "
            f"{escape(_where(self._webhooks.url))}.</p>"
            f'<p><a href="{phone_page.PREFIX}">The phone</a> shows the codes that were sent to business numbers; '
            f'<a href="{phone_page.KALEYRA_CONSOLE}">Kaleyra\'s console</a> sends its own. '
            f'<a href="{people_pages.PAGE}">People</a> have telephones too; '
            f'<a href="{webhook_pages.PAGE}">webhooks</a> tell of them.</p>'
            f"<h2>Latest requests</h2>"
            f"{table(('No.', 'At (UTC)', 'Provider', 'Call', 'Numbers', 'Answered'), latest)}"
            f"<h2>Magic numbers</h2><p>A number's last three digits say what happens. {escape(magic.OTHERWISE)}</p>"
            f"{table(('Ends in', 'What happens'), numbers)}"
            f"<h2>Magic business numbers</h2><p>{escape(endings.OTHERWISE)}</p>"
            f"{table(('Ends in', 'What happens'), business_numbers)}"
            f"<h2>Magic numbers of people who get messages</h2><p>{escape(message_endings.OTHERWISE)}</p>"
            f"{table(('Ends in', 'What happens'), message_rows)}"
        )
        return page("Provider sandbox", body)


def is_latency(seconds: float) -> bool:
    """Tell whether the sandbox may wait that long."""
    return math.isfinite(seconds) and 0 <= seconds <= LONGEST_LATENCY


def _where(url: str | None) -> str:
    # A callback's path holds a secret: the page shows the host only.
    return f"to {'/'.join(url.split('/')[:3])}" if url else "nowhere"


def _entry_row(entry: Entry) -> str:
    at = datetime.fromtimestamp(entry.at, UTC).strftime("%H:%M:%S.%f")[:-3]
    status = "no answer" if entry.answered_status is None else str(entry.answered_status)
    call = f"{entry.method} {entry.path}"
    return row(str(entry.number), at, entry.provider, call, ", ".join(entry.numbers), status)
