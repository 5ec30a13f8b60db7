"""How our numbers are said on screen: badges with icon and word, and a provider's unknown value as it stands.

Value sets differ between a provider's own pages, so every table here is a courtesy and never a list of what may come.
"""

from datetime import datetime
from functools import lru_cache

import phonenumbers
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.display import Tone, ago, badge, when
from numbers.models import BusinessAccount, BusinessNumber, VerificationAttempt
from numbers.onboarding import Step, StepKey, StepState
from providers.catalogue import Explanation, explain
from providers.registry import hosts_numbers

_Table = dict[str, tuple[Tone, object]]

CODE_VERIFICATION: _Table = {
    "VERIFIED": (Tone.GOOD, gettext_lazy("Verified")),
    "NOT_VERIFIED": (Tone.WARN, gettext_lazy("Not verified")),
    "UNVERIFIED": (Tone.WARN, gettext_lazy("Not verified")),
    "EXPIRED": (Tone.WARN, gettext_lazy("Verification expired")),
}
CONNECTION: _Table = {
    "CONNECTED": (Tone.GOOD, gettext_lazy("Connected")),
    "LINKED": (Tone.GOOD, gettext_lazy("Linked")),
    "PENDING": (Tone.WARN, gettext_lazy("Not connected")),
    "UNVERIFIED": (Tone.WARN, gettext_lazy("Not connected")),
    "DISCONNECTED": (Tone.BAD, gettext_lazy("Disconnected")),
    "MIGRATED": (Tone.QUIET, gettext_lazy("Moved away")),
    "DELETED": (Tone.BAD, gettext_lazy("Deleted at Meta")),
    "FLAGGED": (Tone.WARN, gettext_lazy("Flagged for low quality")),
    "RESTRICTED": (Tone.WARN, gettext_lazy("Restricted: its daily limit is reached")),
    "RATE_LIMITED": (Tone.WARN, gettext_lazy("Slowed down by Meta")),
    "BANNED": (Tone.BAD, gettext_lazy("Banned")),
}
QUALITY: _Table = {
    "GREEN": (Tone.GOOD, gettext_lazy("High")),
    "YELLOW": (Tone.WARN, gettext_lazy("Medium")),
    "RED": (Tone.BAD, gettext_lazy("Low")),
    "NA": (Tone.QUIET, gettext_lazy("Not rated yet")),
    "UNKNOWN": (Tone.QUIET, gettext_lazy("Not rated yet")),
}
DISPLAY_NAME: _Table = {
    "APPROVED": (Tone.GOOD, gettext_lazy("Approved")),
    "AVAILABLE_WITHOUT_REVIEW": (Tone.GOOD, gettext_lazy("May be used without a review")),
    "PENDING_REVIEW": (Tone.BUSY, gettext_lazy("Meta is reviewing it")),
    "IN_REVIEW": (Tone.BUSY, gettext_lazy("Meta is reviewing it")),
    "DECLINED": (Tone.BAD, gettext_lazy("Declined")),
    "EXPIRED": (Tone.WARN, gettext_lazy("The approval has expired")),
    "NON_EXISTS": (Tone.QUIET, gettext_lazy("No name has been sent in")),
    "NONE": (Tone.QUIET, gettext_lazy("No change is under way")),
}
THROUGHPUT: _Table = {
    "STANDARD": (Tone.GOOD, gettext_lazy("Standard (80 a second)")),
    "HIGH": (Tone.GOOD, gettext_lazy("High (1,000 a second)")),
    "NOT_APPLICABLE": (Tone.QUIET, gettext_lazy("Not yet")),
}
PLATFORM = {"CLOUD_API": "Cloud API", "ON_PREMISE": "On-Premises API", "NOT_APPLICABLE": "–"}
HEALTH: _Table = {
    "AVAILABLE": (Tone.GOOD, gettext_lazy("May send")),
    "LIMITED": (Tone.WARN, gettext_lazy("May send with limits")),
    "BLOCKED": (Tone.BAD, gettext_lazy("May not send")),
}
REVIEW: _Table = {
    "APPROVED": (Tone.GOOD, gettext_lazy("Approved")),
    "PENDING": (Tone.BUSY, gettext_lazy("Meta is reviewing it")),
    "REJECTED": (Tone.BAD, gettext_lazy("Rejected")),
}
BUSINESS_VERIFICATION: _Table = {
    "verified": (Tone.GOOD, gettext_lazy("Verified")),
    "pending": (Tone.BUSY, gettext_lazy("Meta is checking the documents")),
    "pending_submission": (Tone.WARN, gettext_lazy("The business has not sent its documents yet")),
    "pending_need_more_info": (Tone.WARN, gettext_lazy("Meta asks for more documents")),
    "not_verified": (Tone.WARN, gettext_lazy("Not verified")),
    "failed": (Tone.BAD, gettext_lazy("Failed")),
    "rejected": (Tone.BAD, gettext_lazy("Rejected")),
    "revoked": (Tone.BAD, gettext_lazy("Taken back by Meta")),
    "expired": (Tone.WARN, gettext_lazy("Expired")),
}
OUTCOMES = {
    VerificationAttempt.Outcome.SENDING: Tone.BUSY,
    VerificationAttempt.Outcome.DONE: Tone.GOOD,
    VerificationAttempt.Outcome.REFUSED: Tone.BAD,
    VerificationAttempt.Outcome.UNKNOWN: Tone.WARN,
    VerificationAttempt.Outcome.NOT_SENT: Tone.WARN,
}

