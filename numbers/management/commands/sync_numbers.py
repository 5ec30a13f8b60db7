"""sync_numbers: read WABAs and their numbers from the provider."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from audit.command import actor, invalid
from numbers import sync
from numbers.limits import Refused
from numbers.management.commands import NumberCommand, account_named, business_account_with
from numbers.models import BusinessAccount
from providers import registry
from providers.errors import ProviderError
from providers.models import ProviderAccount


class Command(NumberCommand):
    """Reads WABAs through the journey that the WABA's page uses."""

    help = "Read WABAs and their numbers from Meta. Nothing is ever removed here. Without an id: every WABA."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("waba_ids", nargs="*", metavar="WABA_ID", help="by default every WABA that can be read")
        parser.add_argument("--provider", metavar="NAME", help="only WABAs of this account")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read each WABA and print one row for it."""
        chosen = [business_account_with(waba_id, options["provider"]) for waba_id in options["waba_ids"]]
        for business_account in chosen or _all(options["provider"]):
            try:
                synced = sync.sync_business_account(
                    business_account=business_account, actor=actor(), now=datetime.now(UTC)
                )
            except Refused as refusal:
                self.refused(refusal)
            except ProviderError as error:
                self.say(f"WABA {business_account.waba_id}:")
                self.failed(error, business_account.account)
            else:
                self.row(
                    {
                        "waba_id": business_account.waba_id,
                        "name": business_account.name,
                        "outcome": "done",
                        "created": synced.created,
                        "updated": synced.updated,
                        "unchanged": synced.unchanged,
                        "left_out": list(synced.left_out) if self.json else ", ".join(synced.left_out),
                    }
                )


def _all(provider: str | None) -> list[BusinessAccount]:
    hosts = [kind for kind in ProviderAccount.Kind.values if registry.hosts_numbers(kind)]
    rows = BusinessAccount.objects.select_related("account", "business").filter(account__kind__in=hosts)
    if provider:
        rows = rows.filter(account=account_named(provider))
    found = list(rows)
    if not found:
        raise invalid("There is no WABA of a Cloud API account here yet. Add one, or write it into the configuration.")
    return found
