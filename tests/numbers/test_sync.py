"""Reading WABAs and numbers: page by page, values as given, nothing deleted, nothing half."""

from dataclasses import replace
from datetime import timedelta

import pytest

from audit.models import AuditEvent
from numbers import sync
from numbers.limits import Refused
from numbers.models import BusinessAccount, BusinessNumber
from providers.errors import AnswerLost, ProviderError
from providers.interfaces import NumberFacts
from providers.meta import CloudAPI
from providers.models import Business
from providers.secret import Secret
from sandbox import Sandbox
from sandbox.seeds import (
    BANNED_NUMBER_ID,
    BUSINESS_APP_NUMBER_ID,
    CONNECTED_NUMBER_ID,
    NEW_NAME_NUMBER_ID,
    NEW_NUMBER_ID,
)
from tests.numbers import stage
from tests.numbers.flows import now, reached

pytestmark = pytest.mark.django_db


@pytest.fixture
def waba(acme: Business, sandbox: Sandbox) -> BusinessAccount:
    """A WABA at the Cloud API of which nothing has been read yet."""
    return stage.cloud_waba(acme, sandbox)


def read(waba: BusinessAccount, **fields: object) -> sync.Synced:
    at = fields.get("at") or now()
    return sync.sync_business_account(business_account=waba, actor="alice", now=at)  # type: ignore[arg-type]


def listed(monkeypatch: pytest.MonkeyPatch, *facts: NumberFacts) -> None:
    """Let the provider list these numbers."""
    monkeypatch.setattr(CloudAPI, "list_numbers", lambda self, waba_id, *, subject: iter(facts))


def test_every_number_of_a_waba_is_read_over_all_pages(waba: BusinessAccount, sandbox: Sandbox) -> None:
    synced = read(waba)

    there = {number.phone_number_id for number in sandbox.numbers if number.waba_id == waba.waba_id}
    assert set(waba.numbers.values_list("phone_number_id", flat=True)) == there
    assert synced == sync.Synced(created=len(there), updated=0, unchanged=0)
    assert waba.synced_at is not None and waba.account_review_status and waba.messaging_limit


def test_a_second_reading_changes_nothing(waba: BusinessAccount) -> None:
    first = read(waba)

    assert read(waba) == sync.Synced(created=0, updated=0, unchanged=first.created)


def test_values_are_kept_as_given_also_unknown_ones(waba: BusinessAccount) -> None:
    read(waba)

    banned = waba.numbers.get(phone_number_id=BANNED_NUMBER_ID)
    assert (banned.status, banned.quality_rating, banned.throughput_level) == ("BANNED", "CRIMSON", "PAUSED")
    assert (banned.name_status, banned.messaging_limit_tier) == ("PENDING_RE_REVIEW", "TIER_NOT_SET")
    connected = waba.numbers.get(phone_number_id=CONNECTED_NUMBER_ID)
    assert connected.is_verified and connected.is_registered and connected.throughput_level == "HIGH"
    assert waba.numbers.get(phone_number_id=BUSINESS_APP_NUMBER_ID).is_coexistence
    new = waba.numbers.get(phone_number_id=NEW_NUMBER_ID)
    assert (new.e164, new.is_verified, new.is_registered) == ("+15550051310", False, False)


