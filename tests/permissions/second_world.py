"""A second business's whole world beside the first: a row of everything, each with a name or a number of its own.

One person and one account belong to both: what is between them and the second business bears its marks.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Model

from audit.models import AuditEvent, ProviderCall
from contacts import opt_ins
from contacts.consent.evidence import Evidence
from contacts.models import (
    Alias,
    CheckBatch,
    Consent,
    ConsentText,
    Contact,
    ContactCheck,
    IdentityKey,
    IdentityTrust,
    Message,
    MessageStatus,
    OptIn,
    OptInEvidence,
    OptInImport,
    Reach,
    Suggestion,
    TrustCase,
)
from numbers.models import BusinessAccount, BusinessNumber, VerificationAttempt
from providers.e164 import read_number
from providers.models import Business, BusinessName, ProviderAccount
from tests import factories
from webhooks.models import WebhookEvent, WebhookRequest

#: Stands in every text of the second business, and nowhere else.
MARK = "Zyxquor"
#: Numbers and ids of the second business: a person, one who opted out, our number, the WABA, the phone number id.
PERSON, OPTED_OUT, OURS = "+4915799887766", "+4915799887755", "+4930998877665"
WABA, PHONE_NUMBER_ID, WA_ID = "990011223344556", "990066554433221", "4915799887799"
#: Who is known to both businesses: the number is no secret, what the second business has on record is.
SHARED = factories.number(101)
MARKS = (MARK.lower(), *(number[1:] for number in (PERSON, OPTED_OUT, OURS)), WABA, PHONE_NUMBER_ID, WA_ID)


@dataclass(frozen=True)
class World:
    """The rows that stand for the second business, and the account that serves both."""

    business: Business
    rows: tuple[Model, ...]
    shared_account: ProviderAccount


def furnish(first: Business, *, base_url: str) -> World:
    """Make the second business with a row of everything; `first` shares a person and an account with it."""
    now = datetime.now(UTC)
    owner = factories.business(f"{MARK} Ltd")
    node = factories.account(owner, "onprem", base_url=base_url, name=f"{MARK.lower()}-node")
    node.recipient_legal_name = f"{MARK} Hosting"
    node.save()
    shared = ProviderAccount.objects.create(
        kind="cloud_api", base_url=base_url, name="shared-cloud", recipient_official=True
    )
    BusinessAccount.objects.create(waba_id="4711", business=first, account=shared, name="Acme on the shared account")
    waba = BusinessAccount.objects.create(waba_id=WABA, business=owner, account=shared, name=f"{MARK} WABA")
    number = BusinessNumber.objects.create(
        business_account=waba,
        e164=OURS,
        phone_number_id=PHONE_NUMBER_ID,
        verified_name=f"{MARK} Support",
        status=f"{MARK}_STATUS",
        register_again_by=now + timedelta(days=1),
    )
    rows: list[Model] = [owner, node, waba, number, *_of_numbers(number, now)]
    rows += _consent(owner, first, now)
    rows += _conversation(owner, shared, number, now)
    rows += _checks(owner, node, now)
    rows += _received(node, now)
    rows.append(
        ProviderCall.objects.create(
            account_id=node.pk,
            account_name=node.name,
            kind="onprem",
            operation="check",
            method="POST",
            url=f"https://{MARK}.example/v1",
            started_at=now,
        )
    )
    rows.append(
        ProviderCall.objects.create(
            account_id=shared.pk,
            account_name=shared.name,
            kind="cloud_api",
            operation="send",
            method="POST",
            url=f"https://graph.facebook.com/{PHONE_NUMBER_ID}/messages",
            started_at=now,
        )
    )
    rows += list(AuditEvent.objects.filter(business_id=owner.pk)[:2])
    return World(owner, tuple(rows), shared)


def _of_numbers(number: BusinessNumber, now: datetime) -> list[Model]:
    attempt = VerificationAttempt.objects.create(
        business_number=number,
        action="REGISTER",
        outcome="REFUSED",
        provider_words=f"{MARK} was refused",
        actor=f"{MARK}-operator",
        started_at=now,
    )
    return [attempt]


def _consent(owner: Business, first: Business, now: datetime) -> list[Model]:
    name = BusinessName.objects.create(business=owner, name=f"{MARK} Shop")
    wording = ConsentText.objects.create(
        business=owner,
        name=f"{MARK} Checkout",
        version="1",
        language="zy",
        text=f"Yes, {MARK} may write to me.",
        business_name_shown=owner.name,
        purposes="service",
        picture=b"%PDF-1.4 Zyxquor",
        picture_type="application/pdf",
        created_at=now,
        created_by=f"{MARK}-clerk",
    )
    proof = Evidence(text=f"{MARK} order 1", file=b"%PDF-1.4 Zyxquor", file_name=f"{MARK}.pdf")
    recorded = [
        factories.opted_in(number, owner, consent_text=wording, evidence=proof, external_id=f"{MARK}-{place}")
        for place, number in enumerate((PERSON, OPTED_OUT, SHARED))
    ]
    Contact.objects.filter(e164=PERSON).update(wa_id=WA_ID)
    opt_ins.withdraw(
        number=read_number(OPTED_OUT),
        business=owner,
        actor=f"{MARK}-clerk",
        now=now,
        source=f"{MARK} hotline",
        reason=f"{MARK} no more",
    )
    entry = OptInImport.objects.create(
        business=owner,
        file_name=f"{MARK}.csv",
        file_digest="9" * 64,
        numbers_read_as="e164",
        statement=f"{MARK} confirms",
        imported_by=f"{MARK}-clerk",
        started_at=now,
        state=OptInImport.State.FAILED,
        errors=f"phone\n{PERSON}\n".encode(),
    )
    held = OptIn.objects.create(
        pseudonym=Contact.objects.get(e164=OPTED_OUT).pseudonym,
        business=owner,
        state=OptIn.State.HELD,
        purposes="service",
        business_name_shown=owner.name,
        source=f"{MARK} fair",
        given_at=now,
        recorded_at=now,
        recorded_by=f"{MARK}-clerk",
        evidence_digest="9" * 64,
        opt_in_import=entry,
    )
    OptInEvidence.objects.create(opt_in=held, text=f"{MARK} card", salt=b"9" * 16, fingerprint="9" * 32)
    person = Contact.objects.get(e164=PERSON)
    consent = Consent.objects.get(contact=person, business=owner)
    return [name, wording, *(one.opt_in for one in recorded[:2]), recorded[2].opt_in, entry, held, person, consent]


def _conversation(owner: Business, account: ProviderAccount, number: BusinessNumber, now: datetime) -> list[Model]:
    rows: list[Model] = []
    for e164 in (PERSON, SHARED):
        contact = Contact.objects.get(e164=e164)
        met: dict[str, Any] = {"contact": contact, "account": account, "business_number": number}
        message = Message.objects.create(
            **met,
            business=owner,
            direction="IN",
            kind="TEXT",
            state="RECEIVED",
            body=json.dumps({"text": f"{MARK}, stop writing to me"}).encode(),
            wamid=f"wamid.{MARK}.{e164[-4:]}",
            actor=f"{MARK}-clerk",
            at=now,
        )
        status = MessageStatus.objects.create(
            account=account, wamid=message.wamid, status="delivered", at=now, received_at=now, error_words=MARK
        )
        key = IdentityKey.objects.create(
            **met,
            hash=f"{MARK}{e164[-4:]}=",
            source="INBOUND",
            reference=message.wamid,
            observed_at=now,
            recorded_at=now,
        )
        trust = IdentityTrust.objects.create(
            **met, state="MISMATCHED", hash=f"{MARK}{e164[-4:]}=", had_case=True, since=now
        )
        case = TrustCase.objects.create(
            **met,
            business=owner,
            reason="INBOUND",
            reference=message.wamid,
            message=message,
            hash_seen=f"{MARK}{e164[-4:]}=",
            opened_at=now - timedelta(days=30),
            assignee=f"{MARK}-clerk",
        )
        Reach.objects.create(**met, reached_at=now, wrote_at=now)
        Alias.objects.create(contact=contact, bsuid=f"ZY.{MARK}{e164[-4:]}", seen_at=now)
        suggestion = Suggestion.objects.create(
            kind="OPT_OUT",
            contact=contact,
            business=owner,
            message=message,
            reference=message.wamid,
            opened_at=now - timedelta(days=30),
            due_at=now - timedelta(days=20),
        )
        rows += [message, status, key, trust, case, suggestion]
    return rows


def _checks(owner: Business, node: ProviderAccount, now: datetime) -> list[Model]:
    batch = factories.check_run(node, PERSON, SHARED, OPTED_OUT, purpose="service")
    CheckBatch.objects.filter(pk=batch.pk).update(requested_by=f"{MARK}-clerk")
    ContactCheck.objects.filter(batch=batch).exclude(status="REFUSED").update(
        status="FAILED", detail=f"{MARK} went wrong", checked_at=now, first_asked_at=now, wa_id=WA_ID
    )
    return [batch, *batch.checks.all()]


def _received(node: ProviderAccount, now: datetime) -> list[Model]:
    stored = WebhookRequest.objects.create(
        kind="onprem",
        account_id=node.pk,
        body=json.dumps({"statuses": [{"id": MARK}]}).encode(),
        digest="9" * 64,
        received_at=now,
        due_at=now,
        error=f"{MARK} failed",
    )
    WebhookEvent.objects.create(request=stored, position=0, kind="status", field="statuses", key="9" * 64, error=MARK)
    return [stored]
