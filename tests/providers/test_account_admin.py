"""Provider accounts in the console: write-only credentials, pause and resume, the recipient, the connection test."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from audit.models import AuditEvent, ProviderCall
from providers import accounts, addresses
from providers.interfaces import ProbeStep
from providers.models import AccountMeter, Business, ProviderAccount
from providers.secret import Secret
from sandbox import Sandbox
from tests import clients, factories

LIST = "/providers/provideraccount/"
ADD = LIST + "add/?kind=onprem"
TOKEN = "a-very-secret-token-1234"


@pytest.fixture(autouse=True)
def fresh_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def admin(db: None) -> Client:
    return clients.browser(clients.ADMIN)


@pytest.fixture
def account(acme: Business) -> ProviderAccount:
    return factories.account(acme, "onprem", base_url="http://127.0.0.1:9", credentials={"token": TOKEN})


def page(account: ProviderAccount, what: str = "change") -> str:
    return f"{LIST}{account.pk}/{what}/"


def fields(acme: Business, **more: Any) -> dict[str, Any]:
    return {
        "name": "acme-node",
        "business": acme.pk,
        "base_url": "http://127.0.0.1:9",
        "credential_token": TOKEN,
        "recipient_legal_name": "Example Hosting Ltd",
        "recipient_country": "de",
        **more,
    }


def test_the_kind_is_chosen_first(admin: Client) -> None:
    text = admin.get(LIST + "add/").content.decode()
    for kind in ("commbox", "onprem", "accuauth", "cloud_api", "kaleyra"):
        assert f"?kind={kind}" in text
    assert "credential_token" not in text


def test_an_account_is_added_with_its_options_and_an_event_without_secrets(admin: Client, acme: Business) -> None:
    response = admin.post(ADD, fields(acme, option_batch_size="20", option_blocking="no_wait"))
    account = ProviderAccount.objects.get()
    assert response["Location"] == page(account)
    assert account.options == {"batch_size": 20, "blocking": "no_wait"}
    assert account.recipient_country == "DE"
    assert account.credentials["token"] == Secret(TOKEN)
    assert AccountMeter.objects.filter(account=account).exists()
    event = AuditEvent.objects.get(action="account.added")
    assert "credential_token" in event.details["fields"]
    assert "options.batch_size" in event.details["fields"]
    assert TOKEN not in str(event.details)


def test_no_page_shows_a_credential_again(admin: Client, account: ProviderAccount) -> None:
    for what in ("change", "credentials", "history"):
        text = admin.get(page(account, what)).content.decode()
        assert TOKEN not in text
    text = admin.get(page(account)).content.decode()
    assert "1234" in text
    assert re.search(r"fingerprint <code>[0-9a-f]{8}</code>", text)
    response = admin.post(ADD, fields(account.business, name=account.name))  # type: ignore[arg-type]
    assert b"already exists" in response.content
    assert TOKEN.encode() not in response.content


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base_url": "ftp://example.com"}, "A base URL must use https."),
        ({"base_url": "https://10.0.0.1"}, "private"),
        ({"credential_token": ""}, "The credential “token” is missing"),
        ({"option_batch_size": "0"}, "greater than or equal to 1"),
        ({"business": ""}, "A checker serves one business"),
        ({"name": "Acme Node"}, "Use small letters"),
        ({"option_auth": "login"}, "is missing"),
    ],
)
def test_what_cannot_work_is_refused_in_words(
    change: dict[str, str], words: str, admin: Client, acme: Business
) -> None:
    response = admin.post(ADD, fields(acme, **change))
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not ProviderAccount.objects.exists()


def test_changing_settings_keeps_credentials_and_names_what_changed(admin: Client, account: ProviderAccount) -> None:
    changed = fields(account.business, name=account.name, check_budget="500")  # type: ignore[arg-type]
    changed |= {"recipient_country": "DE", "recipient_agreement": "DPA 2026-04", "recipient_official": "on"}
    admin.post(page(account), changed)
    account.refresh_from_db()
    assert account.check_budget == 500
    assert account.credentials["token"] == Secret(TOKEN)
    assert AuditEvent.objects.get(action="account.changed").details["fields"] == ["check_budget"]


def test_credentials_are_replaced_and_not_edited(admin: Client, account: ProviderAccount, now: datetime) -> None:
    AccountMeter.objects.create(account=account, session_token={"token": Secret("old")}, session_expires_at=now)
    response = admin.post(page(account, "credentials"), {"credential_token": "another-token-9876"})
    assert response["Location"] == page(account)
    account.refresh_from_db()
    assert account.credentials["token"] == Secret("another-token-9876")
    assert AccountMeter.objects.get().session_token == {}
    assert AuditEvent.objects.get(action="account.credentials_replaced").details == {"names": ["token"]}
    response = admin.post(page(account, "credentials"), {})
    assert b"Enter at least one credential to replace." in response.content


def test_pausing_asks_for_a_reason_and_resuming_does_not(admin: Client, account: ProviderAccount) -> None:
    assert admin.post(page(account, "pause"), {"reason": ""}).status_code == 200
    admin.post(page(account, "pause"), {"reason": "quota talks with the provider"})
    account.refresh_from_db()
    assert account.paused_reason == "quota talks with the provider"
    assert b"quota talks with the provider" in admin.get(page(account)).content
    assert b"quota talks with the provider" in admin.get("/").content
    admin.post(page(account, "resume"))
    account.refresh_from_db()
    assert account.paused_at is None
    assert AuditEvent.objects.filter(action__in=["account.paused", "account.resumed"]).count() == 2


def test_an_unofficial_recipient_is_off_until_a_person_confirms_it(admin: Client, account: ProviderAccount) -> None:
    ProviderAccount.objects.update(recipient_official=False)
    assert b"Off: recipient not confirmed" in admin.get(LIST).content
    admin.post(page(account, "confirm"), {})
    account.refresh_from_db()
    assert not account.may_receive
    admin.post(page(account, "confirm"), {"sure": "on"})
    account.refresh_from_db()
    assert (account.may_receive, account.recipient_confirmed_by) == (True, "business")
    assert AuditEvent.objects.get(action="account.recipient_confirmed").details["country"] == "DE"
    assert b"needs no confirmation" in admin.post(page(account, "confirm"), {"sure": "on"}, follow=True).content


def test_a_confirmation_lapses_when_the_numbers_would_go_to_somebody_else(
    admin: Client, account: ProviderAccount, now: datetime
) -> None:
    ProviderAccount.objects.update(recipient_official=False, recipient_confirmed_at=now, recipient_confirmed_by="ana")
    same = fields(account.business, name=account.name, recipient_country="DE")  # type: ignore[arg-type]
    admin.post(page(account), {**same, "recipient_agreement": "DPA 2026-04", "rate_limit": "5"})
    account.refresh_from_db()
    assert account.may_receive
    admin.post(page(account), {**same, "recipient_legal_name": "Somebody Else SA"})
    account.refresh_from_db()
    assert not account.may_receive


def test_the_connection_test_lists_its_steps_and_looks_nobody_up(
    admin: Client, onprem_account: ProviderAccount, sandbox: Sandbox
) -> None:
    text = admin.post(page(onprem_account, "test")).content.decode()
    assert "Every tested step held" in text
    assert "Not tested</span>" in text
    assert "Host name" in text
    assert not ProviderCall.objects.filter(numbers_count__gt=0).exists()
    assert AuditEvent.objects.get(action="account.tested").details == {"ok": True, "failed": []}


def test_the_failing_step_is_named(admin: Client, account: ProviderAccount) -> None:
    text = admin.post(page(account, "test")).content.decode()
    assert "The step “Connection” failed." in text


def test_a_missing_setting_is_a_step_that_failed(account: ProviderAccount, now: datetime) -> None:
    account.credentials = {}
    (step,) = accounts.test_connection(account=account, actor="tests", now=now)
    assert isinstance(step, ProbeStep)
    assert not step.ok
    assert "“token” is missing" in step.detail


def test_the_webhook_address_is_shown_once(admin: Client, account: ProviderAccount) -> None:
    text = admin.post(page(account, "webhook")).content.decode()
    found = re.search(rf"/webhooks/onprem/{account.uuid}/([\w-]+)/", text)
    assert found is not None
    account.refresh_from_db()
    assert account.webhook_token["token"] == Secret(found[1])
    assert found[1] not in admin.get(page(account)).content.decode()
    assert found[1] not in str(AuditEvent.objects.get(action="account.webhook_token_made").details)


def test_only_an_on_premises_account_has_a_webhook_address(admin: Client, commbox_account: ProviderAccount) -> None:
    assert admin.post(page(commbox_account, "webhook")).status_code == 404


@pytest.mark.parametrize("what", ["pause", "resume", "confirm", "credentials", "test", "webhook"])
def test_each_button_is_for_business_admins(what: str, account: ProviderAccount) -> None:
    assert Client().post(page(account, what)).status_code == 302
    for role in (clients.SUPPORT, clients.AUDITOR, clients.NOBODY):
        assert clients.browser(role).post(page(account, what)).status_code == 403
    assert clients.browser(clients.ADMIN).post(page(account, what)).status_code in (200, 302)


@pytest.mark.parametrize("what", ["resume", "test", "webhook"])
def test_what_acts_at_once_takes_no_get(what: str, admin: Client, account: ProviderAccount) -> None:
    assert admin.get(page(account, what)).status_code == 405


def test_support_staff_read_an_account_without_its_form(account: ProviderAccount) -> None:
    ProviderAccount.objects.update(options={"batch_size": 20})
    response = clients.browser(clients.SUPPORT).get(page(account))
    assert b"batch_size: 20" in response.content
    assert b'name="base_url"' not in response.content
    assert b"Replace credentials" not in response.content


def test_an_account_cannot_be_deleted(account: ProviderAccount, admin_user: Any) -> None:
    client = Client()
    client.force_login(admin_user)
    assert client.post(page(account, "delete"), {"post": "yes"}).status_code == 403


def test_every_page_says_demo_while_an_account_speaks_to_this_machine(admin: Client, account: ProviderAccount) -> None:
    assert addresses.speaks_to_loopback(account.base_url)
    assert b"DEMO" in admin.get("/").content
    ProviderAccount.objects.update(base_url="https://contacts.example.com")
    cache.clear()
    assert b"DEMO" not in admin.get("/").content


def test_the_demo_leads_to_the_sandboxs_phone(admin: Client, account: ProviderAccount, settings: Any) -> None:
    assert b"/_sandbox/" not in admin.get("/").content
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    assert b'href="http://127.0.0.1:9/_sandbox/phone/"' in admin.get("/").content


def test_a_business_is_saved_with_its_names_in_one_event(admin: Client) -> None:
    names = {"names-TOTAL_FORMS": "1", "names-INITIAL_FORMS": "0", "names-0-name": "Acme Shop"}
    admin.post(
        "/providers/business/add/", {"name": "Acme", "opt_in_covers": ["service"], "keep_proof_years": "5", **names}
    )
    business = Business.objects.get()
    assert business.opt_in_covers == "service"
    event = AuditEvent.objects.get(action="business.added")
    assert event.details["names"] == [{"name": "Acme Shop", "from": None, "until": None}]
    known = business.names.get()
    kept = {"names-INITIAL_FORMS": "1", "names-0-id": known.pk, "names-0-business": business.pk}
    admin.post(
        f"/providers/business/{business.pk}/change/",
        {
            "name": "Acme",
            "opt_in_covers": ["service"],
            "keep_proof_years": "5",
            **names,
            **kept,
            "names-0-DELETE": "on",
        },
    )
    assert business.names.count() == 1
    assert not AuditEvent.objects.filter(action="business.changed").exists()


def number_fields(**more: Any) -> dict[str, Any]:
    return {"name": "acme-numbers", "recipient_official": "on", **more}


def add(admin: Client, kind: str, **more: Any) -> Any:
    return admin.post(f"{LIST}add/?kind={kind}", number_fields(**more))


def test_a_cloud_api_account_needs_no_base_url(admin: Client) -> None:
    add(admin, "cloud_api", credential_access_token=TOKEN, option_api_version="v24.0")
    account = ProviderAccount.objects.get()
    assert (account.base_url, account.options) == ("https://graph.facebook.com", {"api_version": "v24.0"})


def test_a_kaleyra_account_takes_the_host_of_its_pod_until_a_base_url_is_entered(admin: Client) -> None:
    add(admin, "kaleyra", credential_api_key=TOKEN, option_sid="HX1", option_pod="in")
    account = ProviderAccount.objects.get()
    assert account.base_url == "https://api.in.kaleyra.io"
    same = number_fields(option_sid="HX1", base_url=account.base_url)
    admin.post(page(account), {**same, "option_pod": "eu"})
    account.refresh_from_db()
    assert account.base_url == "https://api.eu.kaleyra.io"
    admin.post(page(account), {**same, "option_pod": "eu", "base_url": "https://wa.example.com"})
    account.refresh_from_db()
    admin.post(page(account), {**same, "option_pod": "na", "base_url": "https://wa.example.com"})
    account.refresh_from_db()
    assert (account.base_url, account.options["pod"]) == ("https://wa.example.com", "na")


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("cloud_api", {"credential_access_token": ""}, "The credential “access_token” is missing"),
        ("cloud_api", {"option_api_version": "25"}, "must be a Graph version such as v25.0"),
        ("cloud_api", {"base_url": "https://graph.example.com/v25.0"}, "The base URL names a Graph version"),
        ("cloud_api", {"base_url": "https://10.0.0.1"}, "private"),
        ("kaleyra", {"option_pod": ""}, "Enter the base URL, or choose a pod"),
        ("kaleyra", {"option_sid": ""}, "The option “sid” is missing"),
        ("kaleyra", {"option_sid": "a/b"}, "is not a SID"),
        ("kaleyra", {"credential_api_key": "two words"}, "Paste it again"),
    ],
)
def test_what_cannot_work_for_numbers_is_refused_in_words(
    kind: str, change: dict[str, str], words: str, admin: Client
) -> None:
    good = {"credential_access_token": TOKEN, "credential_api_key": TOKEN, "option_sid": "HX1", "option_pod": "in"}
    response = add(admin, kind, **{**good, **change})
    assert response.status_code == 200
    assert words in response.content.decode().replace("&#x27;", "'")
    assert not ProviderAccount.objects.exists()


@pytest.mark.parametrize("kind", ["cloud_api", "kaleyra"])
def test_the_pages_of_a_number_account_say_nothing_of_checks(admin: Client, acme: Business, kind: str) -> None:
    account = factories.account(acme, kind, base_url="http://127.0.0.1:9")
    texts = [admin.get(page(account)).content.decode(), admin.get(page(account, "pause")).content.decode()]
    texts.append(admin.get(f"{LIST}add/?kind={kind}").content.decode())
    for text in texts:
        main = text.partition("<main")[2] or text
        assert not re.search(r"check run|may ban you|[Bb]udget|evidence|looks numbers up", main), main
    assert "Test connection" in texts[0]


@pytest.mark.parametrize("kind", ["cloud_api", "kaleyra"])
def test_the_connection_of_a_number_account_is_tested(
    admin: Client, acme: Business, sandbox: Sandbox, kind: str
) -> None:
    account = factories.account(acme, kind, base_url=sandbox.url)
    text = admin.post(page(account, "test")).content.decode()
    assert "Every tested step held" in text
    assert ("Not tested" in text) is (kind == "kaleyra")
    assert AuditEvent.objects.get(action="account.tested").details == {"ok": True, "failed": []}


def test_a_graph_version_that_ends_is_said_on_the_accounts_page(admin: Client, acme: Business) -> None:
    options = {"api_version": "v19.0"}
    account = factories.account(acme, "cloud_api", base_url="http://127.0.0.1:9", options=options)
    with time_machine.travel(datetime(2026, 5, 22, tzinfo=UTC), tick=False):
        assert "Graph version v19.0 ended on 2026-05-21" in admin.get(page(account)).content.decode()
    account.options = {}
    account.save()
    with time_machine.travel(datetime(2026, 5, 22, tzinfo=UTC), tick=False):
        assert "Graph version" not in admin.get(page(account)).content.decode().partition("<form")[0]
