"""What a webhook says about one of our own numbers or its WABA, in our words: the front door writes it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class NumberUpdate:
    """News about a business number, or about its WABA; what the provider left out is an empty text."""

    waba_id: str
    phone_number_id: str
    #: As the provider shows it; digits, with or without +.
    display_phone_number: str
    #: The webhook field: phone_number_quality_update, phone_number_name_update, account_update, security …
    field: str
    #: Its `event` or `decision`, as given.
    event: str
    at: datetime
    #: The other plain values, by name.
    values: tuple[tuple[str, str], ...]
