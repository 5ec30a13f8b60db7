"""Chromium for the browser tests: a live server on a database file, people by role, and no error that goes unseen."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "a long password of tests"
#: Reports every violation of the Content-Security-Policy as a console error, which fails the test.
_CSP_REPORTER = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error("CSP " + event.violatedDirective + " " + event.blockedURI + " " + event.sample);
});
"""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark all of this folder, and leave it out unless browser tests are asked for: they run in a call of their own."""
    ours = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in ours:
        item.add_marker("browser")
    if ours and "browser" not in config.getoption("-m", ""):
        config.hook.pytest_deselected(items=ours)
        items[:] = [item for item in items if item not in ours]


@pytest.fixture(scope="session", autouse=True)
def orm_beside_playwright() -> Iterator[None]:
    """Let the ORM be used in the thread in which Playwright keeps its loop."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep SQLite's test database in a file: server and test then have connections of their own."""
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        settings.DATABASES["default"]["TEST"]["NAME"] = str(tmp_path_factory.mktemp("browser") / "test.sqlite3")


@pytest.fixture(scope="session")
def chromium(orm_beside_playwright: None) -> Iterator[Browser]:
    """One browser for all tests."""
    if not Path(CHROMIUM).exists():
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Watched:
    """A browser window whose console errors, failed requests and blocked scripts fail the test."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        self.address = address
        self.problems: list[str] = []
        context.add_init_script(_CSP_REPORTER)
        self.page: Page = context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        self.page.on("requestfailed", self._lost)
        self.page.on("request", self._left)

    def go(self, path: str) -> Page:
        """Open a page of the console."""
        self.page.goto(self.address + path)
        return self.page

    def sign_in_as(self, user: User) -> None:
        """Sign in without the form, for tests that are about something else."""
        client = Client()
        client.force_login(user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        self.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.address}])

    def findings(self) -> list[str]:
        """Give what axe finds on the open page once it is whole, however small."""
        self.page.wait_for_load_state()
        # Without preload: axe would fetch what stylesheets import, at addresses that do not exist.
        found = Axe().run(self.page, options={"preload": False}).response["violations"]
        return [
            f"{self.page.url} {rule['id']}: {node['html'][:150]} {node.get('failureSummary', '')[:200]}"
            for rule in found
            for node in rule["nodes"]
        ]

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"console {message.type}: {message.text}")

    def _lost(self, request: Any) -> None:
        # A page that is left cancels what it was still loading.
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"request: {request.url} {request.failure}")

    def _left(self, request: Any) -> None:
        if not request.url.startswith((self.address, "data:")):
            self.problems.append(f"left the machine: {request.url}")


@pytest.fixture
def window(chromium: Browser, live_server: Any) -> Iterator[Callable[..., Watched]]:
    """Open windows; at the end none of them may have seen a problem."""
    cache.clear()
    opened: list[Watched] = []

    def open_window(**options: Any) -> Watched:
        options.setdefault("viewport", {"width": 1280, "height": 900})
        watched = Watched(chromium.new_context(**options), live_server.url)
        opened.append(watched)
        return watched

    yield open_window
    for watched in opened:
        watched.context.close()
    assert [problem for watched in opened for problem in watched.problems] == []


@pytest.fixture
def business_admin(transactional_db: None) -> User:
    """A business admin who can sign in through the form."""
    user = User.objects.create_user("ana", password=PASSWORD, is_staff=True, first_name="Ana")
    user.groups.set(Group.objects.filter(name="Business admins"))
    return user
