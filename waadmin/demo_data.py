"""The demo's people: believable, made through the real journeys, and the same however often it is done."""

import csv
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import Group, User
from django.urls import reverse

from contacts import checks, opt_ins
from contacts.consent import importing, texts
from contacts.consent.evidence import Evidence
from contacts.models import CheckBatch, ConsentText, OptInImport
from numbers import registration
from numbers.models import BusinessAccount, BusinessNumber
from providers import accounts
from providers.e164 import Number, NumberRefused, read_number
from providers.models import Business, ProviderAccount
from providers.secret import Secret
from waadmin import accounts as staff
from waadmin import configuration, roles
from waadmin.configuration_file import Configuration, WantedAccount, WantedBusiness, WantedName, WantedNumber

ACTOR = "demo"
#: Whose support the demo's support user is; the other business is there to show that it stays out of sight.
BUSINESS = "Acme"
#: User name, role and whether it may do everything.
USERS = (("admin", "Business admins", True), ("support", "Support staff", False), ("auditor", "Auditors", False))

#: Region, how its mobile numbers begin, how many digits follow, how many people.
_PEOPLE = (
    ("PE", "+519", 8, 60),
    ("MX", "+5255", 8, 25),
    ("CO", "+57310", 7, 20),
    ("CL", "+569", 8, 15),
    ("BR", "+55119", 8, 15),
    ("ES", "+346", 8, 20),
    ("DE", "+4915112", 6, 20),
    ("GB", "+447400", 6, 15),
    ("IN", "+9198", 8, 10),
    ("US", "+1202555", 4, 8),
)
#: What the sandbox does with a number that ends so (docs/sandbox.md); any other ending used here is on WhatsApp.
_ENDINGS = ("404", "404", "404", "404", "422", "202", "429", "503", "777", "780")
_SOURCES = (
    ("web form", "Ticked the WhatsApp box on the checkout page, order {n}"),
    ("paper", "Signed registration card no. {n}, kept in the branch"),
    ("call centre", "Recorded call {n}, agreed at the end of the order"),
    ("point of sale", "Confirmed on the terminal, receipt {n}"),
)
#: What the sandbox holds when it starts (docs/sandbox.md): account, WABA, name of the WABA, id and number.
_NUMBERS = (
    ("acme-cloud", "102290129340398", "Acme", "106540352242922", "+15550051310"),
    ("acme-cloud", "102290129340398", "Acme", "106850078877666", "+15550147788"),
    ("acme-cloud", "102290129340398", "Acme", "106850078877701", "+15550142305"),
    ("acme-cloud", "104996122399160", "Acme Services Peru", "107744312098551", "+5116402217"),
    ("acme-kaleyra", "109051873264118", "Acme India", "67899765432198", "+919765432198"),
    ("acme-kaleyra", "109051873264118", "Acme India", "67899765488012", "+919765488012"),
)


@dataclass(frozen=True, slots=True)
class Person:
    """One made-up person and how they agreed."""

    number: Number
    index: int
    given_at: datetime
    source: str
    evidence: str


def fill(*, sandbox_url: str, password: str, now: datetime, first: bool) -> dict[str, str]:
    """Make accounts that speak to the sandbox, users and, the first time, people; give the paths of the front door."""
    _configure(sandbox_url, now)
    _numbers(now, first=first)
    _users(password, now)
    node = ProviderAccount.objects.get(name="acme-contacts")
    token = node.webhook_token.get("token") or accounts.new_webhook_token(account=node, actor=ACTOR, now=now)
    if first:
        _consent(now)
    return {
        "callback": reverse("webhooks:onprem", args=[node.uuid, token.reveal()]),
        "webhook": reverse("webhooks:meta"),
    }


