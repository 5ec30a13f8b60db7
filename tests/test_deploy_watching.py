"""The dashboard and the alerts that are shipped: they can be read, and name only what there is."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.test_docs import anchors
from waadmin import BASE_DIR
from waadmin.metrics import views

pytestmark = pytest.mark.django_db
DASHBOARD = BASE_DIR / "deploy" / "grafana" / "waadmin.json"
ALERTS = BASE_DIR / "deploy" / "prometheus" / "alerts.yml"
#: What Prometheus and its blackbox exporter say themselves.
NOT_OURS = {"up", "probe_success"}
#: What is left of a query without names of metrics, labels and text.
KNOWN_WORDS = {
    "max", "sum", "by", "without", "and", "or", "rate", "avg_over_time", "histogram_quantile", "instance", "account",
    "result", "reason", "state", "kind", "outcome", "http", "le", "operation", "action", "job", "m", "d",
}  # fmt: skip


def exposed() -> dict[str, str]:
    """Give the name of every metric that there is, with its type; those without a value too."""
    text = views.exposition(datetime.now(UTC)).decode()
    families = {family.name: family.type for family in text_string_to_metric_families(text)}
    return {f"{name}_total" if kind == "counter" else name: kind for name, kind in families.items()}


def queries() -> Iterator[tuple[str, str]]:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield f"dashboard: {panel['title']}", target["expr"]
    for rule in rules():
        yield f"alert: {rule['alert']}", rule["expr"]


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def test_every_query_names_only_metrics_that_exist() -> None:
    known = exposed()
    for where, query in queries():
        plain = re.sub(r'"[^"]*"', "", query)
        words = set(re.findall(r"[A-Za-z_][A-Za-z_0-9]*", plain))
        named = {word for word in words if word.startswith("waadmin_")} | (words & NOT_OURS)

        assert named, where
        assert named <= known.keys() | NOT_OURS, where
        assert words - named <= KNOWN_WORDS, where
        assert plain.count("(") == plain.count(")") and plain.count("{") == plain.count("}"), where


def test_only_the_counter_is_read_as_one() -> None:
    counters = {name for name, kind in exposed().items() if kind == "counter"}
    for where, query in queries():
        assert set(re.findall(r"\brate\((\w+)", query)) <= counters, where


def test_every_metric_is_on_the_dashboard_or_in_an_alert_and_documented() -> None:
    shown = " ".join(query for _where, query in queries())
    documented = (BASE_DIR / "docs" / "operations.md").read_text(encoding="utf-8")
    for name in exposed():
        assert re.search(rf"\b{name}\b", shown), name
        assert f"`{name}" in documented, name


def test_the_dashboard_has_panels_that_do_not_cover_each_other() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids)) and dashboard["uid"] == "waadmin"
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (column, line)
            for column in range(place["x"], place["x"] + place["w"])
            for line in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells, panel["title"]
        taken |= cells


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_every_alert_says_how_long_how_grave_and_what_to_do(rule: dict[str, Any]) -> None:
    page, _sign, anchor = rule["annotations"]["runbook"].partition("#")

    assert re.fullmatch(r"\d+[mh]", rule["for"]) and rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["summary"].rstrip().endswith(".")
    assert anchor and anchor in anchors(BASE_DIR / page)


def test_every_runbook_is_the_one_of_an_alert() -> None:
    text = (BASE_DIR / "docs" / "operations.md").read_text(encoding="utf-8")
    part = text.partition("\n### What to do when an alert comes\n")[2].partition("\n## ")[0]
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#### (.+)$", part, re.MULTILINE)}

    assert headings == {rule["annotations"]["runbook"].partition("#")[2] for rule in rules()}
