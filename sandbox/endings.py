"""What a business number's last three digits make the providers do while it is verified, registered and configured.

`sandbox.magic` has the table for the numbers of people who are looked up. Of that table, what hits a whole call also
holds for a business number, and only for the call that submits its code.
"""

from enum import StrEnum

from sandbox import magic


class Ending(StrEnum):
    """The last three digits of a business number with which something special happens."""

    ALREADY_VERIFIED = "208"
    # When a code is asked for.
    CODE_NOT_SENT = "611"
    CODE_REQUESTS_THROTTLED = "612"
    CODE_REQUEST_LOST = "613"
    # When a code is submitted.
    CODE_ALWAYS_WRONG = "621"
    WRONG_CODE_IS_422 = "622"
    CODE_EXPIRES_AT_ONCE = "623"
    TRY_AGAIN_ONCE = "624"
    CODE_TAKEN_ANSWER_LOST = "625"
    CODE_NOT_TAKEN_ANSWER_LOST = "626"
    # When the number is registered.
    PIN_MISMATCH = "631"
    REGISTRATION_LIMIT = "632"
    TOO_MANY_PIN_GUESSES = "633"
    WAIT_FIVE_MINUTES = "634"
    REGISTRATION_LOST = "635"
    # When its settings are read or changed.
    IDENTITY_CHECK_ANSWERS_LOST = "641"
    IDENTITY_CHECK_DRIFTS = "642"
    IDENTITY_CHECK_UNTOLD = "643"
    # When it is added to a WABA.
    WITH_ANOTHER_PROVIDER = "651"
    ADDED_ANSWER_LOST = "652"
    ON_WHATSAPP_APP = "653"


SENTENCES = {
    Ending.ALREADY_VERIFIED: "It was verified elsewhere meanwhile: who asks for a code or submits one is told so.",
    Ending.CODE_NOT_SENT: "No code can be sent: 136024, always.",
    Ending.CODE_REQUESTS_THROTTLED: "Asking for a code is throttled the first time: 80007.",
    Ending.CODE_REQUEST_LOST: "The code is sent, but the first request for one is not answered.",
    Ending.CODE_ALWAYS_WRONG: "Whatever is submitted is a wrong code: 136025.",
    Ending.WRONG_CODE_IS_422: "A wrong code is plain error 100 with HTTP 422.",
    Ending.CODE_EXPIRES_AT_ONCE: "Every code has expired when it arrives: 136025.",
    Ending.TRY_AGAIN_ONCE: "The first code submitted is answered with try again later; it stays good.",
    Ending.CODE_TAKEN_ANSWER_LOST: "The first code submitted is taken, but not answered.",
    Ending.CODE_NOT_TAKEN_ANSWER_LOST: "The first code submitted is neither taken nor answered; it stays good.",
    Ending.PIN_MISMATCH: "It has a PIN that nobody knows: 133005, after three wrong ones 133008.",
    Ending.REGISTRATION_LIMIT: "It was registered too often: 133016, always.",
    Ending.TOO_MANY_PIN_GUESSES: "Its PIN was guessed too often: 133008, always.",
    Ending.WAIT_FIVE_MINUTES: "The first registration has to wait five minutes: 133015.",
    Ending.REGISTRATION_LOST: "The first registration is done, but not answered.",
    Ending.IDENTITY_CHECK_ANSWERS_LOST: (
        "Every second change of settings is not answered; of these, every second is not done either."
    ),
    Ending.IDENTITY_CHECK_DRIFTS: "The identity check flips back by itself after the first read of a change.",
    Ending.IDENTITY_CHECK_UNTOLD: "Settings that are read say nothing of the identity check.",
    Ending.WITH_ANOTHER_PROVIDER: "It is with another provider: it can be added only with migrate_phone_number.",
    Ending.ADDED_ANSWER_LOST: "It is added, but the first time that is not answered.",
    Ending.ON_WHATSAPP_APP: "It is on the WhatsApp app: it cannot be added.",
}

#: The table as people are told it.
TABLE = tuple((ending.value, SENTENCES[ending]) for ending in Ending)
OTHERWISE = (
    "Any other business number goes through. What hits a whole call in the first table (from 400 downwards) does so "
    "when the number's code is submitted."
)

_BY_DIGITS = {ending.value: ending for ending in Ending}


def ending_of(e164: str) -> Ending | None:
    """Tell which ending a business number has, if any."""
    return _BY_DIGITS.get(magic.digits_of(e164)[-3:])


def table_text() -> str:
    """Lay the table out for a terminal."""
    return "\n".join([*(f"  {digits}  {sentence}" for digits, sentence in TABLE), f"  {OTHERWISE}"])
