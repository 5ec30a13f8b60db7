"""The errors of Kaleyra (provider document: "Verify Phone Number").

WA400 and WA500 each stand for several errors: the client tells them apart by their words and puts one behind the code.
"""

from django.utils.translation import gettext_lazy as _

from providers.errors import AccountRefused, Rejected, Unavailable
from providers.explanations import Entry, Meaning

KALEYRA_ERRORS: tuple[Entry, ...] = (
    Entry(
        "RBC001",
        Meaning.ACCOUNT,
        AccountRefused,
        _("Kaleyra does not know this SID and API key."),
        _("One of the two is wrong, or they belong to another pod. The code was not looked at."),
        _("Correct the account's SID, API key and pod, then enter the code again while it is valid."),
    ),
    Entry(
        "WA401",
        Meaning.PERMISSION,
        Rejected,
        _("Kaleyra does not find this WABA in the account."),
        _("The WABA id is wrong, or the WABA belongs to another Kaleyra account. The code was not looked at."),
        _("Compare the WABA id with Kaleyra's console, then enter the code again while it is valid."),
    ),
    Entry(
        "WA400:otp_format",
        Meaning.WRONG_CODE,
        Rejected,
        _("Kaleyra did not accept the code."),
        _("It is not the six digits that were sent to the number."),
        _("Enter the code of the newest message. If it expired, ask for another in Kaleyra's console."),
    ),
    Entry(
        "WA400:phone_number",
        Meaning.BAD_REQUEST,
        Rejected,
        _("Kaleyra did not accept the phone number."),
        _("The number and the phone number id do not belong together, or the number was not added at Kaleyra."),
        _("Compare number and phone number id with Kaleyra's console and correct them here."),
    ),
    Entry(
        "WA400:payload",
        Meaning.BAD_REQUEST,
        Rejected,
        _("Kaleyra could not read the request."),
        _("Kaleyra expects another form than its document shows."),
        _("Tell whoever looks after waadmin, and verify the number in Kaleyra's console meanwhile."),
    ),
    Entry(
        "WA400",
        Meaning.BAD_REQUEST,
        Rejected,
        _("Kaleyra refused the request."),
        _("Something in it is not what Kaleyra expects; its words may name it."),
        _("Check the number, its phone number id and the WABA id, then try again."),
    ),
    Entry(
        "WA500:already_approved",
        Meaning.ALREADY_VERIFIED,
        None,
        _("The number is verified already."),
        _("An earlier code was accepted, here or in Kaleyra's console."),
        _("Nothing to do: go on to the next step."),
    ),
    Entry(
        "WA500:try_again",
        Meaning.TRY_AGAIN,
        Unavailable,
        _("Kaleyra could not take the code just now."),
        _("Something failed on Kaleyra's side. This is an answer: the number is not verified."),
        _("Enter the code again in a minute. If that fails too, ask for another in Kaleyra's console."),
    ),
    Entry(
        "WA500",
        Meaning.TRY_AGAIN,
        Unavailable,
        _("Kaleyra failed on its side."),
        _("Its words may say more."),
        _("Try again in a few minutes. If it goes on, ask Kaleyra's support."),
    ),
)
