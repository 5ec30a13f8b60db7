"""Log lines, as JSON or as text: one redactor, one line an event, and what it is about.

The redactor works in the formatter and not in a filter, because a filter of Python 3.11 can only change the record
itself, which others read too. `waadmin.settings.LOGGING` gives every handler one of these formatters.
"""

import json
import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from audit import log_context
from audit.redaction import know, one_line, redact

logger = logging.getLogger(__name__)
FORMATS = ("json", "text")


class Redacting(logging.Formatter):
    """Everything that a line says, after the redactor: the words, the traceback, what it is about."""

    def message_of(self, record: logging.LogRecord) -> str:
        """Give the words on one line; arguments that do not fit them are left out."""
        try:
            return one_line(redact(record.getMessage()))
        except (TypeError, ValueError):
            return one_line(redact(str(record.msg)))

    def traceback_of(self, record: logging.LogRecord) -> str:
        """Give the traceback and its exceptions' texts, never a variable; empty where there is none."""
        parts = [self.formatException(record.exc_info) if record.exc_info else record.exc_text or ""]
        parts.append(record.stack_info or "")
        return redact("\n".join(part for part in parts if part))

    def about(self, record: logging.LogRecord) -> dict[str, Any]:
        """Give what the line is about; a name may hold what people wrote."""
        return {
            name: value if isinstance(value, int) or name == "request_id" else one_line(redact(str(value)))
            for name, value in log_context.now(getattr(record, "request", None)).items()
        }


class JSONLines(Redacting):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self.message_of(record),
            "process": record.process,
            **self.about(record),
        }
        if traceback := self.traceback_of(record):
            line["traceback"] = traceback
        return json.dumps(line)


class TextLines(Redacting):
    """One line to be read as it is; those of a traceback begin with a bar, so that none looks like one of ours."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line, and its traceback below."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(" ", "milliseconds")
        about = " ".join(f"{name}={value}" for name, value in self.about(record).items())
        line = f"{at} {record.levelname} {record.name} {self.message_of(record)}"
        below = [f"  | {_indented(part)}" for part in self.traceback_of(record).splitlines()]
        return "\n".join([f"{line} [{about}]" if about else line, *below])


def _indented(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" "))] + one_line(line)


def configuration(log_format: str) -> dict[str, Any]:
    """Give Django's LOGGING: everything goes to stderr, through one handler."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "waadmin.logs.JSONLines"}, "text": {"()": "waadmin.logs.TextLines"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": log_format if log_format in FORMATS else "json"}
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "axes": {"level": "WARNING"},
            # Django's own handlers would print a second time, and mail whole requests.
            "django": {"handlers": [], "level": "INFO"},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        },
    }


def configuration_of_server(ours: Mapping[str, Any]) -> dict[str, Any]:
    """Give granian's logging the way that everything else goes; it configures its own in each of its processes."""
    through_root = {"handlers": [], "propagate": True}
    return {**ours, "loggers": {**ours["loggers"], "_granian": through_root, "granian.access": through_root}}


def note_task_begins(sender: object, task: Mapping[str, Any], **kwargs: object) -> None:
    """Name the task of this process in its lines, when django-q2 says that one begins."""
    log_context.enter(task=str(task["func"]))


def note_task_ends(sender: object, **kwargs: object) -> None:
    """Name no task any more."""
    log_context.enter(task="")


def know_secrets(settings: Any) -> None:
    """Have the redactor know the values of the secrets among the settings."""
    know(_secrets_of(settings))


def _secrets_of(settings: Any) -> Iterator[str]:
    with suppress(ImproperlyConfigured):  # an empty one is for a system check to name
        yield settings.SECRET_KEY
    yield from (settings.META_WEBHOOK_VERIFY_TOKEN, settings.METRICS_TOKEN, settings.SENTRY_DSN)
    yield from settings.FIELD_ENCRYPTION_KEYS
    yield from settings.META_APP_SECRET
    databases: Mapping[str, Mapping[str, Any]] = settings.DATABASES
    yield from (str(database.get("PASSWORD") or "") for database in databases.values())
    yield urlsplit(settings.REDIS_URL).password or ""


def log_what_nobody_catches() -> None:
    """Let warnings, and exceptions that end the process or a thread, be lines: Python would print them as they are."""

    def note(kind: Any, error: Any, traceback: Any) -> None:
        if not issubclass(kind, KeyboardInterrupt | SystemExit):
            logger.critical("An exception that nobody caught", exc_info=(kind, error, traceback))

    logging.captureWarnings(True)
    sys.excepthook = note
    threading.excepthook = lambda args: note(args.exc_type, args.exc_value, args.exc_traceback)
