"""Makes calls with a fault each, judges what comes of them, and counts.

Right is a result or an error of ours of a class that the fault demands, said without secrets, recorded, and in time.
"""

import contextlib
import json
import logging
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from audit.models import ProviderCall
from providers.errors import AnswerLost, NotSent, ProviderError, Throttled
from providers.models import Business, ProviderAccount
from tests import factories
from tests.faults.provider_calls import ANSWERS, CALLS, CREDENTIALS, SECRETS, Call
from tests.faults.provider_faults import PATIENT, Kind
from tests.faults.provider_host import Authority, Host, closed_port, deaf_port, running
from tests.faults.provider_scripts import answers, fixed

#: Seconds that a call may last beyond its deadline.
GRACE = 1.5


class Heard(logging.Handler):
    """Keeps what is logged during one call."""

    def __init__(self) -> None:
        super().__init__(level=0)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += f"{record.getMessage()} {record.exc_info or ''}\n"


class Tally:
    """What became of all calls."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.became: Counter[str] = Counter()
        self.operations: Counter[str] = Counter()
        #: Neither the result nor the error that the fault demands, or one that says or does too much.
        self.unclassified: list[str] = []
        #: What is no error of ours at all.
        self.escaped: list[str] = []

    def __str__(self) -> str:
        lines = [
            f"{sum(self.kinds.values())} calls, {len(self.kinds)} kinds of fault, {len(self.operations)} operations"
        ]
        for title, counts in (("kind", self.kinds), ("operation", self.operations), ("became", self.became)):
            lines += [f"  {title:9} {count:7}  {name}" for name, count in sorted(counts.items())]
        lines += [f"unclassified: {len(self.unclassified)}, escaped: {len(self.escaped)}"]
        return "\n".join([*lines, *self.unclassified[:40], *self.escaped[:40]])


def everything_said(error: BaseException | None) -> str:
    if error is None:
        return ""
    more = [vars(error), everything_said(error.__cause__), everything_said(error.__context__)]
    return f"{error!r} {error} {error.args} {more}"


class Provider:
    """Makes one call after another, each to a host of its own with one fault."""

    def __init__(self, owner: Business, authority: Authority, elsewhere: str) -> None:
        self.tally, self.heard = Tally(), Heard()
        self._authority, self._elsewhere = authority, elsewhere
        self._last_row = 0
        self._accounts: dict[str, ProviderAccount] = {}
        for call in CALLS:
            options = factories.OPTIONS[call.account] | call.options
            name = f"faults-{len(self._accounts)}"
            self._accounts[str(call)] = factories.account(
                owner, call.account, base_url="", name=name, credentials=CREDENTIALS[call.account], options=options
            )

    def suffer(self, call: Call, kind: Kind, chance: random.Random) -> None:
        """Make the call with the fault, and judge what came of it."""
        self.heard.text = ""
        requests: list[bytes] = []
        error: BaseException | None = None
        given: Any = None
        with self._host(call, kind, chance) as (url, host):
            client = self._client(call, kind, url)
            began = time.monotonic()
            try:
                given = call.make(client)
            except Exception as raised:  # noqa: BLE001 - what escapes is what is counted
                error = raised
            lasted = time.monotonic() - began
        if host is not None:
            requests = host.requests
        rows = list(ProviderCall.objects.filter(pk__gt=self._last_row).order_by("pk"))
        self._last_row = rows[-1].pk if rows else self._last_row
        became = type(error).__name__ if error is not None else call.says(given)
        wrong = list(self._wrong(call, kind, error, given, requests, rows, lasted))
        self._count(call, kind, error, became, wrong)

    def _count(self, call: Call, kind: Kind, error: BaseException | None, became: str, wrong: list[str]) -> None:
        tally, where = self.tally, f"{call} with “{kind.name}” became {became}"
        tally.kinds[kind.name] += 1
        tally.operations[str(call)] += 1
        tally.became[became] += 1
        if error is not None and not isinstance(error, ProviderError):
            tally.escaped.append(f"{where}: {error}")
            return
        expected = call.expected(kind)
        names = {one.__name__ for one in type(error).__mro__} if error is not None else {became}
        # A busy machine may not even connect in so little time; that a request was read is wrong all the same.
        in_vain = kind.deadline < PATIENT and isinstance(error, NotSent)
        if not names & expected and not in_vain:
            wrong.append(f"expected {sorted(expected)}")
        if wrong:
            tally.unclassified.append(f"{where}: {'; '.join(wrong)}")

    def _wrong(
        self,
        call: Call,
        kind: Kind,
        error: BaseException | None,
        given: Any,
        requests: list[bytes],
        rows: list[ProviderCall],
        lasted: float,
    ) -> Iterator[str]:
        """Say what is wrong beside the class."""
        said = everything_said(error) + self.heard.text
        said += repr([(row.url, row.error, row.subject, row.operation) for row in rows])
        if call.probes:
            said += repr(given)
        elif isinstance(given, tuple):
            said += repr([(result.code, result.detail) for result in given])
        yield from (f"says {secret}" for secret in SECRETS if secret in said)
        with contextlib.suppress(UnicodeEncodeError):
            said.encode()
            said = ""
        if said:
            yield "says what cannot be stored"
        if len(requests) > call.most + call.spared:
            yield f"asked {len(requests)} times"
        asked = [request for request in requests if b" /v1/users/login " not in request][max(0, call.spared - 1) :]
        if isinstance(error, NotSent) and asked and call.spared < 1:
            yield "a request was read"
        if len(rows) < (not call.probes) or len(rows) < len(requests):
            yield f"{len(requests)} requests, {len(rows)} rows"
        if any(row.outcome == "STARTED" or row.milliseconds is None for row in rows):
            yield "a row without an outcome"
        if rows and isinstance(error, NotSent) and not call.signs_in and rows[-1].outcome not in ("NOT_SENT", "LOST"):
            yield f"a row of {rows[-1].outcome}"
        if rows and isinstance(error, AnswerLost) and rows[-1].outcome == "NOT_SENT":
            yield "a row that says nothing was sent"
        if any((row.milliseconds or 0) > (kind.deadline + GRACE) * 1000 for row in rows):
            yield f"lasted {max(row.milliseconds or 0 for row in rows)} ms"
        steps = 2 if call.probes else 0
        if lasted > kind.deadline * (max(1, len(rows)) + steps) + GRACE:
            yield f"lasted {lasted:.1f} s"
        if isinstance(error, Throttled) and not 1 <= error.retry_after.total_seconds() <= 24 * 3600:
            yield f"waits {error.retry_after}"

    @contextlib.contextmanager
    def _host(self, call: Call, kind: Kind, chance: random.Random) -> Iterator[tuple[str, Host | None]]:
        if isinstance(kind.instead, str):
            with closed_port() if kind.instead == "closed" else deaf_port() as port:
                yield f"http://127.0.0.1:{port}", None
            return
        if kind.instead is not None:
            with named(kind.instead):
                yield "https://provider.example", None
            return
        script = kind.script
        if kind.name in call.variants:
            script = answers("200 OK", fixed(json.dumps(call.variants[kind.name]).encode()))
        elif kind.variant:
            others = [body for name, body in ANSWERS.items() if name != call.account]
            script = answers("200 OK", fixed(*(json.dumps(body).encode() for body in others)))
        host = Host(
            script,
            right=call.answer,
            chance=chance,
            spared=call.spared,
            secured=kind.secured,
            authority=self._authority,
            elsewhere=self._elsewhere,
        )
        with running(host):
            yield host.url, host

    def _client(self, call: Call, kind: Kind, url: str) -> Any:
        account = self._accounts[str(call)]
        account.base_url = url
        client = call.client(account)
        client.deadline = kind.deadline
        return client


@contextlib.contextmanager
def named(addresses: tuple[str, ...]) -> Iterator[None]:
    """Let every host name lead to these addresses, or nowhere."""

    def resolve(host: str, port: int, *rest: Any, **named: Any) -> Any:
        if not addresses:
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    with patch.object(socket, "getaddrinfo", resolve):
        yield
