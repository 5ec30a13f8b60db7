"""Guards of identity: only a person, or the status of what a person ordered, makes a hash trusted again."""

from tests.twins.twin import Twin

_HASHES = "tests/contacts/test_identity_hashes.py::"
_CASES = "tests/contacts/test_trust_cases.py::"

TWINS = (
    Twin(
        name="newest-is-not-trusted",
        protects="A hash that differs from the trusted one opens a case and is not adopted.",
        file="contacts/identity/keys.py",
        edits=(
            (
                "            return None\n        return _changed(trust, key, now)\n",
                "            return None\n"
                "        trust.hash = key.hash\n"
                '        trust.save(update_fields=["hash"])\n'
                "        return None\n",
            ),
        ),
        tests=(f"{_HASHES}test_an_inbound_hash_that_differs_opens_a_case_and_sends_keep_the_trusted_one",),
    ),
    Twin(
        name="status-of-a-message-with-hash",
        protects="The status of a message that carried a hash changes no trust.",
        file="contacts/identity/adopting.py",
        edits=(
            (
                " or message.direction != Message.Direction.OUT or message.hash_sent:",
                " or message.direction != Message.Direction.OUT:",
            ),
        ),
        tests=(f"{_HASHES}test_the_status_of_a_message_that_carried_a_hash_changes_no_trust",),
    ),
    Twin(
        name="first-use-after-a-case",
        protects="Whoever had a case is never trusted again on first use.",
        file="contacts/identity/adopting.py",
        edits=((" or trust.hash or trust.had_case or not ", " or trust.hash or not "),),
        tests=(f"{_HASHES}test_whoever_had_a_case_is_never_trusted_on_first_use",),
    ),
    Twin(
        name="verified-case-only",
        protects="Only the status of the latest verified case's resend brings trust.",
        file="contacts/identity/adopting.py",
        edits=(("        or case.pk != message.resend_of_case_id\n", ""),),
        tests=(f"{_CASES}test_the_status_of_the_resend_of_an_older_case_brings_nothing",),
    ),
    Twin(
        name="mismatch-stops-sends",
        protects="Nobody is written to whose identity has changed.",
        file="contacts/gate.py",
        edits=(
            (
                "    if is_message and facts.trust is Trust.MISMATCHED:\n"
                "        return _refused(Reason.IDENTITY_CHANGED)\n",
                "",
            ),
        ),
        tests=("tests/contacts/test_gate.py::test_the_gate_of_messages_says_that",),
    ),
    Twin(
        name="mismatch-opens-a-case",
        protects="What a provider says of a mismatch becomes a case for a person.",
        file="contacts/messaging/consequences.py",
        edits=(
            (
                "        if word.code in MISMATCHES:\n            identity.mismatch(message=message, now=now)\n",
                "",
            ),
        ),
        tests=("tests/contacts/test_identity_mismatch.py::test_a_mismatch_stops_sends_and_opens_a_case",),
    ),
    Twin(
        name="resend-awaits-its-status",
        protects="While a message without a hash is on its way, no second one goes.",
        file="contacts/identity/settling.py",
        edits=(
            (
                "now < case.hash_expected_until and not _failed_since_ordered(case):",
                "now < case.hash_expected_until and False:",
            ),
        ),
        tests=(f"{_CASES}test_without_a_status_in_time_the_case_says_so_and_one_more_message_may_go",),
    ),
    Twin(
        name="resend-only-once-more",
        protects="Two messages without a hash are the most that a verification allows.",
        file="contacts/identity/settling.py",
        edits=(("    if _resends(case).exclude(_FAILED).count() >= MOST_RESENDS:\n", "    if False:\n"),),
        tests=(f"{_CASES}test_without_a_status_in_time_the_case_says_so_and_one_more_message_may_go",),
    ),
    Twin(
        name="resend-at-once",
        protects="Two presses at once send one message without a hash.",
        file="contacts/messaging/sending.py",
        edits=(("    if verified.exists() and not under_way.exists():\n", "    if verified.exists():\n"),),
        tests=("tests/contacts/test_message_races.py::test_two_resends_of_one_case_at_once_are_one",),
        postgresql=True,
    ),
    Twin(
        name="resend-of-a-verified-case",
        protects="Without the verified case of this very person nothing goes without a hash.",
        file="contacts/messaging/sending.py",
        edits=(("    if verified.exists() and not under_way.exists():\n", "    if not under_way.exists():\n"),),
        tests=("tests/contacts/test_send_message.py::test_no_resend_without_the_verified_case_of_this_very_person",),
    ),
    Twin(
        name="hash-as-seen",
        protects="At a node exactly the hash that a person saw is acknowledged.",
        file="contacts/identity/node.py",
        edits=(("    if not constant_time_compare(_read(case, node, now).hash, hash):\n", "    if False:\n"),),
        tests=("tests/contacts/test_identity_node.py::test_a_hash_that_is_not_the_latest_any_more_is_refused",),
    ),
    Twin(
        name="hash-only-when-trusted",
        protects="The gate of the schema lets no hash leave that is not the trusted one.",
        file="contacts/messaging/schema.py",
        edits=(
            (
                "        (f\"{sending} NEW.hash_sent <> '' AND NOT EXISTS ({_TRUSTED_HASH})\", _NOT_TRUSTED),\n",
                "",
            ),
        ),
        tests=("tests/contacts/test_message_schema_gate.py::test_no_message_leaves",),
    ),
)
