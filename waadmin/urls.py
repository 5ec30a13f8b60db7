"""Addresses: webhooks first, the console at the root."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("webhooks/", include("webhooks.urls")),
    path("", admin.site.urls),
]
