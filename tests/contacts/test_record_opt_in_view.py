"""Recording an opt-in on its page: every part of the proof is asked for, none is assumed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from contacts.models import OptIn, OptInEvidence
from providers.models import Business
from tests import factories

PAGE = "/contacts/optin/add/"


def form(acme: Business, **fields: Any) -> dict[str, Any]:
    return {
        "number": "+51 987 654 321",
        "business": acme.pk,
        "business_name_shown": "Acme",
        "source": "web form",
        "given_at": "2026-05-03T10:00",
        "time_zone": "America/Lima",
        "evidence": "order 10401",
        **fields,
    }


def test_what_was_typed_is_recorded_under_the_name_of_who_typed_it(admin_browser: Client, acme: Business) -> None:
    response = admin_browser.post(PAGE, form(acme, purposes=["service", "marketing"]))
    event = OptIn.objects.get()
    assert response["Location"].startswith("/contacts/contact/")
    assert event.given_at == datetime(2026, 5, 3, 15, 0, tzinfo=UTC)
    assert (event.purposes, event.recorded_by, event.source) == ("service,marketing", "business", "web form")
    assert event.evidence.text == "order 10401"


def test_the_same_record_twice_changes_nothing_and_says_so(admin_browser: Client, acme: Business) -> None:
    admin_browser.post(PAGE, form(acme))
    response = admin_browser.post(PAGE, form(acme), follow=True)
    assert OptIn.objects.count() == 1
    assert b"on record already" in response.content


def test_a_picture_is_kept_and_anything_else_refused(admin_browser: Client, acme: Business) -> None:
    html = SimpleUploadedFile("card.png", b"<html>", content_type="image/png")
    response = admin_browser.post(PAGE, form(acme, evidence="", evidence_file=html))
    assert b"neither a PDF nor a PNG or JPEG" in response.content
    large = SimpleUploadedFile("card.png", b"\x89PNG\r\n\x1a\n" + b"0" * (2 * 1024 * 1024))
    assert b"larger than 2 MB" in admin_browser.post(PAGE, form(acme, evidence_file=large)).content
    assert not OptIn.objects.exists()
    png = SimpleUploadedFile("card.png", b"\x89PNG\r\n\x1a\n" + b"0" * 50)
    admin_browser.post(PAGE, form(acme, evidence="", evidence_file=png))
    assert OptInEvidence.objects.get().file_name == "card.png"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"number": "987654321"}, "has no leading +"),
        ({"number": ""}, "This field is required."),
        ({"time_zone": "Mars/Olympus"}, "is not the name of a time zone"),
        ({"time_zone": "../../etc/passwd"}, "is not the name of a time zone"),
        ({"evidence": ""}, "The evidence is missing"),
        ({"business_name_shown": "Umbrella"}, "is not a name of Acme"),
        ({"source": ""}, "This field is required."),
        ({"given_at": ""}, "This field is required."),
    ],
)
def test_a_record_that_would_prove_nothing_is_refused_with_the_reason(
    fields: dict[str, str], words: str, admin_browser: Client, acme: Business
) -> None:
    response = admin_browser.post(PAGE, form(acme, **fields))
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not OptIn.objects.exists()


def test_a_national_number_needs_its_region(admin_browser: Client, acme: Business) -> None:
    admin_browser.post(PAGE, form(acme, number="987 654 321", region="pe"))
    assert OptIn.objects.count() == 1


def test_the_address_may_name_person_and_business(admin_browser: Client, acme: Business) -> None:
    person = factories.opted_in(factories.number(100), acme).consent.contact
    response = admin_browser.get(PAGE, {"person": str(person.pk), "business": str(acme.pk)})
    assert factories.number(100).encode() in response.content
    assert f'<option value="{acme.pk}" selected>'.encode() in response.content
