#!/usr/bin/env python3
"""Verify an export of waadmin's ledger, without waadmin: one file, and nothing but Python's standard library.

    python -I verify.py DIR [--key PUBLIC.pem] [--against HEAD.json | --against NUMBER:HASH]

It checks that every event hashes to what it says and holds the hash of the one before, from number 1 to the head; that
the manifest's digests are those of the files; that imported opt-ins give the Merkle roots which the ledger holds; and,
where the package `cryptography` is there and you name the public key (which you must have got by another way than this
export), that the head is signed. `--against` is a head that you kept from earlier: only it can show that the end of the
chain was cut off, or all of it written anew.

It exits with 0 where nothing is wrong, with 2 where something was changed, with 1 where it cannot tell.
The formats are described in docs/ledger.md of waadmin.
"""

from __future__ import annotations  # it runs on Python 3.8 as well

import argparse
import base64
import bisect
import csv
import hashlib
import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

INTACT, CANNOT_TELL, TAMPERED = 0, 1, 2
GENESIS = "0" * 64
#: What a line of ledger.jsonl holds, beside its hash.
KEYS = {
    "version", "sequence", "recorded_at", "action", "actor", "business_id", "subject", "pseudonym", "details",
    "rows_count", "rows_root", "previous_hash",
}  # fmt: skip
#: What the signature of a head covers.
SIGNED = ("kind", "version", "sequence", "hash", "signed_at", "manifest_sha256")
#: The dataset whose rows are the leaves of an action's Merkle roots, and the columns a leaf is made of.
ROWS = {"opt_ins.imported": "opt_ins"}
NUMBER_AND_HASH = r"([0-9]{1,19}):([0-9a-fA-F]{64})"
LEAF = ("evidence_digest", "given_at", "opt_in", "pseudonym", "purposes", "state")


class Tampered(Exception):
    """Something was changed: what kind of fault it is, and the number of the first event that shows it."""

    def __init__(self, kind: str, sequence: int | None, words: str) -> None:
        super().__init__(words)
        self.kind, self.sequence = kind, sequence


class CannotTell(Exception):
    """What is there is no complete export, or cannot be read."""


def main(arguments: list[str] | None = None) -> int:
    """Verify what the arguments name, say what was proved, and give the exit code."""
    parser = argparse.ArgumentParser(description="Verify an export of waadmin's ledger.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of the export")
    parser.add_argument("--key", type=Path, metavar="PUBLIC.pem", help="the public key, got by another way")
    parser.add_argument("--against", metavar="HEAD", help="an earlier head: its file, its export, or NUMBER:HASH")
    options = parser.parse_args(arguments)
    try:
        pem = options.key.read_bytes() if options.key else None
        for line in check(options.folder, pem=pem, against=options.against):
            print(line)  # noqa: T201
    except Tampered as fault:
        print(f"TAMPERED: {fault}")  # noqa: T201
        return TAMPERED
    except (CannotTell, OSError) as error:
        print(f"Cannot tell: {error}")  # noqa: T201
        return CANNOT_TELL
    return INTACT


def check(folder: Path, *, pem: bytes | None = None, against: str | None = None) -> list[str]:
    """Verify the export in `folder` and say in words what was proved.

    :raises Tampered: where something was changed.
    :raises CannotTell: where it is no complete export, or cannot be read.
    """
    earlier = read_head(against) if against else None
    head = read_head(str(folder / "head.json"))
    known = {head["sequence"]: head["hash"]}
    if earlier and known.setdefault(earlier["sequence"], earlier["hash"]) != earlier["hash"]:
        raise _rewritten(earlier["sequence"])
    if earlier and earlier["sequence"] > head["sequence"] and head.get("signed_at", "") < earlier.get("signed_at", ""):
        raise CannotTell("this export was made before the head that you named; take an earlier one, or a later export.")
    bulk = Rows()
    with _open(folder / "ledger.jsonl") as lines:
        events, last = walk(lines, known, bulk)
    if (events, last) != (head["sequence"], head["hash"]):
        raise Tampered("unlinked", head["sequence"] + 1, f"the ledger goes on beyond its head, to number {events}.")
    datasets = _manifest(folder, head)["datasets"]
    _digests(folder, datasets)
    said = [f"{events} events, each linked to the one before. Every file that the manifest names is as it was."]
    said += _not_named(folder, datasets)
    said.append(bulk.compare(folder, datasets))
    said.append(_signature(head, pem))
    if earlier:
        said.append(_earlier(earlier, events, pem))
    else:
        said.append(
            "Consistent with itself only: a complete rewrite by whoever holds the key cannot be excluded. Compare it "
            "with a head that you kept from earlier (--against)."
        )
    return said


