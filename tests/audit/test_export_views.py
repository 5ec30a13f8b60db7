"""The pages of exports: everybody sees their own only, and the file goes to nobody else, asked anew each time."""

import io
import uuid
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from audit.export import datasets, jobs, tasks
from audit.models import AuditEvent, Export
from providers.models import Business
from tests import clients, factories
from tests.audit import exporting

pytestmark = pytest.mark.django_db

LIST, ADD = "/audit/export/", "/audit/export/add/"
FORM = {"since": "2026-01-01", "until": "2026-12-31", "format": "csv", "datasets": ["opt_ins", "checks"]}


def at(name: str, export: Export | uuid.UUID) -> str:
    return reverse(f"admin:audit_export_{name}", args=[export.pk if isinstance(export, Export) else export])


def user(role: str) -> User:
    return User.objects.get(username=role.split()[0].lower())


@pytest.fixture
def auditor(acme: Business) -> Client:
    return clients.browser(clients.AUDITOR)


@pytest.fixture
def ready(auditor: Client, acme: Business) -> Iterator[Export]:
    """An export of the auditor that is ready."""
    exporting.opted_in(factories.number(100), acme)
    export = exporting.requested(user(clients.AUDITOR), "opt_ins")
    tasks.run(export.pk)
    export.refresh_from_db()
    yield export


def content_of(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def downloads() -> int:
    return AuditEvent.objects.filter(action="export.downloaded").count()


def test_who_may_open_which_page(ready: Export) -> None:
    own = [at("change", ready), at("live", ready), at("download", ready)]
    for role, status in ((clients.ADMIN, 200), (clients.SUPPORT, 403), (clients.NOBODY, 403), (clients.ANONYMOUS, 302)):
        browser = clients.browser(role)
        assert [browser.get(page).status_code for page in (LIST, ADD)] == [status, status]
        # Whoever may export sees as little of another's as of none.
        assert {browser.get(page).status_code for page in own} == {404 if status == 200 else status}
    auditor = clients.browser(clients.AUDITOR)
    assert [auditor.get(page).status_code for page in (LIST, ADD, *own)] == [200] * 5


def test_wrong_methods_are_refused(ready: Export, auditor: Client) -> None:
    for name in ("change", "live", "download"):
        assert auditor.post(at(name, ready)).status_code == 405
    assert auditor.head(at("download", ready)).status_code == 405
    assert auditor.put(ADD).status_code == 405
    assert downloads() == 0


def test_nothing_is_changed_or_deleted_by_hand(ready: Export, admin_user: User) -> None:
    browser = Client()
    browser.force_login(admin_user)
    Export.objects.update(user_id=admin_user.pk)

    assert browser.post(f"{LIST}{ready.pk}/delete/", {"post": "yes"}).status_code == 403
    assert b"delete_selected" not in browser.get(LIST).content
    assert Export.objects.count() == 1


def test_an_export_is_asked_for(auditor: Client, acme: Business) -> None:
    answer = auditor.post(ADD, FORM | {"business": acme.pk, "state": "READY", "user_id": "1", "id": str(uuid.uuid4())})
    export = Export.objects.get()

    assert answer["Location"] == at("change", export)
    assert (export.state, export.user_id) == ("WAITING", user(clients.AUDITOR).pk)
    assert export.datasets == ["opt_ins", "checks"]
    assert export.since == datetime(2026, 1, 1, tzinfo=UTC)
    assert export.until == datetime(2027, 1, 1, tzinfo=UTC)  # the last day counts in full
    assert export.filters == {"business": [acme.pk, "Acme"]}
    page = auditor.get(at("change", export)).content.decode()
    assert "Acme" in page and 'data-follow="1"' in page


def test_everything_is_offered_and_chosen_at_first(auditor: Client, acme: Business) -> None:
    form = auditor.get(ADD).context["form"]

    assert form["datasets"].value() == [dataset.name for dataset in datasets.all_datasets()]
    assert ("", "All") in form.fields["business"].choices and (acme.pk, "Acme") in form.fields["business"].choices


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"datasets": []}, "datasets"),
        ({"datasets": ["opt_ins", "auth_user"]}, "datasets"),
        ({"format": "exe"}, "format"),
        ({"until": "2025-12-31"}, "until"),
        ({"until": "9999-12-31"}, "until"),
        ({"until": ""}, "until"),
        ({"since": "soon"}, "since"),
        ({"business": "999"}, "business"),
        ({"account": "x"}, "account"),
    ],
)
def test_a_mistake_is_told_at_its_field(fields: dict[str, Any], field: str, auditor: Client) -> None:
    answer = auditor.post(ADD, FORM | fields)

    assert answer.status_code == 200
    assert field in answer.context["form"].errors
    assert not Export.objects.exists()


