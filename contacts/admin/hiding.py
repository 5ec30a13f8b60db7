"""The shape of every list of people and of what is on record about them: restricted people are hidden in it."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from audit.admin import ReadOnlyAdmin
from contacts import masking
from contacts.models import Contact
from contacts.visibility import unhidden

_PERSON = "contact__e164__exact"
#: Fields that hold a person's number in some form.
_NUMBERS = frozenset({"e164", "wa_id", "person_key", "input"})


class PeopleAdmin(ReadOnlyAdmin):
    """Rows about people, read by those who may see each of them."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out the people whom this user may not see, on lists and on pages of single rows alike."""
        return unhidden(super().get_queryset(request), request.user)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find by the number of the person or by an id, the person first: an index then answers each of both."""
        term = search_term.strip()
        if not term or _PERSON not in self.search_fields:
            return super().get_search_results(request, queryset, search_term)
        found = Q(contact__in=list(Contact.objects.filter(e164=term).values_list("pk", flat=True)))
        for lookup in self.search_fields:
            if lookup != _PERSON:
                found |= Q(**{lookup: term})
        return queryset.filter(found), False

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Let nobody who sees masked numbers ask for a part of one in the address."""
        if not masking.sees_in_full(request.user) and _NUMBERS & set(lookup.split("__")):
            return False
        return super().lookup_allowed(lookup, value, request)
