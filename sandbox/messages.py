"""POST {phone number id}/messages, as Meta's pages "Messages" and "Identity Change Check" describe it.

A text or a template is taken and gets its id; whether it reaches the person is told later, by status webhooks. A hash
that comes with it is compared with the person's whether or not the number's identity change check is on.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from sandbox import graph, magic, payloads, templates
from sandbox.channels import CloudChannel, Statuses
from sandbox.exchange import HANG_UP, Reply, Request
from sandbox.graph import Fault, Refused
from sandbox.magic import Memory, Refusal
from sandbox.message_endings import MessageEnding, ending_of
from sandbox.persons import Person, Persons, Sent
from sandbox.wabas import BusinessNumber
from sandbox.webhooks import Webhooks

LONGEST_TEXT = 4096
#: How long an answer waits for the statuses that are to come before it.
STATUS_FIRST_SECONDS = 5.0

_WA_ID = re.compile("[1-9][0-9]{6,14}")
_PARAMETER = Fault(400, 131009, "(#131009) Parameter value is not valid", details="Parameter value is not valid")
_MISSING = Fault(400, 131008, "(#131008) Required parameter is missing", details="A required parameter is missing")
_UNSUPPORTED = Fault(400, 131051, "(#131051) Unsupported message type", details="Message type is not supported")
_PAIR_LIMIT = Fault(
    400,
    131056,
    "(#131056) (Business Account, Consumer Account) pair rate limit hit",
    details="Message failed to send because there were too many messages sent to this recipient in a short time.",
)
_REFUSALS = {
    Refusal.REQUEST: _PARAMETER,
    Refusal.CREDENTIALS: graph.TOKEN,
    Refusal.PERMISSION: graph.MAY_NOT_CHANGE,
    Refusal.RATE: Fault(400, 130429, "(#130429) Rate limit hit", transient=True),
    Refusal.SERVER: Fault(500, 131000, "(#131000) Something went wrong"),
    Refusal.BUSY: Fault(503, 131016, "(#131016) Service unavailable", transient=True),
}


@dataclass(frozen=True, slots=True)
class _Content:
    kind: str
    text: str
    template: str = ""
    category: str = "service"
    buttons: tuple[str, ...] = ()


class Messages:
    """The call that sends."""

    def __init__(self, memory: Memory, persons: Persons, *, statuses: Statuses, webhooks: Webhooks) -> None:
        self._memory = memory
        self._persons = persons
        self._statuses = statuses
        self._webhooks = webhooks

    def send(self, number: BusinessNumber, request: Request) -> Reply:
        """Take a message, or refuse it."""
        given = graph.parameters(request)
        if given.get("messaging_product") != "whatsapp":
            raise graph.bad_parameter("Parameter 'messaging_product' must be 'whatsapp'")
        if number.status == "BANNED":
            raise Refused(graph.POLICY)
        if not number.registered:
            raise Refused(graph.NOT_REGISTERED)
        asked = graph.text(given, "to")
        wa_id = translate(asked, number.display)
        if not _WA_ID.fullmatch(wa_id) or given.get("recipient_type", "individual") != "individual":
            raise Refused(_PARAMETER)
        identity_hash = given.get("recipient_identity_key_hash", "")
        if not isinstance(identity_hash, str):
            raise Refused(_PARAMETER)
        content = _read(given, number.waba_id)
        verdict = magic.judge(self._memory, provider="cloud_api messages", numbers=[wa_id])
        return magic.answer(
            verdict,
            refuse=lambda refusal: _REFUSALS[refusal].reply(),
            normal=lambda: self._take(
                number, self._persons.get(wa_id), asked=asked, content=content, identity_hash=identity_hash
            ),
        )

    def _take(
        self, number: BusinessNumber, person: Person, *, asked: str, content: _Content, identity_hash: str
    ) -> Reply:
        ending = ending_of(person.wa_id)
        if ending is MessageEnding.PAIR_LIMIT and self._is_first(person, ending):
            raise Refused(_PAIR_LIMIT)
        with self._persons.lock:
            code = _failure(person, number, content=content, identity_hash=identity_hash)
            if code and ending is MessageEnding.REFUSED_AT_ONCE:
                raise Refused(_fault(code))
            sent = Sent(
                wamid=payloads.new_wamid(),
                phone_number_id=number.phone_number_id,
                to=person.e164,
                kind=content.kind,
                at=time.time(),
                template=content.template,
                category=content.category,
                failed=code,
                text=content.text,
                identity_hash=identity_hash,
            )
            channel = CloudChannel(number, self._webhooks)
            self._statuses.begin(sent, person, channel=channel, buttons=content.buttons)
        if ending is MessageEnding.TAKEN_ANSWER_LOST and self._is_first(person, ending):
            return HANG_UP
        message = {"id": sent.wamid} | ({"message_status": "accepted"} if content.template else {})
        answer = {
            "messaging_product": "whatsapp",
            "contacts": [{"input": asked, "wa_id": person.wa_id}],
            "messages": [message],
        }
        return Reply.json(200, answer, first=self._statuses_first if ending is MessageEnding.STATUS_FIRST else None)

    def _is_first(self, person: Person, ending: MessageEnding) -> bool:
        return self._memory.ask(f"messages {ending}", person.wa_id) == 1

    def _statuses_first(self) -> None:
        self._webhooks.wait_idle(timeout=STATUS_FIRST_SECONDS)


def translate(asked: str, display: str) -> str:
    """Give the digits that a message goes to: without a +, the business number's calling code comes in front."""
    digits = magic.digits_of(asked)
    return digits if asked.lstrip().startswith("+") else magic.digits_of(display.partition(" ")[0]) + digits


