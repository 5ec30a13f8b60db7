"""The verifier that goes with every export: one file, the standard library, and the same answer as the product's."""

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit import chain, heads, verify
from audit.ledger import canonical_bytes, hash_event
from audit.merkle import MerkleTree
from audit.models import AuditEvent
from contacts.models import OptIn
from providers import keys
from providers.models import Business
from tests.audit.chains import NOW, append, contents, export_to, line_of, row_of, sealed
from tests.audit.test_merkle import naive_root
from tests.contacts.csv_files import csv_of, imported, line

pytestmark = pytest.mark.django_db

TREES = 10_000 if os.environ.get("TESTS_IN_FULL") else 300
CHAINS = 3_000 if os.environ.get("TESTS_IN_FULL") else 500


@pytest.fixture
def chance() -> random.Random:
    return random.Random(5)


@pytest.fixture
def export(tmp_path: Path, acme: Business, chance: random.Random) -> Path:
    """An export with events of every shape, an import, and its opt-ins."""
    append(5, chance)
    imported(csv_of(*(line(f"+4474000001{n:02d}") for n in range(5))), acme)
    append(3, chance)
    export_to(tmp_path, opt_ins=opt_ins())
    return tmp_path


@pytest.fixture
def key(export: Path) -> Path:
    """The public key, outside the export."""
    path = export.parent / "ledger-public.pem"
    path.write_text(keys.public_key_pem(), encoding="utf-8")
    return path


def opt_ins() -> list[dict[str, Any]]:
    """The rows of the dataset, as far as the verifier reads them."""
    return [
        json.loads(
            canonical_bytes(
                {
                    "opt_in": one.pk,
                    "opt_in_import": one.opt_in_import_id,
                    "pseudonym": one.pseudonym,
                    "state": one.state,
                    "purposes": one.purposes,
                    "given_at": one.given_at,
                    "evidence_digest": one.evidence_digest,
                    "source": one.source,
                }
            )
        )
        for one in OptIn.objects.order_by("pk")
    ]


