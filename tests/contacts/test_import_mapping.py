"""Which column of a file is what: mapped by a person, remembered for that very header, and never guessed."""

import io
from datetime import timedelta

import pytest

from contacts.consent import mapping, uploads
from contacts.consent.columns import (
    Column,
    UnusableHeader,
    map_as_picked,
    map_columns,
    read_options,
    read_places,
    require,
    write_places,
)
from contacts.consent.csv_file import CsvFile
from contacts.models import OptInImport
from providers.e164 import Reading
from providers.models import Business
from tests import factories
from tests.contacts.csv_files import HEADER, NOW, counts, csv_of, imported, line, mapped

HEAD = ["Mobile", "When", "Where", "Why", "Notes"]
FILE = "Mobile,When,Where,Why,Notes\n+447400000100,2026-01-05,web form,ticked,vip\n"
GOOD = ("phone", "given_at", "source", "evidence", "")


def kept(business: Business, text: str = FILE, *, name_shown: str = "Acme") -> OptInImport:
    return uploads.keep(
        content=text.encode(),
        file_name="people.csv",
        business=business,
        reading=Reading.E164,
        region="",
        name_shown=name_shown,
        actor="tests",
        now=NOW,
    )


def confirmed(entry: OptInImport) -> OptInImport:
    shown, statement = uploads.declared(entry), uploads.sentence(entry)
    uploads.confirm(upload=entry, statement=statement, shown=shown, actor="tests", now=NOW)
    return entry


#: What a person picked for the five columns of HEAD, the name declared for the whole file, and words of the refusal.
BAD_PICKS = [
    (("", "", "", "", ""), "Acme", "No column is phone, given_at, source, evidence."),
    (("phone", "", "", "", ""), "Acme", "No column is given_at, source, evidence."),
    (("phone", "given_at", "source", "", ""), "Acme", "No column is evidence. The file has: Mobile, When, Where"),
    (("", "given_at", "source", "evidence", ""), "Acme", "No column is phone."),
    (("phone", "", "source", "evidence", ""), "Acme", "No column is given_at."),
    (("phone", "given_at", "", "evidence", ""), "Acme", "No column is source."),
    (GOOD, "", "No column is business_name_shown."),
    (GOOD, "   ", "may also be declared for the whole file"),
    (("phone", "given_at", "source", "evidence", "phone"), "Acme", "“Mobile” and “Notes” both mean phone."),
    (("phone", "given_at", "source", "evidence", "evidence"), "Acme", "“Why” and “Notes” both mean evidence."),
    (("phone", "phone", "phone", "phone", "phone"), "Acme", "“Mobile” and “When” both mean phone."),
    (("phone", "given_at", "source", "evidence", "shoe_size"), "Acme", "“shoe_size” is no column of ours."),
    (("phone", "given_at", "source", "evidence", "Phone"), "Acme", "“Phone” is no column of ours."),
]


@pytest.mark.parametrize(("picks", "name_shown", "words"), BAD_PICKS)
def test_what_is_picked_wrongly_is_refused_by_name(picks: tuple[str, ...], name_shown: str, words: str) -> None:
    with pytest.raises(UnusableHeader) as refused:
        require(map_as_picked(HEAD, picks), HEAD, name_shown=name_shown)
    assert words in str(refused.value)


#: Options of the command, and words of the refusal.
BAD_OPTIONS = [
    (("phone",), "“phone” is no mapping. Write it as phone=Mobile number."),
    (("phone=",), "is no mapping"),
    (("=Mobile",), "is no mapping"),
    (("",), "is no mapping"),
    (("phone=Mobile", "phone=Notes"), "“Mobile” and “Notes” both mean phone."),
    (("telephone=Mobile",), "“telephone” is no column of ours. Columns are: phone, given_at"),
    (("PHONE=Mobile",), "no column of ours"),
    (("phone=Cell",), "The file has no column “Cell”. It has: Mobile, When, Where, Why, Notes."),
    (("phone=#",), "The file has no column “#”."),
    (("phone=Mobile", "evidence=Mobile"), "“Mobile” cannot be both phone and evidence."),
]


@pytest.mark.parametrize(("options", "words"), BAD_OPTIONS)
def test_an_option_that_cannot_be_followed_says_why(options: tuple[str, ...], words: str) -> None:
    with pytest.raises(UnusableHeader) as refused:
        map_columns(HEAD, read_options(options))
    assert words in str(refused.value)


#: First lines, the mapping options with them, and words of the refusal.
BAD_FILES = [
    ("phone,mobile,given_at,source,evidence\n", {}, "“phone” and “mobile” both mean phone"),
    ("phone,phone,given_at,source,evidence\n", {}, "“phone” and “phone” both mean phone"),
    ("A,A,given_at,source,evidence\n", {"phone": "A"}, "The file has 2 columns “A”."),
    ("+447400000100,2026-01-05,web,ticked\n", {}, "it is a person and no line of names"),
    ("Ana,+44 7400 000 100\n", {}, "it is a person and no line of names"),
    ("", {}, "The file is empty."),
    (" \n\n", {}, "The file is empty."),
    ("phone\x00,given_at\n", {}, "no CSV file that we can read"),
    ('"phone,given_at\n', {}, "does not close"),
    ("a," * 40_000 + "\n", {}, "longer than 64 KiB"),
]


@pytest.mark.parametrize(("text", "named", "words"), BAD_FILES)
def test_a_first_line_that_cannot_be_used_says_why(text: str, named: dict[str, str], words: str) -> None:
    with pytest.raises(UnusableHeader) as refused:
        CsvFile(io.BytesIO(text.encode()), named=named)
    assert words in str(refused.value)


