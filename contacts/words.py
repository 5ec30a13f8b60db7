"""How numbers, consent and results are said on screen (DESIGN.md, section 3). Commands and exports keep the codes."""

from datetime import datetime

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from audit.display import Tone, badge
from contacts.consent.state import load_grants
from contacts.gate import Reason
from contacts.models import Consent, ContactCheck, OptIn
from providers.interfaces import EvidenceStrength
from providers.models import Purpose

_TONES = {
    ContactCheck.Status.VALID: Tone.GOOD,
    ContactCheck.Status.INVALID: Tone.BAD,
    ContactCheck.Status.FAILED: Tone.WARN,
    ContactCheck.Status.UNKNOWN: Tone.WARN,
    ContactCheck.Status.WAITING: Tone.BUSY,
    ContactCheck.Status.SENDING: Tone.BUSY,
    ContactCheck.Status.PROCESSING: Tone.BUSY,
}
EVENT_TONES = {
    OptIn.State.GRANTED: Tone.GOOD,
    OptIn.State.WITHDRAWN: Tone.BAD,
    OptIn.State.HELD: Tone.WARN,
    OptIn.State.DISMISSED: Tone.QUIET,
}


def refusal(reason: str, business: str) -> str:
    """Say why a number was not sent, with the business whose consent is meant."""
    words = {
        Reason.NOT_E164: _("Not sent: not a number that can be used as written"),
        Reason.NO_OPT_IN: _("Not sent: no opt-in for %(business)s"),
        Reason.OTHER_BUSINESS: _("Not sent: opted in to another business, not to %(business)s"),
        Reason.WITHDRAWN: _("Not sent: opted out of %(business)s"),
        Reason.EXPIRED: _("Not sent: the opt-in for %(business)s has expired"),
        Reason.NOT_YET_VALID: _("Not sent: the opt-in for %(business)s is dated in the future"),
        Reason.PURPOSE_NOT_AGREED: _("Not sent: did not agree to this purpose of %(business)s"),
        Reason.REGION_NOT_SERVED: _("Not sent: the account does not serve this number's region"),
        Reason.RESTRICTED: _("Not sent: what is kept of this person is restricted"),
    }
    known = words.get(Reason(reason)) if reason in Reason.values else None
    return (known or _("Not sent")) % {"business": business}


def result_words(check: ContactCheck, business: str) -> str:
    """Say what became of one number."""
    if check.status == ContactCheck.Status.REFUSED:
        return refusal(check.reason, business)
    if check.status == ContactCheck.Status.VALID and check.strength == EvidenceStrength.WEAK:
        return _("Says yes (this provider says yes to everyone)")
    if check.status == ContactCheck.Status.WAITING and check.reason:
        return _("Waiting: %(why)s") % {"why": check.get_reason_display()}
    return check.get_status_display()


def result_badge(check: ContactCheck, business: str) -> SafeString:
    """Show what became of one number; a weak yes is grey, never green."""
    tone = _TONES.get(ContactCheck.Status(check.status), Tone.QUIET)
    if check.status == ContactCheck.Status.VALID and check.strength == EvidenceStrength.WEAK:
        tone = Tone.QUIET
    return badge(tone, result_words(check, business))


def how_sure(check: ContactCheck) -> str:
    """Say how much an answer proves."""
    if check.status not in (ContactCheck.Status.VALID, ContactCheck.Status.INVALID):
        return ""
    return _("weak evidence") if check.strength == EvidenceStrength.WEAK else _("strong evidence")


def consent_badge(consent: Consent, now: datetime) -> SafeString:
    """Show what a contact allows a business now."""
    business = consent.business.name
    standing = [
        grant
        for grant in load_grants(consent.grants).values()
        if grant.given_at <= now and (grant.expires_at is None or now < grant.expires_at)
    ]
    if standing:
        return badge(Tone.GOOD, _("%(business)s: opted in") % {"business": business})
    if consent.grants:
        return badge(Tone.WARN, _("%(business)s: expired or not yet valid") % {"business": business})
    if not consent.withdrawals:
        # The row is there to be locked, because the person wrote to us; nobody ever said yes or no.
        return badge(Tone.QUIET, _("%(business)s: no opt-in") % {"business": business})
    return badge(Tone.BAD, _("%(business)s: opted out") % {"business": business})


def event_badge(event: OptIn) -> SafeString:
    """Show what kind of consent event it is."""
    return badge(EVENT_TONES.get(OptIn.State(event.state), Tone.QUIET), event.get_state_display())


def proof_badge(event: OptIn) -> SafeString | str:
    """Show whether a grant has the wording that the person saw."""
    if event.state == OptIn.State.WITHDRAWN:
        return ""
    if event.proof_complete:
        return badge(Tone.GOOD, _("Proof complete"))
    return badge(Tone.WARN, _("Proof incomplete"), title=_("The wording that the person saw is not on record."))


def purposes(text: str) -> str:
    """Write stored purposes as people read them."""
    labels = dict(Purpose.choices)
    return ", ".join(str(labels.get(name, name)) for name in text.split(",") if name)