def walk(lines: Iterable[bytes], known: dict[int, str], bulk: Rows | None = None) -> tuple[int, str]:
    """Walk along a chain, one event a line; give the number and hash of its end. `known` holds hashes of some numbers.

    :raises Tampered: at the first event that is wrong, or where the chain ends before a known number.
    """
    sequence, last = 0, GENESIS
    for line in lines:
        expected = sequence + 1
        try:
            text = line.decode().rstrip("\n")
            event = _read_event(text)
            # One way to write an event: no space, no name twice, nothing that another reader might take otherwise.
            if _write(event) != text or not (text.isascii() or unicodedata.is_normalized("NFC", text)):
                raise ValueError("not canonical")
            found = event.pop("hash")
            if event.keys() != KEYS or event["version"] != 1 or type(event["sequence"]) is not int:
                raise ValueError("not the keys of an event")
            written = _write(event).encode()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Tampered("unreadable", expected, f"event {expected} cannot be read.") from None
        if event["sequence"] > expected:
            raise Tampered("missing", expected, f"event {expected} is missing.")
        if event["sequence"] < expected:
            raise Tampered("repeated", event["sequence"], f"event {event['sequence']} is there twice or out of place.")
        if hashlib.sha256(written).hexdigest() != found:
            raise Tampered("edited", expected, f"event {expected} was edited: it does not give its hash.")
        if event["previous_hash"] != last:
            raise Tampered("unlinked", expected, f"event {expected} does not follow the one before it.")
        if known.get(expected, found) != found:
            raise _rewritten(expected)
        if bulk is not None and event["rows_root"]:
            bulk.expect(event)
        sequence, last = expected, found
    if max(known, default=0) > sequence:
        raise Tampered("cut", sequence + 1, f"the ledger ends at {sequence}; there was a number {max(known)}.")
    if known.get(0, GENESIS) != GENESIS:
        raise _rewritten(0)
    return sequence, last


def canonical(values: Any) -> bytes:
    """Write values as the one sequence of bytes that means them: sorted keys, no spaces, text in NFC, UTF-8."""
    text = _write(values)
    return (text if text.isascii() else unicodedata.normalize("NFC", text)).encode()


class Merkle:
    """The Merkle tree hash of RFC 6962, leaf by leaf."""

    def __init__(self) -> None:
        self.count = 0
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        """Append one leaf; two trees of the same size become one."""
        size, digest = 1, hashlib.sha256(b"\x00" + leaf).digest()
        while self._peaks and self._peaks[-1][0] == size:
            digest = hashlib.sha256(b"\x01" + self._peaks.pop()[1] + digest).digest()
            size *= 2
        self._peaks.append((size, digest))
        self.count += 1

    def root(self) -> str:
        """Give the root as lower-case hex."""
        if not self._peaks:
            return hashlib.sha256(b"").hexdigest()
        digest = self._peaks[-1][1]
        for _size, left in reversed(self._peaks[:-1]):
            digest = hashlib.sha256(b"\x01" + left + digest).digest()
        return digest.hex()


