"""How one person stands with each of our numbers: identity, reply window, when they were reached; every hash seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, Q

from audit import reach
from contacts import identity, messages
from contacts.identity_words import sender_name
from contacts.models import Contact, IdentityKey, IdentityTrust, Message, Reach, TrustCase
from numbers.models import BusinessNumber
from providers.models import ProviderAccount
from providers.registry import sends_messages

_HASHES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Sender:
    """One of our numbers, or a node that is one."""

    account: ProviderAccount
    business_number: BusinessNumber | None

    @property
    def key(self) -> str:
        """How an address names it."""
        return f"n{self.business_number.pk}" if self.business_number else f"a{self.account.pk}"

    @property
    def name(self) -> str:
        """How a page names it."""
        return sender_name(self.account, self.business_number)


@dataclass(frozen=True, slots=True)
class Line:
    """What is known between a person and one of our numbers."""

    sender: Sender
    trust: IdentityTrust | None
    case: TrustCase | None
    window_until: datetime | None
    reached_at: datetime | None
    unreachable_since: datetime | None


@dataclass(frozen=True, slots=True)
class SeenHash:
    """One hash that was ever seen between a person and one of our numbers, and whether it is the trusted one."""

    hash: str
    sender: str
    first_at: datetime
    last_at: datetime
    times: int
    sources: tuple[str, ...]
    is_trusted: bool


def senders(*, reached: reach.Businesses = None) -> Sequence[Sender]:
    """Give the numbers of these businesses that messages can be sent from."""
    kinds = [kind for kind in ProviderAccount.Kind.values if sends_messages(kind)]
    nodes = ProviderAccount.objects.filter(kind__in=kinds, kind=ProviderAccount.Kind.ONPREM).select_related("business")
    nodes = reach.narrowed(nodes, reached)
    numbers = (
        BusinessNumber.objects.filter(business_account__account__kind__in=kinds)
        .exclude(phone_number_id="")
        .exclude(phone_number_id=None)
        .select_related("business_account__account__business", "business_account__business")
        .order_by("verified_name", "e164")
    )
    numbers = reach.narrowed(numbers, reached)
    return [*(Sender(number.account, number) for number in numbers), *(Sender(node, None) for node in nodes)]


def first_choice(contact: Contact, found: Sequence[Sender]) -> Sender | None:
    """Give the number that a message likely comes from: where the person wrote to last, else one that works."""
    key = Q(contact__person_key=contact.person_key, wrote_at__isnull=False)
    last = Reach.objects.filter(key).order_by("-wrote_at").values_list("account_id", "business_number_id").first()
    met = [one for one in found if last == (one.account.pk, one.business_number.pk if one.business_number else None)]
    working = [one for one in found if one.business_number is None or one.business_number.status == "CONNECTED"]
    return next(iter([*met, *working, *found]), None)


def lines(contact: Contact, *, now: datetime, reached: reach.Businesses = None) -> Sequence[Line]:
    """Give what is known for each number of these businesses that has anything to do with the person."""
    found = senders(reached=reached)
    return [line_of(contact, sender, now=now) for sender in found if _has_met(contact, sender)]


def line_of(contact: Contact, sender: Sender, *, now: datetime) -> Line:
    """Give what is known between the person and one of our numbers."""
    reach = Reach.objects.filter(_ours(contact, sender)).order_by("-reached_at")
    told = reach.aggregate(reached=Max("reached_at"), failed=Max("unreachable_since"))
    known = {"contact": contact, "account": sender.account, "business_number": sender.business_number}
    return Line(
        sender=sender,
        trust=identity.standing(**known),  # type: ignore[arg-type]
        case=TrustCase.objects.filter(_ours(contact, sender)).defer("evidence").order_by("-pk").first(),
        window_until=messages.reply_window(**known, now=now),  # type: ignore[arg-type]
        reached_at=told["reached"],
        unreachable_since=told["failed"],
    )


def hashes(contact: Contact, *, reached: reach.Businesses = None) -> Sequence[SeenHash]:
    """Give every hash that was seen of the person, latest first: where, how often, from when until when."""
    person = Q(contact__person_key=contact.person_key)
    keys = reach.narrowed(IdentityKey.objects.filter(person), reached)
    rows = (
        keys.values("hash", "account_id", "business_number_id")
        .annotate(first=Min("observed_at"), last=Max("observed_at"), times=Count("pk"))
        .order_by("-last")[:_HASHES_SHOWN]
    )
    trusted = {
        (trust.account_id, trust.business_number_id, trust.hash)
        for trust in IdentityTrust.objects.filter(person, state=IdentityTrust.State.TRUSTED)
    }
    names = {(one.account.pk, one.business_number.pk if one.business_number else None): one.name for one in senders()}
    labels = {str(value): str(label) for value, label in IdentityKey.Source.choices}
    sources: dict[tuple[str, int, int | None], set[str]] = {}
    seen = keys.order_by().distinct()
    for text, account, number, source in seen.values_list("hash", "account_id", "business_number_id", "source"):
        sources.setdefault((text, account, number), set()).add(labels.get(source, source))
    return [
        SeenHash(
            hash=row["hash"],
            sender=names.get((row["account_id"], row["business_number_id"]), "–"),
            first_at=row["first"],
            last_at=row["last"],
            times=row["times"],
            sources=tuple(sorted(sources.get((row["hash"], row["account_id"], row["business_number_id"]), ()))),
            is_trusted=(row["account_id"], row["business_number_id"], row["hash"]) in trusted,
        )
        for row in rows
    ]


def find_sender(key: str, *, reached: reach.Businesses = None) -> Sender | None:
    """Give the number of these businesses that an address names; None where it names none."""
    return next((sender for sender in senders(reached=reached) if sender.key == key), None)


def _ours(contact: Contact, sender: Sender) -> Q:
    return Q(contact__person_key=contact.person_key, account=sender.account, business_number=sender.business_number)


def _has_met(contact: Contact, sender: Sender) -> bool:
    return any(model.objects.filter(_ours(contact, sender)).exists() for model in (IdentityTrust, Reach, Message))
