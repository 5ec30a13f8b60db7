"""Guards of the record: the ledger, evidence, exports, and that who was erased stays so."""

from tests.twins.twin import Twin

_LEDGER = "tests/audit/test_ledger.py::"
_TRIGGERS = "tests/audit/test_triggers.py::"

TWINS = (
    Twin(
        name="append-only-update",
        protects="No event of the ledger can be changed, with raw SQL neither.",
        file="audit/triggers.py",
        edits=(
            (
                "BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{message}'); END\"",
                'BEFORE UPDATE ON {table} BEGIN SELECT 1; END"',
            ),
        ),
        tests=(f"{_TRIGGERS}test_a_row_cannot_be_changed",),
    ),
    Twin(
        name="append-only-delete",
        protects="No event of the ledger can be removed.",
        file="audit/triggers.py",
        edits=(
            (
                "BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{message}'); END\"",
                'BEFORE DELETE ON {table} BEGIN SELECT 1; END"',
            ),
        ),
        tests=(f"{_TRIGGERS}test_a_row_cannot_be_removed",),
    ),
    Twin(
        name="append-only-replace",
        protects="INSERT OR REPLACE takes no event's place.",
        file="audit/triggers.py",
        edits=(
            (
                "WHERE {same_row}) BEGIN SELECT RAISE(ABORT, '{message}'); END\"",
                'WHERE {same_row}) BEGIN SELECT 1; END"',
            ),
        ),
        tests=(f"{_TRIGGERS}test_a_row_cannot_be_replaced_under_its_id",),
    ),
    Twin(
        name="ledger-chain",
        protects="The hash of an event covers the hash before it.",
        file="audit/ledger.py",
        edits=(('        "previous_hash": event.previous_hash,\n', ""),),
        tests=(f"{_LEDGER}test_a_change_anywhere_changes_the_hash",),
    ),
    Twin(
        name="ledger-in-transaction",
        protects="An event is recorded in the transaction of its operation or not at all.",
        file="audit/ledger.py",
        edits=(("    if not connection.in_atomic_block:\n", "    if False:\n"),),
        tests=(f"{_LEDGER}test_an_event_outside_a_transaction_is_refused",),
    ),
    Twin(
        name="ledger-head-lock",
        protects="Two operations never take the same place in the chain.",
        file="audit/ledger.py",
        edits=(
            (
                '    lock = f"{_LOCK} FOR UPDATE" if connection.features.has_select_for_update else _LOCK\n',
                "    lock = _LOCK\n",
            ),
        ),
        tests=(f"{_LEDGER}test_the_chain_has_no_gap_when_many_write_at_once",),
        postgresql=True,
    ),
    Twin(
        name="ledger-no-floats",
        protects="What two databases would write differently is not recorded.",
        file="audit/ledger.py",
        edits=(
            (
                '            raise TypeError(f"{type(value).__name__} has no canonical form in the ledger")\n',
                "            return str(value)\n",
            ),
        ),
        tests=(f"{_LEDGER}test_what_two_databases_might_write_differently_is_refused",),
    ),
    Twin(
        name="merkle-leaves",
        protects="A leaf of a Merkle tree cannot pass for an inner node.",
        file="audit/merkle.py",
        edits=(('hashlib.sha256(b"\\x00" + leaf)', "hashlib.sha256(leaf)"),),
        tests=("tests/audit/test_merkle.py::test_the_published_vectors_hold",),
    ),
    Twin(
        name="head-on-the-chain",
        protects="No head is signed that the ledger does not have.",
        file="audit/heads.py",
        edits=(
            (
                "        if of.sequence and not "
                "AuditEvent.objects.filter(sequence=of.sequence, hash=of.hash).exists():\n",
                "        if False:\n",
            ),
        ),
        tests=("tests/audit/test_heads.py::test_an_earlier_head_of_this_ledger_is_signed_for_an_export_and_no_other",),
    ),
    Twin(
        name="pack-digest-of-evidence",
        protects="An evidence pack says whether evidence is still what was recorded.",
        file="contacts/proof/pack.py",
        edits=(('"matches_its_digest": made == row.evidence_digest', '"matches_its_digest": bool(made)'),),
        tests=("tests/contacts/proof/test_evidence_pack.py::test_evidence_that_was_changed_is_called_so",),
    ),
    Twin(
        name="pack-digest-in-ledger",
        protects="The ledger holds the digest of a pack that left as a file.",
        file="contacts/proof/pack.py",
        edits=(
            (
                "hashlib.sha256(content).hexdigest() if written else None",
                "hashlib.sha256(b'').hexdigest() if written else None",
            ),
        ),
        tests=("tests/contacts/proof/test_evidence_pack.py::test_making_one_leaves_a_mark_without_the_person",),
    ),
    Twin(
        name="export-snapshot",
        protects="All datasets of an export see the same moment.",
        file="audit/export/snapshot.py",
        edits=(
            ('            cursor.execute("BEGIN DEFERRED")\n', ""),
            ('                cursor.execute("ROLLBACK")\n', "                pass\n"),
        ),
        tests=(
            "tests/audit/test_export_snapshot.py::test_an_export_holds_one_moment_holds_nobody_up_and_survives_a_kill",
        ),
    ),
    Twin(
        name="csv-formulas",
        protects="No spreadsheet computes what somebody else wrote into a cell.",
        file="audit/csv_cells.py",
        edits=(
            (
                "    if text.startswith(_STARTS_A_FORMULA) and not _PLAIN_NUMBER.fullmatch(text):\n",
                "    if False:\n",
            ),
        ),
        tests=("tests/audit/test_csv_cells.py::test_a_cell_that_a_spreadsheet_would_compute_is_marked",),
    ),
    Twin(
        name="csv-formulas-of-lines",
        protects="The same holds for lines that the database writes.",
        file="audit/csv_cells.py",
        edits=(('    return _OPENS_A_FORMULA.sub(b",\\"\'", lines)\n', "    return lines\n"),),
        tests=("tests/audit/test_export_datasets.py::test_the_rule_for_cells_is_the_same_for_lines",),
    ),
    Twin(
        name="erasure-of-every-form",
        protects="Who is erased is erased under every form of the number.",
        file="contacts/erasure/erasing.py",
        edits=(("    forms = _locked(person_key, now)\n", "    forms = _locked(person_key, now)[:1]\n"),),
        tests=("tests/contacts/erasure/test_erase.py::test_every_form_of_the_number_goes",),
    ),
    Twin(
        name="erasure-journal",
        protects="Each erasure leaves its line in the journal, before it commits.",
        file="contacts/erasure/erasing.py",
        edits=(("    if not journaled:\n", "    if False:\n"),),
        tests=("tests/contacts/erasure/test_journal.py::test_a_line_is_written_and_names_nobody",),
    ),
    Twin(
        name="erasure-replayed",
        protects="Who was erased since the backup is erased again after a restore.",
        file="contacts/erasure/replaying.py",
        edits=(("        _replay(line, contact, now)\n        done.append", "        done.append"),),
        tests=("tests/contacts/erasure/test_journal.py::test_a_restored_backup_is_erased_again",),
    ),
    Twin(
        name="erasure-suppresses",
        protects="Who was erased does not come back opted in by an old file.",
        file="contacts/erasure/suppression.py",
        edits=(("    return fold_events(events, kept.get(contact.e164, {}))\n", "    return fold_events(events)\n"),),
        tests=("tests/contacts/erasure/test_suppression.py::test_a_record_of_an_older_consent_allows_nothing",),
    ),
    Twin(
        name="restricted",
        protects="Of a person whose data may only be kept nothing is asked and nothing sent.",
        file="contacts/gate.py",
        edits=(("    if facts.restricted:\n        return _refused(Reason.RESTRICTED)\n", ""),),
        tests=("tests/contacts/test_gate.py::test_the_gate_says_that",),
    ),
)