def test_a_mapping_is_kept_as_places_and_read_back() -> None:
    places = {Column.PHONE: 3, Column.GIVEN_AT: 0, Column.STATE: 12}
    assert write_places(places) == "phone:3 given_at:0 state:12"
    assert read_places(write_places(places)) == places
    longest = write_places(dict.fromkeys(Column, 99_999))
    assert len(longest) <= OptInImport._meta.get_field("columns").max_length  # type: ignore[operator]


def test_saying_which_it_is_settles_two_columns_of_one_meaning() -> None:
    header = ["Phone", "Mobile", "given_at", "source", "evidence"]
    assert map_columns(header, {"phone": "Mobile"})[Column.PHONE] == 1


@pytest.mark.django_db
class TestProposals:
    def test_names_that_are_understood_are_proposed_with_three_samples(self, acme: Business) -> None:
        lines = [f"+4474000001{n:02d},2026-01-0{n},web,,\n" for n in range(1, 6)]
        proposal = mapping.propose(kept(acme, "Mobile,Date,Channel,Proof,Shoe\n" + "".join(lines)), now=NOW)
        assert [one.column for one in proposal.columns] == [*(Column(name) for name in GOOD[:4]), None]
        assert [list(one.samples) for one in proposal.columns] == [
            ["+447400000101", "+447400000102", "+447400000103"],
            ["2026-01-01", "2026-01-02", "2026-01-03"],
            ["web"],
            [],
            [],
        ]

    def test_two_columns_of_one_meaning_are_both_shown_so_and_a_person_decides(self, acme: Business) -> None:
        proposal = mapping.propose(kept(acme, "phone,mobile,given_at,source,evidence\n"), now=NOW)
        assert [one.column for one in proposal.columns][:2] == [Column.PHONE, Column.PHONE]

    def test_a_confirmed_mapping_is_remembered_for_this_very_header(self, acme: Business) -> None:
        confirmed(mapped(kept(acme), *GOOD))
        proposal = mapping.propose(kept(acme, FILE.replace("0100", "0101")), now=NOW + timedelta(days=3))
        assert proposal.remembered_at == NOW
        assert [one.column or "" for one in proposal.columns] == list(GOOD)

    @pytest.mark.parametrize(
        "header", ["Mobile,When,Where,Notes,Why", "Mobile,When,Where,Why", "mobile,When,Where,Why,Notes"]
    )
    def test_it_goes_when_the_header_does_not_match(self, header: str, acme: Business) -> None:
        confirmed(mapped(kept(acme), *GOOD))
        proposal = mapping.propose(kept(acme, header + "\n"), now=NOW)
        assert proposal.remembered_at is None
        assert [one.column for one in proposal.columns][1:] == [None] * header.count(",")

    def test_it_is_remembered_for_its_business_only_and_not_for_ever(self, acme: Business) -> None:
        confirmed(mapped(kept(acme), *GOOD))
        other = factories.business("Other")
        assert mapping.propose(kept(other), now=NOW).remembered_at is None
        late = NOW + mapping.REMEMBERED_FOR + timedelta(seconds=1)
        assert mapping.propose(kept(acme), now=late).remembered_at is None

    def test_what_nobody_confirmed_is_not_remembered(self, acme: Business) -> None:
        mapped(kept(acme), *GOOD)
        assert mapping.propose(kept(acme), now=NOW).remembered_at is None

    def test_an_errors_file_is_known_by_the_header_of_the_file_that_it_is_of(self, acme: Business) -> None:
        confirmed(mapped(kept(acme), *GOOD))
        repaired = "line,column,value,reason," + FILE.replace("\n+44", "\n2,phone,x,no number,'+44")
        entry = kept(acme, repaired)
        proposal = mapping.propose(entry, now=NOW)
        assert proposal.remembered_at == NOW
        assert [one.name for one in proposal.columns] == HEAD
        assert proposal.columns[0].samples == ["+447400000100"]

    def test_what_was_said_comes_back_when_the_person_comes_back(self, acme: Business) -> None:
        entry = mapped(kept(acme), *GOOD)
        assert [one.column or "" for one in mapping.propose(entry, now=NOW).columns] == list(GOOD)

    def test_what_is_kept_of_a_header_is_a_digest_and_places(self, acme: Business) -> None:
        entry = confirmed(mapped(kept(acme), *GOOD))
        entry.refresh_from_db()
        assert entry.columns == "phone:0 given_at:1 source:2 evidence:3"
        assert len(entry.header_digest) == 64
        assert entry.line_count == 1


@pytest.mark.django_db
def test_a_file_is_imported_as_it_was_mapped_and_a_column_left_out_is_not_read(acme: Business) -> None:
    header = "phone,x,given_at,source,evidence,state"
    content = csv_of("nobody,+447400000100,2026-01-05,web,ticked,withdrawn", header=header)
    result, bad = imported(content, acme, named={"phone": "x", "state": "state"})
    assert (counts(result), bad) == ((0, 1, 0, 0, 0), [])
    assert OptInImport.objects.get().columns == "phone:1 given_at:2 source:3 evidence:4 state:5"


@pytest.mark.django_db
def test_another_mapping_of_the_same_file_is_another_import(acme: Business) -> None:
    content = csv_of(line("+447400000100", "other words"), header=f"{HEADER},other")
    imported(content, acme)
    OptInImport.objects.update(state=OptInImport.State.FAILED)
    imported(content, acme, named={"evidence": "other"})
    assert OptInImport.objects.count() == 2
