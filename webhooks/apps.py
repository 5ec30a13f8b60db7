"""The webhooks app: says what it keeps of people, so that an erasure finds it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WebhooksConfig(AppConfig):
    """Wires the front door."""

    name = "webhooks"
    verbose_name = _("Webhooks")

    def ready(self) -> None:
        """Let an erasure look through stored bodies; say whose webhooks are whose."""
        from contacts.erasure import finishing
        from webhooks import erasing, reach

        finishing.register("webhooks", erasing.forget_bodies)
        reach.register_all()
