"""The catalogue of errors as a page, and the way to it from wherever a provider's code is shown."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import ProviderCall
from numbers.models import BusinessAccount, BusinessNumber, VerificationAttempt
from providers import catalogue, error_list
from providers.models import Business
from tests import clients, factories
from tests.clients import ADMIN, AUDITOR, NOBODY, SUPPORT, VIEWER

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:providers_provideraccount_errors")


def codes(**asked: str) -> list[str]:
    return [error.code for group in error_list.find(**asked) for error in group.errors]


def test_without_a_filter_every_error_of_the_catalogue_is_there() -> None:
    listed = [error.code for kind in ("cloud_api", "kaleyra", "") for error in catalogue.entries(kind)]

    assert sorted(codes()) == sorted(listed) and len(listed) > 50


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"text": "137000"}, ["137000"]),
        ({"text": "1"}, ["1"]),
        ({"text": "136024"}, ["136024", "136024:too_many", "136024:already_verified"]),
        ({"text": "136025:expired"}, ["136025:expired"]),
        ({"text": "245"}, ["200-299"]),
        ({"text": "HTTP 418"}, ["HTTP 4xx"]),
        ({"text": "HTTP 503", "kind": "kaleyra"}, ["HTTP 5xx"]),
        ({"text": "WA400:otp_format", "kind": "kaleyra"}, ["WA400:otp_format"]),
        ({"text": "137000", "kind": "kaleyra"}, []),
        ({"text": "zzz"}, []),
    ],
)
def test_a_code_finds_its_error_and_those_that_share_it(asked: dict[str, str], found: list[str]) -> None:
    assert codes(**asked) == found


def test_a_word_finds_what_says_it() -> None:
    found = codes(text="iDeNtItY")

    assert "137000" in found and len(found) < 10


def test_the_page_says_what_happened_why_and_what_to_do() -> None:
    text = clients.browser(SUPPORT).get(PAGE, {"provider": "cloud_api", "q": "137000"}).content.decode()

    assert "identity has changed" in text and "re-establish trust" in text
    assert '<option value="cloud_api" selected>' in text and 'value="137000"' in text


@pytest.mark.parametrize("kind", ["onprem", "accuauth", "commbox"])
def test_a_provider_without_a_catalogue_leads_to_its_documentation(kind: str) -> None:
    client = clients.browser(VIEWER)
    text = client.get(PAGE, {"provider": kind}).content.decode()

    assert f'href="/help/providers/{kind}/#what-each-answer-becomes"' in text
    assert 'id="what-each-answer-becomes"' in client.get(f"/help/providers/{kind}/").content.decode()


@pytest.mark.parametrize("asked", ["<script>alert(1)</script>", "%", "\0", "x" * 5000, "HTTP 999", "²"])
def test_hostile_filters_find_nothing_and_are_shown_as_text(asked: str) -> None:
    answer = clients.browser(SUPPORT).get(PAGE, {"provider": asked, "q": asked})

    assert answer.status_code == 200
    assert "<script>alert" not in answer.content.decode() and "No error has this code" in answer.content.decode()


def test_who_sees_no_accounts_sees_no_catalogue() -> None:
    for role in (ADMIN, SUPPORT, AUDITOR, VIEWER):
        assert clients.browser(role).get(PAGE).status_code == 200
    assert clients.browser(NOBODY).get(PAGE).status_code == 403
    assert Client().get(PAGE)["Location"].startswith("/login/")
    assert clients.browser(ADMIN).post(PAGE).status_code == 405


def test_the_codes_of_attempts_and_calls_lead_to_it(acme: Business, sandbox: Any) -> None:
    account = factories.account(acme, "cloud_api", base_url=sandbox.url)
    waba = BusinessAccount.objects.create(account=account, business=acme, waba_id="102290129340398")
    number = BusinessNumber.objects.create(business_account=waba, e164="+51911111111", phone_number_id="1065")
    attempt = VerificationAttempt.objects.create(
        business_number=number,
        action=VerificationAttempt.Action.SUBMIT_CODE,
        outcome=VerificationAttempt.Outcome.REFUSED,
        provider_code="136025:expired",
        actor="ana",
        started_at=factories.GIVEN_AT,
    )
    call = ProviderCall.objects.create(
        account_name="a", kind="cloud_api", operation="x", method="GET", url="x", started_at=factories.GIVEN_AT,
        http_status=503, outcome=ProviderCall.Outcome.ANSWERED,
    )  # fmt: skip
    client = clients.browser(ADMIN)

    for page, query in (
        (reverse("admin:numbers_verificationattempt_changelist"), "provider=cloud_api&amp;q=136025%3Aexpired"),
        (reverse("admin:numbers_verificationattempt_change", args=[attempt.pk]), "provider=cloud_api&amp;q=136025%3A"),
        (reverse("admin:audit_providercall_change", args=[call.pk]), "provider=cloud_api&amp;q=HTTP+503"),
    ):
        assert f'href="{PAGE}?{query}' in client.get(page).content.decode(), page
