"""What the stand-in providers hold when they start: two WABAs at Meta and one at Kaleyra, as a business would have."""

from typing import Any

from sandbox.wabas import BusinessAccount, BusinessNumber, Directory

CLOUD_API = "cloud_api"
KALEYRA = "kaleyra"

#: Stands for the node's one number wherever a phone number id is asked for, and that number.
ON_PREMISES = "onprem"
NODE_E164 = "+919876500000"

WABA = "102290129340398"
SECOND_WABA = "104996122399160"
KALEYRA_SID = "HXAP1642381597IN"
KALEYRA_WABA = "109051873264118"

#: Neither verified nor registered: the one to begin with.
NEW_NUMBER_ID = "106540352242922"
#: Verified, connected, with high throughput.
CONNECTED_NUMBER_ID = "106850078877666"
#: Verified and not registered; it has a PIN from before.
KNOWN_PIN_NUMBER_ID = "106850078877701"
KNOWN_PIN = "482913"
#: On the WhatsApp Business app too.
BUSINESS_APP_NUMBER_ID = "106850078877702"
#: Connected; its new display name is approved and waits for the next registration.
NEW_NAME_NUMBER_ID = "106850078877703"
NEW_NAME_PIN = "275804"
#: Banned, with values that no page of Meta's lists.
BANNED_NUMBER_ID = "106850078877704"
#: Its display name was declined.
DECLINED_NAME_NUMBER_ID = "106850078877705"
#: In the second WABA, connected, with its quality going down.
SECOND_WABA_NUMBER_ID = "107744312098551"
#: At Kaleyra: a code was sent when it was added.
KALEYRA_NUMBER_ID = "67899765432198"
KALEYRA_E164 = "+919765432198"
#: At Kaleyra and approved.
KALEYRA_APPROVED_NUMBER_ID = "67899765488012"
KALEYRA_APPROVED_E164 = "+919765488012"


def fill(directory: Directory) -> None:
    """Put the WABAs and their numbers there."""
    directory.place(
        BusinessAccount(WABA, CLOUD_API, "Acme"),
        BusinessAccount(
            SECOND_WABA,
            CLOUD_API,
            "Acme Services Peru",
            account_review_status="PENDING",
            business_verification_status="pending_submission",
            messaging_limit="TIER_250",
            country="PE",
        ),
        BusinessAccount(KALEYRA_WABA, KALEYRA, "Acme India", country="IN", currency="INR"),
    )
    directory.place(*_numbers_of_the_first_waba())
    directory.place(
        _connected(
            SECOND_WABA_NUMBER_ID,
            "+5116402217",
            "+51 1 6402217",
            waba_id=SECOND_WABA,
            verified_name="Acme Servicios",
            status="FLAGGED",
            quality_rating="YELLOW",
        )
    )
    kaleyra_number = _number(KALEYRA_NUMBER_ID, KALEYRA_E164, "+91 97654 32198", **_AT_KALEYRA)
    directory.place(
        kaleyra_number,
        _number(
            KALEYRA_APPROVED_NUMBER_ID,
            KALEYRA_APPROVED_E164,
            "+91 97654 88012",
            **_AT_KALEYRA,
            code_verification_status="VERIFIED",
        ),
    )
    directory.send_code(kaleyra_number, method="SMS", language="en")


def _numbers_of_the_first_waba() -> tuple[BusinessNumber, ...]:
    return (
        _number(NEW_NUMBER_ID, "+15550051310", "+1 555-005-1310", verified_name="Acme"),
        _connected(
            CONNECTED_NUMBER_ID,
            "+15550147788",
            "+1 555-014-7788",
            verified_name="Acme Support",
            messaging_limit_tier="TIER_100K",
            throughput="HIGH",
            pin="630517",
        ),
        _number(
            KNOWN_PIN_NUMBER_ID,
            "+15550142305",
            "+1 555-014-2305",
            verified_name="Acme Billing",
            code_verification_status="VERIFIED",
            name_status="APPROVED",
            pin=KNOWN_PIN,
        ),
        _connected(
            BUSINESS_APP_NUMBER_ID,
            "+442079460958",
            "+44 20 7946 0958",
            verified_name="Acme London",
            is_on_biz_app=True,
        ),
        _connected(
            NEW_NAME_NUMBER_ID,
            "+15550149034",
            "+1 555-014-9034",
            verified_name="Acme Store",
            new_display_name="Acme Outlet",
            new_name_status="APPROVED",
            pin=NEW_NAME_PIN,
        ),
        _number(
            BANNED_NUMBER_ID,
            "+918047182650",
            "+91 80 4718 2650",
            verified_name="Acme Promotions",
            code_verification_status="EXPIRED",
            name_status="PENDING_RE_REVIEW",
            status="BANNED",
            quality_rating="CRIMSON",
            messaging_limit_tier="TIER_NOT_SET",
            throughput="PAUSED",
        ),
        _number(
            DECLINED_NAME_NUMBER_ID,
            "+5117009855",
            "+51 1 7009855",
            verified_name="Best Offers Every Day",
            name_status="DECLINED",
        ),
    )


_AT_KALEYRA = {"waba_id": KALEYRA_WABA, "provider": KALEYRA, "verified_name": "Acme India"}


def _number(phone_number_id: str, e164: str, display: str, **facts: Any) -> BusinessNumber:
    placed = {"waba_id": WABA, "provider": CLOUD_API} | facts
    return BusinessNumber(phone_number_id=phone_number_id, e164=e164, display=display, **placed)


def _connected(phone_number_id: str, e164: str, display: str, **facts: Any) -> BusinessNumber:
    connected = {
        "registered": True,
        "code_verification_status": "VERIFIED",
        "name_status": "APPROVED",
        "status": "CONNECTED",
        "quality_rating": "GREEN",
        "messaging_limit_tier": "TIER_10K",
        "platform_type": "CLOUD_API",
        "throughput": "STANDARD",
        "can_send_message": "AVAILABLE",
    }
    return _number(phone_number_id, e164, display, **(connected | facts))
