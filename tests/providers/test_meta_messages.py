"""Messages at the Cloud API: the documented request, what an answer says, and the list of templates."""

import json
from typing import Any

import pytest
import responses

from audit.models import ProviderCall
from providers.errors import AccountRefused, AnswerLost, ProviderError, Rejected, Throttled, Unavailable
from providers.interfaces import Recipient, TemplateMessage, TextMessage
from providers.meta_messages import CloudAPIMessages
from providers.models import Business
from providers.registry import message_sender, sends_messages
from tests import factories
from tests.providers.documented import ANYWHERE, FIXTURES, answer, documented, sent

pytestmark = pytest.mark.django_db

PERSON = Recipient("+16505551234", "16505551234")
SENDER = "106850078877666"
PATH = f"/v25.0/{SENDER}/messages"
WABA = "102290129340398"
TEMPLATES = f"/v25.0/{WABA}/message_templates"
TAKEN = {
    "messaging_product": "whatsapp",
    "contacts": [{"input": "+16505551234", "wa_id": "16505551234"}],
    "messages": [{"id": "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI1"}],
}


@pytest.fixture
def sender(acme: Business) -> CloudAPIMessages:
    made = message_sender(factories.account(acme, "cloud_api", base_url=ANYWHERE))
    assert isinstance(made, CloudAPIMessages)
    return made


def text(sender: CloudAPIMessages, body: str = "Hello", *, identity_hash: str = "") -> str:
    return sender.send_text(SENDER, PERSON, TextMessage(body), identity_hash=identity_hash, subject="Message:1")


def error(code: int, **more: Any) -> dict[str, Any]:
    return {
        "error": {"message": f"(#{code}) Words", "type": "OAuthException", "code": code, "fbtrace_id": "Az8or2"} | more
    }


def test_the_documented_request_leaves_as_it_is_documented(
    sender: CloudAPIMessages, provider: responses.RequestsMock
) -> None:
    name = "cloud_api/send_message_with_hash_request"
    body = documented(name)
    answer(provider, "POST", PATH, TAKEN)

    text(sender, body["text"]["body"], identity_hash=body["recipient_identity_key_hash"])

    assert sent(provider) == body
    compact = json.dumps(json.loads((FIXTURES / f"{name}.json").read_bytes()))
    assert provider.calls[0].request.body == compact.encode()


def test_the_fixture_is_the_documents_sample_to_the_byte() -> None:
    sample = (FIXTURES / "cloud_api/send_message_with_hash_request.json").read_bytes()
    assert sample.startswith(b'{\n    "messaging_product": "whatsapp",\n    "recipient_type": "individual",\n')
    assert sample.endswith(b'"body": "Your latest statement is attached. See... "\n    }\n}')


def test_without_a_hash_none_is_named(sender: CloudAPIMessages, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, TAKEN)
    assert text(sender) == TAKEN["messages"][0]["id"]  # type: ignore[index]
    assert "recipient_identity_key_hash" not in sent(provider)


def test_a_template_takes_its_values_in_order(sender: CloudAPIMessages, provider: responses.RequestsMock) -> None:
    answer(provider, "POST", PATH, TAKEN)
    message = TemplateMessage("statement_ready", "en_US", ("Pablo", "May"))
    sender.send_template(SENDER, PERSON, message, identity_hash="DF2lS5v2W6x=", subject="")
    assert sent(provider) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+16505551234",
        "recipient_identity_key_hash": "DF2lS5v2W6x=",
        "type": "template",
        "template": {
            "name": "statement_ready",
            "language": {"code": "en_US"},
            "components": [
                {"type": "body", "parameters": [{"type": "text", "text": "Pablo"}, {"type": "text", "text": "May"}]}
            ],
        },
    }


def test_neither_number_nor_text_is_in_the_log_of_calls(
    sender: CloudAPIMessages, provider: responses.RequestsMock
) -> None:
    answer(provider, "POST", PATH, TAKEN)
    text(sender, "a very private matter")
    row = ProviderCall.objects.get()
    assert (row.operation, row.subject, row.numbers_count) == ("send_message", "Message:1", 1)
    assert "16505551234" not in str(ProviderCall.objects.values().get())
    assert "private" not in str(ProviderCall.objects.values().get())


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": []},
        {"messages": None},
        {"messages": ["wamid.X"]},
        {"messages": [{"id": ""}]},
        {"messages": [{"id": "x" * 201}]},
        {"messages": [{"id": "two words"}]} | {"messages": [{"id": "line\nbreak"}]},
        [],
        b"<html>",
        b"",
    ],
)
def test_an_answer_without_an_id_is_no_answer(
    sender: CloudAPIMessages, provider: responses.RequestsMock, body: Any
) -> None:
    answer(provider, "POST", PATH, body)
    with pytest.raises(AnswerLost):
        text(sender)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 131047, Rejected),
        (400, 131026, Rejected),
        (400, 131050, Rejected),
        (400, 131049, Rejected),
        (400, 131042, Rejected),
        (400, 130497, Rejected),
        (400, 137000, Rejected),
        (403, 131031, Rejected),
        (400, 368, Rejected),
        (400, 131056, Unavailable),
        (400, 130429, Throttled),
        (401, 190, AccountRefused),
    ],
)
def test_each_documented_error_is_what_it_means(
    sender: CloudAPIMessages,
    provider: responses.RequestsMock,
    status: int,
    code: int,
    kind: type[ProviderError],
) -> None:
    answer(provider, "POST", PATH, error(code), status=status)
    with pytest.raises(kind) as caught:
        text(sender)
    assert (caught.value.code, caught.value.trace_id) == (str(code), "Az8or2")


