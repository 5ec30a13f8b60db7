"""record_optin: record that one person agreed."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from audit.command import ReportingCommand, actor, invalid
from contacts import opt_ins
from contacts.consent.evidence import Evidence
from contacts.consent.times import read_time
from contacts.management.commands import business_named
from contacts.models import Consent, ConsentText
from providers.e164 import NumberRefused, Reading, read_number
from providers.models import Business, Purpose


class Command(ReportingCommand):
    """Records one grant through the journey that the forms use."""

    help = "Record that one person agreed to be contacted: one consent event with its proof."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("number", metavar="NUMBER", help="as +491701234567")
        parser.add_argument("--business", required=True, metavar="B", help="whom the person opted in to")
        parser.add_argument("--name-shown", required=True, metavar="N", help="the business name that the person saw")
        parser.add_argument("--source", required=True, metavar="S", help="where the person agreed: web form, paper, …")
        parser.add_argument("--evidence", required=True, metavar="TEXT", help="what shows that the person agreed")
        parser.add_argument("--given-at", metavar="T", help="ISO 8601 with a time zone; a date is 00:00 UTC (now)")
        parser.add_argument(
            "--purpose", action="append", default=[], choices=Purpose.values, help="may stand several times"
        )
        parser.add_argument(
            "--consent-text",
            metavar="C",
            help="the wording in the library: NAME, NAME/VERSION or NAME/VERSION/LANGUAGE",
        )
        parser.add_argument("--region", metavar="XX", help="read a number without + as a national one of this region")

    def handle(self, *args: Any, **options: Any) -> None:
        """Record the event and print it."""
        now = datetime.now(UTC)
        business = business_named(options["business"])
        region = options["region"]
        try:
            recorded = opt_ins.record(
                number=read_number(
                    options["number"],
                    reading=Reading.NATIONAL if region else Reading.E164,
                    region=region.upper() if region else None,
                ),
                business=business,
                actor=actor(),
                now=now,
                source=options["source"],
                evidence=Evidence(text=options["evidence"]),
                business_name_shown=options["name_shown"],
                given_at=_given_at(options["given_at"]) if options["given_at"] else now,
                purposes=options["purpose"],
                consent_text=_text(business, options["consent_text"]) if options["consent_text"] else None,
            )
        except (NumberRefused, opt_ins.OptInRefused) as error:
            raise invalid(str(error)) from None
        opt_in = recorded.opt_in
        if not recorded.created:
            self.say("This very event is on record already; nothing changed.")
        if recorded.consent.status != Consent.Status.GRANTED:
            self.say("The person opted out later than this: the record is kept and allows nothing.")
        self.row(
            {
                "e164": recorded.consent.contact.e164,
                "business": business.name,
                "opt_in": opt_in.pk,
                "state": opt_in.state.lower(),
                "purposes": opt_in.purposes,
                "given_at": opt_in.given_at,
                "created": recorded.created,
                "consent": recorded.consent.status.lower(),
            }
        )


def _given_at(text: str) -> datetime:
    try:
        return read_time(text)
    except ValueError as error:
        raise invalid(f"--given-at {text}: {error}") from None


def _text(business: Business, wanted: str) -> ConsentText:
    name, _slash, rest = wanted.partition("/")
    version, _slash, language = rest.partition("/")
    texts = ConsentText.objects.filter(business=business, name__iexact=name)
    if version:
        texts = texts.filter(version__iexact=version)
    if language:
        texts = texts.filter(language__iexact=language)
    found = list(texts.order_by("pk")[:2])
    if len(found) != 1:
        known = ", ".join(
            f"{text.name}/{text.version}/{text.language}" for text in ConsentText.objects.filter(business=business)
        )
        problem = "matches several wordings" if found else "is not in the library"
        raise invalid(f"--consent-text {wanted} {problem}. The library has: {known or 'nothing yet'}.")
    return found[0]
