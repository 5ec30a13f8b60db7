"""What must hold whatever died: read from the database by a process that lives, judged with the sandbox's journal."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.functions import Length
from django_q.models import OrmQ

from audit import proof
from audit.models import Export, ExportPart, ProviderCall
from contacts.models import (
    CheckBatch,
    Contact,
    ContactCheck,
    Erasure,
    Message,
    MessageStatus,
    OptIn,
    OptInImport,
    TrustCase,
)
from numbers.models import BusinessNumber, VerificationAttempt
from sandbox import Sandbox
from sandbox.seeds import NEW_NUMBER_ID
from tests.contacts.erasure.people import rows_naming
from tests.faults import crashing_people as people
from webhooks.models import WebhookEvent, WebhookRequest

#: What ends a row: no other status is left when all is done.
_ENDS = {"VALID", "INVALID", "FAILED", "UNKNOWN", "REFUSED", "CANCELLED", "DUPLICATE"}


def facts() -> dict[str, Any]:
    """Read how everything stands, as values that a process can print."""
    imports = OptInImport.objects.exclude(statement="")
    stuck = {
        "queued tasks": OrmQ.objects.all(),
        "check rows": ContactCheck.objects.open(),
        "check runs": CheckBatch.objects.filter(state="RUNNING"),
        "messages": Message.objects.filter(state="SENDING"),
        "attempts": VerificationAttempt.objects.filter(outcome="SENDING"),
        "exports": Export.objects.filter(state__in=["WAITING", "RUNNING"]),
        "imports": imports.exclude(state="FINISHED"),
        "kept files": imports.filter(content__isnull=False),
        "webhooks": WebhookRequest.objects.open(),
        "webhooks with errors": WebhookRequest.objects.failed(),
        "events": WebhookEvent.objects.exclude(outcome__in=["DONE", "IGNORED"]),
        "erasures": Erasure.objects.filter(finished_at=None),
        "restricted people": Contact.objects.filter(restricted_at__isnull=False),
    }
    new = BusinessNumber.objects.get(phone_number_id=NEW_NUMBER_ID)
    known = {person.pseudonym: person.e164 for person in Contact.objects.all()}
    events = [(known[one.pseudonym], one.state) for one in OptIn.objects.filter(pseudonym__in=known)]
    told = MessageStatus.objects.filter(wamid__in=["wamid.A", "wamid.B"])
    # Those of the set-up have neither a press nor a case.
    sent = Message.objects.filter(Q(press__isnull=False) | Q(resend_of_case__isnull=False), direction="OUT")
    gone = not Contact.objects.filter(e164=people.ERASED).exists()
    parts = ExportPart.objects.annotate(bytes=Length("content")).values("export", "claim").annotate(Sum("bytes"))
    return {
        "stuck": {name: rows.count() for name, rows in stuck.items() if rows.exists()},
        "faults": [str(fault) for fault in proof.prove(against=None).faults],
        "checks": list(ContactCheck.objects.values_list("e164", "status")),
        "runs": list(CheckBatch.objects.values_list("state", flat=True)),
        "messages": list(sent.values_list("contact__e164", "state")),
        "incoming": sorted(Message.objects.filter(direction="IN").values_list("wamid", flat=True)),
        "statuses": sorted(told.values_list("wamid", "status")),
        "stored": list(WebhookRequest.objects.values_list("digest", flat=True)),
        "readable": sum(bool(row.body) for row in WebhookRequest.objects.all()),
        "consent events": sorted([e164, state, count] for (e164, state), count in Counter(events).items()),
        "imports": list(imports.values_list("state", "granted_count", "withdrawn_count", "unchanged_count")),
        "without errors": imports.filter(errors=None).count(),
        "exports": list(Export.objects.values_list("state", flat=True)),
        "export parts": len({(part["export"], part["claim"]) for part in parts}),
        "erased": sorted(rows_naming([people.ERASED])) if gone else None,
        "number": [new.is_verified, new.is_registered],
        "attempts": dict(VerificationAttempt.objects.values_list("action").annotate(Count("pk")).order_by()),
        "calls": ProviderCall.objects.count(),
        "closed cases": list(TrustCase.objects.exclude(closed_at=None).values_list("contact__e164", flat=True)),
    }


@dataclass(frozen=True, slots=True)
class World:
    """What there is to judge: the sandbox that was spoken to, and the folder of the process's files."""

    sandbox: Sandbox
    folder: Path

    def calls(self, *endings: str, method: str = "POST") -> int:
        """Count the calls that reached the sandbox, by the end of their path."""
        return sum(one.method == method and one.path.endswith(endings) for one in self.sandbox.journal)


def broken(found: dict[str, Any], world: World, *, journey: str) -> list[str]:
    """Say what does not hold: nothing, where all is well."""
    return [*always(found, world), *_JUDGES[journey](found, world)]


def always(found: dict[str, Any], world: World) -> Iterator[str]:
    """Say what does not hold although it must whatever was going on."""
    if found["stuck"]:
        yield f"stuck: {found['stuck']}"
    if found["faults"]:
        yield f"the ledger: {found['faults']}"
    asked = Counter(world.sandbox.journal.numbers("commbox"))
    if twice := {number: times for number, times in asked.items() if times > 1}:
        yield f"asked about more than once: {twice}"
    if refused := {people.STRANGER, people.OPTED_OUT} & set(asked):
        yield f"asked about without consent: {refused}"
    if open_rows := [row for row in found["checks"] if row[1] not in _ENDS]:
        yield f"without an end: {open_rows}"
    answered = {e164 for e164, status in found["checks"] if status in ("VALID", "INVALID")}
    if answered - set(asked):
        yield f"answered and never asked: {answered - set(asked)}"
    if any(count > 1 for _e164, _state, count in found["consent events"]):
        yield f"consent events doubled: {found['consent events']}"
    if world.calls("/messages") > len(found["messages"]):
        yield f"{world.calls('/messages')} messages left for {found['messages']}"