def test_a_gateway_that_fails_in_metas_place_leaves_the_answer_lost(
    sender: CloudAPIMessages, provider: responses.RequestsMock
) -> None:
    answer(provider, "POST", PATH, b"<html>bad gateway</html>", status=502)
    with pytest.raises(AnswerLost):
        text(sender)


def test_an_error_repeats_neither_number_nor_text(sender: CloudAPIMessages, provider: responses.RequestsMock) -> None:
    said = "No route to 16505551234 for: a very private matter"
    answer(provider, "POST", PATH, error(131026, message=said), status=400)
    with pytest.raises(Rejected) as caught:
        text(sender, "a very private matter")
    assert "16505551234" not in caught.value.message
    assert "private" not in caught.value.message


def test_an_id_that_is_none_leads_no_call_elsewhere(sender: CloudAPIMessages) -> None:
    with pytest.raises(Rejected, match="Nothing was sent"):
        sender.send_text("1/../2", PERSON, TextMessage("Hello"), identity_hash="", subject="")


# --- Templates --------------------------------------------------------------------------------------------------------


def row(name: str, **more: Any) -> dict[str, Any]:
    body = {"type": "BODY", "text": more.pop("body", "Hi {{1}}, {{2}} and {{1}} again.")}
    return {
        "id": "1",
        "name": name,
        "language": "en_US",
        "status": "APPROVED",
        "category": "UTILITY",
        "components": [body, *more.pop("rest", [])],
    } | more


def page(*rows: Any, after: str = "", more: bool = False) -> dict[str, Any]:
    cursors = {"before": "B", "after": after}
    return {
        "data": list(rows),
        "paging": {"cursors": cursors} | ({"next": "https://elsewhere.example"} if more else {}),
    }


def test_templates_are_read_page_by_page(sender: CloudAPIMessages, provider: responses.RequestsMock) -> None:
    answer(provider, "GET", TEMPLATES, page(row("one"), after="CURSOR", more=True))
    answer(provider, "GET", TEMPLATES, page(row("two", category="MARKETING"), "no row", {"name": None}, after="END"))

    found = list(sender.list_templates(WABA, subject=""))

    assert [(one.name, one.category, one.parameters, one.needs_more) for one in found] == [
        ("one", "UTILITY", 2, False),
        ("two", "MARKETING", 2, False),
    ]
    assert "after=CURSOR" in str(provider.calls[1].request.url)
    assert [call.request.url.startswith(ANYWHERE) for call in provider.calls] == [True, True]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("more", "needs_more"),
    [
        ({}, False),
        ({"rest": [{"type": "HEADER", "format": "TEXT", "text": "Plain"}]}, False),
        ({"rest": [{"type": "HEADER", "format": "TEXT", "text": "For {{1}}"}]}, True),
        ({"rest": [{"type": "HEADER", "format": "IMAGE"}]}, True),
        ({"rest": [{"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Yes"}]}]}, False),
        ({"rest": [{"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://x.example/{{1}}"}]}]}, True),
        ({"rest": [{"type": "BUTTONS", "buttons": [{"type": "OTP"}]}]}, True),
        ({"body": "Hi {{name}}", "parameter_format": "NAMED"}, True),
        ({"body": "Hi", "parameter_format": "NAMED"}, False),
        ({"rest": "no list", "components": "none"}, False),
        ({"rest": [7, None]}, False),
    ],
)
def test_a_template_that_needs_more_than_its_bodys_values_says_so(
    sender: CloudAPIMessages, provider: responses.RequestsMock, more: dict[str, Any], needs_more: bool
) -> None:
    rest = more.pop("rest", [])
    answer(provider, "GET", TEMPLATES, page(row("one", rest=rest if isinstance(rest, list) else [], **more)))
    [found] = sender.list_templates(WABA, subject="")
    assert found.needs_more is needs_more


def test_only_the_template_that_was_asked_for(sender: CloudAPIMessages, provider: responses.RequestsMock) -> None:
    answer(provider, "GET", TEMPLATES, page(row("one"), row("one_more")))
    assert [one.name for one in sender.list_templates(WABA, subject="", name="one")] == ["one"]
    assert "name=one" in str(provider.calls[0].request.url)


@pytest.mark.parametrize(
    "body",
    [{}, {"data": {}}, page(more=True), page(after="x" * 1001, more=True), {"data": [], "paging": {"next": "x"}}],
)
def test_a_list_that_cannot_be_followed_is_no_answer(
    sender: CloudAPIMessages, provider: responses.RequestsMock, body: Any
) -> None:
    answer(provider, "GET", TEMPLATES, body)
    with pytest.raises(AnswerLost):
        list(sender.list_templates(WABA, subject=""))


def test_a_list_that_goes_in_circles_ends(sender: CloudAPIMessages, provider: responses.RequestsMock) -> None:
    provider.assert_all_requests_are_fired = False
    for _page in range(3):
        answer(provider, "GET", TEMPLATES, page(row("one"), after="SAME", more=True))
    with pytest.raises(AnswerLost, match="does not end"):
        list(sender.list_templates(WABA, subject=""))
    assert len(provider.calls) == 2


def test_only_accounts_that_send_are_offered(acme: Business) -> None:
    assert [kind for kind in factories.CREDENTIALS if sends_messages(kind)] == ["onprem", "cloud_api"]
