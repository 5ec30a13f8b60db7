"""The telephones of people, at /_sandbox/phone/people: what they received, and what they can do about it.

Forms only, without a script. A conversation and a hash are shown here and nowhere else.
"""

import re
from datetime import UTC, datetime
from html import escape
from urllib.parse import unquote

from sandbox import magic, phone_page, webhook_pages
from sandbox.exchange import Reply, Request
from sandbox.pages import page, row_of_html, see_other, table
from sandbox.people import Channels, People
from sandbox.persons import KNOWN_WA_ID, Line, Person, Persons, Presence
from sandbox.seeds import CONNECTED_NUMBER_ID, ON_PREMISES

PAGE = "/_sandbox/phone/people"
#: The telephone of one person is the page with these digits behind it.
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_WORDS = {
    Presence.ONLINE: "online",
    Presence.OFFLINE: "switched off: messages wait",
    Presence.UNREACHABLE: "not on WhatsApp: messages fail",
}


class PeoplePages:
    """Answers at /_sandbox/phone/people and below it."""

    def __init__(self, people: People, persons: Persons, *, channels: Channels) -> None:
        self._people = people
        self._persons = persons
        self._channels = channels

    def answer(self, request: Request) -> Reply:
        """Show everybody, or one person's telephone, or do what a form asks."""
        number = "+" + unquote(request.path.removeprefix(PAGE).strip("/"))
        fields = {name: str(value) for name, value in (request.fields or {}).items()}
        match request.method:
            case "GET" if number == "+":
                return self._everybody()
            case "GET" if _NUMBER.fullmatch(number):
                return self._telephone(number)
            case "POST" if number == "+":
                return self._open(fields)
            case "POST" if _NUMBER.fullmatch(number):
                return self._act(number, fields)
        return Reply.json(404, {"error": "The phone has no such page."})

    def _open(self, fields: dict[str, str]) -> Reply:
        number = "".join(fields.get("number", "").split())
        if not _NUMBER.fullmatch(number):
            return self._everybody(refusal="Write the number with + and its country code, digits only.")
        return see_other(_address(number))

    def _act(self, e164: str, fields: dict[str, str]) -> Reply:
        people, to = self._people, fields.get("to", CONNECTED_NUMBER_ID)
        bsuid_only = fields.get("bsuid") == "on"
        known = any(to == one.id for one in self._channels.all())
        match fields.get("do") if known else None:
            case "write" if fields.get("text", "").strip():
                people.write(e164, text=fields["text"], to=to, bsuid_only=bsuid_only)
            case "stop":
                people.write(e164, text="STOP", to=to, bsuid_only=bsuid_only)
            case "press" if fields.get("text"):
                people.press(e164, text=fields["text"], to=to, context=fields.get("context", ""))
            case "identity":
                people.change_identity(e164, tell=fields.get("tell") == "on")
            case "number" if _NUMBER.fullmatch("".join(fields.get("new", "").split())):
                new = "".join(fields["new"].split())
                people.change_number(e164, new)
                return see_other(_address(new))
            case "stop_marketing" if to != ON_PREMISES:
                people.stop_marketing(e164, to=to)
            case "resume_marketing" if to != ON_PREMISES:
                people.resume_marketing(e164, to=to)
            case "online":
                people.come_online(e164)
            case "offline":
                people.go_offline(e164)
            case "vanish":
                people.vanish(e164)
            case _:
                return self._telephone(e164, refusal="Nothing was done: fill in the form.")
        return see_other(_address(e164))

    def _everybody(self, *, refusal: str = "") -> Reply:
        warning = f'<p role="alert"><strong>{escape(refusal)}</strong></p>' if refusal else ""
        rows = "".join(
            row_of_html(
                f'<a href="{_address(one.e164)}">{escape(one.e164)}</a>',
                escape(one.name),
                _WORDS[one.presence],
                str(len(one.lines)),
            )
            for one in self._persons.known()
        )
        listed = table(("Number", "Name", "Phone", "Messages"), rows) if rows else "<p>Nobody has spoken yet.</p>"
        body = (
            f"<h1>People</h1>{_links()}{warning}<p>Everybody whom the business wrote to, or who wrote to it. Take "
            "anybody's telephone in hand by their number.</p>"
            f'<form method="post" action="{PAGE}"><label>Number with + and country code<br>'
            f'<input name="number" type="tel" required autocomplete="off" placeholder="+{KNOWN_WA_ID}"></label>'
            f"<button>Take this telephone</button></form>{listed}"
        )
        return page("People · Provider sandbox", body, status=400 if refusal else 200)

    def _telephone(self, e164: str, *, refusal: str = "") -> Reply:
        warning = f'<p role="alert"><strong>{escape(refusal)}</strong></p>' if refusal else ""
        # Before the lock: whoever sends holds the directory's first, and then takes this one.
        numbers = {one.id: one.e164 for one in self._channels.all()}
        with self._persons.lock:
            person = self._persons.get(e164)
            lines = "".join(_bubble(line, numbers.get(line.phone_number_id, "")) for line in reversed(person.lines))
            forms = _forms(person, numbers)
            hash_changes, presence = person.changes, _WORDS[person.presence]
        shown = f'<ol class="messages">{lines}</ol>' if lines else "<p>Nothing yet.</p>"
        body = (
            f"<h1>{escape(person.name)}, {escape(person.e164)}</h1>{_links()}{warning}"
            f'<p class="note">{presence} · identity changed {hash_changes} times · hash <code>'
            f"{escape(person.identity_hash)}</code> · BSUID <code>{escape(person.bsuid)}</code></p>"
            f"{forms}<h2>Conversation</h2>"
            f'<p><a href="{_address(person.e164)}">Look again</a></p>{shown}'
        )
        return page(f"{person.e164} · Provider sandbox", body, status=400 if refusal else 200)


