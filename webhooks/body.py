"""The raw body of a delivery, as it came and never more of it than we take."""

from django.http import HttpRequest

LARGEST_BODY = 4 * 1024 * 1024


class BodyTooLarge(ValueError):
    """The body is larger than any provider's."""


def read_body(request: HttpRequest) -> bytes:
    """Read the raw bytes, past Django's own limit, which is lower than what Meta may send.

    :raises BodyTooLarge: when there are more than 4 MiB; what a sender announces is not even read.
    """
    announced = request.META.get("CONTENT_LENGTH") or "0"
    if announced.isdecimal() and int(announced) > LARGEST_BODY:
        raise BodyTooLarge
    body: bytes = request.read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        raise BodyTooLarge
    return body
