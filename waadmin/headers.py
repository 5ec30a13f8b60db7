"""Security headers on every answer, also on refusals that leave before Django's own middleware has seen them."""

from django.http import HttpRequest
from django.middleware.security import SecurityMiddleware


class SecurityHeaders(SecurityMiddleware):
    """Adds what SecurityMiddleware adds and answers nothing itself.

    A wrong host name is refused inside SecurityMiddleware, whose headers that answer then lacks. This one stands
    outside of it; where a header is there already, it stays.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Let every request pass: the redirect to https is SecurityMiddleware's."""
