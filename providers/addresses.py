"""Where a call may go: https to a public host, and to this machine only in the local mode that the sandbox needs."""

import ipaddress
from contextlib import suppress
from urllib.parse import urlsplit

from django.conf import settings

from providers.errors import NotConfigured

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


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
        if not is_public(ipaddress.ip_address(host)):
            raise NotConfigured("A base URL must not name a private, loopback or reserved address.")


def speaks_to_loopback(base_url: str) -> bool:
    """Tell whether the account talks to this machine, which only a sandbox does."""
    return _is_loopback_name(urlsplit(base_url).hostname or "")


def may_reach(base_url: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tell whether a call to `base_url` may go to `address`: a public one, or loopback where the URL may name it."""
    if settings.PROVIDERS_ALLOW_LOCAL and speaks_to_loopback(base_url):
        return address.is_loopback
    return is_public(address)


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tell whether an address belongs to a host of the open internet."""
    if isinstance(address, ipaddress.IPv6Address):
        # IPv6 has several ways to write an IPv4 address, and each would lead inside.
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in _GLOBAL_UNICAST or address.sixtofour is not None:
            return False
    return address.is_global and not address.is_multicast


def _is_loopback_name(host: str) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False
