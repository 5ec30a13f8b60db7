"""Which module speaks to which provider. A further provider adds one line here."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from providers.accuauth import AccuAuth
from providers.commbox import CommBox
from providers.errors import NotConfigured
from providers.interfaces import ContactChecker
from providers.models import ProviderAccount
from providers.onprem import OnPremises

_CHECKERS: dict[str, Callable[[ProviderAccount], ContactChecker]] = {
    ProviderAccount.Kind.COMMBOX: CommBox,
    ProviderAccount.Kind.ONPREM: OnPremises,
    ProviderAccount.Kind.ACCUAUTH: AccuAuth,
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
        frozenset({"auth", "header_name", "batch_size", "blocking", "ca_file", "evidence_strength"}),
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
