"""How lines of a file are read: numbers only as declared, times only when they are certain, nothing by default."""

from datetime import UTC, datetime

import pytest

from contacts.consent.columns import UnusableHeader
from contacts.models import ConsentText, OptIn, OptInEvidence
from providers.e164 import Reading
from providers.models import Business, BusinessName
from tests.contacts.csv_files import HEADER, NOW, counts, csv_of, events, imported, line, statuses

pytestmark = pytest.mark.django_db


def test_a_line_becomes_a_grant_with_all_that_it_says(acme: Business) -> None:
    header = f"{HEADER},business_name_shown,purposes,expires_at,external_id"
    result, bad = imported(
        csv_of(line("+525512345678", "Acme", "marketing;service", "2027-01-01", "crm-7"), header=header), acme
    )
    [event] = events()
    assert (counts(result), bad) == ((1, 0, 0, 0, 0), [])
    assert event.state == OptIn.State.GRANTED
    assert event.purposes == "service,marketing"
    assert event.business_name_shown == "Acme"
    assert event.source == "web form"
    assert event.given_at == datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    assert event.expires_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert (event.external_id, event.recorded_by, event.recorded_at) == ("crm-7", "alice", NOW)
    assert event.opt_in_import == result.opt_in_import
    assert OptInEvidence.objects.get(opt_in=event).text == "ticked the box"
    assert statuses() == {"+525512345678": "GRANTED"}


def test_a_grant_without_purposes_covers_what_the_business_says(acme: Business) -> None:
    imported(csv_of(line("+525512345678")), acme)
    assert events()[0].purposes == acme.opt_in_covers


def test_numbers_without_plus_are_refused_and_counted_unless_declared(acme: Business) -> None:
    result, bad = imported(csv_of(line("525512345678"), line("+525512345679"), line("")), acme)
    assert counts(result) == (1, 0, 0, 0, 2)
    assert result.without_plus == 1
    assert [(each.line, each.column, each.value) for each in bad] == [(2, "phone", "525512345678"), (4, "phone", "")]
    assert "no leading +" in bad[0].reason


def test_declared_digits_are_read_with_their_country_code(acme: Business) -> None:
    result, _bad = imported(csv_of(line("525512345678")), acme, reading=Reading.DIGITS)
    assert statuses() == {"+525512345678": "GRANTED"}
    assert result.opt_in_import is not None
    assert result.opt_in_import.numbers_read_as == "digits"


def test_declared_national_numbers_are_of_the_region_or_of_their_own_line(acme: Business) -> None:
    content = csv_of(line("55 1234 5678", ""), line("0151 12345678", "de"), header=f"{HEADER},region")
    imported(content, acme, reading=Reading.NATIONAL, region="MX")
    assert set(statuses()) == {"+525512345678", "+4915112345678"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-01-05", datetime(2026, 1, 5, tzinfo=UTC)),
        ("2026-01-05T09:30:00+02:00", datetime(2026, 1, 5, 7, 30, tzinfo=UTC)),
        ("2026-01-05 09:30:00.250Z", datetime(2026, 1, 5, 9, 30, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_times_are_iso_8601_and_a_date_is_the_beginning_of_its_day_in_utc(
    acme: Business, written: str, meant: datetime
) -> None:
    imported(csv_of(line("+525512345678", given_at=written)), acme)
    assert events()[0].given_at == meant


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("2026-01-05T09:30:00", "no time zone"),
        ("05/01/2026", "ISO 8601"),
        ("2026-13-05", "ISO 8601"),
        ("0001-01-01T00:00:00+14:00", "ISO 8601"),
        ("20260105T093000Z", "ISO 8601"),
        ("", "missing"),
    ],
)
def test_a_time_that_is_not_certain_is_refused_with_how_to_write_it(acme: Business, written: str, rule: str) -> None:
    result, bad = imported(csv_of(line("+525512345678", given_at=written)), acme)
    assert counts(result) == (0, 0, 0, 0, 1)
    assert bad[0].column == "given_at"
    assert rule in bad[0].reason


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("+525512345678,2026-01-05,,proof,Acme,", "source"),
        ("+525512345678,2026-01-05,web, ,Acme,", "evidence"),
        ("+525512345678,2026-01-05,web,proof,,", "business_name_shown"),
        ("+525512345678,2026-01-05,web,proof,Umbrella,", "business_name_shown"),
        ("+525512345678,2026-01-05,web,proof,Acme,2026-01-01", "expires_at"),
        (f"+525512345678,2026-01-05,{'x' * 61},proof,Acme,", "source"),
    ],
)
def test_a_grant_with_an_incomplete_proof_is_refused_at_its_cell(acme: Business, text: str, column: str) -> None:
    header = f"{HEADER},business_name_shown,expires_at"
    result, bad = imported(csv_of(text, header=header), acme, name_shown="")
    assert counts(result) == (0, 0, 0, 0, 1)
    assert [each.column for each in bad] == [column]


