"""The identity change check in the console: wanted, confirmed, read back; drift in words; many numbers at once."""

import pytest
from django.test import Client

from numbers.models import BusinessNumber
from providers.models import Business
from sandbox import Ending, Sandbox
from tests import clients
from tests.numbers import stage


@pytest.fixture
def support(db: None) -> Client:
    return clients.browser(clients.SUPPORT)


def test_it_is_turned_on_and_read_back(support: Client, acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)
    text = stage.after(support, "identity_check", number, on="on")
    assert "The identity check is on." in text
    assert sandbox.number(number.phone_number_id).identity_check is True
    text = stage.after(support, "identity_check", number, on="off")
    assert "The identity check is off." in text


def test_drift_is_shown_with_what_to_do(support: Client, acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox, e164=f"+12025551{Ending.IDENTITY_CHECK_DRIFTS}")
    stage.after(support, "identity_check", number, on="on")
    text = stage.after(support, "identity_read", number)
    assert "What we want is not what the provider does. We want it on, the provider says off." in text
    listed = stage.said(support.get(stage.at("businessnumber_changelist")))
    assert "Differs" in listed


def test_many_numbers_are_turned_on_by_one_action(support: Client, acme: Business, sandbox: Sandbox) -> None:
    numbers = [stage.cloud_number(acme, sandbox, e164=f"+1202555110{place}") for place in range(3)]
    kaleyra = stage.kaleyra_number(acme, sandbox)
    selected = [str(number.pk) for number in (*numbers, kaleyra)]
    fields = {"action": "turn_identity_check_on", "_selected_action": selected}
    text = stage.said(support.post(stage.at("businessnumber_changelist"), fields, follow=True))
    assert "3 numbers are as wanted." in text
    assert f"{kaleyra}:" in text, "the number that has no such check is named with the reason"
    assert all(sandbox.number(number.phone_number_id).identity_check for number in numbers)
    fields["action"] = "turn_identity_check_off"
    support.post(stage.at("businessnumber_changelist"), fields)
    assert not any(sandbox.number(number.phone_number_id).identity_check for number in numbers)


def test_the_action_names_each_number_whose_provider_refuses(support: Client, acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)
    number.account.credentials = {**number.account.credentials}
    from providers.secret import Secret

    number.account.credentials["access_token"] = Secret("revoked-token")
    number.account.save()
    fields = {"action": "turn_identity_check_on", "_selected_action": [str(number.pk)]}
    text = stage.said(support.post(stage.at("businessnumber_changelist"), fields, follow=True))
    assert f"Not settled yet, and shown as differing until it is: {number}." in text
    assert BusinessNumber.objects.get().identity_desired is True


def test_auditors_are_not_offered_the_action(acme: Business, sandbox: Sandbox) -> None:
    stage.cloud_number(acme, sandbox)
    listed = clients.browser(clients.AUDITOR).get(stage.at("businessnumber_changelist"))
    assert b"turn_identity_check_on" not in listed.content
