"""A person, their changing identity and a business that writes to them, in any order, every webhook late or twice.

Whatever happens, an untrusted hash is never sent and a mismatched contact is never messaged. IDENTITY_STEPS sets how
many steps are tried (1,000 by default).
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from contacts import identity, messages
from contacts.identity import cases, settling
from contacts.identity.cases import CaseRefused
from contacts.identity.settling import Resend
from contacts.incoming import SystemKind
from contacts.models import Consent, Contact, IdentityTrust, Message, TrustCase
from numbers.models import BusinessNumber
from providers.interfaces import TemplateMessage
from providers.models import Business
from sandbox import Sandbox
from tests import factories
from tests.contacts.senders import agreed, our_number, send, status, tell
from tests.contacts.writers import system, tells, writes

pytestmark = pytest.mark.django_db

STEPS_AT_ONCE = 50
STEPS = int(os.environ.get("IDENTITY_STEPS", "1000"))
T = datetime(2026, 5, 3, 12, 0, tzinfo=UTC)
TEMPLATE = TemplateMessage("hello_world", "en_US")
WORDS = {"channel": "phone call", "evidence": "gave the last order", "actor": "tests"}
#: What may happen, as often as it stands here.
ACTIONS = [
    *["send"] * 4, *["deliver"] * 5, *["deliver_the_latest"] * 6, *["change_identity"] * 2, *["write"] * 2,
    *["same_person"] * 3, *["resend_again"] * 2, *["grant"] * 3, *["surprise"] * 4, "withdraw", "somebody_else",
    "ask_to_verify_again", "a_day_passes",
]  # fmt: skip


class Stage:
    """Who takes part; each run of the machine has a person of its own."""

    business: Business
    number: BusinessNumber
    sandbox: Sandbox
    people = 0
    steps = 0


class Identities(RuleBasedStateMachine):
    """The world as it is, beside what the product believes."""

    def __init__(self) -> None:
        super().__init__()
        Stage.people += 1
        self.e164 = factories.number(100 + Stage.people // 1000, Stage.people % 1000)
        self.now = T
        self.epoch = self.chance = 0
        #: Webhooks of what happened so far; each may be delivered at any time later, and again.
        self.webhooks: list[Callable[[], Any]] = []
        #: Hashes that a delivered or read status of a message without a hash has told us.
        self.told_by_status: set[str] = set()
        #: A mismatch was reported, and no person has verified anybody since.
        self.reported = False
        self.verified_at: datetime | None = None
        self.contact: Contact

    @initialize()
    def meet(self) -> None:
        self.contact = agreed(self.e164, Stage.business, given_at=T, now=T)

    @rule(action=st.sampled_from(ACTIONS), chance=st.integers(0, 209))
    def happens(self, action: str, chance: int) -> None:
        # One rule for all: hypothesis would leave whole rules out of a run, and most need each other.
        Stage.steps += 1
        self.chance = chance
        getattr(self, action)()

    @property
    def hash(self) -> str:
        return f"h{self.epoch}"

    @property
    def trust(self) -> IdentityTrust | None:
        return identity.standing(contact=self.contact, account=Stage.number.account, business_number=Stage.number)

    def tick(self, seconds: float = 10) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    def case(self) -> TrustCase | None:
        return TrustCase.objects.filter(contact=self.contact).order_by("-pk").first()

    def grant(self) -> None:
        now = self.tick()
        agreed(self.e164, Stage.business, given_at=now, now=now)

    def withdraw(self) -> None:
        factories.withdrawn(self.e164, Stage.business, now=self.tick())

    def change_identity(self) -> None:
        self.epoch += 1
        at, seen = self.tick(), self.hash
        if self.chance % 3 == 0:
            self.webhooks.append(lambda: self.hear_of_a_change(at, seen))

    def write(self) -> None:
        text = "STOP" if self.chance % 5 == 0 else "Hello"
        at, seen = self.tick(), self.hash
        self.webhooks.append(lambda: writes(Stage.number, self.e164, text, at=at, now=self.now, identity_hash=seen))

    def send(self) -> None:
        before = self.trust
        try:
            message = send(self.contact, Stage.number, now=self.tick(), with_hash=self.chance % 7 != 0)
        except messages.MessageRefused:
            return
        assert before is None or before.state in ("TRUSTED", "UNKNOWN")
        self.check(message)

    def surprise(self) -> None:
        """What the whole machinery is for: the identity changes unnoticed, and the next message is told of it."""
        self.epoch += 1
        self.send()
        self.deliver_the_latest()

    def same_person(self) -> None:
        chosen = (Resend.TEMPLATE, Resend.ORIGINAL, Resend.NOTHING)[self.chance % 3]
        case = self.case()
        if case is None or case.closed_at is not None:
            return
        try:
            message = settling.same_person(case=case, resend=chosen, template=TEMPLATE, now=self.tick(), **WORDS)
        except CaseRefused:
            return
        except messages.MessageRefused:
            message = None
        self.reported, self.verified_at = False, self.now
        if message is not None:
            assert message.hash_sent == ""
            self.check(message)

    def resend_again(self) -> None:
        case, before = self.case(), self.trust
        if case is None:
            return
        try:
            message = settling.resend_again(case=case, template=TEMPLATE, actor="tests", now=self.tick())
        except (CaseRefused, messages.MessageRefused):
            return
        assert before is not None and before.state == "AWAITING_HASH"
        self.check(message)

    def somebody_else(self) -> None:
        case = self.case()
        if case is not None and case.closed_at is None and self.chance % 3 == 0:
            settling.other_person(case=case, now=self.tick(), **WORDS)
            self.reported = True

    def ask_to_verify_again(self) -> None:
        try:
            cases.open_by_hand(
                contact=self.contact,
                account=Stage.number.account,
                business_number=Stage.number,
                actor="tests",
                now=self.tick(),
            )
        except CaseRefused:
            return
        self.reported = True

    def a_day_passes(self) -> None:
        self.tick(25 * 3600)
        for case in TrustCase.objects.filter(contact=self.contact):
            cases.say_no_hash_came(case_id=case.pk, now=self.now)

    def deliver(self) -> None:
        if self.webhooks:
            self.tick()
            webhook = self.webhooks[self.chance % len(self.webhooks)]
            for _time in range(1 + self.chance % 2):
                webhook()

    def deliver_the_latest(self) -> None:
        if self.webhooks:
            self.tick()
            self.webhooks[-1 - self.chance % min(3, len(self.webhooks))]()

    def check(self, message: Message) -> None:
        """Judge a message that left, and let the provider answer as the world is."""
        assert not self.reported, "a mismatched contact was messaged"
        if message.resend_of_case_id is not None:
            assert message.hash_sent == ""
        sent = Stage.sandbox.people.messages(self.e164)[-1]
        assert sent.identity_hash == message.hash_sent
        if message.hash_sent:
            assert message.hash_sent in self.told_by_status, "an untrusted hash was sent"
            trust = self.trust
            assert trust is not None and trust.hash_to_send == message.hash_sent
        at, seen = self.tick(), self.hash
        if message.hash_sent and message.hash_sent != seen:
            self.webhooks.append(lambda: self.hear_of_a_mismatch(message, at))
            return
        told = "" if message.hash_sent else seen
        for kind, later in (("sent", 0), ("delivered", 1), ("read", 2)):
            self.webhooks.append(self.status_of(message, kind, at + timedelta(seconds=later), told))

    def status_of(self, message: Message, kind: str, at: datetime, told: str) -> Callable[[], Any]:
        def arrive() -> None:
            if told and kind != "sent":
                self.told_by_status.add(told)
            tell(Stage.number, status(message, kind, at=at, identity_hash=told), now=max(self.now, at))

        return arrive

    def hear_of_a_mismatch(self, message: Message, at: datetime) -> None:
        tell(Stage.number, status(message, "failed", at=at, code="137000"), now=max(self.now, at))
        if self.is_news(message.at):
            self.reported = True

    def hear_of_a_change(self, at: datetime, seen: str) -> None:
        tells(
            Stage.number,
            system(SystemKind.IDENTITY_CHANGED, self.e164, at=at, identity_hash=seen),
            now=self.now,
        )
        if self.is_news(at):
            self.reported = True

    def is_news(self, at: datetime) -> bool:
        """Tell whether it happened after the latest verification; what a person settled otherwise stays reported."""
        return self.verified_at is None or at > self.verified_at

    @invariant()
    def a_reported_mismatch_refuses_every_send(self) -> None:
        if self.reported:
            trust = self.trust
            assert trust is not None and trust.state == "MISMATCHED"
            assert trust.hash_to_send == ""

    @invariant()
    def trust_rests_on_a_status(self) -> None:
        trust = self.trust if hasattr(self, "contact") else None
        if trust is None:
            return
        if trust.state == "TRUSTED":
            assert trust.hash in self.told_by_status
            assert (trust.basis == "VERIFIED") == (self.verified_at is not None)
        assert TrustCase.objects.filter(contact=trust.contact, closed_at=None).count() <= 1

    @invariant()
    def nothing_that_came_in_granted_consent(self) -> None:
        grants = Consent.objects.filter(contact__e164=self.e164).values_list("grants", flat=True)
        assert all(purpose == "service" for rows in grants for grant in rows for purpose in grant[3:])


def test_an_untrusted_hash_is_never_sent_and_a_mismatched_contact_never_messaged(
    acme: Business, sandbox: Sandbox
) -> None:
    Stage.business, Stage.number, Stage.sandbox = acme, our_number(acme, sandbox.url), sandbox
    run_state_machine_as_test(
        Identities,
        settings=settings(
            max_examples=max(1, STEPS // STEPS_AT_ONCE),
            stateful_step_count=STEPS_AT_ONCE,
            deadline=None,
            database=None,
            derandomize=STEPS <= 1000,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
