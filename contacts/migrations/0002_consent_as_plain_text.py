"""Consent's grants and withdrawals become plain text, and purposes of one grant stand together."""

import json
from itertools import islice
from typing import Any

from django.db import migrations

import contacts.models.consent

_AT_ONCE = 1_000


def group(grants: dict[str, list[Any]]) -> list[list[Any]]:
    """Turn purpose -> [opt-in id, given at, expires at] into one list a grant, its purposes last."""
    grouped: dict[str, list[Any]] = {}
    for purpose, grant in grants.items():
        grouped.setdefault(json.dumps(grant), list(grant)).append(purpose)
    return list(grouped.values())


def ungroup(grants: list[list[Any]]) -> dict[str, list[Any]]:
    """Turn one list a grant back into purpose -> grant."""
    return {
        purpose: [opt_in_id, given_at, until]
        for opt_in_id, given_at, until, *purposes in grants
        for purpose in purposes
    }


def _convert(apps: Any, convert: Any) -> None:
    consents = apps.get_model("contacts", "Consent").objects
    rows = consents.only("grants").iterator(chunk_size=_AT_ONCE)
    while some := list(islice(rows, _AT_ONCE)):
        for row in some:
            row.grants = convert(row.grants)
        consents.bulk_update(some, ["grants"])


def forwards(apps: Any, schema_editor: Any) -> None:
    _convert(apps, group)


def backwards(apps: Any, schema_editor: Any) -> None:
    _convert(apps, ungroup)


class Migration(migrations.Migration):
    dependencies = [("contacts", "0001_initial")]

    operations = [
        migrations.AlterField("consent", "grants", contacts.models.consent.PlainJSONField(default=list)),
        migrations.AlterField("consent", "withdrawals", contacts.models.consent.PlainJSONField(default=dict)),
        migrations.RunPython(forwards, backwards),
    ]
