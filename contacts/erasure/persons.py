"""One person as erasure sees them: every form of their number, and every row that holds something of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from contacts.models import (
    Alias,
    Consent,
    Contact,
    ContactCheck,
    IdentityKey,
    IdentityTrust,
    Message,
    MessageStatus,
    OptInEvidence,
    Reach,
    Suggestion,
    TrustCase,
)

#: What is removed, in this order: a row goes before the row that it names.
NAMES: Mapping[str, Promise] = {
    "suggestions": _("What they wrote that may be an opt-out or opt-in"),
    "message_statuses": _("Delivery reports of their messages"),
    "messages": _("Messages to and from them"),
    "cases": _("Identity changes"),
    "trusts": _("Whether their identity is trusted"),
    "identities": _("WhatsApp identities that were seen"),
    "reach": _("Where they were reached"),
    "aliases": _("Business-scoped user ids"),
    "checks": _("Checks of their number"),
    "evidence": _("Evidence of what they agreed to, with its files"),
    "consents": _("What they allow each business now"),
    "contacts": _("Their number, in each of its forms"),
}


@dataclass(frozen=True, slots=True)
class Holding:
    """So many rows of one kind about a person."""

    name: str
    words: str
    count: int


def forms_of(contact: Contact) -> list[Contact]:
    """Give the contacts that stand for forms of one person's number."""
    return list(Contact.objects.filter(person_key=contact.person_key).order_by("pk"))


def holdings(contact: Contact) -> Sequence[Holding]:
    """Say what an erasure would remove now, beside files and stored webhooks that name the person."""
    return [
        Holding(name, str(NAMES[name]), count)
        for name, rows in rows_of(forms_of(contact)).items()
        if (count := rows.count())
    ]


def known_as_well(contact: Contact) -> Sequence[Contact]:
    """Give contacts of other numbers that were seen under a user id of this person: perhaps theirs, too."""
    ours = Alias.objects.filter(contact__person_key=contact.person_key).values("bsuid")
    others = Contact.objects.filter(aliases__bsuid__in=ours).exclude(person_key=contact.person_key)
    return list(others.order_by("pk").distinct())


def rows_of(forms: Sequence[Contact]) -> Mapping[str, QuerySet[Any]]:
    """Give the rows of each kind, by the names and in the order of NAMES."""
    pks = [form.pk for form in forms]
    pseudonyms = [form.pseudonym for form in forms]
    theirs = {"contact_id__in": pks}
    messages = Message.objects.filter(**theirs)
    user_ids = Alias.objects.filter(**theirs).values("bsuid")
    found: dict[str, QuerySet[Any]] = {
        "suggestions": Suggestion.objects.filter(
            Q(**theirs) | Q(message__in=messages.values("pk")) | Q(contact=None, bsuid__in=user_ids)
        ),
        "message_statuses": MessageStatus.objects.filter(wamid__in=messages.exclude(wamid="").values("wamid")),
        "messages": messages,
        "cases": TrustCase.objects.filter(**theirs),
        "trusts": IdentityTrust.objects.filter(**theirs),
        "identities": IdentityKey.objects.filter(**theirs),
        "reach": Reach.objects.filter(**theirs),
        "aliases": Alias.objects.filter(**theirs),
        "checks": ContactCheck.objects.filter(**theirs),
        "evidence": OptInEvidence.objects.filter(opt_in__pseudonym__in=pseudonyms),
        "consents": Consent.objects.filter(**theirs),
        "contacts": Contact.objects.filter(pk__in=pks),
    }
    return {name: found[name] for name in NAMES}
