"""The pages of messages, identity changes and webhooks with something believable on each."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.urls import reverse
from playwright.sync_api import Page

from contacts import messages
from contacts.identity import cases, settling
from contacts.identity.settling import Resend
from contacts.models import Contact, Message, Suggestion, TrustCase
from numbers.models import BusinessNumber
from providers.interfaces import TemplateMessage, TextMessage
from providers.models import ProviderAccount
from sandbox import Sandbox
from tests import factories
from webhooks import draining, receive
from webhooks.models import WebhookRequest

Opened = Callable[[Page], None]
#: Who has which story; all of them opted in.
CHANGED, VERIFIED, WRITES, NOT_FOUND_OUT = (factories.number(ending) for ending in (104, 105, 106, 107))


def furnish(sandbox: Sandbox) -> None:
    """Let four people write, two of them change their identity, one be verified, and some webhooks be odd."""
    now = datetime.now(UTC)
    number = BusinessNumber.objects.get(verified_name="Acme Support")
    hour = timedelta(hours=1)
    for place, e164 in enumerate((CHANGED, VERIFIED, WRITES, NOT_FOUND_OUT)):
        sandbox.people.open_window(e164)
        _write(number, e164, "Where is my statement?", at=now - (place + 2) * hour)
    for e164 in (CHANGED, VERIFIED):
        first = _send(number, e164, "Your order 10407 comes tomorrow between 9 and 12.")
        _tell(number, first, "delivered", at=now, recipient_identity_key_hash=sandbox.people.hash(e164))
        sandbox.people.change_identity(e164)
        _tell_failure(number, _send(number, e164, "Your statement of May: balance 1,204.50."), now)
    case = TrustCase.objects.get(contact__e164=VERIFIED)
    cases.assign(case=case, assignee="ana", actor="ana", now=now)
    settling.same_person(
        case=case,
        channel="call to the landline of the contract",
        evidence="Named the last order and the delivery address.",
        resend=Resend.ORIGINAL,
        template=None,
        actor="ana",
        now=now,
    )
    open_case = TrustCase.objects.get(contact__e164=CHANGED)
    settling.not_reached(
        case=open_case, channel="phone call", note="Called the office twice, no answer.", actor="ana", now=now
    )
    contact = Contact.objects.get(e164=WRITES)
    _tell(number, _send(number, WRITES, "It was sent this morning."), "read", at=now)
    messages.send(
        to=contact,
        account=number.account,
        business_number=number,
        content=TemplateMessage("statement_ready", "en_US", ("May", "1 June")),
        actor="ana",
        now=now,
        purpose="utility",
    )
    _write(number, WRITES, "Please take me off your list", at=now - timedelta(minutes=4))
    _write(number, NOT_FOUND_OUT, "START", at=now - timedelta(minutes=3))
    _store({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages"}]}]})
    _store({"object": "whatsapp_business_account", "entry": "unreadable"})
    _statuses(number, {"id": "wamid.OF-ANOTHER-APP", "status": "sent", "timestamp": "now"})
    draining.drain(slot=0, until=datetime.now(UTC) + timedelta(seconds=30), linger=0)
    newest = WebhookRequest.objects.latest("pk")
    WebhookRequest.objects.filter(pk=newest.pk).update(error="IntegrityError at contacts/messages.py:117")
    _store({"object": "whatsapp_business_account", "entry": []})


def everywhere() -> dict[str, tuple[str, Opened | None]]:
    """Give each page by its name: address, and what to do there before looking."""
    opened = TrustCase.objects.get(contact__e164=CHANGED)
    verified = TrustCase.objects.get(contact__e164=VERIFIED)
    opt_out = Suggestion.objects.get(kind=Suggestion.Kind.OPT_OUT)
    account = ProviderAccount.objects.get(kind="cloud_api")
    said = WebhookRequest.objects.filter(events__kind="message").latest("pk")
    failed = WebhookRequest.objects.exclude(error="").latest("pk")
    message = Message.objects.filter(direction="OUT").latest("pk")

    def at(name: str, *args: object) -> str:
        return reverse(f"admin:{name}", args=args)

    def send(e164: str, query: str = "") -> str:
        return at("contacts_contact_send", Contact.objects.get(e164=e164).pk) + query

    def person(e164: str) -> tuple[str, None]:
        return at("contacts_contact_change", Contact.objects.get(e164=e164).pk), None

    return {
        "person-changed": person(CHANGED),
        "person-verified": person(VERIFIED),
        "person-writes": person(WRITES),
        "send": (send(WRITES), None),
        "send-template": (send(WRITES, "?what=template&template=statement_ready%7Cen_US"), None),
        "send-closed": (send(factories.number(108)), None),
        "send-refused": (send(CHANGED), None),
        "cases": (at("contacts_trustcase_changelist"), None),
        "cases-all": (at("contacts_trustcase_changelist") + "?state=all", None),
        "case-open": (at("contacts_trustcase_change", opened.pk), None),
        "case-same-person": (at("contacts_trustcase_change", opened.pk), lambda page: _follow(page, "It is the same")),
        "case-other-person": (at("contacts_trustcase_change", opened.pk), lambda page: _follow(page, "Somebody else")),
        "case-not-reached": (at("contacts_trustcase_change", opened.pk), lambda page: _follow(page, "I could not")),
        "case-awaiting": (at("contacts_trustcase_change", verified.pk), None),
        "suggestions": (at("contacts_suggestion_changelist"), None),
        "suggestion": (at("contacts_suggestion_change", opt_out.pk), None),
        "messages": (at("contacts_message_changelist"), None),
        "message": (at("contacts_message_change", message.pk), None),
        "statuses": (at("contacts_messagestatus_changelist"), None),
        "identities": (at("contacts_identitykey_changelist"), None),
        "trusted": (at("contacts_identitytrust_changelist"), None),
        "account-cloud": (at("providers_provideraccount_change", account.pk), None),
        "webhooks": (at("webhooks_webhookrequest_changelist"), None),
        "webhook": (at("webhooks_webhookrequest_change", said.pk), None),
        "webhook-failed": (at("webhooks_webhookrequest_change", failed.pk), None),
        "webhook-settings": (at("webhooks_webhookrequest_settings"), None),
        "webhook-self-test": (at("webhooks_webhookrequest_settings"), _test_the_signature),
    }


def _follow(page: Page, name: str) -> None:
    page.get_by_role("link", name=name).click()
    page.wait_for_load_state()


def _test_the_signature(page: Page) -> None:
    page.get_by_role("button", name="Test the signature").click()
    page.wait_for_load_state()


def _send(number: BusinessNumber, e164: str, text: str) -> Message:
    return messages.send(
        to=Contact.objects.get(e164=e164),
        account=number.account,
        business_number=number,
        content=TextMessage(text),
        actor="ana",
        now=datetime.now(UTC),
    )


def _tell(number: BusinessNumber, message: Message, status: str, *, at: datetime, **fields: Any) -> None:
    row = {"id": message.wamid, "status": status, "timestamp": str(int(at.timestamp()))} | fields
    _statuses(number, row)
    draining.drain(slot=0, until=datetime.now(UTC) + timedelta(seconds=30), linger=0)


def _tell_failure(number: BusinessNumber, message: Message, at: datetime) -> None:
    if message.wamid:
        error = {"code": 137000, "title": "Recipient identity key hash mismatch"}
        _tell(number, message, "failed", at=at, errors=[error])


def _write(number: BusinessNumber, e164: str, text: str, *, at: datetime) -> None:
    row = {
        "from": e164[1:],
        "id": f"wamid.IN.{e164[-4:]}.{at:%H%M%S%f}",
        "timestamp": str(int(at.timestamp())),
        "type": "text",
        "text": {"body": text},
    }
    people = [{"profile": {"name": "Pablo Morales"}, "wa_id": e164[1:]}]
    _store(_body(number, {"contacts": people, "messages": [row]}))
    draining.drain(slot=0, until=datetime.now(UTC) + timedelta(seconds=30), linger=0)


def _statuses(number: BusinessNumber, *rows: dict[str, Any]) -> None:
    _store(_body(number, {"statuses": list(rows)}))


def _body(number: BusinessNumber, value: dict[str, Any]) -> dict[str, Any]:
    metadata = {"display_phone_number": number.e164[1:], "phone_number_id": number.phone_number_id}
    change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
    entry = {"id": number.business_account.waba_id, "changes": [change]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def _store(body: dict[str, Any]) -> None:
    receive.store(kind=WebhookRequest.Kind.META, account_id=None, body=json.dumps(body).encode(), now=datetime.now(UTC))