def _check_run(found: dict[str, Any], world: World) -> Iterator[str]:
    if found["runs"] != ["FINISHED"]:
        yield f"runs: {found['runs']}"
    ends = dict(found["checks"])
    if sorted(number for number, _status in found["checks"]) != sorted(
        [*people.CHECKED, people.HANGS_UP, people.STRANGER, people.OPTED_OUT]
    ):
        yield f"rows: {found['checks']}"
    lost = [number for number in people.CHECKED if ends.get(number) != "VALID"]
    # What died with a call on its way loses that call's answer, and nobody else's.
    if len(lost) > 1 or any(ends[number] != "UNKNOWN" for number in lost):
        yield f"without an answer: {lost}"
    if ends.get(people.HANGS_UP) != "UNKNOWN" or ends.get(people.STRANGER) != "REFUSED":
        yield f"ends: {ends}"


def _lost_checks(found: dict[str, Any], world: World) -> Iterator[str]:
    if {status for _number, status in found["checks"]} != {"UNKNOWN"} or found["runs"] != ["FINISHED"]:
        yield f"lost rows became {found['checks']} in {found['runs']}"
    if len(world.sandbox.journal):
        yield "somebody was asked about although the claim was lost"


def _message(found: dict[str, Any], world: World) -> Iterator[str]:
    sent = [state for number, state in found["messages"] if number == people.WRITTEN_TO]
    if len(sent) != 1 or world.calls("/messages") > 1:
        yield f"one press made {sent} and {world.calls('/messages')} calls"
    if sent == ["ACCEPTED"] and not world.calls("/messages"):
        yield "accepted and never sent"


def _webhooks(found: dict[str, Any], world: World) -> Iterator[str]:
    acknowledged = (world.folder / "acknowledged").read_text().split()
    if missing := set(acknowledged) - set(found["stored"]):
        yield f"acknowledged and not stored: {missing}"
    if len(acknowledged) != 5 or found["readable"] != 5:
        yield f"{len(acknowledged)} acknowledged, {found['readable']} readable"
    if found["incoming"] != ["wamid.IN.one", "wamid.IN.stop", "wamid.IN.two"]:
        yield f"received: {found['incoming']}"
    if found["statuses"] != [["wamid.A", "delivered"], ["wamid.A", "read"], ["wamid.B", "delivered"]]:
        yield f"statuses: {found['statuses']}"
    if [people.STOPS, "WITHDRAWN", 1] not in found["consent events"]:
        yield "the opt-out is not on record"


def _import(found: dict[str, Any], world: World) -> Iterator[str]:
    wanted = [[number, "GRANTED", 1] for number in people.IMPORTED]
    wanted += [[number, "WITHDRAWN", 1] for number in people.OPTING_OUT]
    about = {number for number, _state, _count in wanted}
    if (have := [row for row in found["consent events"] if row[0] in about]) != sorted(wanted):
        yield f"imported: {have}"
    granted, withdrawn = len(people.IMPORTED), len(people.OPTING_OUT)
    if any(row[0] != "FINISHED" or sum(row[1:]) != granted + withdrawn for row in found["imports"]):
        yield f"counted: {found['imports']}"
    if sum(row[1] for row in found["imports"]) != granted:
        yield f"grants counted twice: {found['imports']}"


def _upload(found: dict[str, Any], world: World) -> Iterator[str]:
    yield from _import(found, world)
    if found["without errors"]:
        yield "nobody can read what was wrong in the file"


def _export(found: dict[str, Any], world: World) -> Iterator[str]:
    if found["exports"] != ["READY"] or found["export parts"] != 1:
        yield f"exports {found['exports']} of {found['export parts']} claims"
    if left := list(world.folder.glob("waadmin-export-*")):
        yield f"left behind: {left}"


def _export_folder(found: dict[str, Any], world: World) -> Iterator[str]:
    if not (world.folder / "export" / "manifest.json").exists():
        yield "no export"
    if left := list(world.folder.glob(".export.partial-*")):
        yield f"left behind: {left}"


def _erasure(found: dict[str, Any], world: World) -> Iterator[str]:
    if found["erased"] is None or found["erased"]:
        yield f"the person stands in: {found['erased']}"
    if not (world.folder / "erasures.jsonl").read_text().count("\n"):
        yield "the journal has no line"


def _number(found: dict[str, Any], world: World) -> Iterator[str]:
    if found["number"] != [True, True]:
        yield f"verified, registered: {found['number']}"
    for action, path in (("REQUEST_CODE", "/request_code"), ("SUBMIT_CODE", "/verify_code"), ("REGISTER", "/register")):
        if world.calls(path) > found["attempts"].get(action, 0):
            yield f"{world.calls(path)} calls {path} for {found['attempts']}"


def _trust(found: dict[str, Any], world: World) -> Iterator[str]:
    if found["closed cases"] != [people.MISMATCHED]:
        yield f"closed: {found['closed cases']}"


def _node_case(found: dict[str, Any], world: World) -> Iterator[str]:
    if found["closed cases"] != [people.AT_THE_NODE]:
        yield f"closed: {found['closed cases']}"


_JUDGES = {
    "check_run": _check_run,
    "lost_checks": _lost_checks,
    "message": _message,
    "webhooks": _webhooks,
    "opt_in_import": _upload,
    "import_command": _import,
    "export": _export,
    "export_folder": _export_folder,
    "erasure": _erasure,
    "number": _number,
    "trust": _trust,
    "node_case": _node_case,
}
