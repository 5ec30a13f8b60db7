"""record_optin: one consent event from a terminal, with the proof that a form would ask for."""

from datetime import UTC, datetime, timedelta

import pytest

from contacts.models import Consent, ConsentText, OptIn
from providers.models import Business
from tests import factories
from tests.contacts.command_runs import Ran, run
from tests.contacts.csv_files import NOW

pytestmark = pytest.mark.django_db

NUMBER = "+447400000100"


def record(*arguments: str, number: str = NUMBER, **replaced: str) -> Ran:
    given = {"business": "Acme", "name-shown": "Acme", "source": "counter", "evidence": "signed form 7"} | {
        name.replace("_", "-"): value for name, value in replaced.items()
    }
    options = [part for name, value in given.items() for part in (f"--{name}", value)]
    return run("record_optin", number, *options, *arguments)


def test_a_record_is_printed_as_it_was_made(acme: Business) -> None:
    ran = record("--given-at", "2026-05-03T10:00:00+02:00", "--purpose", "service", "--purpose", "marketing")
    event = OptIn.objects.get()
    assert ran.code == 0
    assert ran.rows == [
        {
            "e164": NUMBER,
            "business": "Acme",
            "opt_in": event.pk,
            "state": "granted",
            "purposes": "service,marketing",
            "given_at": "2026-05-03T08:00:00+00:00",
            "created": True,
            "consent": "granted",
        }
    ]
    assert event.recorded_by.startswith("command:")


def test_what_is_recorded_without_a_time_has_just_happened(acme: Business) -> None:
    record()
    assert datetime.now(UTC) - OptIn.objects.get().given_at < timedelta(minutes=1)


def test_the_same_event_again_changes_nothing_and_says_so(acme: Business) -> None:
    record("--given-at", "2026-05-03")
    ran = record("--given-at", "2026-05-03")
    assert (ran.code, ran.rows[0]["created"]) == (0, False)
    assert "already" in ran.messages
    assert OptIn.objects.count() == 1


def test_a_record_older_than_a_withdrawal_says_that_it_allows_nothing(acme: Business) -> None:
    factories.withdrawn(NUMBER, acme, now=NOW)
    ran = record("--given-at", "2026-01-01")
    assert (ran.code, ran.rows[0]["consent"]) == (0, "withdrawn")
    assert "opted out later" in ran.messages


def test_a_national_number_is_read_of_the_region_that_is_named(acme: Business) -> None:
    ran = record("--region", "pe", number="912 345 678")
    assert ran.rows[0]["e164"] == "+51912345678"


@pytest.mark.parametrize(
    ("number", "replaced", "words"),
    [
        ("912345678", {}, "no leading +"),
        ("+4474000001", {}, "not a number"),
        (NUMBER, {"evidence": " "}, "evidence is missing"),
        (NUMBER, {"source": ""}, "source is missing"),
        (NUMBER, {"name_shown": "Umbrella"}, "not a name of Acme"),
        (NUMBER, {"business": "Nobody"}, "Businesses: Acme"),
        (NUMBER, {"given_at": "2026-05-03 10:00"}, "no time zone"),
        (NUMBER, {"given_at": "yesterday"}, "ISO 8601"),
        (NUMBER, {"consent_text": "nothing"}, "not in the library"),
    ],
)
def test_an_invalid_number_or_a_missing_proof_is_exit_code_2(
    acme: Business, number: str, replaced: dict[str, str], words: str
) -> None:
    ran = record(number=number, **replaced)
    assert (ran.code, ran.rows) == (2, [])
    assert words in ran.messages
    assert not OptIn.objects.exists()
    assert not Consent.objects.exists()


def test_a_wording_is_named_as_closely_as_it_takes(acme: Business) -> None:
    for language in ("en", "es"):
        ConsentText.objects.create(
            business=acme,
            name="order form",
            version="2",
            language=language,
            text=f"Yes ({language})",
            business_name_shown="Acme",
            purposes="service",
            created_at=NOW,
            created_by="alice",
        )
    several = record("--consent-text", "order form")
    assert several.code == 2
    assert "order form/2/es" in several.messages
    assert record("--consent-text", "Order Form/2/es").code == 0
    assert OptIn.objects.get().consent_text == ConsentText.objects.get(language="es")
