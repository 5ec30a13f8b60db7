"""The Cloud API, as Meta's pages "Phone Numbers" and "WhatsApp Business Account" describe it: WABAs and their numbers.

Any bearer token is accepted unless it contains `revoked` (190) or `noperm` (200 for reading, 10 for changing); a token
in the query is not looked at. A display name with `declined` or `pending` in it is judged so. What a number goes
through on its way is in `sandbox.journey`, what is sent from it in `sandbox.messages`.
"""

import re
from collections.abc import Callable
from urllib.parse import unquote

from sandbox import graph, magic, templates
from sandbox.endings import Ending, ending_of
from sandbox.exchange import HANG_UP, Reply, Request
from sandbox.graph import Refused
from sandbox.journey import Journey
from sandbox.magic import Memory
from sandbox.messages import Messages
from sandbox.seeds import CLOUD_API
from sandbox.wabas import BusinessAccount, BusinessNumber, Directory

ME = {"id": "122102378456001734", "name": "Acme console (system user)"}
APP = {
    "id": "670843887433847",
    "link": "https://www.facebook.com/games/?app_id=670843887433847",
    "name": "Acme console",
}

_NUMBER_DEFAULT = (
    "verified_name",
    "code_verification_status",
    "display_phone_number",
    "quality_rating",
    "platform_type",
    "throughput",
    "last_onboarded_time",
)
_WABA_DEFAULT = ("name", "timezone_id", "message_template_namespace")


class CloudAPI:
    """Every call under /v<version>/: /me, a WABA with its numbers and subscribed apps, a number with what it can do."""

    name = CLOUD_API
    prefix = "/v"

    def __init__(self, memory: Memory, directory: Directory, *, messages: Messages) -> None:
        self._directory = directory
        journey = Journey(memory, directory)
        self._waba_calls: dict[tuple[str, str], Callable[[BusinessAccount, Request], Reply]] = {
            ("GET", ""): _read_account,
            ("GET", "phone_numbers"): self._list_numbers,
            ("POST", "phone_numbers"): self._add_number,
            ("GET", "subscribed_apps"): _subscribed_apps,
            ("POST", "subscribed_apps"): _subscribe,
            ("DELETE", "subscribed_apps"): _unsubscribe,
            ("GET", "message_templates"): templates.listing,
        }
        self._number_calls: dict[tuple[str, str], Callable[[BusinessNumber, Request], Reply]] = {
            ("GET", ""): _read_number,
            ("POST", ""): journey.set_pin,
            ("POST", "request_code"): journey.request_code,
            ("POST", "verify_code"): journey.verify_code,
            ("POST", "register"): journey.register,
            ("POST", "deregister"): journey.deregister,
            ("GET", "settings"): journey.read_settings,
            ("POST", "settings"): journey.change_settings,
            ("POST", "messages"): messages.send,
        }

    def numbers(self, request: Request) -> tuple[str, ...]:
        """Give the number that is added or written to, or the one behind the id."""
        try:
            node, edge = graph.node_and_edge(request.path)
        except Refused:
            return ()
        if (request.method, edge) == ("POST", "phone_numbers"):
            given = request.fields or {}
            return (f"+{given.get('cc', '')}{given.get('phone_number', '')}",)
        if (request.method, edge) == ("POST", "messages"):
            to = (request.fields or {}).get("to")
            return (to,) if isinstance(to, str) else ()
        number = self._directory.number(node, provider=self.name)
        return (number.e164,) if number else ()

    def answer(self, request: Request) -> Reply:
        """Answer one of Meta's calls."""
        try:
            return self._answer(request)
        except Refused as refused:
            return refused.fault.reply()

    def _answer(self, request: Request) -> Reply:
        encoded, edge = graph.node_and_edge(request.path)
        node = unquote(encoded)
        token = request.bearer()
        if not token or "revoked" in token:
            raise Refused(graph.TOKEN)
        if (request.method, node, edge) == ("GET", "me", ""):
            return Reply.json(200, graph.choose(ME, request, default=("name",), node_type="User"))
        if "noperm" in token:
            raise Refused(graph.MAY_NOT_READ if request.method == "GET" else graph.MAY_NOT_CHANGE)
        with self._directory.lock:
            account = self._directory.account(node, provider=self.name)
            number = self._directory.number(node, provider=self.name)
            waba_call = self._waba_calls.get((request.method, edge))
            number_call = self._number_calls.get((request.method, edge))
            if account and waba_call:
                return waba_call(account, request)
            if number and number_call:
                return number_call(number, request)
        raise graph.no_such_object(request.method, node)

    def _list_numbers(self, account: BusinessAccount, request: Request) -> Reply:
        numbers = {one.phone_number_id: one for one in self._directory.numbers(waba_id=account.waba_id)}
        page, paging = graph.turn_page(list(numbers), request)
        return Reply.json(200, {"data": [_chosen_facts(numbers[one], request) for one in page], **paging})

    def _add_number(self, account: BusinessAccount, request: Request) -> Reply:
        given = graph.parameters(request)
        cc, national = graph.text(given, "cc"), graph.text(given, "phone_number")
        moves = given.get("migrate_phone_number") in (True, "true")
        # A number that moves brings its name along.
        name = graph.text(given, "verified_name") if not moves or "verified_name" in given else ""
        e164 = f"+{cc}{magic.digits_of(national)}"
        if not re.fullmatch("[1-9][0-9]{0,2}", cc) or not re.fullmatch(r"\+[1-9][0-9]{6,14}", e164):
            raise graph.bad_parameter("Parameters 'cc' and 'phone_number' are not a phone number")
        self._refuse_to_add(account, e164, moves=moves)
        number = self._directory.add(
            e164, waba_id=account.waba_id, provider=self.name, display=f"+{cc} {magic.digits_of(national)}"
        )
        number.verified_name = name
        number.name_status = _judge_name(name)
        if self._directory.first_turn(number, Ending.ADDED_ANSWER_LOST):
            return HANG_UP
        return Reply.json(200, {"id": number.phone_number_id})

    def _refuse_to_add(self, account: BusinessAccount, e164: str, *, moves: bool) -> None:
        here = self._directory.number_of(e164)
        if here and here.waba_id == account.waba_id:
            raise graph.bad_parameter(
                "Phone number is already in this account",
                said="This phone number is already in this WhatsApp Business Account.",
            )
        ending = ending_of(e164)
        if ending is Ending.ON_WHATSAPP_APP:
            raise graph.bad_parameter(
                "Phone number is in use on WhatsApp",
                said="This phone number is in use on the WhatsApp app. Delete that account on the phone first.",
            )
        if (here or ending is Ending.WITH_ANOTHER_PROVIDER) and not moves:
            raise graph.bad_parameter(
                "Phone number is in another account",
                said="This phone number is in another WhatsApp Business Account. It has to be migrated.",
            )


