"""The phone as a page at /_sandbox/phone/, and Kaleyra's own console, where numbers are added and codes sent.

It asks again by itself every few seconds, without a script; what is typed stands on a page of its own.
"""

import time
from datetime import UTC, datetime
from html import escape
from typing import NamedTuple

from sandbox.exchange import Reply, Request
from sandbox.kaleyra import is_number
from sandbox.pages import page, see_other
from sandbox.phone import Message, Phone
from sandbox.seeds import KALEYRA, KALEYRA_WABA
from sandbox.wabas import BusinessNumber, Directory

PREFIX = "/_sandbox/phone/"
CODES = "/_sandbox/phone/codes"
KALEYRA_CONSOLE = "/_sandbox/phone/kaleyra"
REFRESH_SECONDS = 3
LATEST = 50

_METHODS = ("SMS", "VOICE")


class _Words(NamedTuple):
    sms: str
    call: str


_META = _Words("✉ SMS from WhatsApp", "☎ Call from abroad, by WhatsApp")
_KALEYRA = _Words(
    "✉ SMS, sent when the number was added at Kaleyra", "☎ Call from abroad, when the number was added at Kaleyra"
)


class PhonePages:
    """Answers below /_sandbox/phone/, which is never written in the journal."""

    def __init__(self, *, phone: Phone, directory: Directory) -> None:
        self._phone = phone
        self._directory = directory

    def answer(self, request: Request) -> Reply:
        """Answer with a page, or with the codes as JSON."""
        match request.method, request.path:
            case "GET", "/_sandbox/phone" | "/_sandbox/phone/":
                return self._phone_page()
            case "GET", "/_sandbox/phone/codes":
                messages = self._phone.messages(request.query.get("number"))
                return Reply.json(200, {"codes": [message.as_json() for message in messages]})
            case "GET", "/_sandbox/phone/kaleyra":
                return self._kaleyra_page()
            case "POST", "/_sandbox/phone/kaleyra":
                return self._send_from_kaleyra(request)
        return Reply.json(404, {"error": "The phone has no such page."})

    def send_from_kaleyra(self, e164: str, *, method: str = "SMS") -> str:
        """Have Kaleyra send a fresh code to a number, which it adds when it is new, and give the number's id."""
        with self._directory.lock:
            number = self._directory.number_of(e164)
            if number is None or number.provider != KALEYRA:
                number = self._directory.add(e164, waba_id=KALEYRA_WABA, provider=KALEYRA)
            self._directory.send_code(number, method=method, language="en")
            return number.phone_number_id

    def _send_from_kaleyra(self, request: Request) -> Reply:
        fields = request.fields or {}
        e164 = "".join(str(fields.get("number", "")).split())
        method = str(fields.get("method", "SMS"))
        if not is_number(e164) or method not in _METHODS:
            return self._kaleyra_page(refusal="Write the number with + and its country code, digits only.")
        self.send_from_kaleyra(e164, method=method)
        return see_other(PREFIX)

    def _phone_page(self) -> Reply:
        messages = self._phone.messages()[:LATEST]
        arrived = "".join(_bubble(message) for message in messages)
        listed = f'<ol class="messages">{arrived}</ol>' if messages else "<p>Nothing has arrived yet.</p>"
        body = (
            "<h1>The phone</h1><p>Every SMS and every call that brings a code to a business number arrives here, "
            "newest first. Read the code and type it in the console.</p>"
            f'<p><a href="{KALEYRA_CONSOLE}">Kaleyra\'s console</a> · <a href="/_sandbox/phone/people">People</a> · '
            f'<a href="/_sandbox/phone/webhooks">Webhooks</a> · <a href="/_sandbox/">The sandbox</a></p>{listed}'
            f'<p class="note">This page asks again every {REFRESH_SECONDS} seconds.</p>'
        )
        return page("Phone · Provider sandbox", body, refresh=REFRESH_SECONDS)

    def _kaleyra_page(self, *, refusal: str = "") -> Reply:
        numbers = [number for number in self._directory.numbers() if number.provider == KALEYRA]
        warning = f'<p role="alert"><strong>{escape(refusal)}</strong></p>' if refusal else ""
        listed = "".join(_kaleyra_item(number) for number in numbers)
        choices = "".join(f"<option>{method}</option>" for method in _METHODS)
        body = (
            f'<h1>Kaleyra\'s console</h1><p><a href="{PREFIX}">The phone</a> · <a href="/_sandbox/">The sandbox</a></p>'
            "<p>Kaleyra sends a code when a number is added in its own console; this page stands in for it. WABA id: "
            f"<strong>{KALEYRA_WABA}</strong>.</p>{warning}"
            f'<ol class="messages">{listed}</ol><h2>Add a number</h2><form method="post" action="{KALEYRA_CONSOLE}">'
            '<label>Number with + and country code<br><input name="number" type="tel" required autocomplete="off" '
            'placeholder="+919765400321"></label>'
            f'<label>Send its code by<br><select name="method">{choices}</select></label>'
            "<button>Add and send a code</button></form>"
        )
        return page("Kaleyra · Provider sandbox", body, status=400 if refusal else 200)


def _bubble(message: Message) -> str:
    is_call = message.method == "VOICE"
    words = _KALEYRA if message.provider == KALEYRA else _META
    how = words.call if is_call else words.sms
    at = datetime.fromtimestamp(message.at, UTC)
    expired = time.time() >= message.expires_at
    if is_call:
        spoken = f'“Your verification code is <span class="code">{" ".join(message.code)}</span> Once more: …”'
    else:
        written = f"{message.code[:3]}-{message.code[3:]}"
        spoken = f'<span class="code">{written}</span> is your verification code. Do not share it.'
    state = "Expired." if expired else f"Good until {datetime.fromtimestamp(message.expires_at, UTC):%H:%M:%S} UTC."
    again = _send_again(message.number, message.method) if message.provider == KALEYRA else ""
    return (
        f'<li class="{"old" if expired else "new"}"><strong>{escape(message.number)}</strong> '
        f'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}">{at:%H:%M:%S} UTC</time>'
        f'<p class="note">{how}, language {escape(message.language)}</p>'
        f'<div class="bubble{" call" if is_call else ""}">{spoken}</div><p class="note">{state}</p>{again}</li>'
    )


def _send_again(e164: str, method: str) -> str:
    return (
        f'<form method="post" action="{KALEYRA_CONSOLE}"><input type="hidden" name="number" value="{escape(e164)}">'
        f'<input type="hidden" name="method" value="{escape(method)}">'
        f'<button aria-label="Have Kaleyra send a fresh code to {escape(e164)}">Have Kaleyra send a fresh code</button>'
        "</form>"
    )


def _kaleyra_item(number: BusinessNumber) -> str:
    state = "approved" if number.verified else "not verified"
    again = "" if number.verified else _send_again(number.e164, "SMS")
    return (
        f"<li><strong>{escape(number.e164)}</strong>"
        f'<p class="note">Phone number id {number.phone_number_id} · {state}</p>{again}</li>'
    )