def _configure(sandbox_url: str, now: datetime) -> None:
    def account(name: str, kind: str, credentials: dict[str, str], recipient: str, **fields: object) -> WantedAccount:
        shared = {
            "base_url": sandbox_url,
            "recipient_legal_name": recipient,
            "recipient_country": "PE" if kind == "accuauth" else "DE",
            "recipient_agreement": "DPA 2026-04 (demo)",
            "recipient_official": kind in ("onprem", "cloud_api", "kaleyra"),
            "rate_limit": 20,
            "check_budget": 2_000,
        }
        secrets = {key: Secret(value) for key, value in credentials.items()}
        return WantedAccount("demo", name, kind, "Acme", shared | fields, secrets)

    wanted = Configuration(
        businesses=(
            WantedBusiness("demo", "Acme", None, (WantedName("Acme Shop", None, None),)),
            WantedBusiness("demo", "Nordwind Travel", "service,utility", ()),
        ),
        accounts=(
            account(
                "acme-contacts",
                "onprem",
                {"token": "demo-token"},
                "Example Hosting Ltd",
                options={"blocking": "no_wait", "batch_size": 20},
            ),
            account(
                "acme-commbox", "commbox", {"token": "demo-token"}, "CommBox (demo)", options={"stream_id": "acme-1"}
            ),
            account("acme-accuauth", "accuauth", {"api_id": "demo-id", "api_secret": "demo-secret"}, "AccuAuth (demo)"),
            account("acme-cloud", "cloud_api", {"access_token": "demo-token"}, "Meta (demo)", check_budget=None),
            account(
                "acme-kaleyra",
                "kaleyra",
                {"api_key": "demo-key"},
                "Kaleyra (demo)",
                options={"sid": "HXAP1642381597IN"},
                check_budget=None,
            ),
        ),
        numbers=tuple(
            WantedNumber("demo", account, waba_id, phone_number_id, e164, "Acme")
            for account, waba_id, _name, phone_number_id, e164 in _NUMBERS
        ),
    )
    configuration.apply(configuration=wanted, actor=ACTOR, now=now)


def _numbers(now: datetime, *, first: bool) -> None:
    """Have the worker read our numbers as soon as the sandbox runs, and stand at different points of their way."""
    for account, waba_id, name, _phone_number_id, _e164 in _NUMBERS:
        BusinessAccount.objects.filter(account__name=account, waba_id=waba_id, name="").update(name=name)
    BusinessAccount.objects.filter(account__name="acme-cloud").update(refresh_due_at=now)
    if not first:
        return
    new, _connected, moved, *_rest = (
        BusinessNumber.objects.get(phone_number_id=phone_number_id)
        for _account, _waba_id, _name, phone_number_id, _e164 in _NUMBERS
    )
    registration.choose_origin(number=new, origin=BusinessNumber.Origin.NEW, actor=ACTOR, now=now)
    registration.choose_origin(number=moved, origin=BusinessNumber.Origin.OTHER_PROVIDER, actor=ACTOR, now=now)
    registration.answer_pin(number=moved, pin_known=BusinessNumber.PinKnown.KNOWN, actor=ACTOR, now=now)
    registration.set_waiting(
        number=moved,
        on=BusinessNumber.Waiting.CLIENT,
        note="Looks for the PIN that was set at the provider before",
        actor=ACTOR,
        now=now,
    )


def _users(password: str, now: datetime) -> None:
    for name, role, everything in USERS:
        user, _created = User.objects.get_or_create(username=name, defaults={"is_staff": True})
        user.is_superuser = everything
        if not user.check_password(password):
            user.set_password(password)
        user.save()
        user.groups.set(Group.objects.filter(name=role))
        if role in roles.ASSIGNED_ROLES:
            businesses = Business.objects.filter(name=BUSINESS)
            staff.assign(user=user, every_business=False, businesses=businesses, actor=ACTOR, now=now)


