"""After forty flows, crashes included, no code, PIN or token is left but on the wire and, encrypted, in its field."""

import base64
import io
import json
import logging
import pickle
import random
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core import mail, signing
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.utils.log import AdminEmailHandler
from django.views.debug import ExceptionReporter
from django_q.tasks import async_task

from audit import ledger
from audit.models import ProviderCall
from numbers import codes, registration, sync, tasks
from numbers.limits import Refused
from numbers.models import BusinessAccount, BusinessNumber, VerificationAttempt
from providers import http
from providers.errors import ProviderError
from providers.models import Business
from providers.secret import Secret
from sandbox import Ending, Sandbox
from tests import clients, factories
from tests.numbers import stage
from tests.numbers.flows import now, request
from tests.numbers.leaks import Lines, everything_logged, found_in, whole_database

pytestmark = pytest.mark.django_db

TOKEN = "EAAcanaryTokenOfMeta0123456789abcdef"
API_KEY = "AcanaryKeyOfKaleyra0123456789abcdef"
WRAPPINGS: dict[str, Callable[[str], bytes]] = {
    "as it is": lambda text: f"the code is {text}.".encode(),
    "in another word": lambda text: f"x{text}y".encode(),
    "base64": lambda text: base64.b64encode(f"code={text}".encode()),
    "url-safe base64": lambda text: base64.urlsafe_b64encode(f"??>>{text}".encode()),
    "zlib": lambda text: zlib.compress(f"the code is {text}".encode()),
    "zlib in base64": lambda text: base64.b64encode(zlib.compress(f"otp {text} otp".encode())),
    "signed": lambda text: signing.dumps({"otp": text}).encode(),
    "signed and compressed": lambda text: signing.dumps({"otp": [text] * 9}, compress=True).encode(),
    "pickled": lambda text: pickle.dumps({"args": [text]}),
    "pickled in base64": lambda text: base64.b64encode(pickle.dumps([text])),
    "signed and pickled, as the queue does": lambda text: signing.dumps(
        text, serializer=_Pickle, compress=True
    ).encode(),
    "hex": lambda text: f"code-{text}".encode().hex().encode(),
    "escaped": lambda text: json.dumps({"code": "é" + text}).replace(text[0], f"\\u{ord(text[0]):04x}").encode(),
    "utf-16": lambda text: text.encode("utf-16-le"),
}


class _Pickle:
    @staticmethod
    def dumps(value: Any) -> bytes:
        return pickle.dumps(value)


class Canaries:
    """Six digits that stand in nothing else, each handed out once."""

    def __init__(self) -> None:
        draw = random.Random(20260503)
        pool = [f"{draw.randrange(100_000, 1_000_000)}" for _one in range(600)]
        self._pool = iter([digits for digits in dict.fromkeys(pool) if len(set(digits)) > 3])
        self.given: list[str] = []

    def digits(self) -> str:
        self.given.append(next(self._pool))
        return self.given[-1]

    def randbelow(self, limit: int) -> int:
        return int(self.digits())


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> Canaries:
    """Every code that the sandbox sends, and every PIN that is made, is a canary."""
    given = Canaries()
    monkeypatch.setattr("sandbox.wabas.secrets", given)
    monkeypatch.setattr("numbers.pins.secrets", given)
    return given


@pytest.fixture
def log() -> Iterator[Lines]:
    """Everything that is logged at DEBUG, SQL with its parameters included."""
    with everything_logged() as lines:
        yield lines


