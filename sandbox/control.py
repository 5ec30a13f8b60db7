"""The sandbox's own endpoints under /_sandbox/: read and clear the journal, set conditions, look at what left."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from sandbox import magic
from sandbox.callbacks import Callbacks
from sandbox.exchange import Reply, Request
from sandbox.journal import Entry, Journal

PREFIX = "/_sandbox/"
#: What people type and browsers ask for by themselves: led to the page, so that the journal stays clean.
ALIASES = ("/", "/_sandbox", "/favicon.ico")
LATEST = 50
LONGEST_LATENCY = 60.0

_STYLE = (
    "body{font:16px/1.5 sans-serif;margin:2rem;max-width:70rem}table{border-collapse:collapse}"
    "th,td{text-align:left;padding:.2rem .8rem;border-bottom:1px solid #ccc;vertical-align:top}"
)


@dataclass(slots=True)
class Conditions:
    """How the network and the slow provider behave; may be changed while the sandbox runs."""

    slow: float
    latency: float


class Control:
    """Answers what does not belong to a provider and is not written in the journal."""

    def __init__(self, *, journal: Journal, conditions: Conditions, callbacks: Callbacks) -> None:
        self._journal = journal
        self._conditions = conditions
        self._callbacks = callbacks

    def answer(self, request: Request) -> Reply:
        """Answer a control request."""
        if request.path in ALIASES:
            return Reply(302, b"", "text/html", headers=(("Location", PREFIX),))
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

    def _set_latency(self, request: Request) -> Reply:
        seconds = (request.json_object or {}).get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not is_latency(seconds):
            return Reply.json(400, {"error": f"`seconds` must be a number from 0 to {LONGEST_LATENCY:.0f}."})
        self._conditions.latency = float(seconds)
        return Reply.json(200, {"seconds": self._conditions.latency})

    def _page(self) -> Reply:
        entries = self._journal.entries()
        latest = "".join(_entry_row(entry) for entry in reversed(entries[-LATEST:]))
        numbers = "".join(_row(row.ending, row.sentence) for row in magic.TABLE)
        body = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Provider sandbox</title>'
            '<link rel="icon" href="data:,">'
            f"<style>{_STYLE}</style></head><body><h1>Provider sandbox</h1>"
            f"<p>{len(entries)} requests arrived. Latency {self._conditions.latency:g} s, slow numbers "
            f"{self._conditions.slow:g} s. Callbacks: {escape(_where(self._callbacks.url))}.</p>"
            f"<h2>Latest requests</h2><table><tr><th>No.</th><th>At (UTC)</th><th>Provider</th><th>Call</th>"
            f"<th>Numbers</th><th>Answered</th></tr>{latest}</table>"
            f"<h2>Magic numbers</h2><p>A number's last three digits say what happens. {escape(magic.OTHERWISE)}</p>"
            f"<table><tr><th>Ends in</th><th>What happens</th></tr>{numbers}</table></body></html>"
        )
        policy = ("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'unsafe-inline'")
        return Reply(200, body.encode("utf-8", "replace"), "text/html; charset=utf-8", headers=(policy,))


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
    return _row(str(entry.number), at, entry.provider, call, ", ".join(entry.numbers), status)


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
