"""reestablish_trust: settle an identity case as "same person", and send the message that was held back once more."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from audit.command import Exit, actor, invalid
from contacts import messages
from contacts.gate import MESSAGE_REFUSALS
from contacts.identity import cases, node, settling
from contacts.identity.cases import CaseRefused
from contacts.identity.settling import Resend
from contacts.identity.trust import cases_of, standing
from contacts.models import Contact, IdentityTrust, Message, TrustCase
from numbers.management.commands import NumberCommand, account_named
from numbers.models import BusinessNumber
from providers.e164 import NumberRefused, person_key, read_number
from providers.errors import NotConfigured, ProviderError
from providers.interfaces import TemplateMessage
from providers.models import ProviderAccount
from providers.onprem_identity import StaleIdentity


class Command(NumberCommand):
    """Settles one case through the journey that its page uses; there is no way to settle several at once."""

    help = (
        "Say that you verified one person outside WhatsApp after their identity changed. The message that was held "
        "back goes again without an identity hash, and the hash of its status is the trusted one. Do not write "
        "identity numbers or passwords into the evidence."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("number", metavar="NUMBER", help="the person's, as +491701234567")
        parser.add_argument("--from", dest="sender", metavar="PHONE_NUMBER_ID", help="our number, by Meta's id")
        parser.add_argument("--provider", metavar="NAME", help="the account: for a node, or of several")
        parser.add_argument("--channel", required=True, metavar="C", help="how the person was verified: phone call, …")
        parser.add_argument("--evidence", required=True, metavar="TEXT", help="what showed that it is the same person")
        chosen = parser.add_mutually_exclusive_group()
        chosen.add_argument("--template", metavar="NAME", help="send this template instead of the original message")
        chosen.add_argument("--no-resend", action="store_true", help="send nothing yet")
        parser.add_argument("--template-language", metavar="L", help="as en_US; needed with --template")
        parser.add_argument("--param", action="append", default=[], metavar="V", help="a value of the template")
        parser.add_argument("--hash", metavar="H", help="of a node: exactly the identity that you saw there")
        parser.add_argument("--again", action="store_true", help="open a case where none is open, to verify again")

    def handle(self, *args: Any, **options: Any) -> None:
        """Settle the case and print one row."""
        account, number = self._sender(options)
        try:
            case, trust = _case(options, account, number)
            if number is None:
                self._settle_at_the_node(case, options)
            else:
                self._settle(case, trust, options)
        except (CaseRefused, NumberRefused, messages.ContentRefused) as error:
            raise invalid(str(error)) from None
        except NotConfigured as error:
            raise invalid(f"{error.message} {error.next_step}") from None
        except messages.MessageRefused as refusal:
            self.say(refusal.message)
            self.note(Exit.REFUSED if refusal.reason in MESSAGE_REFUSALS else Exit.INCOMPLETE)
            self._report(case, None, reason=refusal.reason.value)
        except ProviderError as error:
            self.say(f"{error.message} {error.next_step}")
            self.note(Exit.REFUSED if isinstance(error, StaleIdentity) else Exit.INCOMPLETE)
            self._report(case, None)

    def _sender(self, options: dict[str, Any]) -> tuple[ProviderAccount, BusinessNumber | None]:
        if options["sender"] is not None:
            number = self.number({"phone_number_id": options["sender"], "provider": options["provider"]})
            return number.account, number
        account = account_named(options["provider"]) if options["provider"] else None
        if account is None or account.kind != ProviderAccount.Kind.ONPREM:
            raise invalid("Name our number with --from, or an On-Premises account with --provider.")
        return account, None

    def _settle(self, case: TrustCase, trust: IdentityTrust, options: dict[str, Any]) -> None:
        now, template = datetime.now(UTC), _template(options)
        if case.closed_at is not None:
            self.say("This person is verified already; the message goes once more.")
            message: Message | None = settling.resend_again(case=case, template=template, actor=actor(), now=now)
        else:
            message = settling.same_person(
                case=case,
                channel=options["channel"],
                evidence=options["evidence"],
                resend=Resend.NOTHING if options["no_resend"] else Resend.TEMPLATE if template else Resend.ORIGINAL,
                template=template,
                actor=actor(),
                now=now,
            )
        if message is not None and message.state != Message.State.ACCEPTED:
            self.say("The message did not go out, so it brings no identity. Look at the case and send it again.")
            self.note(Exit.INCOMPLETE)
        self._report(case, message)

    def _settle_at_the_node(self, case: TrustCase, options: dict[str, Any]) -> None:
        now = datetime.now(UTC)
        if not options["hash"]:
            seen = node.read_identity(case=case, actor=actor(), now=now)
            self.say("Compare this identity with what you verified, then name it with --hash. Nothing was confirmed.")
            self.note(Exit.INCOMPLETE)
            self._report(case, None, hash=seen.hash, acknowledged=seen.acknowledged)
            return
        node.acknowledge(
            case=case,
            hash=options["hash"],
            channel=options["channel"],
            evidence=options["evidence"],
            actor=actor(),
            now=now,
        )
        self._report(case, None, hash=options["hash"], acknowledged=True)

    def _report(self, case: TrustCase, message: Message | None, **more: Any) -> None:
        case.refresh_from_db()
        trust = standing(contact=case.contact, account=case.account, business_number=case.business_number)
        self.row(
            {
                "e164": case.contact.e164,
                "case": case.pk,
                "outcome": case.outcome.lower() or None,
                "trust": trust.state.lower() if trust else None,
                "message": message.pk if message else None,
                "status": message.state.lower() if message else None,
                "wamid": (message.wamid or None) if message else None,
                "hash_expected_until": case.hash_expected_until,
                "reason": None,
            }
            | more
        )


def _case(
    options: dict[str, Any], account: ProviderAccount, number: BusinessNumber | None
) -> tuple[TrustCase, IdentityTrust]:
    """Find the case that waits: an open one, or a verified one whose message brought no identity yet."""
    wanted = read_number(options["number"])
    contact = Contact.objects.filter(person_key=person_key(wanted.e164)).order_by("pk").first()
    trust = standing(contact=contact, account=account, business_number=number) if contact else None
    if contact is None or trust is None:
        raise CaseRefused(f"No identity of {wanted.e164} is known to this number, so there is nothing to settle.")
    case = cases_of(trust).first()
    if case is not None and case.closed_at is None:
        return case, trust
    if options["again"]:
        opened = cases.open_by_hand(
            contact=contact, account=account, business_number=number, actor=actor(), now=datetime.now(UTC)
        )
        return opened, trust
    if case is not None and trust.state == IdentityTrust.State.AWAITING_HASH:
        return case, trust
    raise CaseRefused("There is no open case for this person. To verify them again all the same, add --again.")


def _template(options: dict[str, Any]) -> TemplateMessage | None:
    if not options["template"]:
        return None
    if not options["template_language"]:
        raise invalid("Name the template's language with --template-language, as en_US.")
    return TemplateMessage(options["template"], options["template_language"], tuple(options["param"]))
