"""The only way out: one HTTPS call with a total deadline, a body cap, no redirects and one ProviderCall row.

Never follows a redirect (requests would forward `api-key` headers to another host), never reads proxy or netrc settings
from the environment, never lets an exception's text carry the URL.
"""

import ipaddress
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
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from django.conf import settings
from django.views.decorators.debug import sensitive_variables
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.connection import create_connection

from audit.models import ProviderCall
from providers.errors import AnswerLost, NotConfigured, NotSent, Throttled
from providers.interfaces import CallContext

CONNECT_TIMEOUT = 5.0
BODY_CAP = 4 * 1024 * 1024
DEFAULT_RETRY_AFTER = timedelta(seconds=60)
LONGEST_RETRY_AFTER = timedelta(hours=24)
# urllib3 logs the URL of an answer that it finds odd, and the URL may hold a person's number.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)

_TOO_LATE = "The host did not accept a connection in time."
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


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
    :raises Throttled: on HTTP 429.
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
        answer = _send(account, method, path, headers, json_body, deadline)
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
    if answer.status == 429:
        raise Throttled(
            "The provider asked us to slow down.",
            retry_after=read_retry_after(answer.headers.get("retry-after"), now=datetime.now(UTC)),
        )
    return answer


def check_base_url(base_url: str) -> None:
    """Refuse a base URL that is not https to a named public host.

    With PROVIDERS_ALLOW_LOCAL plain http to a loopback address is allowed too, and nothing else.

    :raises NotConfigured: naming the rule that the URL breaks.
    """
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise NotConfigured("The base URL's host or port cannot be read.") from None
    if port == 0:
        raise NotConfigured("The base URL's port is not a number from 1 to 65535.")
    if set(base_url) & set("?#\\") or "@" in parts.netloc:
        # Even an empty query would swallow the path that is put behind it.
        raise NotConfigured("A base URL holds no user name, password, query or fragment.")
    if any(char.isspace() or not char.isprintable() for char in base_url):
        raise NotConfigured("A base URL holds no spaces or control characters.")
    if not host:
        raise NotConfigured("A base URL starts with https:// and a host name.")
    if settings.PROVIDERS_ALLOW_LOCAL and parts.scheme == "http" and _is_loopback_name(host):
        return
    if parts.scheme != "https":
        raise NotConfigured("A base URL must use https.")
    with suppress(ValueError):
        if not _is_public(ipaddress.ip_address(host)):
            raise NotConfigured("A base URL must not name a private, loopback or reserved address.")


def speaks_to_loopback(base_url: str) -> bool:
    """Tell whether the account talks to this machine, which only a sandbox does."""
    return _is_loopback_name(urlsplit(base_url).hostname or "")


def may_reach(base_url: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tell whether a call to `base_url` may go to `address`: a public one, or loopback where the URL may name it."""
    if _is_public(address):
        return True
    return bool(settings.PROVIDERS_ALLOW_LOCAL) and speaks_to_loopback(base_url) and address.is_loopback


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


class _Line:
    """The connection of one call: knows whether bytes may have left, and can be cut when the deadline passes."""

    def __init__(self, *, allow_loopback: bool, deadline: float) -> None:
        self.connected = False
        self.cut_off = False
        self._allow_loopback = allow_loopback
        self._ends_at = time.monotonic() + deadline
        self._socket: socket.socket | None = None

    def open(self, host: str, port: int, options: Any) -> socket.socket:
        """Connect to the first of the host's addresses that answers; all are judged before a packet leaves."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise NotSent("The host name could not be found.") from None
        addresses = [str(address[0]) for *_, address in found]
        for text in addresses:
            address = ipaddress.ip_address(text.split("%")[0])
            if not (_is_public(address) or (self._allow_loopback and address.is_loopback)):
                raise NotSent("The host name leads to a private, loopback or reserved address.")
        why = "The host refused the connection."
        for text in addresses:
            left = self._ends_at - time.monotonic()
            try:
                if left <= 0:
                    raise TimeoutError
                # The address itself and not the name, which could lead elsewhere when it is resolved again.
                sock = create_connection((text, port), min(CONNECT_TIMEOUT, left), socket_options=options)
            except TimeoutError:
                why = _TOO_LATE
            except OSError:
                continue
            else:
                # A duplicate: TLS detaches the socket that it wraps, and then nobody else could shut it down.
                self._socket = sock.dup()
                if self.cut_off:
                    self.cut()
                return sock
        raise NotSent(why)

    def cut(self) -> None:
        self.cut_off = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


def _connection_classes(line: _Line) -> tuple[type[HTTPConnection], type[HTTPSConnection]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return line.open(self._dns_host, self.port or self.default_port, self.socket_options)

        def connect(self) -> None:
            super().connect()
            line.connected = True

    class TLS(HTTPSConnection):
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
    def __init__(self, line: _Line) -> None:
        self._line = line
        super().__init__(max_retries=0, pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        plain, tls = _connection_classes(self._line)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("TLSPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
        }


def _send(
    account: Account, method: str, path: str, headers: Mapping[str, str], json_body: Any, deadline: float
) -> Answer:
    line = _Line(
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
    # A body shorter than announced is an error of urllib3's (its enforce_content_length) and ends up as AnswerLost.
    return bytes(body)


def _why_not_sent(error: BaseException, line: _Line) -> str:
    # Judged by type and never by text: the text holds the URL, which may hold any word.
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    if line.cut_off or any(isinstance(link, TimeoutError) for link in chain):
        return _TOO_LATE
    if any(isinstance(link, ssl.SSLCertVerificationError) for link in chain):
        return "The host's certificate is not trusted."
    if any(isinstance(link, ssl.SSLError) for link in chain):
        return "The TLS handshake failed, or the account's CA file holds no certificate."
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return "The account's CA file could not be read."
    return "The host closed the connection before anything was sent."


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        # IPv6 has several ways to write an IPv4 address, and each would lead inside.
        if address.ipv4_mapped is not None:
            return _is_public(address.ipv4_mapped)
        if address in _NAT64:
            return _is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in _GLOBAL_UNICAST or address.sixtofour is not None:
            return False
    return address.is_global and not address.is_multicast


def _is_loopback_name(host: str) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False
