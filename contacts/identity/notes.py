"""What a case rests on, in people's own words: encrypted in the case, never in the ledger."""

import json
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from contacts.identity.cases import CaseRefused
from contacts.models import TrustCase

_LONGEST_CHANNEL = 60
_LONGEST_EVIDENCE = 4_000


@dataclass(frozen=True, slots=True)
class Note:
    """What one person did about a case: through which channel, and what it showed."""

    at: datetime
    actor: str
    outcome: str
    channel: str
    evidence: str


def checked(channel: str, evidence: str) -> tuple[str, str]:
    """Give channel and evidence, trimmed.

    :raises CaseRefused: when one is missing or too long, or WhatsApp itself is the channel.
    """
    channel, evidence = channel.strip(), evidence.strip()
    if not channel or not evidence:
        raise CaseRefused(
            _("Say through which channel you verified the person, and what it showed. Nothing is trusted without.")
        )
    if len(channel) > _LONGEST_CHANNEL or len(evidence) > _LONGEST_EVIDENCE:
        raise CaseRefused(
            _("The channel has at most %(channel)d letters and the evidence %(evidence)d.")
            % {"channel": _LONGEST_CHANNEL, "evidence": _LONGEST_EVIDENCE}
        )
    if "whatsapp" in channel.casefold().replace("'", "").replace(" ", ""):
        raise CaseRefused(
            _("WhatsApp cannot prove who is behind a WhatsApp identity. Verify the person through another channel.")
        )
    return channel, evidence


def add(case: TrustCase, note: Note) -> None:
    """Put a note to the others of the case; the caller saves it."""
    kept = json.loads(case.evidence) if case.evidence else []
    kept.append(
        {
            "at": note.at.isoformat(),
            "actor": note.actor,
            "outcome": note.outcome,
            "channel": note.channel,
            "evidence": note.evidence,
        }
    )
    case.evidence = json.dumps(kept).encode()


def of(case: TrustCase) -> tuple[Note, ...]:
    """Give the notes of a case, oldest first."""
    return tuple(
        Note(datetime.fromisoformat(kept["at"]), kept["actor"], kept["outcome"], kept["channel"], kept["evidence"])
        for kept in (json.loads(bytes(case.evidence)) if case.evidence else [])
    )
