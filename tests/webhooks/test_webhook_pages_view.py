"""The console's pages of webhooks: who may see and do what, and what the pages say."""

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from numbers.models import BusinessNumber
from providers.models import ProviderAccount
from tests.clients import ADMIN, ANONYMOUS, AUDITOR, EVERYBODY, NOBODY, SUPPORT, VIEWER, browser
from tests.webhooks.deliveries import body_of, deliver, drain, effects, journeys, message, sample, status
from tests.webhooks.test_processing import failing_for
from webhooks.models import WebhookEvent, WebhookRequest

pytestmark = pytest.mark.django_db

PAGES = (
    ("changelist", "get", (ADMIN, AUDITOR), "put"),
    ("change", "get", (ADMIN, AUDITOR), "post"),
    ("settings", "get", (ADMIN, AUDITOR), "post"),
    ("test", "post", (ADMIN,), "get"),
    ("again", "post", (ADMIN,), "get"),
)


@pytest.fixture
def stored(client: Client, number: BusinessNumber) -> WebhookRequest:
    deliver(client, sample("webhook_message"))
    return WebhookRequest.objects.get()


def address(name: str, stored: WebhookRequest | None = None) -> str:
    return reverse(f"admin:webhooks_webhookrequest_{name}", args=[stored.pk] if stored else [])


@pytest.mark.parametrize(("name", "method", "roles", "wrong_method"), PAGES)
@pytest.mark.parametrize("role", EVERYBODY)
def test_each_page_lets_in_who_may_and_nobody_else(
    stored: WebhookRequest, role: str, name: str, method: str, roles: tuple[str, ...], wrong_method: str
) -> None:
    page = address(name, stored if name in ("change", "again") else None)
    status_code = getattr(browser(role), method)(page).status_code
    if role == ANONYMOUS:
        assert status_code == 302
    elif role in roles:
        assert status_code == (302 if name == "again" else 200)
    else:
        assert role in (SUPPORT, AUDITOR, VIEWER, NOBODY) and status_code == 403
    if role in roles and name != "changelist":
        assert getattr(browser(role), wrong_method)(page).status_code == 405


def test_the_page_shows_raw_and_parsed_body_and_each_step(stored: WebhookRequest) -> None:
    with journeys():
        drain()
    page = browser(ADMIN).get(address("change", stored)).content.decode()
    for said in ("DF2lS5v2W6x=", "Pablo Morales", "&quot;object&quot;", "Done", "As it came", "Parsed", "Processed"):
        assert said in page, said
    assert "Effect:wamid" in page


def test_the_page_names_why_an_event_failed_and_processes_it_again(stored: WebhookRequest) -> None:
    wamid = "wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUMyNTA4M0VGN0Q4RjdDNDVCMAA="[:60]
    with journeys(failing_for(wamid)):
        drain()
    admin = browser(ADMIN)
    assert "ValueError at tests/webhooks/" in admin.get(address("change", stored)).content.decode()
    with journeys():
        shown = admin.post(address("again", stored), follow=True).content.decode()
    assert "All of it was read" in shown and effects() == {wamid: 1}
    assert AuditEvent.objects.get(action="webhook.processed_again").actor == "business"


def test_an_auditor_is_offered_no_button(stored: WebhookRequest) -> None:
    page = browser(AUDITOR).get(address("change", stored)).content.decode()
    assert "Process again" not in page
    assert "Test the signature" not in browser(AUDITOR).get(address("settings")).content.decode()


def test_what_a_person_wrote_is_escaped(client: Client, number: BusinessNumber) -> None:
    deliver(client, body_of(message(text={"body": "</pre><script>alert(1)</script>"})))
    page = browser(ADMIN).get(address("change", WebhookRequest.objects.get())).content.decode()
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page


def test_a_request_without_its_body_still_tells_its_steps(stored: WebhookRequest) -> None:
    with journeys():
        drain()
    WebhookRequest.objects.update(body=None)
    page = browser(ADMIN).get(address("change", stored)).content.decode()
    assert "The body was removed" in page and "Effect:wamid" in page and "Process again" not in page


