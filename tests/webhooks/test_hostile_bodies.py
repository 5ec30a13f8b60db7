"""A hundred kinds of malformed and hostile bodies: each signed one is stored, answered 200, read and shown."""

import json
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from numbers.models import BusinessNumber
from providers.models import ProviderAccount
from providers.secret import Secret
from tests.clients import ADMIN, browser
from tests.webhooks.deliveries import body_of, deliver, drain, effects, journeys, status
from tests.webhooks.hostile_bodies import BODIES
from webhooks import reading
from webhooks.models import WebhookEvent, WebhookRequest

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", BODIES)
def test_it_is_stored_and_read_without_harm_and_shown(client: Client, number: BusinessNumber, name: str) -> None:
    body = BODIES[name]
    assert deliver(client, body) == 200
    assert bytes(WebhookRequest.objects.get().body or b"") == body
    with journeys():
        assert deliver(client, body_of(status("wamid.GOOD"))) == 200
        drain()
    request = WebhookRequest.objects.earliest("pk")
    assert request.processed_at or request.error or request.due_at > datetime.now(UTC)
    assert effects()["wamid.GOOD delivered"] == 1
    page = browser(ADMIN).get(reverse("admin:webhooks_webhookrequest_change", args=[request.pk]))
    assert page.status_code == 200
    assert b"<script>alert" not in page.content and b"<img src=x" not in page.content


@pytest.mark.parametrize("name", BODIES)
def test_a_node_may_send_it_too(client: Client, onprem_account: ProviderAccount, name: str) -> None:
    onprem_account.webhook_token = {"token": Secret("path-token-of-tests")}
    onprem_account.save()
    address = reverse("webhooks:onprem", args=[onprem_account.uuid, "path-token-of-tests"])
    assert client.post(address, BODIES[name], content_type="application/json").status_code == 200
    with journeys():
        drain()
    request = WebhookRequest.objects.get()
    assert request.processed_at or request.error or request.due_at > datetime.now(UTC)


def test_what_cannot_be_read_is_kept_with_its_reason(client: Client) -> None:
    for body, reason in (
        (b"nonsense", "The body is not JSON."),
        (b"[" * 100_000, "The body is nested too deep."),
        (b"[]", "The body is not a JSON object."),
    ):
        assert deliver(client, body) == 200
        drain()
        request = WebhookRequest.objects.latest("pk")
        assert (request.error, request.processed_at, request.body) == (reason, None, body)


def test_a_bad_neighbour_costs_nobody_an_event(client: Client, number: BusinessNumber) -> None:
    body = json.loads(body_of(*(status(f"wamid.{place}") for place in range(3))))
    body["entry"].insert(1, 7)
    body["entry"].insert(3, {"changes": [None, {"field": 3, "value": "x"}]})
    assert deliver(client, json.dumps(body).encode()) == 200
    with journeys():
        drain()
    assert set(effects()) == {f"wamid.{place} delivered" for place in range(3)}


def test_reading_a_body_of_four_mebibytes_ends_soon() -> None:
    body = body_of({"messages": [{}] * 100_000, "statuses": [1] * 1_000_000})
    begin = datetime.now(UTC)
    found = reading.read(kind="meta", account_id=None, digest="d", body=body, received_at=begin)
    assert len(found) > 90_000
    assert (datetime.now(UTC) - begin).total_seconds() < 20
    assert not WebhookEvent.objects.exists()
