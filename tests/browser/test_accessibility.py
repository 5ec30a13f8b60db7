"""axe finds nothing on any page, light and dark, wide and narrow; no console error, blocked script or lost column."""

from collections.abc import Callable

import pytest

from sandbox import Sandbox
from tests.browser import pages
from tests.browser.conftest import Watched

_TABLES_CUT_OFF = """
[...document.querySelectorAll(".results, .table-scroll")].filter(table => table.scrollWidth > table.clientWidth).length
"""


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark")])
def test_axe_finds_nothing_and_no_table_hides_a_column(
    width: int, scheme: str, window: Callable[..., Watched], sandbox: Sandbox, transactional_db: None
) -> None:
    pages.furnish(sandbox)
    watched = window(viewport={"width": width, "height": 900}, color_scheme=scheme)
    findings = []
    watched.go("/login/")
    findings += watched.findings()
    watched.sign_in_as(pages.somebody())
    for address, before in pages.everywhere().values():
        page = watched.go(address)
        if before:
            before(page)
        findings += watched.findings()
        if page.evaluate(_TABLES_CUT_OFF):
            findings.append(f"{address}: a table hides columns at its side")
    assert not findings, "\n".join(findings)