def test_the_file_is_a_zip_of_plain_files(ready: Export, auditor: Client) -> None:
    answer = auditor.get(at("download", ready))
    content = content_of(answer)

    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Length"] == str(len(content))
    assert answer["Content-Disposition"].startswith('attachment; filename="waadmin-export-')
    assert "no-store" in answer["Cache-Control"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
    assert {"opt_ins.csv", "ledger.jsonl", "manifest.json", "head.json", "verify.py", "README.txt"} == names
    assert downloads() == 1


def test_each_download_asks_for_the_permission_anew(ready: Export, auditor: Client) -> None:
    content_of(auditor.get(at("download", ready)))
    user(clients.AUDITOR).groups.clear()

    assert auditor.get(at("download", ready)).status_code == 403
    assert downloads() == 1


def test_whoever_may_see_less_than_then_gets_it_no_more(ready: Export, auditor: Client) -> None:
    Export.objects.update(permissions=["contacts.view_restricted_contact"])
    auditors = Group.objects.get(name="Auditors")
    auditors.permissions.remove(*auditors.permissions.filter(codename="view_restricted_contact"))

    assert auditor.get(at("download", ready)).status_code == 302
    assert downloads() == 0


def test_a_guessed_name_finds_nothing(ready: Export, auditor: Client) -> None:
    for guess in (uuid.uuid4(), uuid.UUID(int=ready.pk.int ^ 1), uuid.UUID(int=0)):
        assert auditor.get(at("download", guess)).status_code == 404
        assert auditor.get(at("change", guess)).status_code == 404
    for guess in ("1", "../1", "%2e%2e", str(ready.pk)[:-1], f"{ready.pk}.zip"):
        assert auditor.get(f"{LIST}{guess}/download/").status_code in (301, 302, 404)
        assert auditor.get(f"{LIST}{guess}/change/").status_code in (301, 302, 404)
    assert downloads() == 0


def test_another_person_with_the_same_name_gets_nothing(ready: Export) -> None:
    User.objects.filter(username="auditors").update(username="former")
    browser = clients.browser(clients.AUDITOR)

    assert browser.get(at("download", ready)).status_code == 404


def test_another_persons_export_is_in_no_list(ready: Export) -> None:
    assert str(ready.pk) in clients.browser(clients.AUDITOR).get(LIST).content.decode()
    assert str(ready.pk) not in clients.browser(clients.ADMIN).get(LIST).content.decode()


def test_what_is_not_ready_or_was_removed_cannot_be_downloaded(ready: Export, auditor: Client) -> None:
    for state in ("WAITING", "RUNNING", "FAILED", "REMOVED"):
        Export.objects.update(state=state)
        assert auditor.get(at("download", ready)).status_code == 302
        assert b"download/" not in auditor.get(at("change", ready)).content
    Export.objects.update(state="READY", kept_until=datetime.now(UTC) - timedelta(seconds=1))
    assert auditor.get(at("download", ready)).status_code == 302
    assert downloads() == 0


def test_the_page_says_why_it_failed(ready: Export, auditor: Client) -> None:
    Export.objects.update(state="FAILED", problem="The disk of the worker is full.")

    assert "The disk of the worker is full." in auditor.get(at("change", ready)).content.decode()


def test_live_figures(ready: Export, auditor: Client) -> None:
    live = auditor.get(at("live", ready)).json()

    assert live == {"rows": 1, "state": "READY", "state_words": "Ready", "follow": False}


def test_asking_and_downloading_need_a_fresh_sign_in(
    ready: Export, auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.shortcuts import redirect

    monkeypatch.setattr("audit.pages._ask_again", [lambda request: redirect("/prove/")])
    assert auditor.get(ADD)["Location"] == "/prove/"
    assert auditor.post(ADD, FORM)["Location"] == "/prove/"
    assert auditor.get(at("download", ready))["Location"] == "/prove/"
    assert auditor.get(at("change", ready)).status_code == 200
    assert (Export.objects.count(), downloads()) == (1, 0)
    # Whoever may not export at all is not asked.
    assert clients.browser(clients.SUPPORT).get(ADD).status_code == 403


def test_a_journey_asks_too_whose_export_it_is(ready: Export) -> None:
    other = User.objects.create(username="eve", is_superuser=True)

    with pytest.raises(jobs.ExportRefused):
        jobs.download(export=ready, user=other, now=datetime.now(UTC))