def _consent(now: datetime) -> None:
    acme, nordwind = Business.objects.get(name="Acme"), Business.objects.get(name="Nordwind Travel")
    wordings = _wordings(acme, nordwind, now)
    people = list(_people(now))
    guests, customers = people[::12], [person for person in people if person.index % 12]
    for person in guests:
        _agreed(person, nordwind, wordings["booking"], now)
    listed, asked = customers[:90], customers[90:]
    _import(acme, "customers-2025.csv", listed, now)
    for person in asked:
        _agreed(person, acme, wordings["checkout"], now)
    for person in listed[7::15] + asked[5::15]:
        opt_ins.withdraw(
            number=person.number,
            business=acme,
            actor=ACTOR,
            now=now,
            source="phone call",
            reason=f"Called on {person.given_at + timedelta(days=9):%d %B %Y} and asked for no more messages",
            given_at=person.given_at + timedelta(days=9),
        )
    # A later file names somebody who has opted out since: held until a person decides.
    _import(acme, "fair-stand.csv", [listed[7], listed[3]], now, later=timedelta(days=30))
    if not CheckBatch.objects.exists():
        written = [person.number.e164 for person in [*asked[:50], guests[0], listed[7]]]
        checks.create(
            account=ProviderAccount.objects.get(name="acme-contacts"),
            lines=checks.read_lines([*written, "+51987654321", "6315551002"]),
            purpose="",
            source=CheckBatch.Source.PASTE,
            actor=ACTOR,
            now=now,
        )


def _wordings(acme: Business, nordwind: Business, now: datetime) -> dict[str, ConsentText]:
    wanted = {
        "checkout": ConsentText(
            business=acme,
            name="Checkout box",
            version="2",
            language="en",
            text="Yes, Acme may send me updates on my orders and offers on WhatsApp. I can stop this at any time.",
            business_name_shown="Acme",
            purposes="service,utility,marketing",
        ),
        "booking": ConsentText(
            business=nordwind,
            name="Booking form",
            version="1",
            language="de",
            text="Nordwind Travel darf mich zu meiner Buchung über WhatsApp benachrichtigen.",
            business_name_shown="Nordwind Travel",
            purposes="service,utility",
        ),
    }
    kept = {}
    for key, text in wanted.items():
        known = ConsentText.objects.filter(business=text.business, name=text.name, version=text.version).first()
        kept[key] = known or texts.add(text=text, actor=ACTOR, now=now)
    return kept


def _people(now: datetime) -> Iterator[Person]:
    draw = random.Random(2026)  # noqa: S311  the same people at every start, not a secret
    seen: set[str] = set()
    index = 0
    for _region, begin, digits, count in _PEOPLE:
        for _person in range(count):
            # Endings from 100 to 199 mean nothing to the sandbox.
            ending = _ENDINGS[index // 10 % len(_ENDINGS)] if index % 10 == 9 else str(draw.randrange(100, 200))
            number = _number(draw, begin, digits, ending, seen)
            source, evidence = _SOURCES[draw.randrange(len(_SOURCES))]
            given_at = now - timedelta(days=draw.randrange(40, 500), minutes=draw.randrange(1_440))
            yield Person(number, index, given_at, source, evidence.format(n=10_000 + index))
            index += 1


def _number(draw: random.Random, begin: str, digits: int, ending: str, seen: set[str]) -> Number:
    while True:
        middle = "".join(str(draw.randrange(10)) for _digit in range(digits - 3))
        try:
            number = read_number(f"{begin}{middle}{ending}")
        except NumberRefused:
            continue
        if number.e164 not in seen:
            seen.add(number.e164)
            return number


def _agreed(person: Person, business: Business, wording: ConsentText, now: datetime) -> None:
    opt_ins.record(
        number=person.number,
        business=business,
        actor=ACTOR,
        now=now,
        source=person.source,
        evidence=Evidence(text=person.evidence),
        business_name_shown=business.name,
        given_at=person.given_at,
        purposes=wording.purposes.split(","),
        consent_text=wording,
        expires_at=person.given_at + timedelta(days=30) if person.index % 14 == 3 else None,
    )


def _import(
    business: Business, file_name: str, people: list[Person], now: datetime, later: timedelta = timedelta()
) -> None:
    if OptInImport.objects.filter(file_name=file_name, state=OptInImport.State.FINISHED).exists():
        return
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["phone", "given_at", "source", "evidence"])
    for person in people:
        given_at = person.given_at + later
        writer.writerow([person.number.e164, given_at.isoformat(), person.source, person.evidence])
    importing.import_file(
        file=io.BytesIO(text.getvalue().encode()),
        file_name=file_name,
        business=business,
        actor=ACTOR,
        now=now,
        statement="Each person in this file agreed to hear from Acme on WhatsApp, as its line says.",
        name_shown=business.name,
    )
