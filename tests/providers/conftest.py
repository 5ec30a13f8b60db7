"""What the provider tests share."""

from collections.abc import Iterator

import pytest
import responses


@pytest.fixture
def provider() -> Iterator[responses.RequestsMock]:
    """A provider that answers what a test has told it to, at the place where requests would open a connection."""
    with responses.RequestsMock() as mock:
        yield mock
