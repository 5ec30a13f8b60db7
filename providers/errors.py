"""What can go wrong with a provider call, by what it means for the caller and not by who said it.

Each error keeps the provider's own code, words and trace id, so that a screen can show them beside ours.
"""

from datetime import timedelta


class ProviderError(Exception):
    """A provider call that gave no result."""

    #: In words for people: what the caller may do next.
    next_step = "Try again later."

    def __init__(
        self, message: str, *, code: str = "", said: str = "", trace_id: str = "", http_status: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        #: The provider's own words, masked; `message` holds them too.
        self.said = said
        self.trace_id = trace_id
        self.http_status = http_status


class NotSent(ProviderError):
    """Nothing left: no address, no connection, no trust in the certificate. Trying again costs nothing."""

    next_step = "Check the account's base URL, then test the connection."


class AnswerLost(ProviderError):
    """The request left and no readable answer came: what happened is unknown, and asking again asks twice."""

    next_step = "The answer is unknown. Use retry failed to ask again."


class Throttled(ProviderError):
    """The provider refused for being asked too fast; nothing was answered and nothing was spent."""

    next_step = "Nothing to do: the account waits as long as the provider said."

    def __init__(
        self,
        message: str,
        *,
        retry_after: timedelta,
        code: str = "",
        said: str = "",
        trace_id: str = "",
        http_status: int | None = 429,
    ) -> None:
        super().__init__(message, code=code, said=said, trace_id=trace_id, http_status=http_status)
        self.retry_after = retry_after


class Unavailable(ProviderError):
    """The provider said that it failed on its side (5xx or its twin): the same request may succeed later."""


class Rejected(ProviderError):
    """The provider refused this request for what it holds; the same request fails again."""

    next_step = "Check the number and how it was written."


class AccountRefused(ProviderError):
    """Credentials, permission or quota: every further call of this account would only repeat it, so it is paused."""

    next_step = "Replace the credentials or settle the quota with the provider, test the connection, then resume."


class NotConfigured(ProviderError):
    """The account lacks an option or credential that its provider needs, or holds one that is not allowed."""

    next_step = "Complete the account's settings."
