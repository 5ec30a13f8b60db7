"""Every page in Spanish: drawn without an error, and without a string that was translated before anybody asked."""

import gettext
import re
from html import unescape

import pytest

from tests import clients
from tests.permissions import world
from waadmin import BASE_DIR

pytestmark = pytest.mark.django_db
_SHOWN = re.compile(r"<(h[1-6]|th|dt|label|button|summary|legend|a|p)\b[^>]*>([^<>]+)<")


def in_spanish() -> dict[str, str]:
    with (BASE_DIR / "locale/es/LC_MESSAGES/django.mo").open("rb") as file:
        found = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {key: text for key, text in found.items() if isinstance(key, str)}


def test_every_page_is_drawn_in_spanish(furnished: None) -> None:
    client, texts = clients.browser(clients.ADMIN), in_spanish()
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "es"
    english: dict[str, str] = {}

    for page, text in world.crawl(client, clients.ADMIN):
        if "<html" not in text or page.startswith("/help/"):
            continue
        assert '<html lang="es' in text, page
        for _tag, shown in _SHOWN.findall(text):
            words = unescape(shown).strip()
            if words and texts.get(words, words) != words:
                english[words] = page

    assert english == {}
