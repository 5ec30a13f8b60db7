"""What the last three digits of a person's number make of messages to them, and of their identity at the node.

`sandbox.magic` has the table for the numbers of people who are looked up. Of that table, what hits a whole call also
hits a call that sends, and who is not on WhatsApp there cannot be reached by a message.
"""

from enum import StrEnum

from sandbox import magic


class MessageEnding(StrEnum):
    """The last three digits of a person's number with which something special happens to messages."""

    # When the identity hash differs, or the message may not be sent at all.
    MISMATCH_IN_FULL = "701"
    REFUSED_AT_ONCE = "702"
    # When everything is right with the message.
    MARKETING_STOPPED = "712"
    PAIR_LIMIT = "713"
    UNKNOWN_FAILURE = "714"
    NOT_ENGAGED = "715"
    # How statuses come.
    TAKEN_ANSWER_LOST = "721"
    STATUS_FIRST = "722"
    READ_ONLY = "723"
    NEVER_READ = "724"
    OUT_OF_ORDER = "725"
    NO_HASH = "726"
    # How the node speaks of an identity.
    ACKNOWLEDGED_WITH_NULL = "731"
    ACKNOWLEDGED_WITHOUT_BODY = "732"
    ACKNOWLEDGED_IN_WORDS = "733"


SENTENCES = {
    MessageEnding.MISMATCH_IN_FULL: "A hash that differs fails with 137000 in its full form, not in the short one.",
    MessageEnding.REFUSED_AT_ONCE: (
        "What would fail later is refused at once: 137000, 131047, 131026, 131050; On-Premises 1028 for 480."
    ),
    MessageEnding.MARKETING_STOPPED: "Marketing templates fail: 131050.",
    MessageEnding.PAIR_LIMIT: "The first message is refused at once: 131056.",
    MessageEnding.UNKNOWN_FAILURE: "Messages fail with a code that few know: 130472.",
    MessageEnding.NOT_ENGAGED: "Marketing templates are not delivered: 131049.",
    MessageEnding.TAKEN_ANSWER_LOST: "The first message is sent and delivered, but the call is not answered.",
    MessageEnding.STATUS_FIRST: "The statuses are delivered before the call is answered.",
    MessageEnding.READ_ONLY: "Messages are read without having been delivered.",
    MessageEnding.NEVER_READ: "Messages are delivered and never read.",
    MessageEnding.OUT_OF_ORDER: "Read comes first, then delivered, then sent.",
    MessageEnding.NO_HASH: "No status carries an identity hash.",
    MessageEnding.ACKNOWLEDGED_WITH_NULL: "On-Premises answers an acknowledgement with 200 and null.",
    MessageEnding.ACKNOWLEDGED_WITHOUT_BODY: "On-Premises answers an acknowledgement with 204.",
    MessageEnding.ACKNOWLEDGED_IN_WORDS: 'On-Premises says acknowledged as a string: "true" or "false".',
}

#: The table as people are told it.
TABLE = tuple((ending.value, SENTENCES[ending]) for ending in MessageEnding)
OTHERWISE = (
    "Messages to any other number are sent, delivered and read; to one that is not on WhatsApp (404) they fail with "
    "131026. What hits a whole call in the first table (from 400 downwards) does so when a message is sent."
)

_BY_DIGITS = {ending.value: ending for ending in MessageEnding}


def ending_of(wa_id: str) -> MessageEnding | None:
    """Tell which ending a person's number has, if any."""
    return _BY_DIGITS.get(magic.digits_of(wa_id)[-3:])


def table_text() -> str:
    """Lay the table out for a terminal."""
    return "\n".join([*(f"  {digits}  {sentence}" for digits, sentence in TABLE), f"  {OTHERWISE}"])
