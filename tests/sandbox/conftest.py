"""The sandbox that each of these tests talks to, and the app that it tells of what happens."""

from collections.abc import Iterator

import pytest

from sandbox import Sandbox
from tests.sandbox.receiver import APP_SECRET, App, running_app


@pytest.fixture
def app() -> Iterator[App]:
    """An app that takes webhooks and callbacks."""
    with running_app() as app:
        yield app


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The providers on a free loopback port."""
    with Sandbox(port=0) as running:
        yield running


@pytest.fixture
def told(app: App) -> Iterator[Sandbox]:
    """The providers, with webhooks to the app."""
    with Sandbox(port=0, webhook_url=app.url, app_secret=APP_SECRET) as running:
        yield running
