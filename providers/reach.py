"""Whose accounts are whose: one that belongs to no business serves those whose WABAs it reaches."""

from django.db.models import Q

from audit import reach
from audit.models import AuditEvent, Export, ProviderCall, SignedHead
from providers.models import Business, BusinessName, ProviderAccount

#: WABAs are the next app's: they are reached by the name of the relation.
_OF_WABA = "business_accounts__business__in"


def register_all() -> None:
    """Say which rows of this app and of the ledger belong to some businesses."""
    reach.register(Business, lambda ids: Q(pk__in=ids))
    reach.register(BusinessName, reach.by("business"))
    reach.register(ProviderAccount, serving)
    reach.register(AuditEvent, lambda ids: Q(business_id__in=ids))
    # Its address and what it was for name the business of the call: one of a shared account may be anybody's.
    reach.register(
        ProviderCall,
        lambda ids: Q(account_id__in=ProviderAccount.objects.filter(serving(ids), serving_no_other(ids)).values("pk")),
    )
    reach.register_of_every_business(SignedHead)
    # Each person's own, of which they had to choose the business.
    reach.register(Export, lambda ids: Q())


def serving(ids: frozenset[int]) -> Q:
    """Give the condition of the accounts that belong to these businesses, or serve one of them and belong to none."""
    by_waba = ProviderAccount.objects.filter(business=None, **{_OF_WABA: ids})
    return Q(business__in=ids) | Q(pk__in=by_waba.values("pk"))


def serving_no_other(ids: frozenset[int]) -> Q:
    """Give the condition of the accounts that serve no business but these."""
    others = Business.objects.exclude(pk__in=ids)
    shared = ProviderAccount.objects.filter(Q(business__in=others) | Q(**{_OF_WABA: others}))
    return ~Q(pk__in=shared.values("pk"))


def may_change(account: ProviderAccount, reached: reach.Businesses) -> bool:
    """Tell whether nobody else's business is changed with the account."""
    return reached is None or ProviderAccount.objects.filter(serving_no_other(reached), pk=account.pk).exists()
