"""Every page of the console with something believable on it: what the screenshots show and what axe examines."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page

from audit import heads
from audit.models import SignedHead
from contacts import opt_ins
from contacts.consent.evidence import Evidence
from contacts.models import CheckBatch, ConsentText, OptIn, OptInImport
from providers.models import Business, BusinessName, ProviderAccount
from sandbox import Sandbox
from tests import factories
from tests.browser import export_pages, help_pages, home_pages, import_pages, message_pages, number_pages, proof_pages

Opened = Callable[[Page], None]


def furnish(sandbox: Sandbox) -> None:
    """Fill the console: two businesses, three accounts, forty people, a finished and a waiting run, a held record."""
    now = datetime.now(UTC)
    acme = factories.business("Acme")
    BusinessName.objects.create(business=acme, name="Acme Shop", until_date=now.date())
    wording = ConsentText.objects.create(
        business=acme,
        name="Checkout",
        version="2026-02",
        language="en",
        text="Yes, Acme may write to me on WhatsApp about my orders. I can stop at any time by replying STOP.",
        business_name_shown="Acme",
        purposes="service,utility",
        created_at=now - timedelta(days=90),
        created_by="ana",
    )
    node = factories.account(
        acme, "onprem", base_url=sandbox.url, name="acme-contacts", check_budget=1000, rate_limit=20
    )
    node.options = {"evidence_strength": "strong", "batch_size": 20}
    node.save()
    factories.account(acme, "commbox", base_url=sandbox.url, name="acme-commbox")
    peru = factories.account(acme, "accuauth", base_url=sandbox.url, name="acme-accuauth", check_budget=50)
    peru.recipient_official, peru.recipient_legal_name, peru.recipient_country = False, "AccuAuth SAC", "PE"
    peru.save()
    listed = [factories.number(ending) for ending in (*range(100, 130), 404, 422, 780)]
    for place, number in enumerate(listed):
        factories.opted_in(
            number,
            acme,
            given_at=now - timedelta(days=40 + place),
            now=now - timedelta(days=39),
            consent_text=wording if place % 3 else None,
            evidence=Evidence(text=f"Ticked the WhatsApp box on the order form, order {10_400 + place}"),
        )
    factories.withdrawn(listed[3], acme, now=now - timedelta(days=5))
    run = factories.check_run(
        node, *listed, listed[0], "6315551002", "+447400999100", "+51987654321", purpose="service"
    )
    factories.run(run)
    factories.opted_in(factories.peruvian(100), acme)
    factories.check_run(peru, factories.peruvian(100), listed[1])
    _hold_one(acme, listed[3], now)
    heads.sign_head(actor="ana", now=now - timedelta(days=2))
    number_pages.furnish(acme, sandbox)
    message_pages.furnish(sandbox)
    proof_pages.furnish()
    home_pages.furnish(acme, node, now=now)
    import_pages.furnish(acme, now=now)


def _hold_one(acme: Business, number: str, now: datetime) -> None:
    """A later file named somebody who had opted out."""
    entry = OptInImport.objects.create(
        business=acme,
        file_name="fair-stand.csv",
        file_digest="0" * 64,
        numbers_read_as="e164",
        statement="I confirm that …",
        imported_by="ana",
        started_at=now,
        finished_at=now,
        state=OptInImport.State.FINISHED,
        held_count=1,
    )
    granted = OptIn.objects.filter(pseudonym=opt_ins.Contact.objects.get(e164=number).pseudonym).first()
    assert granted is not None
    held = OptIn.objects.create(
        pseudonym=granted.pseudonym,
        business=acme,
        state=OptIn.State.HELD,
        purposes="service,utility",
        business_name_shown="Acme",
        source="fair stand",
        given_at=now - timedelta(days=1),
        recorded_at=now,
        recorded_by="ana",
        evidence_digest="0" * 64,
        opt_in_import=entry,
    )
    opt_ins.OptInEvidence.objects.create(
        opt_in=held, text="Signed card 118", salt=b"0" * 16, fingerprint="00000000-0000-4000-8000-000000000001"
    )


def everywhere() -> dict[str, tuple[str, Opened | None]]:
    """Give each page by its name: address, and what to do there before looking."""
    person = opt_ins.Contact.objects.get(e164=factories.number(103))
    finished = CheckBatch.objects.get(state=CheckBatch.State.FINISHED)
    waiting = CheckBatch.objects.get(state=CheckBatch.State.RUNNING)
    node = ProviderAccount.objects.get(name="acme-contacts")
    unconfirmed = ProviderAccount.objects.get(name="acme-accuauth")
    check = finished.checks.order_by("pk").first()
    assert check is not None

    def at(name: str, *args: object) -> str:
        return reverse(f"admin:{name}", args=args)

    return {
        "home": (at("index"), None),
        **home_pages.everywhere(),
        "contacts": (at("contacts_contact_changelist"), None),
        "contacts-to-a-day": (at("contacts_contact_changelist") + "?until=2030-01-01&consent=GRANTED", None),
        "contacts-none-found": (at("contacts_contact_changelist") + "?q=99999999", None),
        "person": (at("contacts_contact_change", person.pk), None),
        "opt-ins": (at("contacts_optin_changelist"), None),
        "opt-in": (at("contacts_optin_change", OptIn.objects.latest("pk").pk), None),
        "record-opt-in": (at("contacts_optin_add"), None),
        "record-opt-in-errors": (at("contacts_optin_add"), lambda page: _press(page, "Record opt-in")),
        "record-opt-out": (at("contacts_optin_withdraw"), None),
        "held": (at("contacts_optin_held"), None),
        "wordings": (at("contacts_consenttext_changelist"), None),
        "wording": (at("contacts_consenttext_change", ConsentText.objects.get().pk), None),
        "add-wording": (at("contacts_consenttext_add"), None),
        "runs": (at("contacts_checkbatch_changelist"), None),
        "new-run": (at("contacts_checkbatch_add"), None),
        "preview": (at("contacts_checkbatch_add"), _to_preview),
        "run-finished": (at("contacts_checkbatch_change", finished.pk), None),
        "run-waiting": (at("contacts_checkbatch_change", waiting.pk), None),
        "checks": (at("contacts_contactcheck_changelist"), None),
        "check": (at("contacts_contactcheck_change", check.pk), None),
        **import_pages.everywhere(),
        "users": (at("auth_user_changelist"), None),
        "user": (at("auth_user_change", User.objects.latest("pk").pk), None),
        "businesses": (at("providers_business_changelist"), None),
        "business": (at("providers_business_change", Business.objects.get().pk), None),
        "accounts": (at("providers_provideraccount_changelist"), None),
        "account": (at("providers_provideraccount_change", node.pk), None),
        "account-unconfirmed": (at("providers_provideraccount_change", unconfirmed.pk), None),
        "account-choose-kind": (at("providers_provideraccount_add"), None),
        "account-add": (at("providers_provideraccount_add") + "?kind=onprem", None),
        "account-pause": (at("providers_provideraccount_pause", node.pk), None),
        "account-confirm": (at("providers_provideraccount_confirm", unconfirmed.pk), None),
        "account-credentials": (at("providers_provideraccount_credentials", node.pk), None),
        "account-test": (
            at("providers_provideraccount_change", node.pk),
            lambda page: _press(page, "Test connection"),
        ),
        "account-webhook": (
            at("providers_provideraccount_change", node.pk),
            lambda page: _press(page, "Make the address"),
        ),
        "your-account": (at("sign_in"), None),
        "set-up-an-app": (
            at("second_factor_set_up"),
            lambda page: _press(page, "Begin"),
        ),
        "prove-again": (at("confirm_sign_in"), None),
        "reset-second-factor": (at("auth_user_reset_second_factor", User.objects.latest("pk").pk), None),
        "reveal-number": (at("contacts_contact_reveal", person.pk), None),
        "ledger": (at("audit_auditevent_changelist"), None),
        "ledger-older": (
            at("audit_auditevent_changelist"),
            lambda page: page.get_by_role("link", name="Older").click(),
        ),
        "ledger-verify": (at("audit_auditevent_verify"), None),
        "ledger-verified": (at("audit_auditevent_verify"), _verify),
        "calls": (at("audit_providercall_changelist"), None),
        **number_pages.everywhere(),
        **message_pages.everywhere(),
        **proof_pages.everywhere(),
        **export_pages.everywhere(),
        **help_pages.everywhere(),
    }


def _press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()
    page.wait_for_load_state()


def _verify(page: Page) -> None:
    kept = SignedHead.objects.latest("pk")
    page.get_by_label("or its number and hash").fill(f"{kept.sequence}:{kept.hash}")
    _press(page, "Verify the ledger")


def _to_preview(page: Page) -> None:
    page.get_by_label("Account", exact=True).select_option(label="acme-contacts · On-Premises contacts node · Acme")
    listed = [factories.number(ending) for ending in (*range(100, 112), 404)]
    written = [*listed, factories.number(100), "+447400999100", "+51987654321", "6315551002", "12-34", "4.9E+12"]
    page.get_by_label("Numbers", exact=True).fill("\n".join(written))
    page.get_by_label("Check again anyway").check()
    page.get_by_label("Why check again").fill("Campaign of May needs fresh answers")
    _press(page, "Preview")


def somebody() -> User:
    """A superuser: sees every page."""
    return User.objects.create_superuser("ana", first_name="Ana")
