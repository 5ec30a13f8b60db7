"""withdraw_optin: when it has ended, nothing for that person starts or is on its way."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from contacts.models import ContactCheck, OptIn
from providers.models import Business, ProviderAccount
from tests import factories
from tests.contacts.command_runs import Ran, run
from tests.contacts.csv_files import statuses

NUMBER = "+525512345678"


def withdraw(*arguments: str, number: str = NUMBER) -> Ran:
    given = ("--business", "Acme", "--source", "phone call", "--reason", "asked us to stop")
    return run("withdraw_optin", number, *given, *arguments)


@pytest.mark.django_db
def test_a_withdrawal_goes_to_every_form_of_the_number_and_is_printed(acme: Business) -> None:
    factories.opted_in("+5215512345678", acme)
    ran = withdraw()
    assert ran.code == 0
    assert statuses() == {NUMBER: "WITHDRAWN", "+5215512345678": "WITHDRAWN"}
    event = OptIn.objects.get(pk=ran.rows[0]["opt_in"])
    assert ran.rows == [
        {
            "e164": NUMBER,
            "business": "Acme",
            "opt_in": event.pk,
            "state": "withdrawn",
            "purposes": "service,utility,authentication,marketing",
            "withdrawn_at": event.given_at.isoformat(),
            "created": True,
            "calls_waited_for": 0,
        }
    ]
    assert "nothing for this person" in ran.messages


@pytest.mark.django_db
def test_a_withdrawal_may_be_of_one_purpose(acme: Business) -> None:
    factories.opted_in(NUMBER, acme, purposes=["service", "marketing"])
    assert withdraw("--purpose", "marketing").rows[0]["purposes"] == "marketing"
    assert statuses()[NUMBER] == "GRANTED"


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["5512345678", "+52", "+52 ABC"])
def test_a_number_that_is_not_certain_is_exit_code_2(acme: Business, number: str) -> None:
    assert withdraw(number=number).code == 2
    assert not OptIn.objects.exists()


@pytest.mark.django_db
def test_a_reason_is_asked_for(acme: Business) -> None:
    ran = run("withdraw_optin", NUMBER, "--business", "Acme", "--source", "call", "--reason", " ")
    assert ran.code == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("postgresql")
def test_it_waits_for_a_call_that_is_on_its_way_and_says_so(onprem_account: ProviderAccount) -> None:
    number = factories.number(100)
    factories.opted_in(number, onprem_account.business)
    batch = factories.check_run(onprem_account, number)
    sending = ContactCheck.objects.filter(batch=batch)
    sending.update(status="SENDING", lease_until=datetime.now(UTC) + timedelta(seconds=30))
    ended: list[datetime] = []

    def answered() -> None:
        sending.update(status="VALID", lease_until=None)
        ended.append(datetime.now(UTC))
        connection.close()

    timer = threading.Timer(0.4, answered)
    timer.start()
    ran = withdraw(number=number)
    timer.join()
    assert ended
    assert ran.rows[0]["calls_waited_for"] == 1
    assert "Waited for 1 call" in ran.messages
