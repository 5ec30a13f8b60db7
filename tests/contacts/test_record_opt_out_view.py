"""Recording an opt-out on its page: any role may, it counts at once, and the page says what was still on its way."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from contacts import opt_ins
from contacts.models import Consent, ContactCheck, OptIn
from providers.models import Business, ProviderAccount
from tests import clients, factories

PAGE = "/contacts/optin/opt-out/"
NUMBER = factories.number(100)


@pytest.fixture
def form(acme: Business) -> dict[str, object]:
    factories.opted_in(NUMBER, acme)
    return {"number": NUMBER, "business": acme.pk, "source": "phone call", "reason": "no more messages please"}


@pytest.mark.parametrize("role", [clients.ADMIN, clients.SUPPORT, clients.AUDITOR])
def test_any_role_may_record_it(role: str, form: dict[str, object]) -> None:
    response = clients.browser(role).post(PAGE, form, follow=True)
    assert Consent.objects.get().status == Consent.Status.WITHDRAWN
    assert b"No call about this person was under way; none will start." in response.content


def test_a_call_on_its_way_is_awaited_and_counted(
    support_browser: Client, form: dict[str, object], onprem_account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.check_run(onprem_account, NUMBER)
    ContactCheck.objects.update(status="SENDING", lease_until=datetime.now(UTC) + timedelta(seconds=30))

    def ends(_seconds: float) -> None:
        ContactCheck.objects.update(lease_until=datetime.now(UTC) - timedelta(seconds=1))

    monkeypatch.setattr(opt_ins.time, "sleep", ends)
    response = support_browser.post(PAGE, form, follow=True)
    assert b"1 call that was on its way has ended; none will start." in response.content


def test_only_some_purposes_may_be_withdrawn(support_browser: Client, form: dict[str, object]) -> None:
    support_browser.post(PAGE, {**form, "purposes": ["service"]})
    assert OptIn.objects.filter(state="WITHDRAWN").get().purposes == "service"
    assert Consent.objects.get().status == Consent.Status.GRANTED


def test_a_reason_is_needed(support_browser: Client, form: dict[str, object]) -> None:
    response = support_browser.post(PAGE, {**form, "reason": "  "})
    assert response.status_code == 200
    assert not OptIn.objects.filter(state="WITHDRAWN").exists()


def test_somebody_unknown_may_opt_out_too(support_browser: Client, form: dict[str, object]) -> None:
    support_browser.post(PAGE, {**form, "number": factories.number(555)})
    assert OptIn.objects.filter(state="WITHDRAWN").count() == 1
