"""The small world in which processes die: its people, what Meta tells of them, a file that names them."""

from datetime import UTC, datetime

from django.contrib.auth.models import Group, User
from django_q.models import OrmQ

from contacts import identity
from contacts.incoming import SystemKind
from contacts.models import Contact
from numbers.models import BusinessNumber
from sandbox.seeds import NEW_NUMBER_ID
from tests import factories
from tests.contacts import csv_files, senders, writers
from tests.webhooks import deliveries

CHECKED = [factories.number(100, index) for index in range(6)]
#: The sandbox closes the connection without an answer.
HANGS_UP = factories.number(444)
STRANGER, OPTED_OUT = factories.number(150), factories.number(151)
WRITTEN_TO, MISMATCHED, ERASED = factories.number(160), factories.number(161), factories.number(162)
IMPORTED = [factories.number(170, index) for index in range(10)]
OPTING_OUT = [factories.number(171, index) for index in range(5)]
#: Their identity changed, as our own contacts node told.
AT_THE_NODE = factories.number(163)
#: Writes “STOP”.
STOPS = factories.number(180)
AGREED = [*CHECKED, HANGS_UP, OPTED_OUT, WRITTEN_TO, MISMATCHED, ERASED, AT_THE_NODE, STOPS]


def set_up(url: str) -> None:
    """Put the world there that every journey starts from; `url` is the sandbox's."""
    acme = factories.business("Acme")
    factories.account(acme, "commbox", base_url=url)
    number = senders.our_number(acme, url)
    BusinessNumber.objects.create(
        business_account=number.business_account, e164="+15550051310", phone_number_id=NEW_NUMBER_ID
    )
    for e164 in AGREED:
        factories.opted_in(e164, acme)
    factories.withdrawn(OPTED_OUT, acme, now=datetime.now(UTC))
    for e164 in (MISMATCHED, ERASED):
        person = Contact.objects.get(e164=e164)
        senders.trusts(person, number)
        message = senders.send(person, number)
        if e164 == MISMATCHED:
            senders.tell(number, senders.status(message, "failed", code="137000"))
    node = factories.account(acme, "onprem", base_url=url)
    changed = writers.system(SystemKind.IDENTITY_CHANGED, AT_THE_NODE, at=datetime.now(UTC), identity_hash="new=")
    identity.system_event(account=node, business_number=None, event=changed, now=datetime.now(UTC))
    auditor = User.objects.create(username="olga", is_staff=True)
    auditor.groups.set(Group.objects.filter(name="Auditors"))
    OrmQ.objects.all().delete()


def webhook_bodies() -> list[bytes]:
    """What Meta tells: delivery reports, messages, one of them a person who opts out, and something unknown."""
    person = STOPS.removeprefix("+")
    stop = deliveries.message("wamid.IN.stop", **{"from": person, "text": {"body": "STOP"}})
    stop["contacts"] = [{"profile": {"name": "Pablo Morales"}, "wa_id": person}]
    return [
        deliveries.body_of(deliveries.status("wamid.A"), deliveries.status("wamid.B")),
        deliveries.body_of(deliveries.status("wamid.A", "read")),
        deliveries.body_of(deliveries.message("wamid.IN.one"), deliveries.message("wamid.IN.two")),
        deliveries.body_of(stop),
        deliveries.body_of({"something": "else"}, field="flows"),
    ]


def import_file() -> bytes:
    """A file of people who agreed, people who opted out, and a line that nobody can read."""
    return csv_files.csv_of(
        csv_files.line("nobody's number", "granted"),
        *(csv_files.line(e164, "granted") for e164 in IMPORTED),
        *(csv_files.line(e164, "withdrawn") for e164 in OPTING_OUT),
        header=f"{csv_files.HEADER},state",
    )
