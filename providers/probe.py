"""Testing the way to a provider, step by step, without looking a person up: name, connection, certificate.

It opens the connection itself to tell the steps apart, by the same rules as `providers.http`: public addresses only,
verified certificates, a time limit for each step. No byte of HTTP leaves here.
"""

import ipaddress
import socket
import ssl
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from providers import http, line
from providers.addresses import check_base_url, may_reach
from providers.errors import NotConfigured
from providers.interfaces import ProbeStep


class _Failed(Exception):
    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def reach(route: http.Account) -> tuple[ProbeStep, ...]:
    """Look the host name up, connect, and verify the certificate where there is one; stops at the first failure."""
    try:
        check_base_url(route.base_url)
    except NotConfigured as error:
        return (ProbeStep(_("Base URL"), False, f"{error.message} {error.next_step}"),)
    parts = urlsplit(route.base_url)
    host, encrypted = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if encrypted else 80)
    steps: list[ProbeStep] = []
    name = _("Host name")
    connection: socket.socket | None = None
    try:
        addresses = _look_up(route.base_url, host, port)
        steps.append(ProbeStep(name, True, f"{host}: {', '.join(addresses)}"))
        name = _("Connection")
        connection = _connect(addresses, port)
        steps.append(ProbeStep(name, True, _("Port %(port)d accepts connections.") % {"port": port}))
        if encrypted:
            name = _("Certificate")
            steps.append(ProbeStep(name, True, _verify(connection, host, route)))
    except _Failed as failed:
        steps.append(ProbeStep(name, False, failed.detail))
    finally:
        if connection is not None:
            connection.close()
    return tuple(steps)


def credentials_unproven(why: str = "") -> ProbeStep:
    """Say that no call of this provider proves the credentials without doing what it is for, and what will instead."""
    return ProbeStep(
        _("Credentials"),
        True,
        why or _("Not tested: every call here looks a person up. The first real check will prove the credentials."),
        tested=False,
    )


def _look_up(base_url: str, host: str, port: int) -> list[str]:
    found: list[str] = []
    problem: list[str] = []

    def look_up() -> None:
        try:
            for *_rest, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                found.append(str(address[0]))
        except (OSError, UnicodeError):
            problem.append(_("The host name could not be found. Check its spelling in the base URL."))

    # The resolver knows no time limit: it is left behind in a thread that ends with the process.
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(line.CONNECT_TIMEOUT)
    if thread.is_alive():
        raise _Failed(_("The name server did not answer in time. Check this server's network."))
    if problem or not found:
        raise _Failed(problem[0] if problem else _("The host name has no address."))
    addresses = list(dict.fromkeys(found))
    if not all(may_reach(base_url, ipaddress.ip_address(address.split("%")[0])) for address in addresses):
        raise _Failed(_("The host name leads to a private, loopback or reserved address, where nothing is sent."))
    return addresses


def _connect(addresses: list[str], port: int) -> socket.socket:
    refused = _("The host refused the connection. Check the port in the base URL.")
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=line.CONNECT_TIMEOUT)
        except TimeoutError:
            refused = _("The host did not accept a connection in time. A firewall may stand between.")
        except OSError:
            continue
    raise _Failed(refused)


def _verify(connection: socket.socket, host: str, route: http.Account) -> str:
    try:
        context = ssl.create_default_context(cafile=http.trusted_certificates(route))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        with context.wrap_socket(connection, server_hostname=host) as secured:
            certificate = secured.getpeercert() or {}
            detail = {"version": secured.version() or "TLS", "until": str(certificate.get("notAfter", "?"))}
            with suppress(OSError):
                secured.unwrap()
    except ssl.SSLCertVerificationError as error:
        raise _Failed(_("The host's certificate is not trusted: %s.") % error.verify_message.rstrip(".")) from None
    except TimeoutError:
        raise _Failed(_("The host did not finish the TLS handshake in time.")) from None
    except (ssl.SSLError, OSError, ValueError):
        raise _Failed(_("The host does not speak TLS that this server accepts.")) from None
    return _("%(version)s, certificate trusted and good until %(until)s.") % detail
