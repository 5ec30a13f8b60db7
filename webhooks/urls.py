"""Addresses of the front door."""

from django.urls import path

from webhooks import meta, onprem

app_name = "webhooks"
urlpatterns = [
    path("meta/", meta.view, name="meta"),
    path("onprem/<uuid:account_uuid>/<str:token>/", onprem.view, name="onprem"),
]
