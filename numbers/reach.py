"""Whose numbers are whose: a number belongs to the business of its WABA."""

from audit import reach
from numbers.models import BusinessAccount, BusinessNumber, VerificationAttempt


def register_all() -> None:
    """Say which rows of this app belong to some businesses."""
    reach.register(BusinessAccount, reach.by("business"))
    reach.register(BusinessNumber, reach.by("business_account__business"))
    reach.register(VerificationAttempt, reach.by("business_number__business_account__business"))
