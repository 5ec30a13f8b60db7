"""The admin site: Django's stock admin under our name."""

from django.contrib.admin import AdminSite
from django.utils.translation import gettext_lazy as _


class WaadminSite(AdminSite):
    """Django's admin with our titles."""

    site_title = _("waadmin")
    site_header = _("waadmin")
    index_title = _("Home")
    enable_nav_sidebar = True
