"""import_optins: a file from a terminal, with an exit code that says what happened to its lines."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contacts.models import ContactCheck, OptIn, OptInImport
from providers.models import Business, ProviderAccount
from tests import factories
from tests.contacts.command_runs import Ran, run
from tests.contacts.csv_files import HEADER, NOW, csv_of, line, statuses

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Where the file to import is."""
    return tmp_path / "people.csv"


def import_(file: Path, *arguments: str) -> Ran:
    return run("import_optins", str(file), "--business", "Acme", "--name-shown", "Acme", *arguments)


def test_a_clean_file_is_exit_code_0_and_one_summary(acme: Business, people: Path) -> None:
    people.write_bytes(csv_of(line("+447400000100"), line("+447400000101")))
    ran = import_(people)
    assert ran.code == 0
    assert ran.rows == [
        {
            "file": "people.csv",
            "import": OptInImport.objects.get().pk,
            "rows": 2,
            "granted": 2,
            "withdrawn": 0,
            "unchanged": 0,
            "held": 0,
            "refused": 0,
            "dry_run": False,
        }
    ]


def test_who_runs_it_is_on_record_with_what_that_declares(acme: Business, people: Path) -> None:
    people.write_bytes(csv_of(line("+447400000100")))
    import_(people)
    made = OptInImport.objects.get()
    assert made.imported_by.startswith("command:")
    assert made.statement.startswith(made.imported_by)
    assert "genuine" in made.statement
    assert made.file_name == "people.csv"


def test_bad_lines_are_exit_code_2_and_each_is_reported(acme: Business, people: Path) -> None:
    people.write_bytes(csv_of(line("+447400000100"), line("7400000101"), line("+447400000102", given_at="soon")))
    ran = import_(people)
    assert ran.code == 2
    assert (ran.rows[0]["granted"], ran.rows[0]["refused"]) == (1, 2)
    assert "line 3, phone: “7400000101” has no leading +" in ran.messages
    assert "line 4, given_at: " in ran.messages
    assert "--numbers digits" in ran.messages


def test_held_lines_are_exit_code_3(acme: Business, people: Path) -> None:
    factories.withdrawn("+447400000100", acme, now=NOW)
    people.write_bytes(csv_of(line("+447400000100"), line("bad")))
    ran = import_(people)
    assert (ran.code, ran.rows[0]["held"], ran.rows[0]["refused"]) == (3, 1, 1)


def test_the_errors_file_can_be_repaired_and_imported(acme: Business, people: Path, tmp_path: Path) -> None:
    errors = tmp_path / "errors.csv"
    people.write_bytes(
        csv_of(
            line("+447400000100"),
            "0740,2026-01-05,web,=HYPERLINK(1)",
            "+44 7400 00 010,2026-01-05,-web,@proof",
            header=HEADER,
        )
    )
    ran = import_(people, "--errors", str(errors))
    assert ran.code == 2
    written = list(csv.reader(errors.read_text(encoding="utf-8-sig").splitlines()))
    assert written[0] == ["line", "column", "value", "reason", *HEADER.split(",")]
    assert [row[:3] for row in written[1:]] == [["3", "phone", "'0740"], ["4", "phone", "'+44 7400 00 010"]]
    assert [row[7] for row in written[1:]] == ["'=HYPERLINK(1)", "'@proof"]
    assert written[2][6] == "'-web"

    repaired = errors.read_text(encoding="utf-8-sig").replace(",'0740,'2026", ",+447400000101,2026", 1)
    repaired = repaired.replace("'+44 7400 00 010,'2026", "'+44 7400 000 102,'2026", 1)
    errors.write_text(repaired, encoding="utf-8-sig")
    assert import_(errors).rows[0]["granted"] == 2
    assert set(statuses()) == {f"+44740000010{n}" for n in range(3)}
    evidence = OptIn.objects.order_by("pk").values_list("source", "evidence__text")
    assert list(evidence)[1:] == [("web", "=HYPERLINK(1)"), ("-web", "@proof")]


def test_with_an_errors_file_the_terminal_shows_the_first_ones_only(
    acme: Business, people: Path, tmp_path: Path
) -> None:
    people.write_bytes(csv_of(*(line("bad") for _ in range(30))))
    ran = import_(people, "--errors", str(tmp_path / "errors.csv"))
    assert ran.messages.count(", phone:") == 20
    assert "10 more lines" in ran.messages
    assert "30 lines: phone: The number holds letters. (lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 and 18 more)" in (
        ran.messages
    )
    assert import_(people).messages.count("phone:") == 30