class Flows:
    """Forty ways through our journeys, each with a number of its own, and what they said."""

    def __init__(self, acme: Business, sandbox: Sandbox, canaries: Canaries, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sandbox, self.canaries, self.patch = sandbox, canaries, monkeypatch
        self.said: list[str] = []
        self.count = self._index = 0
        cloud = factories.account(acme, "cloud_api", base_url=sandbox.url, credentials={"access_token": TOKEN})
        kaleyra = factories.account(acme, "kaleyra", base_url=sandbox.url, credentials={"api_key": API_KEY})
        self.waba = BusinessAccount.objects.create(waba_id=stage.WABA, business=acme, account=cloud)
        self.kaleyra = BusinessAccount.objects.create(waba_id=stage.KALEYRA_WABA, business=acme, account=kaleyra)
        self.browser = clients.browser(clients.ADMIN)
        self.browser.raise_request_exception = False

    def run(self) -> None:
        for ending in (
            "100", Ending.CODE_ALWAYS_WRONG, Ending.WRONG_CODE_IS_422, Ending.CODE_EXPIRES_AT_ONCE,
            Ending.TRY_AGAIN_ONCE, Ending.CODE_TAKEN_ANSWER_LOST, Ending.CODE_NOT_TAKEN_ANSWER_LOST,
            Ending.ALREADY_VERIFIED, "429", "500", "998", "444",
        ):  # fmt: skip
            self.flow(lambda ending=ending: self.submit(self.number(str(ending))))
        for ending in ("100", Ending.TRY_AGAIN_ONCE, Ending.CODE_TAKEN_ANSWER_LOST, "996", "400"):
            self.flow(lambda ending=ending: self.submit(self.kaleyra_number(str(ending))))
        for ending in (
            "100", Ending.PIN_MISMATCH, Ending.REGISTRATION_LIMIT, Ending.REGISTRATION_LOST, Ending.WAIT_FIVE_MINUTES
        ):  # fmt: skip
            self.flow(lambda ending=ending: self.register(self.verified(str(ending))))
        for hold in ("before the call", "after the call", "while the answer is read"):
            self.flow(lambda hold=hold: self.crashing(hold, lambda: self.submit(self.number("100"))))
            self.flow(lambda hold=hold: self.crashing(hold, lambda: self.submit(self.kaleyra_number("100"))))
            self.flow(lambda hold=hold: self.crashing(hold, lambda: self.register(self.verified("100"))))
            self.flow(lambda hold=hold: self.crashing(hold, lambda: self.in_the_browser("submit_code", "code")))
            self.flow(lambda hold=hold: self.crashing(hold, lambda: self.in_the_browser("register", "pin")))
        self.flow(lambda: self.in_the_browser("submit_code", "code"))
        self.flow(lambda: self.in_the_browser("submit_code", "code", typed="{}9"))
        self.flow(lambda: self.in_the_browser("register", "pin"))
        self.flow(lambda: self.in_the_browser("register", "pin", typed="x{}"))
        self.flow(lambda: self.command("submit_code", "{}"))
        self.flow(lambda: self.command("submit_code", "{}7"))
        self.flow(lambda: self.command("register_number", "{}"))
        self.flow(self.life)
        self.flow(self.unreachable)
        self.flow(self.secret_of_another_kind)

    def flow(self, journey: Callable[[], object]) -> None:
        self.count += 1
        self._index += 1
        with suppress(RuntimeError, Refused, ProviderError):
            journey()

    def number(self, ending: str, **facts: Any) -> BusinessNumber:
        e164 = f"+1202{self._index + 200:03d}1{ending}"
        phone_number_id = self.sandbox.add_number(e164, waba_id=stage.WABA, verified_name="Acme", **facts)
        number = BusinessNumber.objects.create(business_account=self.waba, e164=e164, phone_number_id=phone_number_id)
        with suppress(ProviderError):
            sync.refresh_number(number=number, actor="tests", now=now())
        request(number, actor=f"operator-{self._index}")
        return number

    def kaleyra_number(self, ending: str) -> BusinessNumber:
        e164 = f"+9197{self._index:05d}{ending}"
        phone_number_id = self.sandbox.kaleyra_sends_code(e164)
        return BusinessNumber.objects.create(business_account=self.kaleyra, e164=e164, phone_number_id=phone_number_id)

    def verified(self, ending: str) -> BusinessNumber:
        return self.number(ending, code_verification_status="VERIFIED")

    def code(self, number: BusinessNumber) -> str:
        return self.sandbox.phone.last_code(number.e164) or self.canaries.digits()

    def submit(self, number: BusinessNumber) -> None:
        """Submit a wrong code, then the right one, and have whatever was lost settled."""
        # As secrets: the report of a crash shows the variables of this very function.
        typed = [Secret(self.canaries.digits()), Secret(self.code(number)), Secret(self.code(number))]
        for code in typed:
            with suppress(Refused):
                attempt = codes.submit_code(
                    number=number, code=codes.read_code(code.reveal()), actor=f"operator-{self._index}", now=now()
                )
                self.said.append(f"{attempt.provider_words} {attempt.provider_code} {attempt.trace_id}")
                tasks.settle_attempt(attempt.pk)

    def register(self, number: BusinessNumber) -> None:
        attempt = registration.register(
            number=number, pin=registration.read_pin(self.canaries.digits()), actor="alice", now=now()
        )
        self.said.append(f"{attempt.provider_words} {attempt.provider_code}")
        tasks.settle_attempt(attempt.pk)

    def life(self) -> None:
        number = self.verified("100")
        self.register(number)
        for _time in range(2):
            pin = Secret(self.canaries.digits())
            registration.set_pin(number=number, pin=pin, actor="alice", now=now())
        registration.reveal_pin(number=number, reason="tests", actor="alice", now=now())
        self.browser.post(stage.at("businessnumber_reveal_pin", number.pk), {"reason": "tests"})
        self.browser.post(stage.at("businessnumber_new_pin", number.pk), {"confirmation": number.e164})
        registration.hand_over(number=number, confirmation=number.e164, actor="alice", now=now())

    def unreachable(self) -> None:
        number = self.number("100")
        self.patch.setattr(http, "CONNECT_TIMEOUT", 0.2)
        number.account.base_url = "http://127.0.0.1:1"
        self.submit(number)

    def secret_of_another_kind(self) -> None:
        """A code where a number belongs: into every field of the forms that is not one for codes."""
        number = self.number("100")
        for page in ("request_code", "choose_origin", "answer_pin", "set_waiting"):
            with suppress(Exception):
                self.browser.post(stage.at(f"businessnumber_{page}", number.pk), {"code": self.canaries.digits()})

    def in_the_browser(self, page: str, field: str, typed: str = "{}") -> None:
        number = self.number("100") if page == "submit_code" else self.verified("100")
        digits = self.code(number) if page == "submit_code" else self.canaries.digits()
        response = self.browser.post(
            stage.at(f"businessnumber_{page}", number.pk), {field: typed.format(digits)}, follow=True
        )
        self.said.append(response.content.decode())

    def command(self, name: str, typed: str) -> None:
        number = self.number("100") if name == "submit_code" else self.verified("100")
        digits = self.code(number) if name == "submit_code" else self.canaries.digits()
        out = io.StringIO()
        with self.patch.context() as patched, suppress(CommandError, SystemExit):
            patched.setattr("sys.stdin", io.StringIO(typed.format(digits)))
            try:
                call_command(name, number.phone_number_id, "--json", stdout=out, stderr=out)
            except CommandError as error:
                out.write(str(error))
        self.said.append(out.getvalue())

    def crashing(self, where: str, journey: Callable[[], object]) -> None:
        """Let the process fail in mid-call, and report that as Django would: a mail and a page with every frame."""
        send = http._send

        def fails(*args: Any, **kwargs: Any) -> Any:
            if "verify" not in args[2] and "register" not in args[2]:
                return send(*args, **kwargs)
            if where == "before the call":
                raise RuntimeError("the machine is out of memory")
            answer = send(*args, **kwargs)
            if where == "while the answer is read":
                return SimpleNamespace(status=answer.status, headers=answer.headers, body=7, json=answer.oops)
            raise RuntimeError("the machine is out of memory")

        with self.patch.context() as patched:
            patched.setattr(http, "_send", fails)
            try:
                journey()
            except (RuntimeError, AttributeError) as error:
                self.report(error)

    def report(self, error: BaseException) -> None:
        reporter = ExceptionReporter(None, type(error), error, error.__traceback__, is_email=True)
        self.said += [reporter.get_traceback_text(), reporter.get_traceback_html()]


def test_no_code_pin_or_token_is_left_anywhere(
    acme: Business,
    sandbox: Sandbox,
    canaries: Canaries,
    log: Lines,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    settings.ADMINS = [("Admin", "admin@example.com")]
    logging.getLogger("django.request").addHandler(reports := AdminEmailHandler(include_html=True))
    flows = Flows(acme, sandbox, canaries, monkeypatch)
    flows.run()
    tasks.sweep()
    for waiting in VerificationAttempt.objects.filter(outcome="UNKNOWN"):
        tasks.settle_attempt(waiting.pk)
    logging.getLogger("django.request").removeHandler(reports)
    assert flows.count >= 40
    outcomes = set(VerificationAttempt.objects.values_list("outcome", flat=True))
    assert outcomes >= {"DONE", "REFUSED", "UNKNOWN", "SENDING", "NOT_SENT"}, outcomes
    assert len(mail.outbox) >= 3, "crashes are reported by mail"
    assert any("out of memory" in said for said in flows.said) and len(log.lines) > 1_000

    printed = capfd.readouterr()
    places = whole_database() | {
        "the log": "\n".join(log.lines).encode(),
        "what was said": "\n".join(flows.said).encode(),
        "what was printed": (printed.out + printed.err).encode(),
        **{f"mail {index}": str(message.message()).encode() for index, message in enumerate(mail.outbox)},
        **{f"mail's page {index}": str(message.alternatives).encode() for index, message in enumerate(mail.outbox)},
    }
    assert len(canaries.given) >= 70
    assert found_in(places, [*canaries.given, TOKEN, API_KEY]) == {}


def test_the_search_finds_every_canary_in_every_wrapping() -> None:
    canaries = Canaries()
    planted = {canaries.digits(): wrap for wrap in WRAPPINGS.values()}
    places = {
        name: b"before " + wrap(canary) + b"\nafter" if name not in ("zlib", "utf-16") else wrap(canary)
        for (canary, wrap), name in zip(planted.items(), WRAPPINGS, strict=True)
    }

    assert {name for names in found_in(places, planted).values() for name in names} == set(WRAPPINGS)
    assert set(found_in(places, planted)) == set(planted)


def test_the_search_finds_what_is_planted_in_the_database(acme: Business, sandbox: Sandbox) -> None:
    canaries = Canaries()
    number = stage.cloud_number(acme, sandbox)
    number.waiting_note = f"the code was {canaries.digits()}"
    number.save()
    VerificationAttempt.objects.create(
        business_number=number, action="SUBMIT_CODE", actor="alice", started_at=now(), provider_words=canaries.digits()
    )
    ProviderCall.objects.create(account_name="x", kind="x", operation="x", url=f"/x?code={canaries.digits()}",
                                method="GET", started_at=now())  # fmt: skip
    async_task("numbers.tasks.settle_attempt", canaries.digits())
    session = SessionStore()
    session["code"] = canaries.digits()
    session.save()
    with transaction.atomic():
        ledger.record(action="tests.planted", actor="x", now=now(), details={"code": canaries.digits()})
    Client().get("/")

    assert set(found_in(whole_database(), canaries.given)) == set(canaries.given)
