"""One metric with all of its rows: names that begin with waadmin_, labels and values."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

#: What `last_5m` in a name means.
RECENT = timedelta(minutes=5)

Row = tuple[tuple[str, ...], float]


def gauge(name: str, help_text: str, value: float | None) -> Metric:
    """Make a gauge of one value, or of none where nothing is known."""
    return gauges(name, help_text, (), [] if value is None else [((), value)])


def gauges(name: str, help_text: str, labels: tuple[str, ...], rows: Iterable[Row]) -> Metric:
    """Make a gauge with a value for each of its labels' values."""
    family = GaugeMetricFamily(f"waadmin_{name}", help_text, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def counter(name: str, help_text: str, value: float) -> Metric:
    """Make a counter: a value that never falls."""
    return CounterMetricFamily(f"waadmin_{name}", help_text, value=value)


def seconds_since(moment: datetime | None, now: datetime) -> float | None:
    """Give the age of a moment in seconds, never below nought; None where there is none."""
    return None if moment is None else max(0.0, (now - moment).total_seconds())
