"""The whole way of a number in the browser, from "somewhere" to "working", at both providers, over real HTTP."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from playwright.sync_api import Page, expect

from numbers.limits import REQUEST_WINDOW
from numbers.models import BusinessNumber
from providers.models import Business
from sandbox import Sandbox
from sandbox.seeds import KALEYRA_E164, KALEYRA_NUMBER_ID
from tests.browser.conftest import PASSWORD, Watched
from tests.numbers import stage
from waadmin import BASE_DIR
from waadmin.models import StaffAccess

NEW, FIXED = "+12025551188", "+442079460188"
PICTURES = BASE_DIR / "build" / "screenshots"
LOOKS = [(1280, "light"), (1280, "dark"), (375, "light"), (375, "dark")]


@pytest.fixture
def support_staff(transactional_db: None) -> User:
    """Somebody of the support staff."""
    user = User.objects.create_user("sam", password=PASSWORD, is_staff=True)
    user.groups.set(Group.objects.filter(name="Support staff"))
    StaffAccess.objects.create(user=user, reaches_every_business=True)
    return user


def _almost_the_window() -> timedelta:
    return REQUEST_WINDOW - timedelta(seconds=10)


class Walk:
    """One walk through the pages: each stop is examined by axe and has its picture taken."""

    def __init__(self, watched: Watched, name: str) -> None:
        self.watched, self.page, self.name = watched, watched.page, name
        self.findings: list[str] = []
        self.stops = 0
        PICTURES.mkdir(parents=True, exist_ok=True)

    def stop(self, what: str) -> Page:
        """Look at the page as it is."""
        self.stops += 1
        self.findings += self.watched.findings()
        width = self.page.viewport_size["width"] if self.page.viewport_size else 0
        assert self.page.evaluate("document.documentElement.scrollWidth") <= width, f"{what} is too wide"
        self.page.screenshot(path=PICTURES / f"walk-{self.name}-{self.stops:02d}-{what}.png", full_page=True)
        return self.page

    def press(self, name: str, **options: bool) -> None:
        """Press a button and wait for the page that follows."""
        self.page.get_by_role("button", name=name, **options).first.click()
        self.page.wait_for_load_state()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_a_new_number_comes_to_work_at_the_cloud_api(
    width: int,
    scheme: str,
    window: Callable[..., Watched],
    support_staff: User,
    acme: Business,
    sandbox: Sandbox,
) -> None:
    waba = stage.cloud_waba(acme, sandbox)
    watched = window(viewport={"width": width, "height": 900}, color_scheme=scheme)
    watched.sign_in_as(support_staff)
    walk = Walk(watched, f"cloud-{width}-{scheme}")
    page = watched.go(reverse("admin:numbers_businessaccount_change", args=[waba.pk]))
    page.get_by_role("link", name="Add a number").first.click()
    walk.stop("where")
    page.get_by_label("Phone number").fill("+1 202-555-1188")
    page.get_by_label("Display name").fill("Acme Lima")
    page.get_by_role("radio", name="New: not used").check()
    walk.press("Go on")

    expect(page.get_by_role("heading", name="Add the number")).to_be_visible()
    walk.stop("add")
    walk.press("Add it to the WABA")

    expect(page.get_by_text("The number is in the WABA.")).to_be_visible()
    walk.stop("request")
    page.get_by_role("radio", name="Call", exact=True).check()
    walk.press("Send the code")
    expect(page.get_by_text("cannot dial an extension")).to_be_visible()
    walk.stop("ready")
    assert sandbox.phone.last_code(NEW) is None
    walk.press("We are ready")

    expect(page.get_by_text("Meta called +1 202-555-1188")).to_be_visible()
    code = sandbox.phone.last_code(NEW)
    assert code
    cells = page.get_by_label("The six digits")
    cells.fill("000000" if code != "000000" else "111111")
    walk.stop("code-typed")
    walk.press("Verify the number")
    expect(page.get_by_text("The code is wrong.")).to_be_visible()
    expect(page.get_by_text("4 of 5 tries left")).to_be_visible()
    expect(cells).to_have_value("")
    walk.stop("code-wrong")
    cells.fill(f"{code[:3]}-{code[3:]}")
    expect(cells).to_have_value(code)
    walk.press("Verify the number")

    expect(page.get_by_role("group", name="Is there a PIN?")).to_be_visible()
    walk.stop("pin")
    page.get_by_role("radio", name="No, there is none").check()
    walk.press("Go on")
    walk.stop("register")
    expect(page.get_by_label("PIN", exact=True)).to_be_hidden()
    walk.press("Register the number")

    walk.stop("identity-check")
    walk.press("Turn the identity check on")
    expect(page.get_by_text("The identity check is on.")).to_be_visible()
    walk.page.goto(page.url.split("?")[0])
    walk.stop("webhooks")
    walk.press("Subscribe the webhooks")

    expect(page.get_by_text("This number works.")).to_be_visible()
    walk.stop("works")
    number = BusinessNumber.objects.get()
    told = sandbox.number(number.phone_number_id)
    assert (told.status, told.identity_check, told.throughput) == ("CONNECTED", True, "STANDARD")
    assert number.stored_pin and number.stored_pin.reveal() == told.pin
    assert walk.findings == []


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_a_number_is_verified_at_kaleyra(
    width: int,
    scheme: str,
    window: Callable[..., Watched],
    support_staff: User,
    acme: Business,
    sandbox: Sandbox,
) -> None:
    waba = stage.kaleyra_waba(acme, sandbox)
    watched = window(viewport={"width": width, "height": 900}, color_scheme=scheme)
    watched.sign_in_as(support_staff)
    walk = Walk(watched, f"kaleyra-{width}-{scheme}")
    page = watched.go(reverse("admin:numbers_businessaccount_change", args=[waba.pk]))
    walk.stop("waba")
    page.get_by_role("link", name="Add a number").first.click()
    page.get_by_label("Phone number", exact=True).fill(KALEYRA_E164)
    page.get_by_label("Phone number id").fill(KALEYRA_NUMBER_ID)
    walk.stop("add")
    walk.press("Go on")

    expect(page.get_by_text("The code was sent when the number was added at Kaleyra").first).to_be_visible()
    walk.stop("enter")
    walk.press("A new code was sent")
    expect(page.get_by_text("Noted. Enter the new code")).to_be_visible()
    sandbox.kaleyra_sends_code(KALEYRA_E164)
    code = sandbox.phone.last_code(KALEYRA_E164)
    assert code
    page.get_by_label("The six digits").fill(code)
    walk.press("Verify the number")

    expect(page.get_by_text("It is verified at Kaleyra")).to_be_visible()
    walk.stop("verified")
    assert walk.findings == []


def test_the_countdown_runs_survives_a_reload_and_frees_the_button(
    window: Callable[..., Watched], support_staff: User, acme: Business, sandbox: Sandbox
) -> None:
    number = stage.cloud_number(acme, sandbox, e164=FIXED)
    watched = window()
    watched.sign_in_as(support_staff)
    address = reverse("admin:numbers_businessnumber_change", args=[number.pk]) + "?step=request_code"
    walk = Walk(watched, "countdown")
    page = watched.go(address)
    expect(page.get_by_role("radio", name="Call", exact=True)).to_be_checked()
    expect(page.get_by_text("This is a fixed line: an SMS rarely arrives there")).to_be_visible()
    for _turn in range(3):
        watched.go(address)
        page.get_by_role("radio", name="SMS", exact=True).check()
        walk.press("Send the code")
    watched.go(address)
    button, left = page.get_by_role("button", name="Send the code"), page.locator("[data-seconds]")
    expect(button).to_be_disabled()
    shown = left.inner_text()
    assert shown.startswith(("9:", "10:"))
    expect(left).not_to_have_text(shown, timeout=3_000)
    walk.stop("held-back")
    page.reload()
    expect(button).to_be_disabled()
    number.attempts.update(started_at=number.attempts.latest("started_at").started_at - _almost_the_window())
    page.reload()
    expect(button).to_be_disabled()
    expect(button).to_be_enabled(timeout=10_000)
    expect(left).to_be_hidden()
    assert walk.findings == []


def test_without_scripts_the_way_is_the_same(
    window: Callable[..., Watched], support_staff: User, acme: Business, sandbox: Sandbox
) -> None:
    number = stage.cloud_number(acme, sandbox, e164=NEW)
    watched = window(java_script_enabled=False)
    watched.sign_in_as(support_staff)
    page = watched.go(reverse("admin:numbers_businessnumber_change", args=[number.pk]))
    page.get_by_role("button", name="Send the code").click()
    code = sandbox.phone.last_code(NEW)
    assert code
    page.get_by_label("The six digits").fill(f"{code[:3]} {code[3:]}")
    page.get_by_role("button", name="Verify the number").click()
    expect(page.get_by_role("group", name="Is there a PIN?")).to_be_visible()
