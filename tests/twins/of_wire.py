"""Guards of what leaves: budgets and limits, where a call may go, secrets and codes."""

from tests.twins.twin import Twin

_HTTP = "tests/providers/test_http.py::"
_ADDRESSES = "tests/faults/test_addresses_refused.py::"
_SECRET = "tests/providers/test_secret.py::"
_LIMITS = "tests/numbers/test_limits.py::"

TWINS = (
    Twin(
        name="budget",
        protects="No more numbers are asked about in a rolling day than the budget says.",
        file="providers/limits.py",
        edits=(
            (
                "    granted = min(wanted, max(0, account.check_budget - _used(account, now)))\n",
                "    granted = wanted\n",
            ),
        ),
        tests=("tests/providers/test_account_limits.py::test_a_reservation_takes_what_is_left_and_says_when_more_is",),
    ),
    Twin(
        name="budget-of-a-whole-day",
        protects="A number counts against the budget until all of its minute is a day old.",
        file="providers/limits.py",
        edits=(
            (
                "    used = BudgetUse.objects.filter(account=account, minute_at__gt=now - DAY - _MINUTE)",
                "    used = BudgetUse.objects.filter(account=account, minute_at__gt=now - DAY)",
            ),
        ),
        tests=("tests/providers/test_account_limits.py::test_a_number_counts_until_all_of_its_minute_is_a_day_old",),
    ),
    Twin(
        name="rate-limit-slot",
        protects="Two calls of an account are as far apart as its rate limit says.",
        file="providers/limits.py",
        edits=(
            (
                "meter.next_call_at = slot + timedelta(seconds=1 / account.rate_limit)",
                "meter.next_call_at = slot",
            ),
        ),
        tests=("tests/providers/test_account_limits.py::test_slots_are_as_far_apart_as_the_rate_limit_says",),
    ),
    Twin(
        name="postponed",
        protects="While a provider asked us to wait, no call of the account leaves.",
        file="providers/limits.py",
        edits=(("(now, meter.next_call_at, meter.postponed_until)", "(now, meter.next_call_at)"),),
        tests=("tests/providers/test_account_limits.py::test_no_slot_is_before_the_end_of_a_postponement",),
    ),
    Twin(
        name="code-cooldown",
        protects="At most three codes in ten minutes are requested for a number.",
        file="numbers/limits.py",
        edits=(("    if len(recent) >= REQUESTS_IN_WINDOW:\n", "    if False:\n"),),
        tests=(f"{_LIMITS}test_three_codes_in_ten_minutes_and_it_says_when_it_frees",),
    ),
    Twin(
        name="code-tries",
        protects="A code is tried five times at most, whoever tries.",
        file="numbers/limits.py",
        edits=(("    if len(tries) >= TRIES_PER_CODE:\n", "    if False:\n"),),
        tests=(f"{_LIMITS}test_five_tries_a_code_and_a_new_code_has_its_own",),
    ),
    Twin(
        name="codes-per-operator",
        protects="One operator sends at most thirty codes an hour over all numbers.",
        file="numbers/limits.py",
        edits=(("    if len(times) >= CODES_PER_OPERATOR:\n", "    if False:\n"),),
        tests=(f"{_LIMITS}test_thirty_codes_an_hour_by_one_operator_over_all_numbers",),
    ),
    Twin(
        name="registrations",
        protects="A number is registered nine times in three days at most: Meta blocks it at the tenth.",
        file="numbers/limits.py",
        edits=(("    if len(times) >= REGISTRATIONS_IN_LONG_WINDOW:\n", "    if False:\n"),),
        tests=(f"{_LIMITS}test_registrations_stop_before_the_tenth",),
    ),
    Twin(
        name="wrong-pins",
        protects="After two wrong PINs in a row nothing leaves any more.",
        file="numbers/limits.py",
        edits=(("    if number.wrong_pins >= WRONG_PINS_IN_A_ROW:\n", "    if False:\n"),),
        tests=("tests/numbers/test_registration.py::test_two_wrong_pins_in_a_row_and_then_nothing_leaves",),
    ),
    Twin(
        name="code-in-flight",
        protects="One call at a time works on a number's verification.",
        file="numbers/attempts.py",
        edits=(
            (
                "    if number.attempts.filter("
                "outcome=Outcome.SENDING, started_at__gt=now - LONGEST_FLIGHT).exists():\n",
                "    if False:\n",
            ),
        ),
        tests=("tests/numbers/test_codes.py::test_a_second_submission_while_one_is_on_its_way_is_refused_here",),
    ),
    Twin(
        name="identity-check-late",
        protects="A process that was stopped past its lease carries no wish of before.",
        file="numbers/identity_check.py",
        edits=(("        if watch.passed() - renewed >= SEND_WITHIN:\n", "        if False:\n"),),
        tests=(
            "tests/numbers/test_identity_check.py::"
            "test_a_process_that_was_stopped_after_it_read_the_wish_asks_again_before_it_carries_it",
        ),
    ),
    Twin(
        name="no-redirects",
        protects="No redirect is followed: requests would hand credentials to another host.",
        file="providers/http.py",
        edits=(
            (
                "        return None\n\n\nclass _LineAdapter",
                "        return super().get_redirect_target(resp)\n\n\nclass _LineAdapter",
            ),
            ("            allow_redirects=False,\n", "            allow_redirects=True,\n"),
        ),
        tests=("tests/faults/test_redirects_not_followed.py::test_no_redirect_is_followed_wherever_it_leads",),
    ),
    Twin(
        name="addresses-inside",
        protects="No packet leaves for a private, loopback or reserved address, whatever name leads there.",
        file="providers/line.py",
        edits=(
            (
                '                raise NotSent("The host name leads to a private, loopback or reserved address.")\n',
                "                pass\n",
            ),
        ),
        tests=(f"{_ADDRESSES}test_no_packet_leaves_for_a_name_that_leads_inside",),
    ),
    Twin(
        name="addresses-looked-up-once",
        protects="A name that leads elsewhere when it is looked up again gains nothing.",
        file="providers/line.py",
        edits=(("socket.create_connection((text, port)", "socket.create_connection((host, port)"),),
        tests=(f"{_ADDRESSES}test_a_name_that_changes_where_it_leads_gains_nothing",),
    ),
    Twin(
        name="addresses-mapped",
        protects="An IPv4 address inside is recognised in its IPv6 writing.",
        file="providers/addresses.py",
        edits=(("            return is_public(address.ipv4_mapped)\n", "            return True\n"),),
        tests=(f"{_ADDRESSES}test_no_packet_leaves_for_a_host_inside",),
    ),
    Twin(
        name="base-url-https",
        protects="A base URL is https, but for the sandbox on this machine.",
        file="providers/addresses.py",
        edits=(('    if parts.scheme != "https":\n', "    if False:\n"),),
        tests=(f"{_HTTP}test_a_base_url_that_breaks_a_rule_is_refused_by_its_name_and_leaves_no_row",),
    ),
    Twin(
        name="no-proxies",
        protects="Neither proxies nor passwords come from the environment.",
        file="providers/http.py",
        edits=(("    session.trust_env = False\n", ""),),
        tests=(f"{_HTTP}test_proxies_of_the_environment_are_not_used",),
    ),
    Twin(
        name="answer-cap",
        protects="Of an answer no more than 4 MiB is read.",
        file="providers/http.py",
        edits=(("        if len(body) > BODY_CAP:\n", "        if False:\n"),),
        tests=(f"{_HTTP}test_reading_stops_at_the_cap",),
    ),
    Twin(
        name="total-deadline",
        protects="A host that answers a byte at a time is cut off at the deadline.",
        file="providers/http.py",
        edits=(("threading.Timer(deadline, line.cut)", "threading.Timer(deadline + 3600, line.cut)"),),
        tests=(f"{_HTTP}test_a_drip_is_cut_off_at_the_deadline",),
    ),
    Twin(
        name="secret-repr",
        protects="A secret's repr does not hold it.",
        file="providers/secret.py",
        edits=(('        return "Secret(…)"\n', '        return f"Secret({self._value})"\n'),),
        tests=(f"{_SECRET}test_its_repr_says_what_it_is_and_nothing_of_what_it_holds",),
    ),
    Twin(
        name="secret-str",
        protects="A secret has no text that could end in a page or a log.",
        file="providers/secret.py",
        edits=(
            (
                "    def __str__(self) -> str:\n"
                '        raise SecretExposed("a secret has no text; reveal() it where it is sent")\n',
                "    def __str__(self) -> str:\n        return self._value\n",
            ),
        ),
        tests=(f"{_SECRET}test_every_way_to_write_it_down_is_refused",),
    ),
    Twin(
        name="secret-pickle",
        protects="A secret cannot be pickled into a task or a cache.",
        file="providers/secret.py",
        edits=(
            (
                '        raise SecretExposed("a secret cannot be pickled or copied")\n',
                "        return (Secret, (self._value,))  # type: ignore[return-value]\n",
            ),
        ),
        tests=(f"{_SECRET}test_no_pickle_protocol_takes_it",),
    ),
    Twin(
        name="log-redaction",
        protects="No number and no secret stands in a log line.",
        file="waadmin/logs.py",
        edits=(
            (
                "            return one_line(redact(record.getMessage()))\n",
                "            return one_line(record.getMessage())\n",
            ),
        ),
        tests=("tests/test_logs.py::test_words_arguments_and_names_pass_the_redactor",),
    ),
    Twin(
        name="log-redaction-of-tracebacks",
        protects="No number and no secret stands in a traceback.",
        file="waadmin/logs.py",
        edits=(
            (
                '        return redact("\\n".join(part for part in parts if part))\n',
                '        return "\\n".join(part for part in parts if part)\n',
            ),
        ),
        tests=("tests/test_logs.py::test_a_traceback_shows_where_and_no_variable",),
    ),
)
