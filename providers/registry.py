"""Which module speaks to which provider. A further provider adds one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from providers.accuauth import AccuAuth
from providers.commbox import CommBox
from providers.errors import NotConfigured
from providers.graph import expiry_warning, read_version
from providers.interfaces import ContactChecker, IdentityNode, MessageSender, NumberHost, NumberVerifier, ProbeStep
from providers.kaleyra import POD_HOSTS, Kaleyra
from providers.meta import GRAPH, CloudAPI
from providers.meta_messages import CloudAPIMessages
from providers.models import ProviderAccount
from providers.onprem import OnPremises
from providers.onprem_identity import OnPremisesIdentity
from providers.onprem_messages import OnPremisesMessages

_CHECKERS: dict[str, Callable[[ProviderAccount], ContactChecker]] = {
    ProviderAccount.Kind.COMMBOX: CommBox,
    ProviderAccount.Kind.ONPREM: OnPremises,
    ProviderAccount.Kind.ACCUAUTH: AccuAuth,
}
_HOSTS: dict[str, Callable[[ProviderAccount], NumberHost]] = {ProviderAccount.Kind.CLOUD_API: CloudAPI}
_VERIFIERS: dict[str, Callable[[ProviderAccount], NumberVerifier]] = {
    **_HOSTS,
    ProviderAccount.Kind.KALEYRA: Kaleyra,
}
_SENDERS: dict[str, Callable[[ProviderAccount], MessageSender]] = {
    ProviderAccount.Kind.CLOUD_API: CloudAPIMessages,
    ProviderAccount.Kind.ONPREM: OnPremisesMessages,
}


@dataclass(frozen=True, slots=True)
class Needs:
    """The names of the credentials and options that a kind of account takes."""

    credentials: frozenset[str]
    options: frozenset[str]


NEEDS: dict[str, Needs] = {
    ProviderAccount.Kind.COMMBOX: Needs(frozenset({"token"}), frozenset({"stream_id", "evidence_strength"})),
    ProviderAccount.Kind.ONPREM: Needs(
        frozenset({"token", "username", "password"}),
        frozenset(
            {"auth", "header_name", "batch_size", "blocking", "ca_file", "evidence_strength", "template_namespace"}
        ),
    ),
    ProviderAccount.Kind.ACCUAUTH: Needs(
        frozenset({"api_id", "api_secret"}), frozenset({"region", "evidence_strength"})
    ),
    ProviderAccount.Kind.CLOUD_API: Needs(
        frozenset({"access_token"}), frozenset({"api_version", "trust_on_first_use"})
    ),
    ProviderAccount.Kind.KALEYRA: Needs(frozenset({"api_key"}), frozenset({"sid", "pod"})),
}


def contact_checker(account: ProviderAccount) -> ContactChecker:
    """Give the client that looks numbers up through this account.

    :raises NotConfigured: when this kind of account cannot look numbers up, or a credential or option is missing.
    """
    try:
        client = _CHECKERS[account.kind]
    except KeyError:
        raise NotConfigured(
            _("A %(kind)s account cannot look numbers up. Choose a CommBox, On-Premises or AccuAuth account.")
            % {"kind": account.get_kind_display()}
        ) from None
    return client(account)


def can_check(kind: str) -> bool:
    """Tell whether accounts of this kind look numbers up at all."""
    return kind in _CHECKERS


def number_verifier(account: ProviderAccount) -> NumberVerifier:
    """Give the client that verifies our own numbers through this account.

    :raises NotConfigured: when this kind of account has no numbers, or a credential or option is missing.
    """
    try:
        client = _VERIFIERS[account.kind]
    except KeyError:
        raise NotConfigured(
            _("A %(kind)s account has no numbers of its own. Choose a Meta Cloud API or Kaleyra account.")
            % {"kind": account.get_kind_display()}
        ) from None
    return client(account)


def number_host(account: ProviderAccount) -> NumberHost:
    """Give the client that carries our own numbers through their whole life.

    :raises NotConfigured: when this kind of account does not, or a credential or option is missing.
    """
    if account.kind == ProviderAccount.Kind.KALEYRA:
        raise NotConfigured(
            _("Kaleyra adds and registers its numbers itself; through its accounts a number is only verified here.")
        )
    try:
        client = _HOSTS[account.kind]
    except KeyError:
        raise NotConfigured(
            _("A %(kind)s account has no numbers of its own. Choose a Meta Cloud API account.")
            % {"kind": account.get_kind_display()}
        ) from None
    return client(account)


def message_sender(account: ProviderAccount) -> MessageSender:
    """Give the client that sends messages through this account.

    :raises NotConfigured: when this kind of account sends none, or a credential or option is missing.
    """
    try:
        client = _SENDERS[account.kind]
    except KeyError:
        raise NotConfigured(
            _("A %(kind)s account sends no messages. Choose a Meta Cloud API or On-Premises account.")
            % {"kind": account.get_kind_display()}
        ) from None
    return client(account)


def sends_messages(kind: str) -> bool:
    """Tell whether accounts of this kind send messages."""
    return kind in _SENDERS


def identity_node(account: ProviderAccount) -> IdentityNode:
    """Give the client that reads and acknowledges the identities of WhatsApp users.

    :raises NotConfigured: when this kind of account keeps none, or a credential or option is missing.
    """
    if account.kind != ProviderAccount.Kind.ONPREM:
        raise NotConfigured(
            _("A %(kind)s account keeps no identities to read. Choose an On-Premises account.")
            % {"kind": account.get_kind_display()}
        )
    return OnPremisesIdentity(account)


def verifies_numbers(kind: str) -> bool:
    """Tell whether accounts of this kind verify numbers of ours."""
    return kind in _VERIFIERS


def hosts_numbers(kind: str) -> bool:
    """Tell whether accounts of this kind carry numbers of ours through their whole life."""
    return kind in _HOSTS


def check_settings(account: ProviderAccount) -> None:
    """Have the account's own client look at its credentials and options.

    :raises NotConfigured: naming what is missing or not allowed.
    """
    _client(account)


def probe(account: ProviderAccount) -> tuple[ProbeStep, ...]:
    """Try the way to the provider step by step, without looking a person up.

    :raises NotConfigured: when a credential or option is missing.
    """
    return _client(account).probe()


def default_base_url(kind: str, options: Mapping[str, object]) -> str:
    """Give the base URL of an account that names none; nothing where it has to name one."""
    if kind == ProviderAccount.Kind.CLOUD_API:
        return GRAPH
    if kind == ProviderAccount.Kind.KALEYRA:
        return POD_HOSTS.get(str(options.get("pod", "")), "")
    return ""


def warning(account: ProviderAccount, *, today: date) -> str:
    """Say what will soon stop the account from working, and what to do; nothing where all is well."""
    if account.kind != ProviderAccount.Kind.CLOUD_API:
        return ""
    try:
        return expiry_warning(read_version(account), today=today)
    except NotConfigured:
        return ""


def _client(account: ProviderAccount) -> ContactChecker | NumberVerifier:
    return number_verifier(account) if verifies_numbers(account.kind) else contact_checker(account)