#: What the button of each step says.
NEXT: dict[StepKey, object] = {
    StepKey.ORIGIN: gettext_lazy("Say where it is"),
    StepKey.ADD: gettext_lazy("Add it"),
    StepKey.NAME: gettext_lazy("Look at the name"),
    StepKey.REQUEST_CODE: gettext_lazy("Request a code"),
    StepKey.ENTER_CODE: gettext_lazy("Enter the code"),
    StepKey.PIN: gettext_lazy("Answer: is there a PIN?"),
    StepKey.REGISTER: gettext_lazy("Register it"),
    StepKey.IDENTITY_CHECK: gettext_lazy("Turn the identity check on"),
    StepKey.WEBHOOKS: gettext_lazy("Subscribe the webhooks"),
    StepKey.THROUGHPUT: gettext_lazy("Read the throughput"),
}


def said(table: _Table, value: str, *, nothing: object = "") -> SafeString:
    """Show a provider's value: in words where we know it, as it stands where we do not."""
    if not value:
        return badge(Tone.QUIET, nothing or _("Not read yet"))
    tone, text = table.get(value, (Tone.QUIET, value))
    return badge(tone, text, title=value)


def verified_badge(number: BusinessNumber) -> SafeString:
    """Show whether the number is proved to be ours; Kaleyra gives no status to read, only its answer to the code."""
    if not number.code_verification_status and number.verified_at:
        return said(CODE_VERIFICATION, "VERIFIED")
    return said(CODE_VERIFICATION, number.code_verification_status, nothing=_("Not verified"))


def connected_badge(number: BusinessNumber) -> SafeString:
    """Show whether messages can leave from the number."""
    if number.is_coexistence:
        return badge(Tone.QUIET, _("On the Business app too"), title=number.status)
    if not number.status and not hosts_numbers(number.account.kind):
        return badge(Tone.QUIET, _("Connected by Kaleyra"), title=_("Kaleyra registers the number itself."))
    return said(CONNECTION, number.status, nothing=_("Not connected"))


def name_badge(number: BusinessNumber) -> SafeString:
    """Show how the display name stands."""
    return said(DISPLAY_NAME, number.name_status, nothing=_("Not read yet"))


def throughput(number: BusinessNumber, now: datetime) -> SafeString:
    """Show the throughput and as of when it is known."""
    shown = said(THROUGHPUT, number.throughput_level)
    if number.synced_at is None or not number.throughput_level:
        return shown
    return format_html('{}<span class="under">{} {}</span>', shown, _("as of"), ago(number.synced_at, now))


def cell_label(text: str) -> SafeString:
    """Name a cell where there is no room for the heads of columns."""
    return format_html('<span class="cell-label">{}</span>', text)


