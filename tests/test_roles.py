"""The four roles: made after migrate, set back after tampering, and no role beyond what it may."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User

from waadmin import roles

pytestmark = pytest.mark.django_db


def make_again() -> None:
    roles.make_roles(app_config=list(apps.get_app_configs())[-1], using="default", apps=apps)


def member(role: str) -> User:
    user = User.objects.create(username=role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


def test_migrate_makes_four_groups() -> None:
    made = set(Group.objects.values_list("name", flat=True))
    assert made == {"Business admins", "Support staff", "Auditors", "Viewers"}


def test_business_admins_hold_every_permission_of_our_apps_and_none_over_users() -> None:
    held = member("Business admins").get_group_permissions()

    ours = Permission.objects.filter(content_type__app_label__in=roles.OUR_APPS)
    assert held == {f"{each.content_type.app_label}.{each.codename}" for each in ours.select_related("content_type")}
    assert not any(name.startswith("auth.") for name in held)


def test_support_staff_settle_and_decide_and_send_nothing_of_their_own() -> None:
    held = member("Support staff").get_group_permissions()

    assert held == set(roles.ROLES[1].may)
    changes = {name for name in held if ".view_" not in name}
    assert {name for name in changes if not name.startswith("numbers.")} == {
        "contacts.withdraw_optin",
        "contacts.settle_trustcase",
        "contacts.decide_suggestion",
        "contacts.reveal_number",
    }
    assert "contacts.send_message" not in held
    assert {"numbers.verify_businessnumber", "numbers.register_businessnumber"} <= changes
    assert "numbers.reveal_pin_businessnumber" not in held
    assert "audit.view_auditevent" not in held


def test_auditors_view_everything_and_change_nothing_but_withdrawals() -> None:
    held = member("Auditors").get_group_permissions()

    assert {"audit.view_auditevent", "contacts.view_optinevidence", "webhooks.view_webhookrequest"} <= held
    assert {name for name in held if ".view_" not in name} == {
        "contacts.withdraw_optin",
        "audit.export_audit",
        "audit.sign_head",
    }


def test_viewers_look_up_and_change_nothing_but_withdrawals() -> None:
    held = member("Viewers").get_group_permissions()

    assert {name for name in held if ".view_" not in name} == {"contacts.withdraw_optin"}
    assert not held & {"contacts.view_message", "contacts.view_optinevidence", "audit.view_auditevent"}


@pytest.mark.parametrize("role", [role.name for role in roles.ROLES])
def test_every_role_may_record_a_withdrawal(role: str) -> None:
    assert member(role).has_perm("contacts.withdraw_optin")


def test_a_changed_role_is_set_back_and_other_groups_stay() -> None:
    Group.objects.get(name="Auditors").permissions.add(Permission.objects.get(codename="add_business"))
    Group.objects.get(name="Support staff").permissions.clear()
    own = Group.objects.create(name="Night shift")
    own.permissions.add(Permission.objects.get(codename="add_business"))

    make_again()

    assert not member("Auditors").has_perm("providers.add_business")
    assert member("Support staff").has_perm("contacts.view_contact")
    assert own.permissions.count() == 1


def test_roles_name_only_permissions_that_exist() -> None:
    known = {
        f"{each.content_type.app_label}.{each.codename}" for each in Permission.objects.select_related("content_type")
    }
    assert {name for role in roles.ROLES for name in role.may} <= known
