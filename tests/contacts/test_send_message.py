"""Sending a message: what leaves, with which hash, on which basis, and what is on record of it."""

from datetime import UTC, datetime, timedelta

import pytest

from audit.models import AuditEvent, ProviderCall
from contacts import messages
from contacts.gate import Basis, Outcome, Reason
from contacts.messages import ContentRefused, MessageRefused
from contacts.models import Consent, Contact, IdentityTrust, Message, TrustCase
from numbers.models import BusinessNumber
from providers.errors import NotConfigured
from providers.interfaces import TemplateMessage, TextMessage
from providers.models import Business, ProviderAccount
from sandbox import MessageEnding, Sandbox
from sandbox.seeds import CONNECTED_NUMBER_ID
from tests import factories
from tests.contacts.senders import HASH, TEXT, agreed, our_number, send, stranger, trusts, wrote

pytestmark = pytest.mark.django_db

ONE = factories.number(100)


@pytest.fixture
def number(acme: Business, sandbox: Sandbox) -> BusinessNumber:
    return our_number(acme, sandbox.url)


def refused(reason: Reason, to: object, number: BusinessNumber, **fields: object) -> MessageRefused:
    """Expect the refusal, with nothing that left and the ledger telling why."""
    before = Message.objects.count()
    with pytest.raises(MessageRefused) as caught:
        send(to, number, **fields)
    assert caught.value.reason is reason
    assert Message.objects.count() == before
    last = AuditEvent.objects.latest("sequence")
    assert (last.action, last.details["reason"]) == ("message.refused", reason.value)
    return caught.value


# --- What leaves ------------------------------------------------------------------------------------------------------


def test_a_text_leaves_once_with_the_plus_and_is_on_record(
    number: BusinessNumber, acme: Business, sandbox: Sandbox
) -> None:
    contact = agreed(ONE, acme)
    sandbox.people.open_window(ONE)

    message = send(contact, number, now=datetime.now(UTC))

    [sent] = sandbox.people.messages(ONE)
    assert (sent.wamid, sent.text, sent.identity_hash) == (message.wamid, TEXT.body, "")
    assert sent.phone_number_id == CONNECTED_NUMBER_ID
    assert (message.state, message.basis, message.purpose, message.hash_sent) == ("ACCEPTED", "OPT_IN", "service", "")
    assert message.opt_in_id == Consent.objects.get().grants[0][0]
    assert message.lease_until is None
    assert messages.content_of(message) == TEXT
    actions = list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))
    assert actions[-2:] == ["message.attempted", "message.accepted"]


def test_neither_text_nor_number_nor_wamid_is_in_ledger_or_call_log(number: BusinessNumber, acme: Business) -> None:
    message = send(agreed(ONE, acme), number)
    ledger = " ".join(str(row) for row in AuditEvent.objects.filter(action__startswith="message").values())
    calls = " ".join(str(row) for row in ProviderCall.objects.values())
    for secret in (TEXT.body, ONE[1:], message.wamid):
        assert secret not in ledger
        assert secret not in calls
    call = ProviderCall.objects.get(operation="send_message")
    assert (call.subject, call.numbers_count, call.http_status) == (f"Message:{message.pk}", 1, 200)


def test_the_trusted_hash_goes_with_it(number: BusinessNumber, acme: Business, sandbox: Sandbox) -> None:
    contact = agreed(ONE, acme)
    trusts(contact, number, sandbox.people.hash(ONE))

    message = send(contact, number)

    assert message.hash_sent == sandbox.people.hash(ONE)
    assert sandbox.people.messages(ONE)[0].identity_hash == sandbox.people.hash(ONE)


def test_without_a_hash_where_a_person_says_so(number: BusinessNumber, acme: Business, sandbox: Sandbox) -> None:
    contact = agreed(ONE, acme)
    trusts(contact, number)
    assert send(contact, number, with_hash=False).hash_sent == ""
    assert sandbox.people.messages(ONE)[0].identity_hash == ""


