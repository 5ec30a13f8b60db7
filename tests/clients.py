"""Browsers of people by role, for the tests of pages."""

from django.contrib.auth.models import Group, User
from django.test import Client

from waadmin.models import StaffAccess

ADMIN, SUPPORT, AUDITOR, VIEWER = "Business admins", "Support staff", "Auditors", "Viewers"
#: A member of staff to whom nobody gave a role, and somebody who has not signed in.
NOBODY, ANONYMOUS = "no role", "anonymous"
EVERYBODY = (ADMIN, SUPPORT, AUDITOR, VIEWER, NOBODY, ANONYMOUS)


def browser(role: str) -> Client:
    """A browser in which a person of this role is signed in."""
    client = Client()
    if role == ANONYMOUS:
        return client
    user, _created = User.objects.get_or_create(username=role.split()[0].lower(), defaults={"is_staff": True})
    if role != NOBODY:
        user.groups.set([Group.objects.get(name=role)])
    # What somebody reaches has tests of its own (tests/permissions/test_reach.py).
    StaffAccess.objects.update_or_create(user=user, defaults={"reaches_every_business": True})
    client.force_login(user)
    return client