def test_a_former_name_is_taken_while_it_was_in_use_only(acme: Business) -> None:
    BusinessName.objects.create(business=acme, name="Acme Old", until_date=datetime(2026, 1, 31, tzinfo=UTC).date())
    header = f"{HEADER},business_name_shown"
    content = csv_of(
        line("+525512345678", "Acme Old", given_at="2026-01-31"),
        line("+525512345679", "Acme Old", given_at="2026-02-01"),
        header=header,
    )
    result, bad = imported(content, acme, name_shown="")
    assert counts(result) == (1, 0, 0, 0, 1)
    assert bad[0].line == 3


def test_a_file_without_a_required_column_is_refused_whole(acme: Business) -> None:
    with pytest.raises(UnusableHeader, match="source, business_name_shown"):
        imported(csv_of("+525512345678,2026-01-05,proof", header="phone,given_at,evidence"), acme, name_shown="")


def test_an_unknown_purpose_is_never_left_out(acme: Business) -> None:
    result, bad = imported(csv_of(line("+525512345678", "marketting"), header=f"{HEADER},purposes"), acme)
    assert counts(result) == (0, 0, 0, 0, 1)
    assert "marketting" in bad[0].reason


@pytest.fixture
def wordings(acme: Business) -> list[ConsentText]:
    """Two languages of one wording, and another wording."""
    return [
        ConsentText.objects.create(
            business=acme,
            name=name,
            version=version,
            language=language,
            text=text,
            business_name_shown="Acme",
            purposes="service",
            created_at=NOW,
            created_by="alice",
        )
        for name, version, language, text in (
            ("order form", "1", "en", "Yes, write to me on WhatsApp.\nI may say stop."),
            ("order form", "1", "es", "Sí, escríbanme por WhatsApp."),
            ("call script", "3", "en", "May we write to you on WhatsApp?"),
        )
    ]


WORDING_HEADER = f"{HEADER},consent_text,wording_version,language,wording"


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        ("Order Form,1,ES,", 1),
        ("call script,,,", 2),
        (',,,"Yes, write to me on WhatsApp.\r\nI may say stop. "', 0),
        ("order form,,,Sí, escríbanme", None),
        ("order form,1,es,May we write to you on WhatsApp?", None),
        ("order form,,,", None),
        ("order form,2,en,", None),
        (",,,Words that nobody added", None),
    ],
)
def test_a_wording_is_one_of_the_library_or_the_line_is_refused(
    acme: Business, wordings: list[ConsentText], columns: str, chosen: int | None
) -> None:
    if chosen is None:
        columns = columns.replace("Sí, escríbanme", "Sí")
    result, _bad = imported(csv_of(line("+525512345678", columns), header=WORDING_HEADER), acme)
    if chosen is None:
        assert counts(result) == (0, 0, 0, 0, 1)
        assert ConsentText.objects.count() == len(wordings)
    else:
        assert events()[0].consent_text == wordings[chosen]


def test_a_line_that_names_no_wording_has_none(acme: Business, wordings: list[ConsentText]) -> None:
    imported(csv_of(line("+525512345678", ",,en,"), header=WORDING_HEADER.replace("phone", "phone", 1)), acme)
    assert events()[0].consent_text is None
