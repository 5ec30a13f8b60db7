"""The errors of Meta's Cloud API (provider document: "Phone Numbers", and Meta's page of error codes).

An error that concerns one number or one WABA is Rejected, also where waiting helps: the account works for the others.
"""

from django.utils.translation import gettext_lazy as _

from providers.errors import AccountRefused, Rejected, Throttled, Unavailable
from providers.explanations import Entry, Meaning
from providers.meta_number_errors import META_NUMBER_ERRORS

_NEW_TOKEN = _("Replace the account's access token, test the connection, then try again.")
_GRANT = _("Have an admin of the business grant it in Meta's Business Settings, then try again.")
_PROVIDERS_LIMIT = _("Wait about an hour, then try again. This limit is Meta's.")

_ACCOUNT: tuple[Entry, ...] = (
    Entry(
        "0",
        Meaning.ACCOUNT,
        AccountRefused,
        _("Meta could not tell who is asking."),
        _("The access token is wrong, was revoked, or has expired."),
        _NEW_TOKEN,
    ),
    Entry(
        "190",
        Meaning.ACCOUNT,
        AccountRefused,
        _("The access token is no longer valid."),
        _("It expired, it was revoked, or its user lost access to the app."),
        _NEW_TOKEN,
    ),
    Entry(
        "3",
        Meaning.PERMISSION,
        AccountRefused,
        _("The Meta app may not make this call."),
        _("The app lacks a capability; acting for another business needs Advanced Access."),
        _("Have Advanced Access to whatsapp_business_management approved for the app, then try again."),
    ),
    Entry(
        "10",
        Meaning.PERMISSION,
        AccountRefused,
        _("The access token may not do this."),
        _("A permission was never granted to its user, or was taken away."),
        _GRANT,
    ),
    Entry(
        "200-299",
        Meaning.PERMISSION,
        AccountRefused,
        _("The access token lacks a permission."),
        _("whatsapp_business_management or whatsapp_business_messaging was not granted for this WABA."),
        _GRANT,
    ),
    Entry(
        "1",
        Meaning.TRY_AGAIN,
        Unavailable,
        _("Meta failed for an unknown reason."),
        _("A passing fault on Meta's side, or a request that it did not expect."),
        _("Try again in a minute. If it goes on, look at Meta's status page."),
    ),
    Entry(
        "2",
        Meaning.TRY_AGAIN,
        Unavailable,
        _("Meta's service is not available."),
        _("It is down or overloaded for the moment."),
        _("Try again in a few minutes. If it goes on, look at Meta's status page."),
    ),
    Entry(
        "4",
        Meaning.WAIT,
        Throttled,
        _("The Meta app has made too many calls."),
        _("All accounts that use the app share its limit."),
        _PROVIDERS_LIMIT,
    ),
    Entry(
        "17",
        Meaning.WAIT,
        Throttled,
        _("The access token's user has made too many calls."),
        _("All programs that use this user's tokens share its limit."),
        _PROVIDERS_LIMIT,
    ),
    Entry(
        "613",
        Meaning.WAIT,
        Throttled,
        _("This call was made too often."),
        _("Meta limits how often this very call may be made."),
        _PROVIDERS_LIMIT,
    ),
    Entry(
        "80007",
        Meaning.WAIT,
        Throttled,
        _("Too many calls were made for this WABA."),
        _("Meta allows 200 calls an hour, and 5,000 once a number of the WABA is registered."),
        _PROVIDERS_LIMIT,
    ),
    Entry(
        "130429",
        Meaning.WAIT,
        Throttled,
        _("The number has sent too much at once."),
        _("Its throughput is used up: 80 messages a second by default, 20 when it is also on the Business app."),
        _("Nothing to do: it goes on by itself when the second is over. This limit is Meta's."),
    ),
    Entry(
        "368",
        Meaning.POLICY,
        Rejected,
        _("Meta has blocked this WABA for the time being."),
        _("It says that the business broke a policy."),
        _("Read the reason in WhatsApp Manager under Account quality, and ask for a review there."),
    ),
    Entry(
        "131031",
        Meaning.POLICY,
        Rejected,
        _("Meta has locked this WABA."),
        _("A policy was broken, or data of the account could not be confirmed (a wrong PIN can be the cause)."),
        _("Read the reason in WhatsApp Manager under Account quality, and ask for a review there."),
    ),
)

_REQUEST: tuple[Entry, ...] = (
    Entry(
        "33",
        Meaning.BAD_REQUEST,
        Rejected,
        _("Meta does not find this phone number."),
        _("The number was deleted at Meta, or its phone number id is wrong."),
        _("Sync the WABA from Meta: the list shows which numbers and ids there are."),
    ),
    Entry(
        "100",
        Meaning.BAD_REQUEST,
        Rejected,
        _("Meta did not accept the request."),
        _("A value in it is wrong, or its id does not exist or is not visible to this access token."),
        _("Meta's words name the value. Check it and the ids, then try again."),
    ),
    Entry(
        "803",
        Meaning.BAD_REQUEST,
        Rejected,
        _("Meta knows nothing under this id."),
        _("The phone number id or WABA id is wrong, or was deleted."),
        _("Compare the ids with WhatsApp Manager and correct them here."),
    ),
)

_MESSAGES: tuple[Entry, ...] = (
    Entry(
        "131026",
        Meaning.MESSAGE,
        Rejected,
        _("The message cannot be delivered."),
        _("The person is not on WhatsApp, uses too old a version, has not accepted its terms, or has blocked you."),
        _("Reach the person in another way. Do not send again."),
    ),
    Entry(
        "131042",
        Meaning.MESSAGE,
        Rejected,
        _("The message was not sent because of a payment problem."),
        _("The WABA has no valid payment method, or its credit line is used up or not shared with it."),
        _("Settle the payment in WhatsApp Manager, then send again."),
    ),
    Entry(
        "131047",
        Meaning.MESSAGE,
        Rejected,
        _("Free text can no longer reach this person."),
        _("More than 24 hours have passed since their last message."),
        _("Send an approved template instead."),
    ),
    Entry(
        "131049",
        Meaning.MESSAGE,
        Rejected,
        _("Meta chose not to deliver this message."),
        _("It keeps the number of marketing messages low for each person."),
        _("Do not send it again at once: wait at least a day."),
    ),
    Entry(
        "131050",
        Meaning.MESSAGE,
        Rejected,
        _("This person has stopped marketing messages from you."),
        _("They said so in WhatsApp. That is a withdrawal for marketing."),
        _("Send no more marketing messages to this person."),
    ),
    Entry(
        "131056",
        Meaning.WAIT,
        Unavailable,
        _("Too many messages went to the same person in a short time."),
        _("Meta limits how fast one number may write to one person."),
        _("Wait a minute before writing to this person again. This limit is Meta's."),
    ),
    Entry(
        "130497",
        Meaning.MESSAGE,
        Rejected,
        _("The business may not write to people in this country."),
        _("Meta restricts some industries and accounts by country."),
        _("Do not send to this country; WhatsApp's business policy names the restriction."),
    ),
    Entry(
        "137000",
        Meaning.MESSAGE,
        Rejected,
        _("The message was not delivered: the person's WhatsApp identity has changed."),
        _("The identity key hash that was sent is not the person's present one. Somebody else may have the number."),
        _("Check in another way that it is still the same person, then re-establish trust."),
    ),
)

META_ERRORS: tuple[Entry, ...] = (*_ACCOUNT, *_REQUEST, *META_NUMBER_ERRORS, *_MESSAGES)
