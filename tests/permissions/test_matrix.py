"""Every URL and every action x verb x role, from the URL resolver and the admin registry, held against one table."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse

from providers.models import Business
from tests import clients
from tests.clients import ANONYMOUS
from tests.permissions import world
from tests.permissions.table import BOTH, GET, MODELS, PAGES, Page
from tests.permissions.world import EVERY_ROLE
from waadmin import roles

pytestmark = pytest.mark.django_db
VERBS = ("get", "post", "put", "delete", "head")
STOCK = ("changelist", "add", "change", "delete", "history")


def may(role: str, *permissions: str) -> bool:
    """Tell whether a role holds all of these; none of them manages users."""
    known = {each.name: each for each in roles.ROLES}
    return all(
        permission.split(".")[0] in roles.OUR_APPS and role in known and known[role].allows(permission)
        for permission in permissions
    )


def rule_of(name: str) -> Page:
    """Give the row of a page: its own, or that of its model."""
    page = name.removeprefix("admin:")
    if page in PAGES:
        return PAGES[page]
    for begin, model in world.models().items():
        label, kind = model._meta.label, page.removeprefix(f"{begin}_")
        if kind not in STOCK or page != f"{begin}_{kind}":
            continue
        assert label in MODELS, f"{label} has no row in tests/permissions/table.py"
        rule = MODELS[label]
        reads = rule.reads or f"{model._meta.app_label}.view_{model._meta.model_name}"
        of_kind = {
            "changelist": Page((reads,), BOTH),
            "history": Page((reads,), GET),
            "delete": Page(("nobody.deletes",), BOTH),
            "add": Page(
                (f"{model._meta.app_label}.add_{model._meta.model_name}" if rule.adds else "nobody.adds",), BOTH
            ),
            "change": Page((reads,), GET),
        }
        return of_kind[kind]
    raise AssertionError(f"{name} has no row in tests/permissions/table.py")


def asked(client: Client, verb: str, page: str) -> Any:
    with world.taken_back():
        answer = getattr(client, verb)(page)
        if answer.streaming:
            b"".join(answer.streaming_content)
        return answer


def to_login(answer: Any) -> bool:
    return answer.status_code == 302 and answer["Location"].startswith("/login/")


def verdict(answer: Any, *, allowed: bool, verb: str, rule: Page, stock: bool) -> str:
    """Say what is wrong with an answer, or nothing."""
    status = answer.status_code
    if to_login(answer) or status >= 500:
        return f"{status} {answer.get('Location', '')}"
    if verb.upper() in rule.verbs:
        return "" if (status == 403) != allowed and status != 405 else str(status)
    if verb == "head" or stock:
        # Django's own pages read on whatever is no POST; what they may not change is looked at as a whole.
        return "" if allowed or status in (403, 405) else str(status)
    return "" if status in ((405,) if allowed else (403, 405)) else str(status)


def test_every_url_and_model_and_action_has_its_row_and_no_other() -> None:
    urls = world.role_urls()
    for name in urls:
        rule_of(name)

    assert {name.removeprefix("admin:") for name in urls} >= set(PAGES)
    assert {model._meta.label for model in admin.site._registry} == set(MODELS)
    for model, model_admin in admin.site._registry.items():
        assert set(model_admin.actions or ()) == set(MODELS[model._meta.label].actions), model
    unnamed = {pattern.callback.__name__ for name, pattern in world.named_urls().items() if "unnamed" in name}
    assert unnamed <= {"RedirectView", "view", "catch_all_view"}


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_each_role_opens_what_the_table_says_and_leaves_the_rest_as_it_was(role: str, furnished: None) -> None:
    client = clients.browser(role)
    client.raise_request_exception = False
    user = User.objects.get(username=role.split()[0].lower())
    before = world.tables()
    wrong = []
    for name, pattern in world.role_urls().items():
        if name == "admin:logout":
            continue
        rule = rule_of(name)
        page = world.address(name, pattern, user)
        for verb in VERBS:
            allowed = not rule.may or may(role, *rule.may)
            stock = name.rpartition("_")[2] in STOCK or not rule.may
            said = verdict(asked(client, verb, page), allowed=allowed, verb=verb, rule=rule, stock=stock)
            if said:
                wrong.append(f"{verb.upper()} {name} as {role}: {said}, expected {'in' if allowed else 'out'}")

    assert wrong == []
    assert world.tables() == before


def test_somebody_who_is_not_signed_in_is_led_to_the_door_from_everywhere(furnished: None) -> None:
    client, wrong = Client(), []
    before = world.tables()
    somebody = User.objects.get(username="business")
    for name, pattern in world.role_urls().items():
        page = world.address(name, pattern, somebody)
        wrong += [
            f"{verb} {name}" for verb in VERBS if name != "admin:logout" and not to_login(asked(client, verb, page))
        ]

    assert wrong == []
    assert world.tables() == before


@pytest.mark.parametrize("role", [*EVERY_ROLE, ANONYMOUS])
def test_actions_are_offered_to_and_done_for_the_roles_that_may(role: str, furnished: None) -> None:
    client = clients.browser(role)
    before = world.tables()
    wrong = []
    for model, model_admin in admin.site._registry.items():
        rule = MODELS[model._meta.label]
        begin = f"{model._meta.app_label}_{model._meta.model_name}"
        page = reverse(f"admin:{begin}_changelist")
        reads = rule.reads or f"{model._meta.app_label}.view_{model._meta.model_name}"
        if role != ANONYMOUS:
            request = RequestFactory().get(page)
            request.user = User.objects.get(username=role.split()[0].lower())
            offered = set(model_admin.get_actions(request))
            if offered != {action for action, permission in rule.actions.items() if may(role, permission)}:
                wrong.append(f"{begin} offers {offered}")
        row = model._default_manager.first()
        for action, permission in {**rule.actions, "delete_selected": "nobody.deletes"}.items():
            for verb in ("get", "post"):
                if verb == "post" and may(role, reads, permission):
                    continue
                answer = getattr(client, verb)(page, {"action": action, "_selected_action": [row.pk], "index": "0"})
                if not (may(role, reads) or answer.status_code == 403 or to_login(answer)):
                    wrong.append(f"{verb} {begin} {action}: {answer.status_code}")
    assert wrong == []
    assert world.tables() == before


def test_a_page_without_a_row_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(PAGES, "contacts_contact_send")
    with pytest.raises(AssertionError, match="admin:contacts_contact_send has no row"):
        test_every_url_and_model_and_action_has_its_row_and_no_other()


def test_the_digest_of_the_tables_sees_one_changed_letter(acme: Business) -> None:
    before = world.tables()
    Business.objects.update(name="Acne")

    assert {name for name, digest in world.tables().items() if digest != before[name]} == {"providers_business"}
