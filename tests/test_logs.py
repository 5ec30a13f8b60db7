"""Log lines: one JSON object or one line of text each, about what, and never a number, a secret or a second line."""

import http.client
import json
import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django_q.signals import post_execute_in_worker, pre_execute

from audit import log_context
from tests import clients, factories
from tests.processes import manage, own_database, running, until
from tests.test_serve import free_port
from waadmin import checks, logs
from waadmin.request_ids import RequestIdMiddleware, well_formed

CANARY = "+51987654321"
TOKEN = "EAAcanaryTokenOfMeta0123456789abcdef"


class Written(logging.Handler):
    """Keeps lines as a handler of ours writes them."""

    def __init__(self, log_format: str) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(logs.JSONLines() if log_format == "json" else logs.TextLines())

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    @property
    def last(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.lines[-1])
        return said


@pytest.fixture
def written() -> Iterator[Written]:
    handler = Written("json")
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def as_text() -> Iterator[Written]:
    handler = Written("text")
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def test_a_line_says_when_how_grave_by_whom_and_about_what(written: Written) -> None:
    with log_context.about(run=7, account="acme-node", task="contacts.tasks.run_batch", shoe_size=44):
        logging.getLogger("contacts.checking").warning("%d rows wait", 12)

    line = written.last
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("time"))
    assert line.pop("process") > 0
    assert line == {
        "level": "WARNING",
        "logger": "contacts.checking",
        "message": "12 rows wait",
        "task": "contacts.tasks.run_batch",
        "run": 7,
        "account": "acme-node",
    }


def test_words_arguments_and_names_pass_the_redactor(written: Written) -> None:
    with log_context.about(user=f"ana {CANARY}", account="x?token=abc"):
        logging.getLogger("tests").warning("asked about %s with %s", CANARY, {"token": TOKEN})

    assert "987654" not in written.lines[-1] and TOKEN not in written.lines[-1] and "abc" not in written.lines[-1]


def test_a_traceback_shows_where_and_no_variable(written: Written) -> None:
    otp = "482913"
    try:
        raise ValueError(f"the code {otp} for {CANARY} came from {TOKEN}")
    except ValueError:
        logging.getLogger("tests").exception("it failed")

    traceback = written.last["traceback"]
    assert "test_logs.py" in traceback and "ValueError" in traceback
    for secret in (otp, "987654", TOKEN):
        assert secret not in written.lines[-1]


def test_arguments_that_do_not_fit_lose_nothing_but_themselves(written: Written) -> None:
    written.handle(logging.LogRecord("tests", logging.WARNING, __file__, 1, "%d rows", ("many",), None))

    assert written.last["message"] == "%d rows"


def ask(port: int, path: str, headers: dict[str, str]) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path, headers=headers)
        connection.getresponse().read()


FORGERIES = [
    'all is well\n{"level": "CRITICAL", "message": "forged"}',
    "all is well\r\n2026-05-03 10:00:00 CRITICAL root forged",
    "all is well\u2028forged\u2029forged\x0bforged\x0cforged\x85forged",
    "\x1b[2J\u202eforged",
]


@pytest.mark.parametrize("forged", FORGERIES)
def test_nobody_can_write_a_second_line(forged: str, written: Written, as_text: Written) -> None:
    with log_context.about(account=forged):
        logging.getLogger("tests").warning("%s", forged)

    assert len(written.lines[-1].splitlines()) == 1 and written.last["level"] == "WARNING"
    assert len(as_text.lines[-1].splitlines()) == 1 and "\x1b" not in as_text.lines[-1]


@pytest.mark.parametrize("forged", FORGERIES)
def test_an_exceptions_text_looks_like_no_line_of_ours(forged: str, written: Written, as_text: Written) -> None:
    try:
        raise RuntimeError(forged)
    except RuntimeError:
        logging.getLogger("tests").exception("it failed")

    assert len(written.lines[-1].splitlines()) == 1
    first, *below = as_text.lines[-1].splitlines()
    assert first.endswith("it failed") and below and all(line.startswith("  | ") for line in below)


def test_every_handler_of_every_logger_has_the_redactor(settings: Any) -> None:
    configured = settings.LOGGING
    assert set(configured["handlers"]) == {"stderr"}
    for name in ("json", "text"):
        factory = configured["formatters"][name]["()"].rpartition(".")[2]
        assert issubclass(getattr(logs, factory), logs.Redacting)
    for name, one in [("root", configured["root"]), *configured["loggers"].items()]:
        assert set(one.get("handlers", [])) <= {"stderr"}, name
    for name in ("django", "django.server", "django-q", "_granian", "granian.access"):
        for handler in logging.getLogger(name).handlers:
            assert isinstance(handler.formatter, logs.Redacting), name


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("7c9e6679-7425-40de-944b-e07fc1f90ae7", True),
        ("4bf92f3577b34da6a3ce929d0e0e4736", True),
        ("edge-eu.17_a", True),
        ("", False),
        (CANARY, False),
        ("51987654321", False),
        ("a" * 65, False),
        ("two words", False),
        ("a\nb", False),
        ("<script>", False),
    ],
)
def test_a_request_id_is_taken_when_it_is_well_formed(given: str, taken: bool) -> None:
    assert bool(well_formed(given)) is taken


