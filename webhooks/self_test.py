"""The self-test: signs a body with each of our secrets and posts it through the very view that Meta reaches."""

import hmac
import json
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from urllib.parse import urlencode

from django.core.handlers.wsgi import WSGIRequest
from django.db import transaction
from django.utils.translation import gettext as _

from audit import ledger
from providers.interfaces import ProbeStep
from providers.secret import Secret
from webhooks import meta, receive, signature
from webhooks.models import WebhookRequest
from webhooks.reading import SELF_TEST

_CHALLENGE = "1158201444"


def run(*, actor: str, now: datetime) -> tuple[ProbeStep, ...]:
    """Try handshake, signatures and storing, step by step."""
    steps = (*_handshake(), *_signatures(now))
    with transaction.atomic():
        failed = [step.name for step in steps if not step.ok]
        ledger.record(
            action="webhook.self_tested", actor=actor, now=now, details={"ok": not failed, "failed": len(failed)}
        )
    return steps


def _handshake() -> Iterator[ProbeStep]:
    right = _get(meta.verify_token())
    yield _step(_("Handshake with our verify token"), right, 200, content=_CHALLENGE.encode())
    yield _step(_("Handshake with another token"), _get(Secret("not the token")), 403)


def _signatures(now: datetime) -> Iterator[ProbeStep]:
    # The same bytes each time: one row that counts how often this was tried.
    body = json.dumps({"object": "whatsapp_business_account", "entry": [], SELF_TEST: True}).encode()
    secrets = signature.app_secrets()
    if not secrets:
        yield ProbeStep(_("App secret"), False, _("META_APP_SECRET is empty."))
    for place, secret in enumerate(secrets, 1):
        name = _("Signed with the newest app secret") if place == 1 else _("Signed with app secret %d") % place
        yield _step(name, _post(body, signature.sign(body, secret)), 200)
    if secrets:
        kept = WebhookRequest.objects.filter(digest=receive.digest_of(None, body)).first()
        there = kept is not None and kept.body == body
        detail = _("It was read back from the database, byte for byte.") if there else _("It is not in the database.")
        yield ProbeStep(_("Stored"), there, detail)
        flipped = bytes([body[0] ^ 1]) + body[1:]
        yield _step(_("One bit of the body changed"), _post(flipped, signature.sign(body, secrets[0])), 401)
    forged = f"sha256={hmac.new(b'not the secret', body, sha256).hexdigest()}"
    yield _step(_("Signed with another secret"), _post(body, forged), 401)
    yield _step(_("Not signed"), _post(body, ""), 401)


def _step(name: str, answer: tuple[int, bytes], wanted: int, *, content: bytes | None = None) -> ProbeStep:
    status, said = answer
    held = status == wanted and (content is None or said == content)
    return (
        ProbeStep(name, held, _("answered %(status)d, as it must be") % {"status": status})
        if held
        else ProbeStep(name, False, _("answered %(status)d and not %(wanted)d") % {"status": status, "wanted": wanted})
    )


def _get(token: Secret) -> tuple[int, bytes]:
    query = {"hub.mode": "subscribe", "hub.verify_token": token.reveal(), "hub.challenge": _CHALLENGE}
    return _ask({"REQUEST_METHOD": "GET", "QUERY_STRING": urlencode(query)})


def _post(body: bytes, header: str) -> tuple[int, bytes]:
    headers = {"HTTP_X_HUB_SIGNATURE_256": header} if header else {}
    return _ask({"REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body)), **headers}, body)


def _ask(environ: dict[str, str], body: bytes = b"") -> tuple[int, bytes]:
    request = WSGIRequest(
        {"PATH_INFO": "/", "SERVER_NAME": "localhost", "SERVER_PORT": "443", **environ, "wsgi.input": BytesIO(body)}
    )
    response = meta.view(request)
    return response.status_code, response.content