def _read_account(account: BusinessAccount, request: Request) -> Reply:
    facts: dict[str, object] = {
        "id": account.waba_id,
        "name": account.name,
        "timezone_id": "1",
        "message_template_namespace": "4f5a2c6d_7e81_4b0c_9d63_2f1e8a7b5c40",
        "account_review_status": account.account_review_status,
        "business_verification_status": account.business_verification_status,
        "whatsapp_business_manager_messaging_limit": account.messaging_limit,
        "messaging_limit_tier": account.messaging_limit,
        "country": account.country,
        "currency": account.currency,
        "status": "ACTIVE",
        "ownership_type": "SELF",
        "health_status": _health("WABA", account.waba_id, "AVAILABLE"),
        "owner_business_info": {"id": "506914307656634", "name": account.name},
        "on_behalf_of_business_info": None,
        "primary_business_location": account.country,
    }
    return Reply.json(200, graph.choose(facts, request, default=_WABA_DEFAULT, node_type="WhatsAppBusinessAccount"))


def _read_number(number: BusinessNumber, request: Request) -> Reply:
    return Reply.json(200, _chosen_facts(number, request))


def _chosen_facts(number: BusinessNumber, request: Request) -> dict[str, object]:
    facts: dict[str, object] = {
        "id": number.phone_number_id,
        "display_phone_number": number.display,
        "verified_name": number.verified_name or None,
        "code_verification_status": number.code_verification_status,
        "quality_rating": number.quality_rating,
        "status": number.status,
        "name_status": number.name_status,
        "new_name_status": number.new_name_status,
        "new_display_name": number.new_display_name or None,
        "messaging_limit_tier": number.messaging_limit_tier,
        "whatsapp_business_manager_messaging_limit": number.messaging_limit_tier,
        "platform_type": number.platform_type,
        "host_platform": number.platform_type,
        "throughput": {"level": number.throughput},
        "health_status": _health("PHONE_NUMBER", number.phone_number_id, number.can_send_message),
        "is_pin_enabled": number.pin is not None,
        "is_on_biz_app": number.is_on_biz_app,
        "is_official_business_account": False,
        "account_mode": "LIVE",
        "last_onboarded_time": "2024-02-11T09:14:07+0000" if number.registered else None,
        "webhook_configuration": None,
        "certificate": None,
        "search_visibility": "NON_VISIBLE",
        "username": None,
    }
    return graph.choose(facts, request, default=_NUMBER_DEFAULT, node_type="WhatsAppBusinessPhoneNumber")


def _health(entity_type: str, entity_id: str, can_send: str) -> dict[str, object]:
    entity: dict[str, object] = {"entity_type": entity_type, "id": entity_id, "can_send_message": can_send}
    if can_send == "BLOCKED":
        entity["errors"] = [
            {
                "error_code": 141000,
                "error_description": "The phone number is not registered.",
                "possible_solution": "Register the phone number.",
            }
        ]
    return {"can_send_message": can_send, "entities": [entity]}


def _subscribed_apps(account: BusinessAccount, request: Request) -> Reply:
    return Reply.json(200, {"data": [{"whatsapp_business_api_data": APP}] if account.subscribed else []})


def _subscribe(account: BusinessAccount, request: Request) -> Reply:
    account.subscribed = True
    return Reply.json(200, {"success": True})


def _unsubscribe(account: BusinessAccount, request: Request) -> Reply:
    account.subscribed = False
    return Reply.json(200, {"success": True})


def _judge_name(name: str) -> str:
    for word, status in (("declined", "DECLINED"), ("pending", "PENDING_REVIEW")):
        if word in name.lower():
            return status
    return "AVAILABLE_WITHOUT_REVIEW"