def test_a_hash_that_was_only_seen_is_not_sent(number: BusinessNumber, acme: Business, sandbox: Sandbox) -> None:
    contact = agreed(ONE, acme)
    trusts(contact, number, HASH, state="UNKNOWN", basis="")
    assert send(contact, number).hash_sent == ""
    assert sandbox.people.messages(ONE)[0].identity_hash == ""


def test_a_template_leaves_with_its_values(number: BusinessNumber, acme: Business, sandbox: Sandbox) -> None:
    facts = next(one for one in messages.templates(account=number.account, business_number=number) if _plain(one))
    contact = agreed(ONE, acme)
    content = TemplateMessage(facts.name, facts.language, tuple(f"v{place}" for place in range(facts.parameters)))

    message = send(contact, number, content=content)

    assert (message.state, message.kind) == ("ACCEPTED", "TEMPLATE")
    assert sandbox.people.messages(ONE)[0].template == facts.name
    assert messages.content_of(message) == content


def _plain(facts: object) -> bool:
    return getattr(facts, "category", "") == "UTILITY" and not getattr(facts, "needs_more", True)


def test_a_marketing_template_needs_consent_for_marketing_whatever_was_said(
    number: BusinessNumber, acme: Business, sandbox: Sandbox
) -> None:
    known = messages.templates(account=number.account, business_number=number)
    facts = next(one for one in known if one.category == "MARKETING")
    content = TemplateMessage(facts.name, facts.language)
    contact = agreed(ONE, acme)
    refused(Reason.PURPOSE_NOT_AGREED, contact, number, content=content)
    assert sandbox.people.messages(ONE) == ()

    agreed(ONE, acme, purposes=["marketing"])
    assert send(contact, number, content=content).purpose == "marketing"


