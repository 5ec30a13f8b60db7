"""Reading an account's credentials and options: what is missing or not allowed is named, with the next step."""

import re
from collections.abc import Sequence
from pathlib import Path

from django.utils.translation import gettext as _

from providers.errors import NotConfigured
from providers.interfaces import EvidenceStrength
from providers.models import ProviderAccount
from providers.secret import Secret

# What may stand in a header: a line break in a pasted token would end it and begin another.
_HEADER_SAFE = re.compile(r"[\x21-\x7e]+")
# What an environment variable of undecodable bytes turns into; it can be neither sent nor stored.
_HALF_LETTER = re.compile("[\ud800-\udfff]")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def header_credential(account: ProviderAccount, name: str) -> Secret:
    """Give a credential that is sent in a header.

    :raises NotConfigured: when it is missing, or holds a space, a line break or a letter beyond ASCII.
    """
    secret = credential(account, name)
    if not _HEADER_SAFE.fullmatch(secret.reveal()):
        raise NotConfigured(
            _("The credential “%(name)s” holds spaces, line breaks or letters that no header takes. Paste it again.")
            % {"name": name}
        )
    return secret


def credential(account: ProviderAccount, name: str) -> Secret:
    """Give a credential.

    :raises NotConfigured: when it is missing or not a text that can be sent.
    """
    secret = account.credentials.get(name)
    if not isinstance(secret, Secret) or not secret:
        raise NotConfigured(
            _("The credential “%(name)s” is missing. Enter it in the account's credentials.") % {"name": name}
        )
    if _HALF_LETTER.search(secret.reveal()):
        raise NotConfigured(_("The credential “%(name)s” is not readable as UTF-8. Enter it again.") % {"name": name})
    return secret


def text_option(account: ProviderAccount, name: str, default: str | None = None) -> str:
    """Give an option that is a text; without a default it is required.

    :raises NotConfigured: when it is missing or not a text.
    """
    value = _option(account, name)
    if value is None:
        if default is None:
            raise NotConfigured(
                _("The option “%(name)s” is missing. Add it to the account's options.") % {"name": name}
            )
        return default
    if not isinstance(value, str) or _HALF_LETTER.search(value):
        raise _wrong(name, _("a text"))
    return value.strip()


def choice_option(account: ProviderAccount, name: str, choices: Sequence[str], default: str) -> str:
    """Give an option that is one of some words.

    :raises NotConfigured: naming the words, when it is another.
    """
    value = _option(account, name)
    if value is None:
        return default
    if value not in choices:
        raise _wrong(name, _("one of: %(choices)s") % {"choices": ", ".join(choices)})
    return str(value)


def whole_number_option(account: ProviderAccount, name: str, default: int, *, lowest: int, highest: int) -> int:
    """Give an option that is a whole number, also where a form stored its digits as text.

    :raises NotConfigured: naming the range, when it is anything else.
    """
    value = _option(account, name)
    if value is None:
        return default
    if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value.strip()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise _wrong(name, _("a whole number from %(lowest)d to %(highest)d") % {"lowest": lowest, "highest": highest})
    return value


def header_name_option(account: ProviderAccount, name: str, default: str) -> str:
    """Give an option that names a header.

    :raises NotConfigured: when no header may be called so.
    """
    value = text_option(account, name, default)
    if not _HEADER_NAME.fullmatch(value):
        raise _wrong(name, _("the name of a header, such as %(default)s") % {"default": default})
    return value


def check_common_options(account: ProviderAccount) -> None:
    """Refuse values of the options that every contact checker takes: `evidence_strength` and `ca_file`.

    :raises NotConfigured: naming the option.
    """
    strength = text_option(account, "evidence_strength", "")
    if strength and strength.upper() not in set(EvidenceStrength):
        raise _wrong("evidence_strength", _("weak or strong"))
    ca_file = text_option(account, "ca_file", "")
    if ca_file and not Path(ca_file).is_file():
        raise _wrong("ca_file", _("a file of certificates that this server can read"))


def _option(account: ProviderAccount, name: str) -> object:
    if not isinstance(account.options, dict):
        raise NotConfigured(_("The account's options are not a mapping of names to values. Enter them again."))
    value: object = account.options.get(name)
    return None if value == "" else value


def _wrong(name: str, allowed: str) -> NotConfigured:
    return NotConfigured(
        _("The option “%(name)s” must be %(allowed)s. Correct it in the account's options.")
        % {"name": name, "allowed": allowed}
    )
