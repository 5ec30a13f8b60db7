"""Every public operation of every provider client: how it is called, what the right answer is, what its result says."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.accuauth import AccuAuth
from providers.commbox import CommBox
from providers.interfaces import (
    BusinessAccountFacts,
    CodeMethod,
    ContactStatus,
    NodeIdentity,
    NumberAddress,
    NumberFacts,
    NumberResult,
    Recipient,
    Submitted,
    TemplateFacts,
    TemplateMessage,
    TextMessage,
)
from providers.kaleyra import Kaleyra
from providers.meta import CloudAPI
from providers.meta_messages import CloudAPIMessages
from providers.onprem import OnPremises
from providers.onprem_identity import OnPremisesIdentity
from providers.onprem_messages import OnPremisesMessages
from providers.secret import Secret
from tests.faults.provider_faults import ANSWERED, AS_SAID, FAILED, LOST, REFUSED, REJECTED, UNKNOWN, UNSENT, Kind

NUMBERS = ("+447400123456", "+447400234567", "+447400345678")
PERUVIAN, STRANGER = "987650321", "+447911555777"
TOKEN, PASSWORD, SESSION = "EAAB-secret-9f3c-token", "pass-word-4411-xyz", "session-77ab-token"
CODE, PIN, TEXT, HASH = "480716", "295174", "your parcel 5521 waits", "UKD6Y/5SqDU="
PHONE, WABA, OTHER_ID = "106540352242922", "102290129340398", "106540352249999"
#: What no error, no row and no log line may hold.
SECRETS = (TOKEN, PASSWORD, SESSION, CODE, PIN, TEXT, PERUVIAN, *(number[1:] for number in (*NUMBERS, STRANGER)))
ADDRESS = NumberAddress(PHONE, WABA, NUMBERS[0])
TO, TEMPLATE = Recipient(NUMBERS[0]), TemplateMessage("parcel", "en", (TEXT,))
CREDENTIALS = {
    "commbox": {"token": TOKEN},
    "onprem": {"token": TOKEN, "username": "ada", "password": PASSWORD},
    "accuauth": {"api_id": TOKEN, "api_secret": PASSWORD},
    "cloud_api": {"access_token": TOKEN},
    "kaleyra": {"api_key": TOKEN},
}
DONE, LOGGED_IN = {"success": True}, {"users": [{"token": SESSION, "expires_after": "2099-01-01 00:00:00+00:00"}]}
#: One of each provider, for the others.
ANSWERS: dict[str, Any] = {
    "commbox": {"status": "200", "data": {"valid": True}},
    "onprem": {"contacts": [{"input": STRANGER, "status": "valid", "wa_id": STRANGER[1:]}]},
    "accuauth": {"status": "OK", "result": {"number": PERUVIAN, "whatsapp": "yes"}, "request_id": "T1"},
    "cloud_api": DONE,
    "kaleyra": {"code": "WA200", "message": "Request Processed Successfully", "data": "7654", "error": {}},
}


@dataclass(frozen=True)
class Call:
    """An operation of a client."""

    name: str
    #: The kind of account, and what is special in its options.
    account: str
    client: Callable[[Any], Any]
    make: Callable[[Any], Any]
    right: Any
    #: What the right answer gives.
    gives: Any = None
    acts: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    #: Bodies of other answers, by the kind of fault that they are.
    variants: Mapping[str, Any] = field(default_factory=dict)
    #: What kinds of fault become here beside what they become elsewhere.
    also: Mapping[str, str] = field(default_factory=dict)
    #: So many connections are served well before the fault.
    spared: int = 0
    #: So many requests may leave at most.
    most: int = 1
    #: Whether the fault hits the sign-in, so that nothing was asked yet.
    signs_in: bool = False
    #: Whether it is a connection test, which reports and raises nothing; and whether it speaks HTTP at all.
    probes: bool = False
    speaks: bool = True
    pages: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.account} {self.name}"

    def answer(self, asked: bytes) -> bytes:
        """Give the right answer's body to a request."""
        if b" /v1/users/login " in asked:
            return json.dumps(LOGGED_IN).encode()
        if self.pages and b"after=" not in asked:
            return json.dumps(self.pages[0]).encode()
        return json.dumps(self.right).encode()

    def expected(self, kind: Kind) -> frozenset[str]:
        """Give what this fault may become here."""
        if self.probes:
            if not self.speaks:
                good, bad = kind.asks != {UNSENT}, UNSENT in kind.asks
            else:
                # Any object without an error proves the credentials.
                good, bad = bool(kind.asks & {ANSWERED, AS_SAID, UNKNOWN}), kind.asks != {ANSWERED}
            return frozenset({ANSWERED} if good else ()) | ({UNKNOWN} if bad else set())
        right = kind.acts if self.acts else kind.asks
        if self.signs_in:
            # Nothing was asked: what is lost or fails costs nothing, and what is refused is refused every time.
            becomes = {LOST: UNSENT, FAILED: UNSENT, UNKNOWN: UNSENT, AS_SAID: UNSENT, REJECTED: REFUSED}
            right = frozenset(becomes.get(one, one) for one in right) | (right if ANSWERED in right else frozenset())
        if kind.name in self.also:
            right = right | {self.also[kind.name]}
        return right

    def says(self, given: Any) -> str:
        """Tell what a result claims."""
        if self.probes:
            return ANSWERED if all(step.ok for step in given) else UNKNOWN
        if given == self.gives:
            return ANSWERED
        if given is None or given == []:
            return UNKNOWN
        if isinstance(given, tuple):
            asked = tuple(result.asked for result in given)
            if asked == tuple(result.asked for result in self.gives) and {r.status for r in given} <= {"UNKNOWN"}:
                return UNKNOWN
            return f"wrong: {given}"
        if isinstance(given, NumberFacts):
            empty = given == NumberFacts(PHONE)
            return f"wrong: {given}" if given.phone_number_id != PHONE else UNKNOWN if empty else AS_SAID
        if isinstance(given, BusinessAccountFacts):
            empty = given == BusinessAccountFacts(WABA)
            return f"wrong: {given}" if given.waba_id != WABA else UNKNOWN if empty else AS_SAID
        if isinstance(given, list) and all(one in self.gives for one in given):
            return UNKNOWN
        if isinstance(given, str | NodeIdentity | list):
            return AS_SAID
        return f"wrong: {given}"


