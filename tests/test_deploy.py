"""The files of deploy/ fit the program: they can be read, and what they name exists."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands, load_command_class

from contacts.consent import uploads
from tests.test_docs import settings_from_the_environment
from waadmin import BASE_DIR
from waadmin.management.commands import serve
from waadmin.watchdog import LEAVE_SECONDS
from webhooks import body

DEPLOY = BASE_DIR / "deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
NGINX = (DEPLOY / "nginx" / "waadmin.conf").read_text(encoding="utf-8")
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
#: What others than waadmin read.
NOT_OURS = {
    "PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "TMPDIR", "BASE", "COMPOSE_PROFILES",
    "POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD_FILE",
}  # fmt: skip


def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return read


def options(unit: Path) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE))


def seconds(text: str) -> int:
    return int(re.fullmatch(r"(\d+)s?", text)[1])  # type: ignore[index]


def parses(arguments: list[str]) -> None:
    """Have the command's own parser read its arguments."""
    name = arguments[0]
    load_command_class(get_commands()[name], name).create_parser("manage.py", name).parse_args(arguments[1:])


def test_every_setting_that_a_file_names_is_one() -> None:
    texts = [CONTAINERFILE, NGINX, (DEPLOY / "compose.yaml").read_text("utf-8"), *(u.read_text("utf-8") for u in UNITS)]
    named = {
        name
        for text in texts
        for line in text.splitlines()
        for name in re.findall(r"\b([A-Z][A-Z_]{2,})(?:=|: )", line.replace("HEALTHCHECK", ""))
    }

    assert {"ERASURE_JOURNAL", "REDIS_URL", "SECURE_PROXY"} <= named
    assert named - NOT_OURS <= settings_from_the_environment()


def test_every_service_of_compose_runs_a_command_that_exists() -> None:
    services = compose()["services"]

    for name in ("migrate", "web", "worker"):
        parses(services[name]["command"])
    assert re.search(r"manage\.py backup ", services["backup"]["entrypoint"][2])
    parses(["backup", "/var/backups/waadmin/one"])
    for service in services.values():
        for other in service.get("depends_on", {}):
            assert other in services
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in compose()["volumes"]
        # Nothing but pinned versions, and no host of a registry.
        assert re.fullmatch(r"[a-z]+:[\w.-]+", service["image"])


def test_stopping_waits_as_long_as_what_is_under_way_may_take() -> None:
    services = compose()["services"]
    web, worker = serve._KILL_TIMEOUT, LEAVE_SECONDS

    assert seconds(services["web"]["stop_grace_period"]) > web
    assert seconds(services["worker"]["stop_grace_period"]) > worker
    for name, takes in (("waadmin-web.service", web), ("waadmin-worker.service", worker)):
        unit = options(DEPLOY / "systemd" / name)
        assert seconds(unit["TimeoutStopSec"]) > takes and unit["KillMode"] == "mixed"