def verified(folder: Path, *arguments: object, expected: int) -> str:
    """What `python -I verify.py DIR` says, in a process that cannot see the project."""
    done = subprocess.run(
        [sys.executable, "-I", str(folder / "verify.py"), str(folder), *map(str, arguments)],
        cwd="/", env={}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == expected, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def rewritten(path: Path, change: Callable[[bytes], bytes]) -> None:
    before = path.read_bytes()
    path.write_bytes(change(before))
    assert path.read_bytes() != before


def resigned(folder: Path) -> None:
    """What whoever holds the key can do: name the files as they are now, and sign that."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for entry in manifest["datasets"]:
        entry["sha256"] = hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    head = json.loads((folder / "head.json").read_bytes())
    of = heads.Head(head["sequence"], head["hash"], None)
    (folder / "head.json").write_text(
        heads.head_json(heads.sign_head(actor="mallory", now=NOW, of=of, manifest_sha256=digest)), encoding="utf-8"
    )


def test_an_export_that_nobody_touched_is_consistent_with_itself(export: Path) -> None:
    said = verified(export, expected=0)

    assert "Consistent with itself only: a complete rewrite by whoever holds the key cannot be excluded" in said
    assert "Signature not checked: no public key was named" in said
    assert "Merkle roots compared with their rows: 1;" in said


def test_with_the_public_key_the_signature_is_checked(export: Path, key: Path) -> None:
    assert "The head is signed with the key that you named, on 2026-05-03" in verified(export, "--key", key, expected=0)


def test_against_the_head_of_an_earlier_export_it_is_intact(export: Path, key: Path, tmp_path: Path) -> None:
    earlier = export.parent / "head of May.json"
    earlier.write_bytes((export / "head.json").read_bytes())
    first = json.loads(earlier.read_bytes())
    append(3, random.Random(1))
    export_to(export, opt_ins=opt_ins())

    said = verified(export, "--against", earlier, "--key", key, expected=0)
    assert f"Intact, compared with the head of 2026-05-03 (number {first['sequence']})." in said
    assert "What came after it (4 events) is consistent with itself only." in said
    said = verified(export, "--against", f"{first['sequence']}:{first['hash'].upper()}", expected=0)
    assert f"Intact, compared with a head (number {first['sequence']})" in said


def test_an_earlier_head_that_somebody_changed_is_not_believed(export: Path, key: Path) -> None:
    head = json.loads((export / "head.json").read_bytes()) | {"signed_at": "2026-01-01T00:00:00.000000Z"}
    earlier = export.parent / "forged.json"
    earlier.write_text(json.dumps(head), encoding="utf-8")

    said = verified(export, "--against", earlier, "--key", key, expected=2)
    assert "the earlier head is not signed with the key that you named" in said


def test_an_edited_event_is_named(export: Path) -> None:
    rewritten(export / "ledger.jsonl", lambda text: text.replace(b'"actor":"alice"', b'"actor":"mallory"', 1))
    first = next(event.sequence for event in AuditEvent.objects.order_by("sequence") if event.actor == "alice")

    assert f"TAMPERED: event {first} was edited" in verified(export, expected=2)


def test_a_cut_tail_is_named(export: Path) -> None:
    rewritten(export / "ledger.jsonl", lambda text: b"".join(text.splitlines(keepends=True)[:-2]))
    assert "TAMPERED: the ledger ends at" in verified(export, expected=2)


def test_a_ledger_that_goes_on_beyond_its_head_is_named(export: Path) -> None:
    event = AuditEvent.objects.latest("sequence")
    rewritten(export / "ledger.jsonl", lambda text: text + line_of(contents(event)))
    assert "goes on beyond its head" in verified(export, expected=2)


@pytest.mark.parametrize("name", ["opt_ins.jsonl", "manifest.json"])
def test_one_changed_byte_of_any_file_is_named(export: Path, name: str) -> None:
    rewritten(export / name, lambda text: text.replace(b"a", b"b", 1))
    assert name in verified(export, expected=2)


def test_a_file_that_the_manifest_names_must_be_there(export: Path) -> None:
    (export / "opt_ins.jsonl").unlink()
    assert "TAMPERED: opt_ins.jsonl is missing" in verified(export, expected=2)


def test_a_changed_opt_in_does_not_give_its_root_even_if_everything_is_signed_anew(export: Path, key: Path) -> None:
    rewritten(export / "opt_ins.jsonl", lambda text: text.replace(b'"state":"GRANTED"', b'"state":"WITHDRAWN"', 1))
    resigned(export)
    root = AuditEvent.objects.get(action="opt_ins.imported").sequence

    assert f"TAMPERED: the opt-ins of event {root}" in verified(export, "--key", key, expected=2)


def test_an_export_of_a_part_compares_no_root_that_it_cannot(export: Path) -> None:
    rewritten(export / "opt_ins.jsonl", lambda text: b"".join(text.splitlines(keepends=True)[1:]))
    resigned(export)

    assert "Merkle roots compared with their rows: 0;" in verified(export, expected=0)


def test_opt_ins_as_csv_are_read_as_well(export: Path) -> None:
    rows = opt_ins()
    text = "\r\n".join([",".join(rows[0]), *(",".join(f'"{value}"' for value in row.values()) for row in rows)])
    (export / "opt_ins.csv").write_text("\ufeff" + text + "\r\n", encoding="utf-8", newline="")
    (export / "opt_ins.jsonl").unlink()
    manifest = json.loads((export / "manifest.json").read_bytes())
    next(entry for entry in manifest["datasets"] if entry["name"] == "opt_ins")["file"] = "opt_ins.csv"
    (export / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    resigned(export)

    assert "Merkle roots compared with their rows: 1;" in verified(export, expected=0)


def test_another_key_is_not_ours(export: Path, key: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    other = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key.write_bytes(other)

    assert "not signed with the key that you named" in verified(export, "--key", key, expected=2)


@pytest.mark.parametrize("name", ["hash", "sequence", "signed_at", "manifest_sha256", "signature"])
def test_a_head_changed_in_any_value_is_found_with_the_key(export: Path, key: Path, name: str) -> None:
    head = json.loads((export / "head.json").read_bytes())
    head[name] = (
        head[name] + 1 if name == "sequence" else head[name].translate(str.maketrans("0123456789", "1234567890"))
    )
    (export / "head.json").write_text(json.dumps(head), encoding="utf-8")

    verified(export, "--key", key, expected=2)


def test_without_cryptography_it_says_that_the_signature_was_not_checked(
    export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)

    said = verify.check(export, pem=keys.public_key_pem().encode())

    assert "Signature not checked: Python's package `cryptography` is not there." in said


def test_what_is_no_export_or_no_key_cannot_be_told(export: Path, key: Path) -> None:
    assert "Cannot tell: " in verified(export, "--against", "nowhere.json", expected=1)
    assert "Cannot tell: " in verified(export, "--against", "12:abc", expected=1)
    assert "Cannot tell: " in verified(export, "--key", "nowhere.pem", expected=1)
    key.write_text("no key", encoding="utf-8")
    assert "Cannot tell: the public key" in verified(export, "--key", key, expected=1)
    for name in ("manifest.json", "head.json", "ledger.jsonl"):
        there = (export / name).read_bytes()
        (export / name).unlink()
        assert f"Cannot tell: {name}" in verified(export, expected=1).replace(f"{export}/", "")
        (export / name).write_bytes(there)
    verified(export, expected=0)


def test_an_export_that_is_older_than_the_head_proves_nothing_about_it(export: Path) -> None:
    append(1, random.Random(1))
    later = heads.sign_head(actor="alice", now=NOW.replace(day=4))
    path = export.parent / "later.json"
    path.write_text(heads.head_json(later), encoding="utf-8")

    assert "Cannot tell: this export was made before the head" in verified(export, "--against", path, expected=1)


def test_a_manifest_cannot_lead_out_of_its_folder(export: Path) -> None:
    manifest = json.loads((export / "manifest.json").read_bytes())
    manifest["datasets"].append({"name": "x", "file": "../../etc/passwd", "sha256": "0" * 64})
    (export / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    head = json.loads((export / "head.json").read_bytes())
    head["manifest_sha256"] = hashlib.sha256((export / "manifest.json").read_bytes()).hexdigest()
    (export / "head.json").write_text(json.dumps(head), encoding="utf-8")

    assert "not a file of this folder" in verified(export, expected=1)


def test_a_file_beside_the_export_is_mentioned_and_not_trusted(export: Path) -> None:
    (export / "notes.txt").write_text("mine", encoding="utf-8")
    assert "not checked: notes.txt." in verified(export, expected=0)


def test_the_merkle_roots_of_the_file_the_product_and_the_definition_are_the_same(chance: random.Random) -> None:
    for _tree in range(TREES):
        leaves = [chance.randbytes(chance.randrange(5)) for _ in range(chance.randrange(70))]
        theirs = verify.Merkle()
        for leaf in leaves:
            theirs.add(leaf)
        assert theirs.root() == MerkleTree(leaves).root() == naive_root(leaves).hex()
        assert theirs.count == len(leaves)


def test_the_bytes_that_are_hashed_are_the_same_everywhere(chance: random.Random) -> None:
    append(200, chance)
    for event, row in zip(AuditEvent.objects.order_by("sequence"), chain.read(), strict=True):
        values = contents(event)
        digest = values.pop("hash")
        written = canonical_bytes(values)
        assert chain.canonical(row) == verify.canonical(values) == written
        assert hashlib.sha256(written).hexdigest() == digest == hash_event(event)


def tampered(events: list[dict[str, Any]], chance: random.Random) -> list[dict[str, Any]]:
    """A chain with one to three things done to it, some of them well hidden, some of them nothing at all."""
    events = [dict(event) for event in events]
    for _act in range(chance.randint(1, 3)):
        place = chance.randrange(len(events))
        other = chance.randrange(len(events))
        match chance.randrange(10):
            case 0:
                events[place]["actor"] = "mallory"
            case 1:
                events[place] = sealed({**events[place], "subject": "x"})
            case 2:
                del events[place : place + chance.randrange(3)]
            case 3:
                events.insert(place, events[other])
            case 4:
                events[place], events[other] = events[other], events[place]
            case 5:
                events[place]["sequence"] = chance.randrange(30)
            case 6:
                events[place]["details"] = {"a": 1.5}
            case 7:
                events[place]["hash"] = "0" * 64
            case 8:
                previous = "0" * 64
                for number, event in enumerate(events, 1):
                    events[number - 1] = sealed({**event, "sequence": number, "previous_hash": previous})
                    previous = events[number - 1]["hash"]
            case 9:
                del events[place:]
        if not events:
            break
    return events


def as_line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def test_file_and_product_find_the_same_fault_at_the_same_event(chance: random.Random) -> None:
    append(12, chance)
    clean = [contents(event) for event in AuditEvent.objects.order_by("sequence")]
    seen = set()
    for _chain in range(CHAINS):
        events = tampered(clean, chance)
        known = {number: clean[number - 1]["hash"] for number in chance.sample(range(1, 13), chance.randrange(3))}
        walk = chain.Walk({number: [digest] for number, digest in known.items()})
        walk.along(map(row_of, events))
        walk.end()
        try:
            end = verify.walk(map(as_line, events), known)
        except verify.Tampered as fault:
            assert walk.fault is not None
            assert (fault.kind, fault.sequence) == (str(walk.fault.kind), walk.fault.sequence)
            seen.add(fault.kind)
        else:
            assert walk.fault is None and end == (walk.sequence, walk.hash)
            seen.add("none")
    assert seen == {"none", "edited", "unlinked", "missing", "repeated", "unreadable", "cut", "rewritten"}


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace(b'"actor":', b'"actor": '),
        lambda line: line.replace(b'{"action"', b'{"action":"other","action"'),
        lambda line: line.replace("é".encode(), "e\u0301".encode()),
        lambda line: line.replace("é".encode(), b"\\u00e9"),
        lambda line: line.replace(b',"version":1}', b',"note":1,"version":1}'),
    ],
    ids=["a space", "a name twice", "text that is not composed", "an escape", "a name too many"],
)
def test_there_is_one_way_to_write_an_event(change: Callable[[bytes], bytes], chance: random.Random) -> None:
    append(1, chance)
    line = line_of(sealed({**contents(AuditEvent.objects.get()), "actor": "é"}))
    assert verify.walk([line], {})[0] == 1
    assert change(line) != line
    with pytest.raises(verify.Tampered):
        verify.walk([change(line)], {})


@pytest.mark.parametrize(
    "line_of_file",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"hash":"x"}',
        b"\xff",
        b'{"a":NaN,"hash":""}',
        b"[" * 100_000,
        b'{"hash":1,"hash":2}',
    ],
)
def test_a_line_that_is_no_event_is_a_fault_and_no_error(line_of_file: bytes) -> None:
    with pytest.raises(verify.Tampered) as caught:
        verify.walk([line_of_file + b"\n"], {})
    assert (caught.value.kind, caught.value.sequence) == ("unreadable", 1)
