"""A rehearsal says what an import would do, and leaves nothing behind."""

import io
from typing import Any

import pytest
from django.db import connection

from audit.models import AuditEvent
from contacts.consent import chunk as chunks
from contacts.consent.importing import Imported
from contacts.consent.rehearsal import rehearse
from contacts.models import Contact, OptIn, OptInImport
from providers.models import Business
from tests import factories
from tests.contacts.csv_files import HEADER, NOW, Heard, counts, csv_of, imported, line

pytestmark = pytest.mark.django_db

CONTENT = csv_of(
    line("+447400000100", "granted", ""),  # new
    line("+447400000100", "granted", ""),  # the same again
    line("+447400000101", "granted", ""),  # withdrawn in the console
    line("+447400000102", "granted", ""),  # withdrawn further down
    line("+447400000103", "granted", "service"),  # withdrawn further down for something else
    line("+447400000104", "granted", ""),  # on record already
    line("+525512345678", "withdrawn", ""),
    line("+447400000102", "withdrawn", ""),
    line("+447400000103", "withdrawn", "marketing"),
    line("447400000105", "granted", ""),  # no plus
    line("+525512345678", "withdrawn", ""),  # the same again
    header=f"{HEADER},state,purposes",
)


def rehearsed(business: Business) -> tuple[Imported, Heard]:
    heard = Heard()
    return rehearse(file=io.BytesIO(CONTENT), business=business, name_shown="Acme", listener=heard), heard


@pytest.mark.parametrize("rows", [2, 3, 10_000])
def test_a_rehearsal_counts_what_an_import_then_does(
    acme: Business, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(chunks, "MOST_ROWS", rows)
    factories.withdrawn("+447400000101", acme, now=NOW)
    imported(csv_of(line("+447400000104")), acme)
    result, heard = rehearsed(acme)
    assert counts(result) == (2, 3, 3, 2, 1)
    assert result.without_plus == 1
    assert [bad.line for bad in heard.bad] == [11]
    really, _bad = imported(CONTENT, acme)
    assert counts(really) == counts(result)


def test_a_rehearsal_leaves_nothing_behind(acme: Business) -> None:
    rehearsed(acme)
    for model in (Contact, OptIn, OptInImport, AuditEvent):
        assert not model._default_manager.exists()
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    assert "import_staging" not in tables


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("postgresql")
def test_a_rehearsal_keeps_to_one_connection_of_a_pool_that_gives_each_transaction_another(acme: Business) -> None:
    apart = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if "import_staging" in sql and not connection.in_atomic_block:
            apart.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        result, _heard = rehearsed(acme)
    assert result.granted > 0
    assert apart == []