class Rows:
    """The Merkle roots of imported opt-ins, held against the rows of the dataset where it has all of them."""

    def __init__(self) -> None:
        #: By import: the first opt-in of each of its events in order, and the event with its tree.
        self._firsts: dict[str, list[int]] = {}
        self._events: dict[str, list[tuple[dict[str, Any], Merkle]]] = {}
        self._others = 0

    def expect(self, event: dict[str, Any]) -> None:
        """Note an event whose rows may be in the dataset."""
        details = event["details"] if isinstance(event["details"], dict) else {}
        numbers = (details.get("first_opt_in"), details.get("last_opt_in"), event["rows_count"])
        if event["action"] not in ROWS or not all(type(number) is int for number in numbers):
            self._others += 1
            return
        of_import = event["subject"].partition(":")[2]
        self._firsts.setdefault(of_import, []).append(details["first_opt_in"])
        self._events.setdefault(of_import, []).append((event, Merkle()))

    def compare(self, folder: Path, datasets: list[dict[str, Any]]) -> str:
        """Read the dataset, compare each root whose rows are all there, and say how many were.

        :raises Tampered: at the first event whose rows do not give its root.
        """
        for of_import, number, leaf in _imported(folder, datasets):
            place = bisect.bisect_right(self._firsts.get(of_import, []), number) - 1
            if place >= 0:
                event, tree = self._events[of_import][place]
                if number <= event["details"]["last_opt_in"]:
                    tree.add(leaf)
        compared = left = 0
        every = [one for some in self._events.values() for one in some]
        for event, tree in sorted(every, key=lambda one: one[0]["sequence"]):
            if tree.count < event["rows_count"]:
                left += 1
            elif (tree.count, tree.root()) != (event["rows_count"], event["rows_root"]):
                number = event["sequence"]
                raise Tampered("rows", number, f"the opt-ins of event {number} are not those that were imported.")
            else:
                compared += 1
        return (
            f"Merkle roots compared with their rows: {compared}; not compared, because this export does not hold all "
            f"of their rows: {left + self._others}."
        )


def _imported(folder: Path, datasets: list[dict[str, Any]]) -> Iterator[tuple[str, int, bytes]]:
    """Give the imported opt-ins of the dataset: their import, their number and their leaf."""
    for entry in datasets:
        path = folder / entry["file"]
        if entry.get("name") not in ROWS.values() or path.suffix not in (".csv", ".jsonl"):
            continue
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows: Iterable[dict[str, Any]] = csv.DictReader(file) if path.suffix == ".csv" else map(json.loads, file)
            try:
                for row in rows:
                    if row["opt_in_import"]:
                        number = int(row["opt_in"])
                        leaf = {**{name: row[name] for name in LEAF}, "opt_in": number}
                        yield str(row["opt_in_import"]), number, canonical(leaf)
            except (ValueError, KeyError, TypeError, RecursionError, csv.Error) as error:
                raise CannotTell(f"{path.name} cannot be read: {error}") from None


def read_head(given: str) -> dict[str, Any]:
    """Read a head: the path of a head.json or of the export that holds it, or NUMBER:HASH.

    :raises CannotTell: where it is neither.
    """
    if re.fullmatch(NUMBER_AND_HASH, given):
        return parse_head(given)
    try:
        path = Path(given)
        return parse_head((path / "head.json" if path.is_dir() else path).read_text(encoding="utf-8"))
    except OSError as error:
        raise CannotTell(f"{given}: {error.strerror}.") from None
    except ValueError:
        raise CannotTell(f"{given} is no head: name a head.json, or write NUMBER:HASH.") from None


def parse_head(text: str) -> dict[str, Any]:
    """Read a head from the contents of a head.json, or from NUMBER:HASH.

    :raises ValueError: where it is neither.
    """
    short = re.fullmatch(NUMBER_AND_HASH, text.strip())
    try:
        head = {"sequence": int(short[1]), "hash": short[2].lower()} if short else json.loads(text)
    except RecursionError:
        raise ValueError("not a head") from None
    if not (isinstance(head, dict) and type(head.get("sequence")) is int and isinstance(head.get("hash"), str)):
        raise ValueError("not a head")
    if head["sequence"] < 0:
        raise ValueError("not a number")
    if not isinstance(head.get("signed_at", ""), str):
        raise ValueError("not a time")
    return head


