"""People, what they agreed to, and the checks made of their numbers."""

from contacts.models.checks import CheckBatch, ContactCheck
from contacts.models.consent import Consent, ConsentText, OptIn, OptInEvidence, OptInImport
from contacts.models.people import Contact

__all__ = [
    "CheckBatch",
    "Consent",
    "ConsentText",
    "Contact",
    "ContactCheck",
    "OptIn",
    "OptInEvidence",
    "OptInImport",
]
