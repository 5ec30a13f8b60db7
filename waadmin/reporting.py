"""Reports of errors to Sentry, where SENTRY_DSN is set and sentry-sdk is installed (an optional extra).

A report is made anew from the few parts that are let out: what failed and where in the code, after the redactor that
the log has. No variables, no request, no breadcrumbs: they hold numbers and what people wrote.
"""

import logging
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, cast

from audit.redaction import redact

#: Parts of a report that hold nothing of ours and stay as they are.
_PLAIN = ("event_id", "timestamp", "level", "platform", "logger", "release", "environment", "sdk", "type")
_OF_A_FRAME = ("filename", "module", "function", "lineno", "in_app")


def is_installed() -> bool:
    """Tell whether sentry-sdk is there."""
    return find_spec("sentry_sdk") is not None


def begin(dsn: str, **options: Any) -> None:
    """Report errors from now on; nothing happens without an address or without the library."""
    if not dsn or not is_installed():
        return
    import sentry_sdk
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=dsn,
        # What goes wrong is logged, exceptions of requests and of tasks too: nothing else has to be looked into.
        default_integrations=False,
        integrations=[LoggingIntegration(level=None, event_level=logging.ERROR)],
        # Personal data is left out without being asked to: `send_default_pii` is off, and going away.
        before_send=cast(Any, only_what_may_leave),
        before_breadcrumb=lambda crumb, hint: None,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        # Errors only: a trace, a profile or a log would hold addresses and statements, and pass no redactor.
        traces_sample_rate=None,
        send_client_reports=False,
        auto_session_tracking=False,
        server_name="",
        **options,
    )


def only_what_may_leave(event: Mapping[str, Any], hint: Mapping[str, Any]) -> dict[str, Any]:
    """Make a report anew from what may leave the process."""
    report = {name: event[name] for name in _PLAIN if name in event}
    entry = event.get("logentry") or {}
    if said := entry.get("formatted") or entry.get("message") or event.get("message"):
        report["logentry"] = {"message": redact(str(said))}
    if event.get("transaction"):
        report["transaction"] = redact(str(event["transaction"]))
    raised = (event.get("exception") or {}).get("values") or []
    report["exception"] = {"values": [_exception(one) for one in raised]}
    return report


def _exception(raised: Mapping[str, Any]) -> dict[str, Any]:
    frames = (raised.get("stacktrace") or {}).get("frames") or []
    return {
        "type": raised.get("type"),
        "module": raised.get("module"),
        "value": redact(str(raised.get("value") or "")),
        "stacktrace": {"frames": [{name: frame.get(name) for name in _OF_A_FRAME} for frame in frames]},
    }
