"""Identity: every hash is kept, few are trusted, and a change waits for a person (settling.py, node.py)."""

from contacts.identity.adopting import adopt_from_status
from contacts.identity.cases import mismatch
from contacts.identity.events import system_event
from contacts.identity.keys import observe
from contacts.identity.trust import lock_trust, standing

__all__ = ["adopt_from_status", "lock_trust", "mismatch", "observe", "standing", "system_event"]
