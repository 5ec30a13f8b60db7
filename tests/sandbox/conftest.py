"""The sandbox that each of these tests talks to."""

from collections.abc import Iterator

import pytest

from sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The providers on a free loopback port."""
    with Sandbox(port=0) as running:
        yield running
