"""People, consent and check runs in the console."""

from contacts.admin import checks, consent, imports, people

__all__ = ["checks", "consent", "imports", "people"]
