"""The head of the ledger: where the chain ends, and signatures over it that are kept outside.

A chain cannot show that its tail was cut or that all of it was written anew; an earlier signed head does. The key
belongs to `providers`, which this app may not import: `waadmin` registers a signer. docs/ledger.md has the format.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from audit import ledger
from audit.models import AuditEvent, SignedHead


class NoSigner(RuntimeError):
    """Nobody registered a key that could sign."""


class NotOnTheChain(ValueError):
    """A head was to be signed that the ledger does not have."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: its last event, or number 0 and the genesis hash of an empty one."""

    sequence: int
    hash: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Signer:
    """How heads are signed: with whose key, and how others check it."""

    sign: Callable[[bytes], bytes]
    fingerprint: Callable[[], str]
    public_pem: Callable[[], str]


_signer: list[Signer] = []


def register_signer(
    *, sign: Callable[[bytes], bytes], fingerprint: Callable[[], str], public_pem: Callable[[], str]
) -> None:
    """Say how heads are signed from now on."""
    _signer[:] = [Signer(sign, fingerprint, public_pem)]


def signer() -> Signer:
    """Give what signs.

    :raises NoSigner: when nothing was registered.
    """
    if not _signer:
        raise NoSigner("no signer is registered: waadmin/apps.py does that")
    return _signer[0]


def head() -> Head:
    """Give the end of the chain as the current transaction sees it."""
    last = AuditEvent.objects.order_by("-sequence").values_list("sequence", "hash", "recorded_at").first()
    return Head(*last) if last else Head(0, ledger.GENESIS, None)


def sign_head(*, actor: str, now: datetime, of: Head | None = None, manifest_sha256: str = "") -> SignedHead:
    """Sign the head, or the earlier head `of` that an export was made from, and record that.

    `manifest_sha256` binds an export to the signature: the SHA-256 of the bytes of its manifest.json.

    :raises NotOnTheChain: when `of` is not an event of this ledger.
    :raises NoSigner: when nothing can sign.
    """
    with transaction.atomic():
        of = of or head()
        if of.sequence and not AuditEvent.objects.filter(sequence=of.sequence, hash=of.hash).exists():
            raise NotOnTheChain(f"the ledger has no event {of.sequence} with this hash")
        signed = SignedHead(
            sequence=of.sequence,
            hash=of.hash,
            signed_at=now,
            signed_by=actor,
            manifest_sha256=manifest_sha256,
            key_fingerprint=signer().fingerprint(),
        )
        signed.signature = base64.b64encode(signer().sign(signed_bytes(signed))).decode()
        signed.save(force_insert=True)
        ledger.record(
            action="head.signed",
            actor=actor,
            now=now,
            subject=f"SignedHead:{signed.pk}",
            details={"sequence": of.sequence, "hash": of.hash, "key": signed.key_fingerprint},
        )
    return signed


def signed_bytes(signed: SignedHead) -> bytes:
    """Give the bytes that the signature covers: the canonical bytes of head.json without signature and fingerprint."""
    return ledger.canonical_bytes(_signed_values(signed))


def values_of(signed: SignedHead) -> dict[str, Any]:
    """Give what head.json holds: what is signed, the signature, and which key made it."""
    values = _signed_values(signed) | {"signature": signed.signature, "key_fingerprint": signed.key_fingerprint}
    return dict(json.loads(ledger.canonical_bytes(values)))


def head_json(signed: SignedHead) -> str:
    """Give the text of head.json."""
    return json.dumps(values_of(signed), indent=2) + "\n"


def _signed_values(signed: SignedHead) -> dict[str, Any]:
    return {
        "kind": "waadmin ledger head",
        "version": 1,
        "sequence": signed.sequence,
        "hash": signed.hash,
        "signed_at": signed.signed_at,
        "manifest_sha256": signed.manifest_sha256,
    }