def test_the_port_is_the_same_everywhere() -> None:
    web = compose()["services"]["web"]
    port = web["command"][web["command"].index("--port") + 1]

    assert web["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f"EXPOSE {port}" in CONTAINERFILE and f"127.0.0.1:{port}/readyz" in CONTAINERFILE
    assert f"server 127.0.0.1:{port};" in NGINX
    assert f"--port {port} " in (DEPLOY / "systemd" / "waadmin-web.service").read_text(encoding="utf-8")


def test_the_image_has_no_root_hashed_packages_and_files_that_exist() -> None:
    assert re.search(r"^USER waadmin$", CONTAINERFILE, re.MULTILINE)
    assert CONTAINERFILE.index("USER waadmin") < CONTAINERFILE.index("ENTRYPOINT")
    assert "--require-hashes" in CONTAINERFILE
    assert re.search(r"^ARG BASE=python:3\.11-slim", CONTAINERFILE, re.MULTILINE)
    for name in re.findall(r"^!(\S+)$", (BASE_DIR / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE):
        assert (BASE_DIR / name).exists(), name
    kept = set(re.findall(r"^!(\S+)$", (BASE_DIR / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
    packages = {path.parent.name for path in BASE_DIR.glob("*/apps.py")} | {"sandbox", "templates", "docs"}
    assert packages <= kept, "what the program needs is in the image"
    assert ".env" not in kept and "tests" not in kept


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_every_unit_runs_a_command_that_exists_as_nobody_special(unit: Path) -> None:
    text, said = unit.read_text(encoding="utf-8"), options(unit)

    (line,) = re.findall(r"manage\.py (.*)$", text, re.MULTILINE)
    parses(re.sub(r'"[^"]*"', "/tmp/x", line.rstrip("'")).split())
    assert said["User"] == "waadmin" and said["EnvironmentFile"] and said["StateDirectory"]
    for name, value in (
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("PrivateTmp", "yes"),
        ("CapabilityBoundingSet", ""),
        ("UMask", "0077"),
    ):
        assert said[name] == value, name


def test_every_timer_has_its_service() -> None:
    timers = [unit for unit in UNITS if unit.suffix == ".timer"]

    assert len(timers) == 2
    assert all(timer.with_suffix(".service").exists() for timer in timers)


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    for unit in UNITS:
        # It looks whether the program is there, and here it is elsewhere.
        text = unit.read_text(encoding="utf-8").replace("/srv/waadmin/.venv/bin/python", sys.executable)
        (tmp_path / unit.name).write_text(text, encoding="utf-8")

    done = subprocess.run(
        [program, "verify", "--man=no", *sorted(str(path) for path in tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    ours = [line for line in done.stderr.splitlines() if "waadmin" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


def test_nginx_passes_what_the_program_takes_and_no_more() -> None:
    (webhooks,) = re.findall(r"location /webhooks/ \{\s+client_max_body_size (\d+)m;", NGINX)
    assert int(webhooks) * 1024 * 1024 == body.LARGEST_BODY
    general = int(re.findall(r"^    client_max_body_size (\d+)m;", NGINX, re.MULTILINE)[0])
    assert uploads.LARGEST < general * 1024 * 1024 < 2 * uploads.LARGEST
    for header in (
        "Host              $host",
        "X-Forwarded-Proto https",
        "X-Forwarded-For   $proxy_add_x_forwarded_for",
    ):
        assert f"proxy_set_header {header};" in NGINX
    assert "limit_req zone=waadmin_sign_in" in NGINX[NGINX.index("location = /login/") :]


def test_nginx_logs_no_query_and_no_path_of_a_webhook() -> None:
    (log_format,) = re.findall(r"log_format waadmin (.*?);", NGINX, re.DOTALL)

    assert not re.findall(r"\$(request\b|request_uri|args|query_string|uri|http_referer)", log_format)
    assert re.search(r"map \$uri \$waadmin_path \{\s+~\^/webhooks/ ", NGINX)
    assert set(re.findall(r"access_log\s+(\S+(?: \w+)?);", NGINX)) == {"off", "/var/log/nginx/waadmin.log waadmin"}


def test_nginx_reads_the_example(tmp_path: Path) -> None:
    program, openssl = shutil.which("nginx"), shutil.which("openssl")
    if program is None or openssl is None:
        pytest.skip("nginx or openssl is not installed")
    key, certificate = tmp_path / "privkey.pem", tmp_path / "fullchain.pem"
    request = f"req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=waadmin -keyout {key} -out {certificate}"
    subprocess.run([openssl, *request.split()], check=True, capture_output=True)
    text = NGINX.replace("/etc/ssl/waadmin", str(tmp_path)).replace("/var/log/nginx", str(tmp_path))
    whole = f"pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}} http {{ {text} }}"
    (tmp_path / "nginx.conf").write_text(whole, encoding="utf-8")

    done = subprocess.run(
        [program, "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
