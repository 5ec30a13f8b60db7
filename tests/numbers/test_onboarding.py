"""Where a number stands: derived from what is known, resumable at any point, and never a dead end."""

from datetime import datetime, timedelta

import pytest

from numbers import identity_check, onboarding, registration, sync
from numbers.models import BusinessNumber
from numbers.onboarding import Step, StepKey, StepState
from providers.models import Business
from sandbox import Sandbox
from sandbox.seeds import BUSINESS_APP_NUMBER_ID, DECLINED_NAME_NUMBER_ID, NEW_NAME_NUMBER_ID
from tests.numbers import stage
from tests.numbers.flows import code_of, now, register, request, submit

pytestmark = pytest.mark.django_db


def states(number: BusinessNumber, *, at: datetime | None = None) -> dict[StepKey, StepState]:
    return {step.key: step.state for step in onboarding.steps(number, now=at or now())}


def current(number: BusinessNumber) -> Step:
    number.refresh_from_db()
    return onboarding.current_step(number, now=now())


def test_a_number_goes_from_somewhere_to_working_step_by_step(acme: Business, sandbox: Sandbox) -> None:
    waba = stage.cloud_waba(acme, sandbox)
    number = BusinessNumber.objects.create(business_account=waba, e164="+12025551100")
    assert current(number).key is StepKey.ORIGIN

    registration.choose_origin(number=number, origin="NEW", actor="alice", now=now())
    assert current(number).key is StepKey.ADD
    assert list(states(number))[-1] is StepKey.DONE and states(number)[StepKey.REGISTER] is StepState.LATER

    number = registration.add_number(
        business_account=waba, e164=number.e164, verified_name="Acme", migrate=False, actor="alice", now=now()
    )
    assert current(number).key is StepKey.REQUEST_CODE
    request(number)
    assert current(number).key is StepKey.ENTER_CODE
    submit(number, code_of(sandbox, number))
    assert current(number).key is StepKey.PIN
    registration.answer_pin(number=number, pin_known="NONE", actor="alice", now=now())
    assert current(number).key is StepKey.REGISTER
    register(number, "482913")
    assert current(number).key is StepKey.IDENTITY_CHECK
    identity_check.toggle(number=number, on=True, actor="alice", now=now())
    assert current(number).key is StepKey.WEBHOOKS
    registration.subscribe_webhooks(business_account=waba, actor="alice", now=now())
    number = BusinessNumber.objects.get(pk=number.pk)
    sync.refresh_number(number=number, actor="alice", now=now())

    left = {key for key, state in states(number).items() if state not in (StepState.DONE, StepState.NOT_NEEDED)}
    assert left <= {StepKey.NAME, StepKey.DONE}


def test_at_most_one_step_is_the_current_one(acme: Business, sandbox: Sandbox) -> None:
    for number in stage.synced_waba(acme, sandbox).numbers.all():
        found = list(states(number).values())
        assert found.count(StepState.CURRENT) <= 1, number


def test_a_code_that_has_expired_leads_back_to_requesting_one(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)
    asked_at = now()
    request(number, at=asked_at)

    assert states(number, at=asked_at + timedelta(minutes=9))[StepKey.ENTER_CODE] is StepState.CURRENT
    assert states(number, at=asked_at + timedelta(minutes=10))[StepKey.REQUEST_CODE] is StepState.CURRENT


def test_a_wait_says_on_whom_why_and_since_when(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)
    at = now()
    registration.set_waiting(number=number, on="CLIENT", note="Looks for the SIM", actor="alice", now=at)

    step = current(number)

    assert (step.key, step.state, step.waiting_on) == (StepKey.REQUEST_CODE, StepState.WAITING, "CLIENT")
    assert step.detail.startswith("Looks for the SIM") and step.as_of == at


def test_a_forgotten_pin_waits_for_the_client_and_says_the_way_out(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox, code_verification_status="VERIFIED")
    registration.answer_pin(number=number, pin_known="FORGOTTEN", actor="alice", now=now())

    step = current(number)

    assert step.key is StepKey.PIN and "WhatsApp Manager" in step.detail and step.waiting_on == "CLIENT"


def test_a_declined_name_waits_without_holding_up_the_rest(acme: Business, sandbox: Sandbox) -> None:
    number = stage.synced_waba(acme, sandbox).numbers.get(phone_number_id=DECLINED_NAME_NUMBER_ID)

    found = states(number)

    assert found[StepKey.NAME] is StepState.WAITING and found[StepKey.REQUEST_CODE] is StepState.CURRENT
    name = next(step for step in onboarding.steps(number, now=now()) if step.key is StepKey.NAME)
    assert "DECLINED" in name.detail and name.waiting_on == "US"


def test_a_name_under_review_waits_for_meta(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox, name_status="PENDING_REVIEW")

    name = next(step for step in onboarding.steps(number, now=now()) if step.key is StepKey.NAME)

    assert (name.state, name.waiting_on) == (StepState.WAITING, "META")


def test_an_approved_new_name_opens_the_registration_again(acme: Business, sandbox: Sandbox) -> None:
    number = stage.synced_waba(acme, sandbox).numbers.get(phone_number_id=NEW_NAME_NUMBER_ID)

    step = current(number)

    assert step.key is StepKey.REGISTER and step.state is StepState.CURRENT
    assert number.register_again_by is not None and number.register_again_by.strftime("%H:%M") in step.detail


def test_a_number_on_the_business_app_needs_no_code_and_no_registration(acme: Business, sandbox: Sandbox) -> None:
    number = stage.synced_waba(acme, sandbox).numbers.get(phone_number_id=BUSINESS_APP_NUMBER_ID)

    found = states(number)

    assert found[StepKey.PIN] is found[StepKey.REGISTER] is StepState.NOT_NEEDED
    assert found[StepKey.ENTER_CODE] in (StepState.NOT_NEEDED, StepState.DONE)
    assert found[StepKey.IDENTITY_CHECK] is StepState.CURRENT


def test_an_identity_check_that_was_turned_off_is_not_asked_for_and_drift_is(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)
    number.identity_desired, number.identity_read = False, False
    assert states(number)[StepKey.IDENTITY_CHECK] is StepState.NOT_NEEDED

    number.identity_desired = True
    step = next(step for step in onboarding.steps(number, now=now()) if step.key is StepKey.IDENTITY_CHECK)
    assert step.state is StepState.LATER and step.detail == identity_check.drift(number) != ""


def test_a_kaleyra_number_has_only_the_steps_that_apply(acme: Business, sandbox: Sandbox) -> None:
    number = stage.kaleyra_number(acme, sandbox)
    assert states(number) == {
        StepKey.ADD: StepState.DONE,
        StepKey.ENTER_CODE: StepState.CURRENT,
        StepKey.DONE: StepState.LATER,
    }

    submit(number, code_of(sandbox, number))

    assert current(number).key is StepKey.DONE and current(number).state is StepState.DONE


def test_every_step_has_a_title(acme: Business, sandbox: Sandbox) -> None:
    found = onboarding.steps(stage.cloud_number(acme, sandbox), now=now())

    assert [step.key for step in found] == list(StepKey)
    assert all(step.title for step in found)


def test_looking_costs_no_call(acme: Business, sandbox: Sandbox) -> None:
    number = stage.cloud_number(acme, sandbox)
    before = len(sandbox.journal)

    onboarding.steps(number, now=now())

    assert len(sandbox.journal) == before
