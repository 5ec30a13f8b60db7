"""What the tests of the front door share."""

import pytest

from numbers.models import BusinessNumber
from providers.models import Business
from tests.webhooks import deliveries
from webhooks import receive


@pytest.fixture
def number(acme: Business) -> BusinessNumber:
    """The business number of the Cloud API document, as ours."""
    return deliveries.our_number(acme)


@pytest.fixture(autouse=True)
def the_next_delivery_wakes_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget that a test before this one woke it a moment ago."""
    monkeypatch.setattr(receive, "_woken_at", float("-inf"))
