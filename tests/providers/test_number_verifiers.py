"""What both verifiers of our own numbers promise, over real HTTP against the sandbox, and which accounts have one."""

import json

import pytest

from audit.models import ProviderCall
from providers import catalogue
from providers.catalogue import Meaning
from providers.errors import AccountRefused, AnswerLost, NotConfigured, ProviderError, Unavailable
from providers.interfaces import CodeMethod, NumberAddress, NumberHost, Submitted
from providers.models import Business, ProviderAccount
from providers.registry import (
    contact_checker,
    default_base_url,
    hosts_numbers,
    number_host,
    number_verifier,
    verifies_numbers,
)
from providers.secret import Secret
from sandbox import Ending, Sandbox, seeds
from tests import factories

PIN = "705218"


@pytest.fixture
def account(acme: Business, sandbox: Sandbox) -> ProviderAccount:
    return factories.account(acme, "cloud_api", base_url=sandbox.url)


@pytest.fixture
def host(account: ProviderAccount) -> NumberHost:
    return number_host(account)


def added(host: NumberHost, ending: str = "100") -> NumberAddress:
    """A number that was just added to the WABA."""
    e164 = f"+15550199{ending}"
    phone_number_id = host.add_number(seeds.WABA, e164=e164, verified_name="Acme", migrate=False, subject="")
    return NumberAddress(phone_number_id, seeds.WABA, e164)


def requested(host: NumberHost, sandbox: Sandbox, address: NumberAddress) -> Secret:
    """The code that reached the number's phone."""
    host.request_code(address.phone_number_id, method=CodeMethod.VOICE, language="en_US", subject="")
    code = sandbox.phone.last_code(address.e164)
    assert code
    return Secret(code)


def wrong(code: Secret) -> Secret:
    return Secret("000000" if code.reveal() != "000000" else "111111")


def test_a_number_goes_its_whole_way_at_meta(host: NumberHost, sandbox: Sandbox) -> None:
    address = added(host)
    phone = address.phone_number_id
    before = host.read_number(phone, subject="")
    assert (before.code_verification_status, before.is_on_business_app) == ("NOT_VERIFIED", False)
    assert host.submit_code(address, requested(host, sandbox, address), subject="") is Submitted.VERIFIED
    host.register(phone, Secret(PIN), subject="")
    host.set_pin(phone, Secret("912045"), subject="")
    host.subscribe_app(seeds.WABA, subject="")
    for on in (True, False):
        host.set_identity_check(phone, on=on, subject="")
        assert host.read_identity_check(phone, subject="") is on
    after = host.read_number(phone, subject="")
    assert (after.code_verification_status, after.status, after.is_pin_enabled) == ("VERIFIED", "CONNECTED", True)
    assert after.throughput_level == "STANDARD"
    assert after.messaging_limit_tier and after.health_status
    host.deregister(phone, subject="")
    assert host.read_number(phone, subject="").status != "CONNECTED"
    kept = json.dumps(list(ProviderCall.objects.values()), default=str)
    assert not any(secret in kept for secret in (PIN, "912045", sandbox.phone.last_code(address.e164) or "?"))
    assert set(ProviderCall.objects.values_list("http_status", flat=True)) == {200}


def test_every_number_of_a_waba_is_listed_with_what_is_known_of_it(host: NumberHost) -> None:
    facts = {one.phone_number_id: one for one in host.list_numbers(seeds.WABA, subject="")}
    assert len(facts) == 7
    assert facts[seeds.BUSINESS_APP_NUMBER_ID].is_on_business_app is True
    assert facts[seeds.BANNED_NUMBER_ID].quality_rating == "CRIMSON"
    assert facts[seeds.CONNECTED_NUMBER_ID].throughput_level == "HIGH"
    waba = host.read_business_account(seeds.WABA, subject="")
    assert (waba.waba_id, waba.name) == (seeds.WABA, "Acme")
    assert waba.account_review_status and waba.business_verification_status and waba.messaging_limit
    # This Graph version has every field that is asked for: nothing had to be asked for again.
    assert set(ProviderCall.objects.values_list("http_status", flat=True)) == {200}


