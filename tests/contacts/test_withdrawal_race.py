"""A withdrawal against a check under way: once it has returned, nothing for that person reaches a provider.

The run is held at five points between preview and record while the withdrawal goes ahead in another thread.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from contacts import opt_ins
from contacts.checking import run as running
from contacts.models import ContactCheck
from providers.e164 import read_number
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import factories

ROUNDS = 40


class Gap:
    """A place where the run stops until the withdrawal has had its chance."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.released = threading.Event()

    def wait(self) -> None:
        self.reached.set()
        assert self.released.wait(10)


@contextmanager
def in_thread(work: Callable[[], None]) -> Iterator[None]:
    problems: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as problem:  # noqa: BLE001 - shown in the test's own thread below
            problems.append(problem)
        finally:
            connection.close()

    thread = threading.Thread(target=guarded)
    thread.start()
    yield
    thread.join(30)
    assert not thread.is_alive()
    assert not problems, problems


def before(gap: Gap, function: Callable[..., Any]) -> Callable[..., Any]:
    def held(*args: Any, **kwargs: Any) -> Any:
        gap.wait()
        return function(*args, **kwargs)

    return held


def within(gap: Gap, function: Callable[..., Any]) -> Callable[..., Any]:
    def held(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        gap.wait()
        return result

    return held


#: Where the run is held: name, module attribute, and whether before or after it.
POINTS = {
    "before the rows are claimed": ("contacts.checking.run.claim_rows", before),
    "inside the claim, consent locked": ("contacts.checking.claim.load", within),
    "after the attempt is committed": ("contacts.checking.run._ask", before),
    "while the call is on its way": ("providers.http._send", within),
    "before the answer is recorded": ("contacts.checking.run.record_answers", before),
}


@pytest.mark.parametrize("point", POINTS)
def test_nothing_leaves_after_a_withdrawal_has_returned(
    postgresql: None, acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    account = factories.account(acme, "onprem", base_url=sandbox.url)
    path, hold = POINTS[point]
    module_name, name = path.rsplit(".", 1)
    late = []
    for index in range(ROUNDS):
        one = factories.number(100, index)
        factories.opted_in(one, acme)
        batch = factories.check_run(account, one)
        gap = Gap()
        with monkeypatch.context() as patched, in_thread(lambda batch=batch: factories.run(batch)):
            patched.setattr(path, hold(gap, _resolve(module_name, name)))
            if not gap.reached.wait(10):
                pytest.fail(f"the run never came to: {point}")
            # The claim holds the consent row there, and lets go only when the run goes on.
            release = threading.Timer(0.02, gap.released.set)
            release.start()
            recorded = opt_ins.withdraw(
                number=read_number(one),
                business=acme,
                actor="tests",
                now=datetime.now(UTC),
                source="phone",
                reason="stop",
            )
            opt_ins.wait_for_calls([recorded.consent.contact_id], business=acme)
            returned_at = time.time()
            gap.released.set()
        late += [entry for entry in sandbox.journal if one in entry.numbers and entry.at > returned_at]
        assert not ContactCheck.objects.filter(batch=batch, status="SENDING").exists()
    assert late == []


def _resolve(module_name: str, name: str) -> Callable[..., Any]:
    import importlib

    head, _, tail = module_name.rpartition(".")
    try:
        found = importlib.import_module(module_name)
    except ModuleNotFoundError:
        found = getattr(importlib.import_module(head), tail)
    resolved: Callable[..., Any] = getattr(found, name)
    return resolved


def test_a_process_that_was_stopped_past_its_moment_sends_nothing(
    onprem_account: ProviderAccount, acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.opted_in(factories.number(100), acme)
    batch = factories.check_run(onprem_account, factories.number(100))
    claim_rows = running.claim_rows

    def long_ago(**kwargs: Any) -> Any:
        claim = claim_rows(**kwargs)
        return claim and type(claim)(claim.id, claim.asked, claim.claimed_at, send_before=kwargs["now"])

    monkeypatch.setattr(running, "claim_rows", long_ago)
    factories.run(batch, seconds=0.2)
    assert len(sandbox.journal) == 0
    assert factories.results(batch) == {factories.number(100): "SENDING"}
