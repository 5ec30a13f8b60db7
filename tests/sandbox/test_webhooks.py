"""Webhooks: signed over the very bytes, delivered again until they are taken, and as late or odd as told."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator

import pytest

from sandbox import Sandbox
from sandbox.seeds import WABA
from sandbox.webhooks import KEPT, Webhooks
from tests.sandbox.client import call
from tests.sandbox.receiver import APP_SECRET, App, Hook


@pytest.fixture
def webhooks(app: App) -> Iterator[Webhooks]:
    """The webhooks of a sandbox, all to the app."""
    with Sandbox(webhook_url=app.url, app_secret=APP_SECRET) as running:
        yield running.webhooks


def numbers(hook: Hook) -> list[int]:
    """Give the numbers that `tell` put into a webhook."""
    return [value["number"] for value in hook.values]


def tell(webhooks: Webhooks, *wanted: int) -> None:
    """Tell of numbers."""
    for number in wanted:
        webhooks.tell(WABA, "a_new_field", {"number": number})


def test_a_webhook_is_signed_over_its_bytes(webhooks: Webhooks, app: App) -> None:
    tell(webhooks, 1)
    hook = app.take()
    digest = hmac.new(APP_SECRET.encode(), hook.body, hashlib.sha256).hexdigest()
    assert hook.headers["x-hub-signature-256"] == f"sha256={digest}" == webhooks.sign(hook.body)
    assert hook.headers["content-type"] == "application/json"
    assert hook.path == "/webhooks/meta/?a=1"
    assert hook.json == {
        "object": "whatsapp_business_account",
        "entry": [{"id": WABA, "changes": [{"value": {"number": 1}, "field": "a_new_field"}]}],
    }


@pytest.mark.parametrize("status", [500, 503, 401, 404, 302, 204])
def test_what_is_not_answered_with_200_is_delivered_again(webhooks: Webhooks, app: App, status: int) -> None:
    app.answers = [status, status]
    tell(webhooks, 1)
    first, second, third = app.take(), app.take(), app.take()
    assert first.body == second.body == third.body
    assert webhooks.wait_idle()
    [delivery] = webhooks.deliveries
    assert (delivery.attempts, delivery.status) == (3, 200)
    assert app.is_quiet()


def test_others_are_delivered_while_one_waits_for_its_next_attempt(webhooks: Webhooks, app: App) -> None:
    app.answers = [503]
    tell(webhooks, 1, 2)
    assert [numbers(app.take()) for _ in range(3)] == [[1], [2], [1]]


def test_the_pauses_grow_and_end(webhooks: Webhooks, app: App) -> None:
    app.answers = [503] * 50
    webhooks.give_up_after = 0.5
    tell(webhooks, 1)
    began = time.monotonic()
    assert webhooks.wait_idle()
    # 0, 0.1, 0.3 and 0.7 seconds: the last one is after the end, so none comes after it.
    assert webhooks.deliveries[0].attempts == 4
    assert 0.6 < time.monotonic() - began < 3


def test_a_delivery_waits_for_an_app_that_is_down(webhooks: Webhooks, app: App) -> None:
    webhooks.connect("http://127.0.0.1:1/", APP_SECRET)
    tell(webhooks, 1)
    deadline = time.monotonic() + 5
    while not (webhooks.deliveries and webhooks.deliveries[0].attempts) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert webhooks.deliveries[0].status is None
    webhooks.connect(app.url, "another-secret")
    hook = app.take()
    digest = hmac.new(b"another-secret", hook.body, hashlib.sha256).hexdigest()
    assert hook.headers["x-hub-signature-256"] == f"sha256={digest}"


def test_events_may_be_late(webhooks: Webhooks, app: App) -> None:
    webhooks.late = 0.2
    began = time.monotonic()
    tell(webhooks, 1)
    app.take()
    assert time.monotonic() - began >= 0.2


def test_every_body_may_come_twice(webhooks: Webhooks, app: App) -> None:
    webhooks.deliver_twice()
    tell(webhooks, 1, 2)
    hooks = [app.take() for _ in range(4)]
    assert sorted(numbers(hook)[0] for hook in hooks) == [1, 1, 2, 2]
    assert len({hook.body for hook in hooks}) == 2


def test_many_events_may_share_a_body(webhooks: Webhooks, app: App) -> None:
    webhooks.batch = 10
    tell(webhooks, *range(25))
    hooks = [app.take() for _ in range(3)]
    assert [len(hook.json["entry"]) for hook in hooks] == [10, 10, 5]
    assert [number for hook in hooks for number in numbers(hook)] == list(range(25))


def test_events_may_come_out_of_order(webhooks: Webhooks, app: App) -> None:
    webhooks.shuffled = True
    tell(webhooks, *range(30))
    came = [numbers(app.take())[0] for _ in range(30)]
    assert came != sorted(came)
    assert sorted(came) == list(range(30))


@pytest.mark.parametrize(
    ("order", "came"), [("sent", [0, 1, 2]), ("reversed", [2, 1, 0]), ([1, 2, 0], [1, 2, 0]), ([1, 1], [1, 1])]
)
def test_events_are_held_back_and_let_go_in_an_order(
    webhooks: Webhooks, app: App, order: str | list[int], came: list[int]
) -> None:
    webhooks.hold()
    tell(webhooks, 0, 1, 2)
    assert webhooks.wait_idle()
    assert (app.is_quiet(), webhooks.held) == (True, 3)
    assert webhooks.release(order) == len(came)
    assert [numbers(app.take())[0] for _ in came] == came
    assert webhooks.held is None
    tell(webhooks, 3)
    assert numbers(app.take()) == [3]


def test_what_was_held_back_may_be_shuffled_shared_and_repeated(webhooks: Webhooks, app: App) -> None:
    webhooks.hold()
    tell(webhooks, *range(40))
    webhooks.release("shuffled", batch=40, times=3)
    hooks = [app.take() for _ in range(3)]
    assert len({hook.body for hook in hooks}) == 1
    assert numbers(hooks[0]) != list(range(40))
    assert sorted(numbers(hooks[0])) == list(range(40))


def test_everything_is_delivered_once_more_as_it_was(webhooks: Webhooks, app: App) -> None:
    tell(webhooks, 1, 2)
    before = {app.take().body, app.take().body}
    assert webhooks.wait_idle()
    assert [one.number for one in webhooks.deliveries] == [1, 2]
    assert webhooks.redeliver() == 2
    assert {app.take().body, app.take().body} == before
    assert webhooks.wait_delivered(4)


def test_one_may_wait_until_so_many_were_taken(webhooks: Webhooks, app: App) -> None:
    assert not webhooks.wait_delivered(1, timeout=0.05)
    app.answers = [500]
    tell(webhooks, 1, 2)
    assert webhooks.wait_delivered(2)
    webhooks.clear()
    assert not webhooks.wait_delivered(1, timeout=0.05)
    assert webhooks.deliveries == ()


def test_a_body_of_ones_own_is_posted_at_once(webhooks: Webhooks, app: App) -> None:
    app.answers = [200, 401]
    assert webhooks.post({"a": "b"}) == 200
    assert webhooks.post(b"\x00 not json", signature="sha256=wrong") == 401
    first, second = app.take(), app.take()
    assert json.loads(first.body) == {"a": "b"}
    assert first.headers["x-hub-signature-256"] == webhooks.sign(first.body)
    assert (second.body, second.headers["x-hub-signature-256"]) == (b"\x00 not json", "sha256=wrong")
    webhooks.connect("http://127.0.0.1:1/", APP_SECRET)
    assert webhooks.post({}) == 0
    webhooks.disconnect()
    with pytest.raises(ValueError, match="No webhook URL"):
        webhooks.post({})


def test_nothing_is_told_without_an_address_and_what_waits_is_given_up(app: App) -> None:
    with Sandbox() as sandbox:
        sandbox.subscribe(WABA)
        tell(sandbox.webhooks, 1)
        assert sandbox.webhooks.dropped == 1
        sandbox.webhooks.connect(app.url, APP_SECRET)
        sandbox.webhooks.late = 0.1
        tell(sandbox.webhooks, 2)
        sandbox.webhooks.disconnect()
        assert sandbox.webhooks.wait_idle()
    assert app.is_quiet()


def test_a_waba_that_nobody_knows_is_told_of_too(webhooks: Webhooks, app: App) -> None:
    webhooks.tell("1", "messages", {})
    assert app.take().json["entry"][0]["id"] == "1"


@pytest.mark.parametrize("url", ["https://example.com/", "http://10.0.0.1/", "http://127.0.0.1@example.com/", ""])
def test_webhooks_never_leave_this_machine(webhooks: Webhooks, url: str) -> None:
    before = webhooks.url
    with pytest.raises(ValueError, match="127"):
        webhooks.connect(url, APP_SECRET)
    assert webhooks.url == before


def test_the_handshake_comes_first_where_there_is_a_token(app: App) -> None:
    with Sandbox() as sandbox:
        body = {"url": app.url, "app_secret": APP_SECRET, "verify_token": "another-token"}
        answer = call(sandbox, "PUT", "/_sandbox/webhook", body=body)
        assert (answer.status, "validated" in answer.json["error"]) == (400, True)
        assert sandbox.webhooks.url is None
        body["verify_token"] = app.verify_token
        assert call(sandbox, "PUT", "/_sandbox/webhook", body=body).status == 200
        assert sandbox.webhooks.url == app.url
        with pytest.raises(ValueError, match="validated"):
            sandbox.webhooks.connect("http://127.0.0.1:1/", APP_SECRET, verify_token="t")


def test_webhooks_are_never_unsigned(app: App) -> None:
    with pytest.raises(ValueError, match="secret"):
        Sandbox(webhook_url=app.url)


def test_old_bodies_go_when_there_are_many(app: App) -> None:
    webhooks = Webhooks(is_subscribed=lambda waba_id: True)
    webhooks.connect(app.url, APP_SECRET)
    webhooks.hold()
    tell(webhooks, *range(KEPT + 10))
    webhooks.release()
    assert len(webhooks.deliveries) == KEPT


def test_threads_end_with_the_sandbox(app: App) -> None:
    before = threading.active_count()
    with Sandbox(webhook_url=app.url, app_secret=APP_SECRET) as sandbox:
        app.answers = [503] * 3
        tell(sandbox.webhooks, 1)
        app.take()
    assert threading.active_count() <= before + 1  # the app's own connection may still be closing
    Sandbox().stop()


def test_webhooks_are_set_over_http_and_the_secret_does_not_come_back(app: App) -> None:
    with Sandbox() as sandbox:
        sandbox.subscribe(WABA)
        body = {"url": app.url, "app_secret": "canary-secret"}
        answer = call(sandbox, "PUT", "/_sandbox/webhook", body=body)
        assert (answer.status, answer.json) == (200, {"url": app.url})
        tell(sandbox.webhooks, 1)
        hook = app.take()
        digest = hmac.new(b"canary-secret", hook.body, hashlib.sha256).hexdigest()
        assert hook.headers["x-hub-signature-256"] == f"sha256={digest}"
        assert sandbox.webhooks.wait_idle()
        shown = "".join(
            call(sandbox, "GET", path).body.decode()
            for path in ("/_sandbox/", "/_sandbox/journal", "/_sandbox/phone/webhooks", "/_sandbox/phone/people")
        )
        assert "canary" not in shown + repr(sandbox.webhooks.deliveries) + repr(sandbox.journal.entries())
        assert call(sandbox, "PUT", "/_sandbox/webhook", body={"url": None}).json == {"url": None}
        assert sandbox.webhooks.url is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "http://127.0.0.1:8000/"},
        {"url": "https://example.com/", "app_secret": "s"},
        {"app_secret": "s"},
        {"url": "http://127.0.0.1:8000/", "app_secret": None},
    ],
)
def test_a_webhook_that_cannot_be_set_is_refused(body: dict[str, str | None]) -> None:
    with Sandbox() as sandbox:
        assert call(sandbox, "PUT", "/_sandbox/webhook", body=body).status == 400
        assert sandbox.webhooks.url is None
