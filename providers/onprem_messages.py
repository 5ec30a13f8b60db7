"""Messages at an On-Premises node (provider document: "Contacts"; the node's own page of messages).

They go to a wa_id, the digits without +. No hash goes with them: the node itself holds back what would go to a person
whose identity was not acknowledged, and says 480 or 1028.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from providers import account_options
from providers.answers import json_object
from providers.errors import NotConfigured
from providers.interfaces import CallContext, Recipient, TemplateFacts, TemplateMessage, TextMessage
from providers.meta_messages import body_parameters, message_id
from providers.models import ProviderAccount
from providers.onprem_session import NodeSession

_PATH = "/v1/messages"


class OnPremisesMessages:
    """Sends messages through a node; see `providers.interfaces.MessageSender`."""

    deadline = 20.0
    compares_hashes = False

    def __init__(self, account: ProviderAccount) -> None:
        self._session = NodeSession(account)
        self._namespace = account_options.text_option(account, "template_namespace", "")

    @sensitive_variables()
    def send_text(self, sender: str, to: Recipient, message: TextMessage, *, identity_hash: str, subject: str) -> str:
        """Send free text, once, and give the message's id; the account is the number, so `sender` is empty."""
        content = {"type": "text", "text": {"body": message.body}}
        return self._send(to, content, subject, hidden=[message.body])

    @sensitive_variables()
    def send_template(
        self, sender: str, to: Recipient, message: TemplateMessage, *, identity_hash: str, subject: str
    ) -> str:
        """Send a template, once, and give the message's id."""
        if not self._namespace:
            raise NotConfigured(
                _("A node's templates belong to a namespace. Add it to the account's options as “template_namespace”.")
            )
        template: dict[str, Any] = {
            "namespace": self._namespace,
            "name": message.name,
            "language": {"policy": "deterministic", "code": message.language},
        }
        if message.parameters:
            template["components"] = body_parameters(message)
        return self._send(to, {"type": "template", "template": template}, subject, hidden=list(message.parameters))

    def list_templates(self, waba_id: str, *, subject: str, name: str = "") -> Iterator[TemplateFacts]:
        """Refuse: a node has no list of its templates.

        :raises NotConfigured: always.
        """
        raise NotConfigured(_("A node does not list its templates. WhatsApp Manager does."))

    @sensitive_variables()
    def _send(self, to: Recipient, content: Mapping[str, Any], subject: str, hidden: list[str]) -> str:
        wa_id = to.wa_id or to.e164.lstrip("+")
        body = {"to": wa_id, "recipient_type": "individual", **content}
        answer = self._session.call(
            "POST",
            _PATH,
            masked_path=_PATH,
            context=CallContext(operation="send_message", subject=subject, numbers_count=1),
            deadline=self.deadline,
            body=body,
        )
        refused = self._session.refusal(answer, hidden=[to.e164, wa_id, *hidden])
        if refused is not None:
            raise refused
        return message_id(json_object(answer))
