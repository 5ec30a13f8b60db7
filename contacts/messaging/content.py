"""What a message holds, as it is kept: JSON, encrypted at rest, and gone after a while."""

import json
import re

from django.utils.translation import gettext as _

from contacts.models import Message
from providers.interfaces import TemplateMessage, TextMessage

Content = TextMessage | TemplateMessage

#: WhatsApp's own limits.
LONGEST_TEXT = 4096
LONGEST_PARAMETER = 1024
MOST_PARAMETERS = 50
_NAME = re.compile("[a-z0-9_]{1,512}")
_LANGUAGE = re.compile("[a-z]{2,3}(_[A-Za-z]{2,4})?")
# What the database or the provider cannot hold; a line break inside a template's value is refused by WhatsApp.
_UNSENDABLE = re.compile("[\x00\ud800-\udfff]")
_UNFIT_FOR_A_PARAMETER = re.compile("[\x00-\x1f\ud800-\udfff]| {5}")


class ContentRefused(ValueError):
    """The message cannot be sent as it stands; the text names what is wrong with it."""


def check(content: Content) -> None:
    """Refuse what WhatsApp would refuse, before anything is written down.

    :raises ContentRefused: saying what is wrong.
    """
    if isinstance(content, TextMessage):
        if not content.body.strip():
            raise ContentRefused(_("The text is empty."))
        if len(content.body) > LONGEST_TEXT:
            raise ContentRefused(
                _("The text has %(count)d characters; WhatsApp takes %(most)d.")
                % {"count": len(content.body), "most": LONGEST_TEXT}
            )
        if _UNSENDABLE.search(content.body):
            raise ContentRefused(_("The text holds characters that cannot be sent."))
        return
    if not _NAME.fullmatch(content.name):
        raise ContentRefused(_("A template's name consists of small letters, digits and _."))
    if not _LANGUAGE.fullmatch(content.language):
        raise ContentRefused(_("A template's language is written as in en_US or de."))
    if len(content.parameters) > MOST_PARAMETERS:
        raise ContentRefused(_("No template takes so many values."))
    for position, value in enumerate(content.parameters, start=1):
        if not value.strip() or len(value) > LONGEST_PARAMETER or _UNFIT_FOR_A_PARAMETER.search(value):
            raise ContentRefused(
                _("Value %(position)d of the template is empty, too long, or holds line breaks or five spaces.")
                % {"position": position}
            )


def body_of(content: Content) -> bytes:
    """Write what a message holds as `Message.body` keeps it."""
    if isinstance(content, TextMessage):
        kept: dict[str, object] = {"text": content.body}
    else:
        kept = {"name": content.name, "language": content.language, "parameters": list(content.parameters)}
    return json.dumps(kept, ensure_ascii=False).encode()


def content_of(message: Message) -> Content | None:
    """Read what a message holds; None where it was purged, or is no text and no template."""
    if message.body is None:
        return None
    kept = json.loads(bytes(message.body))
    if "text" in kept:
        return TextMessage(kept["text"])
    if "name" in kept:
        return TemplateMessage(kept["name"], kept["language"], tuple(kept["parameters"]))
    return None


def kind_of(content: Content) -> Message.Kind:
    """Say which kind of message it is."""
    return Message.Kind.TEXT if isinstance(content, TextMessage) else Message.Kind.TEMPLATE
