"""Addresses of the front door."""

from django.urls import path

from webhooks import onprem

app_name = "webhooks"
urlpatterns = [
    path("onprem/<uuid:account_uuid>/<str:token>/", onprem.view, name="onprem"),
]
