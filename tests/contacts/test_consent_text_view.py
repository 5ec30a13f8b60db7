"""The library of wordings: added with picture, immutable afterwards."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audit.models import AuditEvent
from contacts.models import ConsentText
from providers.models import Business

PAGE = "/contacts/consenttext/add/"


def form(acme: Business, **fields: Any) -> dict[str, Any]:
    return {
        "business": acme.pk,
        "name": "Checkout",
        "version": "1",
        "language": "es",
        "text": "Sí, quiero recibir mensajes de Acme.",
        "business_name_shown": "Acme",
        "purposes": ["service", "utility"],
        **fields,
    }


def test_a_wording_is_added_with_its_picture(admin_browser: Client, acme: Business) -> None:
    picture = SimpleUploadedFile("form.jpg", b"\xff\xd8\xff" + b"0" * 30)
    admin_browser.post(PAGE, form(acme, picture_file=picture))
    text = ConsentText.objects.get()
    assert (text.purposes, text.created_by, text.picture_type) == ("service,utility", "business", "image/jpeg")
    response = admin_browser.get(f"/contacts/consenttext/{text.pk}/picture/")
    assert response["Content-Disposition"] == f'attachment; filename="wording-{text.pk}.jpg"'
    assert AuditEvent.objects.filter(action="consent_text.added", subject=f"ConsentText:{text.pk}").exists()
    page = admin_browser.get(f"/contacts/consenttext/{text.pk}/change/").content.decode()
    assert "Sí, quiero recibir mensajes de Acme." in page


def test_a_wording_is_never_changed(admin_browser: Client, acme: Business) -> None:
    admin_browser.post(PAGE, form(acme))
    text = ConsentText.objects.get()
    assert admin_browser.post(f"/contacts/consenttext/{text.pk}/change/", form(acme, text="other")).status_code == 403
    assert ConsentText.objects.get().text == text.text


def test_the_same_version_is_refused_in_words(admin_browser: Client, acme: Business) -> None:
    admin_browser.post(PAGE, form(acme))
    assert b"already exists" in admin_browser.post(PAGE, form(acme)).content
    assert ConsentText.objects.count() == 1


def test_a_picture_that_is_none_is_refused(admin_browser: Client, acme: Business) -> None:
    svg = SimpleUploadedFile("form.png", b"<svg onload=alert(1)>")
    assert b"neither a PDF nor a PNG" in admin_browser.post(PAGE, form(acme, picture_file=svg)).content
    assert not ConsentText.objects.exists()
