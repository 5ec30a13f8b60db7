"""`/metrics`: for whoever has the token."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from waadmin.metrics import checking, installation, traffic


@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Give the metrics: 404 without METRICS_TOKEN, 401 for another one, 503 while the database does not answer."""
    if not settings.METRICS_TOKEN:
        return HttpResponse(status=404)
    answer: HttpResponse = _metrics(request)
    return answer


@require_safe
@sensitive_variables()
def _metrics(request: HttpRequest) -> HttpResponse:
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token.strip(), settings.METRICS_TOKEN):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    try:
        text = exposition(datetime.now(UTC))
    except DatabaseError:
        return HttpResponse(status=503)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def exposition(now: datetime) -> bytes:
    """Give everything in Prometheus' text format, as it stands now."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Everything(now))
    return generate_latest(registry)


class _Everything(Collector):
    def __init__(self, now: datetime) -> None:
        self._now = now

    def collect(self) -> Iterable[Metric]:
        for part in (checking, traffic, installation):
            yield from part.collect(self._now)
