"""What to do in each case that a person may find a number in: said beside every choice, so that none is a dead end."""

from django.utils.translation import gettext_lazy as _

from numbers.models import BusinessNumber

#: Where the number is now, and what has to happen before it can be added here.
ORIGIN: dict[str, object] = {
    BusinessNumber.Origin.NEW: _(
        "Nothing to do first. Somebody must be able to receive an SMS or a call on it while you go on."
    ),
    BusinessNumber.Origin.WHATSAPP_APP: _(
        "Back up the chats, then delete the account in the app (Settings, Account, Delete account) and wait some "
        "minutes. Does the client want to keep the Business app beside this? Then connect it as a coexistence number "
        "in Meta's own signup and read the WABA again: such a number is recognised here and left alone."
    ),
    BusinessNumber.Origin.OTHER_PROVIDER: _(
        "Have two-step verification turned off where it is now. Then it moves here with its name and quality; it keeps "
        "working there until it is registered here, so nothing is cut off meanwhile."
    ),
    BusinessNumber.Origin.HERE: _(
        "Nothing to add. Read the numbers of the WABA from Meta, and go on from where it stands."
    ),
    BusinessNumber.Origin.UNSURE: _(
        "Ask the client which app or company they send WhatsApp messages with. If nobody knows, go on: Meta refuses a "
        "number that is in use elsewhere, says so, and nothing is lost."
    ),
}

#: Whether the number has a PIN, and what follows. A guess costs one of few tries.
PIN: dict[str, object] = {
    BusinessNumber.PinKnown.KNOWN: _(
        "You type it in the next step. After two wrong PINs waadmin stops: some more would lock registration at Meta."
    ),
    BusinessNumber.PinKnown.FORGOTTEN: _(
        "Nobody can read it, and no call turns it off. The client opens WhatsApp Manager, Phone numbers, this number, "
        "Settings, Two-step verification, and turns it off by the link that Meta sends by e-mail. Then answer “No”."
    ),
    BusinessNumber.PinKnown.NONE: _(
        "Six digits become its PIN when it is registered: yours, or ones that waadmin makes. They are kept encrypted."
    ),
    BusinessNumber.PinKnown.UNSURE: _(
        "A number that was on WhatsApp before, with another provider or in the app, often has one: ask who set it up. "
        "A wrong guess costs a try, so answer “No” only when somebody is sure."
    ),
}

#: What a status of Meta's means that is no step of ours, and what can be done.
TROUBLE: dict[str, object] = {
    "BANNED": _(
        "Meta has banned this number: it sends nothing, and no step here brings it back. The client asks for a review "
        "in WhatsApp Manager, Account quality. Do not register or deregister it meanwhile."
    ),
    "RESTRICTED": _(
        "The number has reached its limit of conversations for these 24 hours. It goes on by itself; the limit rises "
        "with use and good quality."
    ),
    "FLAGGED": _(
        "Many people blocked or reported the number in the last days. Write to fewer people, and only to those who "
        "agreed; if the quality stays low for seven days, Meta lowers the limit."
    ),
    "DISCONNECTED": _(
        "The number is not connected to WhatsApp any more. Registering it again with its PIN brings it back."
    ),
    "DELETED": _("The number was deleted in WhatsApp Manager. To use it again, add it to the WABA anew."),
    "MIGRATED": _("The number has moved to another WABA or provider. Nothing here reaches it any more."),
}
