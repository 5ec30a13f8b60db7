"""The codes of the gate as databases, exports and commands hold them, and what is assumed where nothing is said."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import pytest
from django.utils.functional import Promise

from contacts import gate
from contacts.gate import Basis, Decision, EarlierAnswer, Facts, Operation, Outcome, Policy, Reason, Trust
from providers.interfaces import EvidenceStrength

NOW = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize("codes", [Reason, Operation, Trust, Basis, Outcome])
def test_a_code_is_its_own_name(codes: type[Enum]) -> None:
    assert [member.value for member in codes] == [member.name for member in codes]


@pytest.mark.parametrize("member", [*Reason, *Outcome])
def test_each_reason_and_outcome_has_words_that_are_translated(member: Any) -> None:
    assert isinstance(member._label_, Promise) and member.label


def test_consent_is_refused_for_these_reasons_and_messages_for_more() -> None:
    assert {str(reason) for reason in gate.REFUSALS} == {
        "NOT_E164",
        "NO_OPT_IN",
        "OTHER_BUSINESS",
        "WITHDRAWN",
        "EXPIRED",
        "NOT_YET_VALID",
        "PURPOSE_NOT_AGREED",
        "REGION_NOT_SERVED",
        "RESTRICTED",
    }
    trust = {"IDENTITY_CHANGED", "IDENTITY_AWAITED", "NO_RESEND_ORDERED"}
    assert {str(reason) for reason in gate.TRUST_REFUSALS} == trust
    assert gate.REFUSALS | gate.TRUST_REFUSALS | {Reason.SERVICE_REPLY_ONLY} == gate.MESSAGE_REFUSALS


def test_answers_are_used_for_a_week_and_replies_written_for_a_day() -> None:
    told = (gate.CACHE_FOR, gate.REPLY_FOR, gate.SERVICE)
    assert told == (timedelta(days=7), timedelta(hours=24), "service")


def test_where_nothing_is_said_nothing_is_known_and_nothing_allowed() -> None:
    assert Facts("+51987654321") == ("+51987654321", "", {}, {}, False, None, None, Trust.UNKNOWN, False)
    unsaid = Policy()
    assert (unsaid.purpose, unsaid.regions, unsaid.budget_left) == (None, None, None)
    assert unsaid.operation is Operation.CHECK and unsaid.strength is EvidenceStrength.STRONG
    assert (unsaid.force, unsaid.account_paused, unsaid.resend) == (False, False, False)
    assert Decision(Outcome.REFUSED) == (Outcome.REFUSED, None, None, None, None)


@pytest.mark.parametrize(
    ("record", "name"), [(Policy(), "force"), (EarlierAnswer(1, NOW, EvidenceStrength.WEAK), "check_id")]
)
def test_what_the_gate_was_told_cannot_be_changed(record: Any, name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(record, name, True)
    assert not hasattr(record, "__dict__")
