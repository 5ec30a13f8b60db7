"""Addresses: webhooks and probes first, the console at the root."""

from django.contrib import admin
from django.urls import include, path

from waadmin import probes
from waadmin.metrics.views import metrics

urlpatterns = [
    path("webhooks/", include("webhooks.urls")),
    path("livez", probes.livez, name="livez"),
    path("readyz", probes.readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("", admin.site.urls),
]

handler403 = "waadmin.refused.not_allowed"
handler404 = "waadmin.refused.not_found"
