"""Meta's handshake: only who knows our token gets the challenge back, as plain text."""

import pytest
from django.test import Client

from tests.webhooks.deliveries import ADDRESS

GOOD = {"hub.mode": "subscribe", "hub.verify_token": "tests-only-verify-token", "hub.challenge": "1158201444"}


def ask(client: Client, **changes: str) -> tuple[int, bytes, str]:
    response = client.get(ADDRESS, GOOD | {name.replace("_", ".", 1): value for name, value in changes.items()})
    return response.status_code, response.content, response.headers.get("Content-Type", "")


def test_the_challenge_comes_back_as_plain_text(client: Client) -> None:
    status, content, kind = ask(client)
    assert (status, content) == (200, b"1158201444")
    assert kind.startswith("text/plain")


def test_a_challenge_that_is_a_page_is_not_shown_as_one(client: Client) -> None:
    status, content, kind = ask(client, hub_challenge="<script>alert(1)</script>")
    assert (status, content) == (200, b"<script>alert(1)</script>")
    assert kind.startswith("text/plain")


@pytest.mark.parametrize(
    "token", ["", "wrong", "tests-only-verify-toke", "tests-only-verify-tokens", "TESTS-ONLY-VERIFY-TOKEN", "ü", "\0"]
)
def test_a_wrong_token_is_forbidden(client: Client, token: str) -> None:
    assert ask(client, hub_verify_token=token)[:2] == (403, b"")


@pytest.mark.parametrize("mode", ["", "unsubscribe", "SUBSCRIBE"])
def test_another_mode_is_forbidden(client: Client, mode: str) -> None:
    assert ask(client, hub_mode=mode)[0] == 403


def test_an_empty_token_of_ours_fits_nobody(client: Client, settings: object) -> None:
    settings.META_WEBHOOK_VERIFY_TOKEN = ""  # type: ignore[attr-defined]
    assert ask(client, hub_verify_token="")[0] == 403


@pytest.mark.parametrize("method", ["put", "delete", "patch", "head", "options"])
def test_no_other_method_is_answered(client: Client, method: str) -> None:
    assert getattr(client, method)(ADDRESS).status_code == 405
