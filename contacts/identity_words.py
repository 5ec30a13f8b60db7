"""How identities, trust and cases are said on screen: what happened, why sends are refused, what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from audit.display import Tone, badge
from contacts.models import IdentityTrust, TrustCase
from numbers import words as number_words
from numbers.models import BusinessNumber
from providers.models import ProviderAccount

_State, _Reason, _Outcome = IdentityTrust.State, TrustCase.Reason, TrustCase.Outcome
_GROUP = 4


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the stations on the way back to trust."""

    tone: Tone
    mark: str
    words: str


def hash_groups(text: str) -> SafeString:
    """Write a hash in groups of four, which two people can read to each other; copied, it is whole."""
    groups = [(text[place : place + _GROUP],) for place in range(0, len(text), _GROUP)]
    return format_html('<code class="hash">{}</code>', format_html_join("", "<span>{}</span>", groups))


def trust_badge(trust: IdentityTrust | None) -> SafeString:
    """Show whether we know who is there; "first seen" is never said to be verified."""
    if trust is None or trust.state == _State.UNKNOWN:
        return badge(Tone.QUIET, _("No identity seen yet"))
    if trust.state == _State.TRUSTED:
        if trust.basis == IdentityTrust.Basis.VERIFIED:
            return badge(Tone.GOOD, _("Verified"))
        return badge(Tone.QUIET, _("First seen"), title=_("Nobody has verified this person: it is the first identity."))
    if trust.state == _State.MISMATCHED:
        return badge(Tone.BAD, _("Changed: verify first"))
    if trust.state == _State.AWAITING_HASH:
        return badge(Tone.BUSY, _("Verified: waiting for the new identity"))
    return badge(Tone.QUIET, trust.state)


def case_badge(case: TrustCase) -> SafeString:
    """Show where a case stands."""
    if case.closed_at is None:
        tried = case.outcome == _Outcome.NOT_REACHED
        return badge(Tone.WARN, _("To verify: not reached yet") if tried else _("To verify"))
    if case.no_hash_since is not None:
        return badge(Tone.WARN, _("Same person: no new identity came"))
    if case.hash_expected_until is not None:
        return badge(Tone.BUSY, _("Same person: waiting for the new identity"))
    tones = {_Outcome.SAME_PERSON: Tone.GOOD, _Outcome.OTHER_PERSON: Tone.BAD}
    known = case.outcome in _Outcome.values
    return badge(tones.get(_Outcome(case.outcome), Tone.QUIET) if known else Tone.QUIET, case.get_outcome_display())


def happened(case: TrustCase) -> str:
    """Tell in two sentences what opened the case."""
    told = {
        _Reason.MISMATCH: _(
            "We sent a message together with the WhatsApp identity that we trust. WhatsApp did not deliver it, "
            "because the person's identity is another one now."
        ),
        _Reason.INBOUND: _(
            "A message or a delivery report from this number came with another WhatsApp identity than the one we trust."
        ),
        _Reason.SYSTEM: _("WhatsApp told us that the identity behind this number changed."),
        _Reason.NUMBER_CHANGED: _(
            "WhatsApp told us that the person changed their number. The old number may soon be a stranger's, and the "
            "new one has proved nothing yet."
        ),
        _Reason.NODE: _("The On-Premises node says that the identity changed and waits until somebody confirms it."),
        _Reason.REQUESTED: _("One of us asked to have this person verified again."),
    }
    return told.get(_Reason(case.reason), case.reason) if case.reason in _Reason.values else case.reason


def short(case: TrustCase) -> str:
    """Say in a few words what opened the case."""
    told = {
        _Reason.MISMATCH: _("a message was held back"),
        _Reason.INBOUND: _("seen in a message"),
        _Reason.SYSTEM: _("WhatsApp said so"),
        _Reason.NUMBER_CHANGED: _("the person changed their number"),
        _Reason.NODE: _("the node waits"),
        _Reason.REQUESTED: _("one of us asked"),
    }
    return told[_Reason(case.reason)] if case.reason in _Reason.values else case.reason


def why_refused() -> str:
    """Say why nothing is sent until somebody has verified the person."""
    return _(
        "It may be a new phone, or WhatsApp installed anew. It may also be a stranger who was given the number. From "
        "here nobody can tell, so nothing is sent to this person from this number until one of us has found out."
    )


def sender_name(account: ProviderAccount, business_number: BusinessNumber | None) -> str:
    """Name one of our numbers, or the node that is one."""
    if business_number is None:
        return _("%(account)s (On-Premises)") % {"account": account.name}
    number = number_words.international(business_number.e164)
    return f"{number} · {business_number.verified_name}" if business_number.verified_name else number


def stages(case: TrustCase, trust: IdentityTrust | None, *, resent: bool) -> Sequence[Stage]:
    """Give the way of a case as far as it has come."""
    verified = case.closed_at is not None
    if verified and case.outcome != _Outcome.SAME_PERSON:
        return (_done(_("Change noticed")), Stage(Tone.BAD, "✕", case.get_outcome_display()))
    trusted = verified and trust is not None and trust.state == _State.TRUSTED
    late = case.no_hash_since is not None
    return (
        _done(_("Change noticed, sends refused")),
        _done(_("Person verified")) if verified else _open("2", _("Verify the person, not on WhatsApp"), now=True),
        _done(_("Message sent again, without an identity"))
        if resent
        else _open("3", _("Send a message again, without an identity"), now=verified and not trusted),
        _done(_("New identity trusted"))
        if trusted
        else Stage(Tone.WARN, "!", _("No new identity came in time"))
        if late
        else _open("4", _("Its delivery brings the new identity"), now=resent),
    )


def _done(text: str) -> Stage:
    return Stage(Tone.GOOD, "✓", text)


def _open(mark: str, text: str, *, now: bool) -> Stage:
    return Stage(Tone.BUSY if now else Tone.QUIET, mark, text)
