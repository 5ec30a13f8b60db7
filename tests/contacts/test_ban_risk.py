"""Ban risk: whoever checks and does not send is banned, so an account shows what waadmin sees of both."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contacts.risk import TELLING, WINDOW, assess, ban_risk
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import factories
from tests.contacts.senders import agreed, our_number, send

pytestmark = pytest.mark.django_db

T = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
ALL_WELL: dict[str, Any] = {
    "checked": 200,
    "messaged": 150,
    "budget": 1_000,
    "budget_left": 800,
    "frees_at": None,
    "stopped_because": "",
}


def test_where_most_were_messaged_nothing_stops_and_nothing_warns() -> None:
    risk = assess(**ALL_WELL)
    assert (risk.stop, risk.warning, risk.percent_messaged) == ("", "", 75)
    assert risk.ratio_words == "150 of 200 (75%) messaged since"


def test_a_stop_names_itself() -> None:
    assert assess(**ALL_WELL | {"stopped_because": "Paused."}).stop == "Paused."
    spent = assess(**ALL_WELL | {"budget_left": 0, "frees_at": T}).stop
    assert spent == "The budget of 1000 numbers in 24 hours is spent. It frees from 2026-05-03T12:00+00:00."


def test_sending_that_waadmin_does_not_see_is_unknown_and_not_none() -> None:
    risk = assess(**ALL_WELL | {"messaged": None})
    assert (risk.percent_messaged, risk.warning) == (None, "")
    assert risk.ratio_words == "Unknown: waadmin does not see your sending"


def test_checking_without_sending_warns_once_it_tells_something() -> None:
    assert "gets accounts banned" in assess(**ALL_WELL | {"messaged": 99}).warning
    assert assess(**ALL_WELL | {"messaged": 100}).warning == ""
    assert assess(**ALL_WELL | {"checked": TELLING - 1, "messaged": 0}).warning == ""
    assert assess(**ALL_WELL | {"checked": 0, "messaged": 0}).ratio_words.startswith("Nobody was checked")


def test_an_account_without_a_budget_says_so() -> None:
    assert "no check budget" in assess(**ALL_WELL | {"budget": None, "budget_left": None}).warning


def test_the_figures_of_an_account_are_those_of_its_checks_and_its_business(
    onprem_account: ProviderAccount, acme: Business, sandbox: Sandbox
) -> None:
    now = datetime.now(UTC)
    people = [agreed(factories.number(100, index), acme) for index in range(3)]
    factories.run(factories.check_run(onprem_account, *(person.e164 for person in people), factories.number(109)))
    assert (ban_risk(account=onprem_account, now=now).checked, ban_risk(account=onprem_account, now=now).messaged) == (
        3,
        None,
    )
    number = our_number(acme, sandbox.url)
    for _time in range(2):
        send(people[0], number, now=datetime.now(UTC))
    risk = ban_risk(account=onprem_account, now=datetime.now(UTC))
    assert (risk.checked, risk.messaged) == (3, 1)
    assert ban_risk(account=onprem_account, now=now + WINDOW + timedelta(minutes=1)).checked == 0
