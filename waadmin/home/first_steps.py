"""The first steps of an installation: each ticks itself by looking at the state, and leads to where it is done."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from audit.models import AuditEvent, ProviderCall
from contacts.models import CheckBatch, OptIn
from numbers.models import BusinessNumber
from providers import registry
from providers.models import Business, ProviderAccount
from waadmin.home.about_the_installation import WORKS


@dataclass(frozen=True, slots=True)
class Step:
    """One of the first steps."""

    done: bool
    words: str
    href: str


def first_steps() -> Iterator[Step]:
    """Give the steps that this installation needs: what its accounts cannot do is none of them."""
    accounts = dict(ProviderAccount.objects.order_by("pk").values_list("pk", "kind"))
    kinds = set(accounts.values())
    yield Step(
        Business.objects.exists(), _("Name the business that people opt in to"), reverse("admin:providers_business_add")
    )
    yield Step(bool(accounts), _("Connect a provider account"), reverse("admin:providers_provideraccount_add"))
    yield Step(_is_tested(), _("Test its connection"), _to_test(list(accounts)))
    yield Step(
        OptIn.objects.filter(state=OptIn.State.GRANTED).exists(),
        _("Import or record opt-ins"),
        reverse("admin:contacts_optinimport_add"),
    )
    if not kinds or any(map(registry.can_check, kinds)):
        yield Step(CheckBatch.objects.exists(), _("Run the first check"), reverse("admin:contacts_checkbatch_add"))
    if not kinds or any(map(registry.verifies_numbers, kinds)):
        yield Step(
            BusinessNumber.objects.filter(WORKS).exists(),
            _("Take a business number to where it sends messages"),
            reverse("admin:numbers_businessnumber_add"),
        )


def _is_tested() -> bool:
    """Tell whether a test went well, or a provider has answered anyway."""
    tested = AuditEvent.objects.filter(action="account.tested", details__ok=True)
    return tested.exists() or ProviderCall.objects.filter(outcome=ProviderCall.Outcome.ANSWERED).exists()


def _to_test(accounts: list[int]) -> str:
    """Lead to the page of the account that can be tested: the first one, or the one that is to be made."""
    if accounts:
        return reverse("admin:providers_provideraccount_change", args=[accounts[0]])
    return reverse("admin:providers_provideraccount_add")
