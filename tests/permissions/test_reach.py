"""Whoever is assigned to one business finds nothing of another one: on no page, in no list, choice, answer or file."""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import ForeignKey, Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit import reach
from audit.export import datasets, jobs, parts, running
from audit.export.making import Format
from audit.models import AuditEvent, Export
from contacts.models import Consent, Contact, Erasure, OptIn, TrustCase
from providers.models import Business, ProviderAccount
from sandbox import Sandbox
from tests import clients, factories
from tests.clients import ADMIN, AUDITOR, SUPPORT, VIEWER
from tests.permissions import second_world, world
from tests.permissions.second_world import MARKS, OPTED_OUT, PERSON, SHARED, World
from waadmin import accounts
from waadmin.models import StaffAccess

pytestmark = pytest.mark.django_db
PEOPLE = reverse("admin:contacts_contact_changelist")
LATER = datetime(2030, 1, 1, tzinfo=UTC)
#: Nobody listens there, and nothing is sent.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def second(acme: Business) -> World:
    """A second business beside Acme, which has its part in the shared person and little else."""
    now = datetime.now(UTC)
    factories.opted_in(SHARED, acme)
    Erasure.objects.create(kind="ERASED", key="0" * 64, reason="ASKED", at=now, by="ana", finished_at=now)
    return second_world.furnish(acme, base_url=NOWHERE)


@pytest.fixture
def full(furnished: None, sandbox: Sandbox) -> World:
    """A second business beside Acme, which has a row of everything."""
    return second_world.furnish(Business.objects.get(name="Acme"), base_url=sandbox.url)


def user_of(role: str) -> User:
    return User.objects.get(username=role.split()[0].lower())


def restricted(role: str, *businesses: Business) -> Client:
    """A browser of somebody who reaches these businesses only; Acme unless it is said."""
    client = clients.browser(role)
    chosen = businesses or tuple(Business.objects.filter(name="Acme"))
    now = datetime.now(UTC)
    accounts.assign(user=user_of(role), every_business=False, businesses=chosen, actor="root", now=now)
    return client


def marks_in(text: str) -> set[str]:
    """Give the marks of the second business that a text bears, in any writing."""
    plain = text.replace("\N{NO-BREAK SPACE}", "").replace(" ", "").lower()
    return {mark for mark in MARKS if mark in plain}


def further_pages() -> Iterator[str]:
    """Give pages that a crawl over one row of each kind does not open: the shared person's, and lists narrowed."""
    shared = Contact.objects.get(e164=SHARED)
    for name in ("change", "history", "send", "evidence_pack", "evidence_pack_file", "complaint", "reveal"):
        yield reverse(f"admin:contacts_contact_{name}", args=[shared.pk])
    yield reverse("admin:contacts_optin_withdraw") + f"?person={shared.pk}"
    for model in ("trustcase", "suggestion"):
        yield reverse(f"admin:contacts_{model}_changelist") + "?state=all"
    for kind in ("same-evidence", "after-the-fact", "before-a-check", "proof-incomplete"):
        yield reverse("admin:contacts_optin_worth_a_look") + f"?kind={kind}"
    for account in ProviderAccount.objects.all():
        yield reverse("admin:providers_provideraccount_change", args=[account.pk])


