"""Commands about our own numbers; each calls one journey. A code or PIN comes from standard input only."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.views.decorators.debug import sensitive_variables

from audit.command import Exit, ReportingCommand, invalid
from numbers.limits import LimitReached, Refused
from numbers.models import BusinessAccount, BusinessNumber, VerificationAttempt
from providers import catalogue
from providers.errors import NotConfigured, ProviderError
from providers.meta_ids import is_meta_id
from providers.models import ProviderAccount


class NumberCommand(ReportingCommand):
    """A command about one number: finds it, and says refusals and provider errors in words."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the number, and the account where its id stands in several."""
        parser.add_argument("phone_number_id", metavar="PHONE_NUMBER_ID", help="Meta's id of the number")
        parser.add_argument("--provider", metavar="NAME", help="the account, where several have this number")

    def number(self, options: dict[str, Any]) -> BusinessNumber:
        """Find the number.

        :raises CommandError: when there is none, or several.
        """
        wanted = options["phone_number_id"]
        if not is_meta_id(wanted):
            raise invalid(f"“{wanted[:40]}” is not a phone number id: it consists of digits only.")
        rows = BusinessNumber.objects.select_related("business_account__account", "business_account__business")
        found = rows.filter(phone_number_id=wanted)
        if options["provider"]:
            found = found.filter(business_account__account=account_named(options["provider"]))
        numbers = list(found[:2])
        if not numbers:
            raise invalid(f"No number with the id {wanted} is here. Add it, or read its WABA with sync_numbers.")
        if len(numbers) > 1:
            raise invalid(f"Several accounts have a number with the id {wanted}. Name one with --provider.")
        return numbers[0]

    def refused(self, refusal: Refused) -> None:
        """Say why it was refused here; a limit that frees by itself is a wait, anything else invalid input.

        :raises CommandError: where it is not a limit.
        """
        if not isinstance(refusal, LimitReached):
            raise invalid(refusal.message)
        self.say(refusal.message)
        self.row({"outcome": "waiting", "whose_limit": refusal.whose.value, "free_at": refusal.free_at})
        self.note(Exit.INCOMPLETE)

    def failed(self, error: ProviderError, account: ProviderAccount) -> None:
        """Say in words what a provider's error means, and report it as a row.

        :raises CommandError: where the account's settings are the reason.
        """
        if isinstance(error, NotConfigured):
            raise invalid(f"{error.message} {error.next_step}")
        self.explain(account.kind, error.code, error.said or error.message, error.trace_id, error.http_status)
        self.row({"outcome": "failed", "code": error.code, "said": error.said, "trace_id": error.trace_id})
        self.note(Exit.INCOMPLETE)

    def report(self, attempt: VerificationAttempt, **more: Any) -> None:
        """Report how an attempt ended; anything but done is said in words."""
        number = attempt.business_number
        number.refresh_from_db()
        self.row(
            {
                "phone_number_id": number.phone_number_id,
                "e164": number.e164,
                "outcome": attempt.outcome.lower(),
                "code": attempt.provider_code,
                "said": attempt.provider_words,
                "trace_id": attempt.trace_id,
                "code_verification_status": number.code_verification_status,
                "status": number.status,
            }
            | more
        )
        if attempt.outcome == VerificationAttempt.Outcome.DONE:
            return
        self.note(Exit.INCOMPLETE)
        if attempt.outcome == VerificationAttempt.Outcome.UNKNOWN:
            self.say("No answer came: nobody knows whether it was done. It is not sent again by itself.")
        else:
            self.explain(number.account.kind, attempt.provider_code, attempt.provider_words, attempt.trace_id)

    def explain(self, kind: str, code: str, said: str, trace_id: str, http_status: int | None = None) -> None:
        """Say a provider's error in the catalogue's words, with its own beside them."""
        explanation = catalogue.explain(kind, code, http_status=http_status)
        self.say(f"{explanation.happened} {explanation.why}\nNext: {explanation.next_step}")
        self.say(f"The provider: {code or 'no code'} “{said}” {trace_id}".rstrip())


def account_named(name: str) -> ProviderAccount:
    """Find a provider account by its name.

    :raises CommandError: with the names that there are.
    """
    account = ProviderAccount.objects.filter(name=name).first()
    if account is None:
        known = ", ".join(ProviderAccount.objects.values_list("name", flat=True)) or "none yet"
        raise invalid(f"There is no provider account “{name}”. Accounts: {known}.")
    return account


def business_account_with(waba_id: str, provider: str | None) -> BusinessAccount:
    """Find a WABA by its id.

    :raises CommandError: when there is none, or several.
    """
    found = BusinessAccount.objects.select_related("account", "business").filter(waba_id=waba_id)
    if provider:
        found = found.filter(account=account_named(provider))
    business_accounts = list(found[:2])
    if not business_accounts:
        known = ", ".join(BusinessAccount.objects.values_list("waba_id", flat=True)) or "none yet"
        raise invalid(f"There is no WABA with the id “{waba_id[:40]}”. WABAs: {known}.")
    if len(business_accounts) > 1:
        raise invalid(f"Several accounts have the WABA {waba_id}. Name one with --provider.")
    return business_accounts[0]


@sensitive_variables()
def secret_line(prompt: str) -> str:
    """Read one line from standard input; at a terminal nothing is echoed."""
    return getpass.getpass(f"{prompt}: ") if sys.stdin.isatty() else sys.stdin.readline()
