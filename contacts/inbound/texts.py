"""What people wrote, as far as it is still kept: encrypted, and gone when retention says so."""

from contacts.messaging.content import content_of
from contacts.models import Suggestion
from providers.interfaces import TextMessage


def words_of(suggestion: Suggestion) -> str:
    """Give what the person wrote that made the suggestion; nothing where it was purged."""
    if suggestion.words:
        return bytes(suggestion.words).decode()
    content = content_of(suggestion.message) if suggestion.message else None
    return content.body if isinstance(content, TextMessage) else ""
