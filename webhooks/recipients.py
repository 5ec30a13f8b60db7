"""Whose event it is: the account and the business number behind the ids that a webhook names."""

from contacts.incoming import ContactAnswers, Event, UnknownEvent
from numbers.incoming import NumberUpdate
from numbers.models import BusinessAccount, BusinessNumber
from providers.models import ProviderAccount
from webhooks.models import WebhookRequest

_ALONG = ("business_account__account", "business_account__business")


class NotOurs(LookupError):
    """The number or WABA is none that we know; the message says which, and the event waits for it."""


#: What was found already, by what names it.
Known = dict[tuple[str, str], tuple[ProviderAccount, BusinessNumber | None]]


class Recipients:
    """Finds account and number of each event of a request; each id is looked up once for all that share `known`."""

    def __init__(self, request: WebhookRequest, known: Known) -> None:
        self._request, self._known = request, known

    def of(self, event: Event) -> tuple[ProviderAccount, BusinessNumber | None]:
        """Give the account and, at the Cloud API, the number that the event is about.

        :raises NotOurs: when there is none.
        """
        if self._request.kind == WebhookRequest.Kind.ONPREM:
            key = ("node", str(self._request.account_id))
            if key not in self._known:
                self._known[key] = _of_node(self._request.account_id), None
            return self._known[key]
        key = _named(event)
        if key not in self._known:
            if isinstance(event, NumberUpdate):
                self._known[key] = _of_waba(event)
            else:
                self._known[key] = _of_number(*key)
        return self._known[key]


def _of_node(account_id: int | None) -> ProviderAccount:
    account = ProviderAccount.objects.select_related("business").filter(pk=account_id or 0).first()
    if account is None:
        raise NotOurs("The account of this node is gone.")
    return account


def _named(event: Event) -> tuple[str, str]:
    match event:
        case ContactAnswers() | UnknownEvent():
            return "", ""
        case NumberUpdate():
            # No id is written so: news about a WABA must not be taken for news about one of its numbers.
            return event.waba_id, f"news {event.phone_number_id} {event.display_phone_number}"
        case _:
            return event.to.waba_id, event.to.phone_number_id


def _of_number(waba_id: str, number_id: str) -> tuple[ProviderAccount, BusinessNumber]:
    """Find a number by its id; where two accounts know it, the WABA that the webhook names decides."""
    numbers = list(
        BusinessNumber.objects.filter(
            phone_number_id=number_id or "-", business_account__account__kind=ProviderAccount.Kind.CLOUD_API
        )
        .select_related(*_ALONG)
        .order_by("pk")
    )
    numbers.sort(key=lambda number: number.business_account.waba_id != waba_id)
    if not numbers:
        raise NotOurs(f"phone_number_id {number_id[:40] or '(none)'} is none of our numbers.")
    return numbers[0].account, numbers[0]


def _of_waba(event: NumberUpdate) -> tuple[ProviderAccount, BusinessNumber | None]:
    """Find a number of the WABA by its id or as the provider shows it; news about the WABA has none."""
    business_account = (
        BusinessAccount.objects.filter(waba_id=event.waba_id or "-", account__kind=ProviderAccount.Kind.CLOUD_API)
        .select_related("account")
        .order_by("pk")
        .first()
    )
    if business_account is None:
        raise NotOurs(f"WABA {event.waba_id[:40] or '(none)'} is none of ours.")
    shown = "+" + "".join(char for char in event.display_phone_number if char in "0123456789")
    numbers = BusinessNumber.objects.filter(business_account=business_account).select_related(*_ALONG)
    number = numbers.filter(phone_number_id=event.phone_number_id or "-").first() or numbers.filter(e164=shown).first()
    return business_account.account, number
