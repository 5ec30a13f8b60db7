"""The points at which a process is made to die: every edge of a commit and of a call, by name.

A place is where a journey uses a function, not where it is written, so that a point lies in one journey. Product code
knows nothing of them: `tests.faults.crashing` wraps the place in the one process that is to die.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """A process dies before or after it passes `place` ("module:attribute") for the n-th time, while in `journey`."""

    name: str
    journey: str
    place: str
    when: str
    passage: int = 1


def _points(journey: str, *rows: tuple[str, str, str] | tuple[str, str, str, int]) -> list[Point]:
    return [Point(f"{journey}.{name}", journey, place, when, *passage) for name, place, when, *passage in rows]


_SENT = "providers.http:_send_or_log"
_CHECK_RUN = _points(
    "check_run",
    ("creation_written", "contacts.checks:_record_creation", "before"),
    ("created", "contacts.checks:finish_if_done", "before"),
    ("before_claim", "contacts.checking.run:claim_rows", "before", 3),
    ("attempt_written", "contacts.checking.claim:_commit_attempt", "after", 2),
    ("claimed", "contacts.checking.run:claim_rows", "after", 2),
    ("before_ledger", "contacts.checking.results:_record_event", "before", 2),
    ("before_call", "providers.http:call", "before", 2),
    ("call_noted", _SENT, "before", 3),
    ("answered", _SENT, "after", 2),
    ("call_saved", "providers.http:call", "after", 3),
    ("before_answers", "contacts.checking.run:record_answers", "before", 2),
    ("answers_written", "contacts.checking.results:_write", "after", 2),
    ("answers_in_ledger", "contacts.checking.results:_record_event", "after", 3),
    ("answers_recorded", "contacts.checking.run:record_answers", "after", 2),
    ("before_failure", "contacts.checking.run:record_failure", "before"),
    ("failure_recorded", "contacts.checking.run:record_failure", "after"),
    ("before_finish", "contacts.checking.run:finish_if_done", "before"),
    ("finished", "contacts.checking.run:finish_if_done", "after"),
    ("before_successor", "contacts.tasks:async_task", "before"),
    ("successor_queued", "contacts.tasks:async_task", "after"),
    ("ledger_locked", "audit.ledger:_append", "before", 4),
    ("ledger_appended", "audit.ledger:record", "after", 4),
)
_LOST_CHECKS = _points(
    "lost_checks",
    ("before_closing", "contacts.tasks:close_lost", "before"),
    ("closing_written", "contacts.checking.results:_write", "after"),
    ("closed", "contacts.tasks:close_lost", "after"),
    ("finished", "contacts.tasks:finish_the_done", "after"),
)
_MESSAGE = _points(
    "message",
    ("before_claim", "contacts.messaging.sending:_claim", "before"),
    ("attempt_written", "contacts.messaging.sending:_begin", "after"),
    ("claimed", "contacts.messaging.sending:_claim", "after"),
    ("call_noted", _SENT, "before"),
    ("answered", _SENT, "after"),
    ("call_saved", "contacts.messaging.sending:_call", "after"),
    ("before_record", "contacts.messaging.sending:_record", "before"),
    ("record_written", "contacts.messaging.sending:record_event", "after", 2),
    ("recorded", "contacts.messaging.sending:_record", "after"),
)
_WEBHOOKS = _points(
    "webhooks",
    ("before_storing", "webhooks.receive:store", "before", 2),
    ("before_insert", "webhooks.receive:_write", "before", 2),
    ("inserted", "webhooks.receive:_write", "after", 2),
    ("before_waking", "webhooks.receive:_wake", "before"),
    ("wake_written", "webhooks.draining:async_task", "after"),
    ("stored", "webhooks.receive:store", "after", 3),
    ("claimed", "webhooks.draining:claim", "after"),
    ("before_rows", "webhooks.processing:_rows_of", "before"),
    ("rows_added", "webhooks.processing:_rows_of", "after"),
    ("statuses_written", "webhooks.dispatch:record_statuses", "after"),
    ("statuses_taken", "webhooks.dispatch:take_together", "after"),
    ("before_event", "webhooks.dispatch:_take", "before", 2),
    ("effect_written", "contacts.inbound:receive_message", "after"),
    ("event_taken", "webhooks.dispatch:take", "after", 2),
    ("opt_out_written", "contacts.opt_ins:withdraw", "after"),
    ("before_end", "webhooks.processing:_end_processed", "before"),
    ("ended", "webhooks.processing:_end_processed", "after"),
)
_IMPORT = _points(
    "opt_in_import",
    ("kept", "contacts.consent.uploads:keep", "after"),
    ("confirmation_written", "contacts.consent.uploads:async_task", "before"),
    ("confirmed", "contacts.consent.uploads:confirm", "after"),
    ("staged", "contacts.consent.staging:refill", "after", 2),
    ("people_made", "contacts.consent.committing:make_contacts", "after", 2),
    ("settled", "contacts.consent.committing:settle", "after", 2),
    ("chunk_written", "contacts.consent.committing:Committer._advance", "after", 2),
    ("first_chunk_committed", "contacts.consent.committing:Committer._write", "after"),
    ("chunk_committed", "contacts.consent.committing:Committer._write", "after", 3),
    ("withdrawals_read", "contacts.consent.importing:_Passes._read_withdrawals", "after"),
    ("before_finish", "contacts.consent.committing:Committer.finish", "before"),
    ("finished", "contacts.consent.committing:Committer.finish", "after"),
    ("file_removed", "contacts.opt_ins:wait_for_calls", "before"),
)
_IMPORT_COMMAND = _points(
    "import_command",
    ("chunk_written", "contacts.consent.committing:Committer._advance", "after", 2),
    ("chunk_committed", "contacts.consent.committing:Committer._write", "after", 2),
    ("finished", "contacts.consent.committing:Committer.finish", "after"),
)
_EXPORT = _points(
    "export",
    ("asked_for", "audit.export.jobs:request", "after"),
    ("claimed", "audit.export.running:_claim", "after"),
    ("ledger_written", "audit.export.making:_write_ledger", "after"),
    ("signed", "audit.export.making:_sign", "after"),
    ("made", "audit.export.running:make", "after"),
    ("packed", "audit.export.parts:pack", "after"),
    ("finish_written", "audit.export.running:mark", "after"),
    ("finished", "audit.export.running:_finish", "after"),
)
_EXPORT_FOLDER = _points(
    "export_folder",
    ("made", "audit.export.to_folder:make", "after"),
    ("half_flushed", "audit.export.folder:_flush", "after", 2),
    ("published", "audit.export.to_folder:_mark", "before", 2),
)
_ERASURE = _points(
    "erasure",
    ("suspension_written", "contacts.erasure.restricting:_record", "after"),
    ("suspended", "contacts.erasure.erasing:suspend", "after"),
    ("rows_removed", "contacts.erasure.erasing:_remove_rows", "after"),
    ("journal_written", "contacts.erasure.journal:write", "after"),
    ("removed", "contacts.erasure.erasing:remove", "after"),
    ("looked_through", "contacts.erasure.finishing:_close", "before"),
    ("finished", "contacts.erasure.finishing:_close", "after"),
)
_NUMBER = _points(
    "number",
    ("request_begun", "numbers.attempts:carry", "before"),
    ("request_noted", _SENT, "before"),
    ("request_answered", _SENT, "after"),
    ("request_written", "numbers.attempts:record_end", "after"),
    ("request_ended", "numbers.attempts:carry", "after"),
    ("read", "numbers.sync:apply", "after"),
    ("submission_begun", "numbers.attempts:carry", "before", 2),
    ("submission_answered", _SENT, "after", 3),
    ("submission_written", "numbers.attempts:record_end", "after", 2),
    ("submission_ended", "numbers.attempts:carry", "after", 2),
    ("registration_begun", "numbers.attempts:carry", "before", 3),
    ("registration_noted", _SENT, "before", 5),
    ("registration_answered", _SENT, "after", 5),
    ("registration_ended", "numbers.attempts:carry", "after", 3),
)
_TRUST = _points(
    "trust",
    ("case_closed_written", "contacts.identity.settling:record", "after"),
    ("case_closed", "contacts.identity.settling:_send", "before"),
    ("resend_claimed", "contacts.messaging.sending:_claim", "after"),
    ("resend_answered", "contacts.messaging.sending:_call", "after"),
    ("resent", "contacts.identity.settling:_send", "after"),
)
_NODE_CASE = _points(
    "node_case",
    ("marked", "contacts.identity.node:_refuse_if_late", "before"),
    ("answered", _SENT, "after"),
    ("read", "contacts.identity.node:observe", "after"),
    ("acknowledged", _SENT, "after", 3),
    ("closing_written", "contacts.identity.node:record", "after"),
)

POINTS = {
    point.name: point
    for points in (
        _CHECK_RUN,
        _LOST_CHECKS,
        _MESSAGE,
        _WEBHOOKS,
        _IMPORT,
        _IMPORT_COMMAND,
        _EXPORT,
        _EXPORT_FOLDER,
        _ERASURE,
        _NUMBER,
        _TRUST,
        _NODE_CASE,
    )
    for point in points
}
