"""The person in a dataset: the same columns everywhere, and who may see those whose data are only kept."""

from audit.export.datasets import Column, Kind

#: The contact stands as `c` in every source, and is missing where the person was erased.
PERSON = (
    Column("number", "c.e164"),
    Column("region", "c.region", Kind.WORD),
    Column("wa_id", "c.wa_id"),
)
WITHOUT = {"contacts.view_restricted_contact": "c.restricted_at IS NULL"}
