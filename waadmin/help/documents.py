"""The files of docs/ as pages: Markdown without HTML, headings with anchors, links that stay inside the console.

What a file links to beside docs/ (the source) is no page here: its words stay, the link goes.
"""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from urllib.parse import unquote, urlsplit

from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from waadmin import BASE_DIR

DOCS = BASE_DIR / "docs"
#: Where the pictures of docs/ lie among the static files.
PICTURES = "help"
#: What people look for first; the others follow by name.
_FIRST = ("journeys", "console", "imports", "errors", "exports", "ledger", "permissions", "commands", "settings")
_CODE_OR_SIGN = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the second level."""

    anchor: str
    words: str


@dataclass(frozen=True, slots=True)
class Document:
    """One file of docs/ as a page."""

    name: str
    title: str
    html: SafeString
    sections: tuple[Section, ...]
    #: Every heading's, of every level.
    anchors: frozenset[str]


def names() -> list[str]:
    """Give the name of every document, such as `providers/kaleyra`, in the order in which they are offered."""
    found = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    return [name for name in _FIRST if name in found] + sorted(found - set(_FIRST))


def read(name: str) -> Document | None:
    """Give a document by its name; None where there is none."""
    return _drawn(name, (DOCS / f"{name}.md").stat().st_mtime_ns) if name in names() else None


def address(place: str) -> str:
    """Give the page of a place such as `console#check-runs`."""
    name, _sign, anchor = place.partition("#")
    page = reverse("admin:help_page", kwargs={"document": name})
    return f"{page}#{anchor}" if anchor else page


@lru_cache(maxsize=128)
def _drawn(name: str, _changed: int) -> Document:
    # HTML in a file is drawn as text: a page of the console holds no markup that its own code did not write.
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse((DOCS / f"{name}.md").read_text(encoding="utf-8"))
    headings = list(_anchor(tokens))
    for token in tokens:
        if token.children:
            token.children = list(_within_the_console(token.children, name))
    title = next((words for tag, _anchor, words in headings if tag == "h1"), name)
    body = list(_body(tokens, title))
    # What the renderer makes of our own files, with HTML off, is the one source of markup here.
    html = mark_safe(parser.renderer.render(body, parser.options, {}))  # noqa: S308
    return Document(
        name=name,
        title=title,
        html=html,
        sections=tuple(Section(anchor, words) for tag, anchor, words in headings if tag == "h2"),
        anchors=frozenset(anchor for _tag, anchor, _words in headings),
    )


def _anchor(tokens: Sequence[Token]) -> Iterator[tuple[str, str, str]]:
    """Give each heading the id that GitHub gives it, and tell its tag, id and words."""
    taken: dict[str, int] = {}
    for token, inside in pairwise(tokens):
        if token.type != "heading_open":
            continue
        words = "".join(child.content for child in inside.children or ())
        slug = _CODE_OR_SIGN.sub("", words.lower()).strip().replace(" ", "-")
        times = taken[slug] = taken.get(slug, -1) + 1
        anchor = f"{slug}-{times}" if times else slug
        token.attrSet("id", anchor)
        yield token.tag, anchor, words


def _body(tokens: Sequence[Token], title: str) -> Iterator[Token]:
    """Leave the title out, which the page shows itself, and let wide tables scroll."""
    in_title, tables = False, 0
    for token in tokens:
        if token.tag == "h1":
            in_title = token.type == "heading_open"
            continue
        if in_title:
            continue
        if token.type == "table_open":
            tables += 1
            scrolls = '<div class="table-scroll" tabindex="0" role="region" aria-label="{}: table {}">'
            yield _markup(format_html(scrolls, title, tables))
        yield token
        if token.type == "table_close":
            yield _markup("</div>")


def _markup(html: str) -> Token:
    return Token("html_block", "", 0, content=html)


def _within_the_console(tokens: Sequence[Token], name: str) -> Iterator[Token]:
    closes: list[bool] = []
    for token in tokens:
        if token.type == "image":
            picture = posixpath.basename(str(token.attrGet("src") or ""))
            token.attrSet("src", static(f"{PICTURES}/{picture}"))
        elif token.type == "link_open":
            href = _target(str(token.attrGet("href") or ""), name)
            closes.append(href is not None)
            if href is None:
                continue
            token.attrSet("href", href)
            if href.startswith("http"):
                token.attrSet("rel", "noopener noreferrer")
        elif token.type == "link_close" and not closes.pop():
            continue
        yield token


def _target(href: str, name: str) -> str | None:
    """Give where a link of a document leads here; None where it leads nowhere."""
    parts = urlsplit(href)
    if parts.scheme in ("http", "https"):
        return href
    if parts.scheme or parts.netloc:
        return None
    if not parts.path:
        return f"#{parts.fragment}"
    path = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(parts.path)))
    if not path.endswith(".md") or path.removesuffix(".md") not in names():
        return None
    return address(f"{path.removesuffix('.md')}#{parts.fragment}")