def test_an_approved_new_name_opens_fourteen_days_once(waba: BusinessAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    at = now()
    read(waba, at=at)
    number = waba.numbers.get(phone_number_id=NEW_NAME_NUMBER_ID)
    assert number.register_again_by == at + timedelta(days=14)

    read(waba, at=at + timedelta(days=3))
    number.refresh_from_db()
    assert number.register_again_by == at + timedelta(days=14)

    # Registered again: Meta goes on saying it for a while.
    BusinessNumber.objects.filter(pk=number.pk).update(register_again_by=None)
    read(waba, at=at + timedelta(days=4))
    number.refresh_from_db()
    assert number.register_again_by is None


def test_a_name_that_is_not_approved_any_more_closes_them(
    waba: BusinessAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(waba)
    facts = NumberFacts(NEW_NAME_NUMBER_ID, "+1 555-014-9034", new_name_status="DECLINED")
    listed(monkeypatch, facts)
    read(waba)

    assert waba.numbers.get(phone_number_id=NEW_NAME_NUMBER_ID).register_again_by is None


def test_what_the_provider_does_not_say_stays_and_nothing_is_deleted(
    waba: BusinessAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(waba)
    before = waba.numbers.count()
    listed(monkeypatch, NumberFacts(CONNECTED_NUMBER_ID))

    assert read(waba) == sync.Synced(created=0, updated=0, unchanged=1)

    connected = waba.numbers.get(phone_number_id=CONNECTED_NUMBER_ID)
    assert connected.quality_rating and connected.throughput_level == "HIGH"
    assert waba.numbers.count() == before


def test_a_number_that_was_added_here_finds_its_id(waba: BusinessAccount) -> None:
    waiting = BusinessNumber.objects.create(business_account=waba, e164="+15550051310")

    read(waba)

    waiting.refresh_from_db()
    assert waiting.phone_number_id == NEW_NUMBER_ID


def test_a_number_that_was_added_anew_takes_its_new_id(waba: BusinessAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    BusinessNumber.objects.create(business_account=waba, e164="+15550051310", phone_number_id="111111")
    listed(monkeypatch, NumberFacts("222222", "+1 555-005-1310"))

    assert read(waba).updated == 1
    assert waba.numbers.get().phone_number_id == "222222"


def test_what_cannot_be_read_or_stands_twice_is_left_out_and_named(
    waba: BusinessAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = NumberFacts("111111", "+1 555-005-1310")
    listed(monkeypatch, first, replace(first, phone_number_id="222222"), NumberFacts("333333", "Acme"))

    synced = read(waba)

    assert synced == sync.Synced(created=1, updated=0, unchanged=0, left_out=("222222", "333333"))
    assert AuditEvent.objects.get(action="waba.synced").details["left_out"] == ["222222", "333333"]


@pytest.mark.parametrize(
    ("shown", "e164"),
    [
        ("+1 555-005-1310", "+15550051310"),
        ("15550051310", "+15550051310"),
        ("(+51) 1 6402217", "+5116402217"),
        ("", ""),
        ("Acme", ""),
        ("+1", ""),
        ("٠١٢٣٤٥٦٧", ""),
        ("0" * 12, ""),
        ("9" * 16, ""),
    ],
)
def test_a_displayed_number_is_read_by_its_digits(shown: str, e164: str) -> None:
    assert sync.e164_of(shown) == e164


def test_half_a_list_is_no_list(waba: BusinessAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(self: CloudAPI, waba_id: str, *, subject: str) -> object:
        yield NumberFacts("111111", "+1 555-005-1310")
        raise AnswerLost("No answer.")

    monkeypatch.setattr(CloudAPI, "list_numbers", breaks)
    with pytest.raises(AnswerLost):
        read(waba)

    waba.refresh_from_db()
    assert not BusinessNumber.objects.exists() and waba.synced_at is None


@pytest.mark.parametrize("token", ["revoked-token", "noperm-token"])
def test_a_token_that_may_not_read_is_an_error_and_changes_nothing(waba: BusinessAccount, token: str) -> None:
    waba.account.credentials = {"access_token": Secret(token)}
    waba.account.save()

    with pytest.raises(ProviderError) as caught:
        read(waba)

    assert caught.value.code in ("190", "200") and not BusinessNumber.objects.exists()


def test_one_number_is_read_again(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)
    events = AuditEvent.objects.count()

    sync.refresh_number(number=number, actor="alice", now=now())

    assert number.synced_at is not None
    assert AuditEvent.objects.count() == events, "what is as it was leaves no mark"


def test_kaleyra_tells_nothing_of_its_numbers(acme: Business, sandbox: Sandbox) -> None:
    number = stage.kaleyra_number(acme, sandbox)

    with pytest.raises(Refused, match="Kaleyra"):
        sync.refresh_number(number=number, actor="alice", now=now())
    with pytest.raises(Refused, match="Kaleyra"):
        sync.sync_business_account(business_account=number.business_account, actor="alice", now=now())
    assert reached(sandbox, "/number") == 0


def test_a_failed_reading_does_not_undo_a_success(
    acme: Business, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.numbers.flows import code_of, request, submit

    number = stage.cloud_number(acme, sandbox)

    def fails(*args: object, **kwargs: object) -> None:
        raise AnswerLost("No answer.")

    monkeypatch.setattr(CloudAPI, "read_number", fails)
    request(number)
    assert submit(number, code_of(sandbox, number)).outcome == "DONE"

    number.refresh_from_db()
    assert number.is_verified
