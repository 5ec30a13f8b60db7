"""Whatever goes wrong at a provider is a result or one of our errors, said without secrets, recorded, and in time.

The suite takes a seeded sample of every kind of fault and every operation. `PROVIDER_FAULTS=100000 FAULT_SEED=7` makes
so many calls; the counts by kind and by what the calls became are printed at the end.
"""

import logging
import os
import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from audit.models import ProviderCall
from providers import http, line
from providers.errors import AnswerLost, NotSent
from providers.models import Business, ProviderAccount
from tests.faults.provider_calls import CALLS, SECRETS, Call
from tests.faults.provider_faults import KINDS, Kind
from tests.faults.provider_host import Authority, Exchange, Host, running
from tests.faults.provider_judge import Provider

SEED = int(os.environ.get("FAULT_SEED") or secrets.randbelow(2**31))
#: 0 is the sample of the suite: each kind at so many operations.
COUNT = int(os.environ.get("PROVIDER_FAULTS") or 0)
EACH = 3


def suffers(call: Call, kind: Kind) -> bool:
    """Tell whether there is such a fault for this operation."""
    if kind.variant:
        return not call.probes and (kind.name == "another provider's answer" or kind.name in call.variants)
    return True


def drawn(chance: random.Random) -> Iterator[tuple[Call, Kind]]:
    """Give what is tried: a sample in which each kind and each operation comes, or as many as were asked for."""
    if not COUNT:
        for kind in KINDS.values():
            calls = [call for call in CALLS if suffers(call, kind)]
            yield from ((call, kind) for call in chance.sample(calls, min(len(calls), 1 if kind.weight == 1 else EACH)))
        return
    kinds = list(KINDS.values())
    left = COUNT
    for kind in kinds:
        for call in CALLS:
            if suffers(call, kind) and left > 0:
                left -= 1
                yield call, kind
    while left > 0:
        for kind in chance.choices(kinds, [kind.weight for kind in kinds], k=min(left, 1000)):
            left -= 1
            yield chance.choice([call for call in CALLS if suffers(call, kind)]), kind


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def provider(acme: Business, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Provider, Host]]:
    """Calls whose hosts are trusted through the authority, and the host where nobody may arrive."""
    route = ProviderAccount.route

    def trusting(account: ProviderAccount) -> http.Account:
        found = route(account)
        return http.Account(found.id, found.name, found.kind, found.base_url, ca_file=str(authority.file))

    monkeypatch.setattr(ProviderAccount, "route", trusting)
    monkeypatch.setattr(line, "CONNECT_TIMEOUT", 0.5)

    def never(exchange: Exchange) -> None:
        exchange.read()

    with running(Host(never)) as elsewhere:
        yield Provider(acme, authority, elsewhere.url), elsewhere


@pytest.mark.django_db
def test_every_fault_of_a_provider_is_a_result_or_an_error_of_ours(provider: tuple[Provider, Host]) -> None:
    made, elsewhere = provider
    chance = random.Random(SEED)
    print(f"FAULT_SEED={SEED}")  # noqa: T201 - shown when it fails, and by `make faults`
    # In place of the handlers that would keep the lines of all calls.
    with patch.object(logging.getLogger(), "handlers", [made.heard]):
        for number, (call, kind) in enumerate(drawn(chance), 1):
            made.suffer(call, kind, chance)
            if number % 5_000 == 0:
                print(number, len(made.tally.unclassified), len(made.tally.escaped), flush=True)  # noqa: T201 - as above
    print(made.tally)  # noqa: T201 - as above
    assert (made.tally.unclassified, made.tally.escaped) == ([], [])
    assert len(made.tally.kinds) >= 40
    assert set(made.tally.kinds) == set(KINDS) or COUNT
    assert elsewhere.requests == []


def _fail(error: BaseException) -> Any:
    raise error


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("make", "seen"),
    [
        (lambda client: CALLS[0].make(client), ""),
        (lambda client: _fail(KeyError("data")), "escaped"),
        (lambda client: CALLS[0].gives, "0 rows"),
        (lambda client: CALLS[0].make(client) and None, "expected"),
        (lambda client: CALLS[0].make(client) and _fail(NotSent("No.")), "a request was read"),
        (lambda client: CALLS[0].make(client) and _fail(AnswerLost(f"Lost {SECRETS[0]}.")), "says"),
        (lambda client: CALLS[0].make(client) and CALLS[0].make(client) and CALLS[0].make(client), "3 times"),
        (lambda client: CALLS[0].make(client) and ProviderCall.objects.update(outcome="STARTED"), "without an outcome"),
        (lambda client: CALLS[0].make(client) and ProviderCall.objects.update(milliseconds=60_000), "lasted"),
        (lambda client: CALLS[0].make(client) and ProviderCall.objects.update(error=SECRETS[0]), "says"),
    ],
)
def test_the_judge_sees_what_is_wrong(provider: tuple[Provider, Host], make: Callable[[Any], Any], seen: str) -> None:
    made, _elsewhere = provider
    made.suffer(replace(CALLS[0], make=make), KINDS["gzip"], random.Random(1))
    said = [*made.tally.unclassified, *(f"escaped: {one}" for one in made.tally.escaped)]
    assert len(said) == bool(seen)
    assert seen in "".join(said)
