"""The steps of an import in the browser: nothing is lost on the way, and nothing is imported that nobody looked at."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django_q.models import OrmQ

from contacts.consent import uploads
from contacts.models import OptInImport
from providers.models import Business
from tests import factories
from tests.contacts.csv_files import mapped
from waadmin.models import StaffAccess

NEW = "/contacts/optinimport/add/"
HEAD = "Cell,When,Where,Why,Notes"
FILE = f"""{HEAD}
{factories.number(100)},2026-01-05T10:00,web form,order 1,
447400000101,2026-01-05T10:00:00Z,web form,order 2,
{factories.number(102)},2026-01-06T10:00,web form,order 3,
{factories.number(103)},soon,web form,order 4,
{factories.number(104)},2026-01-06T10:00:00Z,,order 5,
"""
PICKS = {f"column_{place}": pick for place, pick in enumerate(("phone", "given_at", "source", "evidence", ""))}


def upload(browser: Client, acme: Business, text: str = FILE, **fields: Any) -> OptInImport:
    file = SimpleUploadedFile("customers.csv", text.encode())
    browser.post(NEW, {"file": file, "business": acme.pk, "reading": "e164", "name_shown": "Acme", **fields})
    return OptInImport.objects.latest("pk")


def page(entry: OptInImport, what: str = "change") -> str:
    return f"/contacts/optinimport/{entry.pk}/{what}/"


def said(response: Any) -> str:
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", text.replace("&#x27;", "'").replace("\N{NO-BREAK SPACE}", " "))


def ticked(entry: OptInImport) -> dict[str, str]:
    return {"sure": "on", "statement": uploads.sentence(entry), "shown": uploads.declared(entry)}


@pytest.fixture
def masked_browser(db: None) -> Client:
    """Somebody who may import and sees people's numbers masked."""
    user = User.objects.create_user("importer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["add_optinimport", "view_optinimport"]))
    StaffAccess.objects.update_or_create(user=user, defaults={"reaches_every_business": True})
    client = Client()
    client.force_login(user)
    return client


def test_the_columns_come_before_the_preview_with_samples_and_choices(admin_browser: Client, acme: Business) -> None:
    entry = upload(admin_browser, acme)
    text = said(admin_browser.get(page(entry)))
    assert "Say what each column of “customers.csv” is for Acme." in text
    for words in ("Cell", "Where", "order 1", "order 2", "order 3", factories.number(100), "2026-01-05T10:00"):
        assert words in text
    assert "order 4" not in text
    assert "nothing imported yet" not in text


def test_a_mapping_leads_on_and_is_still_there_on_the_way_back(admin_browser: Client, acme: Business) -> None:
    entry = upload(admin_browser, acme)
    response = admin_browser.post(page(entry, "columns"), {**PICKS, "name_shown": "Acme"})
    assert (response.status_code, response["Location"]) == (302, page(entry))
    preview = admin_browser.get(page(entry)).content.decode()
    assert "column “Cell”" in preview
    assert page(entry, "columns") in preview
    back = admin_browser.get(page(entry, "columns")).content.decode()
    assert re.findall(r'<option value="(\w+)" selected>', back) == ["phone", "given_at", "source", "evidence"]
    assert 'value="Acme"' in back


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"column_4": "phone"}, "“Cell” and “Notes” both mean phone. Leave one of them out"),
        ({"column_3": ""}, "No column is evidence. The file has: Cell, When, Where, Why, Notes."),
        ({"name_shown": ""}, "No column is business_name_shown."),
        ({"column_1": "shoe_size"}, "Select a valid choice."),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_and_stays_on_the_page(
    changed: dict[str, str], words: str, admin_browser: Client, acme: Business
) -> None:
    entry = upload(admin_browser, acme)
    response = admin_browser.post(page(entry, "columns"), {**PICKS, "name_shown": "Acme", **changed})
    assert response.status_code == 200
    assert words in said(response)
    assert 'value="phone" selected' in response.content.decode()
    entry.refresh_from_db()
    assert entry.columns == ""
    admin_browser.post(page(entry, "confirm"), ticked(entry))
    assert not OrmQ.objects.exists()


def test_the_next_file_with_this_header_is_offered_the_mapping(admin_browser: Client, acme: Business) -> None:
    first = mapped(upload(admin_browser, acme), *PICKS.values())
    assert "Remembered from" not in said(admin_browser.get(page(upload(admin_browser, acme))))
    admin_browser.post(page(first, "confirm"), ticked(first))
    text = admin_browser.get(page(upload(admin_browser, acme))).content.decode()
    assert "Remembered from" in text
    assert re.findall(r'<option value="(\w+)" selected>', text) == ["phone", "given_at", "source", "evidence"]
    other = upload(admin_browser, acme, FILE.replace(HEAD, HEAD + "!"))
    assert "Remembered from" not in said(admin_browser.get(page(other)))


def test_numbers_are_masked_for_whom_they_are_masked_elsewhere(masked_browser: Client, acme: Business) -> None:
    entry = upload(masked_browser, acme)
    columns = said(masked_browser.get(page(entry)))
    assert "+•••••••••100" in columns
    assert "2026-01-05T10:00" in columns
    mapped(entry, *PICKS.values())
    preview = masked_browser.get(page(entry)).content.decode()
    for number in (factories.number(100), "447400000101", "7400 000101", "7400\N{NO-BREAK SPACE}000101"):
        assert number not in columns + preview