def signature_holds(head: dict[str, Any], pem: bytes) -> bool | None:
    """Tell whether a head is signed with the key of `pem` (Ed25519), or None where `cryptography` is not there.

    :raises CannotTell: where the key cannot be read.
    """
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        return None
    try:
        key = load_pem_public_key(pem)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise CannotTell("the public key cannot be read: it must be an Ed25519 key as PEM.")
    try:
        signed = canonical({name: head[name] for name in SIGNED})
        key.verify(base64.b64decode(head["signature"], validate=True), signed)
    except (InvalidSignature, KeyError, ValueError, TypeError):
        return False
    return True


def _manifest(folder: Path, head: dict[str, Any]) -> dict[str, Any]:
    written = _read(folder / "manifest.json")
    if hashlib.sha256(written).hexdigest() != head.get("manifest_sha256"):
        raise Tampered("digest", None, "manifest.json is not the one that the head was signed with.")
    try:
        manifest = json.loads(written)
        if all(isinstance(entry["file"], str) and isinstance(entry["sha256"], str) for entry in manifest["datasets"]):
            return dict(manifest)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise CannotTell("manifest.json cannot be read.")


def _digests(folder: Path, datasets: list[dict[str, Any]]) -> None:
    if "ledger.jsonl" not in {entry["file"] for entry in datasets}:
        raise CannotTell("the manifest does not name ledger.jsonl.")
    for entry in datasets:
        name = entry["file"]
        if Path(name).name != name:
            raise CannotTell(f"the manifest names {name}, which is not a file of this folder.")
        try:
            with (folder / name).open("rb") as file:
                digest = _sha256(file)
        except FileNotFoundError:
            raise Tampered("digest", None, f"{name} is missing.") from None
        if digest != entry["sha256"]:
            raise Tampered("digest", None, f"{name} was changed: its SHA-256 is not the manifest's.")


def _sha256(file: Any) -> str:
    digest = hashlib.sha256()
    for block in iter(lambda: file.read(1 << 18), b""):
        digest.update(block)
    return digest.hexdigest()


def _not_named(folder: Path, datasets: list[dict[str, Any]]) -> list[str]:
    named = {entry["file"] for entry in datasets} | {"manifest.json", "head.json", "verify.py", "README.txt"}
    others = sorted(path.name for path in folder.iterdir() if path.name not in named)
    return [f"Not part of the export, and not checked: {', '.join(others)}."] if others else []


def _signature(head: dict[str, Any], pem: bytes | None) -> str:
    if pem is None:
        return "Signature not checked: no public key was named (--key)."
    holds = signature_holds(head, pem)
    if holds is None:
        return "Signature not checked: Python's package `cryptography` is not there."
    if not holds:
        raise Tampered("signature", None, "the head is not signed with the key that you named.")
    return f"The head is signed with the key that you named, on {head['signed_at']}."


def _earlier(earlier: dict[str, Any], events: int, pem: bytes | None) -> str:
    if pem is not None and "signature" in earlier and signature_holds(earlier, pem) is False:
        raise Tampered("signature", None, "the earlier head is not signed with the key that you named.")
    of = f"the head of {earlier['signed_at'][:10]}" if "signed_at" in earlier else "a head"
    words = f"Intact, compared with {of} (number {earlier['sequence']})."
    later = events - earlier["sequence"]
    return f"{words} What came after it ({later} events) is consistent with itself only." if later else words


def _rewritten(sequence: int) -> Tampered:
    return Tampered(
        "rewritten",
        sequence,
        f"event {sequence} is not the one that the head names: it or one before it was rewritten.",
    )


def _open(path: Path) -> Any:
    try:
        return path.open("rb")
    except OSError as error:
        raise CannotTell(f"{path.name}: {error.strerror}.") from None


def _read(path: Path) -> bytes:
    with _open(path) as file:
        return bytes(file.read())


def _refuse(number: str) -> Any:
    raise ValueError(f"{number} is no whole number")


_read_event = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse).decode
_write = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


if __name__ == "__main__":
    sys.exit(main())
