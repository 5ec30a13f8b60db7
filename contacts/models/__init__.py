"""People, their consent, the checks of their numbers, their messages and identities, and what stays of the erased."""

from contacts.models.checks import CheckBatch, ContactCheck
from contacts.models.consent import Consent, ConsentText, OptIn, OptInEvidence, OptInImport
from contacts.models.erasure import ErasedName, Erasure, Suppression
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
    "ErasedName",
    "Erasure",
    "IdentityKey",
    "IdentityTrust",
    "Message",
    "MessageStatus",
    "OptIn",
    "OptInEvidence",
    "OptInImport",
    "Reach",
    "Suggestion",
    "Suppression",
    "TrustCase",
]
