"""The guards of the product, by what they protect; each module lists those of one part."""

from tests.twins import of_consent, of_identity, of_record, of_screens, of_webhooks, of_wire
from tests.twins.twin import Twin

TWINS: tuple[Twin, ...] = (
    *of_webhooks.TWINS,
    *of_consent.TWINS,
    *of_wire.TWINS,
    *of_identity.TWINS,
    *of_record.TWINS,
    *of_screens.TWINS,
)
