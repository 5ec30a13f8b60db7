"""The endings that do the same with every provider, and that the table is what people are told."""

import http.client
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from sandbox import Sandbox, magic
from tests.sandbox.client import Answer, ask_accuauth, ask_commbox, ask_onprem, call

Ask = Callable[[Sandbox, str], Answer]

#: Asks a provider about a number of its own kind with the given ending.
ASKS: dict[str, Ask] = {
    "commbox": lambda sandbox, ending: ask_commbox(sandbox, f"16315551{ending}"),
    "onprem": lambda sandbox, ending: ask_onprem(sandbox, f"+16315551{ending}"),
    "accuauth": lambda sandbox, ending: ask_accuauth(sandbox, f"987654{ending}"),
}


@pytest.fixture(params=list(ASKS))
def ask(request: pytest.FixtureRequest) -> Ask:
    """Each provider in turn."""
    return ASKS[request.param]


def test_a_number_ending_in_500_is_a_server_error_always(sandbox: Sandbox, ask: Ask) -> None:
    assert [ask(sandbox, "500").status for _ in range(3)] == [500, 500, 500]


def test_a_number_ending_in_503_is_a_server_error_twice(sandbox: Sandbox, ask: Ask) -> None:
    assert [ask(sandbox, "503").status for _ in range(4)] == [503, 503, 200, 200]


@pytest.mark.parametrize("ending", ["429", "430", "431"])
def test_rate_limits_pass_after_the_first_ask(sandbox: Sandbox, ask: Ask, ending: str) -> None:
    first, second = ask(sandbox, ending), ask(sandbox, ending)
    assert first.status in (429, 403)
    assert first.headers["retry-after"]
    assert second.status == 200
    assert "retry-after" not in second.headers


def test_retry_after_is_seconds_a_date_or_nonsense(sandbox: Sandbox, ask: Ask) -> None:
    assert ask(sandbox, "429").headers["retry-after"] == "1"
    ahead = parsedate_to_datetime(ask(sandbox, "430").headers["retry-after"]) - datetime.now(UTC)
    assert 0 < ahead.total_seconds() <= 2
    assert ask(sandbox, "431").headers["retry-after"] == "in a while"


def test_asks_are_counted_for_each_provider(sandbox: Sandbox) -> None:
    assert ask_commbox(sandbox, "16315551429").status == 429
    assert ask_onprem(sandbox, "+16315551429").status == 429


def test_a_refused_credential_is_not_counted_as_an_ask(sandbox: Sandbox) -> None:
    ask_commbox(sandbox, "16315551429", token="revoked")
    assert ask_commbox(sandbox, "16315551429").status == 429


def test_a_number_ending_in_444_is_not_answered(sandbox: Sandbox, ask: Ask) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        ask(sandbox, "444")
    [entry] = sandbox.journal
    assert entry.answered_status is None


def test_a_number_ending_in_408_is_answered_after_the_slow_seconds(sandbox: Sandbox, ask: Ask) -> None:
    sandbox.conditions.slow = 0.15
    started = time.monotonic()
    assert ask(sandbox, "408").status == 200
    assert time.monotonic() - started >= 0.15


def test_a_number_ending_in_302_redirects_to_another_host(sandbox: Sandbox, ask: Ask) -> None:
    answer = ask(sandbox, "302")
    assert answer.status == 302
    assert answer.headers["location"] == "http://127.0.0.1:1/"


def test_a_number_ending_in_996_gets_json_that_is_cut_off(sandbox: Sandbox, ask: Ask) -> None:
    answer = ask(sandbox, "996")
    assert answer.status == 200
    assert answer.body.startswith(b"{")
    with pytest.raises(json.JSONDecodeError):
        _ = answer.json


def test_a_number_ending_in_997_gets_an_empty_body(sandbox: Sandbox, ask: Ask) -> None:
    answer = ask(sandbox, "997")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(("ending", "status"), [("998", 502), ("999", 200)])
def test_an_html_page_may_come_instead(sandbox: Sandbox, ask: Ask, ending: str, status: int) -> None:
    answer = ask(sandbox, ending)
    assert (answer.status, answer.headers["content-type"]) == (status, "text/html")
    assert answer.body.startswith(b"<!doctype html>")


def test_the_first_number_that_hits_the_whole_call_decides(sandbox: Sandbox) -> None:
    assert ask_onprem(sandbox, "+16315551001", "+16315551500", "+16315551401").status == 500


def test_each_number_in_a_call_counts_as_asked(sandbox: Sandbox) -> None:
    numbers = ("+16315551429", "+16315552429")
    assert ask_onprem(sandbox, *numbers).status == 429
    assert ask_onprem(sandbox, *numbers).status == 200


def test_only_ascii_digits_decide() -> None:
    assert magic.effect_of("+1 (631) 555-1-4-0-4") is magic.Effect.INVALID
    assert magic.effect_of("+163155514\u0660\u0664") is magic.Effect.VALID
    assert magic.effect_of("") is magic.Effect.VALID


def test_every_effect_has_one_row_and_every_row_its_own_ending() -> None:
    effects = [row.effect for row in magic.TABLE]
    assert sorted(effects) == sorted(set(magic.Effect) - {magic.Effect.VALID})
    assert len({row.ending for row in magic.TABLE}) == len(magic.TABLE)


def test_the_documentation_and_the_page_hold_the_whole_table(sandbox: Sandbox) -> None:
    guide = (Path(magic.__file__).parents[1] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    page = call(sandbox, "GET", "/_sandbox/").body.decode()
    for row in magic.TABLE:
        assert f"| {row.ending} | {row.sentence} |\n" in guide
        assert f"<td>{row.ending}</td>" in page
