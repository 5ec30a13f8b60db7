"""The Graph API's manners that all of its objects share: the error envelope, `fields`, pages and paths."""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.exchange import Reply, Request

#: The real edge gives 25 and takes larger limits; with these, few numbers show that a client turns the page.
PAGE_SIZE = 2
LARGEST_PAGE = 5

Parameters = Mapping[str, object]

_PATH = re.compile(r"/v([0-9]{1,2})\.[0-9]/([^/]+)(?:/([^/]+))?/?")
_NEWEST_VERSION = 30


@dataclass(frozen=True)
class Fault:
    """One documented error; `said` is what Meta words for the person, `details` what it words for the developer."""

    http_status: int
    code: int
    message: str
    subcode: int | None = None
    title: str = ""
    said: str = ""
    details: str = ""
    transient: bool = False

    def reply(self) -> Reply:
        """Put the error into its envelope, with a trace id of its own."""
        error: dict[str, object] = {
            "message": self.message,
            "type": "OAuthException",
            "code": self.code,
            "is_transient": self.transient,
            "fbtrace_id": f"A{secrets.token_urlsafe(16)}",
        }
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.said:
            error |= {"error_user_title": self.title, "error_user_msg": self.said}
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        return Reply.json(self.http_status, {"error": error})


class Refused(Exception):
    """The call is answered with an error."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.code)
        self.fault = fault


TOKEN = Fault(401, 190, "Error validating access token: The session has been invalidated.", subcode=460)
MAY_NOT_READ = Fault(403, 200, "(#200) You do not have the necessary permissions required to read this object.")
MAY_NOT_CHANGE = Fault(403, 10, "(#10) Application does not have permission for this action")
POLICY = Fault(403, 368, "(#368) The action attempted has been deemed abusive or is otherwise disallowed")
THROTTLED = Fault(
    400,
    80007,
    "(#80007) There have been too many calls to this WhatsApp Business account. Wait a bit and try again.",
    subcode=2446079,
    transient=True,
)
TRY_AGAIN_LATER = Fault(503, 133004, "(#133004) Server Temporarily Unavailable", transient=True)
CODE_NOT_SENT = Fault(
    400,
    136024,
    "(#136024) Request code error",
    title="Code couldn't be sent",
    said="We couldn't send a verification code to this number. Try the other method or try again later.",
)
TOO_MANY_CODES = Fault(
    400,
    136024,
    "(#136024) Request code error",
    title="Too many codes",
    said="You have requested too many verification codes for this number. Please wait before you request another one.",
)
ALREADY_VERIFIED = Fault(
    400,
    136024,
    "(#136024) Request code error",
    title="Phone number already verified",
    said="This phone number is already verified. It does not need another verification code.",
)
WRONG_CODE = Fault(
    400,
    136025,
    "(#136025) Verify code error",
    title="Code couldn't be verified",
    said="The verification code is not correct. Please check the code and try again.",
)
WRONG_CODE_AS_PARAMETER = Fault(422, 100, "(#100) Invalid parameter", details="Parameter 'code' is not valid")
EXPIRED_CODE = Fault(
    400,
    136025,
    "(#136025) Verify code error",
    title="Code expired",
    said="The verification code has expired. Please request a new code.",
)
TOO_MANY_TRIES = Fault(
    400,
    136025,
    "(#136025) Verify code error",
    title="Too many attempts",
    said="The code was entered incorrectly too many times. Please request a new code.",
)
CODE_OF_A_VERIFIED_NUMBER = Fault(
    400,
    136025,
    "(#136025) Verify code error",
    title="Phone number already verified",
    said="This phone number is already verified.",
)
PIN_MISMATCH = Fault(400, 133005, "(#133005) Two step verification PIN Mismatch")
VERIFY_FIRST = Fault(400, 133006, "(#133006) Phone number re-verification needed")
TOO_MANY_PINS = Fault(
    400,
    133008,
    "(#133008) Too many two step verification PIN guesses",
    details="Too many PIN guesses for this phone number. Please try again after 60 minutes.",
)
NOT_REGISTERED = Fault(400, 133010, "(#133010) Phone number not registered")
WAIT_FIVE_MINUTES = Fault(
    400, 133015, "(#133015) Please wait a few minutes before attempting to register this phone number"
)
REGISTRATION_LIMIT = Fault(400, 133016, "(#133016) Account register deregister rate limit exceeded")


def bad_parameter(details: str, *, said: str = "") -> Refused:
    """Make the refusal of a parameter."""
    title = "Invalid parameter" if said else ""
    return Refused(Fault(400, 100, "(#100) Invalid parameter", details=details, title=title, said=said))


def no_such_object(method: str, node: str) -> Refused:
    """Make the refusal of an id, or of something that the object behind it cannot do."""
    return Refused(
        Fault(
            400,
            100,
            f"Unsupported {method.lower()} request. Object with ID '{node}' does not exist, cannot be loaded due to "
            "missing permissions, or does not support this operation",
            subcode=33,
        )
    )


def node_and_edge(path: str) -> tuple[str, str]:
    """Take a path apart after its version; the edge is empty where the object itself is meant.

    :raises Refused: for a version that never was, or a path of another shape.
    """
    parts = _PATH.fullmatch(path)
    if parts is None or not 2 <= int(parts[1]) <= _NEWEST_VERSION:
        raise Refused(Fault(400, 2500, f"Unknown path components: {path}"))
    return parts[2], parts[3] or ""


def parameters(request: Request) -> Parameters:
    """Give the body's fields; never the query's, which proxies write down.

    :raises Refused: when the body cannot be read.
    """
    if request.fields is None:
        raise bad_parameter("The body is not valid JSON or form data")
    return request.fields


def text(given: Parameters, name: str) -> str:
    """Give a parameter that must be a string and not empty.

    :raises Refused: when it is missing or something else.
    """
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise bad_parameter(f"Parameter '{name}' is required and must be a string")
    return value


def choose(
    facts: Mapping[str, object], request: Request, *, default: Sequence[str], node_type: str
) -> dict[str, object]:
    """Give what `fields` asks for, or the default fields; `id` always, and nothing for what is not known.

    :raises Refused: for a field that does not exist.
    """
    asked = request.query.get("fields", "")
    names = [name for name in _top_level(asked) if name] or list(default)
    for name in names:
        if name not in facts:
            message = f"(#100) Tried accessing nonexistent field ({name}) on node type ({node_type})"
            raise Refused(Fault(400, 100, message))
    return {name: facts[name] for name in dict.fromkeys([*names, "id"]) if facts[name] is not None}


def turn_page(rows: Sequence[str], request: Request) -> tuple[Sequence[str], dict[str, object]]:
    """Give the ids on the page that is asked for, and the `paging` that leads on.

    :raises Refused: for a limit or a cursor that is none.
    """
    limit = request.query.get("limit", str(PAGE_SIZE))
    if not re.fullmatch("[0-9]{1,6}", limit) or int(limit) == 0:
        raise bad_parameter("Parameter 'limit' must be a positive integer")
    size = min(int(limit), LARGEST_PAGE)
    start = 0
    if after := request.query.get("after"):
        last_seen = _read_cursor(after)
        if last_seen not in rows:
            raise bad_parameter("Invalid cursors values")
        start = rows.index(last_seen) + 1
    page = rows[start : start + size]
    if not page:
        return page, {}
    paging: dict[str, object] = {"cursors": {"before": _cursor(page[0]), "after": _cursor(page[-1])}}
    if start + size < len(rows):
        host = request.headers.get("host", "graph.facebook.com")
        paging["next"] = f"http://{host}{request.path}?limit={size}&after={_cursor(page[-1])}"
    return page, {"paging": paging}


def _top_level(fields: str) -> list[str]:
    # A field may have fields of its own, as in health_status{entities}: those are not chosen from.
    return [name.strip() for name in re.sub(r"[{(][^{}()]*[})]", "", fields).split(",")]


def _cursor(row: str) -> str:
    return base64.urlsafe_b64encode(row.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        return ""
