"""send_message: send one text or template to one person, if consent and trust allow it."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from audit.command import Exit, ReportingCommand, actor, invalid
from contacts import messages
from contacts.gate import MESSAGE_REFUSALS
from contacts.models import Contact, Message
from numbers.management.commands import account_named
from numbers.models import BusinessNumber
from providers.e164 import Number, NumberRefused, read_number
from providers.errors import NotConfigured
from providers.interfaces import TemplateMessage, TextMessage
from providers.meta_ids import is_meta_id
from providers.models import ProviderAccount, Purpose


class Command(ReportingCommand):
    """Sends one message through the journey that the pages use, and prints what came of it."""

    help = (
        "Send one text or approved template to one person. It leaves only with consent for its purpose, or as a reply "
        "within 24 hours of their last message, and never while their WhatsApp identity is to be verified."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--from", dest="sender", metavar="PHONE_NUMBER_ID", help="our number, by Meta's id")
        parser.add_argument("--to", required=True, metavar="NUMBER", help="as +491701234567")
        parser.add_argument("--provider", metavar="NAME", help="the account: for a node, or of several")
        content = parser.add_mutually_exclusive_group(required=True)
        content.add_argument("--text", metavar="TEXT", help="free text")
        content.add_argument("--template", metavar="NAME", help="an approved template")
        parser.add_argument("--template-language", metavar="L", help="as en_US; needed with --template")
        parser.add_argument("--param", action="append", default=[], metavar="V", help="a value of the template")
        parser.add_argument("--purpose", choices=Purpose.values, default=Purpose.SERVICE.value, help="default service")
        parser.add_argument("--no-hash", action="store_true", help="send it without the trusted identity hash")

    def handle(self, *args: Any, **options: Any) -> None:
        """Send the message and print one row."""
        account, number = _sender(options)
        content = _content(options)
        try:
            to = read_number(options["to"])
            message = messages.send(
                to=to,
                account=account,
                business_number=number,
                content=content,
                purpose=options["purpose"],
                actor=actor(),
                now=datetime.now(UTC),
                with_hash=not options["no_hash"],
            )
        except (NumberRefused, messages.ContentRefused) as error:
            raise invalid(str(error)) from None
        except NotConfigured as error:
            raise invalid(f"{error.message} {error.next_step}") from None
        except messages.MessageRefused as refusal:
            self._refused(to, number, refusal)
        else:
            self._warn_of_a_closed_window(message)
            self._report(to, number, message)

    def _refused(self, to: Number, number: BusinessNumber | None, refusal: messages.MessageRefused) -> None:
        self.say(refusal.message)
        is_refused = refusal.reason in MESSAGE_REFUSALS
        self.row(_row(to, number, status="refused" if is_refused else "waiting", reason=refusal.reason.value))
        self.note(Exit.REFUSED if is_refused else Exit.INCOMPLETE)

    def _report(self, to: Number, number: BusinessNumber | None, message: Message) -> None:
        problem = messages.problem(message)
        if problem is not None:
            said = [problem.happened, problem.why, message.provider_words and f"“{message.provider_words}”"]
            self.say(" ".join([*filter(None, said), problem.next_step]))
        self.row(
            _row(
                to,
                number,
                status=message.state.lower(),
                message=message.pk,
                wamid=message.wamid or None,
                basis=message.basis.lower(),
                with_hash=bool(message.hash_sent),
                code=message.provider_code or None,
                said=message.provider_words or None,
                trace_id=message.trace_id or None,
            )
        )
        self.note(Exit.DONE if message.state == Message.State.ACCEPTED else Exit.INCOMPLETE)

    def _warn_of_a_closed_window(self, message: Message) -> None:
        if message.kind != Message.Kind.TEXT or message.state != Message.State.ACCEPTED:
            return
        contact = Contact.objects.get(pk=message.contact_id)
        until = messages.reply_window(
            contact=contact, account=message.account, business_number=message.business_number, now=message.at
        )
        if until is None:
            self.say(
                "As far as we know the person has not written to this number in the last 24 hours. Then free text does "
                "not reach them, and its status will say 131047: send an approved template."
            )


def _sender(options: dict[str, Any]) -> tuple[ProviderAccount, BusinessNumber | None]:
    account = account_named(options["provider"]) if options["provider"] else None
    wanted = options["sender"]
    if wanted is None:
        if account is None or account.kind != ProviderAccount.Kind.ONPREM:
            raise invalid("Name our number with --from, or an On-Premises account with --provider.")
        return account, None
    if not is_meta_id(wanted):
        raise invalid(f"“{wanted[:40]}” is not a phone number id: it consists of digits only.")
    rows = BusinessNumber.objects.select_related("business_account__account", "business_account__business")
    found = rows.filter(phone_number_id=wanted)
    if account is not None:
        found = found.filter(business_account__account=account)
    numbers = list(found[:2])
    if not numbers:
        raise invalid(f"No number with the id {wanted} is here. Add it, or read its WABA with sync_numbers.")
    if len(numbers) > 1:
        raise invalid(f"Several accounts have a number with the id {wanted}. Name one with --provider.")
    return numbers[0].account, numbers[0]


def _content(options: dict[str, Any]) -> messages.Content:
    if options["text"] is not None:
        if options["template_language"] or options["param"]:
            raise invalid("--template-language and --param belong to --template.")
        return TextMessage(options["text"])
    if not options["template_language"]:
        raise invalid("--template needs --template-language, as in en_US.")
    return TemplateMessage(options["template"], options["template_language"], tuple(options["param"]))


def _row(to: Number, number: BusinessNumber | None, **values: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "to": to.e164,
        "from": number.phone_number_id if number else None,
        "status": None,
        "reason": None,
        "message": None,
        "wamid": None,
        "basis": None,
        "with_hash": None,
        "code": None,
        "said": None,
        "trace_id": None,
    }
    return row | values
