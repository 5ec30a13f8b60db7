"""Provider accounts: whether they can send, whether their API version ends, and, told to go out, whether they answer.

Going out is what Test connection does, and one request without credentials to a base URL for the time over there.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from providers import http, registry
from providers.encryption import WrongEncryptionKey
from providers.errors import ProviderError
from providers.graph import expiry_warning, graph_version_expires, read_version
from providers.interfaces import CallContext
from providers.models import ProviderAccount
from waadmin.doctor.finding import Finding, bad, not_checked, ok, warn
from waadmin.doctor.of_machine import compared

_ACCOUNTS, _REACH, _CLOCK = "provider accounts", "providers", "clock of a provider"
_PUT_BACK = "Put the key back that wrote them."
_SECONDS = 10.0
_OPEN = "Open the account in the console, and put right what it says."


def accounts(now: datetime) -> Iterator[Finding]:
    """Look at each account's settings, without sending anything."""
    rows = ProviderAccount.objects.order_by("name").defer("credentials", "webhook_token")
    found: list[Finding] = []
    count = 0
    for account in rows:
        count += 1
        found += _account(account, now)
    if not count:
        yield not_checked(_ACCOUNTS, "There is none yet.", "Add one in the console, or with `configure`.")
    yield from found or ([ok(_ACCOUNTS, f"{count} can send.")] if count else [])


def reach(now: datetime) -> Iterator[Finding]:
    """Try the way to each provider; no number is ever asked about."""
    reached = None
    rows = list(ProviderAccount.objects.order_by("name").defer("credentials", "webhook_token"))
    if not rows:
        yield not_checked(_REACH, "There is none yet.")
    for account in rows:
        try:
            last = registry.probe(account)[-1]
        except ProviderError as error:
            yield bad(_REACH, f"{account.name}: {error.message}", str(error.next_step) or _OPEN)
            continue
        except WrongEncryptionKey:
            yield bad(_REACH, f"{account.name}: its credentials cannot be read.", _PUT_BACK)
            continue
        if last.ok:
            reached = reached or account
            yield ok(_REACH, f"{account.name}: {last.name}: {last.detail}")
        else:
            mend = "Mend what the step says, then press Test connection on the account's page."
            yield bad(_REACH, f"{account.name}: {last.name}: {last.detail}", mend)
    if reached is not None:
        yield _clock(reached)


def _clock(account: ProviderAccount) -> Finding:
    context = CallContext(operation="read_clock")
    try:
        answer = http.call(
            account.route(), method="GET", path="/", masked_path="/", context=context, deadline=_SECONDS, headers={}
        )
        theirs = parsedate_to_datetime(answer.headers["date"])
    except (ProviderError, KeyError, ValueError):
        return not_checked(_CLOCK, f"{account.name} does not say what time it is.")
    theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
    return compared(_CLOCK, (datetime.now(UTC) - theirs).total_seconds(), f"that of {account.name}")


def _account(account: ProviderAccount, now: datetime) -> Iterator[Finding]:
    if stopped := account.stopped_because():
        yield warn(_ACCOUNTS, f"{account.name} sends nothing: {stopped}", _OPEN)
    try:
        registry.check_settings(account)
    except ProviderError as error:
        yield bad(_ACCOUNTS, f"{account.name}: {error.message}", str(error.next_step) or _OPEN)
        return
    except WrongEncryptionKey:
        yield bad(_ACCOUNTS, f"{account.name}: its credentials cannot be read.", _PUT_BACK)
        return
    if account.kind != ProviderAccount.Kind.CLOUD_API:
        return
    version, today = read_version(account), now.astimezone(UTC).date()
    if said := expiry_warning(version, today=today):
        ends = graph_version_expires(version)
        say = bad if ends is not None and today >= ends else warn
        yield say(_ACCOUNTS, f"{account.name}: {said}", "Set the option “api_version” to a version that goes on.")
