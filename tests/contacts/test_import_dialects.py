"""Files as people have them: encodings, separators, and the names that columns go by."""

import io

import pytest

from contacts.consent.columns import UnusableHeader
from contacts.consent.csv_file import BadLine, CsvFile, Row
from contacts.models import OptInEvidence
from providers.models import Business
from tests.contacts.csv_files import HEADER, counts, csv_of, imported, line

TEXT = "phone{0}given_at{0}source{0}evidence\n+525512345678{0}2026-01-05{0}línea{0}dijo “sí” – 5 €\n"


def rows(content: bytes) -> list[Row | BadLine]:
    return list(CsvFile(io.BytesIO(content)).rows())


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_encoding_separator_and_newline_reads_the_same(separator: str, encoding: str, newline: str) -> None:
    content = TEXT.format(separator).replace("\n", newline).encode(encoding)
    assert rows(content) == [Row(2, ["+525512345678", "2026-01-05", "línea", "dijo “sí” – 5 €"])]


def test_a_separator_inside_quotes_does_not_deceive() -> None:
    content = b'phone;given_at;source;evidence\n+525512345678;2026-01-05;web;"a, b; ""c""\nsecond line"\n+1;2;3;4\n'
    assert rows(content) == [
        Row(2, ["+525512345678", "2026-01-05", "web", 'a, b; "c"\nsecond line']),
        Row(4, ["+1", "2", "3", "4"]),
    ]


def test_blank_lines_are_skipped_and_short_ones_filled() -> None:
    assert rows(b"\nphone,given_at,source,evidence\n\n,,,\n+1,2\n") == [Row(5, ["+1", "2", "", ""])]


@pytest.mark.parametrize(
    "header",
    [
        "Phone Number,Date,Channel,Proof",
        "TELÉFONO,Fecha de consentimiento,Origen,Prueba",
        "Handynummer,Zeitpunkt,Quelle,Nachweis",
        "_phone_,GIVEN AT,source ,Evidence",
    ],
)
@pytest.mark.django_db
def test_columns_go_by_many_names(acme: Business, header: str) -> None:
    result, bad = imported(csv_of(line("+525512345678"), header=header), acme)
    assert (counts(result), bad) == ((1, 0, 0, 0, 0), [])


@pytest.mark.django_db
def test_a_person_may_say_which_column_is_which(acme: Business) -> None:
    content = csv_of("x,+525512345678,2026-01-05,web,proof", header="phone,Whats App 2,d,s,e")
    named = {"phone": "whatsapp2", "given_at": "D", "source": "s", "evidence": "e"}
    result, _bad = imported(content, acme, named=named)
    assert counts(result) == (1, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("content", "named", "words"),
    [
        (b"", None, "empty"),
        (b"\n\n", None, "empty"),
        (b",", None, "empty"),
        ("phone,given_at".encode("utf-16-le"), None, "no CSV file"),
        (b"phone,mobile,given_at,source,evidence\n", None, "both mean phone"),
        (HEADER.encode(), {"phone": "cell"}, "no column “cell”"),
        (HEADER.encode(), {"phones": "phone"}, "no column of ours"),
        (b'"phone,given_at\n', None, "does not close"),
    ],
)
def test_a_header_that_cannot_be_used_says_why(content: bytes, named: dict[str, str] | None, words: str) -> None:
    with pytest.raises(UnusableHeader, match=words):
        CsvFile(io.BytesIO(content), named=named)


@pytest.mark.django_db
def test_spanish_evidence_from_an_old_spreadsheet_is_kept_word_for_word(acme: Business) -> None:
    imported(TEXT.format(";").encode("cp1252"), acme)
    assert OptInEvidence.objects.get().text == "dijo “sí” – 5 €"


def test_a_byte_that_no_encoding_explains_is_a_bad_line() -> None:
    [bad, good] = rows(b"phone,given_at,source,evidence\n+1,2,caf\xe9,\x81\n+2,3,caf\xe9,5\n")
    assert isinstance(bad, BadLine)
    assert good == Row(3, ["+2", "3", "café", "5"])
