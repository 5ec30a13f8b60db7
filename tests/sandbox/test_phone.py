"""The phone: where codes arrive and are read, and the only place that ever shows one."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
import time_machine

from sandbox import Sandbox, endings, magic, message_endings
from sandbox.exchange import Request
from sandbox.seeds import KALEYRA_E164, KALEYRA_WABA, NEW_NUMBER_ID
from tests.sandbox.client import (
    Answer,
    ask_kaleyra,
    ask_meta,
    call,
    code_on_the_phone,
    register,
    request_code,
    submit_code,
)

E164 = "+15550051310"
PHONE = "/_sandbox/phone/"
CONSOLE = "/_sandbox/phone/kaleyra"


def page(sandbox: Sandbox, path: str = PHONE) -> str:
    """Read a page."""
    answer = call(sandbox, "GET", path)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return answer.body.decode()


def send(sandbox: Sandbox, **fields: str) -> Answer:
    """Send the form of Kaleyra's console."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return call(sandbox, "POST", CONSOLE, headers=headers, body=urlencode(fields).encode())


def test_a_code_by_sms_is_shown_as_people_read_it(sandbox: Sandbox) -> None:
    request_code(sandbox, NEW_NUMBER_ID, language="en_US")
    code = code_on_the_phone(sandbox, E164)
    shown = page(sandbox)
    assert f"{code[:3]}-{code[3:]}</span> is your verification code" in shown
    assert "✉ SMS from WhatsApp, language en_US" in shown
    assert E164 in shown


def test_a_code_by_voice_is_a_call_from_abroad(sandbox: Sandbox) -> None:
    request_code(sandbox, NEW_NUMBER_ID, method="VOICE", language="es_MX")
    shown = page(sandbox)
    assert "☎ Call from abroad, by WhatsApp, language es_MX" in shown
    assert " ".join(code_on_the_phone(sandbox, E164)) in shown


def test_the_newest_message_comes_first(sandbox: Sandbox) -> None:
    request_code(sandbox, NEW_NUMBER_ID)
    shown = page(sandbox)
    assert shown.index(E164) < shown.index(KALEYRA_E164)


def test_an_expired_code_is_marked(sandbox: Sandbox) -> None:
    assert "Good until" in page(sandbox)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=10, seconds=1)):
        shown = page(sandbox)
    assert '<li class="old">' in shown
    assert "Expired." in shown


def test_the_page_asks_again_by_itself_without_a_script_and_fits_a_telephone(sandbox: Sandbox) -> None:
    answer = call(sandbox, "GET", PHONE)
    shown = answer.body.decode()
    assert '<meta http-equiv="refresh" content="3">' in shown
    assert '<meta name="viewport" content="width=device-width,initial-scale=1">' in shown
    assert "<script" not in shown
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


def test_what_is_typed_is_not_swept_away_by_a_refresh(sandbox: Sandbox) -> None:
    assert "refresh" not in page(sandbox, CONSOLE)


def test_every_page_leads_to_the_others(sandbox: Sandbox) -> None:
    for path in ("/_sandbox/", PHONE, CONSOLE):
        shown = page(sandbox, path)
        for other in {"/_sandbox/", PHONE, CONSOLE} - {path}:
            assert f'href="{other}"' in shown


def test_codes_are_read_as_json_newest_first(sandbox: Sandbox) -> None:
    for _ in range(2):
        request_code(sandbox, NEW_NUMBER_ID, method="VOICE")
    codes = call(sandbox, "GET", f"{PHONE}codes?number={quote(E164)}").json["codes"]
    assert [one["number"] for one in codes] == [E164, E164]
    assert codes[0]["code"] == sandbox.phone.last_code(E164)
    assert codes[0]["at"] >= codes[1]["at"]
    assert set(codes[0]) == {"number", "at", "expires_at", "provider", "method", "language", "code"}
    assert call(sandbox, "GET", f"{PHONE}codes?number=%2B12025550171").json == {"codes": []}
    assert len(call(sandbox, "GET", f"{PHONE}codes").json["codes"]) == 3


def test_kaleyra_sends_its_code_when_a_number_is_added_and_a_fresh_one_when_asked(sandbox: Sandbox) -> None:
    shown = page(sandbox)
    assert "✉ SMS, sent when the number was added at Kaleyra" in shown
    assert "Have Kaleyra send a fresh code" in shown
    before = len(sandbox.phone.messages(KALEYRA_E164))
    answer = send(sandbox, number=KALEYRA_E164, method="VOICE")
    assert (answer.status, answer.headers["location"]) == (303, PHONE)
    messages = sandbox.phone.messages(KALEYRA_E164)
    assert len(messages) == before + 1
    assert (messages[0].method, messages[0].provider) == ("VOICE", "kaleyra")