def opened(client: Client, role: str) -> Iterator[tuple[str, str]]:
    """Give every page that somebody can open with what it says."""
    yield from world.crawl(client, role)
    for page in further_pages():
        answer = client.get(page)
        yield (
            page,
            (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode("utf-8", "replace"),
        )


def urls_of(row: Model) -> Iterator[tuple[str, str, str]]:
    """Give every address of a row: its name, the address, and that of a row which is not there."""
    for name, pattern in world.role_urls().items():
        arguments = list(pattern.pattern.converters or pattern.pattern.regex.groupindex)
        if world.model_of(name) is not type(row) or arguments not in (["pk"], ["object_id"]):
            continue
        if name not in ("admin:audit_auditevent_head", "admin:view_on_site"):
            yield name, reverse(name, args=[row.pk]), reverse(name, args=[999_999_999])


def test_every_model_of_the_console_says_whose_its_rows_are() -> None:
    assert [model._meta.label for model in admin.site._registry if not reach.has_rule(model)] == []


def test_a_model_of_which_nobody_said_it_is_withheld(acme: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(reach._rules, Consent)
    factories.opted_in(factories.number(100), acme)
    restricted(ADMIN, acme)

    user = user_of(ADMIN)
    assert reach.is_withheld(Consent, user) and not reach.within(Consent.objects.all(), user).exists()


def test_no_page_bears_a_mark_of_another_business(full: World) -> None:
    """Crawled by each role as somebody of Acme's; and by somebody who reaches everything, or no mark would be seen."""
    wrong = []
    for role in (SUPPORT, ADMIN, AUDITOR, VIEWER):
        pages = list(opened(restricted(role), role))
        assert len(pages) > 100
        wrong += [(role, page, found) for page, text in pages if (found := marks_in(text))]
    seen = [page for page, text in opened(clients.browser(ADMIN), ADMIN) if marks_in(text)]

    assert wrong == []
    assert len(seen) > 40


@pytest.mark.parametrize("role", [SUPPORT, ADMIN, AUDITOR])
@pytest.mark.parametrize("verb", ["get", "post"])
def test_another_business_s_row_is_as_little_there_as_one_that_never_was(role: str, verb: str, second: World) -> None:
    client = restricted(role)
    client.raise_request_exception = False
    before, wrong, asked = world.tables(), [], 0
    for row in second.rows:
        for name, there, nowhere in urls_of(row):
            with world.taken_back():
                answer, expected = getattr(client, verb)(there), getattr(client, verb)(nowhere)
            asked += 1
            leads = answer.get("Location", "") in ("", "/") or answer.status_code == 403
            if answer.status_code != expected.status_code or answer.status_code == 200 or not leads:
                wrong.append((name, verb, answer.status_code, expected.status_code))
    assert wrong == []
    assert asked > 100 and world.tables() == before


def test_with_every_business_in_reach_these_rows_are_there(second: World) -> None:
    client = clients.browser(ADMIN)
    found = [name for row in second.rows for name, there, _no in urls_of(row) if client.get(there).status_code == 200]

    assert len(found) > 60, "or the test above would prove nothing"


def test_the_list_of_people_shows_the_shared_person_with_what_is_in_reach(second: World) -> None:
    client, shared = restricted(ADMIN), Contact.objects.get(e164=SHARED)
    text = client.get(PEOPLE, {"q": SHARED}).content.decode()

    assert reverse("admin:contacts_contact_change", args=[shared.pk]) in text
    assert text.count("Acme") > 0 and not marks_in(text)


def test_filters_do_not_ask_about_consent_with_another_business(second: World) -> None:
    client, other = restricted(SUPPORT), second.business.pk
    everybody = client.get(PEOPLE).context["cl"].result_count
    factories.withdrawn(SHARED, second.business, now=datetime.now(UTC))

    assert client.get(PEOPLE, {"business": other}).context["cl"].result_count == everybody
    out = client.get(PEOPLE, {"consent": "WITHDRAWN"}).context["cl"].result_list
    assert SHARED not in [contact.e164 for contact in out]
    for asked in ("consents__business", "consents__business__name", "optin__business", "messages__business"):
        answer = client.get(PEOPLE, {asked: other})
        assert answer.status_code == 400 or answer["Location"].endswith("e=1"), asked


@pytest.mark.parametrize("role", [SUPPORT, ADMIN])
def test_a_person_out_of_reach_is_found_as_little_as_nobody(role: str, second: World) -> None:
    client = restricted(role)

    def searched(number: str) -> str:
        text = client.get(PEOPLE, {"q": number}).content.decode()
        return re.sub(r'name="csrf[^>]*>', "", text).replace(number, "").replace(number.replace("+", "%2B"), "")

    assert searched(PERSON) == searched("+4915799887744")
    asked = (PERSON, OPTED_OUT, second_world.OURS, second_world.WABA, f"wamid.{second_world.MARK}.7766")
    answers = [client.post(reverse("admin:contacts_contact_find"), {"q": one}) for one in asked]
    hits = [answer.context["found"].hits for answer in answers]
    assert hits == [()] * 5


@pytest.mark.filterwarnings("ignore::django.core.paginator.UnorderedObjectListWarning")
@pytest.mark.parametrize("role", [SUPPORT, ADMIN, AUDITOR])
def test_autocomplete_gives_nothing_of_another_business(role: str, second: World) -> None:
    client, asked = restricted(role), 0
    for model in admin.site._registry:
        for field in (one for one in model._meta.get_fields() if isinstance(one, ForeignKey)):
            query = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field.name}
            for term in ("", second_world.MARK, PERSON, "z"):
                answer = client.get(reverse("admin:autocomplete"), {**query, "term": term})
                asked += answer.status_code == 200
                assert not marks_in(answer.content.decode()), query
    assert asked > 20


def posts(second: World) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every form that takes a business, an account or a wording, filled in with those of the second business."""
    own, node = second.business, ProviderAccount.objects.get(name=f"{second_world.MARK.lower()}-node")
    wording = OptIn.objects.filter(business=own, consent_text__isnull=False).values_list("consent_text", flat=True)[0]
    acme = Business.objects.get(name="Acme")
    agreed = {"number": factories.number(900), "business_name_shown": "X", "source": "form", "evidence": "order",
              "given_at": "2026-05-03T08:00", "time_zone": "UTC"}  # fmt: skip
    yield reverse("admin:contacts_optin_add"), {**agreed, "business": own.pk}
    yield reverse("admin:contacts_optin_add"), {**agreed, "business": acme.pk, "consent_text": wording}
    out = {"number": PERSON, "business": own.pk, "source": "call", "reason": "asked"}
    yield reverse("admin:contacts_optin_withdraw"), out
    shared = Contact.objects.get(e164=SHARED)
    yield reverse("admin:contacts_optin_withdraw") + f"?person={shared.pk}", out
    complaint = {"businesses": [own.pk], "source": "mail", "reason": "never again"}
    yield reverse("admin:contacts_contact_complaint", args=[shared.pk]), complaint
    run = {"account": node.pk, "numbers": SHARED, "reading": "e164", "purpose": "service"}
    yield reverse("admin:contacts_checkbatch_add"), run
    yield reverse("admin:contacts_checkbatch_confirm"), run
    file = io.BytesIO(b"phone,given_at,source,evidence\n")
    file.name = "a.csv"
    yield reverse("admin:contacts_optinimport_add"), {"file": file, "business": own.pk, "reading": "e164"}
    text = {"name": "A", "version": "9", "language": "en", "text": "Yes.", "business_name_shown": "A"}
    yield reverse("admin:contacts_consenttext_add"), {**text, "business": own.pk, "purposes": ["service"]}
    waba = {"waba_id": "123", "business": own.pk, "account": second.shared_account.pk}
    yield reverse("admin:numbers_businessaccount_add"), waba
    yield reverse("admin:numbers_businessaccount_add"), {**waba, "business": acme.pk, "account": node.pk}
    account = {"name": "mine", "base_url": "https://example.com", "recipient_legal_name": "X", "credential_token": "t",
               "recipient_country": "DE"}  # fmt: skip
    yield reverse("admin:providers_provideraccount_add") + "?kind=onprem", {**account, "business": own.pk}
    yield reverse("admin:providers_provideraccount_add") + "?kind=cloud_api", account
    yield reverse("admin:providers_business_add"), {"name": "New", "opt_in_covers": ["service"]}
    send = {"from": f"n{second.rows[3].pk}", "text": "hello", "purpose": "service", "press": "9" * 32}
    yield reverse("admin:contacts_contact_verify", args=[shared.pk]), send
    yield reverse("admin:audit_export_add"), {"until": "2029-01-01", "format": "csv", "datasets": ["opt_ins"]}
    narrowed = {"until": "2029-01-01", "format": "csv", "datasets": ["opt_ins"], "business": own.pk}
    yield reverse("admin:audit_export_add"), narrowed
    ledger = {"until": "2029-01-01", "format": "csv", "datasets": ["ledger"], "business": acme.pk}
    yield reverse("admin:audit_export_add"), ledger


def test_forms_take_nothing_of_another_business(second: World) -> None:
    client = restricted(ADMIN)
    before = world.tables()

    for page, fields in posts(second):
        answer = client.post(page, fields)
        assert answer.status_code in (200, 302, 403) and world.tables() == before, page


def test_actions_do_nothing_to_rows_of_another_business(second: World) -> None:
    client, done = restricted(ADMIN), 0
    before = world.tables()
    for row in second.rows:
        pages = admin.site._registry.get(type(row))
        for action in (pages.actions or ()) if pages else ():
            begin = f"{row._meta.app_label}_{row._meta.model_name}"
            answer = client.post(
                reverse(f"admin:{begin}_changelist"), {"action": action, "_selected_action": [row.pk], "index": "0"}
            )
            done += 1
            assert not marks_in(answer.content.decode())
    assert done >= 4 and world.tables() == before


def test_what_concerns_every_business_is_refused_in_words(second: World) -> None:
    client = restricted(ADMIN)
    shared, erasure = Contact.objects.get(e164=SHARED), Erasure.objects.first()
    assert erasure is not None
    for verb, page in (
        ("get", reverse("admin:audit_auditevent_verify")),
        ("post", reverse("admin:audit_auditevent_sign")),
        ("get", reverse("admin:contacts_contact_erase", args=[shared.pk])),
        ("get", reverse("admin:contacts_erasure_changelist")),
        ("get", reverse("admin:contacts_erasure_change", args=[erasure.pk])),
        ("get", reverse("admin:webhooks_webhookrequest_settings")),
        ("post", reverse("admin:webhooks_webhookrequest_test")),
        ("post", reverse("admin:providers_provideraccount_test", args=[second.shared_account.pk])),
        ("get", reverse("admin:providers_provideraccount_credentials", args=[second.shared_account.pk])),
    ):
        answer = getattr(client, verb)(page)
        assert answer.status_code == 403 and "concerns every business" in answer.content.decode(), page
        assert "concerns every business" not in clients.browser(clients.NOBODY).get(page).content.decode()
    assert (
        "Erase or restrict"
        not in client.get(reverse("admin:contacts_contact_change", args=[shared.pk])).content.decode()
    )


def test_whoever_is_restricted_widens_nobody_s_reach(second: World) -> None:
    client = restricted(ADMIN)
    Group.objects.get(name=ADMIN).permissions.add(*_permissions_of_users())
    clients.browser(SUPPORT)
    somebody, before = user_of(SUPPORT), world.tables()

    for page in (
        reverse("admin:auth_user_changelist"),
        reverse("admin:auth_user_add"),
        reverse("admin:auth_group_add"),
        reverse("admin:auth_user_change", args=[somebody.pk]),
        reverse("admin:auth_user_password_change", args=[somebody.pk]),
        reverse("admin:auth_user_reset_second_factor", args=[somebody.pk]),
    ):
        assert client.get(page).status_code in (302, 403, 404), page
        assert client.post(page, {"reach": "every", "username": "eve"}).status_code in (302, 403, 404), page
    assert world.tables() == before


def _permissions_of_users() -> Any:
    from django.contrib.auth.models import Permission

    return Permission.objects.filter(content_type__app_label="auth")


def export(user: User, business: Business | None, *names: str) -> Export:
    return jobs.request(
        user=user,
        file_format=Format.CSV,
        names=list(names) or [one.name for one in datasets.in_reach(reach.businesses(user))],
        since=None,
        until=LATER,
        filters={"business": business.pk} if business else {},
        now=datetime.now(UTC),
    )


def files_of(made: Export) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(b"".join(parts.read(made)))) as packed:
        return {name: packed.read(name).decode("utf-8", "replace") for name in packed.namelist()}


def test_an_export_is_of_one_business_in_reach_and_bears_no_mark_of_another(second: World) -> None:
    restricted(ADMIN)
    user = user_of(ADMIN)
    made = export(user, Business.objects.get(name="Acme"))
    running.run(export_id=made.pk)
    made.refresh_from_db()

    assert made.state == Export.State.READY, made.problem
    files = files_of(made)
    assert {name: found for name, text in files.items() if (found := marks_in(text))} == {}
    assert not any(name.endswith(("ledger.jsonl", "head.json", "verify.py")) for name in files)
    assert len(files) > 10 and "pseudonym" in next(text for name, text in files.items() if "opt_ins" in name)


@pytest.mark.parametrize("names", [(), ("ledger",)])
def test_an_export_of_another_business_or_of_all_is_refused(names: tuple[str, ...], second: World) -> None:
    restricted(ADMIN)
    user, acme = user_of(ADMIN), Business.objects.get(name="Acme")

    for business in (acme,) if names else (None, second.business):
        with pytest.raises(jobs.ExportRefused):
            export(user, business, *names)


def test_reach_is_asked_again_when_an_export_is_made_and_when_it_is_downloaded(second: World) -> None:
    client, acme = restricted(ADMIN), Business.objects.get(name="Acme")
    whole, narrow = export(user_of_every_business(), acme, "opt_ins"), export(user_of(ADMIN), acme, "opt_ins")
    running.run(export_id=narrow.pk)
    narrow.refresh_from_db()
    page = reverse("admin:audit_export_download", args=[narrow.pk])
    assert client.get(page).status_code == 200

    now = datetime.now(UTC)
    accounts.assign(user=user_of(ADMIN), every_business=False, businesses=[second.business], actor="root", now=now)
    assert client.get(page).status_code == 302
    accounts.assign(user=user_of(AUDITOR), every_business=False, businesses=[acme], actor="root", now=now)
    running.run(export_id=whole.pk)
    whole.refresh_from_db()
    assert whole.state == Export.State.FAILED, "it was asked for with the ledger of every business"


def user_of_every_business() -> User:
    clients.browser(AUDITOR)
    return user_of(AUDITOR)


def test_who_is_support_staff_and_has_no_business_is_told_so_and_sees_nobody(second: World) -> None:
    client = clients.browser(SUPPORT)
    StaffAccess.objects.all().delete()

    home = client.get(reverse("admin:index")).content.decode()

    assert "You are not assigned to a business yet" in home and not marks_in(home)
    assert "not assigned" not in Client().get(reverse("admin:login")).content.decode()
    assert client.get(PEOPLE).context["cl"].result_count == 0
    number = Contact.objects.get(e164=SHARED)
    assert client.get(reverse("admin:contacts_contact_change", args=[number.pk])).status_code == 404


def test_other_roles_reach_every_business_until_some_are_named(second: World) -> None:
    for role in (ADMIN, AUDITOR, VIEWER):
        clients.browser(role)
        StaffAccess.objects.filter(user=user_of(role)).delete()
        assert accounts.businesses_reached(user_of(role)) is None
    root = User.objects.create_superuser("root")
    root.groups.add(Group.objects.get(name=SUPPORT))
    accounts.assign(user=root, every_business=False, businesses=(), actor="root", now=datetime.now(UTC))
    assert accounts.businesses_reached(root) is None


def test_an_assignment_counts_from_the_next_request_on(second: World) -> None:
    client = restricted(SUPPORT)
    page = reverse("admin:contacts_contact_change", args=[Contact.objects.get(e164=PERSON).pk])
    both, now = Business.objects.all(), datetime.now(UTC)

    assert client.get(page).status_code == 404
    accounts.assign(user=user_of(SUPPORT), every_business=False, businesses=both, actor="root", now=now)
    assert client.get(page).status_code == 200
    accounts.assign(user=user_of(SUPPORT), every_business=None, businesses=(), actor="root", now=now)
    assert client.get(page).status_code == 404


def test_an_account_that_serves_two_businesses_is_seen_by_both_and_changed_by_who_reaches_both(second: World) -> None:
    client, account = restricted(ADMIN), second.shared_account
    page = reverse("admin:providers_provideraccount_change", args=[account.pk])

    assert "serves other businesses too" in client.get(page).content.decode()
    assert client.post(page, {"name": "taken-over"}).status_code == 403
    assert clients.browser(ADMIN).post(page, {"name": "taken-over"}).status_code == 200


def test_a_case_of_the_shared_person_names_no_proof_of_another_business(second: World) -> None:
    client, acme = restricted(SUPPORT), Business.objects.get(name="Acme")
    contact = Contact.objects.get(e164=SHARED)
    node = factories.account(acme, "onprem", base_url=NOWHERE)
    case = TrustCase.objects.create(
        contact=contact, business=acme, account=node, reason="REQUESTED", opened_at=datetime.now(UTC)
    )

    text = client.get(reverse("admin:contacts_trustcase_change", args=[case.pk])).content.decode()
    assert "ticked the box on the order form" in text or "web form" in text
    assert not marks_in(text)


def test_a_number_that_was_typed_and_refused_brings_nobody_into_reach(second: World) -> None:
    client, acme = restricted(ADMIN), Business.objects.get(name="Acme")
    node = factories.account(acme, "onprem", base_url=NOWHERE)
    person = Contact.objects.get(e164=PERSON)
    Consent.objects.create(contact=person, business=acme, status="WITHDRAWN", updated_at=datetime.now(UTC))

    run = factories.check_run(node, PERSON)

    assert factories.results(run) == {PERSON: "REFUSED"}
    theirs = reverse("admin:contacts_contact_change", args=[person.pk])
    assert client.get(theirs).status_code == 404
    check = reverse("admin:contacts_contactcheck_change", args=[run.checks.get().pk])
    assert theirs not in client.get(check).content.decode()
    assert theirs in clients.browser(ADMIN).get(check).content.decode()


def test_a_list_of_people_takes_as_many_queries_for_one_as_for_all(second: World) -> None:
    client = restricted(ADMIN)

    def queries(**query: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(PEOPLE, query).status_code == 200
        return len(asked)

    assert queries() <= queries(q=SHARED) + 2


def test_events_without_a_business_are_not_shown(second: World) -> None:
    client = restricted(AUDITOR)
    listed = client.get(reverse("admin:audit_auditevent_changelist")).context["cl"].result_list
    acme = Business.objects.get(name="Acme")

    assert AuditEvent.objects.filter(business_id=None).exists()
    assert {event.business_id for event in listed} == {acme.pk}
