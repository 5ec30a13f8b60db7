"""What the tests of contacts and checks share: browsers by role, and a clean cache."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client

from tests import clients


@pytest.fixture(autouse=True)
def fresh_cache() -> Iterator[None]:
    """Let no test see what another one's pages remembered."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def admin_browser(db: None) -> Client:
    """A business admin's browser."""
    return clients.browser(clients.ADMIN)


@pytest.fixture
def support_browser(db: None) -> Client:
    """A browser of support staff."""
    return clients.browser(clients.SUPPORT)
