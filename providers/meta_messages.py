"""Messages at Meta's Cloud API (document "Identity Change Check", and Meta's pages of messages and templates).

The number goes out with its +: without it Meta puts the business number's calling code in front. It is sent once; a
hash that goes with it is compared by Meta before the message is delivered.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from providers import account_options, graph, http
from providers.answers import Mask, as_line, as_text
from providers.errors import AnswerLost
from providers.interfaces import CallContext, Recipient, TemplateFacts, TemplateMessage, TextMessage
from providers.meta_ids import checked
from providers.models import ProviderAccount

_TEMPLATE_FIELDS = "name,language,status,category,parameter_format,components"
_PAGE_SIZE = 100
_MOST_PAGES = 100
_LONGEST_CURSOR = 1000
_LONGEST_ID = 200
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")


class CloudAPIMessages:
    """Sends messages at Meta; see `providers.interfaces.MessageSender`."""

    deadline = 15.0
    compares_hashes = True

    def __init__(self, account: ProviderAccount) -> None:
        self._route = account.route()
        self._token = account_options.header_credential(account, "access_token")
        self._version = graph.read_version(account)

    @sensitive_variables()
    def send_text(self, sender: str, to: Recipient, message: TextMessage, *, identity_hash: str, subject: str) -> str:
        """Send free text, once, and give its wamid."""
        content = {"type": "text", "text": {"preview_url": False, "body": message.body}}
        return self._send(sender, to, content, identity_hash, subject, hidden=[message.body])

    @sensitive_variables()
    def send_template(
        self, sender: str, to: Recipient, message: TemplateMessage, *, identity_hash: str, subject: str
    ) -> str:
        """Send a template, once, and give its wamid."""
        template: dict[str, Any] = {"name": message.name, "language": {"code": message.language}}
        if message.parameters:
            template["components"] = body_parameters(message)
        content = {"type": "template", "template": template}
        return self._send(sender, to, content, identity_hash, subject, hidden=list(message.parameters))

    def list_templates(self, waba_id: str, *, subject: str, name: str = "") -> Iterator[TemplateFacts]:
        """Read the templates of a WABA, page by page."""
        path = f"{checked(waba_id, 'waba_id')}/message_templates"
        query = {"fields": _TEMPLATE_FIELDS, "limit": str(_PAGE_SIZE), **({"name": name} if name else {})}
        seen: set[str] = set()
        while True:
            said = self._call("GET", path, operation="list_templates", subject=subject, mask=self._mask(), query=query)
            rows = said.get("data")
            if not isinstance(rows, list):
                raise AnswerLost(_("Meta's answer holds no list of templates."))
            for row in rows:
                if isinstance(row, dict) and (facts := _template_facts(row)).name and name in ("", facts.name):
                    yield facts
            cursor = _next_cursor(said.get("paging"))
            if not cursor:
                return
            if cursor in seen or len(seen) >= _MOST_PAGES - 1:
                raise AnswerLost(_("Meta's list of templates does not end."))
            seen.add(cursor)
            query["after"] = cursor

    @sensitive_variables()
    def _send(
        self,
        sender: str,
        to: Recipient,
        content: Mapping[str, Any],
        identity_hash: str,
        subject: str,
        hidden: list[str],
    ) -> str:
        body: dict[str, Any] = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": to.e164}
        if identity_hash:
            body["recipient_identity_key_hash"] = identity_hash
        said = self._call(
            "POST",
            f"{checked(sender, 'phone_number_id')}/messages",
            operation="send_message",
            subject=subject,
            mask=self._mask(to.e164, *hidden),
            body={**body, **content},
        )
        return message_id(said)

    def _mask(self, *asked: str) -> Mask:
        return Mask([self._token], asked)

    @sensitive_variables()
    def _call(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        subject: str,
        mask: Mask,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        shown = f"/{self._version}/{path}"
        answer = http.call(
            self._route,
            method=method,
            path=f"{shown}?{urlencode(query)}" if query else shown,
            masked_path=shown,
            context=CallContext(operation=operation, subject=subject, numbers_count=1 if body else 0),
            deadline=self.deadline,
            headers={"Authorization": f"Bearer {self._token.reveal()}"},
            json_body=body,
        )
        return graph.read(answer, mask, acts=method == "POST")


def body_parameters(message: TemplateMessage) -> list[dict[str, Any]]:
    """Write the values of a template's body as its `components`."""
    return [{"type": "body", "parameters": [{"type": "text", "text": value} for value in message.parameters]}]


def message_id(body: Mapping[str, Any]) -> str:
    """Give the id under which statuses will speak of the message.

    :raises AnswerLost: when the answer holds none: nobody knows whether the message was taken.
    """
    rows = body.get("messages")
    first = rows[0] if isinstance(rows, list) and rows else None
    found = as_text(first.get("id")) if isinstance(first, dict) else ""
    if not found or len(found) > _LONGEST_ID or as_line(found, limit=_LONGEST_ID) != found:
        raise AnswerLost(_("The provider's answer holds no id of the message."))
    return found


def _template_facts(row: Mapping[str, Any]) -> TemplateFacts:
    rows = row.get("components")
    components = [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []
    body = next((as_text(one.get("text")) for one in components if _kind(one) == "BODY"), "")
    named = as_text(row.get("parameter_format")).upper() == "NAMED"
    variables = set(_VARIABLE.findall(body))
    return TemplateFacts(
        name=as_line(row.get("name"), limit=512),
        language=as_line(row.get("language"), limit=20),
        status=as_line(row.get("status"), limit=60).upper(),
        category=as_line(row.get("category"), limit=60).upper(),
        body=body[:2000],
        parameters=len(variables),
        needs_more=(named and bool(variables)) or any(_needs_more(one) for one in components),
    )


def _needs_more(component: Mapping[str, Any]) -> bool:
    if _kind(component) == "HEADER":
        is_text = as_text(component.get("format")).upper() in ("", "TEXT")
        return not is_text or bool(_VARIABLE.search(as_text(component.get("text"))))
    rows = component.get("buttons")
    buttons = [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []
    return any(
        _VARIABLE.search(as_text(one.get("url"))) or as_text(one.get("type")).upper() in ("OTP", "COPY_CODE", "FLOW")
        for one in buttons
    )


def _kind(component: Mapping[str, Any]) -> str:
    return as_text(component.get("type")).upper()


def _next_cursor(paging: object) -> str:
    # The last page has cursors too; only `next` tells that another one follows. Where it points is not looked at.
    if not isinstance(paging, dict) or not paging.get("next"):
        return ""
    cursors = paging.get("cursors")
    after = as_text(cursors.get("after")) if isinstance(cursors, dict) else ""
    if not after or len(after) > _LONGEST_CURSOR:
        raise AnswerLost(_("Meta's list of templates goes on, and does not say how to ask for the rest."))
    return after
