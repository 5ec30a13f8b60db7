"""Opt-ins worth a look: each kind finds its own, page by page, and the report asks few questions."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.consent.evidence import Evidence
from contacts.models import ConsentText, Contact, ContactCheck
from contacts.proof import worth_a_look as worth
from contacts.proof.worth_a_look import Kind
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import clients, factories
from tests.contacts.command_runs import run
from tests.contacts.erasure.people import erase
from tests.contacts.screens import at, page_of

T = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)


@pytest.fixture
def wording(acme: Business) -> ConsentText:
    return ConsentText.objects.create(
        business=acme,
        name="Checkout",
        version="1",
        language="en",
        text="Yes.",
        business_name_shown="Acme",
        purposes="service,utility,authentication",
        created_at=T,
        created_by="ana",
    )


def opt_in(
    index: int, acme: Business, wording: ConsentText | None, *, late: timedelta = timedelta(), text: str = ""
) -> int:
    recorded = factories.opted_in(
        factories.number(100, index),
        acme,
        given_at=T,
        now=T + late,
        consent_text=wording,
        evidence=Evidence(text=text or f"order {index}"),
    )
    return recorded.opt_in.pk


def found(kind: Kind, **narrowed: object) -> list[int]:
    return [finding.opt_in.pk for finding in worth.find(kind, **narrowed).findings]  # type: ignore[arg-type]


def test_a_complete_opt_in_is_not_worth_a_look(acme: Business, wording: ConsentText) -> None:
    opt_in(1, acme, wording)

    assert [figure.count for figure in worth.figures()] == [0, 0, 0, 0]


def test_without_a_wording_proof_is_incomplete(acme: Business, wording: ConsentText) -> None:
    opt_in(1, acme, wording)
    incomplete = opt_in(2, acme, None)

    assert found(Kind.PROOF_INCOMPLETE) == [incomplete]


def test_recorded_more_than_thirty_days_after_it_was_given(acme: Business, wording: ConsentText) -> None:
    opt_in(1, acme, wording, late=worth.LATE)
    late = opt_in(2, acme, wording, late=worth.LATE + timedelta(seconds=1))

    assert found(Kind.AFTER_THE_FACT) == [late]


@pytest.mark.parametrize(("after", "is_found"), [(timedelta(minutes=59), True), (timedelta(hours=1), False)])
def test_recorded_within_an_hour_before_a_check(
    acme: Business, wording: ConsentText, sandbox: Sandbox, after: timedelta, is_found: bool
) -> None:
    account: ProviderAccount = factories.account(acme, "onprem", base_url=sandbox.url)
    pk = opt_in(1, acme, wording)
    factories.check_run(account, factories.number(100, 1))
    ContactCheck.objects.update(first_asked_at=T + after)

    assert found(Kind.BEFORE_A_CHECK) == ([pk] if is_found else [])


def test_the_same_words_on_many_opt_ins_are_one_finding(acme: Business, wording: ConsentText) -> None:
    first = opt_in(0, acme, wording, text="ticked")
    for index in range(1, worth.MANY - 1):
        opt_in(index, acme, wording, text="ticked")
    assert found(Kind.SAME_EVIDENCE) == []
    worth.cache.clear()

    opt_in(worth.MANY, acme, wording, text="ticked")

    (finding,) = worth.find(Kind.SAME_EVIDENCE).findings
    assert finding.opt_in.pk == first and str(worth.MANY) in finding.why


def test_pages_follow_each_other(acme: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worth, "A_PAGE", 2)
    pks = [opt_in(index, acme, None) for index in range(3)]

    first = worth.find(Kind.PROOF_INCOMPLETE)
    second = worth.find(Kind.PROOF_INCOMPLETE, before=first.cursor)

    assert [one.opt_in.pk for one in first.findings] == pks[:0:-1]
    assert [one.opt_in.pk for one in second.findings] == [pks[0]] and second.cursor is None


def test_checks_are_looked_through_for_a_while_and_further_back_on_the_next_page(
    acme: Business, wording: ConsentText, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worth, "_LOOK_AT", 2)
    monkeypatch.setattr(worth, "LONGEST_LOOK", -1)
    account: ProviderAccount = factories.account(acme, "onprem", base_url=sandbox.url)
    pks = [opt_in(index, acme, wording) for index in range(3)]
    for index in range(3):
        factories.check_run(account, factories.number(100, index))
    ContactCheck.objects.update(first_asked_at=T)

    first = worth.find(Kind.BEFORE_A_CHECK)
    second = worth.find(Kind.BEFORE_A_CHECK, before=first.cursor)

    assert [one.opt_in.pk for page in (first, second) for one in page.findings] == pks[::-1]
    assert second.cursor is None
    assert [figure.words for figure in worth.figures() if figure.kind is Kind.BEFORE_A_CHECK] == ["2 or more"]


def test_counting_stops_at_a_bound(acme: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worth, "MOST_COUNTED", 2)
    for index in range(3):
        opt_in(index, acme, None)

    figure = next(one for one in worth.figures() if one.kind is Kind.PROOF_INCOMPLETE)
    assert (figure.count, figure.words) == (2, "2 or more")


def test_opt_ins_of_erased_people_are_left_out(acme: Business) -> None:
    pk = opt_in(1, acme, None)
    opt_in(2, acme, None)
    erase(Contact.objects.get(e164=factories.number(100, 2)), now=datetime.now(UTC))

    assert found(Kind.PROOF_INCOMPLETE) == [pk]
    assert [figure.count for figure in worth.figures() if figure.kind is Kind.PROOF_INCOMPLETE] == [1]


def test_another_business_is_left_out_where_one_is_named(acme: Business) -> None:
    opt_in(1, acme, None)

    assert found(Kind.PROOF_INCOMPLETE, among=frozenset({Business.objects.create(name="Bolt").pk})) == []


def test_the_page_shows_each_kind_and_asks_few_questions(acme: Business) -> None:
    for index in range(5):
        opt_in(index, acme, None, late=worth.LATE * 2)
    browser = clients.browser(clients.AUDITOR)
    browser.get(at("optin_worth_a_look"))

    with CaptureQueriesContext(connection) as queries:
        said = page_of(browser, "optin_worth_a_look", query="?kind=after-the-fact")

    assert "recorded 60 days after it was given" in said
    assert len(queries) <= 20
    for kind in Kind.values:
        assert browser.get(at("optin_worth_a_look") + f"?kind={kind}&business={acme.pk}").status_code == 200
    assert browser.get(at("optin_worth_a_look") + "?kind=x&business=y&before=z").status_code == 200


@pytest.mark.parametrize("role", [clients.SUPPORT, clients.VIEWER, clients.NOBODY, clients.ANONYMOUS])
def test_who_may_not_see_evidence_does_not_see_the_report(acme: Business, role: str) -> None:
    assert clients.browser(role).get(at("optin_worth_a_look")).status_code == (
        302 if role == clients.ANONYMOUS else 403
    )


def test_it_is_read_only(acme: Business) -> None:
    assert clients.browser(clients.ADMIN).post(at("optin_worth_a_look")).status_code == 405


def test_the_command_prints_what_the_page_shows(acme: Business) -> None:
    pk = opt_in(1, acme, None, late=worth.LATE * 2)

    ended = run("optins_worth_a_look")
    assert [(row["kind"], row["opt_in"]) for row in ended.rows] == [("after-the-fact", pk), ("proof-incomplete", pk)]
    assert "number" not in ended.rows[0] and factories.number(100, 1)[1:] not in str(ended.rows)
    assert run("optins_worth_a_look", "--kind", "same-evidence", "--business", "Acme").rows == []
    assert len(run("optins_worth_a_look", "--limit", "0").rows) == 0
