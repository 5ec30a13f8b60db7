"""The connection of one call: where it goes, whether bytes may have left, how it is cut off, where a head ends."""

import io
import ipaddress
import socket
import time
from contextlib import suppress
from typing import Any

from providers.addresses import is_public
from providers.errors import NotSent

CONNECT_TIMEOUT = 5.0
TOO_LATE = "The host did not accept a connection in time."


class Line:
    """A socket that knows whether bytes may have left, and that can be cut when the deadline passes."""

    def __init__(self, *, allow_loopback: bool, deadline: float) -> None:
        self.connected = False
        self.cut_off = False
        self._allow_loopback = allow_loopback
        self._ends_at = time.monotonic() + deadline
        self._socket: socket.socket | None = None

    def open(self, host: str, port: int, options: Any) -> socket.socket:
        """Connect to the first of the host's addresses that answers; all are judged before a packet leaves."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise NotSent("The host name could not be found.") from None
        addresses = [str(address[0]) for *_, address in found]
        for text in addresses:
            address = ipaddress.ip_address(text.split("%")[0])
            # Who names this machine speaks without TLS: not even a public host may answer to that name.
            if not (address.is_loopback if self._allow_loopback else is_public(address)):
                raise NotSent("The host name leads to a private, loopback or reserved address.")
        why = "The host refused the connection."
        for text in addresses:
            left = self._ends_at - time.monotonic()
            try:
                if left <= 0:
                    raise TimeoutError
                # The address itself and not the name, which could lead elsewhere when it is resolved again.
                sock = socket.create_connection((text, port), min(CONNECT_TIMEOUT, left))
                for option in options or ():
                    sock.setsockopt(*option)
            except TimeoutError:
                why = TOO_LATE
            except OSError:
                continue
            else:
                # A duplicate: TLS detaches the socket that it wraps, and then nobody else could shut it down.
                self._socket = sock.dup()
                if self.cut_off:
                    self.cut()
                return sock
        raise NotSent(why)

    def cut(self) -> None:
        """End the call now, whatever it is waiting for; a socket that opens later is cut at once."""
        self.cut_off = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()


class Head(io.BufferedReader):
    """What a provider sends, read line by line; it knows whether the last line was the empty one that ends a head."""

    _last = b""

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line."""
        self._last = super().readline(size)
        return self._last

    @property
    def is_whole(self) -> bool:
        """Tell whether the head has its end."""
        return self._last in (b"\r\n", b"\n")
