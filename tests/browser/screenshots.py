"""Writes a picture of every page to build/screenshots/: `pytest -m browser tests/browser/screenshots.py`.

Wide and narrow, light and dark. They are for eyes: nothing is compared. WAADMIN_PAGES=home,person takes only those.
"""

import os
from collections.abc import Callable

import pytest

from sandbox import Sandbox
from tests.browser import pages
from tests.browser.conftest import Watched
from waadmin import BASE_DIR

PICTURES = BASE_DIR / "build" / "screenshots"
WIDTHS = (1280, 375)
SCHEMES = ("light", "dark")
#: What a page shows once and no picture may hold: a PIN, the key of an authenticator app, a webhook's secret address.
SHOWN_ONCE = ".once, .qr-frame, .card-warn + section .copyable"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_has_its_picture_taken(
    width: int, scheme: str, window: Callable[..., Watched], sandbox: Sandbox, transactional_db: None
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    pages.furnish(sandbox)
    watched = window(viewport={"width": width, "height": 900}, color_scheme=scheme)
    watched.sign_in_as(pages.somebody())
    wanted = [name for name in os.environ.get("WAADMIN_PAGES", "").split(",") if name]
    too_wide = []
    for name, (address, before) in pages.everywhere().items():
        if wanted and name not in wanted:
            continue
        page = watched.go(address)
        if before:
            before(page)
        page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png", full_page=True, mask=[page.locator(SHOWN_ONCE)])
        if name == "run-finished":
            # The top of the page: what docs/pictures/console.png is a copy of.
            page.screenshot(path=PICTURES / f"console-{width}-{scheme}.png")
        if page.evaluate("document.documentElement.scrollWidth") > width:
            too_wide.append(name)
    assert too_wide == []