def test_a_dry_run_says_the_same_and_keeps_nothing(acme: Business, people: Path) -> None:
    people.write_bytes(csv_of(line("+447400000100"), line("bad")))
    ran = import_(people, "--dry-run")
    assert ran.code == 2
    assert (ran.rows[0]["granted"], ran.rows[0]["import"], ran.rows[0]["dry_run"]) == (1, None, True)
    assert not OptIn.objects.exists()
    assert not OptInImport.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(("--numbers", "digits"), "+525512345678"), (("--numbers", "national", "--region", "mx"), "+525512345679")],
)
def test_numbers_are_read_as_declared(acme: Business, people: Path, arguments: tuple[str, ...], expected: str) -> None:
    people.write_bytes(csv_of(line("525512345678" if "digits" in arguments else "5512345679")))
    import_(people, *arguments)
    assert set(statuses()) == {expected}


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        (None, (), "cannot be opened"),
        (b"", (), "empty"),
        (b"a,b,c\n1,2,3\n", (), "phone, given_at, source, evidence"),
        (csv_of(), ("--region", "MX"), "--numbers national"),
        (csv_of(), ("--errors", "{people}"), "--errors names the file"),
        (csv_of(), ("--business", "Nobody"), "Businesses: Acme"),
    ],
)
def test_a_file_that_cannot_be_used_is_exit_code_2(
    acme: Business, people: Path, content: bytes | None, arguments: tuple[str, ...], words: str
) -> None:
    if content is not None:
        people.write_bytes(content)
    ran = import_(people, *(each.format(people=people) for each in arguments))
    assert (ran.code, ran.rows) == (2, [])
    assert words in ran.messages
    assert content is None or people.read_bytes() == content


@pytest.mark.django_db(transaction=True)
def test_it_waits_for_calls_to_people_whom_the_file_withdraws(
    onprem_account: ProviderAccount, people: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, other = factories.number(100), factories.number(101)
    for each in (number, other):
        factories.opted_in(each, onprem_account.business)
    batch = factories.check_run(onprem_account, number, other)
    calls = ContactCheck.objects.filter(batch=batch)
    calls.update(status="SENDING", lease_until=datetime.now(UTC) + timedelta(seconds=30))
    waited: list[set[int]] = []
    monkeypatch.setattr(
        "contacts.opt_ins.wait_for_calls", lambda ids, *, business: (waited.append(set(ids)), len(ids))[1]
    )
    people.write_bytes(csv_of(line(number, "withdrawn"), header=f"{HEADER},state"))
    ran = import_(people)
    assert waited == [{calls.get(input=number).contact_id}]
    assert "Waited for 1 call" in ran.messages


def test_columns_are_mapped_as_said_and_others_go_by_their_names(acme: Business, people: Path) -> None:
    people.write_bytes(csv_of("+447400000100,2026-01-05,web,ticked", header="Cell 1,Datum,Where asked,Nachweis"))
    assert "No column is phone, source." in import_(people).messages

    ran = import_(people, "--map", "phone=cell 1", "--map", "source=Where asked")

    assert (ran.code, ran.rows[0]["granted"]) == (0, 1)
    assert OptInImport.objects.get().columns == "phone:0 given_at:1 source:2 evidence:3"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--map", "phone"), "--map: “phone” is no mapping"),
        (("--map", "phone=a", "--map", "phone=b"), "“a” and “b” both mean phone"),
        (("--map", "phone=evidence", "--map", "evidence=evidence"), "“evidence” cannot be both phone and evidence"),
        (("--map", "evidence=nothing"), "The file has no column “nothing”."),
        (("--time-zone", "Peru"), "--time-zone: “Peru” is not the name of a time zone."),
    ],
)
def test_a_mapping_or_zone_that_cannot_be_followed_is_exit_code_2(
    acme: Business, people: Path, arguments: tuple[str, ...], words: str
) -> None:
    people.write_bytes(csv_of(line("+447400000100")))
    ran = import_(people, *arguments)
    assert (ran.code, ran.rows) == (2, [])
    assert words in ran.messages
    assert not OptInImport.objects.exists()


def test_times_without_a_zone_are_read_in_the_zone_that_is_declared(acme: Business, people: Path) -> None:
    people.write_bytes(csv_of(line("+447400000100", given_at="2026-01-05T10:00:00")))
    assert import_(people).rows[0]["refused"] == 1
    assert import_(people, "--time-zone", "America/Lima").rows[0]["granted"] == 1
    assert OptIn.objects.get().given_at == datetime(2026, 1, 5, 15, tzinfo=UTC)
