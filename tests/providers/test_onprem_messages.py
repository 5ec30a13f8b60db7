"""Messages at an On-Premises node: the wa_id without +, no hash, and its own way to say what went wrong."""

from typing import Any

import pytest
import responses

from audit.models import ProviderCall
from providers.errors import AccountRefused, AnswerLost, NotConfigured, ProviderError, Rejected, Throttled, Unavailable
from providers.interfaces import Recipient, TemplateMessage, TextMessage
from providers.models import Business
from providers.onprem_messages import OnPremisesMessages
from providers.registry import message_sender
from tests import factories
from tests.providers.documented import ANYWHERE, answer, sent

pytestmark = pytest.mark.django_db

PATH = "/v1/messages"
PERSON = Recipient("+16505551234")
TAKEN = {"messages": [{"id": "gBEGkYiEB1VXAglK1ZEqA1YKPrU"}]}


def sender_of(acme: Business, **fields: Any) -> OnPremisesMessages:
    made = message_sender(factories.account(acme, "onprem", base_url=ANYWHERE, **fields))
    assert isinstance(made, OnPremisesMessages)
    return made


def text(sender: OnPremisesMessages, to: Recipient = PERSON) -> str:
    return sender.send_text("", to, TextMessage("Hello"), identity_hash="", subject="Message:1")


def failed(code: int, title: str = "Words", details: str = "") -> dict[str, Any]:
    return {"errors": [{"code": code, "title": title, "details": details}]}


def test_a_text_goes_to_the_digits_of_the_number(acme: Business, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, TAKEN, status=201)
    assert text(sender_of(acme)) == "gBEGkYiEB1VXAglK1ZEqA1YKPrU"
    assert sent(provider) == {
        "to": "16505551234",
        "recipient_type": "individual",
        "type": "text",
        "text": {"body": "Hello"},
    }
    assert provider.calls[0].request.headers["Authorization"] == "Bearer sandbox-token"
    assert "16505551234" not in str(ProviderCall.objects.values().get())


def test_it_goes_to_the_wa_id_as_the_provider_gave_it(acme: Business, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, TAKEN)
    text(sender_of(acme), Recipient("+525512345678", "5215512345678"))
    assert sent(provider)["to"] == "5215512345678"


def test_no_hash_goes_along(acme: Business, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, TAKEN)
    sender = sender_of(acme)
    assert sender.compares_hashes is False
    sender.send_text("", PERSON, TextMessage("Hello"), identity_hash="DF2lS5v2W6x=", subject="")
    assert "DF2lS5v2W6x" not in str(sent(provider))


def test_a_template_belongs_to_a_namespace(acme: Business, provider: responses.RequestsMock) -> None:
    template = TemplateMessage("statement_ready", "en", ("Pablo",))
    with pytest.raises(NotConfigured, match="template_namespace"):
        sender_of(acme).send_template("", PERSON, template, identity_hash="", subject="")
    answer(provider, "POST", PATH, TAKEN)
    sender = sender_of(acme, name="second", options={"template_namespace": "d7f8_ns"})
    sender.send_template("", PERSON, template, identity_hash="", subject="")
    assert sent(provider)["template"] == {
        "namespace": "d7f8_ns",
        "name": "statement_ready",
        "language": {"policy": "deterministic", "code": "en"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "Pablo"}]}],
    }


def test_a_node_lists_no_templates(acme: Business) -> None:
    with pytest.raises(NotConfigured, match="does not list"):
        list(sender_of(acme).list_templates("", subject=""))


def test_a_forgotten_session_is_renewed_once(acme: Business, provider: responses.RequestsMock) -> None:
    token = {"users": [{"token": "first"}]}
    answer(provider, "POST", "/v1/users/login", token)
    answer(provider, "POST", PATH, TAKEN)
    options = {"options": {"auth": "login"}, "credentials": {"username": "u", "password": "p"}}
    sender = sender_of(acme, **options)
    text(sender)
    answer(provider, "POST", PATH, failed(1005, "Access denied"), status=401)
    answer(provider, "POST", "/v1/users/login", {"users": [{"token": "second"}]})
    provider.remove("POST", ANYWHERE + PATH)
    answer(provider, "POST", PATH, failed(1005, "Access denied"), status=401)
    answer(provider, "POST", PATH, TAKEN)
    text(sender)
    assert [call.request.headers["Authorization"] for call in provider.calls][-1] == "Bearer second"


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, failed(1028, "User identity changed"), Rejected, "1028"),
        (400, failed(470), Rejected, "470"),
        (400, failed(1013), Rejected, "1013"),
        (400, failed(1026), Rejected, "1026"),
        (429, failed(429), Throttled, "429"),
        (429, b"", Throttled, ""),
        (403, failed(1005), AccountRefused, "1005"),
        (500, failed(1014), Unavailable, "1014"),
        (500, failed(1000), Unavailable, "1000"),
        (200, failed(1009), Rejected, "1009"),
        (500, b"<html>", AnswerLost, ""),
        (503, {}, AnswerLost, ""),
        (200, {}, AnswerLost, ""),
        (200, b"", AnswerLost, ""),
        (201, {"messages": [{}]}, AnswerLost, ""),
    ],
)
def test_each_answer_is_what_it_means(
    acme: Business, provider: responses.RequestsMock, status: int, body: Any, kind: type[ProviderError], code: str
) -> None:
    answer(provider, "POST", PATH, body, status=status)
    with pytest.raises(kind) as caught:
        text(sender_of(acme))
    assert caught.value.code == code


def test_an_error_repeats_neither_number_nor_text(acme: Business, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, failed(1013, "Invalid user", "16505551234 got: Hello"), status=400)
    with pytest.raises(Rejected) as caught:
        text(sender_of(acme))
    assert "16505551234" not in caught.value.message
    assert "Hello" not in caught.value.message