def test_small_pages_are_turned_until_the_last(host: NumberHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.meta._PAGE_SIZE", 2)
    assert len({one.phone_number_id for one in host.list_numbers(seeds.WABA, subject="")}) == 7
    assert ProviderCall.objects.count() >= 4


@pytest.mark.parametrize(
    ("ending", "meaning"),
    [
        ("100", Meaning.WRONG_CODE),
        (Ending.CODE_ALWAYS_WRONG, Meaning.WRONG_CODE),
        (Ending.WRONG_CODE_IS_422, Meaning.WRONG_CODE),
        (Ending.CODE_EXPIRES_AT_ONCE, Meaning.CODE_EXPIRED),
        (Ending.TRY_AGAIN_ONCE, Meaning.TRY_AGAIN),
    ],
)
def test_a_code_that_meta_does_not_take_says_why(
    host: NumberHost, sandbox: Sandbox, ending: str, meaning: Meaning
) -> None:
    address = added(host, ending)
    code = requested(host, sandbox, address)
    typed = wrong(code) if ending in ("100", Ending.WRONG_CODE_IS_422) else code
    with pytest.raises(ProviderError) as caught:
        host.submit_code(address, typed, subject="")
    assert catalogue.explain("cloud_api", caught.value.code).meaning is meaning
    assert caught.value.trace_id and caught.value.said


@pytest.mark.parametrize("ending", [Ending.CODE_TAKEN_ANSWER_LOST, Ending.CODE_NOT_TAKEN_ANSWER_LOST])
def test_a_lost_answer_is_never_sent_again(host: NumberHost, sandbox: Sandbox, ending: str) -> None:
    address = added(host, ending)
    code = requested(host, sandbox, address)
    before = ProviderCall.objects.count()
    with pytest.raises(AnswerLost):
        host.submit_code(address, code, subject="")
    assert ProviderCall.objects.count() == before + 1


@pytest.mark.parametrize(
    ("ending", "meaning"),
    [
        (Ending.CODE_NOT_SENT, Meaning.CODE_NOT_SENT),
        (Ending.CODE_REQUESTS_THROTTLED, Meaning.WAIT),
        (Ending.ALREADY_VERIFIED, Meaning.ALREADY_VERIFIED),
    ],
)
def test_a_code_that_meta_does_not_send_says_why(host: NumberHost, ending: str, meaning: Meaning) -> None:
    address = added(host, ending)
    with pytest.raises(ProviderError) as caught:
        host.request_code(address.phone_number_id, method=CodeMethod.SMS, language="en_US", subject="")
    assert catalogue.explain("cloud_api", caught.value.code).meaning is meaning


@pytest.mark.parametrize(
    ("ending", "meaning"),
    [
        (Ending.PIN_MISMATCH, Meaning.WRONG_PIN),
        (Ending.REGISTRATION_LIMIT, Meaning.REGISTRATION_LIMIT),
        (Ending.TOO_MANY_PIN_GUESSES, Meaning.WAIT),
        (Ending.WAIT_FIVE_MINUTES, Meaning.WAIT),
        ("unverified", Meaning.VERIFY_FIRST),
    ],
)
def test_a_registration_that_meta_refuses_says_why(
    host: NumberHost, sandbox: Sandbox, ending: str, meaning: Meaning
) -> None:
    address = added(host, "100" if ending == "unverified" else ending)
    if ending != "unverified":
        host.submit_code(address, requested(host, sandbox, address), subject="")
    with pytest.raises(ProviderError) as caught:
        host.register(address.phone_number_id, Secret(PIN), subject="")
    assert catalogue.explain("cloud_api", caught.value.code).meaning is meaning


@pytest.mark.parametrize(("token", "meaning"), [("revoked", Meaning.ACCOUNT), ("noperm", Meaning.PERMISSION)])
def test_a_token_that_may_not_is_the_accounts_trouble(
    acme: Business, sandbox: Sandbox, token: str, meaning: Meaning
) -> None:
    account = factories.account(acme, "cloud_api", base_url=sandbox.url, credentials={"access_token": token})
    with pytest.raises(AccountRefused) as caught:
        number_host(account).read_number(seeds.NEW_NUMBER_ID, subject="")
    assert catalogue.explain("cloud_api", caught.value.code).meaning is meaning


# --- Kaleyra ----------------------------------------------------------------------------------------------------------

AT_KALEYRA = NumberAddress(seeds.KALEYRA_NUMBER_ID, seeds.KALEYRA_WABA, seeds.KALEYRA_E164)


@pytest.fixture
def kaleyra(acme: Business, sandbox: Sandbox) -> ProviderAccount:
    return factories.account(acme, "kaleyra", base_url=sandbox.url)


def test_a_number_is_verified_at_kaleyra_and_then_is_already(kaleyra: ProviderAccount, sandbox: Sandbox) -> None:
    verifier = number_verifier(kaleyra)
    code = Secret(sandbox.phone.last_code(seeds.KALEYRA_E164) or "")
    with pytest.raises(Unavailable) as caught:
        verifier.submit_code(AT_KALEYRA, wrong(code), subject="")
    assert caught.value.code == "WA500:try_again"
    assert verifier.submit_code(AT_KALEYRA, code, subject="") is Submitted.VERIFIED
    assert verifier.submit_code(AT_KALEYRA, code, subject="") is Submitted.ALREADY_VERIFIED


def test_credentials_that_kaleyra_refuses_are_configuration(acme: Business, sandbox: Sandbox) -> None:
    account = factories.account(acme, "kaleyra", base_url=sandbox.url, credentials={"api_key": "revoked"})
    with pytest.raises(AccountRefused) as caught:
        number_verifier(account).submit_code(AT_KALEYRA, Secret("123456"), subject="")
    assert caught.value.code == "RBC001"


# --- Which accounts do what -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "verifies", "hosts"),
    [
        ("cloud_api", True, True),
        ("kaleyra", True, False),
        ("commbox", False, False),
        ("onprem", False, False),
        ("accuauth", False, False),
    ],
)
def test_each_kind_of_account_has_the_clients_that_it_says(
    acme: Business, sandbox: Sandbox, kind: str, verifies: bool, hosts: bool
) -> None:
    account = factories.account(acme, kind, base_url=sandbox.url)
    assert (verifies_numbers(kind), hosts_numbers(kind)) == (verifies, hosts)
    for find, has_one in ((number_verifier, verifies), (number_host, hosts), (contact_checker, not verifies)):
        if has_one:
            assert 0 < find(account).deadline <= 60
        else:
            with pytest.raises(NotConfigured):
                find(account)


def test_kaleyra_says_that_it_registers_numbers_itself(kaleyra: ProviderAccount) -> None:
    with pytest.raises(NotConfigured, match="Kaleyra adds and registers its numbers itself"):
        number_host(kaleyra)


@pytest.mark.parametrize(
    ("kind", "options", "base_url"),
    [
        ("cloud_api", {}, "https://graph.facebook.com"),
        ("kaleyra", {"pod": "ap"}, "https://api.ap.kaleyra.io"),
        ("kaleyra", {"pod": "evil.example/"}, ""),
        ("kaleyra", {}, ""),
        ("onprem", {"pod": "in"}, ""),
    ],
)
def test_some_accounts_need_no_base_url(kind: str, options: dict[str, str], base_url: str) -> None:
    assert default_base_url(kind, options) == base_url