def test_templates_that_cannot_be_read_do_not_stop_a_template(
    acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = our_number(acme, sandbox.url)
    number.business_account.waba_id = "999"
    number.business_account.save()
    message = send(agreed(ONE, acme), number, content=TemplateMessage("order_update", "en_US", ("a",)))
    assert message.state in ("ACCEPTED", "FAILED")


# --- Who may be written to --------------------------------------------------------------------------------------------


def test_a_stranger_gets_nothing(number: BusinessNumber, sandbox: Sandbox, now: datetime) -> None:
    refused(Reason.NO_OPT_IN, factories.read_number(ONE), number)
    refused(Reason.NO_OPT_IN, stranger(ONE, now), number)
    assert len(sandbox.journal) == 0
    assert not Contact.objects.exclude(e164=ONE).exists()


def test_whoever_opted_out_gets_nothing(number: BusinessNumber, acme: Business, sandbox: Sandbox) -> None:
    contact = agreed(ONE, acme)
    factories.withdrawn(ONE, acme, now=datetime.now(UTC))
    said = refused(Reason.WITHDRAWN, contact, number)
    assert "Acme" in said.message
    assert len(sandbox.journal) == 0


def test_consent_given_to_another_business_allows_nothing(number: BusinessNumber) -> None:
    ajax = factories.business("Ajax")
    refused(Reason.OTHER_BUSINESS, agreed(ONE, ajax), number)


def test_a_purpose_needs_its_own_consent(number: BusinessNumber, acme: Business) -> None:
    contact = agreed(ONE, acme)
    said = refused(Reason.PURPOSE_NOT_AGREED, contact, number, purpose="marketing")
    assert "Marketing" in said.message


def test_a_reply_needs_no_opt_in_while_the_window_is_open(number: BusinessNumber, sandbox: Sandbox) -> None:
    now = datetime.now(UTC)
    contact = stranger(ONE, now)
    wrote(contact, number, now - timedelta(hours=23))
    message = send(contact, number, now=now)
    assert (message.basis, message.opt_in_id, message.purpose) == ("REPLY_WINDOW", None, "service")
    assert len(sandbox.people.messages(ONE)) == 1
    refused(Reason.SERVICE_REPLY_ONLY, contact, number, now=now, purpose="utility")


def test_a_day_after_their_message_the_window_is_closed(number: BusinessNumber) -> None:
    now = datetime.now(UTC)
    contact = stranger(ONE, now)
    wrote(contact, number, now - timedelta(hours=24))
    refused(Reason.NO_OPT_IN, contact, number, now=now)


def test_what_they_wrote_to_another_number_of_ours_opens_nothing_here(number: BusinessNumber, acme: Business) -> None:
    now = datetime.now(UTC)
    contact = stranger(ONE, now)
    other = our_number(acme, "", phone_number_id="106850078877999", e164="+15550140000")
    wrote(contact, other, now)
    refused(Reason.NO_OPT_IN, contact, number, now=now)


def test_who_opted_out_since_they_wrote_gets_no_reply(number: BusinessNumber, acme: Business) -> None:
    now = datetime.now(UTC)
    contact = stranger(ONE, now)
    wrote(contact, number, now - timedelta(hours=2))
    factories.withdrawn(ONE, acme, now=now - timedelta(hours=1))
    refused(Reason.WITHDRAWN, contact, number, now=now)
    wrote(contact, number, now - timedelta(minutes=1))
    assert send(contact, number, now=now).basis == "REPLY_WINDOW"


def test_a_paused_account_sends_nothing(number: BusinessNumber, acme: Business, sandbox: Sandbox) -> None:
    contact = agreed(ONE, acme)
    ProviderAccount.objects.filter(pk=number.account.pk).update(paused_at=datetime.now(UTC), paused_reason="quota")
    number = BusinessNumber.objects.get(pk=number.pk)
    said = refused(Reason.ACCOUNT_PAUSED, contact, number)
    assert "quota" in said.message
    assert len(sandbox.journal) == 0


# --- Trust ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "reason"),
    [("MISMATCHED", Reason.IDENTITY_CHANGED), ("AWAITING_HASH", Reason.IDENTITY_AWAITED)],
)
def test_nobody_is_written_to_whose_identity_is_in_doubt(
    number: BusinessNumber, acme: Business, sandbox: Sandbox, state: str, reason: Reason
) -> None:
    contact = agreed(ONE, acme)
    trusts(contact, number, state=state, basis="")
    refused(reason, contact, number)
    refused(reason, contact, number, with_hash=False)
    wrote(contact, number, datetime.now(UTC))
    refused(reason, contact, number)
    assert len(sandbox.journal) == 0


def test_doubt_about_one_form_of_a_number_stops_messages_to_every_form(
    number: BusinessNumber, acme: Business, sandbox: Sandbox
) -> None:
    old, new = agreed("+5215512345678", acme), agreed("+525512345678", acme)
    trusts(old, number, state="MISMATCHED", basis="")
    refused(Reason.IDENTITY_CHANGED, new, number)
    assert len(sandbox.journal) == 0


def a_case(contact: Contact, number: BusinessNumber, **fields: object) -> TrustCase:
    """A case that a person closed as the same person, unless told otherwise."""
    now = datetime.now(UTC)
    values: dict[str, object] = {"outcome": "SAME_PERSON", "closed_at": now, "closed_by": "tests"} | fields
    return TrustCase.objects.create(
        contact=contact,
        business=number.business_account.business,
        account=number.account,
        business_number=number,
        reason="MISMATCH",
        opened_at=now,
        **values,
    )


def test_the_one_message_that_a_person_ordered_goes_without_a_hash(
    number: BusinessNumber, acme: Business, sandbox: Sandbox
) -> None:
    contact = agreed(ONE, acme)
    case = a_case(contact, number)
    trusts(contact, number, state="AWAITING_HASH", basis="")

    message = send(contact, number, resend_of_case=case)

    assert (message.state, message.hash_sent, message.resend_of_case) == ("ACCEPTED", "", case)
    assert [sent.identity_hash for sent in sandbox.people.messages(ONE)] == [""]
    refused(Reason.IDENTITY_AWAITED, contact, number)


