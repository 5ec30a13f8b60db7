"""No base URL and no name server leads a call inside: judged by the connections that are tried.

What a refusal says is for `tests/providers/test_http.py`; here only packets count, of calls and connection tests alike.
"""

import contextlib
import socket
from typing import Any

import pytest
from django.conf import LazySettings

from audit.models import ProviderCall
from providers.errors import NotConfigured, NotSent
from providers.probe import reach
from tests.faults.refused_addresses import CROOKED, INSIDE, LED_INSIDE, PUBLIC, THIS_MACHINE, account, call, lead

pytestmark = pytest.mark.django_db


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every address that a connection or a datagram was tried to; none succeeds."""
    seen: list[str] = []

    def refuse(self: socket.socket, address: Any, *rest: Any) -> None:
        seen.append(str(address[0] if isinstance(address, tuple) else address))
        raise ConnectionRefusedError

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket.socket, "sendto", lambda self, content, *rest: refuse(self, rest[-1]))
    lead(monkeypatch, {})
    return seen


def refused(base_url: str) -> bool:
    """Call and test the connection, and tell whether both say that they did not get there."""
    with contextlib.suppress(NotConfigured, NotSent):
        call(base_url)
        return False
    return not reach(account(base_url))[-1].ok


def test_there_is_no_lack_of_targets() -> None:
    assert len(set(INSIDE)) + len(set(CROOKED)) + len(LED_INSIDE) >= 120


@pytest.mark.parametrize("local", [False, True], ids=["public only", "local mode"])
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_no_packet_leaves_for_a_host_inside(
    tried: list[str], monkeypatch: pytest.MonkeyPatch, settings: LazySettings, local: bool, scheme: str
) -> None:
    settings.PROVIDERS_ALLOW_LOCAL = local
    # What the system does not read as an address is a name, and it too leads inside.
    lead(monkeypatch, {"*": ["10.9.9.9"]})
    for host in [*INSIDE, *THIS_MACHINE]:
        assert refused(f"{scheme}://{host}"), host
        if local and host in THIS_MACHINE:
            # That is what the sandbox's mode is for; nothing but the loopback is tried then.
            assert set(tried) <= {"127.0.0.1", "127.255.255.254", "::1", "::1%lo"}, host
            tried.clear()
        assert tried == [], host


@pytest.mark.parametrize("local", [False, True], ids=["public only", "local mode"])
def test_no_packet_leaves_inside_for_a_crooked_base_url(
    tried: list[str], monkeypatch: pytest.MonkeyPatch, settings: LazySettings, local: bool
) -> None:
    settings.PROVIDERS_ALLOW_LOCAL = local
    lead(monkeypatch, {"*": ["8.8.8.8"]})
    for base_url in CROOKED:
        assert refused(base_url), base_url
        # A public host that the URL names may be tried: what matters is whom it could be mistaken for.
        assert set(tried) <= {"8.8.8.8"}, base_url
        tried.clear()


@pytest.mark.parametrize("local", [False, True], ids=["public only", "local mode"])
def test_no_packet_leaves_for_a_name_that_leads_inside(
    tried: list[str], monkeypatch: pytest.MonkeyPatch, settings: LazySettings, local: bool
) -> None:
    settings.PROVIDERS_ALLOW_LOCAL = local
    for addresses in LED_INSIDE:
        lead(monkeypatch, {"*": addresses})
        with pytest.raises(NotSent, match="private, loopback or reserved"):
            call("https://innocent.example")
        assert refused("https://innocent.example:8443/api")
        assert tried == [], addresses
    assert set(ProviderCall.objects.values_list("outcome", flat=True)) == {"NOT_SENT"}


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_tried(tried: list[str], monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    lead(monkeypatch, {"*": [address]})
    with pytest.raises(NotSent, match="refused"):
        call("https://public.example")
    assert tried == [address]


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254", "::1", "10.0.0.1"])
def test_a_name_that_changes_where_it_leads_gains_nothing(
    tried: list[str], monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    outside, within = {"*": ["8.8.8.8"]}, {"*": [inside]}
    for turns in ([outside, within], [outside, outside, within], [outside, within, outside, within]):
        lead(monkeypatch, *turns)
        for _time in turns:
            assert refused("https://rebinding.example")
    assert tried
    assert set(tried) == {"8.8.8.8"}


@pytest.mark.parametrize("base_url", ["http://localhost", "http://localhost:9009", "https://localhost"])
def test_this_machines_name_leads_nowhere_else_in_the_local_mode(
    tried: list[str], monkeypatch: pytest.MonkeyPatch, base_url: str
) -> None:
    for addresses in (["8.8.8.8"], ["10.0.0.1"], ["127.0.0.1", "8.8.8.8"]):
        lead(monkeypatch, {"localhost": addresses})
        assert refused(base_url)
    assert tried == []