def _valid(*numbers: str) -> list[dict[str, str]]:
    return [{"input": number, "status": "valid", "wa_id": number[1:]} for number in numbers]


def _results(status: str, *numbers: str) -> Any:
    return tuple(NumberResult(n, ContactStatus(status), wa_id=n[1:] if n.startswith("+44") else None) for n in numbers)


#: Silence, null and an object without errors are a yes to an acknowledgement.
_YES = dict.fromkeys(
    (
        "nothing with 200", "204", "null", "an empty object", "another provider's answer", "a line that is no header",
        "answer before the request is read",
        "NaN and infinity", "a number beyond floats", "a number of 400 digits", "arrays where objects belong",
        "objects where arrays belong", "NUL and half letters in texts", "a gateway's JSON with 200",
    ),
    ANSWERED,
)  # fmt: skip
_MANY = {
    "somebody else's answer": {"contacts": _valid(STRANGER)},
    "numbers in another order": {"contacts": _valid(*reversed(NUMBERS))},
    "strangers among the numbers": {"contacts": _valid(STRANGER, *NUMBERS, STRANGER)},
    "numbers named twice, contradicting": {
        "contacts": [*_valid(*NUMBERS), *({"input": number, "status": "invalid"} for number in NUMBERS)]
    },
    "numbers left out": {"contacts": []},
}
_LOGIN = {"auth": "login"}
_CHECK = {"make": lambda client: client.check(NUMBERS, force=False, subject="CheckBatch:1")}
_NODE: dict[str, Any] = {
    "account": "onprem", "right": {"contacts": _valid(*NUMBERS)}, "variants": _MANY,
    "gives": tuple(
        result for number in NUMBERS for result in _results("VALID", number)
    ),
}  # fmt: skip
_FACTS = {"id": PHONE, "display_phone_number": "+1 555", "verified_name": "Acme", "status": "CONNECTED"}
_SENT: dict[str, Any] = {"right": {"messages": [{"id": "wamid.1"}]}, "gives": "wamid.1", "acts": True}
_NEXT = {"cursors": {"after": "c1"}, "next": "https://graph.facebook.com/next"}


