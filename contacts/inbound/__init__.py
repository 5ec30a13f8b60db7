"""What comes from people: their messages and preferences, and what deliveries teach about reaching them."""

from contacts.inbound.preferences import record_preference, stop_marketing
from contacts.inbound.reach import ReachKind, learn_reach
from contacts.inbound.receiving import receive_message

__all__ = ["ReachKind", "learn_reach", "receive_message", "record_preference", "stop_marketing"]
