"""Addresses: the console at the root, webhooks beside it."""

from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("", admin.site.urls),
]
