"""The journeys that die, as a process takes them: begun, and taken up again by whoever would take them up.

A journey is what a person or a provider does, and does once more where they saw no end of it; the worker works off what
follows. `recover` is what the clock does: the schedule's sweeps, and the tasks that they queue, later and later.
Nothing in it knows where the process died.
"""

import io
import json
import os
import sys
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import time_machine
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from audit.models import Export
from contacts import tasks
from contacts.checking.claim import claim_rows
from contacts.consent import chunk, uploads
from contacts.erasure import erasing
from contacts.identity import node, settling
from contacts.identity.cases import CaseRefused
from contacts.messaging.refusals import MessageRefused
from contacts.models import CheckBatch, Contact, OptInImport, TrustCase
from numbers import codes, registration
from numbers.limits import Refused
from numbers.models import BusinessNumber
from providers.e164 import Reading
from providers.interfaces import CodeMethod
from providers.models import Business, ProviderAccount
from providers.registry import contact_checker
from providers.secret import Secret
from sandbox.seeds import NEW_NUMBER_ID
from tests import factories
from tests.audit import exporting
from tests.contacts import csv_files, senders
from tests.faults import crashing_people as people
from tests.faults.crashing_invariants import facts
from tests.webhooks import deliveries
from waadmin.schedules import EVERY_MINUTE, SCHEDULES
from webhooks import draining, receive

ACTOR = "tests"
_PRESS = UUID("11111111-2222-4333-8444-555555555555")
_SOON = 0.35


def prepare(url: str, folder: Path) -> None:
    """Let this process speak to its own sandbox and keep its files apart, in small steps and without waiting."""
    ProviderAccount.objects.update(base_url=url)
    settings.ERASURE_JOURNAL = str(folder / "erasures.jsonl")
    tasks.SLICE = timedelta(seconds=_SOON)
    chunk.MOST_ROWS = 4
    defaults = draining.drain.__kwdefaults__
    assert defaults is not None
    defaults["linger"] = 0


def work_off(*, forgive: bool = False) -> None:
    """Do what is queued as the worker does: a task leaves the queue once it has ended, `forgive` even in failure."""
    while (row := OrmQ.objects.order_by("id").first()) is not None:
        try:
            import_string(row.func())(*row.args())
        except Exception as error:
            if not forgive:
                raise
            # As django-q2, which has a failed task leave the queue too.
            sys.stderr.write(f"{row.func()}: {type(error).__name__}\n")
            connections.close_all()
        row.delete()


def recover(journey: str, folder: Path) -> None:
    """Let time pass, with sweeps; let whoever saw no end of the journey take it up again after the first minutes."""
    start = datetime.now(UTC)
    for minutes in (3, 12, 80):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=True):
            _sweep()
            if journey and minutes == 3:
                JOURNEYS[journey](folder)
                work_off()
                _sweep()


def _sweep() -> None:
    for name, interval in SCHEDULES.items():
        if interval is EVERY_MINUTE:
            import_string(name)()
    work_off()


def _acme() -> Business:
    return Business.objects.get()


def _check_run(folder: Path) -> None:
    if not CheckBatch.objects.exists():
        account = ProviderAccount.objects.get(kind="commbox")
        factories.check_run(account, *people.CHECKED, people.HANGS_UP, people.STRANGER, people.OPTED_OUT)


def _lost_checks(folder: Path) -> None:
    account, before = ProviderAccount.objects.get(kind="commbox"), datetime.now(UTC) - timedelta(hours=1)
    if not CheckBatch.objects.exists():
        run = factories.check_run(account, *people.CHECKED[:2], now=before)
        for _claim in people.CHECKED[:2]:
            claim_rows(batch=run, account=account, checker=contact_checker(account), now=before)
        # Others have ended the run's tasks: nobody but the sweep comes by again.
        OrmQ.objects.all().delete()
    tasks.sweep()


def _message(folder: Path) -> None:
    number = BusinessNumber.objects.exclude(phone_number_id=NEW_NUMBER_ID).get()
    senders.send(Contact.objects.get(e164=people.WRITTEN_TO), number, press=_PRESS)


def _webhooks(folder: Path) -> None:
    """Deliver as Meta does: whatever was not answered with 200 comes again."""
    taken = folder / "acknowledged"
    already = taken.read_text().split() if taken.exists() else []
    for body in people.webhook_bodies():
        if (digest := receive.digest_of(None, body)) in already:
            continue
        if deliveries.deliver(Client(), body) == 200:
            with taken.open("a") as file:
                file.write(f"{digest}\n")


