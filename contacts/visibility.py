"""Who sees whom: people whose data are restricted are shown to nobody but those roles that are named for it."""

from typing import Any, TypeVar

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Model, Q, QuerySet

from contacts.models import Alias, Contact, ContactCheck, Message, MessageStatus, OptIn, Suggestion

PERMISSION = "contacts.view_restricted_contact"

_Row = TypeVar("_Row", bound=Model)
_User = AbstractBaseUser | AnonymousUser


def visible(rows: QuerySet[_Row], user: Any) -> QuerySet[_Row]:
    """Leave the rows of restricted people out, unless the user may see them."""
    return rows if user.has_perm(PERMISSION) else rows.filter(not_restricted(rows.model))


def sees(user: Any, contact: Contact) -> bool:
    """Tell whether the user may see this person."""
    return contact.restricted_at is None or bool(user.has_perm(PERMISSION))


def not_restricted(model: type[Model]) -> Q:
    """Give the condition that leaves restricted people's rows of a model out."""
    if model is Contact:
        return Q(restricted_at=None)
    if model is OptIn:
        return ~Q(pseudonym__in=Contact.objects.filter(restricted_at__isnull=False).values("pseudonym"))
    if model is MessageStatus:
        return ~Q(wamid__in=Message.objects.filter(contact__restricted_at__isnull=False).values("wamid"))
    seen = Q(contact__restricted_at=None)
    restricted = {"contact__restricted_at__isnull": False}
    if model is Suggestion:
        return seen & ~Q(bsuid__in=Alias.objects.filter(**restricted).values("bsuid"))
    if model is ContactCheck:
        return seen & ~Q(e164__in=Contact.objects.filter(restricted_at__isnull=False).values("e164"))
    return seen
