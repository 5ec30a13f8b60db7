"""Small ledgers for the tests of verification, their events as exports write them, and an export's folder."""

import hashlib
import json
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction

from audit import heads, ledger, verify
from audit.chain import COLUMNS
from audit.ledger import canonical_bytes
from audit.merkle import MerkleTree
from audit.models import AuditEvent, SignedHead
from waadmin import BASE_DIR

NOW = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)
_WORDS = ("opt_in.recorded", "check.refused", "Ünïcödé", "e\u0301", 'a "quoted" \\ one', "\t\x1f", "", "日本", "🙂")


def append(count: int, chance: random.Random) -> None:
    """Append events of every shape."""
    with transaction.atomic():
        for _event in range(count):
            rows = (
                MerkleTree(chance.randbytes(8) for _ in range(chance.randrange(9))) if chance.random() < 0.2 else None
            )
            ledger.record(
                action=chance.choice(("opt_in.recorded", "check.refused", "contact.opened")),
                actor=chance.choice(("alice", "command:ops", "ålice")),
                now=NOW + timedelta(microseconds=chance.randrange(10**9)),
                business_id=chance.choice((None, 1, 2**40)),
                subject=chance.choice(("", "CheckBatch:7", "é" * 50)),
                pseudonym=chance.choice((None, UUID(int=chance.getrandbits(128)))),
                details={chance.choice(_WORDS): value(chance) for _ in range(chance.randrange(4))},
                rows=rows,
            )


def value(chance: random.Random, depth: int = 0) -> Any:
    """Give something that an event's details may hold."""
    picked = chance.randrange(8 if depth < 2 else 5)
    if picked == 5:
        return [value(chance, depth + 1) for _ in range(chance.randrange(3))]
    if picked > 5:
        return {word: value(chance, depth + 1) for word in chance.sample(_WORDS, chance.randrange(3))}
    return (None, chance.random() < 0.5, chance.randrange(-9, 10**18), chance.choice(_WORDS), "x")[picked]


def contents(event: AuditEvent) -> dict[str, Any]:
    """Give an event as a line of ledger.jsonl means it."""
    values = {"version": 1} | {column: getattr(event, column) for column in COLUMNS}
    return dict(json.loads(canonical_bytes(values)))


def row_of(values: dict[str, Any]) -> tuple[Any, ...]:
    """Give the row that a walk takes from the contents of a line."""
    return tuple(json.dumps(values[column]) if column == "details" else values[column] for column in COLUMNS)


def line_of(values: dict[str, Any]) -> bytes:
    """Give a line of ledger.jsonl."""
    return canonical_bytes(values) + b"\n"


def sealed(values: dict[str, Any]) -> dict[str, Any]:
    """Give contents with the hash that belongs to them."""
    own = {name: item for name, item in values.items() if name != "hash"}
    return own | {"hash": hashlib.sha256(verify.canonical(own)).hexdigest()}


def export_to(folder: Path, *, opt_ins: list[dict[str, Any]] | None = None) -> SignedHead:
    """Write an export of the whole ledger as the contract of exports says, and sign it."""
    head = heads.head()
    events = AuditEvent.objects.order_by("sequence")
    (folder / "ledger.jsonl").write_bytes(b"".join(line_of(contents(event)) for event in events))
    if opt_ins is not None:
        (folder / "opt_ins.jsonl").write_bytes(b"".join(canonical_bytes(row) + b"\n" for row in opt_ins))
    datasets = [
        {"name": path.stem, "file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(folder.glob("*.jsonl"))
    ]
    manifest = json.dumps({"datasets": datasets, "head": {"sequence": head.sequence, "hash": head.hash}}).encode()
    (folder / "manifest.json").write_bytes(manifest)
    signed = heads.sign_head(actor="alice", now=NOW, of=head, manifest_sha256=hashlib.sha256(manifest).hexdigest())
    (folder / "head.json").write_text(heads.head_json(signed), encoding="utf-8")
    shutil.copy(verify.__file__, folder / "verify.py")
    assert (folder / "verify.py").read_bytes() == (BASE_DIR / "audit" / "verify.py").read_bytes()
    return signed
