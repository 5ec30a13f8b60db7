"""What was last said of a number's codes and registrations, as its page tells it from the attempts."""

from dataclasses import dataclass

from numbers import words
from numbers.codes import ALREADY_VERIFIED
from numbers.models import BusinessNumber, VerificationAttempt
from providers.catalogue import Explanation, Meaning

_Outcome = VerificationAttempt.Outcome


@dataclass(frozen=True, slots=True)
class Told:
    """The newest attempt of a kind, and what the catalogue says of its refusal."""

    attempt: VerificationAttempt | None = None
    explanation: Explanation | None = None

    @property
    def is_lost(self) -> bool:
        """Tell whether nobody knows what became of it."""
        return self.attempt is not None and self.attempt.outcome == _Outcome.UNKNOWN

    @property
    def was_already(self) -> bool:
        """Tell whether the provider said that no code was needed any more."""
        return self.attempt is not None and self.attempt.provider_words == ALREADY_VERIFIED

    @property
    def tone(self) -> str:
        """Give the colour of what was said: what passes by itself is no failure."""
        if self.explanation is None:
            return ""
        if self.explanation.meaning is Meaning.ALREADY_VERIFIED:
            return "good"
        return "unknown" if self.explanation.meaning in (Meaning.TRY_AGAIN, Meaning.WAIT) else ""


def newest(number: BusinessNumber, *actions: str) -> Told:
    """Give the newest attempt of these actions."""
    attempts = number.attempts.select_related("business_number__business_account__account")
    attempt = attempts.filter(action__in=actions).first()
    return Told(attempt, words.explained(attempt)) if attempt else Told()


def of_this_code(submission: Told, request: Told) -> Told:
    """Forget what was said of an earlier code, once another has been sent; what is still unknown stays."""
    if submission.attempt is None or request.attempt is None or submission.is_lost or submission.was_already:
        return submission
    return submission if submission.attempt.started_at >= request.attempt.started_at else Told()
