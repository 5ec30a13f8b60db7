"""What an import leaves in the ledger: a link for each chunk that stands for its events, and one for the whole file."""

import hashlib

import pytest
from django.db import connection

from audit.ledger import canonical_bytes, hash_event
from audit.merkle import MerkleTree
from audit.models import AuditEvent
from contacts.consent import chunk as chunks
from contacts.consent.columns import header_digest
from contacts.consent.committing import leaves
from contacts.consent.evidence import Evidence, digest
from contacts.models import OptInEvidence
from providers.models import Business
from tests.contacts.csv_files import HEADER, STATEMENT, csv_of, events, imported, line

pytestmark = pytest.mark.django_db

CONTENT = csv_of(
    *(line(f"+4474000001{n:02d}", given_at=f"2026-01-05T09:30:{n:02d}.{n}Z") for n in range(5)),
    line("+447400000199"),
    line("bad"),
)


def test_each_chunk_is_one_link_whose_root_stands_for_its_events(
    acme: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "MOST_ROWS", 4)
    result, _bad = imported(CONTENT, acme)
    links = list(AuditEvent.objects.filter(action="opt_ins.imported").order_by("sequence"))
    assert [link.rows_count for link in links] == [4, 2]
    by_id = {event.pk: event for event in events()}
    for link in links:
        own = [by_id[pk] for pk in sorted(by_id) if link.details["first_opt_in"] <= pk <= link.details["last_opt_in"]]
        tree = MerkleTree(
            canonical_bytes(
                {
                    "opt_in": event.pk,
                    "pseudonym": event.pseudonym,
                    "state": event.state,
                    "purposes": event.purposes,
                    "given_at": event.given_at,
                    "evidence_digest": event.evidence_digest,
                }
            )
            for event in own
        )
        assert link.rows_root == tree.root()
        assert link.subject == f"OptInImport:{result.opt_in_import.pk}"  # type: ignore[union-attr]
        assert link.hash == hash_event(link)


def test_the_leaves_can_be_made_again_from_the_database(acme: Business) -> None:
    result, _bad = imported(CONTENT, acme)
    link = AuditEvent.objects.get(action="opt_ins.imported")
    assert result.opt_in_import is not None
    again = leaves(
        import_id=result.opt_in_import.pk, first=link.details["first_opt_in"], last=link.details["last_opt_in"]
    )
    assert MerkleTree(again).root() == link.rows_root


def test_the_last_link_names_the_file_the_declaration_and_the_counts(acme: Business) -> None:
    imported(CONTENT, acme)
    link = AuditEvent.objects.order_by("-sequence")[0]
    assert link.action == "opt_in_import.finished"
    assert link.actor == "alice"
    assert link.details == {
        "file_digest": hashlib.sha256(CONTENT).hexdigest(),
        "numbers_read_as": "e164",
        "region": "",
        "business_name_shown": "Acme",
        "time_zone": "",
        "columns": "phone:0 given_at:1 source:2 evidence:3",
        "header_digest": header_digest(CONTENT.decode().splitlines()[0].split(",")),
        "statement_digest": hashlib.sha256(STATEMENT.encode()).hexdigest(),
        "granted": 6,
        "withdrawn": 0,
        "unchanged": 0,
        "held": 0,
        "refused": 1,
    }


def test_an_import_that_changes_nothing_leaves_only_that_it_was_made(acme: Business) -> None:
    imported(CONTENT, acme)
    imported(CONTENT, acme)
    actions = list(AuditEvent.objects.order_by("sequence").values_list("action", flat=True))
    assert actions == ["opt_ins.imported", "opt_in_import.finished", "opt_in_import.finished"]


def test_no_number_and_no_evidence_reaches_the_ledger(acme: Business) -> None:
    imported(csv_of(line("+447400000100", "withdrawn"), header=f"{HEADER},state"), acme)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM audit_auditevent")
        text = str(cursor.fetchall())
    assert "447400000100" not in text
    assert "ticked" not in text


def test_every_event_has_a_salt_of_its_own_in_its_digest(acme: Business) -> None:
    imported(CONTENT, acme)
    evidence = list(OptInEvidence.objects.select_related("opt_in"))
    assert len({bytes(each.salt) for each in evidence}) == 6
    for each in evidence:
        assert each.opt_in.evidence_digest == digest(Evidence(text=each.text), bytes(each.salt))
