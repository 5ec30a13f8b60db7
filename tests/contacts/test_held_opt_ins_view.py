"""Imported opt-ins of people who had opted out: a person accepts or dismisses each."""

import uuid
from datetime import datetime

import pytest
from django.test import Client

from contacts.models import Consent, OptIn, OptInEvidence
from providers.models import Business
from tests import factories

PAGE = "/contacts/optin/held/"
NUMBER = factories.number(100)


@pytest.fixture
def held(acme: Business, now: datetime) -> OptIn:
    recorded = factories.opted_in(NUMBER, acme)
    factories.withdrawn(NUMBER, acme, now=now)
    event = OptIn.objects.create(
        pseudonym=recorded.opt_in.pseudonym,
        business=acme,
        state=OptIn.State.HELD,
        purposes="service",
        business_name_shown="Acme",
        source="fair stand",
        given_at=now,
        recorded_at=now,
        recorded_by="tests",
        evidence_digest="0" * 64,
    )
    OptInEvidence.objects.create(opt_in=event, text="card 118", salt=b"0" * 16, fingerprint=uuid.uuid4())
    return event


@pytest.mark.parametrize(("decision", "status"), [("accept", "GRANTED"), ("dismiss", "WITHDRAWN"), ("", "WITHDRAWN")])
def test_each_is_decided_once(decision: str, status: str, admin_browser: Client, held: OptIn) -> None:
    assert b"fair stand" in admin_browser.get(PAGE).content
    decide = f"/contacts/optin/{held.pk}/decide/"
    assert admin_browser.post(decide, {"decision": decision})["Location"] == PAGE
    assert Consent.objects.get().status == status
    assert OptIn.objects.get(decides=held).recorded_by == "business"
    again = admin_browser.post(decide, {"decision": "accept"}, follow=True)
    assert b"not waiting for a decision any more" in again.content
    assert b"No imported opt-in waits for a decision." in again.content


def test_what_is_not_held_cannot_be_decided(admin_browser: Client, held: OptIn) -> None:
    granted = OptIn.objects.filter(state="GRANTED").get()
    admin_browser.post(f"/contacts/optin/{granted.pk}/decide/", {"decision": "dismiss"})
    assert not OptIn.objects.filter(decides=granted).exists()


def test_home_says_that_one_waits(admin_browser: Client, held: OptIn) -> None:
    assert b"1 imported opt-in is for somebody who had opted out." in admin_browser.get("/").content
