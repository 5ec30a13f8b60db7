"""Guards of the console: who sees and does what, and that nobody's words are anything but words."""

from tests.twins.twin import Twin

_SECOND_FACTOR = "tests/sign_in/test_second_factor_view.py::"

TWINS = (
    Twin(
        name="permission-of-pages",
        protects="A page opens only for those whose role holds its permission.",
        file="audit/pages.py",
        edits=(("            if not request.user.has_perms(permissions):\n", "            if False:\n"),),
        tests=("tests/contacts/erasure/test_erase_view.py::test_nobody_but_business_admins_opens_it",),
    ),
    Twin(
        name="permission-of-actions",
        protects="An action on selected rows is done only for those who may.",
        file="webhooks/admin.py",
        edits=(
            (
                '@admin.action(description=_("Process again"), permissions=["process"])',
                '@admin.action(description=_("Process again"))',
            ),
        ),
        tests=("tests/permissions/test_matrix.py::test_actions_are_offered_to_and_done_for_the_roles_that_may",),
    ),
    Twin(
        name="reach-of-lists",
        protects="Whoever is assigned to some businesses finds nothing of another.",
        file="audit/reach.py",
        edits=(
            (
                "    return rows if reached is None else rows.filter(rows_of(rows.model, reached))\n",
                "    return rows\n",
            ),
        ),
        tests=("tests/permissions/test_reach.py::test_a_person_out_of_reach_is_found_as_little_as_nobody",),
    ),
    Twin(
        name="reach-of-unknown-models",
        protects="A model of which nobody said whose its rows are is withheld.",
        file="audit/reach.py",
        edits=(
            (
                "    return rule(ids) if rule is not None and ids else _NOTHING\n",
                "    return rule(ids) if rule is not None else Q()\n",
            ),
        ),
        tests=("tests/permissions/test_reach.py::test_a_model_of_which_nobody_said_it_is_withheld",),
    ),
    Twin(
        name="reach-of-what-concerns-all",
        protects="What concerns every business is refused to whoever reaches some.",
        file="audit/reach.py",
        edits=(("        if is_restricted(request.user):\n            raise OutOfReach\n", ""),),
        tests=("tests/permissions/test_reach.py::test_what_concerns_every_business_is_refused_in_words",),
    ),
    Twin(
        name="masked-numbers",
        protects="A number is shown in full only to those who may see it.",
        file="contacts/masking.py",
        edits=(
            ("            _in_full.set(bool(request.user.has_perm(IN_FULL)))\n", "            _in_full.set(True)\n"),
        ),
        tests=("tests/permissions/test_masked_numbers.py::test_the_list_and_the_page_show_it_masked",),
    ),
    Twin(
        name="masked-by-default",
        protects="Where nobody asked, numbers are masked.",
        file="contacts/masking.py",
        edits=(('ContextVar("numbers_in_full", default=False)', 'ContextVar("numbers_in_full", default=True)'),),
        tests=("tests/contacts/test_masking.py::test_where_nobody_asked_a_number_is_masked",),
    ),
    Twin(
        name="escaped-in-templates",
        protects="What a provider says is text on the page, never markup.",
        file="templates/contacts/run_page.html",
        edits=(('<td class="wrap">{{ answer.detail }}', '<td class="wrap">{{ answer.detail|safe }}'),),
        tests=("tests/contacts/test_hostile_text_view.py::test_no_page_carries_it_as_markup",),
    ),
    Twin(
        name="escaped-in-code",
        protects="What a person wrote is text on the page, never markup.",
        file="audit/admin.py",
        edits=(
            (
                '        return format_html("<pre>{}</pre>", '
                "json.dumps(event.details, indent=2, ensure_ascii=False))\n",
                "        from django.utils.safestring import mark_safe\n\n"
                '        return mark_safe(f"<pre>{json.dumps(event.details, indent=2, ensure_ascii=False)}</pre>")\n',
            ),
        ),
        tests=("tests/audit/test_admin.py::test_the_ledger_shows_details_as_text",),
    ),
    Twin(
        name="content-security-policy",
        protects="Every answer forbids scripts that are not ours.",
        file="waadmin/settings.py",
        edits=(('    "csp.middleware.CSPMiddleware",\n', ""),),
        tests=("tests/sign_in/test_security_headers.py::test_every_answer_has_them",),
    ),
    Twin(
        name="second-factor-asked",
        protects="A password alone opens no page to a role that needs a second factor.",
        file="waadmin/sign_in/middleware.py",
        edits=(("    if name in may:\n", "    if True:\n"),),
        tests=(f"{_SECOND_FACTOR}test_a_password_alone_shows_no_page_to_a_role_that_needs_a_second_factor",),
    ),
    Twin(
        name="second-factor-once",
        protects="Wrong codes make the next try wait.",
        file="waadmin/sign_in/second_factor.py",
        edits=(("                authenticator.throttle_increment()\n", ""),),
        tests=(f"{_SECOND_FACTOR}test_wrong_recovery_codes_wait_with_wrong_codes",),
    ),
    Twin(
        name="recovery-code-once",
        protects="A recovery code lets in once.",
        file="waadmin/sign_in/second_factor.py",
        edits=(("                RecoveryCode.objects.filter(pk=spent.pk).update(used_at=now)\n", ""),),
        tests=(f"{_SECOND_FACTOR}test_a_recovery_code_lets_in_once_and_is_counted",),
    ),
    Twin(
        name="session-ends",
        protects="A session that was not used, or lasts too long, is over.",
        file="waadmin/sign_in/middleware.py",
        edits=(("        if ending is not None:\n", "        if False:\n"),),
        tests=("tests/sign_in/test_sessions.py::test_half_an_hour_without_use_ends_it_and_the_door_says_why",),
    ),
    Twin(
        name="fresh-sign-in",
        protects="Secrets change only soon after a proof of who it is.",
        file="audit/pages.py",
        edits=(
            (
                "        return ask_for_fresh_sign_in(request) or view(request, *args, **kwargs)\n",
                "        return view(request, *args, **kwargs)\n",
            ),
        ),
        tests=(
            "tests/sign_in/test_fresh_sign_in.py::test_ten_minutes_after_the_password_it_is_asked_again_and_leads_back",
        ),
    ),
    Twin(
        name="export-of-its-owner",
        protects="An export is there for whoever asked for it and nobody else.",
        file="audit/export/views.py",
        edits=(
            (
                "    return get_object_or_404(jobs.own(_user(request)), pk=pk)\n",
                "    return get_object_or_404(Export, pk=pk)\n",
            ),
        ),
        tests=("tests/audit/test_export_views.py::test_another_person_with_the_same_name_gets_nothing",),
    ),
)
