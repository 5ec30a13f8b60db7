"""Meta's signature: nothing but the HMAC of exactly these bytes with a secret of ours opens the door.

WEBHOOK_FORGERIES sets how many forged headers are tried (default 100,000).
"""

import hashlib
import hmac
import os
import random
from collections.abc import Iterator

import pytest
from django.test import Client

from tests.webhooks.deliveries import APP_SECRET, body_of, deliver, message, sample, status
from webhooks import signature
from webhooks.models import WebhookRequest

FORGERIES = int(os.environ.get("WEBHOOK_FORGERIES", "100000"))
BODY = sample("webhook_message")
RIGHT = signature.sign(BODY, APP_SECRET)


@pytest.mark.django_db
def test_a_right_signature_is_stored(client: Client) -> None:
    assert deliver(client, BODY) == 200
    assert WebhookRequest.objects.get().body == BODY


@pytest.mark.django_db
@pytest.mark.parametrize(
    "header",
    [
        "",
        "sha256=",
        RIGHT[:-1],
        RIGHT + "0",
        RIGHT.upper(),
        RIGHT.replace("sha256=", "SHA256="),
        RIGHT.replace("sha256=", ""),
        RIGHT.replace("sha256=", "sha1="),
        f"{RIGHT}, {RIGHT}",
        f"{RIGHT},sha256={'0' * 64}",
        f"sha256={'0' * 64},{RIGHT}",
        f" {RIGHT}",
        f"{RIGHT}\n",
        f"{RIGHT}\0",
        f'"{RIGHT}"',
        "sha256=" + "é" * 64,
        "sha256=" + "٠" * 64,
        "sha256=" + "０" * 64,
        "sha256=" + "0" * 100_000,
        "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest(),
        "sha256=" + hashlib.sha256(BODY).hexdigest(),
        "sha256=" + hmac.new(b"another secret", BODY, hashlib.sha256).hexdigest(),
        "sha1=" + hmac.new(APP_SECRET.reveal().encode(), BODY, hashlib.sha1).hexdigest(),
        signature.sign(BODY + b" ", APP_SECRET),
        signature.sign(b"", APP_SECRET),
    ],
)
def test_any_other_header_is_401_and_nothing_is_stored(client: Client, header: str) -> None:
    assert deliver(client, BODY, header) == 401
    assert not WebhookRequest.objects.exists()


@pytest.mark.django_db
def test_the_older_sha1_header_opens_nothing(client: Client) -> None:
    sha1 = "sha1=" + hmac.new(APP_SECRET.reveal().encode(), BODY, hashlib.sha1).hexdigest()
    response = client.post("/webhooks/meta/", BODY, content_type="application/json", headers={"x-hub-signature": sha1})
    assert response.status_code == 401


@pytest.mark.django_db
def test_while_secrets_rotate_both_are_valid_and_no_third(client: Client, settings: object) -> None:
    settings.META_APP_SECRET = [" newer ", APP_SECRET.reveal()]  # type: ignore[attr-defined]
    bodies = [body_of(status(f"wamid.{place}")) for place in range(3)]
    keys = [b"newer", APP_SECRET.reveal().encode(), b"third"]
    headers = [
        "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest() for key, body in zip(keys, bodies, strict=True)
    ]
    assert [deliver(client, body, header) for body, header in zip(bodies, headers, strict=True)] == [200, 200, 401]


@pytest.mark.django_db
@pytest.mark.parametrize("ours", [[], [""], ["", " "]])
def test_without_a_secret_of_ours_nothing_is_signed(client: Client, settings: object, ours: list[str]) -> None:
    settings.META_APP_SECRET = ours  # type: ignore[attr-defined]
    for key in (b"", b" ", APP_SECRET.reveal().encode()):
        assert deliver(client, BODY, "sha256=" + hmac.new(key, BODY, hashlib.sha256).hexdigest()) == 401


def forgeries(count: int) -> Iterator[str]:
    """Headers that look like the right one: characters changed, digests of other keys and bodies, other shapes."""
    chance = random.Random(20260503)
    for place in range(count):
        match place % 5:
            case 0:
                at = 7 + chance.randrange(64)
                other = chance.choice([sign for sign in "0123456789abcdef" if sign != RIGHT[at]])
                yield RIGHT[:at] + other + RIGHT[at + 1 :]
            case 1:
                yield "sha256=" + hmac.new(chance.randbytes(16), BODY, hashlib.sha256).hexdigest()
            case 2:
                yield signature.sign(BODY + chance.randbytes(1 + place % 7), APP_SECRET)
            case 3:
                yield f"sha256={chance.getrandbits(256):064x}"
            case _:
                at = chance.randrange(len(RIGHT) + 1)
                yield RIGHT[:at] + chance.choice(["0", "=", ",", " ", "é", "\0", RIGHT, "sha256="]) + RIGHT[at:]


def test_none_of_many_forged_headers_is_accepted() -> None:
    accepted = [header for header in forgeries(FORGERIES) if signature.is_signed(BODY, header)]
    assert accepted == []
    assert signature.is_signed(BODY, RIGHT)


@pytest.mark.parametrize("header", ["\udc80", f"sha256={'0' * 63}\udc80", f"{RIGHT}\ud800", ""])
def test_a_header_that_cannot_even_be_written_is_refused_and_no_error(header: str) -> None:
    assert signature.is_signed(BODY, header) is False


def test_every_single_bit_of_a_body_is_signed() -> None:
    bodies = [sample("webhook_message"), sample("webhook_status_delivered"), sample("webhook_status_failed_137000")]
    bodies += [body_of(message(f"wamid.{place}")) for place in range(16)]
    bodies.append(b"\x00")
    assert len(bodies) == 20
    for body in bodies:
        header, flipped = signature.sign(body, APP_SECRET), bytearray(body)
        for bit in range(8 * len(body)):
            flipped[bit // 8] ^= 1 << bit % 8
            assert not signature.is_signed(bytes(flipped), header), bit
            flipped[bit // 8] ^= 1 << bit % 8
        assert signature.is_signed(body, header)
