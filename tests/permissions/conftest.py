"""The world that the tests of permissions look at."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from audit import heads
from audit.models import Export
from contacts.models import Erasure
from sandbox import Sandbox
from tests import clients
from tests.browser import pages
from tests.permissions.world import EVERY_ROLE


@pytest.fixture
def furnished(sandbox: Sandbox, db: None) -> Iterator[None]:
    """A row of everything."""
    now = datetime.now(UTC)
    pages.furnish(sandbox)
    heads.sign_head(actor="ana", now=now)
    Erasure.objects.create(kind="ERASED", key="0" * 64, reason="ASKED", at=now, by="ana", finished_at=now)
    for role in EVERY_ROLE:
        clients.browser(role)
        user = User.objects.get(username=role.split()[0].lower())
        Export.objects.create(user_id=user.pk, requested_by=user.username, requested_at=now, until=now, format="csv",
                              datasets=["ledger"], kept_until=now + timedelta(days=1))  # fmt: skip
    yield
