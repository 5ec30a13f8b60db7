"""Retention: what is older than it may be goes in batches, and each leaves its mark in the ledger."""

from datetime import UTC, datetime, timedelta

import pytest

from audit.models import AuditEvent, ProviderCall
from audit.retention import KEEP_CALLS, forget_calls, let_go

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)


def call(age: timedelta) -> ProviderCall:
    return ProviderCall.objects.create(
        account_name="acme", kind="onprem", operation="check", method="POST", url="…", started_at=NOW - age
    )


def test_calls_go_after_thirteen_months_and_not_before() -> None:
    old, young = call(KEEP_CALLS + timedelta(seconds=1)), call(KEEP_CALLS)

    assert forget_calls(now=NOW) == 1
    assert forget_calls(now=NOW) == 0

    assert list(ProviderCall.objects.all()) == [young] and old.pk
    mark = AuditEvent.objects.get()
    assert (mark.action, mark.actor, mark.details) == ("provider_calls.removed", "waadmin", {"count": 1})


def test_each_batch_is_a_transaction_with_its_own_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    for _each in range(5):
        call(KEEP_CALLS * 2)

    assert let_go(ProviderCall.objects.all(), action="test.removed", now=NOW, at_once=2) == 5

    counts = list(AuditEvent.objects.order_by("sequence").values_list("details__count", flat=True))
    assert counts == [2, 2, 1]


def test_rows_can_be_emptied_instead_of_removed() -> None:
    call(timedelta())

    full = ProviderCall.objects.exclude(error="gone")
    assert let_go(full, action="test.emptied", now=NOW, change={"error": "gone"}) == 1
    assert ProviderCall.objects.get().error == "gone"
