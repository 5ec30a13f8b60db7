"""Every page that a role is led to, in Chromium: axe finds nothing, nothing is blocked, nothing leaves the machine.

One of the windows holds two hundred hostile texts wherever people, files and providers write: none of them runs.
EVERY_ROLE=1 opens all of it, which takes a quarter of an hour; without it only what somebody without a role sees.
"""

import os
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User

from sandbox import Sandbox
from tests import clients
from tests.browser.conftest import Watched
from tests.permissions import furnishing, world
from tests.permissions.test_hostile_texts import plant

#: `test_accessibility.py` has every page each day, as somebody who sees all of them.
_in_full = pytest.mark.skipif(not os.environ.get("EVERY_ROLE"), reason="takes minutes: set EVERY_ROLE=1")
#: What a hostile text would call.
_ALARM = "window.waxss = () => console.error('a text of others was run')"


@pytest.fixture
def furnished_for_all(sandbox: Sandbox, transactional_db: None) -> None:
    """A row of everything, that the live server sees too."""
    furnishing.furnish(sandbox)


def led_to(role: str) -> list[str]:
    """Give an address of each page that this role finds by following links: of a list, not every filter of it."""
    found: dict[str, str] = {}
    browser = clients.browser(role)
    for page, text in world.crawl(browser, role):
        if text.lstrip().startswith("<!DOCTYPE"):
            found.setdefault(world.kind_of(urlsplit(page).path), page)
    # A page that refuses is an error in the browser's console.
    return [page for page in found.values() if browser.get(page).status_code == 200]


def open_all(watched: Watched, role: str) -> Iterator[str]:
    """Open each of the role's pages and give its address while it is open."""
    addresses = led_to(role)
    watched.sign_in_as(User.objects.get(username=role.split()[0].lower()))
    for address in addresses:
        watched.go(address)
        yield address


@pytest.mark.parametrize(
    ("role", "width", "scheme"),
    [
        pytest.param(clients.SUPPORT, 375, "light", marks=_in_full),
        pytest.param(clients.AUDITOR, 1280, "dark", marks=_in_full),
        pytest.param(clients.VIEWER, 375, "dark", marks=_in_full),
        (clients.NOBODY, 1280, "light"),
    ],
)
def test_axe_finds_nothing_on_any_page_of_a_role(
    role: str, width: int, scheme: str, window: Callable[..., Watched], furnished_for_all: None
) -> None:
    watched = window(viewport={"width": width, "height": 900}, color_scheme=scheme)
    findings = [finding for _page in open_all(watched, role) for finding in watched.findings()]
    assert not findings, "\n".join(findings)


@_in_full
def test_no_text_of_others_runs_in_the_browser(window: Callable[..., Watched], furnished_for_all: None) -> None:
    plant()
    watched = window()
    watched.context.add_init_script(_ALARM)
    shown = 0
    for _page in open_all(watched, clients.ADMIN):
        shown += "waxss" in watched.page.locator("body").inner_text()
    assert shown > 30
