"""Users and groups: Django's own pages in our frame. Nobody is deleted, because the ledger names who acted."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User

from audit.admin import ConsoleAdmin

if TYPE_CHECKING:
    _UserAdmin = UserAdmin[User]
else:
    _UserAdmin = UserAdmin

admin.site.unregister([User, Group])


@admin.register(User)
class ConsoleUserAdmin(ConsoleAdmin, _UserAdmin):
    """People who sign in; one who leaves is made inactive."""

    list_display = ("username", "first_name", "last_name", "is_active", "is_staff")


@admin.register(Group)
class ConsoleGroupAdmin(ConsoleAdmin, GroupAdmin):
    """Roles; the three of waadmin/roles.py are set back after each migrate."""
