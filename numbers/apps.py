"""The app of our own side: WABAs and business phone numbers."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from waadmin import BASE_DIR


class NumbersConfig(AppConfig):
    """Wires the app; its path is given because the folder is grafted on the standard library's module."""

    name = "numbers"
    verbose_name = _("Numbers")
    path = str(BASE_DIR / "numbers")

    def ready(self) -> None:
        """Say whose numbers are whose."""
        from numbers import reach

        reach.register_all()
