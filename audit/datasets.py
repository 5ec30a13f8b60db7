"""What this app gives to exports: the ledger, in a form that people read."""

from django.utils.translation import gettext_lazy as _

from audit.export.datasets import Column, Dataset, Kind

_COLUMNS = (
    Column("sequence", "e.sequence", Kind.NUMBER),
    Column("recorded_at", "e.recorded_at", Kind.TIME),
    Column("action", "e.action", Kind.WORD),
    Column("actor", "e.actor"),
    Column("business_id", "e.business_id", Kind.NUMBER),
    Column("subject", "e.subject", Kind.WORD),
    Column("pseudonym", "e.pseudonym", Kind.UUID),
    Column("details", "e.details", Kind.JSON),
    Column("rows_count", "e.rows_count", Kind.NUMBER),
    Column("rows_root", "e.rows_root", Kind.WORD),
    Column("previous_hash", "e.previous_hash", Kind.WORD),
    Column("hash", "e.hash", Kind.WORD),
)

LEDGER = Dataset(
    name="ledger",
    title=_("Ledger (the whole of it goes with every export, as ledger.jsonl)"),
    columns=_COLUMNS,
    source="audit_auditevent e",
    order="e.sequence",
    time="e.recorded_at",
    filters={"business": "e.business_id = {}"},
    of_every_business=True,
)

ALL = (LEDGER,)
