"""Who sees whom: people of the businesses that one reaches; of restricted people, only whom a role is named for."""

from typing import Any, TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from audit import reach
from contacts.models import (
    Alias,
    CheckBatch,
    Consent,
    ConsentText,
    Contact,
    ContactCheck,
    Erasure,
    IdentityKey,
    IdentityTrust,
    Message,
    MessageStatus,
    OptIn,
    OptInEvidence,
    OptInImport,
    Reach,
    Suggestion,
    TrustCase,
)
from providers.models import ProviderAccount

PERMISSION = "contacts.view_restricted_contact"

_Row = TypeVar("_Row", bound=Model)
#: What stands for one business; what is known between a person and one of our numbers.
_OF_A_BUSINESS: tuple[type[Model], ...] = (
    CheckBatch,
    Consent,
    ConsentText,
    ContactCheck,
    Message,
    OptIn,
    OptInImport,
    Suggestion,
    TrustCase,
)
_OF_A_NUMBER: tuple[type[Model], ...] = (IdentityKey, IdentityTrust, Reach)
#: Beside opt-in events, what puts a person in reach of a business. Not a row of consent, which may be there only to be
#: locked, and not a check: one that was asked had an opt-in, and one that was refused is anybody's guess at a number.
_OF_A_PERSON: tuple[type[Model], ...] = (Message, TrustCase, Reach)


def register_all() -> None:
    """Say which rows of this app belong to some businesses."""
    for model in _OF_A_BUSINESS:
        reach.register(model, reach.by("business"))
    for model in _OF_A_NUMBER:
        reach.register(model, _of_a_number)
    reach.register(OptInEvidence, reach.by("opt_in__business"))
    reach.register(MessageStatus, _statuses)
    reach.register(Contact, _people)
    # Under which business a user id was seen is not known.
    reach.register_of_every_business(Alias, Erasure)


def visible(rows: QuerySet[_Row], user: Any) -> QuerySet[_Row]:
    """Keep the rows that the user reaches, without those of restricted people unless the user may see them."""
    return unhidden(reach.within(rows, user), user)


def unhidden(rows: QuerySet[_Row], user: Any) -> QuerySet[_Row]:
    """Leave the rows of restricted people out, unless the user may see them."""
    return rows if user.has_perm(PERMISSION) else rows.filter(not_restricted(rows.model))


def sees(user: Any, contact: Contact) -> bool:
    """Tell whether the user may see this person."""
    shown = contact.restricted_at is None or bool(user.has_perm(PERMISSION))
    return shown and reach.reaches(user, contact)


def not_restricted(model: type[Model]) -> Q:
    """Give the condition that leaves restricted people's rows of a model out."""
    if model is Contact:
        return Q(restricted_at=None)
    # Since when and until when are both there or neither, and the index knows until when.
    restricted = Contact.objects.filter(restricted_until__isnull=False)
    theirs = {"contact__restricted_until__isnull": False}
    if model is OptIn:
        return ~Q(pseudonym__in=restricted.values("pseudonym"))
    if model is MessageStatus:
        return ~Q(wamid__in=Message.objects.filter(**theirs).values("wamid"))
    seen = Q(contact__restricted_at=None)
    if model is Suggestion:
        return seen & ~Q(bsuid__in=Alias.objects.filter(**theirs).values("bsuid"))
    if model is ContactCheck:
        return seen & ~Q(e164__in=restricted.values("e164"))
    return seen


def _people(ids: frozenset[int]) -> Q:
    """Give the people of whom these businesses have anything on record, what is most often there first."""
    rows: list[QuerySet[Any]] = [
        OptIn.objects.filter(pseudonym=OuterRef("pseudonym")),
        *(model._default_manager.filter(contact=OuterRef("pk")) for model in _OF_A_PERSON),
    ]
    condition = Q()
    for theirs in rows:
        condition |= Q(Exists(reach.narrowed(theirs, ids)))
    return condition


def _of_a_number(ids: frozenset[int]) -> Q:
    of_node = Q(business_number=None, account__business__in=ids)
    return Q(business_number__business_account__business__in=ids) | of_node


def _statuses(ids: frozenset[int]) -> Q:
    """Give the statuses of their messages; one that came before its message only where a node serves one business."""
    theirs = Message.objects.filter(~Q(wamid=""), wamid=OuterRef("wamid"), account=OuterRef("account_id"))
    of_node = Q(account__kind=ProviderAccount.Kind.ONPREM, account__business__in=ids)
    return of_node | Q(Exists(theirs.filter(business__in=ids)))
