"""Numbers at Meta's Cloud API (provider document: "Phone Numbers"; Meta's pages of registration, migration and errors).

Each method makes one call; reading makes a second one where this Graph version lacks a field. Bodies are JSON, so that
no log of a proxy holds a code or PIN. A next page is asked for by its cursor, never by the address in the answer.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import phonenumbers
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from providers import account_options, catalogue, graph, http
from providers.answers import Mask, as_line, as_text
from providers.errors import AnswerLost, ProviderError, Rejected
from providers.graph import graph_version_expires as graph_version_expires
from providers.interfaces import (
    BusinessAccountFacts,
    CallContext,
    CodeMethod,
    NumberAddress,
    NumberFacts,
    ProbeStep,
    Submitted,
)
from providers.meta_ids import checked, is_meta_id
from providers.models import ProviderAccount
from providers.probe import reach
from providers.secret import Secret

#: Where the Graph API is, for accounts that name no base URL.
GRAPH = "https://graph.facebook.com"

_NO_SUCH_FIELD = re.compile("(nonexisting|nonexistent) field")
_PAGE_SIZE = 100
_MOST_PAGES = 100
_LONGEST_CURSOR = 1000
_NUMBER_FIELDS = (
    "id",
    "display_phone_number",
    "verified_name",
    "code_verification_status",
    "quality_rating",
    "status",
    "name_status",
    "platform_type",
    "throughput",
)
#: Not every Graph version and token may read these; without them the rest is still worth reading.
_OPTIONAL_NUMBER_FIELDS = ("new_name_status", "health_status", "is_pin_enabled", "is_on_biz_app")
_WABA_FIELDS = ("id", "name", "account_review_status")
_OPTIONAL_WABA_FIELDS = ("business_verification_status",)
_LIMIT_FIELD, _OLD_LIMIT_FIELD = "whatsapp_business_manager_messaging_limit", "messaging_limit_tier"


class CloudAPI:
    """Carries numbers at Meta; see `providers.interfaces.NumberHost`."""

    deadline = 15.0

    def __init__(self, account: ProviderAccount) -> None:
        self._route = account.route()
        self._token = account_options.header_credential(account, "access_token")
        self._version = graph.read_version(account)

    def add_number(self, waba_id: str, *, e164: str, verified_name: str, migrate: bool, subject: str) -> str:
        """Add a number to a WABA and give its phone_number_id.

        A number that moves from another provider keeps the display name it has there, so none is sent.
        """
        path = f"{_waba(waba_id)}/phone_numbers"
        body: dict[str, Any] = _in_two_parts(e164)
        body |= {"migrate_phone_number": True} if migrate else {"verified_name": verified_name}
        said = self._call("POST", path, operation="add_number", subject=subject, body=body)
        phone_number_id = as_text(said.get("id"))
        if not is_meta_id(phone_number_id):
            raise AnswerLost(_("Meta's answer holds no phone number id. Sync the WABA to see whether it was added."))
        return phone_number_id

    def request_code(self, phone_number_id: str, *, method: CodeMethod, language: str, subject: str) -> None:
        """Have a code sent to the number."""
        path = f"{_phone(phone_number_id)}/request_code"
        body = {"code_method": method.value, "language": language}
        graph.confirm(self._call("POST", path, operation="request_code", subject=subject, body=body))

    @sensitive_variables()
    def submit_code(self, address: NumberAddress, code: Secret, *, subject: str) -> Submitted:
        """Send the code, once. It is in no record of the call and in no error."""
        path = f"{_phone(address.phone_number_id)}/verify_code"
        body = {"code": code.reveal()}
        try:
            graph.confirm(self._call("POST", path, operation="submit_code", subject=subject, body=body, hidden=code))
        except Rejected as error:
            if catalogue.explain(graph.KIND, error.code).meaning is not catalogue.Meaning.ALREADY_VERIFIED:
                raise
            return Submitted.ALREADY_VERIFIED
        return Submitted.VERIFIED

    @sensitive_variables()
    def register(self, phone_number_id: str, pin: Secret, *, subject: str) -> None:
        """Make the number work here."""
        path = f"{_phone(phone_number_id)}/register"
        body = {"messaging_product": "whatsapp", "pin": pin.reveal()}
        graph.confirm(self._call("POST", path, operation="register", subject=subject, body=body, hidden=pin))

    @sensitive_variables()
    def set_pin(self, phone_number_id: str, pin: Secret, *, subject: str) -> None:
        """Replace the PIN of a number that is registered here."""
        body = {"pin": pin.reveal()}
        path = _phone(phone_number_id)
        graph.confirm(self._call("POST", path, operation="set_pin", subject=subject, body=body, hidden=pin))

    def deregister(self, phone_number_id: str, *, subject: str) -> None:
        """Stop the number here."""
        path = f"{_phone(phone_number_id)}/deregister"
        graph.confirm(self._call("POST", path, operation="deregister", subject=subject))

    def subscribe_app(self, waba_id: str, *, subject: str) -> None:
        """Have the WABA's webhooks sent to the app that the access token belongs to."""
        path = f"{_waba(waba_id)}/subscribed_apps"
        graph.confirm(self._call("POST", path, operation="subscribe_app", subject=subject))

    def read_number(self, phone_number_id: str, *, subject: str) -> NumberFacts:
        """Read what Meta knows of a number, throughput included."""
        fields = (*_NUMBER_FIELDS, *_OPTIONAL_NUMBER_FIELDS, self._limit_field())
        row = self._read(_phone(phone_number_id), fields, _NUMBER_FIELDS, operation="read_number", subject=subject)
        if as_text(row.get("id")) not in ("", phone_number_id):
            raise AnswerLost(_("Meta's answer is about another number."))
        return _number_facts({**row, "id": phone_number_id})

    def list_numbers(self, waba_id: str, *, subject: str) -> Iterator[NumberFacts]:
        """Read all numbers of a WABA, page by page."""
        path = f"{_waba(waba_id)}/phone_numbers"
        fields: Sequence[str] = (*_NUMBER_FIELDS, *_OPTIONAL_NUMBER_FIELDS, self._limit_field())
        seen = {""}
        cursor = ""
        for _page in range(_MOST_PAGES):
            page = {"limit": str(_PAGE_SIZE), **({"after": cursor} if cursor else {})}
            said = self._read(path, fields, _NUMBER_FIELDS, operation="list_numbers", subject=subject, page=page)
            rows = said.get("data")
            if not isinstance(rows, list):
                raise AnswerLost(_("Meta's answer holds no list of numbers."))
            for row in rows:
                if isinstance(row, dict) and is_meta_id(as_text(row.get("id"))):
                    yield _number_facts(row)
            cursor = _next_cursor(said.get("paging"))
            if not cursor:
                return
            if cursor in seen:
                break
            seen.add(cursor)
        raise AnswerLost(_("Meta's list of numbers does not end. What was read until here is kept."))

    def read_business_account(self, waba_id: str, *, subject: str) -> BusinessAccountFacts:
        """Read what Meta knows of a WABA."""
        fields = (*_WABA_FIELDS, *_OPTIONAL_WABA_FIELDS, *((_LIMIT_FIELD,) if self._has_new_limit() else ()))
        row = self._read(_waba(waba_id), fields, _WABA_FIELDS, operation="read_business_account", subject=subject)
        if as_text(row.get("id")) not in ("", waba_id):
            raise AnswerLost(_("Meta's answer is about another WABA."))
        return BusinessAccountFacts(
            waba_id=waba_id,
            name=as_line(row.get("name"), limit=200),
            account_review_status=_word(row, "account_review_status"),
            business_verification_status=_word(row, "business_verification_status"),
            messaging_limit=_word(row, _LIMIT_FIELD),
        )

    def read_identity_check(self, phone_number_id: str, *, subject: str) -> bool | None:
        """Read whether the identity change check is on; Meta's settings do not always tell."""
        path = f"{_phone(phone_number_id)}/settings"
        said = self._call("GET", path, operation="read_identity_check", subject=subject)
        rows = said.get("data")
        found = [said, *(rows if isinstance(rows, list) else [rows])]
        for settings in found:
            setting = settings.get("user_identity_change") if isinstance(settings, dict) else None
            if isinstance(setting, dict):
                # Meta's guide calls it by the first name, another of its pages by the second.
                for name in ("enable_identity_key_check", "enabled"):
                    if isinstance(setting.get(name), bool):
                        return bool(setting[name])
        return None

    def set_identity_check(self, phone_number_id: str, *, on: bool, subject: str) -> None:
        """Turn the identity change check on or off."""
        path = f"{_phone(phone_number_id)}/settings"
        body = {"user_identity_change": {"enable_identity_key_check": on}}
        graph.confirm(self._call("POST", path, operation="set_identity_check", subject=subject, body=body))

    def probe(self) -> tuple[ProbeStep, ...]:
        """Reach Meta and ask whose the access token is: that names its system user, and no customer."""
        steps = reach(self._route)
        if not steps[-1].ok:
            return steps
        name = _("Access token")
        try:
            self._call("GET", "me", operation="test_connection", subject="", query={"fields": "id"})
        except ProviderError as error:
            next_step = _("Try again.") if isinstance(error, AnswerLost) else error.next_step
            return (*steps, ProbeStep(name, False, f"{error.message} {next_step}"))
        return (*steps, ProbeStep(name, True, _("Meta accepts it for %(version)s.") % {"version": self._version}))

    def _has_new_limit(self) -> bool:
        return graph.major(self._version) >= 24

    def _limit_field(self) -> str:
        return _LIMIT_FIELD if self._has_new_limit() else _OLD_LIMIT_FIELD

    def _read(
        self,
        path: str,
        fields: Sequence[str],
        at_least: Sequence[str],
        *,
        operation: str,
        subject: str,
        page: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        query = {"fields": ",".join(fields), **(page or {})}
        try:
            return self._call("GET", path, operation=operation, subject=subject, query=query)
        except Rejected as error:
            if not _NO_SUCH_FIELD.search(error.said):
                raise
        query["fields"] = ",".join(at_least)
        return self._call("GET", path, operation=operation, subject=subject, query=query)

    @sensitive_variables()
    def _call(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        subject: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        hidden: Secret | None = None,
    ) -> dict[str, Any]:
        shown = f"/{self._version}/{path}"
        answer = http.call(
            self._route,
            method=method,
            path=f"{shown}?{urlencode(query)}" if query else shown,
            masked_path=shown,
            context=CallContext(operation=operation, subject=subject),
            deadline=self.deadline,
            headers={"Authorization": f"Bearer {self._token.reveal()}"},
            json_body=body,
        )
        mask = Mask([self._token, *([hidden] if hidden else [])])
        return graph.read(answer, mask, acts=method == "POST", submits_code=operation == "submit_code")


def _phone(phone_number_id: str) -> str:
    return checked(phone_number_id, "phone_number_id")


def _waba(waba_id: str) -> str:
    return checked(waba_id, "waba_id")


def _in_two_parts(e164: str) -> dict[str, str]:
    # The shape only: Meta's test numbers belong to no numbering plan.
    try:
        parsed = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        raise Rejected(_("This is not a phone number with + and its country calling code. Nothing was sent.")) from None
    return {
        "cc": str(parsed.country_code),
        "phone_number": str(phonenumbers.national_significant_number(parsed)),
    }


def _next_cursor(paging: object) -> str:
    # The last page has cursors too; only `next` tells that another one follows. Where it points is not looked at.
    if not isinstance(paging, dict) or not paging.get("next"):
        return ""
    cursors = paging.get("cursors")
    after = as_text(cursors.get("after")) if isinstance(cursors, dict) else ""
    if not after or len(after) > _LONGEST_CURSOR:
        raise AnswerLost(_("Meta's list of numbers goes on, and does not say how to ask for the rest."))
    return after


def _number_facts(row: Mapping[str, Any]) -> NumberFacts:
    return NumberFacts(
        phone_number_id=as_text(row.get("id")),
        display_phone_number=_word(row, "display_phone_number"),
        verified_name=as_line(row.get("verified_name"), limit=200),
        code_verification_status=_word(row, "code_verification_status"),
        name_status=_word(row, "name_status"),
        new_name_status=_word(row, "new_name_status"),
        status=_word(row, "status"),
        quality_rating=_word(row, "quality_rating"),
        messaging_limit_tier=_word(row, _LIMIT_FIELD) or _word(row, _OLD_LIMIT_FIELD),
        platform_type=_word(row, "platform_type"),
        throughput_level=_word(row, "throughput", "level"),
        health_status=_word(row, "health_status", "can_send_message"),
        is_pin_enabled=_flag(row, "is_pin_enabled"),
        is_on_business_app=_flag(row, "is_on_biz_app"),
    )


def _word(row: Mapping[str, Any], name: str, inner: str = "") -> str:
    value = row.get(name)
    return as_line(value.get(inner) if isinstance(value, dict) else value, limit=60)


def _flag(row: Mapping[str, Any], name: str) -> bool | None:
    value = row.get(name)
    return value if isinstance(value, bool) else None
