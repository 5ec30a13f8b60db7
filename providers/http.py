"""The only way out: one HTTPS call with a total deadline, a body cap, no redirects and one ProviderCall row.

Never follows a redirect (requests would forward `api-key` headers to another host), never reads proxy or netrc settings
from the environment, never lets an exception's text carry the URL.
"""

import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPResponse, IncompleteRead
from typing import Any

import requests
import urllib3
from django.conf import settings
from django.views.decorators.debug import sensitive_variables
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from audit import log_context
from audit.models import ProviderCall
from providers.addresses import check_base_url, speaks_to_loopback
from providers.errors import AnswerLost, NotSent
from providers.interfaces import CallContext
from providers.line import CONNECT_TIMEOUT, TOO_LATE, Head, Line

BODY_CAP = 4 * 1024 * 1024
DEFAULT_RETRY_AFTER = timedelta(seconds=60)
LONGEST_RETRY_AFTER = timedelta(hours=24)
logger = logging.getLogger(__name__)
# urllib3 logs the URL of an answer that it finds odd, and the URL may hold a person's number.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Account:
    """What the way out needs to know of a provider account."""

    id: int | None
    name: str
    kind: str
    base_url: str
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's whole answer: status, headers in lower case, and the body's bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Read the body as JSON.

        :raises AnswerLost: when it is not JSON, is nested beyond reading, or is empty.
        """
        with suppress(ValueError, RecursionError):
            return json.loads(self.body)
        raise AnswerLost(
            f"The provider answered HTTP {self.status} with something that is not JSON.", http_status=self.status
        )


@sensitive_variables()  # a report of an error in here or below must show neither credentials nor a number
def call(
    account: Account,
    *,
    method: str,
    path: str,
    masked_path: str,
    context: CallContext,
    deadline: float,
    headers: Mapping[str, str],
    json_body: Any = None,
) -> Answer:
    """Make one call and record it; `deadline` (seconds) bounds connection, answer and body together.

    `masked_path` is what the record shows: no credential, no person's number. A fresh connection carries each call,
    because a kept one may be closed by the other side just as we send, and then nobody knows whether it was read.

    :raises NotSent: when nothing left.
    :raises AnswerLost: when the request left and no whole answer came.
    """
    check_base_url(account.base_url)
    row = ProviderCall.objects.create(
        account_id=account.id,
        account_name=account.name,
        kind=account.kind,
        operation=context.operation,
        subject=context.subject,
        method=method,
        url=(account.base_url.rstrip("/") + masked_path)[:300],
        numbers_count=context.numbers_count,
        started_at=datetime.now(UTC),
    )
    started = time.monotonic()
    try:
        with log_context.about(account=account.name, operation=context.operation):
            answer = _send_or_log(account, method, path, headers, json_body, deadline)
    except (NotSent, AnswerLost) as error:
        row.outcome = ProviderCall.Outcome.NOT_SENT if isinstance(error, NotSent) else ProviderCall.Outcome.LOST
        row.error = error.message[:200]
        raise
    else:
        row.outcome = ProviderCall.Outcome.ANSWERED
        row.http_status = answer.status
    finally:
        row.milliseconds = round((time.monotonic() - started) * 1000)
        row.save(update_fields=["outcome", "error", "http_status", "milliseconds"])
    return answer


def trusted_certificates(account: Account) -> str:
    """Give the file of certificate authorities that calls of this account trust."""
    return account.ca_file or DEFAULT_CA_BUNDLE_PATH


def read_retry_after(value: str | None, *, now: datetime) -> timedelta:
    """Read a Retry-After header: seconds or an HTTP date; 60 s for anything else, never more than a day."""
    wait = DEFAULT_RETRY_AFTER
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        # Ten digits are more than three centuries, and thousands of them no integer that Python reads.
        wait = timedelta(seconds=int(text)) if len(text) < 10 else LONGEST_RETRY_AFTER
    elif text:
        with suppress(ValueError, TypeError, OverflowError):
            at = parsedate_to_datetime(text)
            wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta(seconds=1)), LONGEST_RETRY_AFTER)


class _Response(HTTPResponse):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fp = self._head = Head(self.fp.detach())

    def begin(self) -> None:
        super().begin()
        if not self._head.is_whole:
            # http.client takes a head that breaks off for a whole one, and no body for an empty one.
            raise IncompleteRead(b"")

    def _safe_read(self, amt: int) -> bytes:
        # Chunks are read through here, and one that says it has -1 bytes would be read to its end, past our cap.
        if amt < 0:
            raise IncompleteRead(b"")
        return super()._safe_read(amt)  # type: ignore[misc, no-any-return]


def _connection_classes(line: Line) -> tuple[type[HTTPConnection], type[HTTPSConnection]]:
    class Plain(HTTPConnection):
        response_class = _Response

        def _new_conn(self) -> socket.socket:
            return line.open(self._dns_host, self.port or self.default_port, self.socket_options)

        def connect(self) -> None:
            super().connect()
            line.connected = True

    class TLS(HTTPSConnection):
        response_class = _Response

        def _new_conn(self) -> socket.socket:
            return line.open(self._dns_host, self.port or self.default_port, self.socket_options)

        def connect(self) -> None:
            super().connect()
            line.connected = True

    return Plain, TLS


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        # requests reads the whole body of a redirect that it does not follow, past our cap.
        return None


class _LineAdapter(HTTPAdapter):
    def __init__(self, line: Line) -> None:
        self._line = line
        super().__init__(max_retries=0, pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        plain, tls = _connection_classes(self._line)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("TLSPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
        }


def _send_or_log(account: Account, *call: Any) -> Answer:
    try:
        return _send(account, *call)
    except (NotSent, AnswerLost) as error:
        logger.warning("%s", error.message)
        raise


def _send(
    account: Account, method: str, path: str, headers: Mapping[str, str], json_body: Any, deadline: float
) -> Answer:
    line = Line(
        allow_loopback=settings.PROVIDERS_ALLOW_LOCAL and speaks_to_loopback(account.base_url), deadline=deadline
    )
    session = _Session()
    session.trust_env = False
    adapter = _LineAdapter(line)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    # requests' own timeout is per read: a byte a second would hold the call for ever.
    timer = threading.Timer(deadline, line.cut)
    timer.daemon = True
    timer.start()
    try:
        with session.request(
            method,
            account.base_url.rstrip("/") + path,
            headers={"User-Agent": "waadmin", "Accept": "application/json", **headers},
            json=json_body,
            # A second more than the deadline: it is the timer that ends the call, and says so.
            timeout=(min(CONNECT_TIMEOUT, deadline), deadline + 1),
            allow_redirects=False,
            stream=True,
            verify=account.ca_file or True,
        ) as response:
            body = _read_body(response)
            if line.cut_off:
                raise AnswerLost(f"The answer did not end within {deadline:g} s.")
            if response.status_code < 200:
                # http.client takes what only announces an answer (103 Early Hints) for the answer.
                raise AnswerLost(f"The host announced an answer (HTTP {response.status_code}) that could not be read.")
            return Answer(
                status=response.status_code,
                headers={name.lower(): value for name, value in response.headers.items()},
                body=body,
            )
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        failure: NotSent | AnswerLost
        if not line.connected:
            failure = NotSent(_why_not_sent(error, line))
        elif line.cut_off:
            failure = AnswerLost(f"No whole answer within {deadline:g} s.")
        else:
            failure = AnswerLost("The connection broke before the answer was complete.")
    finally:
        timer.cancel()
        timer.join()
        session.close()
        line.close()
    # Raised out here so that nothing is chained to it: that text would carry the URL, and with it a person's number.
    raise failure


def _read_body(response: requests.Response) -> bytes:
    body = bytearray()
    for piece in response.iter_content(64 * 1024):
        body += piece
        if len(body) > BODY_CAP:
            raise AnswerLost(f"The answer is larger than {BODY_CAP // 1024 // 1024} MiB.")
    if not body and "content-encoding" in response.headers and response.headers.get("content-length", "0") != "0":
        # What was packed and breaks off in its first bytes unpacks to nothing, without an error.
        raise AnswerLost("The answer could not be unpacked.")
    # A body shorter than announced is an error of urllib3's (its enforce_content_length) and ends up as AnswerLost.
    return bytes(body)


def _why_not_sent(error: BaseException, line: Line) -> str:
    # Judged by type and never by text: the text holds the URL, which may hold any word.
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    if line.cut_off or any(isinstance(link, TimeoutError) for link in chain):
        return TOO_LATE
    if any(isinstance(link, ssl.SSLCertVerificationError) for link in chain):
        return "The host's certificate is not trusted."
    if any(isinstance(link, ssl.SSLError) for link in chain):
        return "The TLS handshake failed, or the account's CA file holds no certificate."
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return "The account's CA file could not be read."
    return "The host closed the connection before anything was sent."