def test_no_resend_without_the_verified_case_of_this_very_person(
    number: BusinessNumber, acme: Business, sandbox: Sandbox
) -> None:
    contact, other = agreed(ONE, acme), agreed(factories.number(101), acme)
    trusts(contact, number, state="AWAITING_HASH", basis="")
    refused(Reason.NO_RESEND_ORDERED, contact, number, resend_of_case=a_case(other, number))
    refused(Reason.NO_RESEND_ORDERED, contact, number, resend_of_case=a_case(contact, number, outcome="NOT_REACHED"))
    case = a_case(contact, number)
    IdentityTrust.objects.update(state="MISMATCHED")
    refused(Reason.IDENTITY_CHANGED, contact, number, resend_of_case=case)
    IdentityTrust.objects.update(state="TRUSTED", basis="VERIFIED")
    refused(Reason.NO_RESEND_ORDERED, contact, number, resend_of_case=case)
    assert len(sandbox.journal) == 0


def test_a_mismatch_told_at_once_stops_the_next_message(
    number: BusinessNumber, acme: Business, sandbox: Sandbox
) -> None:
    e164 = factories.number(int(MessageEnding.REFUSED_AT_ONCE))
    contact = agreed(e164, acme)
    trusts(contact, number, "AAAAAAAAAAA=")

    message = send(contact, number)

    assert (message.state, message.provider_code) == ("FAILED", "137000")
    assert IdentityTrust.objects.get().state == "MISMATCHED"
    assert TrustCase.objects.get().message == message
    problem = messages.problem(message)
    assert problem is not None and "identity has changed" in problem.happened
    refused(Reason.IDENTITY_CHANGED, contact, number)


# --- What is refused before it is written down ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        TextMessage(" \n"),
        TextMessage("x" * 4097),
        TextMessage("half a \ud83d letter"),
        TextMessage("nul\x00"),
        TemplateMessage("Not A Name", "en_US"),
        TemplateMessage("order_update", "english please"),
        TemplateMessage("order_update", "en_US", ("",)),
        TemplateMessage("order_update", "en_US", ("two\nlines",)),
        TemplateMessage("order_update", "en_US", ("five     spaces",)),
    ],
)
def test_what_whatsapp_would_refuse_is_refused_here(
    number: BusinessNumber, acme: Business, sandbox: Sandbox, content: TextMessage | TemplateMessage
) -> None:
    with pytest.raises(ContentRefused):
        send(agreed(ONE, acme), number, content=content)
    assert not Message.objects.exists()
    assert not sandbox.people.messages()


def test_an_account_that_sends_nothing_says_so(acme: Business, now: datetime) -> None:
    checker = factories.account(acme, "commbox", base_url="https://api.commbox.io")
    with pytest.raises(NotConfigured, match="sends no messages"):
        messages.send(to=agreed(ONE, acme), account=checker, business_number=None, content=TEXT, actor="tests", now=now)


def test_the_number_must_be_the_accounts_own(number: BusinessNumber, acme: Business, now: datetime) -> None:
    contact = agreed(ONE, acme)
    other = factories.account(acme, "cloud_api", base_url="https://graph.facebook.com", name="second")
    with pytest.raises(NotConfigured, match="not one of this account's"):
        messages.send(to=contact, account=other, business_number=number, content=TEXT, actor="tests", now=now)
    with pytest.raises(NotConfigured, match="Choose the number"):
        messages.send(to=contact, account=other, business_number=None, content=TEXT, actor="tests", now=now)
    BusinessNumber.objects.update(phone_number_id="")
    number.refresh_from_db()
    with pytest.raises(NotConfigured, match="no phone number id"):
        send(contact, number)


# --- What a page shows ------------------------------------------------------------------------------------------------


def test_a_page_says_until_when_a_reply_reaches_the_person(
    number: BusinessNumber, acme: Business, now: datetime
) -> None:
    contact = agreed(ONE, acme)
    wrote(contact, number, now - timedelta(hours=4))
    permit = messages.may_send(contact=contact, account=number.account, business_number=number, now=now)
    assert (permit.allowed, permit.text_reaches) == (True, True)
    assert permit.window_until == now + timedelta(hours=20)
    assert (permit.decision.basis, permit.words) == (Basis.OPT_IN, "")


