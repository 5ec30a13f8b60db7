"""A provider on loopback that does what a script tells it, a host for each call: real sockets, and real TLS.

It imitates no provider; the sandbox does that. It keeps what it read, so that a test knows what left.
"""

import contextlib
import random
import re
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

RESET = struct.pack("ii", 1, 0)
#: Longer than any deadline here: who waits so long waits for the caller to hang up.
FOR_EVER = 30.0


class Authority:
    """Makes the certificates of these hosts; callers trust its `file` and nothing else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "faults")])
        self.file = folder / "authority.pem"
        own = self._certificate(self._name, self._key.public_key(), self._key, days=(-2, 2), authority=True)
        self.file.write_bytes(own.public_bytes(serialization.Encoding.PEM))
        self.contexts = {
            "trusted": self._context("trusted"),
            "wrong host": self._context("wrong-host", host="other.example"),
            "expired": self._context("expired", days=(-9, -1)),
            "not yet valid": self._context("not-yet-valid", days=(1, 9)),
            "unknown authority": self._context("unknown-authority", signed_by=ec.generate_private_key(ec.SECP256R1())),
            "self-signed": self._context("self-signed", signed_by=None),
        }
        for name, version in (("asks 1.2", ssl.TLSVersion.TLSv1_2), ("asks 1.3", ssl.TLSVersion.TLSv1_3)):
            context = self._context(name.replace(" ", "-"))
            context.minimum_version = context.maximum_version = version
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file)
            self.contexts[name] = context

    def _context(
        self,
        name: str,
        *,
        host: str = "localhost",
        days: tuple[int, int] = (-1, 1),
        signed_by: ec.EllipticCurvePrivateKey | str | None = "authority",
    ) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        signer = self._key if isinstance(signed_by, str) else signed_by or key
        certificate = self._certificate(subject, key.public_key(), signer, days=days, host=host)
        shown, secret = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        shown.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown, secret)
        return context

    def _certificate(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        signer: ec.EllipticCurvePrivateKey,
        *,
        days: tuple[int, int],
        host: str = "faults",
        authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        issuer = self._name if signer is self._key else subject
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .sign(signer, hashes.SHA256())
        )


class HungUp(OSError):
    """The caller is gone, so the rest of the script is pointless."""


@dataclass
class Exchange:
    """One connection: what was asked on it, and the means to answer it badly."""

    connection: socket.socket
    host: "Host"
    random: random.Random
    asked: bytes = b""
    #: The right answer's body to what was asked.
    good: bytes = b""

    def read(self) -> None:
        """Read one whole request, keep it, and learn what the right answer is."""
        request = b""
        while b"\r\n\r\n" not in request:
            request += self._more()
        head, _, body = request.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        while length and len(body) < int(length[1]):
            body += self._more()
        self.asked = head + b"\r\n\r\n" + body
        self.host.requests.append(self.asked)
        self.good = self.host.right(self.asked)

    def send(self, *pieces: bytes, pause: float = 0.0) -> None:
        """Send the pieces, each after a pause that ends early when the caller hangs up."""
        for piece in pieces:
            if pause:
                self.wait(pause)
            self.connection.sendall(piece)

    def wait(self, seconds: float = FOR_EVER) -> None:
        """Let time pass.

        :raises HungUp: as soon as the caller hangs up.
        """
        if select.select([self.connection], [], [], seconds)[0]:
            raise HungUp

    def may_send(self) -> bool:
        """Wait until the caller takes more in, and tell whether it does: a call that ended takes no more."""
        hung_up, takes_more, _ = select.select([self.connection], [self.connection], [], FOR_EVER)
        return bool(takes_more) and not hung_up

    def reset(self) -> None:
        """End the connection the hard way, so that the caller's system forgets what it has not read."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.connection.close()

    def secure(self, context: str) -> None:
        """Speak TLS from now on, with the certificate of that name."""
        authority = self.host.authority
        assert authority is not None
        self.connection = authority.contexts[context].wrap_socket(self.connection, server_side=True)

    def _more(self) -> bytes:
        piece = self.connection.recv(65536)
        if not piece:
            raise HungUp
        return piece


Script = Callable[[Exchange], None]


def well(exchange: Exchange) -> None:
    """Answer as it should be."""
    exchange.read()
    length = str(len(exchange.good)).encode()
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n" + exchange.good)


class Host:
    """A listener of its own; the first `spared` connections are served well, every later one by the script."""

    def __init__(
        self,
        script: Script,
        *,
        right: Callable[[bytes], bytes] = lambda asked: b"{}",
        chance: random.Random | None = None,
        spared: int = 0,
        secured: str = "",
        authority: Authority | None = None,
        elsewhere: str = "",
    ) -> None:
        self.script, self.right, self.authority, self.elsewhere = script, right, authority, elsewhere
        self.requests: list[bytes] = []
        #: Errors of the script itself, which are faults of the test.
        self.broken: list[BaseException] = []
        self._chance = chance or random.Random(0)
        self._spared, self._secured = spared, secured
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The base URL of this host."""
        return f"https://localhost:{self.port}" if self._secured else f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Take no more connections, and wait until the last one is done."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(FOR_EVER)
        self.listener.close()

    def _serve(self) -> None:
        taken = 0
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            taken += 1
            connection.settimeout(FOR_EVER)
            exchange = Exchange(connection, self, self._chance)
            try:
                if self._secured and (taken <= self._spared or self._secured != "by script"):
                    exchange.secure("trusted" if taken <= self._spared else self._secured)
                (well if taken <= self._spared else self.script)(exchange)
            except OSError:
                pass
            except Exception as error:  # noqa: BLE001 - whatever it is, the test has to hear of it
                self.broken.append(error)
            finally:
                exchange.connection.close()


@contextlib.contextmanager
def running(host: Host) -> Iterator[Host]:
    """Have the host stopped in any case, and its own errors raised."""
    try:
        yield host
    finally:
        host.stop()
    if host.broken:
        raise host.broken[0]


@contextlib.contextmanager
def deaf_port() -> Iterator[int]:
    """Give a loopback port that takes no connection in and refuses none, as behind a firewall that drops packets."""
    with contextlib.ExitStack() as open_sockets:
        listener = open_sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _waiting in range(3):
            filler = open_sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """Give a loopback port where nobody listens, kept so for as long as it is used."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]
