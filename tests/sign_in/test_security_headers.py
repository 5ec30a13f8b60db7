"""Every answer has its security headers: pages, refusals, errors, redirects, webhooks and static files."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from tests.sign_in import people
from tests.sign_in.people import HOME, LOGIN
from waadmin import BASE_DIR
from waadmin import settings as written
from waadmin.urls import urlpatterns as ours

pytestmark = pytest.mark.django_db
WANTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}


def breaks(request: Any) -> HttpResponse:
    raise RuntimeError("a page that breaks")


urlpatterns = [path("breaks/", breaks), *ours]


@pytest.fixture
def https(settings: Any) -> Client:
    """A browser at a console as it is in production."""
    settings.ROOT_URLCONF = __name__
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    (Path(settings.STATIC_ROOT) / "a.css").write_text("body {}")
    return Client(raise_request_exception=False, headers={"x-forwarded-proto": "https"})


def get(page: str, **extra: Any) -> Callable[[Client], Any]:
    return lambda client: client.get(page, secure=True, **extra)


ANSWERS: dict[str, tuple[int, Callable[[Client], Any]]] = {
    "the door": (200, get(LOGIN)),
    "a redirect to the door": (302, get(HOME)),
    "an address that nothing has": (302, get("/static/no-such-file.css")),
    "a wrong method": (405, lambda client: client.put("/webhooks/meta/", secure=True)),
    "a wrong host": (400, get(HOME, headers={"host": "evil.example"})),
    "a page that breaks": (500, get("/breaks/")),
    "a form without its token": (
        403,
        lambda client: Client(enforce_csrf_checks=True).post(LOGIN, {"username": "ana"}, secure=True),
    ),
    "a webhook without a signature": (
        401,
        lambda client: client.post("/webhooks/meta/", b"{}", content_type="application/json", secure=True),
    ),
    "a webhook's handshake": (403, get("/webhooks/meta/?hub.mode=subscribe")),
    "a webhook of nobody": (
        404,
        lambda client: client.post(
            "/webhooks/onprem/8b1d1f3e-0000-4000-8000-000000000000/token/",
            b"{}",
            content_type="application/json",
            secure=True,
        ),
    ),
    "a static file": (200, get("/static/a.css")),
    "a locked name": (429, lambda client: [people.password(client, "ana", "wrong", secure=True) for _ in range(5)][-1]),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_has_them(name: str, https: Client) -> None:
    status, ask = ANSWERS[name]
    answer = ask(https)

    assert answer.status_code == status
    assert {header: answer.get(header) for header in WANTED} == WANTED
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "script-src 'self';" in policy + ";"
    assert "Access-Control-Allow-Origin" not in answer
    answer.close()


def test_plain_http_is_sent_to_https_with_what_can_be_said_there(https: Client) -> None:
    for host, status in (("testserver", 301), ("evil.example", 400)):
        answer = Client(raise_request_exception=False).get(HOME, headers={"host": host})
        wanted = {name: value for name, value in WANTED.items() if name != "Strict-Transport-Security"}

        assert answer.status_code == status
        assert {header: answer.get(header) for header in wanted} == wanted
        assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_cookies_are_for_https_and_for_no_script(https: Client) -> None:
    assert written.SESSION_COOKIE_HTTPONLY and written.SESSION_COOKIE_SAMESITE == "Lax"
    assert written.SESSION_COOKIE_SECURE == written.CSRF_COOKIE_SECURE == written.SECURE_SSL_REDIRECT


def test_check_deploy_warns_of_nothing_but_what_is_silenced() -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "waadmin.settings",
        "SECRET_KEY": "x9-" * 12 + "a long random text of fifty letters and more",
        "ALLOWED_HOSTS": "waadmin.example.com",
        "DEBUG": "0",
        "SECURE_SSL_REDIRECT": "1",
        "PROVIDERS_ALLOW_LOCAL": "0",
        "SECOND_FACTOR_ROLES": "Business admins",
        "DATABASE_URL": "sqlite://:memory:",
    }
    ended = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert "no issues (2 silenced)" in ended.stdout