def _send(kind: str) -> Callable[[Any], Any]:
    if kind == "text":
        return lambda c: c.send_text(PHONE, TO, TextMessage(TEXT), identity_hash=HASH, subject="Message:1")
    return lambda c: c.send_template(PHONE, TO, TEMPLATE, identity_hash=HASH, subject="Message:1")


def _at_meta(name: str, make: Callable[[Any], Any], right: Any = DONE, gives: Any = None, **more: Any) -> Call:
    return Call(name, "cloud_api", CloudAPI, make, right, gives, **{"acts": right is DONE} | more)


CALLS = (
    Call(
        "check", "commbox", CommBox, lambda c: c.check(NUMBERS[:1], force=False, subject=""),
        {"status": "200", "data": {"valid": True}},
        tuple(type(r)(r.asked, r.status) for r in _results("VALID", NUMBERS[0])),
        variants={
            "somebody else's answer": {"status": "200", "data": [{"recipient": STRANGER, "valid": True}]},
            "numbers named twice, contradicting": {"status": "200", "data": [{"valid": True}, {"valid": False}]},
            "numbers left out": {"status": "200", "data": []},
        },
    ),
    Call(
        "check", "accuauth", AccuAuth, lambda c: c.check([PERUVIAN], force=False, subject=""),
        {"status": "OK", "result": {"number": "+51" + PERUVIAN, "whatsapp": "no"}}, _results("INVALID", PERUVIAN),
        # Its `number` is not looked at: it comes in other shapes than it was asked.
        variants={"somebody else's answer": {"status": "OK", "result": {"number": "+51900000000", "whatsapp": "no"}}},
        # Nor at HTTP's status, where its own says more.
        also=dict.fromkeys(("somebody else's answer", "503 with the right answer"), ANSWERED),
    ),
    Call("check", client=OnPremises, **_CHECK, **_NODE),
    Call("check, header", client=OnPremises, options={"auth": "header", "blocking": "no_wait"}, **_CHECK, **_NODE),
    Call(
        "sign in, check", client=OnPremises, options=_LOGIN, signs_in=True, most=2, **_CHECK,
        **_NODE | {"variants": {}},
    ),
    Call("check, signed in", client=OnPremises, options=_LOGIN, spared=1, most=2, **_CHECK, **_NODE),
    Call(
        "check, kept token", client=OnPremises, options=_LOGIN, spared=2, most=5,
        make=lambda c: [c.check(NUMBERS, force=False, subject="") for _twice in range(2)][1], **_NODE,
    ),
    Call(
        "read identity", "onprem", OnPremisesIdentity, lambda c: c.read_identity(NUMBERS[0][1:], subject="TrustCase:1"),
        {"contacts": {"hash": HASH, "acknowledged": True}}, NodeIdentity(HASH, True, None), also={"404": REJECTED},
    ),
    Call(
        "acknowledge identity", "onprem", OnPremisesIdentity,
        lambda c: c.acknowledge_identity(NUMBERS[0][1:], HASH, subject="TrustCase:1"), {}, acts=True,
        also=_YES | {"404": REJECTED},
    ),
    Call("send text", "onprem", OnPremisesMessages, _send("text"), **_SENT),
    Call(
        "send template", "onprem", OnPremisesMessages, _send("template"), options={"template_namespace": "n"}, **_SENT,
    ),
    Call(
        "submit code", "kaleyra", Kaleyra, lambda c: c.submit_code(ADDRESS, Secret(CODE), subject=""),
        ANSWERS["kaleyra"], Submitted.VERIFIED, acts=True,
        # Its code decides, so a code that is none of Kaleyra's is a refusal.
        also=dict.fromkeys(("a number of 400 digits", "NUL and half letters in texts"), REJECTED)
        | {"503 with the right answer": ANSWERED},
    ),
    _at_meta(
        "add number", lambda c: c.add_number(WABA, e164=NUMBERS[0], verified_name="A", migrate=False, subject=""),
        {"id": PHONE}, PHONE, acts=True,
    ),
    _at_meta("request code", lambda c: c.request_code(PHONE, method=CodeMethod.SMS, language="en_US", subject="")),
    _at_meta("submit code", lambda c: c.submit_code(ADDRESS, Secret(CODE), subject=""), gives=Submitted.VERIFIED),
    _at_meta("register", lambda c: c.register(PHONE, Secret(PIN), subject="")),
    _at_meta("set PIN", lambda c: c.set_pin(PHONE, Secret(PIN), subject="")),
    _at_meta("deregister", lambda c: c.deregister(PHONE, subject="")),
    _at_meta("subscribe app", lambda c: c.subscribe_app(WABA, subject="")),
    _at_meta("set identity check", lambda c: c.set_identity_check(PHONE, on=True, subject="")),
    _at_meta(
        "read number", lambda c: c.read_number(PHONE, subject=""), _FACTS,
        NumberFacts(PHONE, display_phone_number="+1 555", verified_name="Acme", status="CONNECTED"),
        variants={"somebody else's answer": _FACTS | {"id": OTHER_ID}},
    ),
    _at_meta(
        "list numbers", lambda c: list(c.list_numbers(WABA, subject="")), {"data": [{"id": PHONE}]},
        [NumberFacts(PHONE)],
    ),
    _at_meta(
        "list numbers, second page", lambda c: list(c.list_numbers(WABA, subject="")), {"data": [{"id": OTHER_ID}]},
        [NumberFacts(PHONE), NumberFacts(OTHER_ID)], pages=({"data": [{"id": PHONE}], "paging": _NEXT},),
        spared=1, most=2,
    ),
    _at_meta(
        "read WABA", lambda c: c.read_business_account(WABA, subject=""), {"id": WABA, "name": "Acme"},
        BusinessAccountFacts(WABA, name="Acme"), variants={"somebody else's answer": {"id": OTHER_ID, "name": "Acme"}},
    ),
    _at_meta(
        "read identity check", lambda c: c.read_identity_check(PHONE, subject=""),
        {"user_identity_change": {"enable_identity_key_check": True}}, True,
    ),
    Call("send text", "cloud_api", CloudAPIMessages, _send("text"), **_SENT),
    Call("send template", "cloud_api", CloudAPIMessages, _send("template"), **_SENT),
    Call(
        "list templates", "cloud_api", CloudAPIMessages, lambda c: list(c.list_templates(WABA, subject="")),
        {"data": [{"name": "parcel", "language": "en"}]}, [TemplateFacts("parcel", "en")],
    ),
    _at_meta("test connection", lambda c: c.probe(), {"id": "1"}, probes=True),
    Call("test connection", "onprem", OnPremises, lambda c: c.probe(), {}, options=_LOGIN, probes=True),
    Call("test connection", "commbox", CommBox, lambda c: c.probe(), {}, probes=True, speaks=False),
    Call("test connection", "accuauth", AccuAuth, lambda c: c.probe(), {}, probes=True, speaks=False),
    Call("test connection", "kaleyra", Kaleyra, lambda c: c.probe(), {}, probes=True, speaks=False),
)  # fmt: skip
