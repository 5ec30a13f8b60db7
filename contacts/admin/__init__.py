"""People, consent, check runs, messages and identities in the console."""

from contacts.admin import checks, consent, erasures, identity, imports, messages, people

__all__ = ["checks", "consent", "erasures", "identity", "imports", "messages", "people"]
