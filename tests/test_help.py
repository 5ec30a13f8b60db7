"""The documentation inside the console: every page leads to its part, every link arrives, nothing foreign is drawn."""

import os
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from tests import clients
from tests.clients import EVERYBODY, NOBODY, SUPPORT, VIEWER
from tests.permissions.world import links, role_urls
from waadmin.help import documents, places

SIGNED_IN = [role for role in EVERYBODY if role != "anonymous"]


def test_every_page_of_the_console_has_its_place_and_every_place_is_there() -> None:
    missing = [name for name in role_urls() if places.of(name.removeprefix("admin:")) is None]
    assert missing == []
    for place in set(places.PLACES.values()):
        name, _sign, anchor = place.partition("#")
        document = documents.read(name)
        assert document is not None, place
        assert not anchor or anchor in document.anchors, place


def test_every_beginning_of_the_table_is_the_beginning_of_some_page() -> None:
    names = [name.removeprefix("admin:") for name in role_urls()] + ["autocomplete"]

    assert [one for one in places.PLACES if not any(name.startswith(one) for name in names)] == []


def test_the_longest_beginning_counts() -> None:
    assert places.of("contacts_contact_send") == "journeys#send-a-message"
    assert places.of("contacts_contact_changelist") == "console#contacts"
    assert places.of("no_such_page") is None and places.address("no_such_page") == "/help/console/"


@pytest.mark.django_db
@pytest.mark.parametrize("role", SIGNED_IN)
def test_everybody_on_the_staff_reads_all_of_it_and_every_link_arrives(role: str) -> None:
    client = clients.browser(role)
    pages = {"/help/", *(documents.address(name) for name in documents.names())}
    for page in sorted(pages):
        answer = client.get(page)
        assert answer.status_code == 200, page
        article = re.sub(r"(?s)<header.*?</header>|<nav.*?</nav>", "", answer.content.decode())
        assert {link for link in links(page, article) if link.startswith("/help/")} <= pages, page


def test_anchors_within_the_documentation_are_there() -> None:
    for name in documents.names():
        document = documents.read(name)
        assert document is not None
        for href in re.findall(r'href="((?:/help/[^"]*)?#[^"]+)"', document.html):
            page, _sign, anchor = href.partition("#")
            target = documents.read(page.removeprefix("/help/").strip("/")) if page else document
            assert target is not None and anchor in target.anchors, f"{name}: {href}"


@pytest.mark.django_db
def test_somebody_who_is_not_signed_in_reads_nothing_and_nobody_writes() -> None:
    assert Client().get("/help/console/")["Location"].startswith("/login/")
    assert clients.browser(VIEWER).post("/help/").status_code == 405
    assert clients.browser(VIEWER).post("/help/console/").status_code == 405


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    ["nothing", "../README", "..%2FREADME", "console.md", "providers", "/etc/passwd", "%00", "pictures/console.png"],
)
def test_what_is_no_document_is_not_found(name: str) -> None:
    assert clients.browser(NOBODY).get(f"/help/{name}/").status_code == 404


@pytest.mark.django_db
def test_the_link_of_each_page_leads_to_its_own_part() -> None:
    client = clients.browser(SUPPORT)

    for page, place in {
        reverse("admin:index"): "/help/console/#home",
        reverse("admin:contacts_checkbatch_changelist"): "/help/console/#check-runs",
        reverse("admin:sign_in"): "/help/console/#your-account",
    }.items():
        assert f'<a href="{place}">Help</a>' in client.get(page).content.decode()


def test_markup_and_dangerous_links_of_a_file_are_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "DOCS", tmp_path)
    (tmp_path / "page.md").write_text(
        "# A <b>title</b>\n\n<script>alert(1)</script>\n\n## Twice `x`\n\n## Twice `x`\n\n"
        "[a](javascript:alert(1)) [b](data:text/html,x) [c](../manage.py) [d](//evil.example/) [e](page.md#twice-x-1) "
        '[f](https://example.com/?a=1&b="x") ![g](pictures/console.png)\n\n| a |\n| - |\n| <i>x</i> |\n',
        encoding="utf-8",
    )
    document = documents.read("page")

    assert document is not None
    assert document.title == "A <b>title</b>" and "<h1" not in document.html
    assert "<script" not in document.html and "<i>" not in document.html
    assert set(re.findall(r'href="([^"]*)"', document.html)) == {
        "/help/page/#twice-x-1",
        "https://example.com/?a=1&amp;b=%22x%22",
    }
    assert document.anchors >= {"twice-x", "twice-x-1"}
    assert 'src="/static/help/console.png"' in document.html


def test_the_pictures_are_among_the_static_files() -> None:
    assert finders.find("help/console.png")


def test_a_file_that_changed_is_drawn_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "DOCS", tmp_path)
    for text, at in (("# One", 1), ("# Two", 2)):
        (tmp_path / "page.md").write_text(text, encoding="utf-8")
        os.utime(tmp_path / "page.md", (at, at))
        document = documents.read("page")
        assert document is not None and document.title == text[2:]
