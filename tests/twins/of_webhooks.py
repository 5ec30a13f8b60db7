"""Guards of the front door: who may deliver, and that a delivery has its effect once."""

from tests.twins.twin import Twin

_SIGNATURE = "tests/webhooks/test_meta_signature.py::"
_RECEIVE = "tests/webhooks/test_meta_receive.py::"

TWINS = (
    Twin(
        name="webhook-signature",
        protects="A delivery of Meta's without the signature of its bytes is not stored.",
        file="webhooks/meta.py",
        edits=(
            (
                'if not signature.is_signed(body, request.META.get("HTTP_X_HUB_SIGNATURE_256", "")):',
                'if "HTTP_X_HUB_SIGNATURE_256" not in request.META:',
            ),
        ),
        tests=(f"{_SIGNATURE}test_any_other_header_is_401_and_nothing_is_stored",),
    ),
    Twin(
        name="webhook-signature-compare",
        protects="The whole digest is compared, not its beginning.",
        file="webhooks/signature.py",
        edits=(
            (
                "hmac.compare_digest(given, sign(body, secret).encode())",
                "hmac.compare_digest(given[:39], sign(body, secret).encode()[:39])",
            ),
        ),
        tests=(f"{_SIGNATURE}test_none_of_many_forged_headers_is_accepted",),
    ),
    Twin(
        name="webhook-empty-secret",
        protects="An empty app secret signs nothing: anybody could have signed with it.",
        file="webhooks/signature.py",
        edits=(
            (
                "Secret(text) for entry in settings.META_APP_SECRET if (text := entry.strip())",
                "Secret(entry.strip()) for entry in settings.META_APP_SECRET",
            ),
        ),
        tests=(f"{_SIGNATURE}test_without_a_secret_of_ours_nothing_is_signed",),
    ),
    Twin(
        name="webhook-two-signatures",
        protects="Of two signature headers none is taken, not even the right one.",
        file="webhooks/signature.py",
        edits=(
            (
                "    if not _HEADER.fullmatch(header):\n        return False\n",
                '    header = header.split(",")[0]\n',
            ),
        ),
        tests=(f"{_SIGNATURE}test_any_other_header_is_401_and_nothing_is_stored",),
    ),
    Twin(
        name="webhook-handshake-token",
        protects="Only whoever knows the verify token registers the webhook.",
        file="webhooks/meta.py",
        edits=((' != "subscribe" or not token or not fits:', ' != "subscribe" or not token:'),),
        tests=("tests/webhooks/test_meta_handshake.py::test_a_wrong_token_is_forbidden",),
    ),
    Twin(
        name="webhook-handshake-empty-token",
        protects="An empty verify token of ours fits nobody.",
        file="webhooks/meta.py",
        edits=((' != "subscribe" or not token or not fits:', ' != "subscribe" or not fits:'),),
        tests=("tests/webhooks/test_meta_handshake.py::test_an_empty_token_of_ours_fits_nobody",),
    ),
    Twin(
        name="webhook-node-token",
        protects="A node's delivery needs the secret part of its path.",
        file="webhooks/onprem.py",
        edits=((" or not constant_time_compare(secret.reveal(), token):", ":"),),
        tests=("tests/webhooks/test_onprem_callback.py::test_a_wrong_token_is_not_found_and_nothing_is_stored",),
    ),
    Twin(
        name="webhook-answered-after-commit",
        protects="What could not be stored is not answered with 200, so that it is delivered again.",
        file="webhooks/meta.py",
        edits=(("        return HttpResponse(status=503)\n", "        return HttpResponse(status=200)\n"),),
        tests=(f"{_RECEIVE}test_whatever_keeps_it_from_being_stored_is_503",),
    ),
    Twin(
        name="webhook-same-delivery",
        protects="The same bytes again are the same row.",
        file="webhooks/receive.py",
        edits=(('f"{account_id}:".encode() + body', 'f"{account_id}:{time.monotonic_ns()}:".encode() + body'),),
        tests=(f"{_RECEIVE}test_the_same_bytes_again_are_one_row_and_two_deliveries",),
    ),
    Twin(
        name="webhook-same-event",
        protects="An event has its effect once, in however many bodies it comes.",
        file="webhooks/dispatch.py",
        edits=(("    return row.outcome != Outcome.WAITING and row.kind not in _EVERY_TIME\n", "    return False\n"),),
        tests=("tests/webhooks/test_processing.py::test_the_same_event_in_other_bodies_has_one_effect",),
    ),
    Twin(
        name="webhook-body-cap",
        protects="No body beyond 4 MiB is kept, whatever length was announced.",
        file="webhooks/body.py",
        edits=(("    if len(body) > LARGEST_BODY:\n", "    if False:\n"),),
        tests=(f"{_RECEIVE}test_a_body_that_announces_nothing_is_not_taken_beyond_four_mebibytes",),
    ),
    Twin(
        name="webhook-one-failure",
        protects="One event that fails costs its neighbours nothing.",
        file="webhooks/dispatch.py",
        edits=(
            (
                "        row.outcome, row.error = Outcome.FAILED, _place(error)[:300]\n",
                "        raise\n",
            ),
        ),
        tests=(
            "tests/webhooks/test_processing.py::test_one_failing_event_costs_the_others_nothing_and_leaves_nothing",
        ),
    ),
)
