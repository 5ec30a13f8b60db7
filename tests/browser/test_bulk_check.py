"""A bulk check in the browser, from signing in to the finished run, over real HTTP against the sandbox."""

import threading
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.db import connections
from playwright.sync_api import expect

from contacts.models import CheckBatch
from providers.models import ProviderAccount
from tests import factories
from tests.browser.conftest import PASSWORD, Watched


def worked_on(batch: CheckBatch) -> threading.Thread:
    """Work on the run beside the browser, as the worker does."""

    def work() -> None:
        factories.run(batch)
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_pasted_list_becomes_a_finished_run(
    window: Callable[..., Watched], business_admin: User, onprem_account: ProviderAccount
) -> None:
    acme = onprem_account.business
    assert acme is not None
    for ending in (100, 101, 102, 404, 422):
        factories.opted_in(factories.number(ending), acme)
    watched = window()
    page = watched.go("/")
    page.get_by_label("Username").fill("ana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("DEMO").first).to_be_visible()

    page.get_by_role("link", name="New check run").click()
    listed = [factories.number(ending) for ending in (100, 101, 102, 404, 422)]
    page.get_by_label("Numbers", exact=True).fill(
        "\n".join([*listed, factories.number(100), "+447400999100", "6315551002"])
    )
    expect(page.locator("#numbers-count")).to_have_text("8")
    page.get_by_role("button", name="Preview").click()

    would = "8: 5 to check, 1 no opt-in, 1 no number as written, 1 repeated; nothing sent yet."
    expect(page.get_by_text(would)).to_be_visible()
    expect(page.get_by_text("Example Hosting Ltd, DE")).to_be_visible()
    expect(page.get_by_text("Not sent: no opt-in for Acme")).to_be_visible()
    assert not CheckBatch.objects.exists()
    page.get_by_role("button", name="Check 5 numbers").click()

    expect(page.get_by_role("heading", name="Check run #")).to_be_visible()
    thread = worked_on(CheckBatch.objects.get())
    expect(page.get_by_text("Finished").first).to_be_visible(timeout=30_000)
    thread.join()
    figures: Any = page.locator("[data-live=valid]")
    expect(figures).to_have_text("0")
    expect(page.locator("[data-live=weak]")).to_have_text("3")
    expect(page.locator("[data-live=invalid]")).to_have_text("1")
    expect(page.get_by_text("Not sent: no opt-in for Acme")).to_be_visible()
    assert watched.findings() == []


def test_the_reason_for_checking_again_is_asked_for_only_then(
    window: Callable[..., Watched], business_admin: User, onprem_account: ProviderAccount
) -> None:
    watched = window()
    watched.sign_in_as(business_admin)
    page = watched.go("/contacts/checkbatch/add/")
    reason = page.get_by_label("Why check again")
    expect(reason).to_be_hidden()
    page.get_by_label("Check again anyway").check()
    expect(reason).to_be_visible()
    expect(page.get_by_label("Region of the national numbers")).to_be_hidden()
    page.get_by_label("Numbers without +").select_option("national")
    expect(page.get_by_label("Region of the national numbers")).to_be_visible()
