"""The world that the tests of permissions look at."""

import pytest

from sandbox import Sandbox
from tests.permissions import furnishing


@pytest.fixture
def furnished(sandbox: Sandbox, db: None) -> None:
    """A row of everything."""
    furnishing.furnish(sandbox)