def _import(folder: Path) -> None:
    if OptInImport.objects.exclude(statement="").exists():
        return
    now = datetime.now(UTC)
    kept = uploads.keep(
        content=people.import_file(),
        file_name="people.csv",
        business=_acme(),
        reading=Reading.E164,
        region="",
        name_shown="Acme",
        actor=ACTOR,
        now=now,
    )
    entry = csv_files.mapped(kept)
    said = uploads.sentence(entry)
    uploads.confirm(upload=entry, statement=said, shown=uploads.declared(entry), actor=ACTOR, now=now)


def _import_command(folder: Path) -> None:
    (folder / "people.csv").write_bytes(people.import_file())
    arguments = ["import_optins", str(folder / "people.csv"), "--business", "Acme", "--name-shown", "Acme"]
    with suppress(SystemExit):  # which says that a line could not be read
        call_command(*arguments, stdout=io.StringIO(), stderr=io.StringIO())


def _export(folder: Path) -> None:
    if not Export.objects.exists():
        exporting.requested(User.objects.get(username="olga"), "opt_ins")


def _export_folder(folder: Path) -> None:
    if not (folder / "export").exists():
        arguments = ["--since", "2026-01-01", "--until", "2036-01-01", "--format", "csv"]
        where = ["--output", str(folder / "export")]
        call_command("export_audit", *arguments, *where, stdout=io.StringIO(), stderr=io.StringIO())


def _erasure(folder: Path) -> None:
    person = Contact.objects.filter(e164=people.ERASED, restricted_at=None).first()
    if person is not None:
        erasing.erase(contact=person, reason="ASKED", actor=ACTOR, now=datetime.now(UTC))
    tasks.finish_erasures()


def _number(folder: Path) -> None:
    """Request a code, submit it, register: each only where the number is not that far."""
    number = BusinessNumber.objects.get(phone_number_id=NEW_NUMBER_ID)
    if not number.is_verified:
        try:
            _submit(number)
        except (LookupError, Refused):
            codes.request_code(
                number=number, method=CodeMethod.SMS, language="en_US", actor=ACTOR, now=datetime.now(UTC)
            )
            _submit(number)
        number.refresh_from_db()
    if not number.is_registered:
        registration.register(number=number, pin=registration.new_pin(), actor=ACTOR, now=datetime.now(UTC))


def _submit(number: BusinessNumber) -> None:
    """Type the code that arrived last on the number's phone.

    :raises LookupError: where none has arrived.
    """
    base = number.account.base_url
    with urllib.request.urlopen(f"{base}/_sandbox/phone/codes?number=%2B{number.e164[1:]}", timeout=10) as answer:
        arrived = json.load(answer)["codes"]
    if not arrived:
        raise LookupError("no code has arrived")
    codes.submit_code(number=number, code=Secret(arrived[0]["code"]), actor=ACTOR, now=datetime.now(UTC))


def _trust(folder: Path) -> None:
    case, now = TrustCase.objects.get(business_number__isnull=False), datetime.now(UTC)
    if case.closed_at is None:
        settling.same_person(case=case, channel="phone call", evidence="gave the last order", actor=ACTOR, now=now)
        return
    # Refused while the first one may be on its way.
    with suppress(CaseRefused, MessageRefused):
        settling.resend_again(case=case, actor=ACTOR, now=now)


def _node_case(folder: Path) -> None:
    case, now = TrustCase.objects.get(business_number=None), datetime.now(UTC)
    if case.closed_at is None:
        seen = node.read_identity(case=case, actor=ACTOR, now=now)
        words = {"channel": "phone call", "evidence": "gave the last order"}
        node.acknowledge(case=case, hash=seen.hash, actor=ACTOR, now=now, **words)


def begin(journey: str, folder: Path) -> None:
    """Begin a journey, and do in the background what follows from it."""
    JOURNEYS[journey](folder)
    work_off(forgive=True)


JOURNEYS: dict[str, Callable[[Path], None]] = {
    "check_run": _check_run,
    "lost_checks": _lost_checks,
    "message": _message,
    "webhooks": _webhooks,
    "opt_in_import": _import,
    "import_command": _import_command,
    "export": _export,
    "export_folder": _export_folder,
    "erasure": _erasure,
    "number": _number,
    "trust": _trust,
    "node_case": _node_case,
}


def main(what: str) -> None:
    """Do one thing in a process of its own; the environment says for which sandbox and with which files."""
    url, folder = os.environ["FAULT_SANDBOX"], Path(os.environ["FAULT_FOLDER"])
    if what == "set_up":
        people.set_up(url)
        return
    prepare(url, folder)
    verb, _, journey = what.partition(" ")
    match verb:
        case "begin":
            begin(journey, folder)
        case "write":
            JOURNEYS[journey](folder)
        case "sweep":
            _sweep()
        case "recover":
            recover(journey, folder)
            sys.stdout.write(json.dumps(facts()))
        case "look":
            sys.stdout.write(json.dumps(facts()))
