"""process_webhooks: reads what is stored in this process; --failed gives what failed another try."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from numbers.models import BusinessNumber
from tests.webhooks.deliveries import body_of, deliver, drain, effects, journeys, status
from tests.webhooks.test_processing import failing_for
from webhooks.models import WebhookRequest

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[list[dict[str, Any]], int]:
    """Run the command; give its rows and its exit code."""
    out, code = StringIO(), 0
    try:
        call_command("process_webhooks", *arguments, "--json", stdout=out, stderr=StringIO())
    except SystemExit as end:
        code = int(end.code or 0)
    return [json.loads(line) for line in out.getvalue().splitlines()], code


def test_what_is_open_is_read(client: Client, number: BusinessNumber) -> None:
    deliver(client, body_of(status("wamid.1"), status("wamid.2")))
    with journeys():
        rows, code = run()
    assert (rows[0]["state"], rows[0]["done"], rows[0]["error"], code) == ("processed", 2, None, 0)
    assert len(effects()) == 2
    assert run() == ([], 0)


def test_what_failed_is_tried_again_only_when_that_is_asked_for(client: Client, number: BusinessNumber) -> None:
    deliver(client, body_of(status("wamid.1")))
    with journeys(failing_for("wamid.1 delivered")):
        rows, code = run()
    assert (rows[0]["state"], rows[0]["failed"], code) == ("failed", 1, 4)
    with journeys():
        assert run() == ([], 0)
        rows, code = run("--failed")
    assert (rows[0]["state"], rows[0]["done"], code) == ("processed", 1, 0)
    assert effects() == {"wamid.1 delivered": 1}


def test_what_waits_is_tried_at_once(client: Client) -> None:
    deliver(client, body_of(status("wamid.1")))
    drain()
    rows, code = run()
    assert (rows[0]["state"], rows[0]["waiting"], code) == ("waiting", 1, 4)


def test_what_cannot_be_read_says_why(client: Client) -> None:
    deliver(client, b"nonsense")
    rows, code = run()
    assert (rows[0]["error"], code) == ("The body is not JSON.", 4)
    assert run("--failed")[0] == rows
    assert WebhookRequest.objects.get().body == b"nonsense"
