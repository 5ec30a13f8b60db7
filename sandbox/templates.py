"""The message templates of each WABA, in the shape of Meta's page "Message Templates": listed, and filled in."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox import graph
from sandbox.exchange import Reply, Request
from sandbox.graph import Fault, Refused
from sandbox.seeds import SECOND_WABA, WABA
from sandbox.wabas import BusinessAccount

Component = Mapping[str, object]

NOT_FOUND = Fault(
    404,
    132001,
    "(#132001) Template name does not exist in the translation",
    details="The template does not exist in the language that was asked for, or it has not been approved.",
)
WRONG_COUNT = Fault(
    400,
    132000,
    "(#132000) Number of parameters does not match the expected number of params",
    details="The number of parameters in a component does not match what the template has.",
)
WRONG_FORMAT = Fault(
    400, 132012, "(#132012) Parameter format does not match format in the created template", details="Parameter format"
)
WRONG_PARAMETER = Fault(
    400,
    132018,
    "(#132018) There's an issue with the parameters in your template",
    details="Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
)
PAUSED = Fault(400, 132015, "(#132015) Template is paused due to low quality", details="Template is paused")

_FIELDS = ("name", "parameter_format", "components", "language", "status", "category", "sub_category")
_VARIABLE = re.compile(r"\{\{([a-z0-9_]+)\}\}")
_BAD_TEXT = re.compile(r"[\n\t]| {5}")


@dataclass(frozen=True)
class Template:
    """One template in one language."""

    id: str
    waba_id: str
    name: str
    language: str
    category: str
    status: str
    components: tuple[Component, ...]
    parameter_format: str = "POSITIONAL"
    rejected_reason: str = "NONE"
    quality: str = "GREEN"

    def facts(self) -> dict[str, object]:
        """Give every field that can be asked for."""
        return {
            "id": self.id,
            "name": self.name,
            "parameter_format": self.parameter_format,
            "components": list(self.components),
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "sub_category": None,
            "previous_category": None,
            "rejected_reason": self.rejected_reason,
            "quality_score": {"score": self.quality, "date": 1781452800},
        }

    def fill(self, given: Sequence[Mapping[str, object]]) -> str:
        """Put the parameters of a message into the template's body.

        :raises Refused: when they are not what the template asks for.
        """
        by_place = {_place(one): one.get("parameters") for one in given}
        body = ""
        for place, text in _texts(self.components):
            names = list(dict.fromkeys(_VARIABLE.findall(text)))
            values = self._values(names, by_place.pop(place, None))
            if place == "body":
                body = _filled(text, values)
        if any(by_place.values()):
            raise Refused(WRONG_COUNT)
        return body

    def _values(self, names: list[str], given: object) -> dict[str, str]:
        rows = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
        if len(rows) != len(names):
            raise Refused(WRONG_COUNT)
        values: dict[str, str] = {}
        for name, row in zip(names, rows, strict=True):
            text = row.get("text")
            if row.get("type") != "text" or not isinstance(text, str) or not text:
                raise Refused(WRONG_FORMAT)
            if _BAD_TEXT.search(text):
                raise Refused(WRONG_PARAMETER)
            key = row.get("parameter_name") if self.parameter_format == "NAMED" else name
            if key not in names:
                raise Refused(WRONG_FORMAT)
            values[str(key)] = text
        if len(values) != len(names):
            raise Refused(WRONG_FORMAT)
        return values

    @property
    def buttons(self) -> tuple[str, ...]:
        """The quick replies that a person can press."""
        rows = [row for one in self.components if one["type"] == "BUTTONS" for row in _rows(one["buttons"])]
        return tuple(str(row["text"]) for row in rows if row["type"] == "QUICK_REPLY")


def listing(account: BusinessAccount, request: Request) -> Reply:
    """Answer GET {waba}/message_templates: in pages, with `fields`, narrowed by name, language, status or category."""
    templates = {one.id: one for one in TEMPLATES if one.waba_id == account.waba_id}
    for name in ("name", "language", "status", "category"):
        if wanted := request.query.get(name):
            templates = {key: one for key, one in templates.items() if one.facts()[name] == wanted}
    page, paging = graph.turn_page(list(templates), request)
    rows = [
        graph.choose(templates[one].facts(), request, default=_FIELDS, node_type="WhatsAppMessageTemplate")
        for one in page
    ]
    return Reply.json(200, {"data": rows, **paging})


def find(waba_id: str, name: object, language: object) -> Template:
    """Give the template that a message may use.

    :raises Refused: when there is none, or it may not be used now.
    """
    for one in TEMPLATES:
        if (one.waba_id, one.name, one.language) == (waba_id, name, language):
            if one.status == "PAUSED":
                raise Refused(PAUSED)
            if one.status == "APPROVED":
                return one
    raise Refused(NOT_FOUND)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: values[found[1]], text)


def _place(given: Mapping[str, object]) -> str:
    kind = str(given.get("type", "")).lower()
    return f"button {given.get('index')}" if kind == "button" else kind


def _texts(components: Sequence[Component]) -> list[tuple[str, str]]:
    texts: list[tuple[str, str]] = []
    for one in components:
        if one["type"] == "BUTTONS":
            buttons = enumerate(_rows(one["buttons"]))
            texts += [(f"button {place}", str(row["url"])) for place, row in buttons if row["type"] == "URL"]
        elif one["type"] in ("HEADER", "BODY"):
            texts.append((str(one["type"]).lower(), str(one["text"])))
    return texts


def _rows(rows: object) -> list[dict[str, object]]:
    return rows if isinstance(rows, list) else []


def _body(text: str, *examples: str) -> Component:
    body: dict[str, object] = {"type": "BODY", "text": text}
    return body | ({"example": {"body_text": [list(examples)]}} if examples else {})


_OFFER = (
    {"type": "HEADER", "format": "TEXT", "text": "Our {{1}} is on!", "example": {"header_text": ["Spring Sale"]}},
    _body("Shop now through {{1}} and use code {{2}} to get {{3}} off.", "the end of May", "25OFF", "25%"),
    {"type": "FOOTER", "text": "Use the button below to stop promotions"},
    {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Stop promotions"}]},
)
_CODE = (
    _body("*{{1}}* is your verification code.", "123456"),
    {
        "type": "BUTTONS",
        "buttons": [
            {
                "type": "URL",
                "text": "Copy code",
                "url": "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code={{1}}",
            }
        ],
    },
)
_REMINDER: Component = {
    "type": "BODY",
    "text": "Hi {{customer_name}}, we expect you on {{appointment_day}}. Reply here if you cannot come.",
    "example": {
        "body_text_named_params": [
            {"param_name": "customer_name", "example": "Pablo"},
            {"param_name": "appointment_day", "example": "Monday"},
        ]
    },
}
_STATEMENT = "Hi {{1}}, your statement for {{2}} is ready. Reply here if you have a question."
_STATEMENT_ES = "Hola {{1}}, su estado de cuenta de {{2}} está listo. Responda aquí si tiene alguna pregunta."

TEMPLATES = (
    Template("1192339204654001", WABA, "hello_world", "en_US", "UTILITY", "APPROVED", (_body("Welcome to Acme."),)),
    Template(
        "1192339204654002",
        WABA,
        "statement_ready",
        "en_US",
        "UTILITY",
        "APPROVED",
        (_body(_STATEMENT, "Pablo", "May"),),
    ),
    Template(
        "1192339204654003", WABA, "statement_ready", "es", "UTILITY", "APPROVED", (_body(_STATEMENT_ES, "Ana", "mayo"),)
    ),
    Template("1192339204654004", WABA, "spring_offer", "en_US", "MARKETING", "APPROVED", _OFFER, quality="YELLOW"),
    Template(
        "1192339204654005",
        WABA,
        "appointment_reminder",
        "en_US",
        "UTILITY",
        "APPROVED",
        (_REMINDER,),
        parameter_format="NAMED",
    ),
    Template("1192339204654006", WABA, "login_code", "en_US", "AUTHENTICATION", "APPROVED", _CODE),
    Template("1192339204654007", WABA, "winter_sale", "en_US", "MARKETING", "PAUSED", _OFFER, quality="RED"),
    Template(
        "1192339204654008",
        WABA,
        "account_notice",
        "en_US",
        "UTILITY",
        "REJECTED",
        (_body("Dear {{1}}, act now!", "customer"),),
        rejected_reason="INVALID_FORMAT",
        quality="UNKNOWN",
    ),
    Template(
        "1192339204654009",
        WABA,
        "feedback_request",
        "en_US",
        "MARKETING",
        "PENDING",
        (_body("How was your visit, {{1}}?", "Ana"),),
        quality="UNKNOWN",
    ),
    Template(
        "1192339204654101",
        SECOND_WABA,
        "statement_ready",
        "es",
        "UTILITY",
        "APPROVED",
        (_body(_STATEMENT_ES, "Ana", "mayo"),),
    ),
)