def _forms(person: Person, numbers: dict[str, str]) -> str:
    spoken = next(reversed(person.channels), CONNECTED_NUMBER_ID)
    options = "".join(
        f'<option value="{escape(number_id)}"{" selected" if number_id == spoken else ""}>{escape(e164)}'
        f"{' (On-Premises)' if number_id == ON_PREMISES else ''}</option>"
        for number_id, e164 in numbers.items()
    )
    to = f'<label>To<br><select name="to">{options}</select></label>'
    presence = (
        '<form method="post"><button name="do" value="offline">Switch the phone off</button>'
        '<button name="do" value="vanish">Leave WhatsApp</button></form>'
    )
    if person.presence is not Presence.ONLINE:
        presence = '<form method="post"><button name="do" value="online">Switch the phone on</button></form>'
    return (
        f'<form method="post">{to}<label>Message<br><input name="text"></label>'
        '<label><input type="checkbox" name="bsuid"> Without the number, by BSUID only</label>'
        '<button name="do" value="write">Send</button><button name="do" value="stop">Say STOP</button>'
        '<button name="do" value="stop_marketing">Stop marketing</button>'
        '<button name="do" value="resume_marketing">Take marketing again</button></form>'
        f'<form method="post">{_do("identity")}<label><input type="checkbox" name="tell"> The business is told'
        "</label><button>Change identity</button></form>"
        f'<form method="post">{_do("number")}<label>New number<br><input name="new" type="tel" required '
        f'placeholder="+12025551234"></label><button>Change number</button></form>{presence}'
    )


def _bubble(line: Line, with_whom: str) -> str:
    at = datetime.fromtimestamp(line.at, UTC)
    buttons = "".join(
        f'<form method="post">{_do("press")}<input type="hidden" name="context" value="{escape(line.wamid)}">'
        f'<input type="hidden" name="to" value="{escape(line.phone_number_id)}">'
        f'<button name="text" value="{escape(text)}">{escape(text)}</button></form>'
        for text in line.buttons
    )
    note = f", {escape(line.note)}" if line.note else ""
    return (
        f'<li><p class="note">{"Wrote to" if line.by_person else "Received from"} {escape(with_whom)} at '
        f'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}">{at:%H:%M:%S} UTC</time>{note}</p>'
        f'<div class="bubble{" mine" if line.by_person else ""}">{escape(line.text or line.kind)}</div>'
        f"{buttons}</li>"
    )


def _links() -> str:
    return (
        f'<p><a href="{PAGE}">People</a> · <a href="{webhook_pages.PAGE}">Webhooks</a> · '
        f'<a href="{phone_page.PREFIX}">The phone</a> · <a href="/_sandbox/">The sandbox</a></p>'
    )


def _address(e164: str) -> str:
    return f"{PAGE}/{magic.digits_of(e164)}"


def _do(what: str) -> str:
    return f'<input type="hidden" name="do" value="{what}">'