@pytest.mark.django_db
def test_the_request_id_stands_in_the_answer_and_in_the_lines(written: Written) -> None:
    answer = Client().get("/no/such/page", headers={"X-Request-ID": "edge-17"})
    made = Client().get("/livez", headers={"X-Request-ID": f"x\r\n{CANARY}"})

    assert answer["X-Request-ID"] == "edge-17"
    assert re.fullmatch("[0-9a-f]{32}", made["X-Request-ID"])

    logging.getLogger("tests").warning("afterwards")
    assert "request_id" not in written.last


@pytest.mark.django_db
def test_a_refused_request_is_told_by_its_id_and_who_asked(written: Written) -> None:
    browser = clients.browser(clients.VIEWER)

    browser.post("/providers/provideraccount/add/", headers={"X-Request-ID": "edge-18"})

    line = next(json.loads(line) for line in written.lines if "django.request" in line)
    assert (line["request_id"], line["user"]) == ("edge-18", "viewers")


def test_a_line_of_a_task_names_it_until_it_ends(written: Written) -> None:
    pre_execute.send(sender="django_q", func=int, task={"func": "contacts.tasks.sweep"})
    logging.getLogger("tests").warning("within")
    assert written.last["task"] == "contacts.tasks.sweep"

    post_execute_in_worker.send(sender="django_q", func=int, task={})
    logging.getLogger("tests").warning("afterwards")
    assert "task" not in written.last


def test_a_line_within_a_request_carries_its_id_and_asks_the_database_nothing(written: Written) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        logging.getLogger("tests").warning("within")
        return HttpResponse()

    RequestIdMiddleware(view)(RequestFactory().get("/", headers={"X-Request-ID": "edge-19"}))

    assert written.last["request_id"] == "edge-19" and "user" not in written.last


def test_what_nobody_catches_is_a_line(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    logs.log_what_nobody_catches()
    try:
        thread = threading.Thread(target=int, args=(f"the code {CANARY}",))
        thread.start()
        thread.join()
        assert written.last["level"] == "CRITICAL" and "ValueError" in written.last["traceback"]

        warnings.showwarning(f"asked about {CANARY}", UserWarning, "file.py", 1)
        assert (written.last["logger"], written.last["level"]) == ("py.warnings", "WARNING")
    finally:
        logging.captureWarnings(False)
    assert "987654" not in "".join(written.lines)


@pytest.mark.parametrize(("log_format", "expected"), [("json", []), ("text", []), ("xml", ["waadmin.W005"])])
def test_an_unknown_format_is_warned_of(settings: Any, log_format: str, expected: list[str]) -> None:
    settings.LOG_FORMAT = log_format

    assert [found.id for found in checks.check_logs_and_reports()] == expected
    assert logs.configuration("xml")["handlers"]["stderr"]["formatter"] == "json"


@pytest.mark.django_db
def test_serve_and_worker_write_json_lines_without_a_number_or_a_secret(tmp_path: Path) -> None:
    with own_database(tmp_path) as url:
        port = free_port()
        extra = {"LOG_FORMAT": "json", "METRICS_TOKEN": TOKEN}
        with (
            running(url, tmp_path / "serve.log", "serve", "--port", str(port), "--workers", "1", **extra) as server,
            running(url, tmp_path / "worker.log", "worker", **extra) as worker,
        ):
            server.says("Started worker-1")
            worker.says("pushing tasks at")
            for path in (f"/people/{CANARY}/", f"/webhooks/onprem/x/{TOKEN}/", f"/metrics?token={TOKEN}&q={CANARY}"):
                ask(port, path, {"X-Request-ID": "edge-20", "Authorization": f"Bearer x{TOKEN}"})
            # A task fails, and its exception says everything.
            words = repr(f"code 482913 {CANARY} {TOKEN}")
            queue = f"from django_q.tasks import async_task; async_task('builtins.int', {words})"
            manage(url, "shell", "-c", queue)
            until(lambda: "invalid literal" in worker.text, seconds=30, what=worker.text)
            assert (worker.stop(), server.stop()) == (0, 0)
            everything = server.text + worker.text

    lines = [json.loads(line) for line in everything.splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    assert any(line.get("request_id") == "edge-20" for line in lines)
    for secret in ("987654", "482913", TOKEN, "tests-only"):
        assert secret not in everything, secret


@pytest.mark.django_db
def test_a_call_that_fails_is_told_with_its_account_and_operation(acme: Any, written: Written) -> None:
    account = factories.account(acme, "commbox", base_url="http://127.0.0.1:1")
    opted = factories.opted_in(factories.number(), acme)
    assert opted

    factories.run(factories.check_run(account, factories.number()), seconds=1)

    line = next(json.loads(line) for line in written.lines if '"providers.http"' in line)
    assert (line["account"], line["operation"]) == (account.name, "check_contacts")
    assert line["run"] > 0 and "7400" not in json.dumps(line)
