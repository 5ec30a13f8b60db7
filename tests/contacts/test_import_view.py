"""Importing opt-ins in the browser: file, columns, preview, a confirmed sentence, the import, the file of bad lines."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django_q.models import OrmQ

from audit.models import AuditEvent
from contacts.consent import uploads
from contacts.models import OptIn, OptInImport
from providers.models import Business
from tests import clients, factories
from tests.contacts.csv_files import mapped

NEW = "/contacts/optinimport/add/"
HEAD = "phone,given_at,source,evidence\n"
GOOD = f"{factories.number(100)},2026-01-03T10:00:00Z,web form,order 1\n"
BARE = "447400000101,2026-01-03T10:00:00Z,web form,order 2\n"
BAD = "=2+5,2026-01-03T10:00:00Z,web form,order 3\n"


def upload(browser: Client, acme: Business, text: str = HEAD + GOOD + BARE + BAD, **fields: Any) -> OptInImport:
    file = SimpleUploadedFile("customers.csv", text.encode())
    asked = {"file": file, "business": acme.pk, "reading": "e164", "name_shown": "Acme", **fields}
    response = browser.post(NEW, asked)
    assert response.status_code == 302, response.content.decode()
    entry = OptInImport.objects.latest("pk")
    assert response["Location"] == page(entry)
    return mapped(entry) if text.startswith(HEAD) else entry


def page(entry: OptInImport, what: str = "change") -> str:
    return f"/contacts/optinimport/{entry.pk}/{what}/"


def confirmed(browser: Client, entry: OptInImport) -> None:
    browser.post(page(entry, "confirm"), ticked(entry))


def ticked(entry: OptInImport) -> dict[str, str]:
    return {"sure": "on", "statement": uploads.sentence(entry), "shown": uploads.declared(entry)}


def test_the_preview_counts_and_imports_nothing(admin_browser: Client, acme: Business) -> None:
    entry = upload(admin_browser, acme)
    text = " ".join(admin_browser.get(page(entry)).content.decode().split())
    assert "3 lines: 1 to create, 0 to add, 0 opt-outs, 0 skipped, 0 held, 2 refused; nothing imported yet." in text
    assert "2 numbers have no +" in text
    assert "+44 7400 000101 (GB)" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "I confirm that each person in “customers.csv”" in text
    assert not OptIn.objects.exists()
    assert not OrmQ.objects.exists()


def test_the_kept_file_is_encrypted(admin_browser: Client, acme: Business) -> None:
    upload(admin_browser, acme)
    with connection.cursor() as cursor:
        cursor.execute("SELECT content FROM contacts_optinimport")
        stored = bytes(cursor.fetchone()[0])
    assert b"phone" not in stored


def test_declaring_again_previews_again(admin_browser: Client, acme: Business) -> None:
    entry = upload(admin_browser, acme)
    admin_browser.post(page(entry, "declare"), {"reading": "digits", "name_shown": "Acme"})
    text = " ".join(admin_browser.get(page(entry)).content.decode().split())
    assert "3 lines: 2 to create" in text
    admin_browser.post(page(entry, "declare"), {"reading": "national", "region": "", "name_shown": "Acme"})
    assert b"National numbers need their region." in admin_browser.get(page(entry)).content


def test_the_ticked_sentence_is_kept_word_for_word_and_the_task_queued(admin_browser: Client, acme: Business) -> None:
    entry = upload(admin_browser, acme)
    confirmed(admin_browser, entry)
    entry.refresh_from_db()
    assert entry.statement == uploads.sentence(entry)
    assert entry.imported_by == "business"
    assert OrmQ.objects.count() == 1
    assert AuditEvent.objects.filter(action="opt_ins.import_confirmed").count() == 1
    confirmed(admin_browser, entry)
    assert OrmQ.objects.count() == 1


def test_without_the_tick_or_with_another_sentence_nothing_happens(admin_browser: Client, acme: Business) -> None:
    entry = upload(admin_browser, acme)
    admin_browser.post(page(entry, "confirm"), {**ticked(entry), "sure": ""})
    admin_browser.post(page(entry, "confirm"), {**ticked(entry), "statement": "whatever"})
    entry.refresh_from_db()
    assert entry.statement == ""
    assert not OrmQ.objects.exists()


def test_nothing_is_imported_that_nobody_confirmed(admin_browser: Client, acme: Business, now: datetime) -> None:
    entry = upload(admin_browser, acme)
    assert uploads.run(import_id=entry.pk, now=now) is None
    assert not OptIn.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_import_ends_with_counts_an_errors_file_and_no_kept_file(admin_browser: Client, acme: Business) -> None:
    entry = upload(admin_browser, acme)
    confirmed(admin_browser, entry)
    now = datetime.now(UTC)
    imported = uploads.run(import_id=entry.pk, now=now)
    assert imported is not None
    assert (imported.granted, imported.refused) == (1, 2)
    assert uploads.run(import_id=entry.pk, now=now) is None
    live = admin_browser.get(page(entry, "live")).json()
    assert (live["state"], live["granted"], live["refused"], live["follow"]) == ("FINISHED", 1, 2, False)
    entry.refresh_from_db()
    assert entry.content is None
    assert b"up to line" not in admin_browser.get(page(entry)).content
    response = admin_browser.get(page(entry, "errors"))
    assert response["Content-Disposition"].startswith("attachment")
    lines = response.content.decode("utf-8-sig").splitlines()
    assert lines[0] == "line,column,value,reason,phone,given_at,source,evidence"
    assert ",'=2+5," in lines[2]
    assert uploads.purge(now=now + timedelta(days=31)) == 1
    assert admin_browser.get(page(entry, "errors")).status_code == 404


def test_an_unconfirmed_file_goes_after_a_day(admin_browser: Client, acme: Business) -> None:
    entry = upload(admin_browser, acme)
    assert uploads.purge(now=datetime.now(UTC) + timedelta(hours=25)) == 1
    assert b"Upload it again." in admin_browser.get(page(entry)).content
    confirmed(admin_browser, entry)
    assert not OrmQ.objects.exists()


def test_an_import_that_an_error_stopped_is_queued_again(admin_browser: Client, acme: Business) -> None:
    entry = upload(admin_browser, acme)
    confirmed(admin_browser, entry)
    OptInImport.objects.update(state=OptInImport.State.FAILED)
    assert b"Try again" in admin_browser.get(page(entry)).content
    admin_browser.post(page(entry, "again"))
    assert OrmQ.objects.count() == 2
    admin_browser.post(page(entry, "again"))
    assert OrmQ.objects.count() == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\n", "This file cannot be imported as it is."),
        ("+447400000100,2026-01-03\n", "so it is a person and no line of names"),
        (",".join(f"c{place}" for place in range(201)) + "\n", "The first line has 201 columns"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(text: str, words: str, admin_browser: Client, acme: Business) -> None:
    response = admin_browser.get(page(upload(admin_browser, acme, text)))
    assert words in response.content.decode()
    assert b'name="statement"' not in response.content


def test_an_empty_or_huge_file_is_refused_at_once(admin_browser: Client, acme: Business) -> None:
    fields = {"business": acme.pk, "reading": "e164"}
    for content in (b"", b"x" * (uploads.LARGEST + 1)):
        response = admin_browser.post(NEW, {**fields, "file": SimpleUploadedFile("a.csv", content)})
        assert response.status_code == 200
    assert not OptInImport.objects.exists()


PAGES = (("change", "get", 200), ("live", "get", 200), ("errors", "get", 404))
POSTS = ("declare", "confirm", "again")


def test_whoever_may_not_import_sees_no_columns(admin_browser: Client, acme: Business) -> None:
    entry = upload(admin_browser, acme)
    for client in (clients.browser(clients.AUDITOR), clients.browser(clients.SUPPORT)):
        assert client.get(page(entry, "columns")).status_code == 403
        assert client.post(page(entry, "columns")).status_code == 403
    assert Client().get(page(entry, "columns")).status_code == 302
    assert admin_browser.put(page(entry, "columns")).status_code == 405


def test_auditors_read_imports_and_support_staff_do_not(admin_browser: Client, acme: Business) -> None:
    entry = upload(admin_browser, acme)
    auditor, support = clients.browser(clients.AUDITOR), clients.browser(clients.SUPPORT)
    for what, _method, status in PAGES:
        assert auditor.get(page(entry, what)).status_code == status
        assert support.get(page(entry, what)).status_code == 403
        assert Client().get(page(entry, what)).status_code == 302
    for what in POSTS:
        assert auditor.post(page(entry, what)).status_code == 403
        assert support.post(page(entry, what)).status_code == 403
        assert Client().post(page(entry, what)).status_code == 302
        assert admin_browser.get(page(entry, what)).status_code == 405
    assert auditor.get(NEW).status_code == 403
    assert auditor.get("/contacts/optinimport/").status_code == 200
