"""Message templates: listed in pages, and filled in by what is sent."""

from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.seeds import CONNECTED_NUMBER_ID, SECOND_WABA, WABA
from tests.sandbox.client import Answer, ask_meta, meta_error


def listed(sandbox: Sandbox, query: str = "", *, waba_id: str = WABA) -> list[Any]:
    """Read every page of a WABA's templates."""
    rows: list[Any] = []
    after = ""
    while True:
        page = ask_meta(sandbox, "GET", f"{waba_id}/message_templates?{query}{after}").json
        rows += page["data"]
        if "next" not in page.get("paging", {}):
            return rows
        after = f"&after={page['paging']['cursors']['after']}"


def send(sandbox: Sandbox, name: str, components: Any = (), *, language: str = "en_US") -> Answer:
    """Send a template."""
    template = {"name": name, "language": {"code": language}, "components": components or []}
    body = {"messaging_product": "whatsapp", "to": "+16505551234", "type": "template", "template": template}
    return ask_meta(sandbox, "POST", f"{CONNECTED_NUMBER_ID}/messages", body)


def part(kind: str, *texts: str, **more: Any) -> dict[str, Any]:
    """Give the parameters of one component."""
    return {"type": kind, "parameters": [{"type": "text", "text": text} for text in texts], **more}


def named(**texts: str) -> dict[str, Any]:
    """Give parameters with names."""
    rows = [{"type": "text", "parameter_name": name, "text": text} for name, text in texts.items()]
    return {"type": "body", "parameters": rows}


def test_templates_come_in_pages_with_what_a_form_needs(sandbox: Sandbox) -> None:
    first = ask_meta(sandbox, "GET", f"{WABA}/message_templates").json
    assert len(first["data"]) == 2
    assert first["paging"]["next"].startswith("http://127.0.0.1:")
    rows = listed(sandbox)
    assert len({row["id"] for row in rows}) == len(rows) == 9
    assert set(rows[0]) == {"id", "name", "parameter_format", "components", "language", "status", "category"}
    assert {row["status"] for row in rows} == {"APPROVED", "PAUSED", "REJECTED", "PENDING"}
    assert {row["category"] for row in rows} == {"UTILITY", "MARKETING", "AUTHENTICATION"}
    assert {row["parameter_format"] for row in rows} == {"POSITIONAL", "NAMED"}
    assert [row["name"] for row in listed(sandbox, waba_id=SECOND_WABA)] == ["statement_ready"]


def test_a_template_with_parameters_says_so_in_its_text_with_examples(sandbox: Sandbox) -> None:
    [row] = listed(sandbox, "name=statement_ready&language=en_US")
    assert row["components"] == [
        {
            "type": "BODY",
            "text": "Hi {{1}}, your statement for {{2}} is ready. Reply here if you have a question.",
            "example": {"body_text": [["Pablo", "May"]]},
        }
    ]


def test_templates_are_narrowed_and_their_fields_chosen(sandbox: Sandbox) -> None:
    assert {row["name"] for row in listed(sandbox, "status=PAUSED")} == {"winter_sale"}
    assert {row["name"] for row in listed(sandbox, "category=AUTHENTICATION")} == {"login_code"}
    [row] = listed(sandbox, "status=REJECTED&fields=name,rejected_reason,quality_score")
    assert (set(row), row["rejected_reason"]) == ({"id", "name", "rejected_reason", "quality_score"}, "INVALID_FORMAT")
    assert meta_error(ask_meta(sandbox, "GET", f"{WABA}/message_templates?fields=colour")) == (400, 100)
    assert meta_error(ask_meta(sandbox, "GET", f"{WABA}/message_templates", token="noperm")) == (403, 200)


@pytest.mark.parametrize(
    ("name", "components"),
    [
        ("hello_world", []),
        ("statement_ready", [part("body", "Pablo", "May")]),
        ("spring_offer", [part("header", "Sale"), part("body", "May", "25OFF", "25%")]),
        ("appointment_reminder", [named(appointment_day="Monday", customer_name="Pablo")]),
        ("login_code", [part("body", "123456"), part("button", "123456", sub_type="url", index="0")]),
    ],
)
def test_a_template_that_is_filled_in_is_taken(sandbox: Sandbox, name: str, components: Any) -> None:
    assert send(sandbox, name, components).status == 200
    [sent] = sandbox.people.messages()
    assert (sent.failed, "{{" in sent.text) == (0, False)


@pytest.mark.parametrize(
    ("name", "components", "code"),
    [
        ("statement_ready", [], 132000),
        ("statement_ready", [part("body", "Pablo")], 132000),
        ("statement_ready", [part("body", "Pablo", "May", "June")], 132000),
        ("statement_ready", [part("body", "Pablo", "May"), part("header", "Sale")], 132000),
        ("hello_world", [part("body", "Pablo")], 132000),
        ("spring_offer", [part("body", "May", "25OFF", "25%")], 132000),
        ("login_code", [part("body", "123456")], 132000),
        ("statement_ready", [part("body", "Pablo", "")], 132012),
        ("statement_ready", [{"type": "body", "parameters": [{"type": "image"}, {"type": "image"}]}], 132012),
        ("appointment_reminder", [part("body", "Pablo", "Monday")], 132012),
        ("appointment_reminder", [named(customer_name="Pablo", day="Monday")], 132012),
        ("statement_ready", [part("body", "Pablo", "May\nJune")], 132018),
        ("statement_ready", [part("body", "Pablo", "May     June")], 132018),
        ("winter_sale", [], 132015),
        ("account_notice", [part("body", "Pablo")], 132001),
        ("feedback_request", [part("body", "Pablo")], 132001),
        ("nothing", [], 132001),
        ("hello_world", "body", 131009),
    ],
)
def test_a_template_that_is_filled_in_wrongly_or_not_approved_is_refused(
    sandbox: Sandbox, name: str, components: Any, code: int
) -> None:
    assert meta_error(send(sandbox, name, components))[1] == code
    assert sandbox.people.messages() == ()


def test_a_template_exists_in_its_languages_and_its_waba_only(sandbox: Sandbox) -> None:
    spanish = [part("body", "Ana", "mayo")]
    assert send(sandbox, "statement_ready", spanish, language="es").status == 200
    assert sandbox.people.messages()[0].text.startswith("Hola Ana")
    assert meta_error(send(sandbox, "statement_ready", spanish, language="es_MX"))[1] == 132001
