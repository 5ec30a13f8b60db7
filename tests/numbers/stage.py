"""Our side for the tests of pages: WABAs of both providers at the sandbox, and numbers at any point of their way."""

import re
from datetime import UTC, datetime
from typing import Any

from django.test import Client
from django.urls import reverse

from numbers import sync
from numbers.models import BusinessAccount, BusinessNumber
from providers.models import Business
from sandbox import Sandbox
from sandbox.seeds import KALEYRA_E164, KALEYRA_NUMBER_ID, KALEYRA_WABA, WABA
from tests import factories


def cloud_waba(business: Business, sandbox: Sandbox) -> BusinessAccount:
    """A WABA at the Cloud API of which nothing has been read yet."""
    account = factories.account(business, "cloud_api", base_url=sandbox.url)
    return BusinessAccount.objects.create(waba_id=WABA, business=business, account=account, name="Acme")


def synced_waba(business: Business, sandbox: Sandbox) -> BusinessAccount:
    """A WABA at the Cloud API with all its numbers."""
    waba = cloud_waba(business, sandbox)
    sync.sync_business_account(business_account=waba, actor="tests", now=datetime.now(UTC))
    return waba


def kaleyra_waba(business: Business, sandbox: Sandbox) -> BusinessAccount:
    """A WABA at Kaleyra."""
    account = factories.account(business, "kaleyra", base_url=sandbox.url)
    return BusinessAccount.objects.create(waba_id=KALEYRA_WABA, business=business, account=account, name="Acme India")


def kaleyra_number(business: Business, sandbox: Sandbox) -> BusinessNumber:
    """A number that Kaleyra has sent a code to."""
    waba = kaleyra_waba(business, sandbox)
    return BusinessNumber.objects.create(
        business_account=waba, e164=KALEYRA_E164, phone_number_id=KALEYRA_NUMBER_ID, verified_name="Acme India"
    )


def cloud_number(business: Business, sandbox: Sandbox, *, e164: str = "+12025551100", **facts: Any) -> BusinessNumber:
    """A number of the WABA as Meta tells it."""
    waba = BusinessAccount.objects.filter(waba_id=WABA).first() or cloud_waba(business, sandbox)
    phone_number_id = sandbox.add_number(e164, waba_id=WABA, verified_name="Acme", **facts)
    number = BusinessNumber.objects.create(business_account=waba, e164=e164, phone_number_id=phone_number_id)
    return sync.refresh_number(number=number, actor="tests", now=datetime.now(UTC))


def at(name: str, *args: object) -> str:
    """The address of one of our pages."""
    return reverse(f"admin:numbers_{name}", args=args)


def said(response: Any) -> str:
    """What a page says, without markup and with single spaces."""
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    plain = text.replace("&#x27;", "'").replace("&quot;", '"').replace("\N{NO-BREAK SPACE}", " ")
    return re.sub(r"\s+", " ", plain)


def after(browser: Client, page: str, number: BusinessNumber, **fields: Any) -> str:
    """Press a button of the number's page, and give what the page says that follows."""
    return said(browser.post(at(f"businessnumber_{page}", number.pk), fields, follow=True))
