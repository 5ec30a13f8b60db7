"""The four roles as Django groups, made anew after each migrate so that docs/permissions.md stays true.

A role of your own belongs in a group of its own: these four are always set back to what stands here.
"""

from dataclasses import dataclass
from typing import Any

from django.apps import AppConfig, apps
from django.apps.registry import Apps
from django.contrib.auth.management import create_permissions

#: The apps whose permissions roles are made of. Users and groups stay with superusers: whoever may change a user
#: could make it a superuser.
OUR_APPS = ("audit", "contacts", "numbers", "providers", "waadmin", "webhooks")


@dataclass(frozen=True, slots=True)
class Role:
    """What the members of a group may do: everything, viewing everything, or what is listed; always what is listed."""

    name: str
    changes_everything: bool = False
    views_everything: bool = False
    may: tuple[str, ...] = ()
    #: Whether its people reach every business while nobody has said otherwise of them.
    reaches_every_business: bool = True

    def allows(self, permission: str) -> bool:
        """Tell whether the role holds `permission`, written as app.codename."""
        codename = permission.partition(".")[2]
        return (
            self.changes_everything
            or (self.views_everything and codename.startswith("view_"))
            or permission in self.may
        )


#: What whoever works with people and numbers may look up.
_LOOKS_UP = (
    "contacts.view_contact",
    "contacts.view_optin",
    "contacts.view_consent",
    "contacts.view_consenttext",
    "contacts.view_checkbatch",
    "contacts.view_contactcheck",
    "contacts.view_messagestatus",
    "contacts.view_identitytrust",
    "contacts.view_trustcase",
    "contacts.view_reach",
    "numbers.view_businessaccount",
    "numbers.view_businessnumber",
    "numbers.view_verificationattempt",
    "providers.view_business",
    "providers.view_businessname",
    "providers.view_provideraccount",
)

#: Opting out must be as easy as opting in, so every role may record it.
ROLES = (
    Role("Business admins", changes_everything=True),
    Role(
        "Support staff",
        reaches_every_business=False,
        may=(
            *_LOOKS_UP,
            "contacts.view_message",
            "contacts.view_identitykey",
            "contacts.settle_trustcase",
            "contacts.view_suggestion",
            "contacts.decide_suggestion",
            "contacts.withdraw_optin",
            "contacts.reveal_number",
            "contacts.view_alias",
            "numbers.sync_businessaccount",
            "numbers.add_businessnumber",
            "numbers.change_businessnumber",
            "numbers.verify_businessnumber",
            "numbers.register_businessnumber",
            "numbers.toggle_identity_check_businessnumber",
        ),
    ),
    Role("Auditors", views_everything=True, may=("contacts.withdraw_optin", "audit.export_audit", "audit.sign_head")),
    Role("Viewers", may=(*_LOOKS_UP, "contacts.withdraw_optin")),
)
#: The roles whose people reach only the businesses that they are assigned to.
ASSIGNED_ROLES = tuple(role.name for role in ROLES if not role.reaches_every_business)


def make_roles(app_config: AppConfig, using: str, apps: Apps = apps, **kwargs: Any) -> None:
    """Make the four groups and give each exactly its permissions (receiver of post_migrate of the last app).

    `apps` is the state that migrate stopped at; flush sends the same signal without one.
    """
    try:
        group_model, permission_model = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    except LookupError:
        return
    # Django makes an app's permissions in a receiver of the same signal, which may come after this one.
    create_permissions(app_config, using=using, apps=apps, verbosity=0)
    known = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in permission_model.objects.using(using)
        .filter(content_type__app_label__in=OUR_APPS)
        .select_related("content_type")
    }
    for role in ROLES:
        group, _created = group_model.objects.using(using).get_or_create(name=role.name)
        group.permissions.set([permission for name, permission in known.items() if role.allows(name)])