def _read(given: graph.Parameters, waba_id: str) -> _Content:
    kind = given.get("type", "text")
    if kind == "text":
        text = given.get("text")
        body = text.get("body") if isinstance(text, dict) else None
        if not isinstance(body, str) or not body:
            raise Refused(_MISSING)
        if len(body) > LONGEST_TEXT:
            raise Refused(_PARAMETER)
        return _Content("text", body)
    if kind != "template":
        raise Refused(_UNSUPPORTED)
    asked = given.get("template")
    language = asked.get("language") if isinstance(asked, dict) else None
    if not isinstance(asked, dict) or not isinstance(language, dict):
        raise Refused(_MISSING)
    template = templates.find(waba_id, asked.get("name"), language.get("code"))
    components = asked.get("components", [])
    if not isinstance(components, list) or not all(isinstance(one, dict) for one in components):
        raise Refused(_PARAMETER)
    return _Content("template", template.fill(components), template.name, template.category.lower(), template.buttons)


def _failure(person: Person, number: BusinessNumber, *, content: _Content, identity_hash: str) -> int:
    """Give the code with which a message ends, 0 when it arrives."""
    ending, marketing = ending_of(person.wa_id), content.category == "marketing"
    rules: tuple[tuple[int, Callable[[], bool]], ...] = (
        (payloads.IDENTITY_MISMATCH, lambda: identity_hash not in ("", person.identity_hash)),
        (payloads.UNDELIVERABLE, lambda: not person.reachable),
        (
            payloads.WINDOW_CLOSED,
            lambda: content.kind == "text" and not person.window_is_open(number.phone_number_id),
        ),
        (
            payloads.MARKETING_STOPPED,
            lambda: (
                marketing
                and (ending is MessageEnding.MARKETING_STOPPED or number.phone_number_id in person.stopped_marketing)
            ),
        ),
        (payloads.NOT_ENGAGED, lambda: marketing and ending is MessageEnding.NOT_ENGAGED),
        (payloads.UNKNOWN_FAILURE, lambda: ending is MessageEnding.UNKNOWN_FAILURE),
    )
    return next((code for code, applies in rules if applies()), 0)


def _fault(code: int) -> Fault:
    return Fault(400, code, f"(#{code}) {payloads.TITLES[code]}", details=payloads.DETAILS[code])
