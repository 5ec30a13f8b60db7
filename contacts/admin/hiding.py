"""The shape of every list of people and of what is on record about them: restricted people are hidden in it."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from audit.admin import ReadOnlyAdmin
from contacts import masking
from contacts.visibility import visible

#: Fields that hold a person's number in some form.
_NUMBERS = frozenset({"e164", "wa_id", "person_key", "input"})


class PeopleAdmin(ReadOnlyAdmin):
    """Rows about people, read by those who may see each of them."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out the people whom this user may not see, on lists and on pages of single rows alike."""
        return visible(super().get_queryset(request), request.user)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Let nobody who sees masked numbers ask for a part of one in the address."""
        if not masking.sees_in_full(request.user) and _NUMBERS & set(lookup.split("__")):
            return False
        return super().lookup_allowed(lookup, value, request)
