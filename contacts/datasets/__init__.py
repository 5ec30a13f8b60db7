"""What this app gives to exports: consent, checks, identity and messages of people."""

from contacts.datasets.checks import CHECKS, REFUSALS
from contacts.datasets.consent import CONSENT_STATES, OPT_INS
from contacts.datasets.identity import IDENTITY_CASES, IDENTITY_HASHES
from contacts.datasets.messages import MESSAGES

ALL = (OPT_INS, CONSENT_STATES, CHECKS, REFUSALS, IDENTITY_HASHES, IDENTITY_CASES, MESSAGES)
