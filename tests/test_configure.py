"""`configure`: the file's shape is checked, rows come to be what it says, and a second run changes nothing."""

import json
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from audit.models import AuditEvent
from numbers.models import BusinessAccount, BusinessNumber
from providers.models import AccountMeter, Business, ProviderAccount
from providers.secret import Secret

pytestmark = pytest.mark.django_db

WHOLE = """
[[business]]
name = "Acme"
opt_in_covers = ["utility", "service"]
names = [{ name = "Acme Shop", from = 2020-01-01, until = "2025-12-31" }]

[[provider]]
business = "Acme"
name = "acme-contacts"
kind = "onprem"
base_url = "https://contacts.example.com"
credentials = { token = "env:ONPREM_TOKEN" }
options = { batch_size = 20 }
rate_limit = 5
check_budget = 1000
recipient = { legal_name = "Example Hosting Ltd", country = "DE", agreement = "DPA 2026-04", official = true }

[[provider]]
business = "Acme"
name = "acme-accuauth"
kind = "accuauth"
base_url = "https://cloudapi.example.com"
credentials = { api_id = "literal-id", api_secret = "file:secret.txt" }
recipient = { legal_name = "AccuAuth", country = "PE", agreement = "DPA 7" }

[[provider]]
name = "acme-cloud"
kind = "cloud_api"
base_url = "https://graph.example.com"
credentials = { access_token = "env:ONPREM_TOKEN" }
rate_limit = "unlimited"
recipient = { official = true }

[[number]]
provider = "acme-cloud"
waba_id = "102290129340398"
phone_number_id = "106540352242922"
phone_number = "+15550051310"
business = "Acme"
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A whole file beside its secret."""
    monkeypatch.setenv("ONPREM_TOKEN", "a-token-that-nobody-sees")
    (tmp_path / "secret.txt").write_text("a-secret-that-nobody-sees\n")
    (tmp_path / "waadmin.toml").write_text(WHOLE)
    return tmp_path / "waadmin.toml"


