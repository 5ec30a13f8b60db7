"""optins_worth_a_look: opt-ins whose proof an authority or a lawyer would doubt first."""

from argparse import ArgumentParser
from typing import Any

from audit.command import ReportingCommand
from contacts.management.commands import business_named
from contacts.proof import worth_a_look as worth


class Command(ReportingCommand):
    """Prints what the report of the console shows; a person stands there by pseudonym."""

    help = "Print opt-ins worth a look: one row each, latest first; without --kind of every kind."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--kind", choices=worth.Kind.values, help="only this kind")
        parser.add_argument("--business", metavar="B", help="only opt-ins to this business")
        parser.add_argument("--limit", type=int, default=1_000, metavar="N", help="so many of a kind at most (1000)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print them."""
        among = frozenset({business_named(options["business"]).pk}) if options["business"] else None
        kinds = [worth.Kind(options["kind"])] if options["kind"] else list(worth.Kind)
        for kind in kinds:
            left, before = options["limit"], None
            while left > 0:
                page = worth.find(kind, among=among, before=before)
                for one in page.findings[:left]:
                    self.row(
                        {
                            "kind": kind.value,
                            "opt_in": one.opt_in.pk,
                            "pseudonym": one.opt_in.pseudonym,
                            "business": one.opt_in.business.name,
                            "source": one.opt_in.source,
                            "given_at": one.opt_in.given_at,
                            "recorded_at": one.opt_in.recorded_at,
                            "recorded_by": one.opt_in.recorded_by,
                            "why": one.why,
                        }
                    )
                left, before = left - len(page.findings), page.cursor
                if before is None:
                    break
