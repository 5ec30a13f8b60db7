"""A row of everything that has a page, and somebody of each role who may or may not see it."""

from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User

from audit import heads
from audit.models import Export
from contacts.models import Erasure
from sandbox import Sandbox
from tests import clients
from tests.browser import pages
from tests.permissions.world import EVERY_ROLE


def furnish(sandbox: Sandbox) -> None:
    """Fill the console, with an export of each person's own."""
    now = datetime.now(UTC)
    pages.furnish(sandbox)
    heads.sign_head(actor="ana", now=now)
    Erasure.objects.create(kind="ERASED", key="0" * 64, reason="ASKED", at=now, by="ana", finished_at=now)
    for role in EVERY_ROLE:
        clients.browser(role)
        user = User.objects.get(username=role.split()[0].lower())
        Export.objects.create(user_id=user.pk, requested_by=user.username, requested_at=now, until=now, format="csv",
                              datasets=["ledger"], kept_until=now + timedelta(days=1))  # fmt: skip
