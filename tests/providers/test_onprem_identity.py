"""Identities at an On-Premises node: what each documented answer, and each oddity seen of it, becomes."""

from datetime import UTC, datetime
from typing import Any

import pytest
import responses

from audit.models import ProviderCall
from providers.errors import (
    AccountRefused,
    AnswerLost,
    NotConfigured,
    ProviderError,
    Rejected,
    Throttled,
    Unavailable,
)
from providers.interfaces import NodeIdentity
from providers.models import Business
from providers.onprem_identity import NobodyThere, OnPremisesIdentity, StaleIdentity
from providers.registry import identity_node
from sandbox import MessageEnding, Sandbox
from tests import factories
from tests.providers.documented import ANYWHERE, answer, documented, sent

WA_ID = "16315551000"
PATH = f"/v1/contacts/{WA_ID}/identity"


@pytest.fixture
def node(acme: Business) -> OnPremisesIdentity:
    return OnPremisesIdentity(factories.account(acme, "onprem", base_url=ANYWHERE))


def read(node: OnPremisesIdentity, wa_id: str = WA_ID) -> NodeIdentity:
    return node.read_identity(wa_id, subject="TrustCase:7")


def acknowledge(node: OnPremisesIdentity, identity_hash: str = "Rc/eg9RQ0JA=", wa_id: str = WA_ID) -> None:
    node.acknowledge_identity(wa_id, identity_hash, subject="TrustCase:7")


def test_the_documented_identity(node: OnPremisesIdentity, provider: responses.RequestsMock) -> None:
    answer(provider, "GET", PATH, documented("onprem/identity_latest"))
    assert read(node) == NodeIdentity(
        hash="UKD6Y/5SqDU=", acknowledged=True, changed_at=datetime(2020, 9, 15, 1, 8, 14, tzinfo=UTC)
    )
    assert provider.calls[0].request.headers["Authorization"] == "Bearer sandbox-token"


def test_the_documented_acknowledgement(node: OnPremisesIdentity, provider: responses.RequestsMock) -> None:
    request = documented("onprem/identity_acknowledge_request")
    answer(provider, "PUT", PATH, documented("onprem/identity_acknowledged"))
    acknowledge(node, request["hash"])
    assert sent(provider) == request


@pytest.mark.parametrize(("status", "body"), [(200, b"null"), (200, b"{}"), (200, b""), (204, b""), (201, b"{}")])
def test_null_an_empty_object_and_nothing_are_a_yes(
    node: OnPremisesIdentity, provider: responses.RequestsMock, status: int, body: bytes
) -> None:
    answer(provider, "PUT", PATH, body, status=status)
    acknowledge(node)


def test_an_error_without_a_code_is_no_yes(node: OnPremisesIdentity, provider: responses.RequestsMock) -> None:
    answer(provider, "PUT", PATH, {"errors": [{"title": "Not now", "details": "busy"}]})
    with pytest.raises(Rejected, match="Not now: busy"):
        acknowledge(node)


@pytest.mark.parametrize("body", [b"<html>Sign in to this network", b"{", b"[]", b'"yes"', b"OK", b"null null"])
def test_what_no_node_says_is_not_a_yes(
    node: OnPremisesIdentity, provider: responses.RequestsMock, body: bytes
) -> None:
    answer(provider, "PUT", PATH, body)
    with pytest.raises(AnswerLost):
        acknowledge(node)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("true", True), ("false", False), ("True", True), (True, True), (False, False), (1, True), ("maybe", None),
        (None, None),
    ],
)  # fmt: skip
def test_acknowledged_is_a_string_or_a_boolean(
    node: OnPremisesIdentity, provider: responses.RequestsMock, said: Any, meant: bool | None
) -> None:
    answer(provider, "GET", PATH, {"contacts": {"hash": "UKD6Y/5SqDU=", "acknowledged": said}})
    assert read(node) == NodeIdentity("UKD6Y/5SqDU=", meant, None)


