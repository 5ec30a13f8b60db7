"""The list of numbers and a number's own page: what each state looks like, and how it is left and taken up again."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from numbers.models import BusinessNumber
from numbers.onboarding import StepKey
from providers.models import Business
from sandbox import Sandbox
from tests import clients
from tests.numbers import stage

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def support(db: None) -> Client:
    return clients.browser(clients.SUPPORT)


def test_a_row_has_both_badges_and_one_next_button(support: Client, acme: Business, sandbox: Sandbox) -> None:
    stage.synced_waba(acme, sandbox)
    response = support.get(stage.at("businessnumber_changelist"))
    text = stage.said(response)
    for words in ("Not verified", "Not connected", "Connected", "Request a code", "as of", "Never set", "Banned"):
        assert words in text
    assert response.content.count(b'class="next') == BusinessNumber.objects.count()


def test_national_writing_with_its_region_and_the_full_number_without_one(
    support: Client, acme: Business, sandbox: Sandbox
) -> None:
    stage.synced_waba(acme, sandbox)
    text = stage.said(support.get(stage.at("businessnumber_changelist")))
    assert "020 7946 0958 · GB" in text
    assert "+1 555-005-1310" in text


def test_values_that_no_page_of_metas_knows_are_shown_as_they_are(
    support: Client, acme: Business, sandbox: Sandbox
) -> None:
    number = stage.synced_waba(acme, sandbox).numbers.get(status="BANNED")
    assert "CRIMSON" in stage.said(support.get(stage.at("businessnumber_changelist")))
    text = stage.said(support.get(stage.at("businessnumber_change", number.pk)))
    assert "CRIMSON" in text and "PAUSED" in text and "PENDING_RE_REVIEW" in text
    assert "Meta has banned this number" in text


def test_every_step_of_every_number_can_be_opened(support: Client, acme: Business, sandbox: Sandbox) -> None:
    stage.synced_waba(acme, sandbox)
    stage.kaleyra_number(acme, sandbox)
    waba = BusinessNumber.objects.all()[0].business_account
    BusinessNumber.objects.create(business_account=waba, e164="+15550000000")
    for number in BusinessNumber.objects.all():
        for step in (*StepKey, "", "nonsense"):
            response = support.get(stage.at("businessnumber_change", number.pk), {"step": step})
            assert response.status_code == 200, (number, step)
            assert response.content.count(b'class="step-body"') == 1
            assert response.content.count(b'aria-current="step"') == 1


def test_a_coexistence_number_is_left_alone(support: Client, acme: Business, sandbox: Sandbox) -> None:
    number = stage.synced_waba(acme, sandbox).numbers.get(is_on_business_app=True)
    text = stage.said(support.get(stage.at("businessnumber_change", number.pk)))
    assert "also on the WhatsApp Business app" in text
    assert "Hand the number over" not in text
    asked = stage.after(support, "request_code", number, method="SMS", language="en_US")
    assert "Nothing needs to be done." in asked


def test_a_step_waits_for_somebody_with_a_note_and_a_date(support: Client, acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)
    text = stage.after(support, "wait", number, on="CLIENT", note="Rosa answers on Friday")
    assert "Waiting for: The client" in text
    assert "Rosa answers on Friday" in text and "since" in text
    listed = stage.said(support.get(stage.at("businessnumber_changelist")))
    assert "Waiting for: The client" in listed
    assert "Waiting for" not in stage.after(support, "wait", number, on="", note="").split("Who has the next move?")[0]
    assert "Select a valid choice" in stage.after(support, "wait", number, on="MOON", note="")


def test_read_again_brings_what_the_provider_says_now(support: Client, acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)
    sandbox.number(number.phone_number_id)
    BusinessNumber.objects.update(throughput_level="OLD", quality_rating="OLD")
    text = stage.after(support, "refresh", number, step="throughput")
    assert "Read again." in text
    assert "OLD" not in text


def test_what_the_provider_refuses_is_told_with_its_words(support: Client, acme: Business, sandbox: Sandbox) -> None:
    from providers.secret import Secret

    number = stage.cloud_number(acme, sandbox)
    number.account.credentials = {"access_token": Secret("revoked-token")}
    number.account.save()
    text = stage.after(support, "refresh", number)
    assert "What to do:" in text and "190" in text and "Trace id" in text
    assert "revoked-token" not in text


def test_hostile_text_from_the_provider_stays_text(support: Client, acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)
    for field in ("verified_name", "status", "quality_rating", "throughput_level", "name_status", "health_status"):
        setattr(number, field, HOSTILE[:60])
    number.waiting_on, number.waiting_note = "CLIENT", HOSTILE
    number.save()
    for page in (stage.at("businessnumber_changelist"), stage.at("businessnumber_change", number.pk)):
        body = support.get(page).content.decode()
        assert HOSTILE not in body
        assert "&lt;script&gt;" in body


def test_the_list_asks_no_more_for_many_numbers_that_work(support: Client, acme: Business, sandbox: Sandbox) -> None:
    waba = stage.cloud_waba(acme, sandbox)

    def connected(place: int) -> BusinessNumber:
        return BusinessNumber(
            business_account=waba, e164=f"+1555100{place:04d}", phone_number_id=str(place + 1), status="CONNECTED"
        )

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            support.get(stage.at("businessnumber_changelist"))
        return len(queries)

    BusinessNumber.objects.bulk_create([connected(0)])
    asked()
    first = asked()
    BusinessNumber.objects.bulk_create([connected(place) for place in range(1, 40)])
    assert asked() == first


def test_the_list_is_filtered_by_connection_in_words(support: Client, acme: Business, sandbox: Sandbox) -> None:
    stage.synced_waba(acme, sandbox)
    response = support.get(stage.at("businessnumber_changelist"), {"status": "BANNED"})
    assert "1 business number" in stage.said(response)
    assert b'<a href="?status="></a>' not in response.content


def test_the_last_step_names_what_is_still_open(support: Client, acme: Business, sandbox: Sandbox) -> None:
    number = stage.synced_waba(acme, sandbox).numbers.filter(code_verification_status="NOT_VERIFIED")[0]
    text = stage.said(support.get(stage.at("businessnumber_change", number.pk), {"step": StepKey.DONE}))
    still_open = text.partition("Still open:")[2].partition("None of it stops you")[0]
    assert "Request a code" in still_open and "Register the number" in still_open
    assert "Where is this number now?" not in still_open
