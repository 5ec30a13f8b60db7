"""Reports of errors: really sent by sentry-sdk, over a transport of ours, and nothing secret in any of them."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.transport import Transport

from waadmin import checks, reporting

CANARY, OTP, TOKEN = "+51987654321", "482913", "EAAcanaryTokenOfMeta0123456789abcdef"
DSN = "http://public@127.0.0.1:1/1"


class Kept(Transport):
    """Keeps what would have left."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def capture_envelope(self, envelope: Any) -> None:
        self.sent.append(envelope.serialize())


@pytest.fixture
def kept() -> Iterator[Kept]:
    transport = Kept()
    before = sentry_sdk.get_global_scope().client
    reporting.begin(DSN, transport=transport)
    yield transport
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(before)


def fails(otp: str, number: str) -> None:
    local = {"token": TOKEN, "number": number}
    raise ValueError(f"the code {otp} of {number} was refused for {local}")


@pytest.mark.django_db
def test_a_report_says_what_failed_and_where_and_nothing_secret(kept: Kept) -> None:
    sentry_sdk.add_breadcrumb(message=f"asked about {CANARY}", data={"q": CANARY})
    sentry_sdk.set_user({"id": 1, "username": "ana", "email": "ana@example.com"})
    sentry_sdk.set_context("request", {"number": CANARY})
    sentry_sdk.set_tag("number", CANARY)
    try:
        fails(OTP, CANARY)
    except ValueError:
        logging.getLogger("tests").exception("it failed for %s with %s", CANARY, TOKEN, extra={"number": CANARY})
    sentry_sdk.flush()

    assert len(kept.sent) == 1
    text = kept.sent[0].decode()
    assert "ValueError" in text and "fails" in text and "test_reporting.py" in text
    for secret in ("987654", OTP, TOKEN, "ana", "@example.com", "local"):
        assert secret not in text, secret


@pytest.mark.django_db
def test_a_request_that_fails_leaves_neither_address_nor_body(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    from django.test import Client

    from waadmin.metrics import views

    def broken(now: Any) -> bytes:
        raise RuntimeError(f"the code {OTP}")

    settings.METRICS_TOKEN = TOKEN
    monkeypatch.setattr(views, "exposition", broken)
    client = Client(raise_request_exception=False)
    answer = client.get(f"/metrics?q={CANARY}", headers={"Authorization": f"Bearer {TOKEN}", "Cookie": "sessionid=abc"})
    sentry_sdk.flush()

    assert answer.status_code == 500 and kept.sent
    text = b"".join(kept.sent).decode()
    assert "RuntimeError" in text
    for secret in ("987654", OTP, TOKEN, "sessionid", "Authorization"):
        assert secret not in text, secret


def test_a_report_is_made_anew_from_the_parts_that_may_leave() -> None:
    event = {
        "event_id": "0" * 32,
        "level": "error",
        "request": {"url": f"https://x/?q={CANARY}", "data": TOKEN},
        "user": {"email": "ana@example.com"},
        "extra": {"number": CANARY},
        "contexts": {"a": CANARY},
        "breadcrumbs": [CANARY],
        "server_name": "host",
        "invented_later": CANARY,
        "exception": {"values": [{"type": "E", "value": CANARY, "stacktrace": {"frames": [
            {"function": "f", "lineno": 1, "vars": {"otp": OTP}, "context_line": OTP, "pre_context": [OTP]}
        ]}}]},
    }  # fmt: skip

    report = reporting.only_what_may_leave(event, {})

    assert set(report) == {"event_id", "level", "exception"}
    assert "987654" not in json.dumps(report) and OTP not in json.dumps(report)


def test_without_an_address_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(**options: Any) -> None:
        raise AssertionError("it began")

    monkeypatch.setattr(sentry_sdk, "init", never)

    reporting.begin("")


def test_an_address_without_the_library_is_warned_of(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SENTRY_DSN = DSN
    assert checks.check_logs_and_reports() == []

    monkeypatch.setattr(reporting, "find_spec", lambda name: None)
    reporting.begin(DSN)

    assert [found.id for found in checks.check_logs_and_reports()] == ["waadmin.W006"]