def test_contacts_may_be_an_array(node: OnPremisesIdentity, provider: responses.RequestsMock) -> None:
    answer(provider, "GET", PATH, {"contacts": [{"hash": "UKD6Y/5SqDU=", "created_timestamp": "1600132094"}]})
    assert read(node).changed_at == datetime(2020, 9, 15, 1, 8, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b'{"contacts": null}', b'{"contacts": []}', b'{"contacts": {}}', b"<html>",
        b'{"contacts": {"hash": ""}}', b'{"contacts": {"hash": 7}}', b'{"contacts": {"hash": "a b"}}',
        b'{"contacts": {"hash": "a\\u0000"}}', b'{"contacts": {"hash": "' + b"x" * 201 + b'"}}',
    ],
)  # fmt: skip
def test_an_answer_without_an_identity_is_lost(
    node: OnPremisesIdentity, provider: responses.RequestsMock, body: bytes
) -> None:
    answer(provider, "GET", PATH, body)
    with pytest.raises(AnswerLost):
        read(node)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (404, 1006, NobodyThere),
        (401, 1005, AccountRefused),
        (403, 1005, AccountRefused),
        (429, 429, Throttled),
        (400, 1008, Rejected),
        (500, 1000, Unavailable),
        (503, 1011, Unavailable),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_each_refusal_is_what_it_means(
    node: OnPremisesIdentity,
    provider: responses.RequestsMock,
    method: str,
    status: int,
    code: int,
    error: type[ProviderError],
) -> None:
    answer(provider, method, PATH, {"errors": [{"code": code, "title": "T", "details": WA_ID}]}, status=status)
    with pytest.raises(error) as caught:
        read(node) if method == "GET" else acknowledge(node)
    assert WA_ID not in str(caught.value)


def test_a_stale_hash_is_its_own_refusal(node: OnPremisesIdentity, provider: responses.RequestsMock) -> None:
    answer(provider, "PUT", PATH, {"errors": [{"code": 1009, "title": "Stale"}]}, status=409)
    with pytest.raises(StaleIdentity):
        acknowledge(node)


def test_a_failure_in_between_leaves_open_whether_it_was_acknowledged(
    node: OnPremisesIdentity, provider: responses.RequestsMock
) -> None:
    answer(provider, "PUT", PATH, b"<html>502</html>", status=502)
    with pytest.raises(AnswerLost):
        acknowledge(node)


@pytest.mark.parametrize("wa_id", ["", "../users", "1" * 21, "+16315551000", "163 15551000", "US.1234567"])
def test_what_is_no_wa_id_never_stands_in_a_path(node: OnPremisesIdentity, wa_id: str) -> None:
    with pytest.raises(Rejected, match="not a wa_id"):
        read(node, wa_id)
    assert not ProviderCall.objects.exists()


def test_the_log_of_calls_holds_no_number_and_no_hash(
    node: OnPremisesIdentity, provider: responses.RequestsMock
) -> None:
    answer(provider, "GET", PATH, documented("onprem/identity_latest"))
    answer(provider, "PUT", PATH, b"{}")
    read(node)
    acknowledge(node)
    for call in ProviderCall.objects.all():
        assert call.url == f"{ANYWHERE}/v1/contacts/…/identity"
        assert call.subject == "TrustCase:7"
    assert set(ProviderCall.objects.values_list("operation", flat=True)) == {"read_identity", "acknowledge_identity"}


@pytest.mark.parametrize("kind", ["commbox", "accuauth", "cloud_api", "kaleyra"])
def test_no_other_kind_of_account_keeps_identities(acme: Business, kind: str) -> None:
    with pytest.raises(NotConfigured, match="keeps no identities"):
        identity_node(factories.account(acme, kind, base_url=ANYWHERE))


@pytest.mark.parametrize(
    "ending",
    [
        MessageEnding.ACKNOWLEDGED_WITH_NULL,
        MessageEnding.ACKNOWLEDGED_WITHOUT_BODY,
        MessageEnding.ACKNOWLEDGED_IN_WORDS,
        "100",
    ],
)
def test_reading_and_acknowledging_at_the_sandbox(acme: Business, sandbox: Sandbox, ending: str) -> None:
    node = identity_node(factories.account(acme, "onprem", base_url=sandbox.url))
    e164 = factories.number(int(ending))
    seen = sandbox.people.change_identity(e164)
    before = node.read_identity(e164[1:], subject="")
    assert (before.hash, before.acknowledged) == (seen, False)
    with pytest.raises(StaleIdentity):
        node.acknowledge_identity(e164[1:], "another", subject="")
    node.acknowledge_identity(e164[1:], seen, subject="")
    assert node.read_identity(e164[1:], subject="").acknowledged is True


def test_nobody_there_at_the_sandbox(acme: Business, sandbox: Sandbox) -> None:
    node = identity_node(factories.account(acme, "onprem", base_url=sandbox.url))
    with pytest.raises(NobodyThere):
        node.read_identity(factories.number(404)[1:], subject="")
