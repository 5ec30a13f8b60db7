"""People, what they agreed to, the checks made of their numbers, their messages and their identities."""

from contacts.models.checks import CheckBatch, ContactCheck
from contacts.models.consent import Consent, ConsentText, OptIn, OptInEvidence, OptInImport
from contacts.models.identity import IdentityKey, IdentityTrust, TrustCase
from contacts.models.messages import Alias, Message, MessageStatus, Reach, Suggestion
from contacts.models.people import Contact

__all__ = [
    "Alias",
    "CheckBatch",
    "Consent",
    "ConsentText",
    "Contact",
    "ContactCheck",
    "IdentityKey",
    "IdentityTrust",
    "Message",
    "MessageStatus",
    "OptIn",
    "OptInEvidence",
    "OptInImport",
    "Reach",
    "Suggestion",
    "TrustCase",
]