def identity_badge(number: BusinessNumber, drift: str) -> SafeString:
    """Show whether identity changes are reported, and where what we want differs from what the provider does."""
    if drift:
        return badge(Tone.BAD, _("Differs"), title=drift)
    if number.identity_desired is None and number.identity_read is None:
        return badge(Tone.QUIET, _("Never set"))
    is_on = number.identity_read if number.identity_read is not None else number.identity_acknowledged
    if is_on is None:
        return badge(Tone.BUSY, _("Being turned on") if number.identity_desired else _("Being turned off"))
    return badge(Tone.GOOD, _("On")) if is_on else badge(Tone.QUIET, _("Off"))


def on_or_off(is_on: bool | None, *, nothing: str) -> SafeString:
    """Show one of the three sides of the identity check."""
    if is_on is None:
        return badge(Tone.QUIET, nothing)
    return badge(Tone.GOOD, _("On")) if is_on else badge(Tone.QUIET, _("Off"))


def outcome_badge(attempt: VerificationAttempt) -> SafeString:
    """Show how an attempt ended."""
    tone = OUTCOMES.get(VerificationAttempt.Outcome(attempt.outcome), Tone.QUIET)
    return badge(tone, attempt.get_outcome_display())


def explained(attempt: VerificationAttempt) -> Explanation | None:
    """Give what the catalogue says of an attempt that the provider refused or could not be asked."""
    if attempt.outcome not in (VerificationAttempt.Outcome.REFUSED, VerificationAttempt.Outcome.NOT_SENT):
        return None
    if not attempt.provider_code and not attempt.provider_words:
        return None
    return explain(attempt.business_number.account.kind, attempt.provider_code)


def subscribed_badge(waba: BusinessAccount) -> SafeString:
    """Show whether the WABA's webhooks come here."""
    if waba.subscribed_at is None:
        return badge(Tone.WARN, _("Not subscribed"))
    return format_html('{}<span class="under">{}</span>', badge(Tone.GOOD, _("Subscribed")), when(waba.subscribed_at))


def messaging_limit(value: str) -> str:
    """Write how many people a business may write to first in a day; TIER_1K is 1,000, and so on."""
    tier = value.removeprefix("TIER_")
    if tier == "UNLIMITED":
        return _("Unlimited")
    number = tier.replace("K", "000")
    if not number.isdigit():
        return value or "–"
    return _("%(count)s people a day") % {"count": number_format(int(number), force_grouping=True)}


def waiting_words(step: Step) -> str:
    """Say on whom a step waits."""
    whom = dict(BusinessNumber.Waiting.choices).get(step.waiting_on, step.waiting_on)
    return _("Waiting for: %(whom)s") % {"whom": whom} if whom else _("Waiting")


def next_button(number: BusinessNumber, step: Step) -> SafeString:
    """Give the one thing to do next with a number, as a link to its step."""
    page = reverse("admin:numbers_businessnumber_change", args=[number.pk])
    if step.state is StepState.DONE or step.key is StepKey.DONE:
        return format_html('<a class="next secondary" href="{}">{}</a>', page, _("Open"))
    if step.state is not StepState.WAITING:
        again = step.key is StepKey.REGISTER and number.register_again_by is not None
        words = _("Register it again") if again else NEXT.get(step.key, step.title)
        return format_html('<a class="next" href="{}">{}</a>', page, words)
    words = waiting_words(step)
    button = format_html('<a class="next secondary" href="{}">{}</a>', page, NEXT.get(step.key, step.title))
    return format_html('{}<span class="under">{}</span>', button, words)


@lru_cache(maxsize=1024)
def national(e164: str) -> tuple[str, str]:
    """Write a number as its own country does, with the region's code; one of no numbering plan stays as it is."""
    try:
        parsed = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return e164, ""
    region = phonenumbers.region_code_for_number(parsed)
    if not region or region == "001":
        return international(e164), ""
    written = str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL))
    return written.replace(" ", "\N{NO-BREAK SPACE}"), str(region)


@lru_cache(maxsize=1024)
def international(e164: str) -> str:
    """Write a number as people read it: +51 987 654 321."""
    try:
        parsed = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return e164
    written = str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL))
    return written.replace(" ", "\N{NO-BREAK SPACE}")