def test_a_request_that_repeats_an_event_leads_to_the_first(client: Client, number: BusinessNumber) -> None:
    deliver(client, body_of(status("wamid.1")))
    first = WebhookRequest.objects.get()
    deliver(client, body_of(status("wamid.1"), status("wamid.2")))
    with journeys():
        drain()
    page = browser(ADMIN).get(address("change", WebhookRequest.objects.latest("pk"))).content.decode()
    assert f"first came in #{first.pk}" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("?state=processed", 1),
        ("?state=failed", 1),
        ("?state=due", 1),
        ("?state=waiting", 0),
        ("?event=status", 1),
        ("?event=message", 0),
        ("?event=nonsense", 3),
        ("?kind=onprem", 0),
        ("?q=Contact:5", 1),
    ],
)
def test_the_list_is_filtered(client: Client, number: BusinessNumber, query: str, found: int) -> None:
    deliver(client, body_of(status("wamid.1")))
    deliver(client, b"nonsense")
    with journeys(lambda **given: "Contact:5"):
        drain()
    deliver(client, body_of(status("wamid.2")))
    page = browser(ADMIN).get(address("changelist") + query)
    assert page.context["cl"].result_count == found


def test_selected_requests_are_processed_again_by_the_worker(client: Client, number: BusinessNumber) -> None:
    deliver(client, body_of(status("wamid.1")))
    with journeys(failing_for("wamid.1 delivered")):
        drain()
    chosen = {"action": "process_again", "_selected_action": [WebhookRequest.objects.get().pk]}
    browser(AUDITOR).post(address("changelist"), chosen)
    assert WebhookEvent.objects.get().outcome == "FAILED"
    page = browser(ADMIN).post(address("changelist"), chosen, follow=True).content.decode()
    assert "1 webhook is processed again" in page
    with journeys():
        drain()
    assert effects() == {"wamid.1 delivered": 1}


def test_the_settings_show_address_token_and_secret_by_their_last_four_only(stored: WebhookRequest) -> None:
    page = browser(ADMIN).get(address("settings")).content.decode()
    assert "http://testserver/webhooks/meta/" in page
    for secret in ("tests-only-verify-token", "tests-only-app-secret"):
        assert secret not in page and f"</span>{secret[-4:]}</code>" in page
    assert page.count("fingerprint") == 2


def test_the_settings_tell_of_last_delivery_backlog_and_fields(stored: WebhookRequest) -> None:
    settings = browser(ADMIN).get(address("settings"))
    assert "1 webhook waits to be read" in settings.content.decode()
    with journeys():
        drain()
    settings = browser(ADMIN).get(address("settings"))
    seen = {field.name: field.seen_at for field in settings.context["fields"]}
    assert seen["messages"] == stored.received_at and seen["security"] is None
    assert f"#{stored.pk}" in settings.content.decode()
    assert "Not subscribed by us" in settings.content.decode()


def test_the_self_test_signs_posts_and_finds_its_body_in_the_database(onprem_account: ProviderAccount) -> None:
    for _time in range(2):
        page = browser(ADMIN).post(address("test")).content.decode()
        assert "Every step held" in page and "byte for byte" in page
    request = WebhookRequest.objects.get()
    assert request.deliveries == 2
    drain()
    assert WebhookEvent.objects.get().outcome == "IGNORED"
    assert AuditEvent.objects.filter(action="webhook.self_tested", actor="business").count() == 2


def test_the_self_test_names_the_step_that_failed(settings: object) -> None:
    settings.META_APP_SECRET = []  # type: ignore[attr-defined]
    page = browser(ADMIN).post(address("test")).content.decode()
    assert "META_APP_SECRET is empty" in page and "Every step held" not in page


def test_while_secrets_rotate_each_is_tested(settings: object) -> None:
    settings.META_APP_SECRET = ["newer-secret-of-ours", "older-secret-of-ours"]  # type: ignore[attr-defined]
    page = browser(ADMIN).post(address("test")).content.decode()
    assert "newest app secret" in page and "app secret 2" in page and "Every step held" in page


def test_a_page_of_a_request_that_is_not_there_is_not_found(number: BusinessNumber) -> None:
    assert browser(ADMIN).get(address("changelist") + "999999/change/").status_code == 404