def test_a_page_says_why_not_and_what_to_do(number: BusinessNumber, acme: Business, now: datetime) -> None:
    contact = agreed(ONE, acme)
    trusts(contact, number, state="MISMATCHED", basis="")
    permit = messages.may_send(contact=contact, account=number.account, business_number=number, now=now)
    assert permit.decision.outcome is Outcome.REFUSED
    assert (permit.allowed, permit.text_reaches, permit.identity_hash) == (False, False, "")
    assert "verify the person" in permit.words
    assert not Message.objects.exists() and AuditEvent.objects.filter(action="message.refused").count() == 0


def test_a_page_shows_the_hash_that_would_go_with_it(number: BusinessNumber, acme: Business, now: datetime) -> None:
    contact = agreed(ONE, acme)
    trusts(contact, number)
    permit = messages.may_send(contact=contact, account=number.account, business_number=number, now=now)
    assert permit.identity_hash == HASH


def test_every_refusal_has_words(number: BusinessNumber) -> None:
    from contacts.gate import MESSAGE_REFUSALS
    from contacts.messaging.refusals import words

    for reason in MESSAGE_REFUSALS | {Reason.ACCOUNT_PAUSED, Reason.POSTPONED}:
        said = words(reason, business="Acme", purpose="service", account=number.account)
        assert said and "%(" not in said


# --- Through an On-Premises node --------------------------------------------------------------------------------------


def send_through_a_node(contact: Contact, node: ProviderAccount) -> Message:
    return messages.send(
        to=contact, account=node, business_number=None, content=TEXT, actor="tests", now=datetime.now(UTC)
    )


def test_a_node_gets_no_hash_and_holds_back_what_a_person_must_acknowledge(acme: Business, sandbox: Sandbox) -> None:
    from sandbox.seeds import ON_PREMISES

    node = factories.account(acme, "onprem", base_url=sandbox.url)
    one = factories.number(int(MessageEnding.REFUSED_AT_ONCE))
    contact = agreed(one, acme)
    sandbox.people.open_window(one, to=ON_PREMISES)
    IdentityTrust.objects.create(
        contact=contact, account=node, state="TRUSTED", hash=HASH, basis="VERIFIED", since=datetime.now(UTC)
    )
    assert send_through_a_node(contact, node).hash_sent == ""
    sandbox.people.change_identity(one)

    held = send_through_a_node(contact, node)

    assert (held.state, held.provider_code) == ("FAILED", "1028")
    problem = messages.problem(held)
    assert problem is not None and problem.code == "137000"
    assert IdentityTrust.objects.get().state == "MISMATCHED"
    with pytest.raises(MessageRefused, match="verify the person"):
        send_through_a_node(contact, node)
    assert len(sandbox.people.messages(one)) == 1


def test_the_window_of_a_node_is_its_own(acme: Business, sandbox: Sandbox) -> None:
    from contacts.inbound import ReachKind, learn_reach

    now = datetime.now(UTC)
    node = factories.account(acme, "onprem", base_url=sandbox.url)
    contact = stranger(ONE, now)
    with pytest.raises(MessageRefused):
        send_through_a_node(contact, node)
    learn_reach(contact=contact, account=node, business_number=None, kind=ReachKind.INBOUND, at=now, now=now)
    assert send_through_a_node(contact, node).basis == "REPLY_WINDOW"


def test_an_account_that_must_wait_sends_nothing(number: BusinessNumber, acme: Business, sandbox: Sandbox) -> None:
    from providers import limits

    contact = agreed(ONE, acme)
    limits.postpone(number.account, until=datetime.now(UTC) + timedelta(minutes=5))
    number = BusinessNumber.objects.get(pk=number.pk)
    with pytest.raises(MessageRefused) as caught:
        send(contact, number)
    assert caught.value.reason is Reason.POSTPONED
    assert len(sandbox.journal) == 0
