"""Guards of consent: no packet without it, none after it ended, and nothing that brings it back by itself."""

from tests.twins.twin import Twin

_RUN = "tests/contacts/test_checks_run.py::"
_SCHEMA = "tests/contacts/test_schema_gate.py::"
_MESSAGE_SCHEMA = "tests/contacts/test_message_schema_gate.py::"
_E164 = "tests/providers/test_e164.py::"
_INBOUND = "tests/contacts/test_inbound_messages.py::"

TWINS = (
    Twin(
        name="gate-at-preview",
        protects="A preview says of each number what the gate would say.",
        file="contacts/checking/preview.py",
        edits=(
            (
                "        decision = decide(known, replace(policy, budget_left=left), now)\n",
                "        decision = Decision(Outcome.ALLOWED)\n",
            ),
        ),
        tests=("tests/contacts/test_checks_preview.py::test_each_line_is_counted_by_what_would_happen_to_it",),
    ),
    Twin(
        name="gate-again-at-claim",
        protects="The gate is asked again just before a number leaves.",
        file="contacts/checking/claim.py",
        edits=(
            (
                "        decisions = _ask_the_gate(batch, account, checker, rows, now)\n",
                "        decisions = {row.pk: Decision(Outcome.ALLOWED, opt_in_id=row.opt_in_id) for row in rows}\n",
            ),
        ),
        tests=(f"{_RUN}test_a_withdrawal_between_creation_and_run_is_met_by_the_second_question",),
    ),
    Twin(
        name="gate-under-the-lock",
        protects="At the claim the consent row is locked until the attempt is committed.",
        file="contacts/checking/claim.py",
        edits=(("account=account, now=now, lock=True)", "account=account, now=now, lock=False)"),),
        tests=("tests/contacts/test_withdrawal_race.py::test_nothing_leaves_after_a_withdrawal_has_returned",),
        postgresql=True,
    ),
    Twin(
        name="gate-for-messages",
        protects="The gate is asked before a message leaves.",
        file="contacts/messaging/sending.py",
        edits=(
            (
                "            decision = decide(known.facts, policy, now)\n",
                "            decision = Decision(Outcome.ALLOWED, opt_in_id=1, basis=Basis.OPT_IN)\n",
            ),
        ),
        tests=("tests/contacts/test_send_message.py::test_whoever_opted_out_gets_nothing",),
    ),
    Twin(
        name="gate-in-the-schema",
        protects="The database takes no open check without a matching opt-in.",
        file="contacts/triggers.py",
        edits=(
            (
                "f\"SELECT CASE WHEN NOT EXISTS ({_MATCHING_OPT_IN}) THEN RAISE(ABORT, '{_MESSAGE}') END; \"",
                '"SELECT 1; "',
            ),
        ),
        tests=(f"{_SCHEMA}test_no_such_row_can_be_inserted",),
    ),
    Twin(
        name="gate-in-the-schema-standing",
        protects="The database lets no check leave whose person has opted out.",
        file="contacts/triggers.py",
        edits=(
            (
                "f\"THEN RAISE(ABORT, '{_SENDING_MESSAGE}') END; \"",
                '"THEN 1 END; "',
            ),
        ),
        tests=(f"{_SCHEMA}test_a_row_whose_person_opted_out_is_refused_or_keeps_its_answer_but_never_leaves",),
    ),
    Twin(
        name="gate-in-the-schema-messages",
        protects="The database takes no message of ours without what allows it.",
        file="contacts/messaging/schema.py",
        edits=(('        (f"NOT EXISTS ({_OPT_IN} UNION ALL {_REPLY})", _NO_BASIS),\n', ""),),
        tests=(f"{_MESSAGE_SCHEMA}test_no_message_of_ours_is_stored_with",),
    ),
    Twin(
        name="gate-in-the-schema-trust",
        protects="The database lets no message leave to a person whose identity is in doubt.",
        file="contacts/messaging/schema.py",
        edits=(('        (f"{sending} EXISTS ({_SUSPENDED})", _NOT_TRUSTED),\n', ""),),
        tests=(f"{_MESSAGE_SCHEMA}test_no_message_leaves",),
    ),
    Twin(
        name="withdrawal-waits",
        protects="Whoever opts out is told only when no call for them is on its way any more.",
        file="contacts/opt_ins.py",
        edits=(("        if not flying:\n", "        if True:\n"),),
        tests=("tests/contacts/test_opt_ins.py::test_the_wait_ends_as_soon_as_the_answer_is_recorded",),
    ),
    Twin(
        name="withdrawal-of-every-form",
        protects="Who opts out is opted out under every form of the number.",
        file="contacts/opt_ins.py",
        edits=(("for form in sorted(e164.variants(number.e164))", "for form in [number.e164]"),),
        tests=("tests/contacts/test_opt_ins.py::test_a_withdrawal_holds_for_every_form_of_the_persons_number",),
    ),
    Twin(
        name="withdrawal-wins-a-tie",
        protects="At the same instant the withdrawal wins.",
        file="contacts/consent/state.py",
        edits=(
            (
                "(event.said_at, event.state == WITHDRAWN, event.id)",
                "(event.said_at, event.state == GRANTED, event.id)",
            ),
        ),
        tests=("tests/contacts/test_consent_state.py::test_at_the_same_instant_the_withdrawal_wins",),
    ),
    Twin(
        name="send-before",
        protects="A process that was stopped between commit and call asks about nobody any more.",
        file="contacts/checking/run.py",
        edits=(("    if clock() >= claim.send_before:\n", "    if False:\n"),),
        tests=(
            "tests/contacts/test_withdrawal_race.py::test_a_process_that_was_stopped_past_its_moment_sends_nothing",
        ),
    ),
    Twin(
        name="send-before-messages",
        protects="A process that was stopped between commit and call writes to nobody any more.",
        file="contacts/messaging/sending.py",
        edits=(("    if watch.now() >= message.at + SEND_WITHIN:\n", "    if False:\n"),),
        tests=("tests/contacts/test_message_races.py::test_a_process_that_was_stopped_past_its_moment_sends_nothing",),
    ),
    Twin(
        name="answers-by-claim",
        protects="Only the claim that still holds a row writes its answer.",
        file="contacts/checking/results.py",
        edits=(
            (
                "ContactCheck.objects.filter(claim=claim_id, status=ContactCheck.Status.SENDING)",
                "ContactCheck.objects.filter(status=ContactCheck.Status.SENDING)",
            ),
        ),
        tests=("tests/contacts/test_run_chunk_redelivered.py::test_an_answer_for_another_claim_changes_nothing",),
    ),
    Twin(
        name="stop-words",
        protects="A person who writes STOP is opted out.",
        file="contacts/inbound/receiving.py",
        edits=(
            (
                "    if said is Said.NOTHING:\n        return\n",
                "    if said in (Said.NOTHING, Said.STOP):\n        return\n",
            ),
        ),
        tests=(f"{_INBOUND}test_a_stop_word_withdraws_everything_with_the_message_as_evidence",),
    ),
    Twin(
        name="start-words-grant-nothing",
        protects="Nothing that a person writes grants consent: a start word is for a person to decide.",
        file="contacts/inbound/stop_words.py",
        edits=(("    if said in _start():\n        return Said.START\n", ""),),
        tests=("tests/contacts/test_stop_words.py::test_a_start_word_only_ever_suggests",),
    ),
    Twin(
        name="import-revives-nobody",
        protects="A grant in a file waits for a person where the same purpose was withdrawn.",
        file="contacts/consent/settling.py",
        edits=(("            cursor.execute(HOLD_BACK, [])\n", ""),),
        tests=(
            "tests/contacts/test_import_held.py::test_a_grant_older_or_newer_than_the_withdrawal_is_held_with_its_evidence",
        ),
    ),
    Twin(
        name="import-twice",
        protects="The second import of a file changes nothing.",
        file="contacts/consent/settling.py",
        edits=(("            cursor.execute(DELETE_RECORDED, [trust is Trust.NOTHING])\n", ""),),
        tests=("tests/contacts/test_import_twice.py::test_a_second_import_of_the_file_changes_nothing",),
    ),
    Twin(
        name="import-withdrawals-first",
        protects="A file's withdrawals are committed before its first grant.",
        file="contacts/consent/importing.py",
        edits=(("        if committed == 0 and Column.STATE in self._file.places:\n", "        if False:\n"),),
        tests=(
            "tests/contacts/test_import_withdrawals_first.py::"
            "test_a_withdrawal_further_down_holds_the_grant_above_it_back",
        ),
    ),
    Twin(
        name="spreadsheet-digits",
        protects="4.9E+12 is refused as what it is: its digits are gone.",
        file="providers/e164.py",
        edits=(("    if _SPREADSHEET.fullmatch(clean):\n", "    if False:\n"),),
        tests=(f"{_E164}test_what_is_no_usable_number_is_refused_with_its_rule",),
    ),
    Twin(
        name="spreadsheet-decimals",
        protects="4930123456.0 is refused: its point would make it another number.",
        file="providers/e164.py",
        edits=(("    if _DECIMAL.fullmatch(clean):\n", "    if False:\n"),),
        tests=(f"{_E164}test_no_declaration_brings_back_the_digits_that_a_spreadsheet_took",),
    ),
    Twin(
        name="no-plus-no-number",
        protects="A number without + is refused and never guessed.",
        file="providers/e164.py",
        edits=(("    raise _without_plus(digits, shown)\n", '    return _judge("+" + digits, shown)\n'),),
        tests=(f"{_E164}test_a_row_without_a_plus_is_refused_with_what_would_be_read_and_was_probably_meant",),
    ),
    Twin(
        name="evidence-needed",
        protects="A withdrawal says where and how the person said no.",
        file="contacts/opt_ins.py",
        edits=(("    if not source.strip() or not evidence:\n", "    if not source.strip():\n"),),
        tests=("tests/contacts/test_opt_ins.py::test_a_withdrawal_says_where_and_how_the_person_said_no",),
    ),
    Twin(
        name="head-locked-last",
        protects="The ledger's head is locked after the rows of the operation, so that nobody waits in a circle.",
        file="contacts/opt_ins.py",
        edits=(
            (
                "        consents = _locked_consents(list(contacts.values()), business, now)\n"
                "        recorded: dict[str, Recorded] = {}\n",
                '        ledger.record(action="opt_in.withdrawn", actor=actor, now=now)\n'
                "        consents = _locked_consents(list(contacts.values()), business, now)\n"
                "        recorded: dict[str, Recorded] = {}\n",
            ),
        ),
        tests=("tests/contacts/test_opt_ins.py::test_the_consent_row_is_locked_before_the_ledger_is",),
    ),
)