def configure(path: Path, *options: str) -> tuple[list[dict[str, Any]], str]:
    """Run the command and give its rows and messages."""
    out, err = StringIO(), StringIO()
    call_command("configure", str(path), "--json", *options, stdout=out, stderr=err)
    return [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


def refusal(path: Path) -> str:
    """Run the command on a file that it refuses, and give the message."""
    with pytest.raises(CommandError) as caught:
        configure(path)
    assert caught.value.returncode == 2
    return str(caught.value)


def test_a_file_becomes_rows(path: Path) -> None:
    rows, messages = configure(path)

    assert [(row["table"], row["name"], row["change"]) for row in rows] == [
        ("business", "Acme", "created"),
        ("provider", "acme-contacts", "created"),
        ("provider", "acme-accuauth", "created"),
        ("provider", "acme-cloud", "created"),
        ("number", "+15550051310", "created"),
    ]
    acme = Business.objects.get()
    assert acme.opt_in_covers == "service,utility"
    assert acme.was_called("acme shop", date(2025, 12, 31)) and not acme.was_called("Acme Shop", date(2026, 1, 1))
    node = ProviderAccount.objects.get(name="acme-contacts")
    assert (node.kind, node.business, node.options, node.rate_limit, node.check_budget) == (
        "onprem",
        acme,
        {"batch_size": 20},
        5,
        1000,
    )
    assert node.credentials == {"token": Secret("a-token-that-nobody-sees")}
    assert node.recipient_legal_name == "Example Hosting Ltd" and node.may_receive
    assert AccountMeter.objects.count() == 3
    number = BusinessNumber.objects.get()
    assert (number.phone_number_id, number.e164) == ("106540352242922", "+15550051310")
    assert (number.business_account.waba_id, number.business_account.business) == ("102290129340398", acme)
    assert number.account.name == "acme-cloud" and number.synced_at is None
    assert "acme-accuauth: no rate_limit" in messages and "acme-accuauth: no check_budget" in messages
    assert "acme-cloud: no rate_limit" not in messages


def test_a_second_run_changes_nothing(path: Path) -> None:
    configure(path)
    events = AuditEvent.objects.count()

    rows, messages = configure(path)

    assert {row["change"] for row in rows} == {"unchanged"}
    assert "0 created, 0 updated, 5 unchanged" in messages
    assert AuditEvent.objects.count() == events


def test_a_changed_line_updates_and_names_the_field_and_never_the_value(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(path)
    monkeypatch.setenv("ONPREM_TOKEN", "another-token-that-nobody-sees")

    rows, _messages = configure(path)

    assert [row["fields"] for row in rows if row["change"] == "updated"] == [["credentials"], ["credentials"]]
    node = ProviderAccount.objects.get(name="acme-contacts")
    assert node.credentials["token"] == Secret("another-token-that-nobody-sees")
    event = AuditEvent.objects.get(action="account.configured", subject=f"ProviderAccount:{node.pk}", sequence__gt=4)
    assert event.details == {"name": "acme-contacts", "change": "updated", "fields": ["credentials"]}
    assert not any("nobody-sees" in json.dumps(entry.details) for entry in AuditEvent.objects.all())


def test_what_the_file_leaves_out_stays(path: Path) -> None:
    configure(path)
    path.write_text(WHOLE.replace("rate_limit = 5", ""))

    configure(path)

    assert ProviderAccount.objects.get(name="acme-contacts").rate_limit == 5


def test_unlimited_is_said_in_so_many_words(path: Path) -> None:
    configure(path)
    path.write_text(WHOLE.replace("rate_limit = 5", 'rate_limit = "unlimited"'))

    configure(path)

    assert ProviderAccount.objects.get(name="acme-contacts").rate_limit is None


def test_a_dry_run_keeps_nothing(path: Path) -> None:
    rows, messages = configure(path, "--dry-run")

    assert [row["change"] for row in rows] == ["created"] * 5
    assert "nothing kept" in messages
    assert not Business.objects.exists() and not ProviderAccount.objects.exists() and not AuditEvent.objects.exists()


def test_an_unofficial_recipient_with_an_agreement_counts_as_confirmed(path: Path) -> None:
    configure(path)

    account = ProviderAccount.objects.get(name="acme-accuauth")
    assert account.may_receive and account.recipient_confirmed_by.startswith("command:")


def test_an_unofficial_recipient_without_an_agreement_stays_off(path: Path) -> None:
    path.write_text(WHOLE.replace(', agreement = "DPA 7"', ""))

    _rows, messages = configure(path)

    assert not ProviderAccount.objects.get(name="acme-accuauth").may_receive
    assert "acme-accuauth: off" in messages


def test_another_recipient_needs_another_confirmation(path: Path) -> None:
    configure(path)
    path.write_text(
        WHOLE.replace('legal_name = "AccuAuth", country = "PE", agreement = "DPA 7"', 'legal_name = "Else"')
    )

    configure(path)

    assert not ProviderAccount.objects.get(name="acme-accuauth").may_receive


def test_kaleyra_finds_its_address_by_pod(path: Path) -> None:
    path.write_text(
        '[[provider]]\nname = "k"\nkind = "kaleyra"\ncredentials = { api_key = "env:ONPREM_TOKEN" }\n'
        'options = { sid = "HXIN1", pod = "in" }\n'
    )

    configure(path)

    assert ProviderAccount.objects.get().base_url == "https://api.in.kaleyra.io"


def test_a_number_that_was_added_without_its_id_gets_it_and_another_number_is_corrected(path: Path) -> None:
    configure(path)
    BusinessNumber.objects.update(phone_number_id="")
    rows, _messages = configure(path)
    assert (rows[-1]["change"], rows[-1]["fields"]) == ("updated", ["phone_number_id"])

    path.write_text(WHOLE.replace("+15550051310", "+15550051311"))
    rows, _messages = configure(path)

    assert (rows[-1]["change"], rows[-1]["fields"]) == ("updated", ["e164"])
    assert BusinessNumber.objects.get().e164 == "+15550051311"
    event = AuditEvent.objects.filter(action="number.configured").latest("sequence")
    assert event.details == {"name": "+15550051311", "change": "updated", "fields": ["e164"]}
    assert AuditEvent.objects.filter(action="waba.configured").count() == 1


def test_a_number_takes_its_business_from_an_account_that_serves_one(path: Path) -> None:
    path.write_text(
        WHOLE.replace('name = "acme-cloud"', 'name = "acme-cloud"\nbusiness = "Acme"').replace(
            'phone_number = "+15550051310"\nbusiness = "Acme"', 'phone_number = "+15550051310"'
        )
    )

    configure(path)

    assert BusinessAccount.objects.get().business == Business.objects.get(name="Acme")


def test_a_waba_stays_with_its_business(path: Path) -> None:
    configure(path)
    path.write_text(
        WHOLE.replace('"+15550051310"\nbusiness = "Acme"', '"+15550051310"\nbusiness = "Else"')
        + '[[business]]\nname = "Else"\n'
    )

    assert "stays there" in refusal(path)


CLOUD = '[[provider]]\nname = "acme-cloud"\nkind = "cloud_api"\ncredentials = { access_token = "env:ONPREM_TOKEN" }\n'


def test_a_cloud_api_account_without_address_is_metas_own_and_keeps_what_it_has(path: Path) -> None:
    path.write_text(CLOUD)
    configure(path)
    assert ProviderAccount.objects.get().base_url == "https://graph.facebook.com"
    ProviderAccount.objects.update(base_url="https://graph.example.org")
    configure(path)
    assert ProviderAccount.objects.get().base_url == "https://graph.example.org"


def test_a_graph_version_that_has_ended_is_warned_of(path: Path) -> None:
    path.write_text(CLOUD + 'options = { api_version = "v1.0" }\n')
    assert "acme-cloud: Graph version v1.0 ended on" in configure(path)[1]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('kind = "onprem"', 'kind = "onprime"', ("acme-contacts", "kind", "onprem")),
        ("batch_size = 20", "batch_sise = 20", ("acme-contacts", "options", "batch_sise", "batch_size")),
        ("batch_size = 20", 'batch_size = "many"', ("acme-contacts", "batch_size")),
        ("rate_limit = 5", "rate_limt = 5", ("acme-contacts", "rate_limt")),
        ("rate_limit = 5", "rate_limit = true", ("acme-contacts", "rate_limit")),
        ("rate_limit = 5", "rate_limit = -5", ("acme-contacts", "rate_limit")),
        ("check_budget = 1000", "check_budget = -1", ("acme-contacts", "check_budget")),
        ('"env:ONPREM_TOKEN" }\noptions', '"env:NOT_SET" }\noptions', ("acme-contacts", "token", "NOT_SET")),
        ('"env:ONPREM_TOKEN" }\noptions', '"env:EMPTY" }\noptions', ("acme-contacts", "token", "EMPTY")),
        ('"env:ONPREM_TOKEN" }\noptions', '"pasted-token" }\noptions', ("acme-contacts", "token", "env:NAME")),
        ('{ token = "env:ONPREM_TOKEN" }', "{}", ("acme-contacts", "token")),
        ('{ token = "env:ONPREM_TOKEN" }', '{ tokn = "env:X" }', ("acme-contacts", "credentials", "tokn")),
        ('kind = "cloud_api"', 'kind = "cloud_api"\noptions = { api_version = "25" }', ("acme-cloud", "v25.0")),
        ('{ access_token = "env:ONPREM_TOKEN" }', "{}", ("acme-cloud", "access_token")),
        ("file:secret.txt", "file:absent.txt", ("acme-accuauth", "api_secret", "absent.txt")),
        ("https://contacts", "http://contacts", ("acme-contacts", "base_url", "https")),
        ('country = "DE"', 'country = "Germany"', ("acme-contacts", "country")),
        ('agreement = "DPA 7"', "offical = false", ("acme-accuauth", "offical")),
        (
            "official = true }\n\n[[provider]]\nb",
            'official = "yes" }\n\n[[provider]]\nb',
            ("official", "true or false"),
        ),
        ('business = "Acme"\nname = "acme-contacts"', 'business = "Acne"\nname = "acme-contacts"', ("Acne",)),
        ('business = "Acme"\nname = "acme-contacts"', 'name = "acme-contacts"', ("acme-contacts", "business")),
        ('name = "acme-contacts"', 'name = "Acme Contacts"', ("Acme Contacts", "name")),
        ('name = "acme-contacts"', 'name = "acme-cloud"', ("acme-cloud", "twice")),
        ('["utility", "service"]', '["utilities"]', ("Acme", "opt_in_covers", "utilities")),
        ('["utility", "service"]', '"utility"', ("Acme", "opt_in_covers")),
        ('until = "2025-12-31"', 'until = "31.12.2025"', ("Acme", "until")),
        ('until = "2025-12-31"', "until = 2019-12-31", ("Acme Shop", "until is before from")),
        ('provider = "acme-cloud"', 'provider = "acme-clod"', ("106540352242922", "acme-clod")),
        ("+15550051310", "15550051310", ("106540352242922", "phone_number")),
        ("[[number]]", "[[numbers]]", ("numbers",)),
        ('provider = "acme-cloud"', 'provider = "acme-contacts"', ("106540352242922", "onprem", "no numbers")),
        ('"+15550051310"\nbusiness = "Acme"', '"+15550051310"', ("106540352242922", "business", "several")),
        ('"+15550051310"\nbusiness = "Acme"', '"+15550051310"\nbusiness = "Acne"', ("106540352242922", "Acne")),
        ('phone_number_id = "106540352242922"', 'phone_number_id = "10654/35224"', ("phone_number_id",)),
        ("[[business]]", "[business]", ("business", "[[business]]")),
        ('name = "Acme"\nopt', "name = 7\nopt", ("business", "name")),
        ("[[business]]", "[[business]", ("TOML",)),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_whole(
    path: Path, old: str, new: str, expected: tuple[str, ...]
) -> None:
    assert old in WHOLE
    path.write_text(WHOLE.replace(old, new, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMPTY", "")
        message = refusal(path)

    assert str(path) in message
    assert all(word in message for word in expected), message
    assert "nobody-sees" not in message and "pasted-token" not in message
    assert not Business.objects.exists() and not AuditEvent.objects.exists()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "absent.toml" in refusal(tmp_path / "absent.toml")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")

    assert "UTF-8" in refusal(tmp_path / "binary.toml")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('kind = "cloud_api"', 'kind = "kaleyra"', "stays one"),
        ('name = "acme-cloud"', 'name = "acme-cloud"\nbusiness = "Acme"', "stays with its business"),
    ],
)
def test_an_account_keeps_its_kind_and_its_business(path: Path, old: str, new: str, expected: str) -> None:
    configure(path)
    path.write_text(WHOLE.replace(old, new).replace("access_token", "api_key" if "kaleyra" in new else "access_token"))

    assert expected in refusal(path)


def test_without_json_the_rows_are_a_table(path: Path) -> None:
    out = StringIO()
    call_command("configure", str(path), stdout=out, stderr=StringIO())

    lines = out.getvalue().splitlines()
    assert lines[0] == "table\tname\tchange\tfields"
    assert lines[1].startswith("business\tAcme\tcreated\topt_in_covers")
