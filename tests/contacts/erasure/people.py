"""A person of whom everything there is is on record, and the search for whatever of them is left."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.db import connection

from contacts.consent import uploads
from contacts.consent.evidence import Evidence
from contacts.erasure import erasing, finishing
from contacts.models import Contact, ContactCheck, Erasure, Message, Suggestion
from contacts.people import learn_alias
from numbers.models import BusinessNumber
from providers.e164 import Reading, variants
from providers.encryption import WrongEncryptionKey, decrypt
from providers.models import Business, ProviderAccount
from tests import factories
from tests.contacts import senders, writers

#: Tables of Django itself that hold what every installation holds.
_NOT_OURS = {"django_migrations", "django_content_type", "auth_permission", "auth_group_permissions", "sqlite_sequence"}


def furnish(e164: str, owner: Business, node: ProviderAccount, number: BusinessNumber, *, now: datetime) -> Contact:
    """Put everything on record that there may be about one person."""
    factories.opted_in(
        e164,
        owner,
        given_at=now - timedelta(days=30),
        now=now - timedelta(days=30),
        evidence=Evidence(text=f"ticked the box, {e164}", file=f"scan of {e164}".encode(), file_name=f"{e164}.pdf"),
    )
    contact = Contact.objects.get(e164=e164)
    learn_alias(contact, f"US.{e164[1:]}", now)
    factories.check_run(node, e164, now=now - timedelta(days=2))
    ContactCheck.objects.filter(contact=contact).update(
        status="VALID", strength="STRONG", wa_id=e164[1:], checked_at=now - timedelta(days=2), next_attempt_at=None
    )
    factories.check_run(node, _spaced(e164), f"00{e164[1:]}", e164[1:], now=now - timedelta(days=1))
    writers.writes(number, e164, "Hello", at=now - timedelta(hours=3), bsuid=f"US.{e164[1:]}", identity_hash="first=")
    writers.writes(number, e164, "please stop writing", at=now - timedelta(hours=2), identity_hash="other=")
    message = Message.objects.create(
        contact=contact,
        business=owner,
        account=number.account,
        business_number=number,
        direction="OUT",
        kind="TEXT",
        purpose="service",
        body=json.dumps({"text": f"Dear {e164}"}).encode(),
        state="ACCEPTED",
        basis="REPLY_WINDOW",
        wamid=f"wamid.OUT.{e164[1:]}",
        actor="tests",
        at=now - timedelta(hours=1),
    )
    senders.trusts(contact, number, since=now - timedelta(hours=2))
    senders.tell(number, senders.status(message, "failed", at=now - timedelta(minutes=50), code="137000"))
    Suggestion.objects.create(
        kind="OPT_OUT",
        business=owner,
        bsuid=f"US.{e164[1:]}",
        words=f"I am {e164}".encode(),
        opened_at=now,
        due_at=now,
        reference=f"unknown {e164}",
    )
    uploads.keep(
        content=f"phone,given_at,source,evidence\n{e164},2026-01-05,web form,ticked\n".encode(),
        file_name="leads.csv",
        business=owner,
        reading=Reading.E164,
        region="",
        name_shown=owner.name,
        actor="tests",
        now=now,
    )
    return contact


def erase(contact: Contact, *, now: datetime, finished: bool = True) -> Erasure:
    """Erase a person as the command does."""
    entry = erasing.erase(contact=contact, reason="ASKED", actor="tests", now=now)
    if finished:
        finishing.finish(now=now)
        entry.refresh_from_db()
    return entry


def rows_naming(numbers: Iterable[str]) -> set[str]:
    """Give the columns in which a number stands in any form: every table, text and blob, encrypted ones read too."""
    digits = {form[1:] for number in numbers for form in variants(number)}
    wanted = digits | {form[2:] for form in digits}  # British numbers: what follows 44
    lengths = {len(one) for one in wanted}
    return {
        where
        for where, text in _texts()
        if any(
            run[start : start + length] in wanted
            for run in re.findall(r"\d{10,}", _joined(text))
            for length in lengths
            for start in range(len(run) - length + 1)
        )
    }


def _texts() -> Iterator[tuple[str, str]]:
    with connection.cursor() as cursor:
        tables = [table for table in connection.introspection.table_names(cursor) if table not in _NOT_OURS]
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    if isinstance(value, str | bytes | memoryview | dict | list):
                        yield f"{table}.{name}", _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value)
    raw = value.encode() if isinstance(value, str) else bytes(value)
    with suppress(WrongEncryptionKey, TypeError):
        raw = decrypt(raw)
    return raw.decode("utf-8", errors="replace")


def _joined(text: str) -> str:
    return re.sub(r"(?<=\d)[\s().\-/]+(?=\d)", "", text)


def _spaced(e164: str) -> str:
    return f"{e164[:3]} (0) {e164[3:7]} {e164[7:]}"


def models_of_ours() -> Iterator[Any]:
    """Give every model of our apps."""
    for label in ("audit", "contacts", "numbers", "providers", "waadmin", "webhooks"):
        yield from apps.get_app_config(label).get_models()


NOW = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)
