"""The catalogue of errors: complete, in words for people, and what docs/errors.md shows."""

import json
import re
from pathlib import Path

import pytest

from providers import catalogue
from providers.catalogue import Meaning, explain
from tests.providers.documented import FIXTURES
from waadmin import BASE_DIR

PAGE = BASE_DIR / "docs" / "errors.md"
#: What Meta's pages of error codes name for the calls that waadmin makes.
META_CODES = [
    *(0, 1, 2, 3, 4, 10, 17, 33, 100, 190, 200, 210, 299, 368, 613, 803, 80007, 130429, 130497, 131026, 131031, 131042),
    *(131047, 131049, 131050, 131056, 133000, 133004, 133005, 133006, 133008, 133009, 133010, 133015, 133016, 136024),
    *(136025, 137000),
]
SECTIONS = {"cloud_api": "Meta Cloud API", "kaleyra": "Kaleyra", "": "Any provider, by HTTP status"}


def codes_of_fixtures(folder: str) -> list[tuple[str, str]]:
    """Name and error code of every documented body that has one."""
    found = []
    for path in sorted((FIXTURES / folder).glob("*.json")):
        body = json.loads(path.read_text(encoding="utf-8"))
        error = body.get("error") if folder == "cloud_api" else body
        if isinstance(error, dict) and "code" in error and "request" not in path.name:
            found.append((path.name, str(error["code"])))
    return found


@pytest.mark.parametrize("folder", ["cloud_api", "kaleyra"])
def test_every_code_in_a_documented_body_is_in_it(folder: str) -> None:
    found = codes_of_fixtures(folder)
    assert len(found) >= 2
    listed = {entry.code.partition(":")[0] for entry in catalogue.entries(folder)} | {"WA200"}
    assert [name for name, code in found if code not in listed] == []


@pytest.mark.parametrize("code", META_CODES)
def test_every_code_of_metas_pages_is_in_it(code: int) -> None:
    found = explain("cloud_api", str(code))
    assert catalogue.is_listed("cloud_api", str(code))
    assert found.code == str(code)
    assert found.meaning is not Meaning.OTHER


@pytest.mark.parametrize("kind", ["cloud_api", "kaleyra", ""])
def test_every_entry_is_whole_sentences_for_people(kind: str) -> None:
    entries = catalogue.entries(kind)
    assert len({entry.code for entry in entries}) == len(entries)
    for entry in entries:
        for words in (entry.happened, entry.why, entry.next_step):
            assert re.fullmatch(r"[A-Zw].*[.]", words), words
            assert not re.search(r"\b(invalid|payload|endpoint|parameter not|exception)\b", words, re.IGNORECASE), words
        assert len(entry.happened) <= 90


def test_every_meaning_has_an_error_that_carries_it() -> None:
    carried = {entry.meaning for kind in SECTIONS for entry in catalogue.entries(kind)}
    assert carried == set(Meaning) - {Meaning.OTHER}


@pytest.mark.parametrize("kind", ["cloud_api", "kaleyra", "commbox", "never heard of"])
@pytest.mark.parametrize("code", ["", "424242", "WA777", "2000", "200-299 ", "\ud800", "x" * 500])
def test_there_is_always_an_answer(kind: str, code: str) -> None:
    found = explain(kind, code)
    assert (found.code, found.meaning) == (code, Meaning.OTHER)
    assert found.happened and found.why and found.next_step


@pytest.mark.parametrize(
    ("http_status", "meaning"),
    [
        (200, Meaning.OTHER),
        (302, Meaning.ACCOUNT),
        (400, Meaning.BAD_REQUEST),
        (401, Meaning.ACCOUNT),
        (403, Meaning.PERMISSION),
        (404, Meaning.ACCOUNT),
        (408, Meaning.TRY_AGAIN),
        (418, Meaning.BAD_REQUEST),
        (429, Meaning.WAIT),
        (500, Meaning.TRY_AGAIN),
        (599, Meaning.TRY_AGAIN),
    ],
)
def test_an_error_that_no_page_names_is_explained_by_http(http_status: int, meaning: Meaning) -> None:
    assert explain("cloud_api", "424242", http_status=http_status).meaning is meaning
    assert explain("cloud_api", "136025", http_status=http_status).meaning is Meaning.WRONG_CODE


def test_a_narrowed_code_is_the_first_whose_mark_the_words_hold() -> None:
    marks = {"WA400": (("otp", "otp_format"), ("phone", "phone_number"))}
    assert catalogue.narrowed("WA400", "Incorrect OTP of phone", marks) == "WA400:otp_format"
    assert catalogue.narrowed("WA400", "nothing known", marks) == "WA400"
    assert catalogue.narrowed("WA500", "otp", marks) == "WA500"


def table(kind: str) -> str:
    """The table of docs/errors.md for one kind of account, as the catalogue has it."""
    rows = [
        f"| `{entry.code}` | {entry.happened} | {entry.why} | {entry.next_step} |" for entry in catalogue.entries(kind)
    ]
    return "\n".join(["| code | what happened | why | what to do |", "| --- | --- | --- | --- |", *rows])


@pytest.mark.parametrize("kind", list(SECTIONS))
def test_the_page_of_errors_says_what_the_catalogue_says(kind: str) -> None:
    section = _sections(PAGE)[SECTIONS[kind]]
    shown = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    assert shown == table(kind), f"put this under “{SECTIONS[kind]}” in docs/errors.md:\n{table(kind)}"


def test_the_page_of_errors_has_no_other_tables() -> None:
    assert {name for name, text in _sections(PAGE).items() if "\n|" in text} == set(SECTIONS.values())


def _sections(page: Path) -> dict[str, str]:
    parts = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0].strip(): part.partition("\n")[2] for part in parts}
