"""How webhooks are told to people: states, what each event says, what each field is for."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.display import Tone, badge
from webhooks.models import WebhookEvent, WebhookRequest

OUTCOME_TONES: Mapping[str, Tone] = {
    WebhookEvent.Outcome.WAITING: Tone.BUSY,
    WebhookEvent.Outcome.DONE: Tone.GOOD,
    WebhookEvent.Outcome.IGNORED: Tone.QUIET,
    WebhookEvent.Outcome.FAILED: Tone.BAD,
}
#: What Meta's app page must have ticked, and why.
FIELDS: tuple[tuple[str, Any], ...] = (
    ("messages", gettext_lazy("messages, delivery reports, identity hashes and changes of people: needed")),
    ("user_preferences", gettext_lazy("people who stop or resume marketing in WhatsApp itself: needed for opt-outs")),
    ("user_id_update", gettext_lazy("people whose business-scoped user id changes")),
    ("phone_number_quality_update", gettext_lazy("quality and messaging limits of our numbers")),
    ("phone_number_name_update", gettext_lazy("decisions about display names")),
    ("account_update", gettext_lazy("verification, restrictions and bans of a WABA")),
    ("account_review_update", gettext_lazy("the review of a WABA")),
    ("security", gettext_lazy("two-step PINs that somebody changed or turned off")),
)
_APPS = ("contacts", "numbers", "providers", "webhooks")


def state_badge(request: WebhookRequest, now: datetime) -> SafeString:
    """Say how a request stands."""
    if request.error:
        return badge(Tone.BAD, _("Failed"))
    if request.processed_at is not None:
        return badge(Tone.GOOD, _("Processed"))
    if request.due_at > now:
        return badge(Tone.BUSY, _("Waiting"))
    return badge(Tone.BUSY, _("Due"))


def says(event: object) -> Iterator[tuple[str, str]]:
    """Give what an event says, name by name; what it leaves out is left out."""
    if not is_dataclass(event):
        return
    for one in fields(event):
        value = getattr(event, one.name)
        if is_dataclass(value):
            yield from says(value)
        elif isinstance(value, tuple):
            for part in value:
                yield (
                    one.name,
                    ", ".join(said for _name, said in says(part)) if is_dataclass(part) else " ".join(part),
                )
        elif isinstance(value, datetime):
            yield one.name, f"{value:%Y-%m-%d %H:%M:%S} UTC"
        elif value not in ("", None):
            yield one.name, str(value)


def subject_page(subject: str) -> str:
    """Give the address of the page of what an event concerned, such as Contact:5; nothing where there is none."""
    name, _sign, pk = subject.partition(":")
    for label in _APPS if pk.isascii() and pk.isdigit() else ():
        try:
            model = apps.get_model(label, name)
        except LookupError:
            continue
        if admin.site.is_registered(model):
            try:
                return reverse(f"admin:{label}_{model._meta.model_name}_change", args=[pk])
            except NoReverseMatch:
                continue
    return ""
