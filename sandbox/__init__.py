"""The providers on one loopback port: a stand-in that behaves, for the demo, the end-to-end tests and the benchmarks.

It speaks each provider's documented HTTP at its documented path, answers by the last digits of the number asked
(`sandbox.magic`, `sandbox.endings`, `sandbox.message_endings`) and keeps a journal of what reached it. It uses the
standard library only, imports nothing else of the project, binds to 127.0.0.1 and never calls anything but a loopback
address.
"""

from sandbox.endings import Ending
from sandbox.journal import Entry, Journal
from sandbox.message_endings import MessageEnding
from sandbox.payloads import Sender
from sandbox.server import Sandbox

__all__ = ["Ending", "Entry", "Journal", "MessageEnding", "Sandbox", "Sender"]
