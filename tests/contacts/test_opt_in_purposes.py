"""What an opt-in covers: never more than the wording that the person saw."""

from datetime import datetime

import pytest

from contacts import opt_ins
from contacts.models import ConsentText
from providers.models import Business
from tests import factories
from tests.factories import number

pytestmark = pytest.mark.django_db


@pytest.fixture
def wording(acme: Business, now: datetime) -> ConsentText:
    """A wording that asks for service and marketing."""
    return ConsentText.objects.create(
        business=acme,
        name="newsletter",
        version="1",
        language="en",
        text="Write to me.",
        business_name_shown="Acme",
        purposes="service,marketing",
        created_at=now,
        created_by="tests",
    )


def test_without_purposes_it_covers_what_its_wording_asks_for(acme: Business, wording: ConsentText) -> None:
    assert factories.opted_in(number(), acme, consent_text=wording).opt_in.purposes == "service,marketing"


def test_without_purposes_and_wording_it_covers_what_the_business_says(acme: Business) -> None:
    assert factories.opted_in(number(), acme).opt_in.purposes == acme.opt_in_covers


def test_fewer_purposes_than_the_wording_may_be_named(acme: Business, wording: ConsentText) -> None:
    recorded = factories.opted_in(number(), acme, consent_text=wording, purposes=["marketing"])
    assert recorded.opt_in.purposes == "marketing"


def test_a_purpose_that_the_wording_does_not_ask_for_is_refused(acme: Business, wording: ConsentText) -> None:
    with pytest.raises(opt_ins.OptInRefused, match="utility"):
        factories.opted_in(number(), acme, consent_text=wording, purposes=["service", "utility"])


def test_a_file_is_held_to_the_same_rule(acme: Business, wording: ConsentText, now: datetime) -> None:
    import io

    from contacts.consent.importing import import_file

    lines = [
        "phone,given_at,source,evidence,consent_text,purposes",
        f"{number(100)},2026-01-05,form,ticked,newsletter,",
        f"{number(101)},2026-01-05,form,ticked,newsletter,utility",
    ]
    imported = import_file(
        file=io.BytesIO("\n".join(lines).encode()),
        file_name="opt-ins.csv",
        business=acme,
        actor="tests",
        now=now,
        statement="confirmed",
        name_shown="Acme",
    )
    assert (imported.granted, imported.refused) == (1, 1)
    from contacts.models import OptIn

    assert OptIn.objects.get().purposes == "service,marketing"
