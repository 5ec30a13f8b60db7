"""An auditor follows every link of the console and opens every page: nothing but the ledger and the session changes."""

import pytest

from audit.models import AuditEvent
from tests import clients
from tests.permissions import world

pytestmark = pytest.mark.django_db
#: Looking and taking along leave a mark in the ledger.
_MARKS_OF_LOOKING = {"person.opened", "check.downloaded", "evidence_pack.made"}


def test_a_full_crawl_leaves_every_business_table_as_it_was(furnished: None) -> None:
    client = clients.browser(clients.AUDITOR)
    before, events = world.tables(), AuditEvent.objects.count()

    opened = [page for page, _text in world.crawl(client, clients.AUDITOR)]

    assert len(opened) > 150
    assert world.tables() == before
    added = set(AuditEvent.objects.filter(sequence__gt=events).values_list("action", flat=True))
    assert added <= _MARKS_OF_LOOKING
