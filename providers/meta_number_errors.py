"""The errors of Meta's Cloud API that a number meets on its way: its code, its PIN, its registration.

136024 and 136025 each stand for several errors: the client tells them apart by Meta's words, and a word of ours stands
behind the code.
"""

from django.utils.translation import gettext_lazy as _

from providers.errors import Rejected, Unavailable
from providers.explanations import Entry, Meaning

_CODE: tuple[Entry, ...] = (
    Entry(
        "136024",
        Meaning.CODE_NOT_SENT,
        Rejected,
        _("Meta did not send a code."),
        _("The number could not be reached by this method, or too many codes were asked for it."),
        _("Check the number, wait ten minutes, then ask for a code by the other method."),
    ),
    Entry(
        "136024:too_many",
        Meaning.WAIT,
        Rejected,
        _("Meta sends no more codes to this number for now."),
        _("Too many were requested for it."),
        _("Wait as long as Meta's words say, or some hours, then request one code. This limit is Meta's."),
    ),
    Entry(
        "136024:already_verified",
        Meaning.ALREADY_VERIFIED,
        Rejected,
        _("The number is verified already."),
        _("An earlier code was accepted, so Meta sends no other."),
        _("Nothing to do: go on to the next step."),
    ),
    Entry(
        "136025",
        Meaning.WRONG_CODE,
        Rejected,
        _("The code is wrong."),
        _("It is not the newest code that was sent to this number: a new code makes the one before worthless."),
        _("Enter the code of the newest message or call."),
    ),
    Entry(
        "100:wrong_code",
        Meaning.WRONG_CODE,
        Rejected,
        _("The code is wrong."),
        _("Meta refused the value of the code: it is not the newest one that was sent to this number."),
        _("Enter the code of the newest message or call."),
    ),
    Entry(
        "136025:expired",
        Meaning.CODE_EXPIRED,
        Rejected,
        _("The code is no longer valid."),
        _("A code is good for about ten minutes, and once."),
        _("Request a new code and enter it within ten minutes."),
    ),
    Entry(
        "136025:too_many",
        Meaning.CODE_EXPIRED,
        Rejected,
        _("This code is no longer taken."),
        _("Wrong codes were entered too often."),
        _("Request a new code and enter that one. This limit is Meta's."),
    ),
    Entry(
        "136025:already_verified",
        Meaning.ALREADY_VERIFIED,
        Rejected,
        _("The number is verified already."),
        _("An earlier code was accepted."),
        _("Nothing to do: go on to the next step."),
    ),
)

_REGISTRATION: tuple[Entry, ...] = (
    Entry(
        "133000",
        Meaning.DEREGISTER_FIRST,
        Rejected,
        _("An earlier deregistration of this number did not finish."),
        _("Meta still holds a part of its old registration."),
        _("Deregister the number once more, then register it."),
    ),
    Entry(
        "133004",
        Meaning.TRY_AGAIN,
        Unavailable,
        _("Meta's registration is not available just now."),
        _("The server is down or overloaded for the moment."),
        _("Try again in a few minutes."),
    ),
    Entry(
        "133005",
        Meaning.WRONG_PIN,
        Rejected,
        _("The PIN is wrong."),
        _("The number has two-step verification, and this is not its PIN. A few wrong ones lock its registration."),
        _("Ask the client for the PIN, or have two-step verification turned off in WhatsApp Manager. Do not guess."),
    ),
    Entry(
        "133006",
        Meaning.VERIFY_FIRST,
        Rejected,
        _("The number must be verified before it is registered."),
        _("It was never verified, or its verification has expired."),
        _("Request a code and enter it, then register."),
    ),
    Entry(
        "133008",
        Meaning.WAIT,
        Rejected,
        _("Too many wrong PINs were entered for this number."),
        _("Meta has locked its registration for a while."),
        _("Wait as long as Meta's words say, and find out the right PIN meanwhile. This limit is Meta's."),
    ),
    Entry(
        "133009",
        Meaning.WAIT,
        Rejected,
        _("PINs were entered too fast."),
        _("Meta asks for a pause between two of them."),
        _("Wait as long as Meta's words say, then try again. This limit is Meta's."),
    ),
    Entry(
        "133010",
        Meaning.NOT_REGISTERED,
        Rejected,
        _("The number is not registered here."),
        _("It was never registered with the Cloud API, or was deregistered."),
        _("Register the number with its PIN, then try again."),
    ),
    Entry(
        "133015",
        Meaning.WAIT,
        Rejected,
        _("The number was deleted a moment ago."),
        _("Meta has not finished deleting it."),
        _("Wait five minutes, then register it. This limit is Meta's."),
    ),
    Entry(
        "133016",
        Meaning.REGISTRATION_LIMIT,
        Rejected,
        _("This number was registered and deregistered too often."),
        _("Meta allows ten times in 72 hours and then blocks the number for 72 hours."),
        _("Wait 72 hours from now, then register it once. This limit is Meta's."),
    ),
)

META_NUMBER_ERRORS: tuple[Entry, ...] = (*_CODE, *_REGISTRATION)