def test_a_number_is_added_at_kaleyra_s_console(sandbox: Sandbox) -> None:
    send(sandbox, number=" +91 97654 00321 ", method="SMS")
    number = sandbox.number_of("+919765400321")
    assert number is not None
    assert (number.waba_id, number.provider) == (KALEYRA_WABA, "kaleyra")
    shown = page(sandbox, CONSOLE)
    assert number.phone_number_id in shown
    body = {
        "id": number.phone_number_id,
        "phone_number": number.e164,
        "otp": code_on_the_phone(sandbox, number.e164),
    }
    assert ask_kaleyra(sandbox, body).status == 200
    assert "approved" in page(sandbox, CONSOLE)


@pytest.mark.parametrize(("number", "method"), [("12", "SMS"), ("<b>", "SMS"), ("", "SMS"), (KALEYRA_E164, "FAX")])
def test_what_is_no_number_is_refused_in_words(sandbox: Sandbox, number: str, method: str) -> None:
    before = len(sandbox.phone.messages())
    answer = send(sandbox, number=number, method=method)
    assert answer.status == 400
    assert b"Write the number with +" in answer.body
    assert b"<b>" not in answer.body
    assert len(sandbox.phone.messages()) == before


@pytest.mark.parametrize(("method", "path"), [("POST", PHONE), ("GET", f"{PHONE}elsewhere"), ("DELETE", CONSOLE)])
def test_the_phone_has_no_other_pages(sandbox: Sandbox, method: str, path: str) -> None:
    assert call(sandbox, method, path).status == 404


def test_no_language_is_markup(sandbox: Sandbox) -> None:
    sandbox.kaleyra_sends_code("+919765400321", method="<script>")
    assert "<script>" not in page(sandbox)


def test_the_journal_and_the_control_page_hold_no_code_pin_or_token(sandbox: Sandbox) -> None:
    secrets = ["canary-token", "canary-key", "314159"]
    request_code(sandbox, NEW_NUMBER_ID)
    secrets.append(code_on_the_phone(sandbox, E164))
    submit_code(sandbox, NEW_NUMBER_ID, secrets[-1])
    register(sandbox, NEW_NUMBER_ID, "314159")
    ask_meta(sandbox, "POST", f"{NEW_NUMBER_ID}?pin=314159&access_token=canary-token", {"pin": "314159"})
    ask_meta(sandbox, "GET", "me", token="canary-token")
    secrets.append(code_on_the_phone(sandbox, KALEYRA_E164))
    ask_kaleyra(sandbox, {"id": "1", "phone_number": KALEYRA_E164, "otp": secrets[-1]}, key="canary-key")
    page(sandbox)
    told = repr(sandbox.journal.entries()) + repr(sandbox.numbers) + repr(sandbox.phone.messages())
    told += call(sandbox, "GET", "/_sandbox/journal").body.decode() + page(sandbox, "/_sandbox/")
    # Times and ids may hold six digits by chance.
    told = re.sub(r"\d+\.\d+|\d{9,}", "", told)
    assert [secret for secret in secrets if secret in told] == []
    assert len(sandbox.journal) == 6


def test_a_request_shows_nothing_secret_of_itself() -> None:
    request = Request("POST", "/v25.0/1", {"authorization": "Bearer canary"}, b'{"pin": "canary"}', "pin=canary")
    assert "canary" not in repr(request)


def test_every_ending_has_its_own_digits_and_a_sentence() -> None:
    assert set(endings.SENTENCES) == set(endings.Ending)
    assert len({digits for digits, _ in endings.TABLE}) == len(endings.Ending)
    assert set(message_endings.SENTENCES) == set(message_endings.MessageEnding)
    # A person's number has one ending: none may mean two things.
    people = [one.ending for one in magic.TABLE] + [digits for digits, _ in message_endings.TABLE]
    assert len(set(people)) == len(people)


def test_the_documentation_the_page_and_the_help_hold_every_ending(sandbox: Sandbox) -> None:
    guide = (Path(endings.__file__).parents[1] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    shown = page(sandbox, "/_sandbox/")
    for told in (endings, message_endings):
        for digits, sentence in told.TABLE:
            assert f"| {digits} | {sentence} |\n" in guide
            assert f"<td>{digits}</td>" in shown
            assert f"  {digits}  {sentence}" in told.table_text()
