"""Evidence and pictures of wordings as files: small, of three kinds, known by their first bytes, not by their name."""

from django.utils.translation import gettext as _

LARGEST = 2 * 1024 * 1024
_KINDS = {
    b"%PDF-": ("application/pdf", "pdf"),
    b"\x89PNG\r\n\x1a\n": ("image/png", "png"),
    b"\xff\xd8\xff": ("image/jpeg", "jpg"),
}


class FileRefused(ValueError):
    """The file cannot be kept as evidence; the message names the rule."""


def kind_of(content: bytes) -> tuple[str, str]:
    """Give content type and extension of a file that may be kept.

    :raises FileRefused: when it is too large, empty, or neither PDF, PNG nor JPEG.
    """
    if len(content) > LARGEST:
        raise FileRefused(_("The file is larger than %(limit)d MB.") % {"limit": LARGEST // 1024 // 1024})
    for beginning, kind in _KINDS.items():
        if content.startswith(beginning):
            return kind
    raise FileRefused(_("The file is neither a PDF nor a PNG or JPEG picture."))
