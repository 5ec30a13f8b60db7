"""The pages of our numbers with something believable on each: for the screenshots and for axe."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.urls import reverse
from playwright.sync_api import Page

from numbers import codes, identity_check, registration
from numbers.models import BusinessAccount, BusinessNumber, VerificationAttempt
from numbers.onboarding import StepKey
from providers.interfaces import CodeMethod
from providers.models import Business
from providers.secret import Secret
from sandbox import Ending, Sandbox
from tests.numbers import stage

Opened = Callable[[Page], None]
#: Numbers whose next answer is known beforehand, by what their page then shows.
WRONG, LOST, SENT, MISMATCH = "+12025551621", "+12025551626", "+442079460101", "+12025551631"


def furnish(business: Business, sandbox: Sandbox) -> None:
    """Fill a WABA with numbers at every point of their way, and one at Kaleyra."""
    now = datetime.now(UTC)
    waba = stage.synced_waba(business, sandbox)
    for ending in (Ending.CODE_ALWAYS_WRONG, Ending.CODE_NOT_TAKEN_ANSWER_LOST):
        number = stage.cloud_number(business, sandbox, e164=f"+12025551{ending}")
        codes.request_code(number=number, method=CodeMethod.SMS, language="en_US", actor="ana", now=now)
        codes.submit_code(number=number, code=Secret("000000"), actor="ana", now=now)
    sent = stage.cloud_number(business, sandbox, e164=SENT)
    for _turn in range(3):
        codes.request_code(number=sent, method=CodeMethod.VOICE, language="en_GB", actor="ana", now=now)
    mismatch = stage.cloud_number(business, sandbox, e164=MISMATCH, code_verification_status="VERIFIED")
    registration.answer_pin(number=mismatch, pin_known="KNOWN", actor="ana", now=now)
    registration.register(number=mismatch, pin=Secret("112233"), actor="ana", now=now)
    waits = waba.numbers.get(verified_name="Best Offers Every Day")
    registration.choose_origin(number=waits, origin="OTHER_PROVIDER", actor="ana", now=now)
    registration.set_waiting(
        number=waits, on="CLIENT", note="Asked Rosa to turn two-step off; she answers on Friday", actor="ana", now=now
    )
    registration.subscribe_webhooks(business_account=waba, actor="ana", now=now - timedelta(days=2))
    works = waba.numbers.get(verified_name="Acme Support")
    identity_check.toggle(number=works, on=True, actor="ana", now=now)
    differs = waba.numbers.get(verified_name="Acme London")
    identity_check.toggle(number=differs, on=True, actor="ana", now=now)
    BusinessNumber.objects.filter(pk=differs.pk).update(identity_read=False)
    BusinessNumber.objects.filter(pk=works.pk).update(pin={"pin": Secret("630517")}, registered_at=now)
    BusinessNumber.objects.create(business_account=waba, e164="+442079460144", origin="OTHER_PROVIDER")
    stage.kaleyra_number(business, sandbox)


def everywhere() -> dict[str, tuple[str, Opened | None]]:
    """Give each page by its name: address, and what to do there before looking."""
    found = {number.e164: number for number in BusinessNumber.objects.all()}
    by_name = {number.verified_name: number for number in found.values() if number.verified_name}
    waba = BusinessAccount.objects.get(name="Acme")
    works, again = by_name["Acme Support"], by_name["Acme Store"]
    attempt = VerificationAttempt.objects.filter(outcome="REFUSED").first()
    assert attempt is not None

    def at(name: str, *args: object) -> str:
        return reverse(f"admin:numbers_{name}", args=args)

    def number(row: BusinessNumber, step: str = "") -> str:
        return at("businessnumber_change", row.pk) + (f"?step={step}" if step else "")

    steps = {f"number-step-{key}": (number(works, key), None) for key in StepKey}
    return {
        "numbers": (at("businessnumber_changelist"), None),
        "wabas": (at("businessaccount_changelist"), None),
        "waba": (at("businessaccount_change", waba.pk), None),
        "waba-add": (at("businessaccount_add"), None),
        "number-choose-waba": (at("businessnumber_add"), None),
        "number-add": (at("businessnumber_add") + f"?business_account={waba.pk}", None),
        "number-begun": (number(found["+442079460144"]), None),
        "number-request-code": (number(found["+15550051310"]), None),
        "number-call-ready": (number(found["+15550051310"]), _to_the_call),
        "number-code-sent": (number(found[SENT]), None),
        "number-code-wrong": (number(found[WRONG], "enter_code"), None),
        "number-answer-lost": (number(found[LOST], "enter_code"), None),
        "number-pin": (number(by_name["Acme Billing"]), None),
        "number-pin-mismatch": (number(found[MISMATCH], "register"), None),
        "number-register-again": (number(again), None),
        "number-name-declined": (number(by_name["Best Offers Every Day"], "name"), None),
        "number-drift": (number(by_name["Acme London"], "identity_check"), None),
        "number-banned": (number(by_name["Acme Promotions"]), None),
        "number-works": (number(works), None),
        "number-kaleyra": (number(found["+919765432198"]), None),
        "number-new-pin": (at("businessnumber_new_pin", works.pk), None),
        "number-reveal": (at("businessnumber_reveal_pin", works.pk), None),
        "number-pin-once": (at("businessnumber_reveal_pin", works.pk), _to_the_pin),
        "number-hand-over": (at("businessnumber_hand_over", works.pk), None),
        "attempts": (at("verificationattempt_changelist"), None),
        "attempt": (at("verificationattempt_change", attempt.pk), None),
        **steps,
    }


def _to_the_call(page: Page) -> None:
    page.get_by_label("Call", exact=True).check()
    page.get_by_role("button", name="Send the code").click()
    page.wait_for_load_state()


def _to_the_pin(page: Page) -> None:
    page.get_by_label("Why has it to be seen?").fill("The client moves to another provider on Friday")
    page.get_by_role("button", name="Show the PIN").click()
    page.wait_for_load_state()