def test_errors_are_grouped_by_what_mends_them_with_their_lines(admin_browser: Client, acme: Business) -> None:
    entry = mapped(upload(admin_browser, acme), *PICKS.values())
    text = said(admin_browser.get(page(entry)))
    zone = "The time has no time zone, so nobody knows when it was. Write it as 2026-05-03T10:00:00+02:00."
    assert f"2 given_at: {zone} Or declare the time zone of the whole file." in text
    assert "lines 2, 4" in text
    assert "1 phone: The number has no leading +." in text
    assert "1 source: The source is missing" in text

    admin_browser.post(
        page(entry, "declare"), {"reading": "digits", "name_shown": "Acme", "time_zone": "Europe/Lisbon"}
    )
    text = said(admin_browser.get(page(entry)))
    assert "5 lines: 3 to create" in text
    assert "Europe/Lisbon" in text


def test_people_on_record_are_counted_apart(admin_browser: Client, acme: Business) -> None:
    factories.opted_in(factories.number(102), acme)
    entry = mapped(upload(admin_browser, acme, time_zone="UTC"), *PICKS.values())
    assert "1 to create, 1 to add" in said(admin_browser.get(page(entry)))


def test_a_zone_that_is_none_is_refused(admin_browser: Client, acme: Business) -> None:
    entry = mapped(upload(admin_browser, acme), *PICKS.values())
    admin_browser.post(page(entry, "declare"), {"reading": "e164", "name_shown": "Acme", "time_zone": "Lima"})
    assert "“Lima” is not the name of a time zone." in said(admin_browser.get(page(entry)))
    entry.refresh_from_db()
    assert entry.time_zone == ""


@pytest.mark.parametrize("what", ["columns", "declare"])
def test_another_tab_that_changed_something_stops_a_confirmation(
    what: str, admin_browser: Client, acme: Business
) -> None:
    entry = mapped(upload(admin_browser, acme), *PICKS.values())
    seen = ticked(entry)
    changes = {
        "columns": {**PICKS, "column_3": "", "column_4": "evidence", "name_shown": "Acme"},
        "declare": {"reading": "digits", "name_shown": "Acme"},
    }
    admin_browser.post(page(entry, what), changes[what])
    admin_browser.post(page(entry, "confirm"), seen)
    assert "has changed since this page was opened" in said(admin_browser.get(page(entry)))
    assert not OrmQ.objects.exists()
    entry.refresh_from_db()
    admin_browser.post(page(entry, "confirm"), ticked(entry))
    admin_browser.post(page(entry, "confirm"), ticked(entry))
    assert OrmQ.objects.count() == 1


def test_what_is_confirmed_is_not_mapped_again(admin_browser: Client, acme: Business) -> None:
    entry = mapped(upload(admin_browser, acme), *PICKS.values())
    admin_browser.post(page(entry, "confirm"), ticked(entry))
    assert admin_browser.get(page(entry, "columns"))["Location"] == page(entry)
    assert admin_browser.post(page(entry, "columns"), PICKS)["Location"] == page(entry)
    with pytest.raises(uploads.UploadRefused, match="confirmed already"):
        uploads.map_columns(
            upload=entry, picks=["", *list(PICKS.values())[1:3], "evidence", "phone"], name_shown="Acme"
        )
    entry.refresh_from_db()
    assert entry.columns.startswith("phone:0 ")


def test_progress_says_how_fast_and_how_long(admin_browser: Client, acme: Business, now: datetime) -> None:
    entry = mapped(upload(admin_browser, acme), *PICKS.values())
    admin_browser.post(page(entry, "confirm"), ticked(entry))
    begun = datetime.now(now.tzinfo) - timedelta(seconds=10)
    OptInImport.objects.update(
        state=OptInImport.State.RUNNING, line_count=4_000, granted_count=900, refused_count=100, started_at=begun
    )
    live = admin_browser.get(page(entry, "live")).json()
    assert (live["done"], live["total"], live["eta"]) == (1_000, 4_000, live["eta"])
    assert live["rate"].endswith("a second") and 80 < float(live["rate"].split()[0]) <= 100
    assert live["eta"] in {f"{seconds} seconds" for seconds in range(30, 40)}
    OptInImport.objects.update(state=OptInImport.State.FINISHED, finished_at=begun + timedelta(seconds=40))
    live = admin_browser.get(page(entry, "live")).json()
    assert (live["rate"], live["eta"], live["follow"]) == ("25.0 a second", "–", False)


@pytest.mark.django_db(transaction=True)
def test_the_errors_file_is_mended_and_imported_as_it_is(admin_browser: Client, acme: Business, now: datetime) -> None:
    entry = mapped(upload(admin_browser, acme), *PICKS.values())
    admin_browser.post(page(entry, "confirm"), ticked(entry))
    uploads.run(import_id=entry.pk, now=now)
    errors = admin_browser.get(page(entry, "errors")).content.decode("utf-8-sig")
    assert f",'{factories.number(100)},'2026-01-05T10:00,web form,'order 1," in errors

    repaired = errors.replace("'2026-01-05T10:00,", "2026-01-05T10:00Z,").replace(",soon,", ",2026-01-07,")
    again = upload(admin_browser, acme, repaired)
    assert "Remembered from" in said(admin_browser.get(page(again)))
    mapped(again)
    text = said(admin_browser.get(page(again)))
    assert "5 lines: 2 to create" in text and "3 refused" in text
