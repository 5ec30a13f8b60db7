"""A killed import goes on where its last committed chunk ends; nobody's lines are lost or counted twice."""

import io

import pytest

from contacts.consent import chunk as chunks
from contacts.consent import committing, importing
from contacts.consent.importing import ImportRefused, carry_on
from contacts.models import OptIn, OptInImport
from providers.models import Business
from tests.contacts.csv_files import HEADER, NOW, STATEMENT, Heard, counts, csv_of, imported, line

pytestmark = pytest.mark.django_db

CONTENT = csv_of(
    *(line(f"+4474000001{n:02d}", "granted") for n in range(7)),
    line("not a number", "granted"),
    *(line(f"+4474000002{n:02d}", "withdrawn") for n in range(5)),
    *(line(f"+4474000003{n:02d}", "granted") for n in range(7)),
    header=f"{HEADER},state",
)
ALL = (14, 5, 0, 0, 1)


class PowerCut(RuntimeError):
    pass


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MOST_ROWS", 3)


def cut(monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    """Let the power fail in the chunk after so many committed ones, when all its rows are written."""
    advance, done = committing.Committer._advance, 0

    def failing(*args: object, **kwargs: object) -> object:
        nonlocal done
        stands = advance(*args, **kwargs)  # type: ignore[arg-type]
        done += 1
        if done > after:
            raise PowerCut
        return stands

    monkeypatch.setattr(committing.Committer, "_advance", failing)


@pytest.mark.parametrize("after", range(7))
def test_an_import_cut_short_anywhere_ends_as_if_it_had_not_been(
    acme: Business, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    with monkeypatch.context() as power:
        cut(power, after=after)
        with pytest.raises(PowerCut):
            imported(CONTENT, acme)
    stopped = OptInImport.objects.get()
    assert stopped.state == OptInImport.State.FAILED
    result, bad = imported(CONTENT, acme)
    assert result.opt_in_import == stopped
    assert counts(result) == ALL
    assert [each.line for each in bad] == [9]
    assert OptInImport.objects.get().state == OptInImport.State.FINISHED
    assert OptIn.objects.count() == 19


def test_another_declaration_or_person_starts_another_import(acme: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as power:
        cut(power, after=2)
        with pytest.raises(PowerCut):
            imported(CONTENT, acme)
    result, _bad = imported(CONTENT, acme, actor="bob")
    assert OptInImport.objects.count() == 2
    assert result.unchanged > 0


@pytest.fixture
def waiting(acme: Business) -> OptInImport:
    """A file that a person confirmed and nobody has begun to import."""
    import hashlib

    return OptInImport.objects.create(
        business=acme,
        file_name="people.csv",
        file_digest=hashlib.sha256(CONTENT).hexdigest(),
        numbers_read_as="e164",
        business_name_shown="Acme",
        statement=STATEMENT,
        imported_by="alice",
        started_at=NOW,
    )


def test_a_waiting_import_is_carried_out_as_it_was_declared(waiting: OptInImport) -> None:
    result = carry_on(opt_in_import=waiting, file=io.BytesIO(CONTENT), now=NOW, listener=Heard())
    assert counts(result) == ALL
    with pytest.raises(ImportRefused, match="finished"):
        carry_on(opt_in_import=OptInImport.objects.get(), file=io.BytesIO(CONTENT), now=NOW)


def test_another_file_is_not_taken_for_the_one_that_was_confirmed(waiting: OptInImport) -> None:
    with pytest.raises(ImportRefused, match="not the file"):
        carry_on(opt_in_import=waiting, file=io.BytesIO(CONTENT + b"\n"), now=NOW)


def test_a_second_process_that_carries_the_same_import_on_gives_way(
    waiting: OptInImport, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = OptInImport.objects.get()
    carry_on(opt_in_import=waiting, file=io.BytesIO(CONTENT), now=NOW)
    OptInImport.objects.update(state=OptInImport.State.RUNNING)
    with pytest.raises(ImportRefused, match="Another process"):
        carry_on(opt_in_import=late, file=io.BytesIO(CONTENT), now=NOW)
    assert OptIn.objects.count() == 19
    assert OptInImport.objects.get().state == OptInImport.State.RUNNING


def test_an_import_that_was_killed_as_it_began_is_carried_on(acme: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(importing, "_run", killed)
        imported(csv_of(line("+447400000100")), acme)
    imported(csv_of(line("+447400000100")), acme)
    assert [row.state for row in OptInImport.objects.all()] == ["FINISHED"]
