"""Every URL with something believable behind it, and every table byte for byte."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit
from uuid import uuid4

from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from audit.models import Export, SignedHead
from tests.clients import NOBODY
from tests.permissions.table import ELSEWHERE, PUBLIC
from waadmin import roles

EVERY_ROLE = (*(role.name for role in roles.ROLES), NOBODY)
#: Who is signed in, and the chain, whose new entries a test looks at one by one.
APART = {"django_session", "audit_auditevent", "audit_ledgerhead"}


def named_urls() -> dict[str, URLPattern]:
    """Give every URL pattern by its full name; those without a name are listed under what they call."""
    return dict(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: Any, space: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, f"{space}{pattern.namespace}:" if pattern.namespace else space)
        else:
            yield f"{space}{pattern.name or 'unnamed ' + pattern.callback.__name__}", pattern


def role_urls() -> dict[str, URLPattern]:
    """Give every URL that a role decides about."""
    return {
        name: pattern
        for name, pattern in named_urls().items()
        if name not in PUBLIC and not name.startswith("admin:unnamed") and name.removeprefix("admin:") not in ELSEWHERE
    }


def models() -> dict[str, type]:
    """Give every registered model by the beginning of its pages' names."""
    return {f"{model._meta.app_label}_{model._meta.model_name}": model for model in admin.site._registry}


def address(name: str, pattern: URLPattern, user: User | None = None) -> str:
    """Fill a pattern with a row that is there; of what each has for themselves, with one of this user's."""
    values: dict[str, Any] = {}
    for argument in pattern.pattern.converters or pattern.pattern.regex.groupindex:
        match argument:
            case "pk" | "object_id" | "id" if name == "admin:view_on_site":
                values[argument] = 1
            case "pk" | "object_id" | "id":
                values[argument] = row_of(name, user).pk
            case "content_type_id":
                values[argument] = ContentType.objects.get_for_model(models()["contacts_contact"]).pk
            case "document":
                values[argument] = "console"
            case "app_label":
                values[argument] = "contacts"
            case "account_uuid":
                values[argument] = uuid4()
            case "token":
                values[argument] = "no-such-token"
            case _:
                raise AssertionError(f"{name}: nobody says what stands for {argument}")
    return reverse(name, kwargs=values)


def model_of(name: str) -> type | None:
    """Give the model that a page is about, where it is about one."""
    page = name.partition(":")[2]
    return next(
        (model for begin, model in sorted(models().items(), reverse=True) if page.startswith(f"{begin}_")), None
    )


def row_of(name: str, user: User | None = None) -> Any:
    """Give a row of the model that a page is about."""
    model = model_of(name)
    assert model is not None, f"{name} takes an id and belongs to no model"
    if name == "admin:audit_auditevent_head":
        model = SignedHead
    rows = model._default_manager.all()  # type: ignore[attr-defined]
    row = (rows.filter(user_id=user.pk) if model is Export and user is not None else rows).first()
    assert row is not None, f"{name}: the tests have no row of {model.__name__}"
    return row


def tables(*, apart: frozenset[str] | set[str] = APART) -> dict[str, str]:
    """Give a digest of every row of every table."""
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(set(connection.introspection.table_names(cursor)) - set(apart)):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows = sorted(repr([bytes(one) if isinstance(one, memoryview) else one for one in row])
                          for row in cursor.fetchall())  # fmt: skip
            found[table] = hashlib.sha256("\n".join(rows).encode("utf-8", "surrogatepass")).hexdigest()
    return found


@contextmanager
def taken_back() -> Iterator[None]:
    """Undo whatever is done inside."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # what must be durable may begin inside
    with block:
        yield
        transaction.set_rollback(True)


def kind_of(address: str) -> str:
    """Give an address with its numbers, ids and values taken out: addresses of one kind show the same page."""
    parts = urlsplit(address)
    path = re.sub(r"[0-9a-f-]{36}|\d+", "*", parts.path)
    return f"{path}?{'&'.join(sorted(part.partition('=')[0] for part in parts.query.split('&')))}"


def links(page: str, text: str) -> list[str]:
    """Give where a page leads to within the console, in its order: a crawl must open the same pages each time."""
    found = [unescape(link) for link in re.findall(r'(?:href|data-progress-url|src)="([^"#][^"]*)"', text)]
    elsewhere = ("http", "tel:", "data:", "/static")
    return list(dict.fromkeys(urldefrag(urljoin(page, link))[0] for link in found if not link.startswith(elsewhere)))


def crawl(client: Client, role: str) -> Iterator[tuple[str, str]]:
    """Follow every link from home and open every page that there is, as one of a role; give what each page says."""
    user = User.objects.get(username=role.split()[0].lower())
    waiting = ["/", *(address(name, pattern, user) for name, pattern in role_urls().items())]
    seen: set[str] = set()
    while waiting:
        page = waiting.pop()
        # Filters combine without end: two of them at once show what a third would.
        if kind_of(page) in seen or page.startswith("/logout") or page.count("&") > 1:
            continue
        seen.add(kind_of(page))
        answer = client.get(page)
        assert answer.status_code < 500, page
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        text = content.decode("utf-8", "replace")
        if answer.status_code == 302:
            waiting.append(urljoin(page, answer["Location"]))
        elif answer.status_code == 200 and answer.get("Content-Type", "").startswith("text/html"):
            waiting += links(page, text)
        yield page, text
